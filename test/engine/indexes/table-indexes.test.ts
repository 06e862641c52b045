// The four kinds of index on columns that a test writes itself: what each takes in, leaves out, and
// refuses.

import { describe, expect, it } from 'vitest'
import { InvariantError } from '../../../src/std/assert.ts'
import { CounterIndex } from '../../../src/engine/indexes/counter-index.ts'
import { HashTable } from '../../../src/engine/indexes/hash-table.ts'
import { PairIndex } from '../../../src/engine/indexes/pair-index.ts'
import { PostingIndex } from '../../../src/engine/indexes/posting-index.ts'
import { UniqueIndex } from '../../../src/engine/indexes/unique-index.ts'
import { Column } from '../../../src/engine/memory/column.ts'
import { Region } from '../../../src/engine/memory/region.ts'
import { PostingLists } from '../../../src/engine/posting-lists.ts'
import type { Key } from '../../../src/engine/indexes/unique-index.ts'
import type { ColumnWidth } from '../../../src/engine/memory/column.ts'
import type { StoredIndex } from '../../../src/engine/schema.ts'

const stored: StoredIndex = { name: 'byTest', kind: 'unique', fields: [1] }

function column(width: ColumnWidth = 4, ...values: number[]): Column {
  const made = new Column(Region.create('c', 64 * 2 ** 20), width)
  values.forEach((value, index) => made.set(index + 1, value))
  return made
}

function hashTable(): HashTable {
  return new HashTable(column(), column())
}

describe('a unique index', () => {
  const keyed = (keys: Key[]): UniqueIndex => {
    const index = new UniqueIndex(
      stored,
      hashTable(),
      7,
      'ones.byTest',
      (row) => keys[row - 1] ?? '',
    )
    keys.forEach((_, at) => index.add(at + 1))
    return index
  }

  it('finds texts and numbers, and never mixes them up', () => {
    const index = keyed(['a', '1', 1, 0.5, 2 ** 40, '2'])
    expect(['a', '1', 1, 0.5, 2 ** 40, '2', 2, 'b'].map((key) => index.find(key))).toEqual([
      1, 2, 3, 4, 5, 6, 0, 0,
    ])
  })

  it('leaves empty keys out', () => {
    const index = keyed(['', 0, 'a'])
    expect([index.table.count, index.find(''), index.find(0), index.hashOfRow(1)]).toEqual([
      1,
      0,
      0,
      undefined,
    ])
    index.remove(1)
    expect(index.table.count).toBe(1)
    expect(() => index.demand('', 9)).not.toThrow()
  })

  it('spreads fractions and times as well as small numbers', () => {
    const index = keyed(Array.from({ length: 3000 }, (_, at) => (at + 1) / 4096))
    const wide = keyed(Array.from({ length: 3000 }, (_, at) => (at + 1) * 2 ** 32))
    expect([index.find(1000 / 4096), wide.find(1000 * 2 ** 32)]).toEqual([1000, 1000])
    const hashes = new Set(Array.from({ length: 3000 }, (_, at) => index.hashOfRow(at + 1)))
    expect(hashes.size).toBeGreaterThan(2990)
  })

  it('demands that a key belongs to nobody, or to the row itself', () => {
    const index = keyed(['a', 'b'])
    index.demand('a', 1)
    index.demand('c', 1)
    expect(() => index.demand('b', 1)).toThrow('ones.byTest: row 2 already has the key "b"')
    expect(index.findRow(2)).toBe(2)
  })
})

describe('a pair index', () => {
  it('finds pairs in their order, and leaves out those with none', () => {
    const first = column(4, 1, 1, 0, 5)
    const second = column(4, 2, 3, 4, 0)
    const index = new PairIndex(stored, hashTable(), 7, 'ones.byTest', first, second)
    for (const row of [1, 2, 3, 4]) index.add(row)
    expect([index.find(1, 2), index.find(1, 3), index.find(2, 1)]).toEqual([1, 2, 0])
    expect([index.table.count, index.find(0, 4), index.find(5, 0)]).toEqual([2, 0, 0])
    index.demand(1, 2, 1)
    index.demand(0, 4, 9)
    expect(() => index.demand(1, 2, 9)).toThrow('ones.byTest: row 1 already holds the pair 1, 2')
    for (const row of [1, 2, 3, 4]) index.remove(row)
    expect(index.table.count).toBe(0)
  })
})

describe('a posting index', () => {
  it('lists the rows of an owner, but for those without one or with a condition', () => {
    const owner = column(4, 8, 8, 0, 9, 8)
    const [hidden, at] = [column(1, 0, 1), column(8, 0, 0, 0, 0, 1.5)]
    const lists = new PostingLists(column(), column())
    const index = new PostingIndex(stored, lists, owner, [hidden, at])
    for (const row of [1, 2, 3, 4, 5]) index.add(row)
    expect([lists.newest(8, 9), lists.newest(9, 9)]).toEqual([[1], [4]])
    expect([1, 2, 3, 4, 5].map((row) => index.ownerOf(row))).toEqual([8, 0, 0, 9, 0])
    for (const row of [1, 2, 3, 4, 5]) index.remove(row)
    expect([lists.count(8), lists.count(9)]).toEqual([0, 0])
  })
})

describe('a counter', () => {
  it('counts for an owner whether or not that one exists, and never below 0', () => {
    const [target, owner, hidden] = [column(), column(4, 8, 8, 100_000, 0), column(1, 0, 1)]
    const index = new CounterIndex('ones.count', target, owner, [hidden])
    for (const row of [1, 2, 3, 4]) index.add(row)
    expect([target.get(8), target.get(100_000), target.get(0)]).toEqual([1, 1, 0])
    for (const row of [1, 2, 3, 4]) index.remove(row)
    expect([target.get(8), target.get(100_000)]).toEqual([0, 0])
    expect(() => index.remove(1)).toThrow(InvariantError)
  })
})
