// How far the log is: what its writers change, and its readers see.
//
// Invariants
//   (1) durableLsn ≤ lastLsn, and neither ever falls.
//   (2) segments ascend; the last one is where `tail` stands, and has no rolled frame.
//   (3) Once set, `poison` stays: the log object is of no use any more but for reading.

import { assert } from '../../std/assert.ts'
import type { Tail } from './segment-writer.ts'

export class LogProgress {
  lastLsn: number
  durableLsn: number
  /** Of the newest writer; older ones are fenced. */
  epoch: number
  /** Why writing has ended. */
  poison: Error | undefined
  /** First LSNs. */
  readonly segments: number[]
  /** Bytes of the segments' frames, in the same order; the last one's are where the tail stands. */
  readonly sizes: number[]
  tail: Tail
  #waiters: (() => void)[]

  constructor(parts: {
    durableLsn: number
    epoch: number
    segments: readonly number[]
    sizes: readonly number[]
    tail: Tail
  }) {
    this.lastLsn = parts.durableLsn
    this.durableLsn = parts.durableLsn
    this.epoch = parts.epoch
    this.poison = undefined
    this.segments = [...parts.segments]
    this.sizes = [...parts.sizes]
    this.tail = parts.tail
    this.#waiters = []
  }

  /** Bytes of the segments that hold transactions after `lsn`. */
  sizeAfter(lsn: number): number {
    let size = 0
    for (let index = 0; index < this.segments.length; index++) {
      const isLast = index === this.segments.length - 1
      if (isLast) size += lsn < this.lastLsn ? this.tail.position : 0
      else if (this.segments[index + 1]! - 1 > lsn) size += this.sizes[index]!
    }
    return size
  }

  noteDurable(lsn: number): void {
    assert(lsn >= this.durableLsn && lsn <= this.lastLsn, 'durableLsn grows up to lastLsn')
    this.durableLsn = lsn
    if (this.#waiters.length === 0) return
    const waiters = this.#waiters
    this.#waiters = []
    for (const wake of waiters) wake()
  }

  /** Resolves when something after `lsn` is durable, or when `signal` is aborted. */
  async waitUntilAfter(lsn: number, signal: AbortSignal): Promise<void> {
    while (this.durableLsn <= lsn && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const wake = (): void => resolve()
      this.#waiters.push(wake)
      signal.addEventListener('abort', wake)
      await promise
      signal.removeEventListener('abort', wake)
      this.#waiters = this.#waiters.filter((waiter) => waiter !== wake)
    }
  }
}
