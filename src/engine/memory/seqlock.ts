// The seqlock of the whole store: how readers in other threads know that what they saw hangs
// together.
//
//   store thread   begin: sequence becomes odd ─▶ writes ─▶ end: sequence becomes even
//   reader         note an even sequence ─▶ read ─▶ same sequence still? yes: good; no: again
//
// A reader that overlaps a batch sees torn data. Whatever it then does (wrong result, a throw) is
// discarded by the same check, so readers bound every traversal and return plain values.
//
// Rows are read and written by plain loads and stores, which ARM may move across an atomic
// operation: a plain load past a later atomic load, a plain store before an earlier atomic store.
// An atomic store followed by an atomic load lets neither pass, so each side has that pair where it
// matters: the reader before its second look (on a word of its own), the writer after it has made
// the sequence odd.

const SEQUENCE = 0 // index of the Int32 in the control words
const SPINS_MAX = 64
const SLEEP_MS = 1

export class Seqlock {
  readonly #words: Int32Array
  /** Nobody else's: storing to it is half of the reader's fence. */
  readonly #fence: Int32Array
  /** Times a reader of this thread had to look again. */
  retries: number

  constructor(control: SharedArrayBuffer) {
    this.#words = new Int32Array(control, 0, 2)
    this.#fence = new Int32Array(new SharedArrayBuffer(4))
    this.retries = 0
  }

  /** Store thread only: before the first write of a batch. */
  begin(): void {
    Atomics.add(this.#words, SEQUENCE, 1)
    Atomics.load(this.#words, SEQUENCE)
  }

  /** Store thread only: after the last write of a batch. Wakes sleeping readers. */
  end(): void {
    Atomics.add(this.#words, SEQUENCE, 1)
    Atomics.notify(this.#words, SEQUENCE)
  }

  /** True between begin and end. */
  get writing(): boolean {
    return (Atomics.load(this.#words, SEQUENCE) & 1) === 1
  }

  /**
   * Runs `read` until it has seen one state. `read` must be synchronous, bounded, and free of side
   * effects.
   */
  read<T>(read: () => T): T {
    const words = this.#words
    for (let attempt = 0; ; attempt++) {
      const before = Atomics.load(words, SEQUENCE)
      if ((before & 1) === 0) {
        let result: T | undefined
        let failure: unknown
        let failed = false
        try {
          result = read()
        } catch (error) {
          failed = true
          failure = error
        }
        Atomics.store(this.#fence, 0, 0)
        if (Atomics.load(words, SEQUENCE) === before) {
          if (failed) throw failure
          return result as T
        }
      }
      this.retries++
      if (attempt >= SPINS_MAX)
        Atomics.wait(words, SEQUENCE, Atomics.load(words, SEQUENCE) | 1, SLEEP_MS)
    }
  }
}
