// Whether the next write is made in the thread or in the thread pool.
//
// In the thread a durable write of a fast disk (100 µs) is over sooner than the pool has been told
// about it: 1.25 times the commits per second with one in flight. On a slow disk it would stop
// every other request for as long as it takes. So the pace begins in the pool, goes into the thread
// when the disk has shown that it is fast enough, and goes back when the moving average of what it
// took there says otherwise.
//
// While a snapshot is written all writes go through the pool, for its syncs hold up ours.
//
// In the pool a write is timed from call to callback, and the callback waits for whatever the
// thread is doing. The fastest of a number of writes is therefore what counts there.

/** Larger writes never happen in the thread. */
export const IN_THREAD_SIZE_MAX = 256 * 1024

const POOL_SAMPLE_COUNT = 16
const AVERAGE_WEIGHT = 1 / 8

export class SyncPace {
  /**
   * A durable write in the thread may take this long on average. Infinity: always there. 0: never.
   */
  readonly #msMax: number
  #isFast: boolean
  /** True while somebody else keeps the disk busy, so that any write may be slow. */
  isShared: boolean
  #averageMs: number
  #fastestMs: number
  #sampleCount: number

  constructor(msMax: number) {
    this.#msMax = msMax
    this.#isFast = msMax === Infinity
    this.isShared = false
    this.#averageMs = 0
    this.#fastestMs = Infinity
    this.#sampleCount = 0
  }

  get isInThread(): boolean {
    return this.#isFast && (!this.isShared || this.#msMax === Infinity)
  }

  noteInThread(ms: number): void {
    this.#averageMs += (ms - this.#averageMs) * AVERAGE_WEIGHT
    if (this.#averageMs > this.#msMax) this.#isFast = false
  }

  noteInPool(ms: number): void {
    if (ms < this.#fastestMs) this.#fastestMs = ms
    if (++this.#sampleCount < POOL_SAMPLE_COUNT) return
    if (this.#fastestMs < this.#msMax) {
      this.#isFast = true
      this.#averageMs = this.#fastestMs
    }
    this.#fastestMs = Infinity
    this.#sampleCount = 0
  }
}
