// Blocks: neither of two people sees the other any more (visibility.ts), and nothing leads from one
// to the other. What they follow of each other, and ask to, ends; it does not come back with the
// end of the block. Nobody is told. Blocking twice and unblocking nobody are fine.

import { endRequest } from './follow-requests.ts'
import { endFollow } from './follows.ts'
import { BLOCK_COUNT_MAX } from './limits.ts'
import { Refusal } from './refusal.ts'
import { blocks, users } from './schema.ts'
import { demandBoth, hasBlocked } from './visibility.ts'
import type { Transaction } from '../engine/transaction.ts'

export interface Block {
  readonly blocker: number
  readonly blocked: number
}

/** Refuses with USER_NOT_FOUND, BLOCK_SELF, BLOCKS_TOO_MANY. */
export function block(tx: Transaction, { blocker, blocked }: Block): void {
  demandBoth(tx, blocker, blocked)
  if (blocker === blocked) throw new Refusal('BLOCK_SELF')
  if (hasBlocked(tx, blocker, blocked)) return
  if (tx.value(users, blocker, 'blocking') >= BLOCK_COUNT_MAX) {
    throw new Refusal('BLOCKS_TOO_MANY', `${BLOCK_COUNT_MAX} blocks are the most.`)
  }
  tx.insert(blocks, { blocker, blocked, createdAt: tx.now })
  for (const [one, other] of [
    [blocker, blocked],
    [blocked, blocker],
  ] as const) {
    endFollow(tx, one, other)
    endRequest(tx, one, other)
  }
}

/** Refuses with USER_NOT_FOUND. */
export function unblock(tx: Transaction, { blocker, blocked }: Block): void {
  demandBoth(tx, blocker, blocked)
  const row = tx.findPair(blocks.indexes.byPair, blocker, blocked)
  if (row !== 0) tx.remove(blocks, row)
}
