// Heartbeats: how the supervisor knows that a thread still gets to its events. Each thread counts
// up a word of shared memory by a timer; a thread in an endless loop does not. No message is
// needed, and none could be answered.
//
// What is not counted as deaf: a thread that waits for a processor as the supervisor itself does.
// So time is measured in looks of the supervisor, and a look that comes late counts as one.

const BEAT_MS = 25
/** How often the supervisor looks. */
export const LOOK_MS = 25

/** Starts counting, in the thread that is watched. The timer does not keep it alive. */
export function beat(words: Int32Array): void {
  setInterval(() => Atomics.add(words, 0, 1), BEAT_MS).unref()
}

/** The supervisor's side of one thread. */
export class Heartbeat {
  readonly words: Int32Array<SharedArrayBuffer>
  #seen: number
  #missedCount: number

  constructor() {
    this.words = new Int32Array(new SharedArrayBuffer(4))
    this.#seen = 0
    this.#missedCount = 0
  }

  /** Looks once. Returns for how many milliseconds, in looks, nothing has been heard. */
  look(): number {
    const count = Atomics.load(this.words, 0)
    if (count === this.#seen) this.#missedCount++
    else this.#missedCount = 0
    this.#seen = count
    return this.#missedCount * LOOK_MS
  }
}
