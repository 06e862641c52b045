// Users: sign-up, profile, role. A handle is unique whatever its letters' case, and keeps the case
// in which its owner wrote it.

import { Refusal } from './refusal.ts'
import {
  HANDLE_PATTERN,
  HANDLE_SIZE_MAX,
  PASSWORD_SIZE_MAX,
  PASSWORD_SIZE_MIN,
  TEXT_LIMITS,
} from './limits.ts'
import { sessions, users } from './schema.ts'
import { fitText } from './text.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'

/** By their number in the column `role`: never reordered. */
export const ROLES = ['user', 'moderator', 'admin'] as const
export type Role = (typeof ROLES)[number]

export interface SignUp {
  readonly handle: string
  readonly name: string
  /** PHC string of the password. */
  readonly passwordHash: string
  /** Of the first session's token. */
  readonly tokenHash: string
}

export interface ProfileChange {
  readonly user: number
  readonly name?: string
  readonly bio?: string
}

/**
 * Creates a user with a first session, and returns the user's id. Refuses with HANDLE_INVALID,
 * HANDLE_TAKEN, TEXT_….
 */
export function signUp(tx: Transaction, input: SignUp): number {
  demandHandle(tx, input.handle)
  const { handle, passwordHash, tokenHash } = input
  const user = tx.insert(users, {
    handle,
    handleKey: handle.toLowerCase(),
    name: fitText(input.name, TEXT_LIMITS.name),
    passwordHash,
    createdAt: tx.now,
  })
  tx.insert(sessions, { user, tokenHash, createdAt: tx.now })
  return user
}

/** Refuses with USER_NOT_FOUND, TEXT_…. Fields that are left out stay as they are. */
export function updateProfile(tx: Transaction, { user, name, bio }: ProfileChange): void {
  if (!tx.has(users, user)) throw new Refusal('USER_NOT_FOUND')
  tx.update(users, user, {
    ...(name === undefined ? {} : { name: fitText(name, TEXT_LIMITS.name) }),
    ...(bio === undefined ? {} : { bio: fitText(bio, TEXT_LIMITS.bio) }),
  })
}

/** Refuses with USER_NOT_FOUND. */
export function setRole(tx: Transaction, input: { user: number; role: Role }): void {
  if (!tx.has(users, input.user)) throw new Refusal('USER_NOT_FOUND')
  tx.update(users, input.user, { role: ROLES.indexOf(input.role) })
}

/** Refuses with HANDLE_INVALID or HANDLE_TAKEN. */
export function demandHandle(view: View, handle: string): void {
  if (!HANDLE_PATTERN.test(handle)) throw new Refusal('HANDLE_INVALID')
  if (userOfHandle(view, handle) !== 0) throw new Refusal('HANDLE_TAKEN')
}

/**
 * Refuses with PASSWORD_UNFIT. Only ever called outside of a transaction: no password comes so far.
 */
export function demandPassword(password: string): void {
  if (password.length >= PASSWORD_SIZE_MIN && password.length <= PASSWORD_SIZE_MAX) return
  const bounds = `${PASSWORD_SIZE_MIN} to ${PASSWORD_SIZE_MAX} characters`
  throw new Refusal('PASSWORD_UNFIT', `A password has ${bounds}; this one has ${password.length}.`)
}

/** The user of that handle in any case, 0 when there is none. */
export function userOfHandle(view: View, handle: string): number {
  if (handle.length > HANDLE_SIZE_MAX) return 0
  return view.find(users.indexes.byHandle, handle.toLowerCase())
}

export function roleOf(view: View, user: number): Role {
  return ROLES[view.value(users, user, 'role')] ?? 'user'
}
