// Idempotency: a command that carries a key is remembered with its output, in the transaction that
// it caused. A retry finds the key and gets the first answer; nothing runs twice, whatever crashed
// in between.
//
// Keys are forgotten after a day, two at most with every keyed transaction, so the table stays as
// large as a day's traffic and no sweep ever takes long.

import { ENGINE_TABLE_ID_MIN, defineTable, json, text, timeMs, unique } from './schema.ts'
import type { Json } from './schema.ts'
import type { Transaction } from './transaction.ts'
import type { View } from './view.ts'

export const requests = defineTable({
  id: ENGINE_TABLE_ID_MIN,
  name: 'engineRequests',
  columns: { at: timeMs(1) },
  record: { key: text(2, { sizeMax: 255 }), output: json(3) },
  indexes: { byKey: unique('key') },
})

const RETENTION_MS = 24 * 60 * 60 * 1000
const SWEEP_ROWS_MAX = 2
const SWEEP_STEPS_MAX = 64

/** The remembered output of a key, undefined when it is new. */
export function rememberedOutput(view: View, key: string): { output: Json } | undefined {
  const row = view.find(requests.indexes.byKey, key)
  return row === 0 ? undefined : { output: view.get(requests, row)!.output }
}

/**
 * Forgets old keys, in the order in which they came. Keeps its place between calls; the place need
 * not survive.
 */
export class RequestSweep {
  #next: number

  constructor() {
    this.#next = 1
  }

  /** Remembers an output, and forgets what is older than a day. */
  remember(tx: Transaction, key: string, output: Json): void {
    tx.insert(requests, { at: tx.now, key, output })
    let removedCount = 0
    const lastId = tx.lastId(requests)
    for (let step = 0; step < SWEEP_STEPS_MAX && this.#next < lastId; step++) {
      const at = tx.value(requests, this.#next, 'at')
      if (at !== 0) {
        if (at > tx.now - RETENTION_MS || removedCount === SWEEP_ROWS_MAX) return
        tx.remove(requests, this.#next)
        removedCount++
      }
      this.#next++
    }
  }
}
