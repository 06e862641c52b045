// Sessions: who holds which token. The token itself never comes here, only its hash; ending a
// session removes the row, and the token is worth nothing from the next read on.
//
//   KIND     BEGUN BY                    MAY DO             ENDS
//   log-in   a password, a sign-up …     everything         a while after it was last used
//   access   its user, for a program     what its scopes    when it was said that it would, or
//                                        say                never
//
// A log-in that is used goes on: `seenAt` and `expiresAt` move at most once a day. Somebody who is
// suspended or deleted has tokens that are worth nothing, as long as that lasts.

import { instanceSettings } from './instance-settings.ts'
import { ACCESS_TOKEN_COUNT_MAX, SESSION_COUNT_MAX, TEXT_LIMITS } from './limits.ts'
import { Refusal } from './refusal.ts'
import { sessions, users } from './schema.ts'
import { demandSecondFactor } from './second-factor-codes.ts'
import { fitText } from './text.ts'
import { roleOf } from './users.ts'
import { isActive } from './visibility.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'
import type { Role } from './users.ts'

/** By their number in the column `kind`: never reordered. */
export const SESSION_KINDS = ['log-in', 'access'] as const
export type SessionKind = (typeof SESSION_KINDS)[number]

/**
 * What an access token may do: look; change what its user makes; change the account itself (its
 * password, tokens, addresses, end); what moderators do; what admins do. The last two need the
 * role, too.
 */
export const SCOPES = ['read', 'write', 'account', 'moderate', 'admin'] as const
export type Scope = (typeof SCOPES)[number]

export interface LogIn {
  readonly user: number
  readonly tokenHash: string
  /** The browser as it calls itself. */
  readonly name?: string
  /** Of the second factor, or a recovery code. */
  readonly code?: string | undefined
}

export interface NewAccessToken {
  readonly user: number
  readonly tokenHash: string
  readonly name: string
  readonly scopes: readonly Scope[]
  /** Undefined: it is good until it is deleted. */
  readonly expiresInMs?: number | undefined
}

/** Who comes with a token. */
export interface Bearer {
  readonly user: number
  readonly session: number
  readonly role: Role
  /** Of an access token; a log-in has none, and may do everything. */
  readonly scopes: readonly Scope[] | undefined
  /** Whether it is time for `seeSession`. */
  readonly isSeenAnew: boolean
}

const DAY_MS = 24 * 60 * 60 * 1000
/** Characters of a browser's name that are kept; four bytes each at worst. */
const NAME_COUNT_MAX = 100
/** More than all sessions of a user together. */
const ALL = SESSION_COUNT_MAX + ACCESS_TOKEN_COUNT_MAX + 10

/**
 * Starts a session and returns its id. Refuses with USER_NOT_FOUND, ACCOUNT_SUSPENDED,
 * SECOND_FACTOR_NEEDED, SECOND_FACTOR_WRONG.
 */
export function logIn(tx: Transaction, { user, tokenHash, name = '', code }: LogIn): number {
  demandActive(tx, user)
  const use = demandSecondFactor(tx, user, code)
  if (use !== undefined) tx.update(users, user, use)
  const known = sessionsOf(tx, user, 'log-in')
  const over = known.filter((session) => isOver(tx, session, tx.now))
  const left = known.filter((session) => !over.includes(session))
  if (left.length >= SESSION_COUNT_MAX) {
    over.push(left.reduce((a, b) => (seenAt(tx, b) < seenAt(tx, a) ? b : a)))
  }
  for (const session of over) tx.remove(sessions, session)
  return startSession(tx, { user, tokenHash, name })
}

/** Part of a transaction that lets somebody in. Returns the session's id. */
export function startSession(tx: Transaction, { user, tokenHash, name = '' }: LogIn): number {
  return tx.insert(sessions, {
    user,
    tokenHash,
    createdAt: tx.now,
    seenAt: tx.now,
    expiresAt: tx.now + instanceSettings(tx).sessionDays * DAY_MS,
    name: fitName(name),
  })
}

/** Notes that a session is in use. One that has ended meanwhile stays so. */
export function seeSession(tx: Transaction, { session }: { session: number }): void {
  if (!tx.has(sessions, session) || !isSeenAnew(tx, session, tx.now)) return
  const isLogIn = kindOf(tx, session) === 'log-in'
  const expiresAt = tx.now + instanceSettings(tx).sessionDays * DAY_MS
  tx.update(sessions, session, { seenAt: tx.now, ...(isLogIn ? { expiresAt } : {}) })
}

/** Ends a session of whatever kind. Refuses with SESSION_NOT_FOUND. */
export function logOut(tx: Transaction, { session }: { session: number }): void {
  if (!tx.has(sessions, session)) throw new Refusal('SESSION_NOT_FOUND')
  tx.remove(sessions, session)
}

/** Ends a log-in of the user. Refuses with SESSION_NOT_FOUND. */
export function endLogIn(tx: Transaction, input: { user: number; session: number }): void {
  if (!isOfUser(tx, input.session, input.user, 'log-in')) throw new Refusal('SESSION_NOT_FOUND')
  tx.remove(sessions, input.session)
}

/** Ends all log-ins of the user but the session that asks. */
export function endOtherLogIns(tx: Transaction, input: { user: number; session: number }): void {
  endSessions(tx, input.user, 'log-in', input.session)
}

/** Part of what ends sessions; `except` goes on. */
export function endSessions(tx: Transaction, user: number, kind: SessionKind, except = 0): void {
  for (const session of sessionsOf(tx, user, kind)) {
    if (session !== except) tx.remove(sessions, session)
  }
}

/**
 * Returns the session's id. Refuses with USER_NOT_FOUND, ACCOUNT_SUSPENDED, TOKENS_TOO_MANY,
 * TEXT_….
 */
export function createAccessToken(tx: Transaction, input: NewAccessToken): number {
  const { user, tokenHash, scopes, expiresInMs } = input
  demandActive(tx, user)
  const name = fitText(input.name, TEXT_LIMITS.token)
  const known = sessionsOf(tx, user, 'access')
  const over = known.filter((session) => isOver(tx, session, tx.now))
  const count = known.length - over.length
  if (count >= ACCESS_TOKEN_COUNT_MAX) {
    const sentence = `You have ${count} access tokens; ${ACCESS_TOKEN_COUNT_MAX} is the most.`
    throw new Refusal('TOKENS_TOO_MANY', sentence)
  }
  for (const session of over) tx.remove(sessions, session)
  return tx.insert(sessions, {
    user,
    tokenHash,
    name,
    kind: SESSION_KINDS.indexOf('access'),
    createdAt: tx.now,
    seenAt: tx.now,
    expiresAt: expiresInMs === undefined ? 0 : tx.now + expiresInMs,
    scopes: SCOPES.filter((scope) => scopes.includes(scope)),
  })
}

/** Refuses with TOKEN_NOT_FOUND. */
export function removeAccessToken(tx: Transaction, input: { user: number; token: number }): void {
  if (!isOfUser(tx, input.token, input.user, 'access')) throw new Refusal('TOKEN_NOT_FOUND')
  tx.remove(sessions, input.token)
}

/** Who comes with the token of that hash; undefined when it is worth nothing. */
export function bearerOf(view: View, tokenHash: string, now: number): Bearer | undefined {
  const session = view.find(sessions.indexes.byTokenHash, tokenHash)
  if (session === 0 || isOver(view, session, now)) return undefined
  const user = view.value(sessions, session, 'user')
  if (!isActive(view, user)) return undefined
  const isAccess = kindOf(view, session) === 'access'
  return {
    user,
    session,
    role: roleOf(view, user),
    scopes: isAccess ? ((view.get(sessions, session)?.scopes ?? []) as Scope[]) : undefined,
    isSeenAnew: isSeenAnew(view, session, now),
  }
}

/** Sessions of one kind, newest first; `now` leaves out those that are over by then. */
export function sessionsOf(view: View, user: number, kind: SessionKind, now?: number): number[] {
  return view
    .newest(sessions.indexes.byUser, user, ALL)
    .filter((session) => kindOf(view, session) === kind)
    .filter((session) => now === undefined || !isOver(view, session, now))
}

/** Whether somebody may log in. Refuses with USER_NOT_FOUND, ACCOUNT_SUSPENDED. */
export function demandActive(view: View, user: number): void {
  if (isActive(view, user)) return
  const row = view.get(users, user)
  if (row === undefined || row.deletedAt !== 0) throw new Refusal('USER_NOT_FOUND')
  const reason = row.suspension === '' ? undefined : `This account is suspended: ${row.suspension}`
  throw new Refusal('ACCOUNT_SUSPENDED', reason)
}

function kindOf(view: View, session: number): SessionKind {
  return SESSION_KINDS[view.value(sessions, session, 'kind')] ?? 'log-in'
}

function seenAt(view: View, session: number): number {
  return view.value(sessions, session, 'seenAt')
}

function isSeenAnew(view: View, session: number, now: number): boolean {
  return now - seenAt(view, session) >= DAY_MS
}

function isOver(view: View, session: number, now: number): boolean {
  const expiresAt = view.value(sessions, session, 'expiresAt')
  return expiresAt !== 0 && expiresAt <= now
}

function isOfUser(view: View, session: number, user: number, kind: SessionKind): boolean {
  return view.value(sessions, session, 'user') === user && kindOf(view, session) === kind
}

/** What a browser says of itself, as far as it is fit to be shown. */
function fitName(name: string): string {
  const visible = name
    .toWellFormed()
    .replaceAll(/\p{Cc}/gu, ' ')
    .trim()
  return Array.from(visible.slice(0, NAME_COUNT_MAX * 2))
    .slice(0, NAME_COUNT_MAX)
    .join('')
}
