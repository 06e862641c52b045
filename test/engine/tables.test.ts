// The tables of one memory: what is found again, what is dropped, what is made anew, and how it
// looks from afar.

import { describe, expect, it } from 'vitest'
import { InvariantError } from '../../src/std/assert.ts'
import { checkTables } from '../../src/engine/check.ts'
import { Memory } from '../../src/engine/memory/memory.ts'
import { storedSchema } from '../../src/engine/schema.ts'
import { Tables } from '../../src/engine/tables.ts'
import {
  STORE_ID,
  SmallStore,
  likes,
  people,
  posts,
  smallTables,
  stateOf,
} from '../support/small-store.ts'
import type { StoredSchema } from '../../src/engine/schema.ts'

const full = storedSchema(smallTables, 0)

function filled(): SmallStore {
  const store = new SmallStore()
  store.transact((tx) => {
    for (let row = 1; row <= 300; row++) {
      tx.insert(people, { handle: `user${row}`, badge: row, referrer: row >> 1, tags: [row] })
      tx.insert(posts, {
        author: (row % Math.min(row, 7)) + 1,
        parent: row >> 2,
        caption: 'x'.repeat(row),
      })
      tx.insert(likes, { user: row, post: row })
    }
    for (let row = 5; row <= 300; row += 5) tx.remove(posts, row)
  })
  return store
}

/** The same schema without indexes or counters. */
function bare(schema: StoredSchema): StoredSchema {
  const tables = schema.tables.map((table) => ({
    ...table,
    indexes: [],
    columns: table.columns.filter(({ kind }) => kind !== 'counter'),
  }))
  return { ...schema, tables }
}

describe('tables', () => {
  it('are found by id and by name, in the order of their ids', () => {
    const { tables } = new SmallStore()
    expect(tables.all().map(({ name }) => name)).toEqual(['people', 'posts', 'likes'])
    expect([tables.byId(2)?.name, tables.byName('likes')?.id]).toEqual(['posts', 3])
    for (const none of [tables.byId(9), tables.byId(-1), tables.byName('none')]) {
      expect(none).toBeUndefined()
    }
    expect(() => tables.byId(1)!.column('none')).toThrow(InvariantError)
    expect(tables.byId(1)!.index('none')).toBeUndefined()
  })

  it('over the same memory are the same, also in another thread', () => {
    const store = filled()
    const again = new Tables(new Memory(store.memory.handle()), STORE_ID, full)
    expect(stateOf(again)).toEqual(stateOf(store.tables))
    expect(checkTables(again)).toEqual([])
    expect(again.rowCount).toBe(300 + 240 + 300)
  })

  it('of another store have other hashes, and keep those of the memory they lie in', () => {
    const store = filled()
    const other = new SmallStore(full, 'f'.repeat(32))
    store.replayInto(other)
    expect(stateOf(other.tables)).not.toEqual(stateOf(store.tables))
    expect(checkTables(other.tables)).toEqual([])
    expect(checkTables(new Tables(other.memory, STORE_ID, full))).toEqual([])
  })

  it('are rebuilt from the rows to what they were, by the byte of every index entry', () => {
    const store = filled()
    const before = stateOf(store.tables)
    store.tables.rebuild()
    expect(stateOf(store.tables)).toEqual(before)
    expect(store.tables.schema).toEqual(full)
    expect(checkTables(store.tables)).toEqual([])
  })

  it('are rebuilt when an index had gone wrong', () => {
    const store = filled()
    const before = stateOf(store.tables)
    store.table(people).index('byReferrer')!.remove(40)
    store.table(posts).columns[3]!.column.set(9, 77)
    expect(checkTables(store.tables).length).toBeGreaterThan(1)
    store.tables.rebuild()
    expect(stateOf(store.tables)).toEqual(before)
  })

  it('lose the regions of indexes and counters that go, and of nothing else', () => {
    const store = filled()
    const keys = (): string[] => store.memory.regions().map(({ key }) => key)
    const before = keys()
    store.tables.evolve(bare(full))
    const gone = before.filter((key) => !keys().includes(key))
    expect(gone.toSorted()).toEqual(
      [
        '1/column/7',
        '1/column/8',
        '2/column/4',
        '2/column/5',
        '1/index/byBadge/directory',
        '1/index/byBadge/segments',
        '1/index/byHandle/directory',
        '1/index/byHandle/segments',
        '1/index/byReferrer/heads',
        '1/index/byReferrer/pages',
        '2/index/byAuthor/heads',
        '2/index/byAuthor/pages',
        ...['directory', 'heads', 'pages', 'segments', 'terms', 'texts'].map(
          (part) => `2/index/byWords/${part}`,
        ),
        '2/index/replies/heads',
        '2/index/replies/pages',
        '3/index/byPair/directory',
        '3/index/byPair/segments',
        '3/index/byPost/heads',
        '3/index/byPost/pages',
      ].toSorted(),
    )
    store.tables.evolve({ tables: [], migration: 0 })
    expect(keys()).toEqual(['tables'])
  })

  it('keep index memory as it is when only names change', () => {
    const store = filled()
    const region = store.memory.region('1/index/byHandle/segments', 0)
    const renamed = structuredClone(full) as { tables: { name: string }[] } & StoredSchema
    renamed.tables[2]!.name = 'hearts'
    const counts = renamed.tables[1]!.columns.find(({ name }) => name === 'likes')!.counts!
    ;(counts as { table: string }).table = 'hearts'
    const counter = store.memory.region('2/column/5', 0)
    store.tables.evolve(renamed)
    expect(store.memory.region('1/index/byHandle/segments', 0)).toBe(region)
    expect(store.memory.region('2/column/5', 0)).toBe(counter)
    expect(checkTables(store.tables)).toEqual([])
  })
})
