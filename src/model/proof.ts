// Proof that it is really them: what a token alone must not be able to do takes the password, which
// is looked at before the transaction, or of those who have none a fresh log-in: their other way in
// still opens. An access token is no log-in.

import { FRESH_LOG_IN_MS } from './limits.ts'
import { Refusal } from './refusal.ts'
import { sessions } from './schema.ts'
import { demandActive, sessionsOf } from './sessions.ts'
import type { Transaction } from '../engine/transaction.ts'

/** Who asks; `session` is 0 when the password was right. */
export interface Proof {
  readonly user: number
  readonly session: number
}

/** Takes a `Proof`. Refuses with USER_NOT_FOUND, ACCOUNT_SUSPENDED, LOG_IN_STALE. */
export function demandFreshLogIn(tx: Transaction, user: number, session: number): void {
  demandActive(tx, user)
  if (session === 0) return
  const age = tx.now - tx.value(sessions, session, 'createdAt')
  const isTheirs = sessionsOf(tx, user, 'log-in').includes(session)
  if (!isTheirs || age > FRESH_LOG_IN_MS) throw new Refusal('LOG_IN_STALE')
}
