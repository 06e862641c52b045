// E-mail addresses: one a user, kept as it is written, found in small letters once its owner has
// shown that it is theirs.
//
//   none ── set ──▶ not confirmed ── link ──▶ confirmed ── set another ──▶ confirmed, one pending
//                                                 ▲──────────── its link ───────────┘
//
// An address that is confirmed stays until the next one is, so that a slip of the finger takes
// nobody's account away. That somebody else has an address is told only to whoever reads its
// mailbox: when it is confirmed, not when it is set.

import { EMAIL_SIZE_MAX } from './limits.ts'
import { demandMailToken, dropTokens, hasMailLeft, pendingEmail } from './mail-tokens.ts'
import { sendMail, sendToken } from './mail-tokens.ts'
import { Refusal } from './refusal.ts'
import { users } from './schema.ts'
import { demandFreshLogIn } from './proof.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'
import type { MailToken } from './mail-tokens.ts'

export interface EmailChange extends MailToken {
  readonly user: number
  /** 0 when the password was right; else the log-in that must be fresh. */
  readonly session: number
  /** '' for none from now on. */
  readonly email: string
}

export interface EmailState {
  /** '' for none. */
  readonly email: string
  readonly isConfirmed: boolean
  /** Another one that waits for its link to be followed; '' for none. */
  readonly pending: string
}

/** Nothing that a header of a mail would take for more than a name. */
const LOCAL_PATTERN = /^[^\s\p{Cc}@<>()[\]\\,;:"]{1,64}$/u
const LABEL_PATTERN = /^[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?$/u

/**
 * Sets the address, and has a mail sent to it. Refuses with USER_NOT_FOUND, LOG_IN_STALE,
 * EMAIL_INVALID, MAILS_TOO_MANY.
 */
export function changeEmail(tx: Transaction, input: EmailChange): void {
  const { user, session, token, tokenHash } = input
  demandFreshLogIn(tx, user, session)
  const before = tx.get(users, user)!
  if (input.email === '') {
    removeEmail(tx, user, before.emailConfirmedAt === 0 ? '' : before.email)
    return
  }
  const email = fitEmail(input.email)
  if (before.emailConfirmedAt !== 0 && email === before.email) {
    // What was pending is not wanted any more.
    dropTokens(tx, user, 'confirm-email')
    return
  }
  if (!hasMailLeft(tx, user, 'confirm-email', tx.now)) throw new Refusal('MAILS_TOO_MANY')
  if (before.emailConfirmedAt === 0) tx.update(users, user, { email })
  sendToken(tx, { user, purpose: 'confirm-email', email, token, tokenHash })
}

/** Returns the user. Refuses with MAIL_TOKEN_INVALID, EMAIL_TAKEN. */
export function confirmEmail(tx: Transaction, { tokenHash }: { tokenHash: string }): number {
  const { user, email } = demandMailToken(tx, tokenHash, 'confirm-email', tx.now)
  if (email !== pendingEmail(tx, user, 'confirm-email', tx.now)) {
    throw new Refusal('MAIL_TOKEN_INVALID')
  }
  const other = userOfEmail(tx, email)
  if (other !== 0 && other !== user) throw new Refusal('EMAIL_TAKEN')
  const before = tx.get(users, user)!
  if (before.emailConfirmedAt !== 0) {
    sendMail(tx, { user, template: 'email-changed', to: before.email })
  }
  dropTokens(tx, user, 'confirm-email')
  tx.update(users, user, { email, emailKey: keyOf(email), emailConfirmedAt: tx.now })
  return user
}

/** As it is kept. Refuses with EMAIL_INVALID. */
export function fitEmail(given: string): string {
  const email = given.length > EMAIL_SIZE_MAX ? '' : given.toWellFormed().normalize('NFC').trim()
  if (!isEmail(email)) throw new Refusal('EMAIL_INVALID')
  return email
}

/** The user who has confirmed that address, in any case of its letters; 0 when there is none. */
export function userOfEmail(view: View, email: string): number {
  if (email === '' || email.length > EMAIL_SIZE_MAX) return 0
  return view.find(users.indexes.byEmail, keyOf(email.normalize('NFC')))
}

/**
 * Part of a transaction that makes a user: the fields of an address that somebody vouches for whom
 * the operator trusts. None where it is no address, or leads to somebody else.
 */
export function vouchedEmail(
  tx: Transaction,
  given: string,
): { readonly email?: string; readonly emailKey?: string; readonly emailConfirmedAt?: number } {
  const email = given.length > EMAIL_SIZE_MAX ? '' : given.toWellFormed().normalize('NFC').trim()
  if (!isEmail(email) || userOfEmail(tx, email) !== 0) return {}
  return { email, emailKey: keyOf(email), emailConfirmedAt: tx.now }
}

export function emailStateOf(view: View, user: number, now: number): EmailState {
  const row = view.get(users, user)
  const email = row?.email ?? ''
  const isConfirmed = (row?.emailConfirmedAt ?? 0) !== 0
  const pending = pendingEmail(view, user, 'confirm-email', now)
  return { email, isConfirmed, pending: pending === email ? '' : pending }
}

function removeEmail(tx: Transaction, user: number, confirmed: string): void {
  if (confirmed !== '') sendMail(tx, { user, template: 'email-removed', to: confirmed })
  dropTokens(tx, user, 'confirm-email')
  tx.update(users, user, { email: '', emailKey: '', emailConfirmedAt: 0 })
}

function isEmail(text: string): boolean {
  const [local = '', domain = '', ...more] = text.split('@')
  return (
    Buffer.byteLength(text) <= EMAIL_SIZE_MAX &&
    Buffer.byteLength(keyOf(text)) <= EMAIL_SIZE_MAX &&
    more.length === 0 &&
    LOCAL_PATTERN.test(local) &&
    domain.split('.').every((label) => LABEL_PATTERN.test(label))
  )
}

function keyOf(email: string): string {
  return email.toLowerCase()
}
