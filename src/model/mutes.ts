// Mutes: what somebody publishes and does is kept out of the lists and notifications of whoever has
// muted them, and stays there for those who go and look. Nobody is told; follows stay. Muting twice
// and unmuting nobody are fine.

import { MUTE_COUNT_MAX } from './limits.ts'
import { Refusal } from './refusal.ts'
import { mutes, users } from './schema.ts'
import { demandBoth, hasMuted } from './visibility.ts'
import type { Transaction } from '../engine/transaction.ts'

export interface Mute {
  readonly muter: number
  readonly muted: number
}

/** Refuses with USER_NOT_FOUND, MUTE_SELF, MUTES_TOO_MANY. */
export function mute(tx: Transaction, { muter, muted }: Mute): void {
  demandBoth(tx, muter, muted)
  if (muter === muted) throw new Refusal('MUTE_SELF')
  if (hasMuted(tx, muter, muted)) return
  if (tx.value(users, muter, 'muting') >= MUTE_COUNT_MAX) {
    throw new Refusal('MUTES_TOO_MANY', `${MUTE_COUNT_MAX} mutes are the most.`)
  }
  tx.insert(mutes, { muter, muted, createdAt: tx.now })
}

/** Refuses with USER_NOT_FOUND. */
export function unmute(tx: Transaction, { muter, muted }: Mute): void {
  demandBoth(tx, muter, muted)
  const row = tx.findPair(mutes.indexes.byPair, muter, muted)
  if (row !== 0) tx.remove(mutes, row)
}
