// Jobs: what is to be done outside of the store (mail, exports). A job is a row that the
// transaction writes which wants it done: so it is wanted exactly when that transaction has
// happened, and cannot be forgotten.

import { jobs } from './schema.ts'
import type { Json } from '../engine/schema.ts'
import type { Transaction } from '../engine/transaction.ts'

/** By their number in the column `state`: never reordered. */
export const JOB_STATES = ['', 'waiting', 'running', 'done', 'failed'] as const

export interface NewJob {
  /** What is to be done: "mail", "export". */
  readonly kind: string
  readonly input: Json
  /** For whom; 0 for nobody in particular. */
  readonly user?: number
  /** Not before this time, in milliseconds since 1970. */
  readonly runAt?: number
}

/** Part of the transaction that wants it. Returns the job's id. */
export function enqueueJob(tx: Transaction, { kind, input, user = 0, runAt }: NewJob): number {
  const state = JOB_STATES.indexOf('waiting')
  return tx.insert(jobs, { kind, input, user, state, createdAt: tx.now, runAt: runAt ?? tx.now })
}
