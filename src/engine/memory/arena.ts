// Hot: bench `engine` shows it.
//
// An arena is a region of records of any size. A reference is the record's offset in units of 8
// bytes, so that 32 bits address 32 GiB; 0 is no record.
//
//   offset 0            1024
//   ┌──────────────────┬───────────────┬───────────────┬──────────┬─ ─ ─
//   │ header           │ size │ bytes… │ size │ bytes… │ free     │ top →
//   └──────────────────┴───────────────┴───────────────┴──────────┴─ ─ ─
//   header   0 f64 top: offset of the first byte never used
//            8 f64 sum of the sizes of all blocks in use
//           16 u32 × 242 free list heads, one for each size class
//   block    0 u32 size of the record in bytes; FREE | class when free
//            4 the bytes of the record, then padding; when free: u32 next free block, rest zero
//
// Block sizes come in classes, so that a freed block fits the next record of about that size
// exactly: steps of 8 bytes up to 1 KiB, then eight steps a doubling. Blocks are never split or
// merged: rows of a table are alike, and what one frees another takes. A block is zeroed when
// freed: what a user deletes is gone from memory, and from the next snapshot.
//
// Invariants
//   (1) Every block between 1024 and top is in use or on the free list of its class, and the
//       classes of the blocks tile that range exactly.
//   (2) A record's class follows from its size alone, so the size word is all that `free` needs.

import { assert } from '../../std/assert.ts'
import { DIRTY } from './region.ts'
import type { Region } from './region.ts'

const HEADER_SIZE = 1024
const TOP_INDEX = 0 // f64
const USED_INDEX = 1 // f64
const FREE_HEADS_INDEX = 4 // u32
const CLASS_COUNT_MAX = 242
const FREE = 0x8000_0000
const SMALL_SIZE_MAX = 1024
const SMALL_CLASS_COUNT = SMALL_SIZE_MAX / 8 + 1
/** References a page of the region, as a shift. */
const PAGE_REFERENCE_SHIFT = 13
/** Bytes that are copied by a call rather than one by one. */
const COPY_SIZE_MIN = 16

/** Bytes of the largest record. */
export const RECORD_SIZE_MAX = 16 * 1024 * 1024

/** The class of a block that holds `size` bytes, its size word included. */
function classOf(size: number): number {
  if (size <= SMALL_SIZE_MAX) return (size + 7) >>> 3
  const doubling = 31 - Math.clz32(size - 1) // size is in (2^doubling, 2^(doubling + 1)]
  const step = 2 ** (doubling - 3)
  return SMALL_CLASS_COUNT + (doubling - 10) * 8 + Math.ceil((size - 2 ** doubling) / step) - 1
}

/** Bytes of a block of that class. */
function blockSize(sizeClass: number): number {
  if (sizeClass < SMALL_CLASS_COUNT) return sizeClass * 8
  const doubling = 10 + ((sizeClass - SMALL_CLASS_COUNT) >>> 3)
  return 2 ** doubling + (((sizeClass - SMALL_CLASS_COUNT) & 7) + 1) * 2 ** (doubling - 3)
}

function isClass(sizeClass: number): boolean {
  return sizeClass > 0 && sizeClass < CLASS_COUNT_MAX
}

/** References as one bit each: a Set ends at 16.7 million entries. */
export class ReferenceSet {
  readonly #bits: Uint8Array
  /** References in the set. */
  count: number

  /** All references lie below `limit`. */
  constructor(limit: number) {
    this.#bits = new Uint8Array(Math.ceil(limit / 8))
    this.count = 0
  }

  add(reference: number): void {
    this.#bits[Math.floor(reference / 8)]! |= 1 << (reference % 8)
    this.count++
  }

  /** Takes a reference out. Returns false when it is not in. */
  take(reference: number): boolean {
    const byte = this.#bits[Math.floor(reference / 8)] ?? 0
    const bit = 1 << (reference % 8)
    if ((byte & bit) === 0) return false
    this.#bits[Math.floor(reference / 8)] = byte ^ bit
    this.count--
    return true
  }
}

export class Arena {
  readonly region: Region
  /** All bytes; a record lies at `offset(reference)`. Stale after growth, see `refresh`. */
  bytes: Buffer
  #u32: Uint32Array
  #f64: Float64Array
  #states: Uint8Array

  constructor(region: Region) {
    this.region = region
    this.bytes = region.bytes
    this.#u32 = new Uint32Array(0)
    this.#f64 = new Float64Array(0)
    this.#states = region.states
    this.refresh()
  }

  /** Re-makes the views when the region has grown, here or in another thread. */
  refresh(): void {
    const region = this.region
    region.refresh()
    if (this.bytes === region.bytes && this.#u32.length !== 0) return
    this.bytes = region.bytes
    this.#u32 = new Uint32Array(region.shared, 0, region.bytes.length / 4)
    this.#f64 = new Float64Array(region.shared, 0, region.bytes.length / 8)
    this.#states = region.states
  }

  /** Bytes in use by blocks, free ones left out. */
  get usedSize(): number {
    return this.#f64[USED_INDEX]!
  }

  /** Bytes up to the first one never used. */
  get topOffset(): number {
    return this.#f64[TOP_INDEX]! || HEADER_SIZE
  }

  /** Copies `source[start, end)` into a new record. Returns its reference. */
  write(source: Buffer, start: number, end: number): number {
    const size = end - start
    assert(size > 0 && size <= RECORD_SIZE_MAX, 'a record has 1 byte to 16 MiB')
    const sizeClass = classOf(size + 4)
    const reference = this.#take(sizeClass)
    this.#touch(reference, size + 4)
    this.#u32[reference * 2] = size
    const bytes = this.bytes
    const target = reference * 8 + 4
    if (size < COPY_SIZE_MIN) {
      for (let index = 0; index < size; index++) bytes[target + index] = source[start + index]!
    } else {
      source.copy(bytes, target, start, end)
    }
    return reference
  }

  /** Offset of a record's first byte in `bytes`. */
  offset(reference: number): number {
    return reference * 8 + 4
  }

  /**
   * Looks at both ends of the first cache lines of a record, so that they are near when it is read.
   */
  peek(reference: number): number {
    const index = reference * 2
    if (index + 32 >= this.#u32.length) return 0
    return this.#u32[index]! + this.#u32[index + 16]! + this.#u32[index + 31]!
  }

  /**
   * Offset behind a record's last byte in `bytes`, whose views are fresh then. Of no record: where
   * it would start. Throws RangeError where there cannot be a record: a reader in another thread
   * may have a torn reference, or meet a free block.
   */
  end(reference: number): number {
    if (reference === 0) return this.offset(0)
    const size = this.size(reference)
    const end = this.offset(reference) + size
    if (end > this.bytes.length) this.refresh()
    if (size > RECORD_SIZE_MAX || end > this.bytes.length) {
      throw new RangeError(`no record of ${size} bytes lies at ${reference * 8}`)
    }
    return end
  }

  /** Bytes of a record; 0 beyond the end of the region. */
  size(reference: number): number {
    if (reference * 2 >= this.#u32.length) this.refresh()
    return this.#u32[reference * 2] ?? 0
  }

  /** Gives a record's block back, zeroed. */
  free(reference: number): void {
    const size = this.size(reference)
    assert(reference !== 0 && size > 0 && size <= RECORD_SIZE_MAX, 'only a record in use is freed')
    const sizeClass = classOf(size + 4)
    const offset = reference * 8
    this.#touch(reference, size + 4)
    this.bytes.fill(0, offset, offset + 4 + size)
    this.#u32[reference * 2] = (FREE | sizeClass) >>> 0
    this.#touch(0, HEADER_SIZE)
    const head = FREE_HEADS_INDEX + sizeClass
    this.#u32[reference * 2 + 1] = this.#u32[head]!
    this.#u32[head] = reference
    this.#f64[USED_INDEX] = this.#f64[USED_INDEX]! - blockSize(sizeClass)
  }

  /**
   * Walks all blocks. Returns the references in use, or a sentence about the first broken
   * invariant.
   */
  check(): ReferenceSet | string {
    const top = this.topOffset
    if (!(top >= HEADER_SIZE && top <= this.bytes.length && top % 8 === 0)) {
      return `the top is ${top}, in a region of ${this.bytes.length} bytes`
    }
    const used = new ReferenceSet(top / 8)
    let usedSize = 0
    let freeCount = 0
    for (let offset = HEADER_SIZE; offset < top;) {
      const word = this.#u32[offset / 4]!
      const isFree = word >= FREE
      const sizeClass = isFree ? word - FREE : classOf(word + 4)
      if ((!isFree && (word === 0 || word > RECORD_SIZE_MAX)) || !isClass(sizeClass)) {
        return `offset ${offset}: ${word} is not the size of a record`
      }
      const size = blockSize(sizeClass)
      if (offset + size > top) return `a block ends at ${offset + size}, past the top at ${top}`
      if (isFree) freeCount++
      else {
        used.add(offset / 8)
        usedSize += size
      }
      offset += size
    }
    if (usedSize !== this.usedSize) {
      return `it claims ${this.usedSize} bytes in use, its blocks make ${usedSize}`
    }
    let listedCount = 0
    for (let sizeClass = 1; sizeClass < CLASS_COUNT_MAX; sizeClass++) {
      let reference = this.#u32[FREE_HEADS_INDEX + sizeClass]!
      while (reference !== 0 && listedCount <= freeCount) {
        const word = this.#u32[reference * 2]!
        if (word !== (FREE | sizeClass) >>> 0) {
          return `offset ${reference * 8} is on free list ${sizeClass} but is not such a block`
        }
        listedCount++
        reference = this.#u32[reference * 2 + 1]!
      }
    }
    if (listedCount !== freeCount) return `${freeCount} free blocks, ${listedCount} on free lists`
    return used
  }

  #take(sizeClass: number): number {
    this.#touch(0, HEADER_SIZE)
    const size = blockSize(sizeClass)
    this.#f64[USED_INDEX] = this.#f64[USED_INDEX]! + size
    const head = FREE_HEADS_INDEX + sizeClass
    const free = this.#u32[head]!
    if (free !== 0) {
      this.#u32[head] = this.#u32[free * 2 + 1]!
      this.#touch(free, 8)
      this.#u32[free * 2 + 1] = 0
      return free
    }
    const offset = this.topOffset
    if (offset + size > this.bytes.length) {
      this.region.grow(offset + size)
      this.refresh()
    }
    this.#f64[TOP_INDEX] = offset + size
    assert(offset / 8 < 2 ** 32, 'an arena holds 32 GiB')
    return offset / 8
  }

  /** Of `size` bytes from a reference on; 0 is the header. */
  #touch(reference: number, size: number): void {
    const states = this.#states
    const last = (reference + ((size + 7) >>> 3) - 1) >>> PAGE_REFERENCE_SHIFT
    for (let page = reference >>> PAGE_REFERENCE_SHIFT; page <= last; page++) {
      if (states[page] !== DIRTY) this.region.touch(page)
    }
  }
}
