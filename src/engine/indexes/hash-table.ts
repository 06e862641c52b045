// Hot: bench `engine` shows it.
//
// A hash table in shared memory from 32-bit hashes to row ids, for the unique and pair indexes. It
// stores no keys: whoever asks says whether a candidate row has the key, and since all 32 bits of
// the hash are compared first, that question is hardly ever asked twice.
//
// Extendible hashing: the top bits of the hash choose an entry of the directory, which names a
// segment; the low bits choose the slot where probing starts. A full segment is split in two,
// alone: growth moves at most 768 entries, however large the table; the directory doubles now and
// then (4 bytes a segment).
//
//   directory column, words                      segments column, words
//   0  depth: bits of the hash used              segment s begins at word s × 2052
//   1  count of segments                         0  depth of this segment
//   2  count of entries                          1  count of its entries
//   4… segment number for each prefix            4… 1024 slots of { hash, row id }; row 0 is free
//
// Invariants
//   (1) A segment of depth d is named by the 2^(depth - d) directory entries that share its d-bit
//       prefix.
//   (2) An entry lies between its home slot (hash & 1023) and the next free slot, wrapping round.
//   (3) No segment holds more than 768 entries, so probing ends.

import { assert } from '../../std/assert.ts'
import type { Column } from '../memory/column.ts'

const SLOT_COUNT = 1024
const SLOT_MASK = SLOT_COUNT - 1
const ENTRY_COUNT_MAX = 768
const SEGMENT_HEADER_COUNT = 4
const SEGMENT_COUNT = SEGMENT_HEADER_COUNT + SLOT_COUNT * 2
const DIRECTORY_HEADER_COUNT = 4
const DEPTH_MAX = 24

export class HashTable {
  readonly #directory: Column
  readonly #segments: Column

  /** Two columns of 32-bit words, empty or written by this class before. */
  constructor(directory: Column, segments: Column) {
    assert(directory.width === 4 && segments.width === 4, 'a hash table is made of 32-bit words')
    this.#directory = directory
    this.#segments = segments
  }

  /** Entries in the table. */
  get count(): number {
    return this.#directory.get(2)
  }

  /** The first row of that hash for which `matches(row, a, b)` holds; 0 when there is none. */
  find<A, B>(hash: number, matches: (row: number, a: A, b: B) => boolean, a: A, b: B): number {
    const segments = this.#segments
    if (this.#directory.get(1) === 0) return 0
    const slots = this.#segmentOf(hash) * SEGMENT_COUNT + SEGMENT_HEADER_COUNT
    for (let probe = 0; probe < SLOT_COUNT; probe++) {
      const slot = slots + ((hash + probe) & SLOT_MASK) * 2
      const row = segments.get(slot + 1)
      if (row === 0) return 0
      if (segments.get(slot) === hash && matches(row, a, b)) return row
    }
    return 0
  }

  /** Adds an entry; the caller has made sure that its key is not there yet. */
  add(hash: number, row: number): void {
    assert(row !== 0, 'row ids start at 1')
    const directory = this.#directory
    const segments = this.#segments
    if (directory.get(1) === 0) {
      directory.set(1, 1)
      directory.set(DIRECTORY_HEADER_COUNT, 0)
      segments.set(SEGMENT_COUNT - 1, 0) // takes the space
    }
    let segment = this.#segmentOf(hash)
    while (segments.get(segment * SEGMENT_COUNT + 1) >= ENTRY_COUNT_MAX) {
      this.#split(segment, hash)
      segment = this.#segmentOf(hash)
    }
    this.#put(segment, hash, row)
    directory.set(2, directory.get(2) + 1)
  }

  /** Removes the entry of that hash and row. Returns false when there is none. */
  remove(hash: number, row: number): boolean {
    if (this.#directory.get(1) === 0) return false
    const segments = this.#segments
    const base = this.#segmentOf(hash) * SEGMENT_COUNT
    const slots = base + SEGMENT_HEADER_COUNT
    let hole = hash & SLOT_MASK
    for (;;) {
      const found = segments.get(slots + hole * 2 + 1)
      if (found === 0) return false
      if (found === row && segments.get(slots + hole * 2) === hash) break
      hole = (hole + 1) & SLOT_MASK
    }
    // Entries behind the hole move into it when that brings them no further than their home:
    // invariant (2).
    for (let next = (hole + 1) & SLOT_MASK; ; next = (next + 1) & SLOT_MASK) {
      const nextRow = segments.get(slots + next * 2 + 1)
      if (nextRow === 0) break
      const nextHash = segments.get(slots + next * 2)
      if (((next - nextHash) & SLOT_MASK) >= ((next - hole) & SLOT_MASK)) {
        segments.set(slots + hole * 2, nextHash)
        segments.set(slots + hole * 2 + 1, nextRow)
        hole = next
      }
    }
    segments.set(slots + hole * 2, 0)
    segments.set(slots + hole * 2 + 1, 0)
    segments.set(base + 1, segments.get(base + 1) - 1)
    this.#directory.set(2, this.#directory.get(2) - 1)
    return true
  }

  /** Calls `visit` for every entry. Returns a sentence about the first broken invariant, if any. */
  check(visit: (hash: number, row: number) => void): string | undefined {
    const segments = this.#segments
    const segmentCount = this.#directory.get(1)
    let total = 0
    for (let segment = 0; segment < segmentCount; segment++) {
      const base = segment * SEGMENT_COUNT
      let count = 0
      for (let slot = 0; slot < SLOT_COUNT; slot++) {
        const row = segments.get(base + SEGMENT_HEADER_COUNT + slot * 2 + 1)
        if (row === 0) continue
        const hash = segments.get(base + SEGMENT_HEADER_COUNT + slot * 2)
        if (this.#segmentOf(hash) !== segment)
          return `row ${row} is in segment ${segment}, not its own`
        if (this.find(hash, isRow, row, 0) !== row)
          return `row ${row} is not reached from its home slot`
        visit(hash, row)
        count++
      }
      if (count !== segments.get(base + 1)) {
        return `segment ${segment} claims ${segments.get(base + 1)} entries and holds ${count}`
      }
      total += count
    }
    if (total !== this.count) return `the table claims ${this.count} entries and holds ${total}`
    return undefined
  }

  #segmentOf(hash: number): number {
    const directory = this.#directory
    const depth = directory.get(0)
    return directory.get(DIRECTORY_HEADER_COUNT + (depth === 0 ? 0 : hash >>> (32 - depth)))
  }

  #put(segment: number, hash: number, row: number): void {
    const segments = this.#segments
    const base = segment * SEGMENT_COUNT
    const slots = base + SEGMENT_HEADER_COUNT
    let slot = hash & SLOT_MASK
    while (segments.get(slots + slot * 2 + 1) !== 0) slot = (slot + 1) & SLOT_MASK
    segments.set(slots + slot * 2, hash)
    segments.set(slots + slot * 2 + 1, row)
    segments.set(base + 1, segments.get(base + 1) + 1)
  }

  /**
   * Splits the segment that `hash` falls into: entries whose next bit is 1 move to a new segment.
   */
  #split(segment: number, hash: number): void {
    const directory = this.#directory
    const segments = this.#segments
    const base = segment * SEGMENT_COUNT
    const depth = segments.get(base)
    if (depth === directory.get(0)) this.#double()
    const globalDepth = directory.get(0)
    const added = directory.get(1)
    directory.set(1, added + 1)
    segments.set((added + 1) * SEGMENT_COUNT - 1, 0) // takes the space
    segments.set(base, depth + 1)
    segments.set(added * SEGMENT_COUNT, depth + 1)
    // The directory entries of the old segment's prefix: the upper half now names the new one.
    const share = 2 ** (globalDepth - depth)
    const firstEntry = depth === 0 ? 0 : (hash >>> (32 - depth)) * share
    for (let entry = firstEntry + share / 2; entry < firstEntry + share; entry++) {
      directory.set(DIRECTORY_HEADER_COUNT + entry, added)
    }
    const slots = base + SEGMENT_HEADER_COUNT
    const hashes = new Uint32Array(ENTRY_COUNT_MAX)
    const rows = new Uint32Array(ENTRY_COUNT_MAX)
    let count = 0
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      const row = segments.get(slots + slot * 2 + 1)
      if (row === 0) continue
      hashes[count] = segments.get(slots + slot * 2)
      rows[count++] = row
      segments.set(slots + slot * 2, 0)
      segments.set(slots + slot * 2 + 1, 0)
    }
    segments.set(base + 1, 0)
    for (let index = 0; index < count; index++) {
      const goesUp = ((hashes[index]! >>> (31 - depth)) & 1) === 1
      this.#put(goesUp ? added : segment, hashes[index]!, rows[index]!)
    }
  }

  #double(): void {
    const directory = this.#directory
    const depth = directory.get(0)
    assert(depth < DEPTH_MAX, 'hashes are spread: no segment is split 24 times')
    for (let entry = 2 ** depth - 1; entry >= 0; entry--) {
      const segment = directory.get(DIRECTORY_HEADER_COUNT + entry)
      directory.set(DIRECTORY_HEADER_COUNT + entry * 2, segment)
      directory.set(DIRECTORY_HEADER_COUNT + entry * 2 + 1, segment)
    }
    directory.set(0, depth + 1)
  }
}

function isRow(row: number, wanted: number): boolean {
  return row === wanted
}

/** Hash of a text, seeded: 32-bit FNV-1a over UTF-16 code units, then mixed. */
export function hashText(seed: number, text: string): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  return mix(hash)
}

/** Hash of two numbers, seeded. */
export function hashPair(seed: number, a: number, b: number): number {
  return mix(Math.imul(mix(a ^ seed), 0x9e3779b1) ^ b)
}

/**
 * The finaliser of MurmurHash3: every input bit changes every output bit with probability one half.
 */
function mix(value: number): number {
  let hash = value | 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
