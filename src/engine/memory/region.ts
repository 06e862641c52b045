// Hot: bench `engine` shows it.
//
// A region is one growable range of shared memory, cut into pages of 64 KiB. Everything the store
// knows lies in regions: columns, records, posting lists, hash tables. All threads see the same
// bytes.
//
//   page 0          page 1          page 2                      (virtual, untouched)
//   ┌───────────────┬───────────────┬───────────────┬─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─
//   │ CLEAN         │ DIRTY         │ PENDING       │ reserved up to sizeMax
//   └───────────────┴───────────────┴───────────────┴─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─
//
// The state of a page says what a snapshot still has to do with it:
//
//   CLEAN    the newest snapshot holds these bytes (or the page was never written and is zero)
//   DIRTY    written since the newest snapshot began; the next snapshot writes it
//   PENDING  a running snapshot has to write it, and nobody has changed it since it began
//
//            first write                begin                    taken by the snapshot
//   CLEAN ───────────────▶ DIRTY ───────────────▶ PENDING ───────────────────────────▶ CLEAN
//                            ▲                       │ a write saves the before-image first
//                            └───────────────────────┘
//
// Invariants
//   (1) Only the store thread writes, and calls `touch(page)` before the first byte of a page whose
//       state is not DIRTY. Columns, the arena and the indexes keep this; nobody else writes.
//   (2) A page that was PENDING when a snapshot began is handed to that snapshot as it was at that
//       moment, from memory or from its before-image, exactly once.
//   (3) `size` is a multiple of PAGE_SIZE and never shrinks. Bytes never written are zero.
//
// Views are of fixed length and made anew after growth: a length-tracking view costs four times as
// much an access. Whoever keeps a view compares its length before use and asks again when it is too
// short.

import { assert } from '../../std/assert.ts'
import { beforeImages } from './before-images.ts'

export const PAGE_SIZE = 65_536
export const PAGE_SHIFT = 16

export const CLEAN = 0
export const DIRTY = 1
export const PENDING = 2

const GROWTH_SIZE_MAX = 64 * PAGE_SIZE

/** What another thread needs to see the same region. */
export interface RegionHandle {
  readonly key: string
  readonly shared: SharedArrayBuffer
  readonly states: SharedArrayBuffer
  /** True when the snapshot that the memory names holds this region, and not one before it. */
  readonly isInSnapshot: boolean
}

export class Region {
  /** Permanent name, written in manifests: "3/column/1", "3/arena", "3/index/byAuthor/pages". */
  readonly key: string
  readonly #shared: SharedArrayBuffer
  readonly #sharedStates: SharedArrayBuffer
  /** Bytes saved for the running snapshot, by page. Written by touch, emptied by takePage. */
  readonly #beforeImages: Map<number, Buffer>
  readonly #access: 'read' | 'write'
  /** All bytes of the region; stale after growth. */
  bytes: Buffer
  /** One state per page; stale after growth. */
  states: Uint8Array
  /**
   * True when the newest snapshot holds this very region. One that was made anew under the same key
   * since is another: its clean pages are zero. Written by the snapshots.
   */
  isInSnapshot: boolean

  constructor(handle: RegionHandle, access: 'read' | 'write' = 'write') {
    this.key = handle.key
    this.#access = access
    this.#shared = handle.shared
    this.#sharedStates = handle.states
    this.#beforeImages = new Map()
    this.isInSnapshot = handle.isInSnapshot
    this.bytes = Buffer.from(this.#shared, 0, this.#shared.byteLength)
    this.states = new Uint8Array(this.#sharedStates, 0, this.#sharedStates.byteLength)
  }

  /** Reserves `sizeMax` bytes of address space; takes one page. */
  static create(key: string, sizeMax: number): Region {
    assert(sizeMax >= PAGE_SIZE && sizeMax % PAGE_SIZE === 0, 'a region is a whole number of pages')
    return new Region({
      key,
      shared: new SharedArrayBuffer(PAGE_SIZE, { maxByteLength: sizeMax }),
      states: new SharedArrayBuffer(1, { maxByteLength: sizeMax / PAGE_SIZE }),
      isInSnapshot: false,
    })
  }

  handle(): RegionHandle {
    const { key, isInSnapshot } = this
    return { key, shared: this.#shared, states: this.#sharedStates, isInSnapshot }
  }

  get shared(): SharedArrayBuffer {
    return this.#shared
  }

  /** Bytes, a multiple of PAGE_SIZE. */
  get size(): number {
    return this.#shared.byteLength
  }

  get pageCount(): number {
    return this.#shared.byteLength >>> 0 === this.#shared.byteLength
      ? this.#shared.byteLength >>> PAGE_SHIFT
      : this.#shared.byteLength / PAGE_SIZE
  }

  /** True while a snapshot has yet to take pages, or one was given up half-way. */
  get isBeingTaken(): boolean {
    this.refresh()
    return this.#beforeImages.size > 0 || this.states.includes(PENDING)
  }

  get beforeImageCount(): number {
    return this.#beforeImages.size
  }

  /**
   * Makes at least `size` bytes usable. Grows by doubling up to 4 MiB a step; a step takes
   * microseconds.
   */
  grow(size: number): void {
    assert(this.#access === 'write', 'a reader does not write')
    const before = this.#shared.byteLength
    if (size > before) {
      const wanted = Math.max(size, before + Math.min(before, GROWTH_SIZE_MAX))
      const after = Math.min(Math.ceil(wanted / PAGE_SIZE) * PAGE_SIZE, this.#shared.maxByteLength)
      assert(after >= size, 'the region is full: its reserved address space is used up')
      this.#sharedStates.grow(after / PAGE_SIZE)
      this.#shared.grow(after)
    }
    this.refresh()
  }

  /** Re-makes the views after growth, here or in another thread. */
  refresh(): void {
    const size = this.#shared.byteLength
    if (this.bytes.length === size) return
    this.bytes = Buffer.from(this.#shared, 0, size)
    this.states = new Uint8Array(this.#sharedStates, 0, size / PAGE_SIZE)
  }

  /** Must be called before writing to a page whose state is not DIRTY. */
  touch(page: number): void {
    assert(this.#access === 'write', 'a reader does not write')
    if (this.states[page] === PENDING) {
      const start = page * PAGE_SIZE
      const image = beforeImages.take()
      this.bytes.copy(image, 0, start, start + PAGE_SIZE)
      this.#beforeImages.set(page, image)
    }
    this.states[page] = DIRTY
  }

  /**
   * Starts a snapshot: every dirty page becomes pending. Returns the number of pages, of which
   * those that come later by growth are not part. `everyPage` leaves no page out, for a region of
   * which no snapshot is known. At 1.6 million pages (100 GB) this takes 2 ms the first time, 0.4
   * ms later.
   */
  beginSnapshot(everyPage: boolean): number {
    assert(this.#beforeImages.size === 0, 'one snapshot at a time')
    this.refresh()
    const states = this.states
    if (everyPage) {
      states.fill(PENDING)
      return states.length
    }
    // Only CLEAN (0) and DIRTY (1) are possible here, so that a shift by one is the step to PENDING
    // (2), four pages at a time and without a carry into the neighbour.
    const words = new Uint32Array(this.#sharedStates, 0, states.length >>> 2)
    for (let index = 0; index < words.length; index++) words[index] = words[index]! << 1
    for (let page = words.length * 4; page < states.length; page++) states[page]! <<= 1
    return states.length
  }

  /**
   * Marks a clean page to be written by the next snapshot, because the file that holds it is to be
   * dropped.
   */
  markDirty(page: number): void {
    if (this.states[page] === CLEAN) this.states[page] = DIRTY
  }

  /** Copies a page of the running snapshot, as it was when that began, to `target` at `offset`. */
  takePage(page: number, target: Buffer, offset: number): void {
    const image = this.#beforeImages.get(page)
    if (image !== undefined) {
      image.copy(target, offset)
      this.#beforeImages.delete(page)
      beforeImages.give(image)
      return
    }
    assert(this.states[page] === PENDING, 'a snapshot takes a page once')
    const start = page * PAGE_SIZE
    this.bytes.copy(target, offset, start, start + PAGE_SIZE)
    this.states[page] = CLEAN
  }

  /** Pages that the running snapshot has to take from their before-images, oldest image first. */
  beforeImagePages(): Iterable<number> {
    return this.#beforeImages.keys()
  }

  /** Gives up taking a page, or having taken it: it is dirty again. */
  abandonPage(page: number): void {
    this.states[page] = DIRTY
  }

  /** Ends a snapshot that was given up: drops what is left of its before-images. */
  dropBeforeImages(): void {
    this.#beforeImages.clear()
  }
}
