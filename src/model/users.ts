// Users: handle, role, what a password has to be. A handle is unique whatever its letters' case,
// and keeps the case in which its owner wrote it. How one becomes a user is sign-up.ts's.

import { Refusal } from './refusal.ts'
import { HANDLE_PATTERN, HANDLE_SIZE_MAX, PASSWORD_SIZE_MAX, PASSWORD_SIZE_MIN } from './limits.ts'
import { users } from './schema.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'

/** By their number in the column `role`: never reordered. */
export const ROLES = ['user', 'moderator', 'admin'] as const
export type Role = (typeof ROLES)[number]

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
