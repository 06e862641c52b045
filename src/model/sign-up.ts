// Signing up: how an account comes about, and who may have one.
//
//   HOW                                MODE open   invite        closed
//   without an invite                  yes         INVITE_NEEDED SIGN_UP_CLOSED
//   with an invite that is good        yes         yes           SIGN_UP_CLOSED
//   with the code of the first start   yes         yes           yes; makes the first admin
//   by the operator                    yes         yes           yes
//
// The code of the first start is not in the store: who hands `isSetup` in has compared it. It is
// good as long as there is no admin.

import { demandAllowedTerms } from './blocked-terms.ts'
import { fitEmail } from './emails.ts'
import { instanceSettings } from './instance-settings.ts'
import { countInvite, demandInvite } from './invites.ts'
import { TEXT_LIMITS } from './limits.ts'
import { sendToken } from './mail-tokens.ts'
import { Refusal } from './refusal.ts'
import { users } from './schema.ts'
import { startSession } from './sessions.ts'
import { fitText } from './text.ts'
import { ROLES, demandHandle, roleOf } from './users.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'
import type { MailToken } from './mail-tokens.ts'
import type { Role } from './users.ts'

/** With what somebody asks for an account. */
export interface Admission {
  /** Hash of an invite's code. */
  readonly inviteHash?: string | undefined
  /** Whether it is the code that the server has printed at its first start. */
  readonly isSetup?: boolean | undefined
}

export interface SignUp extends Admission {
  readonly handle: string
  readonly name: string
  /** PHC string of the password. */
  readonly passwordHash: string
  /** Of the first session's token. */
  readonly tokenHash: string
  /** The browser as it calls itself. */
  readonly sessionName?: string
  /** Needs `mailToken`. */
  readonly email?: string | undefined
  readonly mailToken?: MailToken | undefined
}

export interface NewUser {
  readonly handle: string
  readonly passwordHash: string
  readonly role: Role
}

/** So many of the first users are looked at for an admin. */
const FIRST_USER_COUNT = 10_000

/**
 * Creates a user with a first session, and returns the user's id. Refuses with SIGN_UP_CLOSED,
 * INVITE_NEEDED, INVITE_INVALID, HANDLE_INVALID, HANDLE_TAKEN, TEXT_…, TERM_BLOCKED, EMAIL_INVALID.
 */
export function signUp(tx: Transaction, input: SignUp): number {
  const { handle, passwordHash, tokenHash, sessionName, mailToken, isSetup = false } = input
  const invite = demandAdmission(tx, input, tx.now)
  demandHandle(tx, handle)
  const name = fitText(input.name, TEXT_LIMITS.name)
  demandAllowedTerms(tx, name)
  const email = input.email === undefined || input.email === '' ? '' : fitEmail(input.email)
  const role = ROLES.indexOf(isSetup ? 'admin' : 'user')
  const user = insertUser(tx, { handle, name, passwordHash, email, role })
  if (invite !== 0) countInvite(tx, invite)
  startSession(tx, { user, tokenHash, ...(sessionName === undefined ? {} : { name: sessionName }) })
  if (email !== '' && mailToken !== undefined) {
    sendToken(tx, { user, purpose: 'confirm-email', email, ...mailToken })
  }
  return user
}

/** By the operator. Returns the user's id. Refuses with HANDLE_INVALID, HANDLE_TAKEN. */
export function createUser(tx: Transaction, { handle, passwordHash, role }: NewUser): number {
  demandHandle(tx, handle)
  return insertUser(tx, { handle, passwordHash, role: ROLES.indexOf(role) })
}

/**
 * The invite that lets somebody sign up, 0 where it takes none. Refuses with SIGN_UP_CLOSED,
 * INVITE_NEEDED, INVITE_INVALID.
 */
export function demandAdmission(view: View, admission: Admission, now: number): number {
  const { inviteHash, isSetup = false } = admission
  if (isSetup) {
    if (hasAdmin(view)) throw new Refusal('INVITE_INVALID')
    return 0
  }
  const { signUp: mode } = instanceSettings(view)
  if (mode === 'closed') throw new Refusal('SIGN_UP_CLOSED')
  if (inviteHash !== undefined) return demandInvite(view, inviteHash, now)
  if (mode === 'invite') throw new Refusal('INVITE_NEEDED')
  return 0
}

/** Whether nobody has ever had an account here. */
export function isFresh(view: View): boolean {
  return view.lastId(users) === 0
}

/** What is old has had one, perhaps: nothing that has so many users is at its first start. */
function hasAdmin(view: View): boolean {
  const lastId = view.lastId(users)
  if (lastId > FIRST_USER_COUNT) return true
  for (let user = 1; user <= lastId; user++) if (roleOf(view, user) === 'admin') return true
  return false
}

/** Part of whatever makes a user; who may have an account, and the handle, come before. */
export function insertUser(
  tx: Transaction,
  values: { handle: string; passwordHash: string; role: number; name?: string; email?: string },
): number {
  const handleKey = values.handle.toLowerCase()
  return tx.insert(users, { ...values, handleKey, createdAt: tx.now })
}
