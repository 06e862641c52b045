// Random transactions over tables with every kind of field and index, beside plain objects that do
// the same. Some are thrown midway. After each: the rows are those of the plain objects; after a
// throw the store is what it was to the last counter; in the end a replay of the log gives the same
// store.

import { expect } from 'vitest'
import { checkTables } from '../../src/engine/check.ts'
import { seededTest } from '../support/seeded.ts'
import { SmallStore, likes, people, posts, smallTables, stateOf } from '../support/small-store.ts'
import type { Transaction } from '../../src/engine/transaction.ts'
import type { AnyTable } from '../../src/engine/view.ts'
import type { Random } from '../../src/std/random.ts'

type Values = Record<string, unknown>

const EMPTY = new Map<AnyTable, Values>([
  [
    people,
    {
      age: 0,
      rating: 0,
      joinedAt: 0,
      isAdmin: false,
      referrer: 0,
      badge: 0,
      handle: '',
      tags: [],
      portrait: new Uint8Array(0),
      settings: null,
    },
  ],
  [posts, { author: 0, parent: 0, removedAt: 0, caption: '' }],
  [likes, { user: 0, post: 0, at: 0 }],
])

/** What the store must hold: rows by table and id, without counters. */
class Oracle {
  rows = new Map<AnyTable, Map<number, Values>>(smallTables.map((table) => [table, new Map()]))
  lastIds = new Map<AnyTable, number>(smallTables.map((table) => [table, 0]))

  save(): () => void {
    const rows = new Map([...this.rows].map(([table, held]) => [table, new Map(held)]))
    const lastIds = new Map(this.lastIds)
    return () => {
      this.rows = rows
      this.lastIds = lastIds
    }
  }

  /** True when the write would give two rows one key. */
  clashes(table: AnyTable, row: number, values: Values): boolean {
    const after = { ...EMPTY.get(table), ...this.rows.get(table)!.get(row), ...values }
    for (const [other, held] of this.rows.get(table)!) {
      if (other === row) continue
      if (table === people && after['handle'] !== '' && held['handle'] === after['handle'])
        return true
      if (table === people && after['badge'] !== 0 && held['badge'] === after['badge']) return true
      if (table !== likes || after['user'] === 0 || after['post'] === 0) continue
      if (held['user'] === after['user'] && held['post'] === after['post']) return true
    }
    return false
  }

  put(table: AnyTable, row: number, values: Values): void {
    const held = this.rows.get(table)!
    held.set(row, { ...EMPTY.get(table), ...held.get(row), ...values })
    this.lastIds.set(table, Math.max(this.lastIds.get(table)!, row))
  }

  /** The counters of a row, counted anew. */
  counters(table: AnyTable, row: number): Values {
    const count = (of: AnyTable, by: string): number =>
      [...this.rows.get(of)!.values()].filter(
        (held) => held[by] === row && (of !== posts || held['removedAt'] === 0),
      ).length
    if (table === people)
      return { posts: count(posts, 'author'), referred: count(people, 'referrer') }
    return table === posts ? { replies: count(posts, 'parent'), likes: count(likes, 'post') } : {}
  }

  compare(store: SmallStore): void {
    for (const table of smallTables) {
      const held = this.rows.get(table)!
      expect(store.view.rowCount(table)).toBe(held.size)
      expect(store.view.lastId(table)).toBe(this.lastIds.get(table))
      const expected = [...held].map(([id, values]) => ({
        id,
        ...values,
        ...this.counters(table, id),
      }))
      expect(plain(store.view.getMany(table, [...held.keys()]))).toEqual(expected)
    }
  }
}

/** Bytes come back as a copy of some kind of Uint8Array; which one does not matter. */
function plain(rows: readonly object[]): object[] {
  return rows.map((row) =>
    'portrait' in row ? { ...row, portrait: new Uint8Array(row.portrait as Uint8Array) } : row,
  )
}

const WORDS = ['sun', 'sunset', 'Sunday', 'suné', 'beach', 'a', '東京', '東京駅', '京都', 'の']

function captionOf(random: Random): string {
  return Array.from({ length: random.below(6) }, () => random.pick(WORDS)).join(' ')
}

/** Some fields of a row; `isBad` when one of them must be refused. */
function someValues(
  random: Random,
  oracle: Oracle,
  table: AnyTable,
): { values: Values; isBad: boolean } {
  const idOf = (target: AnyTable): number => random.below(oracle.lastIds.get(target)! + 1)
  const handle = (): string =>
    random.once(4) ? '' : `${random.pick(['aki', 'ベン', '🦊', 'x'.repeat(30)])}${random.below(6)}`
  const makers: Record<string, () => unknown> =
    table === people
      ? {
          age: () => random.pick([0, 1, 2 ** 32 - 1]),
          rating: () => random.pick([0, -0.5, 1e300]),
          joinedAt: () => random.pick([0, 1_700_000_000_123]),
          isAdmin: () => random.once(2),
          referrer: () => idOf(people),
          badge: () => random.below(12),
          handle,
          tags: () => random.pick([[], [1, 2, 3], ['a', 'é', 5.5]]),
          portrait: () => new Uint8Array(random.bytes(random.below(300))),
          settings: () => random.pick([null, 0, 'text', { a: [1, { b: null }] }, []]),
        }
      : table === posts
        ? {
            author: () => idOf(people),
            parent: () => (random.once(2) ? 0 : idOf(posts)),
            removedAt: () => (random.once(3) ? 5 : 0),
            caption: () =>
              random.once(4) ? 'é'.repeat(random.pick([0, 3, 40, 700])) : captionOf(random),
          }
        : { user: () => idOf(people), post: () => idOf(posts), at: () => random.below(9) }
  const values: Values = {}
  for (const [name, make] of Object.entries(makers)) if (!random.once(3)) values[name] = make()
  if (!random.once(25)) return { values, isBad: false }
  const name = random.pick(Object.keys(makers))
  return { values: { ...values, [name]: Symbol('no value') }, isBad: true }
}

/** One write, as the oracle foresees it; rethrows a refusal now and then. */
function write(tx: Transaction, random: Random, oracle: Oracle): void {
  const table = random.pick([people, posts, posts, likes])
  const lastId = oracle.lastIds.get(table)!
  const { values, isBad } = someValues(random, oracle, table)
  const dice = random.below(20)
  const isInsert = dice < 9
  const row = isInsert ? (random.once(30) ? lastId + 3 : lastId + 1) : random.below(lastId + 2)
  const isThere = oracle.rows.get(table)!.has(row)
  const isRemoval = dice > 16
  const refused = isRemoval
    ? !isThere
    : (!isInsert && !isThere) || isBad || oracle.clashes(table, row, values)
  try {
    if (isRemoval) tx.remove(table, row)
    else if (!isInsert) tx.update(table, row, values)
    else if (row > lastId + 1) tx.insertAt(table, row, values)
    else expect(tx.insert(table, values)).toBe(row)
  } catch (error) {
    if (!refused) throw error
    const { name, code } = error as { name: string; code?: string }
    expect(['DUPLICATE_KEY', 'ROW_NOT_FOUND', 'TypeError', 'RangeError']).toContain(code ?? name)
    if (random.once(3)) throw new Error('refused', { cause: error })
    return
  }
  expect(refused).toBe(false)
  if (isRemoval) oracle.rows.get(table)!.delete(row)
  else oracle.put(table, row, values)
}

seededTest(
  'random transactions equal plain objects, undone or kept, and their replay too',
  (random) => {
    const store = new SmallStore()
    const oracle = new Oracle()
    let undoneCount = 0
    for (let count = 0; count < 250; count++) {
      const before = stateOf(store.tables)
      const restore = oracle.save()
      const writeCount = random.pick([1, 2, 8, 20])
      try {
        store.transact((tx) => {
          for (let step = 0; step < writeCount; step++) write(tx, random, oracle)
          if (random.once(3)) throw new Error('thrown at the end')
        })
      } catch (error) {
        if (!['refused', 'thrown at the end'].includes((error as Error).message)) throw error
        restore()
        undoneCount++
        expect(stateOf(store.tables)).toEqual(before)
      }
      if (count % 10 === 0) {
        oracle.compare(store)
        expect(checkTables(store.tables)).toEqual([])
      }
    }
    expect(undoneCount).toBeGreaterThan(20)
    oracle.compare(store)
    expect(checkTables(store.tables)).toEqual([])
    const replica = new SmallStore()
    store.replayInto(replica)
    expect(stateOf(replica.tables)).toEqual(stateOf(store.tables))
    replica.tables.rebuild()
    expect(checkTables(replica.tables)).toEqual([])
    expect(stateOf(replica.tables)).toEqual(stateOf(store.tables))
  },
)

seededTest('a table from which everything is removed has nothing left in memory', (random) => {
  const store = new SmallStore()
  const oracle = new Oracle()
  for (let count = 0; count < 60; count++) {
    try {
      store.transact((tx) => write(tx, random, oracle))
    } catch (error) {
      expect((error as Error).message).toBe('refused')
    }
  }
  store.transact((tx) => {
    for (const [table, rows] of oracle.rows) for (const row of rows.keys()) tx.remove(table, row)
  })
  expect(checkTables(store.tables)).toEqual([])
  for (const table of store.tables.all()) {
    expect([table.rowCount, table.arena?.usedSize ?? 0]).toEqual([0, 0])
    for (const { column } of table.columns) {
      for (let row = 0; row <= table.lastId; row++) if (column.get(row) !== 0) expect(row).toBe(-1)
    }
  }
})
