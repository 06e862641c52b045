// Sessions: who holds which token. The token itself never comes here, only its hash; ending a
// session removes the row, and the token is worth nothing from the next read on.

import { Refusal } from './refusal.ts'
import { sessions, users } from './schema.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'

export interface LogIn {
  readonly user: number
  readonly tokenHash: string
}

/** Starts a session and returns its id. Refuses with USER_NOT_FOUND. */
export function logIn(tx: Transaction, { user, tokenHash }: LogIn): number {
  if (!tx.has(users, user)) throw new Refusal('USER_NOT_FOUND')
  return tx.insert(sessions, { user, tokenHash, createdAt: tx.now })
}

/** Refuses with SESSION_NOT_FOUND. */
export function logOut(tx: Transaction, { session }: { session: number }): void {
  if (!tx.has(sessions, session)) throw new Refusal('SESSION_NOT_FOUND')
  tx.remove(sessions, session)
}

/** The session of a token's hash, and whose it is; undefined when there is none. */
export function sessionOfToken(
  view: View,
  tokenHash: string,
): { readonly session: number; readonly user: number } | undefined {
  const session = view.find(sessions.indexes.byTokenHash, tokenHash)
  if (session === 0) return undefined
  return { session, user: view.value(sessions, session, 'user') }
}
