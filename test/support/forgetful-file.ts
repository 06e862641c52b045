// The bytes of one file of a ForgetfulDisk: what is seen now, and what a crash may leave of it.
//
//   sector 7   durable ──write──▶ version 1 ──write──▶ version 2 (seen now)
//              └─────────────── any of the three ───────────────┘  until a sync
//
// The size has versions in the same way. A failed sync does to the versions what a kernel does:
// they are still seen, but no later sync makes them durable, for their pages count as clean; only
// writing them again does.

export const SECTOR_SIZE = 512

interface Pending<T> {
  /** The durable one first, the one that is seen now last. */
  readonly versions: T[]
  /** False once a sync has failed: the next one passes them over. */
  isDirty: boolean
}

/** What a sync that begins now will make durable when it ends. */
export interface SyncMark {
  readonly sectors: ReadonlyMap<number, Buffer>
  readonly size: number
  /** End of what was written again after a failed sync: the file is at least as large. */
  readonly rewrittenTo: number
}

/** Chooses one of `count` versions; 0 is the durable one. */
export type Choose = (count: number) => number

export class ForgetfulFile {
  /** Zero behind the size. */
  #bytes: Buffer
  /** True while another disk uses the same bytes, or when they end within a sector. */
  #isShared: boolean
  #size: number
  readonly #sectors: Map<number, Pending<Buffer>>
  #sizes: Pending<number>
  #rewrittenTo: number

  constructor(bytes: Buffer = Buffer.alloc(0), size = bytes.length, isShared = false) {
    this.#bytes = bytes
    this.#isShared = isShared || bytes.length % SECTOR_SIZE > 0
    this.#size = size
    this.#sectors = new Map()
    this.#sizes = { versions: [size], isDirty: true }
    this.#rewrittenTo = 0
  }

  get size(): number {
    return this.#size
  }

  /** What is seen now. */
  contents(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#size))
  }

  read(target: Uint8Array, offset: number, size: number, position: number): number {
    const count = Math.max(0, Math.min(size, this.#size - position))
    target.set(this.#bytes.subarray(position, position + count), offset)
    return count
  }

  write(source: Uint8Array, offset: number, size: number, position: number): void {
    if (size === 0) return
    this.#own(position + size)
    const written = source.subarray(offset, offset + size)
    this.#change(position, position + size, () => this.#bytes.set(written, position))
    if (position + size > this.#size) this.#resize(position + size)
    else if (!this.#sizes.isDirty) this.#rewrittenTo = Math.max(this.#rewrittenTo, position + size)
  }

  truncate(size: number): void {
    this.#own(Math.max(size, this.#size))
    if (size < this.#size)
      this.#change(size, this.#size, () => this.#bytes.fill(0, size, this.#size))
    this.#resize(size)
  }

  /** Notes what a sync of these bytes (of all, without a range) will cover. */
  mark(from = 0, to = Infinity): SyncMark {
    const sectors = new Map<number, Buffer>()
    for (const [sector, { versions, isDirty }] of this.#sectors) {
      const isIn = (sector + 1) * SECTOR_SIZE > from && sector * SECTOR_SIZE < to
      if (isIn && isDirty) sectors.set(sector, versions.at(-1)!)
    }
    return { sectors, size: this.#size, rewrittenTo: this.#rewrittenTo }
  }

  /** The sync has ended well. */
  makeDurable(mark: SyncMark): void {
    for (const [sector, bytes] of mark.sectors) {
      const versions = this.#sectors.get(sector)?.versions ?? []
      versions.splice(0, Math.max(versions.indexOf(bytes), 0))
      if (versions.length === 1) this.#sectors.delete(sector)
    }
    const sizes = this.#sizes.versions
    if (this.#sizes.isDirty) sizes.splice(0, Math.max(sizes.lastIndexOf(mark.size), 0))
    else if (mark.rewrittenTo > sizes[0]!) {
      const larger = sizes.filter((size) => size > mark.rewrittenTo)
      sizes.splice(0, sizes.length, mark.rewrittenTo, ...larger)
    }
  }

  /** The sync has failed. */
  lose(mark: SyncMark): void {
    for (const sector of mark.sectors.keys()) {
      const pending = this.#sectors.get(sector)
      if (pending !== undefined) pending.isDirty = false
    }
    if (this.#sizes.versions.length === 1) return
    this.#sizes.isDirty = false
    this.#rewrittenTo = 0
  }

  /** For each thing that a crash may leave in one of several versions, how many there are. */
  choiceCounts(): number[] {
    const counts: number[] = []
    for (const { versions } of this.#sectors.values()) counts.push(versions.length)
    if (this.#sizes.versions.length > 1) counts.push(this.#sizes.versions.length)
    return counts
  }

  /**
   * The file as a crash leaves it. Asks `choose` once for each of choiceCounts, in the same order.
   */
  afterCrash(choose: Choose): ForgetfulFile {
    if (this.#sectors.size === 0 && this.#sizes.versions.length === 1) {
      this.#isShared = true
      return new ForgetfulFile(this.#bytes, this.#size, true)
    }
    const bytes = Buffer.alloc(this.#bytes.length)
    this.#bytes.copy(bytes)
    for (const [sector, { versions }] of this.#sectors) {
      bytes.set(versions[choose(versions.length)]!, sector * SECTOR_SIZE)
    }
    const sizes = this.#sizes.versions
    const size = sizes.length > 1 ? sizes[choose(sizes.length)]! : this.#size
    bytes.fill(0, Math.min(size, bytes.length))
    return new ForgetfulFile(bytes, size)
  }

  /** Makes the bytes this file's own, and large enough: a whole number of sectors. */
  #own(size: number): void {
    if (!this.#isShared && size <= this.#bytes.length) return
    const sectors = Math.ceil(size / SECTOR_SIZE)
    const capacity = Math.max(
      sectors * SECTOR_SIZE,
      Math.ceil(this.#bytes.length / SECTOR_SIZE) * SECTOR_SIZE,
    )
    const bytes = Buffer.alloc(size > this.#bytes.length ? capacity * 2 : capacity)
    this.#bytes.copy(bytes, 0, 0, this.#size)
    this.#bytes = bytes
    this.#isShared = false
  }

  /** Keeps the versions of all sectors that `work` changes between two positions. */
  #change(from: number, to: number, work: () => void): void {
    const first = Math.floor(from / SECTOR_SIZE)
    const last = Math.ceil(to / SECTOR_SIZE)
    const before = Buffer.from(this.#bytes.subarray(first * SECTOR_SIZE, last * SECTOR_SIZE))
    work()
    for (let sector = first; sector < last; sector++) {
      const start = (sector - first) * SECTOR_SIZE
      const old = before.subarray(start, start + SECTOR_SIZE)
      const now = this.#bytes.subarray(sector * SECTOR_SIZE, (sector + 1) * SECTOR_SIZE)
      const pending = this.#sectors.get(sector)
      if (pending !== undefined) pending.isDirty = true
      if (old.equals(now)) continue
      const version = Buffer.from(now)
      if (pending === undefined) {
        this.#sectors.set(sector, { versions: [Buffer.from(old), version], isDirty: true })
      } else {
        pending.versions.push(version)
      }
    }
  }

  #resize(size: number): void {
    this.#size = size
    const { versions } = this.#sizes
    if (versions.at(-1) !== size) versions.push(size)
    this.#sizes.isDirty = true
  }
}
