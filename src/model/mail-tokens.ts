// Mail tokens: what a link in a mail proves, that whoever comes with it reads that mailbox. A token
// is 32 random bytes from outside, good once and for a while; the store keeps its hash.
//
// The mail itself goes out later, by a job that is written in the same transaction. It has to hold
// the token in clear, because the mail does: whoever carries the job out clears its input then.
//
// A row is good only as long as it names the address that it was sent to (`demandMailToken`'s
// callers compare), so nobody has to look for the rows of an address that is given up.

import { enqueueJob } from './jobs.ts'
import { Refusal } from './refusal.ts'
import { mailTokens, users } from './schema.ts'
import { isActive } from './visibility.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'

/** By their number in the column `purpose`: never reordered. */
export const MAIL_PURPOSES = ['', 'confirm-email', 'reset-password'] as const
export type MailPurpose = Exclude<(typeof MAIL_PURPOSES)[number], ''>

/** A token from outside, and its hash. */
export interface MailToken {
  readonly token: string
  readonly tokenHash: string
}

export interface Confirmed {
  /** The row. */
  readonly id: number
  readonly user: number
  /** Where the mail was sent to. */
  readonly email: string
}

const HOUR_MS = 60 * 60 * 1000

/** How long a token is good, and how many a user has at a time: nobody's mailbox is flooded. */
const PURPOSES: Readonly<Record<MailPurpose, { lifeMs: number; countMax: number }>> = {
  'confirm-email': { lifeMs: 24 * HOUR_MS, countMax: 5 },
  'reset-password': { lifeMs: HOUR_MS, countMax: 3 },
}

/** More than all tokens of a user together. */
const ALL = 20

/** Whether another mail may go out now. */
export function hasMailLeft(view: View, user: number, purpose: MailPurpose, now: number): boolean {
  const good = tokensOf(view, user, purpose).filter((id) => !isOver(view, id, now))
  return good.length < PURPOSES[purpose].countMax
}

/** Part of the transaction that wants the mail; `hasMailLeft` comes before. */
export function sendToken(
  tx: Transaction,
  input: { user: number; purpose: MailPurpose; email: string } & MailToken,
): void {
  const { user, purpose, email, token, tokenHash } = input
  for (const id of tokensOf(tx, user, purpose)) {
    if (isOver(tx, id, tx.now)) tx.remove(mailTokens, id)
  }
  tx.insert(mailTokens, {
    user,
    purpose: MAIL_PURPOSES.indexOf(purpose),
    email,
    tokenHash,
    createdAt: tx.now,
    expiresAt: tx.now + PURPOSES[purpose].lifeMs,
  })
  sendMail(tx, { user, template: purpose, to: email, token })
}

/** Part of the transaction that wants the mail. */
export function sendMail(
  tx: Transaction,
  input: { user: number; template: string; to: string; token?: string },
): void {
  const { user, template, to, token } = input
  const handle = tx.get(users, user)?.handle ?? ''
  // A token stands here in clear until the mail is out.
  const secret = token === undefined ? {} : { token }
  enqueueJob(tx, { kind: 'mail', user, input: { template, to, handle, ...secret } })
}

/**
 * Part of a transaction that changes who can log in: who did it may not be who reads the mailbox.
 * Without a confirmed address nobody is told.
 */
export function warnByMail(tx: Transaction, user: number, template: string): void {
  const { email, emailConfirmedAt } = tx.get(users, user)!
  if (emailConfirmedAt !== 0) sendMail(tx, { user, template, to: email })
}

/** What the token proves. Refuses with MAIL_TOKEN_INVALID. */
export function demandMailToken(
  view: View,
  tokenHash: string,
  purpose: MailPurpose,
  now: number,
): Confirmed {
  const id = view.find(mailTokens.indexes.byTokenHash, tokenHash)
  const user = view.value(mailTokens, id, 'user')
  const isGood =
    id !== 0 &&
    view.value(mailTokens, id, 'purpose') === MAIL_PURPOSES.indexOf(purpose) &&
    !isOver(view, id, now) &&
    isActive(view, user)
  if (!isGood) throw new Refusal('MAIL_TOKEN_INVALID')
  return { id, user, email: emailOf(view, id) }
}

/** Where the newest mail of that purpose was sent to; '' when none is on its way. */
export function pendingEmail(view: View, user: number, purpose: MailPurpose, now: number): string {
  const newest = tokensOf(view, user, purpose).find((id) => !isOver(view, id, now))
  return newest === undefined ? '' : emailOf(view, newest)
}

/** Part of what makes all tokens of a purpose worthless. */
export function dropTokens(tx: Transaction, user: number, purpose: MailPurpose): void {
  for (const id of tokensOf(tx, user, purpose)) tx.remove(mailTokens, id)
}

/** Newest first. */
function tokensOf(view: View, user: number, purpose: MailPurpose): number[] {
  return view
    .newest(mailTokens.indexes.byUser, user, ALL)
    .filter((id) => view.value(mailTokens, id, 'purpose') === MAIL_PURPOSES.indexOf(purpose))
}

function emailOf(view: View, id: number): string {
  return view.get(mailTokens, id)?.email ?? ''
}

function isOver(view: View, id: number, now: number): boolean {
  return view.value(mailTokens, id, 'expiresAt') <= now
}
