// The memory of one store: its regions by key, and the control words that all threads share.
//
// Control words (one SharedArrayBuffer of 64-bit slots, not part of snapshots):
//
//   slot  meaning                                         writer
//   0     i32 seqlock: odd while a batch is written       store thread   (see seqlock.ts)
//         i32 1 while a reader asks for a turn            reader, then store thread
//   1     f64 lastLsn: newest transaction in memory       store thread
//   2     f64 durableLsn: newest transaction on disk      store thread
//   3     i32 changes with every move of durableLsn       store thread
//         i32 1 once the memory is not to be read         whoever sees the writer end badly
//   4     f64 identity: a random number, never changed    who makes the memory
//   5     i32 checksum of the schema that the tables have store thread   (see tables.ts)
//         i32 attempt of that snapshot                    store thread
//   6     f64 LSN of the snapshot that page states are    store thread   (see snapshot/)
//         relative to; 0 when there is none
//   7     f64 time of the newest transaction, in ms       store thread
//
// Slots 5 to 7 are for a store thread that takes over from another one (takeover.ts).
//
// LSNs are aligned slots of 64 bits: a plain load or store of one is never torn. What a plain store
// lacks is order, which ARM gives to atomic operations only. lastLsn needs none of its own, for it
// is written and read under the seqlock. durableLsn is stored behind an atomic load that follows
// the end of the batch, so that nobody sees an LSN durable before he can see what it covers; and
// before an atomic add to slot 3, so that a reader who finds that word changed finds the LSN too.
//
// A reader in another thread builds its Memory from a handle with access `read`: there a region
// that the handle lacks is never made, and none is written or grown.

import { assert } from '../../std/assert.ts'
import { Region } from './region.ts'
import { Seqlock } from './seqlock.ts'
import type { RegionHandle } from './region.ts'

const CONTROL_SIZE = 64
const SEQUENCE = 0 // index of an int32
const LAST_LSN = 1 // indexes of float64
const DURABLE_LSN = 2
const IDENTITY = 4
const SNAPSHOT_LSN = 6
const LAST_TIME = 7
const DURABLE_TURN = 6 // indexes of int32
const SCHEMA = 10
const SNAPSHOT_ATTEMPT = 11

/** What another thread needs to see the same memory. */
export interface MemoryHandle {
  readonly control: SharedArrayBuffer
  readonly regions: readonly RegionHandle[]
}

export class Memory {
  readonly #control: SharedArrayBuffer
  readonly #numbers: Float64Array
  readonly #words: Int32Array
  #regions: Map<string, Region>
  readonly #regionSizeMax: number
  readonly access: 'read' | 'write'
  readonly seqlock: Seqlock

  /**
   * `regionSizeMax`: bytes of address space that a region may reserve at most, whatever it asks
   * for.
   */
  constructor(handle?: MemoryHandle, regionSizeMax = Infinity, access: 'read' | 'write' = 'write') {
    this.#regionSizeMax = regionSizeMax
    this.access = access
    this.#control = handle?.control ?? new SharedArrayBuffer(CONTROL_SIZE)
    this.#numbers = new Float64Array(this.#control)
    this.#words = new Int32Array(this.#control)
    if (handle === undefined) this.#numbers[IDENTITY] = Math.random()
    this.#regions = new Map()
    this.seqlock = new Seqlock(this.#control)
    for (const region of handle?.regions ?? []) {
      this.#regions.set(region.key, new Region(region, access))
    }
  }

  handle(): MemoryHandle {
    return {
      control: this.#control,
      regions: [...this.#regions.values()].map((region) => region.handle()),
    }
  }

  /** Tells memories apart: a handle that came by message is another object over the same memory. */
  get identity(): number {
    return this.#numbers[IDENTITY]!
  }

  /** The region of that key; made on first use with `sizeMax` bytes of reserved address space. */
  region(key: string, sizeMax: number): Region {
    let region = this.#regions.get(key)
    if (region === undefined) {
      assert(this.access === 'write', 'a reader is handed all regions of the schema it is handed')
      region = Region.create(key, Math.min(sizeMax, this.#regionSizeMax))
      this.#regions.set(key, region)
    }
    return region
  }

  has(key: string): boolean {
    return this.#regions.has(key)
  }

  /**
   * The same memory but for the regions of `staleKeys`. What is made there is nowhere else until
   * `adopt`: in no handle, in no snapshot.
   */
  stage(staleKeys: ReadonlySet<string>): Memory {
    const handle = { control: this.#control, regions: [] }
    const staged = new Memory(handle, this.#regionSizeMax, this.access)
    staged.#regions = new Map([...this.#regions].filter(([key]) => !staleKeys.has(key)))
    return staged
  }

  /** Has the regions of a stage from now on, which nothing but the stage may have changed since. */
  adopt(staged: Memory): void {
    this.#regions = staged.#regions
  }

  /** In the order in which they were made. */
  regions(): Region[] {
    return [...this.#regions.values()]
  }

  /** Bytes taken by all regions; not all of them are touched. */
  get size(): number {
    let size = 0
    for (const region of this.#regions.values()) size += region.size
    return size
  }

  get lastLsn(): number {
    return this.#numbers[LAST_LSN]!
  }

  set lastLsn(lsn: number) {
    this.#numbers[LAST_LSN] = lsn
  }

  get durableLsn(): number {
    return this.#numbers[DURABLE_LSN]!
  }

  /** Wakes all who wait for it, in all threads. */
  set durableLsn(lsn: number) {
    Atomics.load(this.#words, SEQUENCE)
    this.#numbers[DURABLE_LSN] = lsn
    Atomics.add(this.#words, DURABLE_TURN, 1)
    Atomics.notify(this.#words, DURABLE_TURN)
  }

  /** Time of the newest transaction, milliseconds since 1970; 0 when there was none. */
  get lastTime(): number {
    return this.#numbers[LAST_TIME]!
  }

  set lastTime(time: number) {
    this.#numbers[LAST_TIME] = time
  }

  /** Checksum of the schema that the tables of this memory have; 0 when there are none yet. */
  get schemaChecksum(): number {
    return this.#words[SCHEMA]! >>> 0
  }

  set schemaChecksum(checksum: number) {
    this.#words[SCHEMA] = checksum
  }

  /** The snapshot that holds all pages that are clean; undefined when there is none. */
  get snapshot(): { readonly lsn: number; readonly attempt: number } | undefined {
    const lsn = this.#numbers[SNAPSHOT_LSN]!
    return lsn === 0 ? undefined : { lsn, attempt: this.#words[SNAPSHOT_ATTEMPT]! }
  }

  set snapshot(stem: { readonly lsn: number; readonly attempt: number } | undefined) {
    this.#numbers[SNAPSHOT_LSN] = stem?.lsn ?? 0
    this.#words[SNAPSHOT_ATTEMPT] = stem?.attempt ?? 0
  }

  /** A word that changes with every move of durableLsn. To be read before it. */
  get durableTurn(): number {
    return Atomics.load(this.#words, DURABLE_TURN)
  }

  /**
   * Resolves when the word is no longer `turn`, or when somebody calls `wakeDurable`. Does not keep
   * the thread alive.
   */
  async nextDurableTurn(turn: number): Promise<void> {
    const { async, value } = Atomics.waitAsync(this.#words, DURABLE_TURN, turn)
    if (async) await value
  }

  /** The writer has ended where it must not: whoever reads or waits here, in any thread, throws. */
  condemn(): void {
    this.seqlock.condemn()
    this.wakeDurable()
  }

  /** Wakes all who wait for durableLsn, to look for themselves. */
  wakeDurable(): void {
    Atomics.notify(this.#words, DURABLE_TURN)
  }
}
