// Work on the store thread in slices, so that transactions wait for no longer than one of them.
//
// Everything here runs between two batches. A slice is meant to take at most one millisecond; work
// that is longer is a generator that yields at least every 0.3 ms, and is put off to the next turn
// of the event loop when its slice is over. The longest slice is noted: it is what a snapshot
// reports as its longest pause.

import { setImmediate } from 'node:timers/promises'

const SLICE_MS = 1

export class ThreadSlices {
  readonly #signal: AbortSignal | undefined
  #msMax: number

  constructor(signal?: AbortSignal) {
    this.#signal = signal
    this.#msMax = 0
  }

  /** The longest slice so far. */
  get msMax(): number {
    return this.#msMax
  }

  /** Runs `work` as one slice. */
  run<T>(work: () => T): T {
    this.#signal?.throwIfAborted()
    const start = performance.now()
    try {
      return work()
    } finally {
      this.#note(start)
    }
  }

  /** Runs `work` to its end, in as many slices as it takes. */
  async runAll(work: Iterator<unknown, void, void>): Promise<void> {
    for (;;) {
      this.#signal?.throwIfAborted()
      const start = performance.now()
      let done = false
      while (!done && performance.now() - start < SLICE_MS) done = work.next().done === true
      this.#note(start)
      if (done) return
      await this.pause()
    }
  }

  /** Lets everything else run that waits for the thread. */
  async pause(): Promise<void> {
    await setImmediate()
  }

  /** True when a slice that began at `start` (performance.now) is over. */
  static isOver(start: number): boolean {
    return performance.now() - start >= SLICE_MS
  }

  #note(start: number): void {
    this.#msMax = Math.max(this.#msMax, performance.now() - start)
  }
}
