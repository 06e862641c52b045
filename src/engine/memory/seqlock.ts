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
//
// A reader ends, whatever the writer does:
//   batches follow each other faster    it asks for a turn; the writer lets it finish before the
//   than it reads                       next batch, for 20 ms at most
//   a batch takes longer than 200 ms    STORE_UNAVAILABLE
//   the writer ended within a batch     STORE_UNAVAILABLE, at once when the memory is condemned

import { DatastoreError } from '../errors.ts'

const SEQUENCE = 0 // indexes of the Int32 in the control words
const TURN = 1
const CONDEMNED = 7
const WORD_COUNT = 8
const SPINS_MAX = 64
const SLEEP_MS = 1
/** Disturbed reads after which a reader asks for a turn. */
const DISTURBED_MAX = 8
const TURN_MS_MAX = 20
/** Readers hold up threads that are watched: they had rather fail than be taken for dead. */
const WAIT_MS_MAX = 200

export class Seqlock {
  readonly #words: Int32Array
  /** Nobody else's: storing to it is half of the reader's fence. */
  readonly #fence: Int32Array
  /** Times a reader of this thread had to look again. */
  retries: number

  constructor(control: SharedArrayBuffer) {
    this.#words = new Int32Array(control, 0, WORD_COUNT)
    this.#fence = new Int32Array(new SharedArrayBuffer(4))
    this.retries = 0
  }

  /** Store thread only: before the first write of a batch. */
  begin(): void {
    if (Atomics.load(this.#words, TURN) === 1) this.#letRead()
    Atomics.add(this.#words, SEQUENCE, 1)
    Atomics.load(this.#words, SEQUENCE)
  }

  /** Store thread only: after the last write of a batch. Wakes sleeping readers. */
  end(): void {
    Atomics.add(this.#words, SEQUENCE, 1)
    Atomics.notify(this.#words, SEQUENCE)
  }

  /** Even between two batches, odd within one; it comes back after four billion changes. */
  get sequence(): number {
    return Atomics.load(this.#words, SEQUENCE)
  }

  /** True between begin and end. */
  get writing(): boolean {
    return (this.sequence & 1) === 1
  }

  /** True once the memory is not to be read any more. */
  get isCondemned(): boolean {
    return Atomics.load(this.#words, CONDEMNED) === 1
  }

  /** The writer has ended where it must not: from now on every read throws, in all threads. */
  condemn(): void {
    if (Atomics.exchange(this.#words, CONDEMNED, 1) === 1) return
    if (!this.writing) Atomics.add(this.#words, SEQUENCE, 1)
    Atomics.notify(this.#words, SEQUENCE)
  }

  /**
   * Runs `read` until it has seen one state. `read` must be synchronous, bounded, and free of side
   * effects. Throws what it throws, and STORE_UNAVAILABLE.
   */
  read<T>(read: () => T): T {
    const words = this.#words
    let disturbedCount = 0
    let startMs = 0
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
          if (disturbedCount >= DISTURBED_MAX) this.#endTurn()
          if (failed) throw failure
          return result as T
        }
        if (++disturbedCount >= DISTURBED_MAX) Atomics.store(words, TURN, 1)
      }
      this.retries++
      if (attempt < SPINS_MAX && disturbedCount < DISTURBED_MAX) continue
      if (startMs === 0) startMs = performance.now()
      this.#demandWriter(performance.now() - startMs)
      Atomics.wait(words, SEQUENCE, Atomics.load(words, SEQUENCE) | 1, SLEEP_MS)
    }
  }

  /** Waits until the reader that asked has read, or has had its time: it may have died. */
  #letRead(): void {
    Atomics.wait(this.#words, TURN, 1, TURN_MS_MAX)
    Atomics.store(this.#words, TURN, 0)
  }

  /** Others may have asked too: they ask again when they are disturbed again. */
  #endTurn(): void {
    Atomics.store(this.#words, TURN, 0)
    Atomics.notify(this.#words, TURN)
  }

  #demandWriter(waitedMs: number): void {
    if (this.isCondemned) {
      throw new DatastoreError('STORE_UNAVAILABLE', 'the writer of the store has ended')
    }
    if (waitedMs < WAIT_MS_MAX) return
    throw new DatastoreError(
      'STORE_UNAVAILABLE',
      `a reader found no moment between two batches for ${Math.round(waitedMs)} ms`,
    )
  }
}
