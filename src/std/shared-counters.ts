// Hot: every request counts here. `test/std/shared-counters.test.ts` has it raced by real threads.
//
// Shared counters: how often something with a name has happened in the present window of time,
// counted by many threads at once in one piece of memory of a fixed size. Nobody takes a lock, so
// a thread that is ended in the middle of counting leaves nothing behind.
//
//   OFFSET          WHAT
//   0               secret of this memory, 32 bytes: what is counted cannot be aimed at a slot
//   32              slots of a table, a power of two
//   64              table 0: an entry (Int32) for each slot, then a count (Int32) for each slot
//   …               table 1 …
//
//   entry   tag of the name, 22 bits, never 0 │ window, 10 bits
//   count   window, 12 bits                   │ count, 20 bits
//
// A window is a whole number of periods since 1970, so all threads agree where it ends. A name's
// hash says at which slot the search for it begins, and its tag. Slots are looked at one after the
// other. One that says another window than the present one is free.
//
// Invariants
//   (1) Within a window a slot goes from free to taken, once, and never back. All threads look at
//       slots in the same order, so a name has one slot: the first that was free.
//   (2) A count belongs to the entry beside it when both say the same window; else it is 0.
//   (3) What is not of the present window is older. A thread that finds such a thing looks at the
//       clock again before it overwrites it: if the window has turned meanwhile, it begins anew.
//   (4) So no more than `max` are counted for a name in a window, except for (5), and when the
//       machine's clock is set back, which begins the window again.
//   (5) When there is no free slot within reach, nothing is counted and the caller is told 0.
//
// Two names that agree in tag and neighbourhood share a count; that is one in a million of those
// that are there. A slot that nobody has touched for exactly 1024 windows looks taken for one
// window, and a count of exactly 4096 windows ago looks present: the bits say no more.
//
// Windows are fixed rather than sliding: one word holds one, a reset is a time that can be told,
// and twice the maximum around a turn is what a limit of this kind has to bear anyway.
//
// Memory that nobody has counted in is not taken from the machine, so tables may be generous.

import { hash, randomBytes } from 'node:crypto'
import { assert } from './assert.ts'
import { systemClock } from './clock.ts'
import type { Clock } from './clock.ts'

/** Largest `max`. */
export const COUNT_MAX = 1_000_000

const TABLE_COUNT = 8
/** Twice the /64 networks of a /48: one subscriber cannot fill a table. */
const SLOT_COUNT = 2 ** 17
const REACH = 64
const PLACES_MAX = 10_000

const SECRET_SIZE = 32
const HEADER_SIZE = 64
const SLOT_SIZE = 8
const TAG_COUNT = 2 ** 22
const ENTRY_WINDOW_MASK = 2 ** 10 - 1
const ENTRY_WINDOW_BITS = 10
const COUNT_WINDOW_MASK = 2 ** 12 - 1
const COUNT_BITS = 20
const COUNT_MASK = 2 ** COUNT_BITS - 1

const NO_SLOT = -1
const WINDOW_TURNED = -2

/** What counting one has come to. */
export interface Counted {
  /** With this one; `max + 1` when there were `max` before; 0 when it could not be counted. */
  readonly count: number
  /** When the window ends, in milliseconds since 1970. */
  readonly endsAt: number
}

/** Memory for `SharedCounters`, to be made once and handed to every thread. */
export function createSharedCounters(
  tableCount: number = TABLE_COUNT,
  slotCount: number = SLOT_COUNT,
): SharedArrayBuffer {
  assert(Number.isInteger(Math.log2(slotCount)), 'the slots of a table are a power of two')
  const memory = new SharedArrayBuffer(HEADER_SIZE + tableCount * slotCount * SLOT_SIZE)
  new Uint8Array(memory).set(randomBytes(SECRET_SIZE))
  new Int32Array(memory)[SECRET_SIZE / 4] = slotCount
  return memory
}

/** One table of the memory. All threads give the same period for it. */
export class SharedCounters {
  readonly #secret: string
  readonly #entries: Int32Array
  readonly #counts: Int32Array
  readonly #slotMask: number
  readonly #periodMs: number
  readonly #clock: Clock
  /** Of names that were counted lately, since hashing is half of the work. */
  readonly #places: Map<string, number>

  constructor(
    memory: SharedArrayBuffer,
    table: number,
    periodMs: number,
    clock: Clock = systemClock,
  ) {
    const slotCount = new Int32Array(memory)[SECRET_SIZE / 4]!
    const offset = HEADER_SIZE + table * slotCount * SLOT_SIZE
    assert(offset + slotCount * SLOT_SIZE <= memory.byteLength, 'the memory has that table')
    this.#secret = Buffer.from(memory, 0, SECRET_SIZE).toString('latin1')
    this.#entries = new Int32Array(memory, offset, slotCount)
    this.#counts = new Int32Array(memory, offset + slotCount * 4, slotCount)
    this.#slotMask = slotCount - 1
    this.#periodMs = periodMs
    this.#clock = clock
    this.#places = new Map()
  }

  /** Counts one more for a name, up to `max` in a window. */
  count(name: string, max: number): Counted {
    assert(max <= COUNT_MAX, 'a count fits into its bits')
    const place = this.#placeOf(name)
    const home = Math.floor(place / TAG_COUNT)
    const tag = place % TAG_COUNT
    for (;;) {
      const window = this.#window()
      const slot = this.#slotOf(home, tag, window)
      if (slot === WINDOW_TURNED) continue
      const count = slot === NO_SLOT ? 0 : this.#add(slot, window, max)
      if (count === WINDOW_TURNED) continue
      return { count, endsAt: (window + 1) * this.#periodMs }
    }
  }

  /** Where the search for a name begins, and its tag: home × 2^22 + tag. */
  #placeOf(name: string): number {
    const known = this.#places.get(name)
    if (known !== undefined) return known
    const digest = hash('sha256', this.#secret + name, 'latin1')
    const tag = bits24(digest, 3) % TAG_COUNT || 1
    const place = (bits24(digest, 0) & this.#slotMask) * TAG_COUNT + tag
    if (this.#places.size >= PLACES_MAX) this.#places.clear()
    this.#places.set(name, place)
    return place
  }

  #window(): number {
    return Math.floor(this.#clock.now() / this.#periodMs)
  }

  /** The slot of a name, taken for it if need be. */
  #slotOf(home: number, tag: number, window: number): number {
    const entries = this.#entries
    const wanted = (tag << ENTRY_WINDOW_BITS) | (window & ENTRY_WINDOW_MASK)
    for (let probe = 0; probe < REACH; probe++) {
      const slot = (home + probe) & this.#slotMask
      let found = Atomics.load(entries, slot)
      for (;;) {
        if (found === wanted) return slot
        if (found !== 0) {
          if (((found ^ wanted) & ENTRY_WINDOW_MASK) === 0) break // Another name's.
          if (this.#window() !== window) return WINDOW_TURNED
        }
        const before = Atomics.compareExchange(entries, slot, found, wanted)
        if (before === found) return slot
        found = before
      }
    }
    return NO_SLOT
  }

  #add(slot: number, window: number, max: number): number {
    const counts = this.#counts
    const mark = window & COUNT_WINDOW_MASK
    let found = Atomics.load(counts, slot)
    for (;;) {
      const isPresent = found >>> COUNT_BITS === mark
      if (!isPresent && this.#window() !== window) return WINDOW_TURNED
      const count = isPresent ? found & COUNT_MASK : 0
      if (count >= max) return max + 1
      const before = Atomics.compareExchange(
        counts,
        slot,
        found,
        (mark << COUNT_BITS) | (count + 1),
      )
      if (before === found) return count + 1
      found = before
    }
  }
}

function bits24(digest: string, at: number): number {
  const low = digest.charCodeAt(at) | (digest.charCodeAt(at + 1) << 8)
  return low | (digest.charCodeAt(at + 2) << 16)
}
