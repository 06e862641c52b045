// The arena against a map of what was written: sizes, size classes, free lists, zeroing, and its
// own check.

import { describe, expect, it } from 'vitest'
import { InvariantError } from '../../../src/std/assert.ts'
import { Arena, RECORD_SIZE_MAX } from '../../../src/engine/memory/arena.ts'
import { DIRTY, PAGE_SIZE, Region } from '../../../src/engine/memory/region.ts'
import { seededTest } from '../../support/seeded.ts'

const MIB = 2 ** 20
const HEADER_SIZE = 1024

function arena(size = 64 * MIB): Arena {
  return new Arena(Region.create('a', size))
}

function content(records: Arena, reference: number): Buffer {
  const start = records.offset(reference)
  return records.bytes.subarray(start, start + records.size(reference))
}

function usedReferences(records: Arena): number[] {
  const used = records.check()
  if (typeof used === 'string') throw new Error(used)
  const references: number[] = []
  for (let offset = HEADER_SIZE; offset < records.topOffset; offset += 8) {
    if (used.take(offset / 8)) references.push(offset / 8)
  }
  return references
}

describe('an arena', () => {
  it('gives every size from 1 to 70,000 a block of little more, and takes it back', () => {
    const records = arena(1024 * MIB)
    const source = Buffer.alloc(70_000, 0xa5)
    let blockBefore = 0
    for (let size = 1; size <= 70_000; size++) {
      const used = records.usedSize
      const reference = records.write(source, 0, size)
      const block = records.usedSize - used
      const needed = size + 4
      if (block < needed || block % 8 !== 0 || block < blockBefore) {
        expect([size, block]).toEqual([size, 'a block that fits'])
      }
      if (block - needed > Math.max(7, needed / 8)) expect([size, block]).toEqual([size, 'less'])
      blockBefore = block
      if (records.size(reference) !== size) expect(records.size(reference)).toBe(size)
      records.free(reference)
      const top = records.topOffset
      const again = records.write(source, 0, size)
      if (again !== reference || records.topOffset !== top) expect(again).toBe(reference)
      records.free(again)
    }
    expect(records.usedSize).toBe(0)
    expect(usedReferences(records)).toEqual([])
  })

  it('holds records up to 16 MiB, and refuses empty and larger ones', () => {
    const records = arena(128 * MIB)
    const source = Buffer.alloc(RECORD_SIZE_MAX + 1, 1)
    for (const size of [2 ** 20, 2 ** 23 - 3, RECORD_SIZE_MAX - 1, RECORD_SIZE_MAX]) {
      const reference = records.write(source, 0, size)
      expect(content(records, reference).equals(source.subarray(0, size))).toBe(true)
      records.free(reference)
    }
    expect(() => records.write(source, 0, RECORD_SIZE_MAX + 1)).toThrow(InvariantError)
    expect(() => records.write(source, 5, 5)).toThrow(InvariantError)
    expect(usedReferences(records)).toEqual([])
  })

  it('zeroes what is freed', () => {
    const records = arena()
    const references = [1, 5, 63, 64, 1000, 5000].map((size) =>
      records.write(Buffer.alloc(size, 0xff), 0, size),
    )
    for (const reference of references) records.free(reference)
    const rest = records.bytes.subarray(HEADER_SIZE, records.topOffset)
    expect(rest.includes(0xff)).toBe(false)
  })

  it('leaves nothing of its free lists in the rest of a block that is taken again', () => {
    const records = arena()
    const references = Array.from({ length: 300 }, () => records.write(Buffer.from('a'), 0, 1))
    for (const freed of references.slice(200)) records.free(freed)
    const reference = records.write(Buffer.from('b'), 0, 1)
    const start = records.offset(reference)
    expect(records.bytes.toString('latin1', start, start + 4)).toBe('b\0\0\0')
  })

  it('refuses to free a record twice', () => {
    const records = arena()
    const reference = records.write(Buffer.from('hello'), 0, 5)
    records.free(reference)
    expect(() => records.free(reference)).toThrow(InvariantError)
    expect(() => records.free(0)).toThrow(InvariantError)
  })

  it('marks every page that it writes', () => {
    const records = arena()
    records.region.grow(MIB)
    records.refresh()
    const reference = records.write(Buffer.alloc(200_000, 1), 0, 200_000)
    const last = Math.floor((records.offset(reference) + 200_000) / PAGE_SIZE)
    const dirty = [...records.region.states].map((state) => state === DIRTY)
    expect(dirty.slice(0, last + 1).every(Boolean)).toBe(true)
    expect(dirty.slice(last + 1).some(Boolean)).toBe(false)
  })

  seededTest('equals a map under random writes and frees', (random) => {
    const records = arena(256 * MIB)
    const reader = new Arena(records.region)
    const source = random.bytes(110_000)
    const expected = new Map<number, Buffer>()
    for (let step = 0; step < 4000; step++) {
      if (random.below(100) < (expected.size > 300 ? 55 : 40) && expected.size > 0) {
        const reference = random.pick([...expected.keys()])
        records.free(reference)
        expected.delete(reference)
        continue
      }
      const most = random.pick([12, 200, 2000, 2000, 20_000, 100_000])
      const border = 2 ** random.between(3, 16) + random.between(-6, 6)
      const size = random.once(3) ? border : random.between(1, most)
      const start = random.below(source.length - size)
      const reference = records.write(source, start, start + size)
      expect(expected.has(reference)).toBe(false)
      expected.set(reference, source.subarray(start, start + size))
    }
    for (const [reference, bytes] of expected) {
      expect(reader.size(reference)).toBe(bytes.length)
      reader.refresh()
      expect(content(reader, reference).equals(bytes)).toBe(true)
    }
    expect(usedReferences(records)).toEqual([...expected.keys()].toSorted((a, b) => a - b))
    for (const reference of expected.keys()) records.free(reference)
    expect(records.usedSize).toBe(0)
    expect(usedReferences(records)).toEqual([])
  })
})

describe('check of an arena says', () => {
  const TOP = 0
  const USED = 1
  const word = ({ region }: Arena): Uint32Array => new Uint32Array(region.shared, 0, 4096)
  const float = ({ region }: Arena): Float64Array => new Float64Array(region.shared, 0, 16)
  /** One record in use at 1024, a freed one of the same class at 1040. */
  const broken: [string, (records: Arena) => void, RegExp][] = [
    [
      'when a size is impossible',
      (a) => (word(a)[256] = 0x7fff_ffff),
      /is not the size of a record/,
    ],
    ['when a size is 0', (a) => (word(a)[256] = 0), /is not the size of a record/],
    ['when a free block has no class', (a) => (word(a)[260] = 0x8000_0000), /is not the size/],
    ['when blocks do not end at the top', (a) => (word(a)[256] = 100_000), /past the top/],
    ['when the top lies past the region', (a) => (float(a)[TOP] = 2 ** 40), /top/],
    ['when the top is no place for a block', (a) => (float(a)[TOP] = 1044.5), /top/],
    ['when a free list names a record', (a) => (word(a)[4 + 2] = 128), /is not such a block/],
    [
      'when a free block is not listed',
      (a) => (word(a)[4 + 2] = 0),
      /1 free blocks, 0 on free lists/,
    ],
    ['when a free list goes round', (a) => (word(a)[261] = 130), /on free lists/],
    ['when the bytes in use are another number', (a) => (float(a)[USED] = 7), /7 bytes/],
  ]
  for (const [name, damage, sentence] of broken) {
    it(name, () => {
      const records = arena()
      records.write(Buffer.alloc(8, 1), 0, 8)
      records.free(records.write(Buffer.alloc(8, 2), 0, 8))
      expect(typeof records.check()).toBe('object')
      damage(records)
      expect(records.check()).toMatch(sentence)
    })
  }
})
