// Identities: who a user is elsewhere. Whoever comes from a provider of OpenID Connect that the
// operator trusts, is the user to whom that issuer and subject belong.
//
//   THE IDENTITY IS      WHOEVER COMES WITH IT
//   somebody's           is that one, unless suspended
//   nobody's, yet        becomes a new user, as far as people may sign up (sign-up.ts)
//   to be linked         adds it to the account that has begun to
//
// An address of a mailbox links nothing: a provider that lets anybody claim one would hand out
// other people's accounts. It is only taken over, by a new user, where the provider vouches for it
// and it leads to nobody else.
//
// What the provider says becomes a grant first, which is no log-in: the second factor may still be
// asked for. A grant is good for a few minutes and once: the identity notes when the last one began
// that was used, and none that began before or then is good any more.

import { vouchedEmail } from './emails.ts'
import { countInvite } from './invites.ts'
import {
  HANDLE_PATTERN,
  HANDLE_SIZE_MAX,
  IDENTITY_COUNT_MAX,
  OIDC_GRANT_MS,
  TEXT_LIMITS,
} from './limits.ts'
import { warnByMail } from './mail-tokens.ts'
import { demandFreshLogIn } from './proof.ts'
import { demandActive, logIn } from './sessions.ts'
import { Refusal } from './refusal.ts'
import { identities, sessions, users } from './schema.ts'
import { demandAdmission, insertUser } from './sign-up.ts'
import { userOfHandle } from './users.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'
import type { Proof } from './proof.ts'
import type { Admission } from './sign-up.ts'

export interface Newcomer extends Admission {
  /** Issuer, a space, subject. */
  readonly key: string
  /** What the provider calls them; a handle is made of it. */
  readonly wish: string
  readonly name: string
  /** One that the provider vouches for; '' for none. */
  readonly email: string
  /** 5 letters and digits by chance, for a handle that many want. */
  readonly random: string
}

export interface IdentityGrant {
  readonly identity: number
  /** Milliseconds since 1970. */
  readonly grantedAt: number
}

/** Numbers that are put behind a handle that is taken, before chance decides. */
const HANDLE_NUMBER_MAX = 99
const HANDLE_ROOM = HANDLE_SIZE_MAX - 6

/**
 * The user of that identity, or a new one. Refuses with ACCOUNT_SUSPENDED, SIGN_UP_CLOSED,
 * INVITE_NEEDED, INVITE_INVALID, HANDLE_TAKEN.
 */
export function enterByIdentity(
  tx: Transaction,
  input: Newcomer,
): { readonly user: number; readonly identity: number; readonly isNew: boolean } {
  const known = identityOf(tx, input.key)
  if (known !== 0) {
    const user = tx.value(identities, known, 'user')
    demandActive(tx, user)
    return { user, identity: known, isNew: false }
  }
  const invite = demandAdmission(tx, input, tx.now)
  const handle = freeHandle(tx, input.wish, input.random)
  const email = vouchedEmail(tx, input.email)
  const name = fitName(input.name)
  const user = insertUser(tx, { handle, name, passwordHash: '', role: 0 })
  tx.update(users, user, email)
  if (invite !== 0) countInvite(tx, invite)
  const identity = tx.insert(identities, { user, key: input.key, createdAt: tx.now })
  return { user, identity, isNew: true }
}

/**
 * Logs in by a grant; returns the session's id. Refuses with OIDC_GRANT_INVALID, ACCOUNT_SUSPENDED,
 * SECOND_FACTOR_NEEDED, SECOND_FACTOR_WRONG: the grant stays good then.
 */
export function logInByIdentity(
  tx: Transaction,
  input: IdentityGrant & {
    readonly tokenHash: string
    readonly name: string
    readonly code?: string | undefined
  },
): number {
  const { identity, grantedAt, tokenHash, name, code } = input
  demandGrant(tx, input)
  const user = tx.value(identities, identity, 'user')
  const session = logIn(tx, { user, tokenHash, name, code })
  tx.update(identities, identity, { usedAt: grantedAt })
  return session
}

/**
 * Adds an identity to an account whose session `current` has begun to. Refuses with
 * SESSION_NOT_FOUND, LOG_IN_STALE, IDENTITY_TAKEN, IDENTITIES_TOO_MANY.
 */
export function linkIdentity(
  tx: Transaction,
  input: Proof & { readonly current: number; readonly key: string },
): number {
  const { user, session, current, key } = input
  if (tx.value(sessions, current, 'user') !== user) throw new Refusal('SESSION_NOT_FOUND')
  demandFreshLogIn(tx, user, session)
  const known = identityOf(tx, key)
  if (known !== 0) {
    if (tx.value(identities, known, 'user') === user) return known
    throw new Refusal('IDENTITY_TAKEN')
  }
  if (identitiesOf(tx, user).length >= IDENTITY_COUNT_MAX) {
    throw new Refusal('IDENTITIES_TOO_MANY')
  }
  warnByMail(tx, user, 'identity-linked')
  return tx.insert(identities, { user, key, createdAt: tx.now })
}

/** Refuses with IDENTITY_NOT_FOUND, LAST_WAY_IN. */
export function removeIdentity(
  tx: Transaction,
  { user, identity }: { user: number; identity: number },
): void {
  if (identity === 0 || tx.value(identities, identity, 'user') !== user) {
    throw new Refusal('IDENTITY_NOT_FOUND')
  }
  const hasPassword = tx.get(users, user)!.passwordHash !== ''
  if (!hasPassword && identitiesOf(tx, user).length === 1) throw new Refusal('LAST_WAY_IN')
  tx.remove(identities, identity)
  warnByMail(tx, user, 'identity-removed')
}

/** Rows, newest first. */
export function identitiesOf(view: View, user: number): number[] {
  return view.newest(identities.indexes.byUser, user, IDENTITY_COUNT_MAX + 1)
}

/** The row of that issuer and subject, 0 when there is none. */
export function identityOf(view: View, key: string): number {
  return view.find(identities.indexes.byKey, key)
}

function demandGrant(tx: Transaction, { identity, grantedAt }: IdentityGrant): void {
  const isGood =
    tx.has(identities, identity) &&
    grantedAt > tx.value(identities, identity, 'usedAt') &&
    tx.now - grantedAt <= OIDC_GRANT_MS
  if (!isGood) throw new Refusal('OIDC_GRANT_INVALID')
}

/** As near to what the provider calls them as there is one. Refuses with HANDLE_TAKEN. */
function freeHandle(view: View, wish: string, random: string): string {
  const first = handleOf(wish)
  if (userOfHandle(view, first) === 0) return first
  for (let number = 2; number <= HANDLE_NUMBER_MAX; number++) {
    const handle = `${first}${number}`
    if (userOfHandle(view, handle) === 0) return handle
  }
  const last = `${first}_${random}`
  if (!HANDLE_PATTERN.test(last) || userOfHandle(view, last) !== 0)
    throw new Refusal('HANDLE_TAKEN')
  return last
}

/** "Anna Müller" and "anna.muller@example.org" as handles. */
function handleOf(wish: string): string {
  const [before = ''] = wish.slice(0, 200).split('@')
  const handle = before
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^a-z0-9_.]+/gi, '_')
    .replaceAll(/\.{2,}/g, '.')
    .slice(0, HANDLE_ROOM)
    .replaceAll(/^[._]+|[._]+$/g, '')
  return HANDLE_PATTERN.test(handle) ? handle : 'user'
}

/** What the provider says, as far as it fits. */
function fitName(given: string): string {
  const { countMax } = TEXT_LIMITS.name
  const visible = given
    .slice(0, countMax * 4)
    .toWellFormed()
    .normalize('NFC')
  const plain = visible.replaceAll(/\p{Cc}/gu, ' ').trim()
  return Array.from(plain).slice(0, countMax).join('').trim()
}
