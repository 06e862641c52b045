// The hash table against a map: equal hashes, probing round the end of a segment, splits, and how
// much a step moves.

import { describe, expect, it } from 'vitest'
import { InvariantError } from '../../../src/std/assert.ts'
import { HashTable, hashPair, hashText } from '../../../src/engine/indexes/hash-table.ts'
import { Column } from '../../../src/engine/memory/column.ts'
import { Region } from '../../../src/engine/memory/region.ts'
import { seededTest } from '../../support/seeded.ts'

const MIB = 2 ** 20
const ENTRY_COUNT_MAX = 768

/** Counts the words that are written. */
class CountingColumn extends Column {
  writes = 0

  override set(index: number, value: number): void {
    this.writes++
    super.set(index, value)
  }
}

class World {
  readonly directory = new CountingColumn(Region.create('d', 128 * MIB), 4)
  readonly segments = new CountingColumn(Region.create('s', 256 * MIB), 4)
  readonly table = new HashTable(this.directory, this.segments)
  /** Hash by row. */
  readonly expected = new Map<number, number>()

  add(hash: number, row: number): void {
    this.table.add(hash, row)
    this.expected.set(row, hash)
  }

  remove(row: number): void {
    expect(this.table.remove(this.expected.get(row)!, row)).toBe(true)
    this.expected.delete(row)
  }

  compare(): void {
    const found = new Map<number, number>()
    expect(this.table.check((hash, row) => found.set(row, hash))).toBeUndefined()
    expect(found).toEqual(this.expected)
    expect(this.table.count).toBe(this.expected.size)
    for (const [row, hash] of this.expected)
      if (find(this.table, hash, row) !== row) expect(row).toBe(0)
  }
}

function find(table: HashTable, hash: number, row: number): number {
  return table.find(hash, (candidate, wanted) => candidate === wanted, row, 0)
}

describe('a hash table', () => {
  it('is empty at first', () => {
    const { table } = new World()
    expect([table.count, find(table, 5, 1), table.remove(5, 1)]).toEqual([0, 0, false])
    expect(table.check(() => {})).toBeUndefined()
  })

  seededTest('equals a map under random additions and removals', (random) => {
    const hashes: readonly (() => number)[] = [
      () => random.word(),
      // Many equal hashes.
      () => random.below(40) * 107_374_182,
      // Homes near the end of a segment, so that probing wraps round.
      () => ((random.word() & ~1023) | (1020 + random.below(4))) >>> 0,
      // Prefixes alike, so that one side of the directory is deep.
      () => (0xabc0_0000 | random.below(2 ** 18)) >>> 0,
    ]
    for (const nextHash of hashes) {
      const world = new World()
      let row = 0
      for (let step = 0; step < 8000; step++) {
        if (random.once(3) && world.expected.size > 0) {
          const candidate = random.between(1, row)
          if (world.expected.has(candidate)) world.remove(candidate)
          else expect(find(world.table, random.word(), candidate)).toBe(0)
        } else world.add(nextHash(), ++row)
        if (step % 2000 === 1999) world.compare()
      }
      for (const candidate of world.expected.keys()) world.remove(candidate)
      world.compare()
    }
  })

  seededTest('removes from a full cluster that wraps round, in every order', (random) => {
    for (let turn = 0; turn < 300; turn++) {
      const world = new World()
      const homes = Array.from({ length: 12 }, () => (1018 + random.below(10)) & 1023)
      homes.forEach((home, index) => world.add(home, index + 1))
      while (world.expected.size > 0) {
        world.remove(random.pick([...world.expected.keys()]))
        world.compare()
      }
    }
  })

  it('tells rows of one hash apart, and asks only about those', () => {
    const { table } = new World()
    for (let row = 1; row <= 500; row++) table.add(row % 2, row)
    const asked: number[] = []
    const found = table.find(1, (row) => asked.push(row) > 0 && row === 77, 0, 0)
    expect(found).toBe(77)
    expect(asked.every((row) => row % 2 === 1)).toBe(true)
    expect(find(table, 1, 78)).toBe(0)
    expect(table.remove(1, 78)).toBe(false)
  })

  it('moves at most one segment of entries in an addition, however large it is', () => {
    const world = new World()
    const { table, directory, segments } = world
    let segmentsMost = 0
    let directoryMost = 0
    for (let row = 1; row <= 400_000; row++) {
      segments.writes = 0
      directory.writes = 0
      table.add(hashPair(7, row, 1), row)
      segmentsMost = Math.max(segmentsMost, segments.writes)
      directoryMost = Math.max(directoryMost, directory.writes)
    }
    // A moved entry is read, cleared (2 words) and put (3 words).
    expect(segmentsMost).toBeLessThanOrEqual(ENTRY_COUNT_MAX * 5 + 8)
    // 400,000 entries need about 800 segments; doubling writes two words a directory entry.
    expect(directoryMost).toBeLessThanOrEqual(2 * 1024 + 1024)
    expect(table.check(() => {})).toBeUndefined()
    expect(directory.get(1) * 1024).toBeLessThan(3 * 400_000)
  })

  it('refuses a segment of equal hashes instead of doubling without end', () => {
    const { table, directory } = new World()
    for (let row = 1; row <= ENTRY_COUNT_MAX; row++) table.add(12_345, row)
    expect(() => table.add(12_345, 769)).toThrow('hashes are spread')
    expect(directory.get(0)).toBeLessThanOrEqual(24)
    expect(() => table.add(1, 0)).toThrow(InvariantError)
  })
})

describe('hashes', () => {
  it('depend on the seed, the order of a pair, and every bit', () => {
    expect(hashText(1, 'hanako')).not.toBe(hashText(2, 'hanako'))
    expect(hashPair(1, 2, 3)).not.toBe(hashPair(1, 3, 2))
    const pairs = new Set<number>()
    for (let a = 0; a < 300; a++) for (let b = 0; b < 300; b++) pairs.add(hashPair(9, a, b))
    expect(pairs.size).toBeGreaterThan(89_900 - 20)
    const texts = new Set(
      Array.from({ length: 100_000 }, (_, index) => hashText(9, `user${index}`)),
    )
    expect(texts.size).toBeGreaterThan(100_000 - 20)
  })
})

describe('check of a hash table says', () => {
  const slotOf = (world: World, row: number): number => {
    for (let slot = 4; slot < 2052; slot += 2) if (world.segments.get(slot + 1) === row) return slot
    throw new Error('the row is in the first segment')
  }
  const broken: [string, (world: World) => void, RegExp][] = [
    ['when an entry is not reached', (w) => w.segments.set(slotOf(w, 2) + 1, 0), /not reached/],
    ['when a segment counts wrong', (w) => w.segments.set(1, 5), /claims 5 entries and holds 3/],
    ['when the table counts wrong', (w) => w.directory.set(2, 5), /claims 5 entries and holds 3/],
    ['when an entry is in a foreign segment', (w) => w.directory.set(4, 9), /not its own/],
  ]
  for (const [name, damage, sentence] of broken) {
    it(name, () => {
      const world = new World()
      for (const row of [1, 2, 3]) world.add(40, row)
      world.compare()
      damage(world)
      expect(world.table.check(() => {})).toMatch(sentence)
    })
  }
})
