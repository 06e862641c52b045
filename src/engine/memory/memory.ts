// The memory of one store: its regions by key, and the control words that all threads share.
//
// Control words (one SharedArrayBuffer of 64-bit slots, not part of snapshots):
//
//   slot  meaning                                  writer
//   0     seqlock: odd while a batch is written    store thread   (see seqlock.ts)
//   1     lastLsn: newest transaction in memory    store thread
//   2     durableLsn: newest transaction on disk   store thread

import { Region } from './region.ts'
import { Seqlock } from './seqlock.ts'
import type { RegionHandle } from './region.ts'

const CONTROL_SIZE = 64
const LAST_LSN = 1
const DURABLE_LSN = 2

/** What another thread needs to see the same memory. */
export interface MemoryHandle {
  readonly control: SharedArrayBuffer
  readonly regions: readonly RegionHandle[]
}

export class Memory {
  readonly #control: SharedArrayBuffer
  readonly #numbers: Float64Array
  readonly #regions: Map<string, Region>
  readonly #regionSizeMax: number
  readonly seqlock: Seqlock

  /**
   * `regionSizeMax`: bytes of address space that a region may reserve at most, whatever it asks
   * for.
   */
  constructor(handle?: MemoryHandle, regionSizeMax = Infinity) {
    this.#regionSizeMax = regionSizeMax
    this.#control = handle?.control ?? new SharedArrayBuffer(CONTROL_SIZE)
    this.#numbers = new Float64Array(this.#control)
    this.#regions = new Map()
    this.seqlock = new Seqlock(this.#control)
    for (const region of handle?.regions ?? []) this.#regions.set(region.key, new Region(region))
  }

  handle(): MemoryHandle {
    return {
      control: this.#control,
      regions: [...this.#regions.values()].map((region) => region.handle()),
    }
  }

  /** The region of that key; made on first use with `sizeMax` bytes of reserved address space. */
  region(key: string, sizeMax: number): Region {
    let region = this.#regions.get(key)
    if (region === undefined) {
      region = Region.create(key, Math.min(sizeMax, this.#regionSizeMax))
      this.#regions.set(key, region)
    }
    return region
  }

  has(key: string): boolean {
    return this.#regions.has(key)
  }

  drop(key: string): void {
    this.#regions.delete(key)
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

  set durableLsn(lsn: number) {
    this.#numbers[DURABLE_LSN] = lsn
  }
}
