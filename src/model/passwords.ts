// Passwords in the store: what changing and resetting one ends besides.
//
//   HOW                             LOG-INS              ACCESS TOKENS   SECOND FACTOR
//   changed, by who knows it        all but this one     stay            stays
//   reset by a link in a mail       all                  all             stays
//   set by the operator             all                  all             stays
//
// Who resets a password has lost hold of the account, perhaps to somebody else: whatever that one
// has made goes. Hashes come from outside; no password is ever seen here.
//
// A reset that is asked for nobody does the same work, so neither its answer nor its time tells who
// has an account.

import { userOfEmail } from './emails.ts'
import { demandMailToken, dropTokens, hasMailLeft, sendToken, warnByMail } from './mail-tokens.ts'
import { Refusal } from './refusal.ts'
import { mailTokens, users } from './schema.ts'
import { demandFreshLogIn } from './proof.ts'
import { endSessions } from './sessions.ts'
import { userOfHandle } from './users.ts'
import { isActive } from './visibility.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'
import type { MailToken } from './mail-tokens.ts'

export interface PasswordChange {
  readonly user: number
  /** 0 when the password before was right; else the log-in that must be fresh. */
  readonly session: number
  /** The one that asks, and goes on. */
  readonly current: number
  /** PHC string. */
  readonly passwordHash: string
}

/** Refuses with USER_NOT_FOUND, LOG_IN_STALE. */
export function changePassword(tx: Transaction, input: PasswordChange): void {
  const { user, session, current, passwordHash } = input
  demandFreshLogIn(tx, user, session)
  warnByMail(tx, user, 'password-changed')
  endSessions(tx, user, 'log-in', current)
  dropTokens(tx, user, 'reset-password')
  tx.update(users, user, { passwordHash })
}

/** By the operator. Refuses with USER_NOT_FOUND. */
export function setPassword(tx: Transaction, input: { user: number; passwordHash: string }): void {
  const { user, passwordHash } = input
  if (tx.value(users, user, 'createdAt') === 0 || tx.value(users, user, 'deletedAt') !== 0) {
    throw new Refusal('USER_NOT_FOUND')
  }
  warnByMail(tx, user, 'password-changed')
  replacePassword(tx, user, passwordHash)
}

/** Has a link sent to the confirmed address of whoever that is, if anybody. */
export function requestPasswordReset(
  tx: Transaction,
  input: { emailOrHandle: string } & MailToken,
): void {
  const { emailOrHandle, token, tokenHash } = input
  const user = userOfName(tx, emailOrHandle)
  const purpose = 'reset-password'
  const isWanted =
    isActive(tx, user) &&
    tx.value(users, user, 'emailConfirmedAt') !== 0 &&
    hasMailLeft(tx, user, purpose, tx.now)
  if (isWanted) {
    const { email } = tx.get(users, user)!
    sendToken(tx, { user, purpose, email, token, tokenHash })
  } else {
    // Something to sync, of which nothing is left.
    tx.remove(mailTokens, tx.insert(mailTokens, { tokenHash, createdAt: tx.now }))
  }
}

/** The user whom a link lets set a password. Refuses with MAIL_TOKEN_INVALID. */
export function demandPasswordReset(view: View, tokenHash: string, now: number): number {
  const { user, email } = demandMailToken(view, tokenHash, 'reset-password', now)
  const row = view.get(users, user)
  const isStillTheirs = row !== undefined && row.emailConfirmedAt !== 0 && row.email === email
  if (!isStillTheirs) throw new Refusal('MAIL_TOKEN_INVALID')
  return user
}

/** Refuses with MAIL_TOKEN_INVALID. */
export function resetPassword(
  tx: Transaction,
  input: { tokenHash: string; passwordHash: string },
): void {
  const { tokenHash, passwordHash } = input
  const user = demandPasswordReset(tx, tokenHash, tx.now)
  warnByMail(tx, user, 'password-changed')
  replacePassword(tx, user, passwordHash)
}

/** A user by handle, or by a confirmed address; 0 when there is none. */
export function userOfName(view: View, name: string): number {
  return name.includes('@') ? userOfEmail(view, name) : userOfHandle(view, name)
}

function replacePassword(tx: Transaction, user: number, passwordHash: string): void {
  endSessions(tx, user, 'log-in')
  endSessions(tx, user, 'access')
  dropTokens(tx, user, 'reset-password')
  tx.update(users, user, { passwordHash })
}
