// Migrations: what tables are while they run, what they drop, and what a crash between two of them
// leaves.

import { describe, expect, it } from 'vitest'
import * as schema from '../../src/engine/schema.ts'
import { EvolvingStore } from '../support/evolving-store.ts'
import type { Migration } from '../../src/engine/evolution.ts'
import type { AnyTable } from '../../src/engine/view.ts'

const { counter, defineTable, number, reference, text, unique } = schema

const before = defineTable({
  id: 1,
  name: 'users',
  columns: { age: number(1) },
  record: { name: text(10), bio: text(11) },
  indexes: { byName: unique('name') },
})
/** `name` is another field now, and `age` has gone into a text. */
const after = defineTable({
  id: 1,
  name: 'users',
  columns: { score: number(2) },
  record: { name: text(20), bio: text(11) },
  indexes: { byName: unique('name') },
})
/** What the tables are in between, as the migration writes it down. */
const between = defineTable({
  id: 1,
  name: 'users',
  columns: { age: number(1), score: number(2) },
  record: { nameBefore: text(10), bio: text(11), name: text(20) },
})

function old(): EvolvingStore {
  const store = new EvolvingStore().boot([before])
  store.transact((tx) => {
    for (const name of ['aki', 'ben']) tx.insert(before, { name, age: 20, bio: 'b' })
  })
  return store
}

const rename: Migration = {
  number: 1,
  name: 'long names',
  drops: [{ table: 1, field: 10 }],
  run: (tx) => {
    for (let row = 1; row <= tx.lastId(between); row++) {
      tx.update(between, row, { name: `${tx.get(between, row)!.nameBefore}-san` })
    }
  },
}
const scores: Migration = {
  number: 2,
  name: 'scores for ages',
  drops: [{ table: 1, field: 1 }],
  run: (tx) => {
    for (let row = 1; row <= tx.lastId(between); row++) {
      tx.update(between, row, { score: tx.value(between, row, 'age') * 2 })
    }
  },
}

const expected = [
  { id: 1, score: 40, name: 'aki-san', bio: 'b' },
  { id: 2, score: 40, name: 'ben-san', bio: 'b' },
]

function demandMigrated(store: EvolvingStore): void {
  expect(store.view.getMany(after, [1, 2])).toEqual(expected)
  expect(store.view.find(after.indexes.byName, 'ben-san')).toBe(2)
  expect(store.tables.schema.migration).toBe(2)
  store.transact((tx) => [tx.insert(after, { name: 'chi-san' }), tx.update(after, 1, { bio: 'c' })])
  store.demandSound()
}

describe('migrations', () => {
  it('read what they drop, under another name when a new field has taken it', () => {
    demandMigrated(old().boot([after], [rename, scores]))
  })

  for (const crashAfter of [0, 1, 2]) {
    it(`go on at the next start when the first one ended after ${crashAfter} of them`, () => {
      const store = old().boot([after], [rename, scores], crashAfter)
      store.demandSound()
      demandMigrated(store.boot([after], [rename, scores]))
    })
  }

  it('that are new run on data that has seen the others', () => {
    const halfway = defineTable({
      id: 1,
      name: 'users',
      columns: { age: number(1) },
      record: { name: text(20), bio: text(11) },
      indexes: { byName: unique('name') },
    })
    const store = old().boot([halfway], [rename])
    expect(store.tables.schema.migration).toBe(1)
    demandMigrated(store.boot([after], [rename, scores]))
  })

  it('that throw leave the tables as they were in between, and may be mended', () => {
    const store = old()
    const broken: Migration = { ...scores, run: (tx) => [scores.run(tx), tx.remove(between, 99)] }
    expect(() => store.boot([after], [rename, broken])).toThrow('there is no row 99')
    store.demandSound()
    expect(store.view.get(between, 1)).toMatchObject({ score: 0, name: 'aki-san' })
    demandMigrated(store.boot([after], [rename, scores]))
  })

  it('drop a table, with its rows, and what counted them', () => {
    const marks = defineTable({ id: 3, name: 'marks', columns: { user: reference(1, 'users') } })
    const counting = defineTable({
      id: 1,
      name: 'users',
      record: before.record,
      columns: { age: number(1), marks: counter(5, { table: 'marks', by: 'user' }) },
    })
    const store = old().boot([counting, marks])
    store.transact((tx) => [tx.insert(marks, { user: 1 }), tx.insert(marks, { user: 1 })])
    let found = 0
    const drop: Migration = {
      number: 1,
      name: 'no marks',
      drops: [{ table: 3 }],
      run: (tx) => (found = tx.rowCount(marks)),
    }
    store.boot([before], [drop])
    expect([found, store.tables.byId(3), store.memory.has('3/versions')]).toEqual([
      2,
      undefined,
      false,
    ])
    // The id of a dropped table ought not to come back; when it does, it is a table without rows.
    store.boot([before, marks], [{ ...drop, drops: [] }])
    expect(store.transact((tx) => tx.insert(marks, { user: 2 }))).toBe(3)
    store.demandSound()
  })

  it('may drop a table whose name another has taken', () => {
    const marks = defineTable({ id: 3, name: 'marks', columns: { user: reference(1, 'users') } })
    const store = old().boot([before, marks])
    store.transact((tx) => tx.insert(marks, { user: 2 }))
    const better = defineTable({ id: 4, name: 'marks', columns: { owner: reference(1, 'users') } })
    const counting = defineTable({
      id: 1,
      name: 'users',
      record: before.record,
      columns: { age: number(1), marks: counter(5, { table: 'marks', by: 'owner' }) },
    })
    const move: Migration = {
      number: 1,
      name: 'better marks',
      drops: [{ table: 3 }],
      run: (tx) => tx.insert(better, { owner: tx.value(marks, 1, 'user') }),
    }
    store.boot([counting, better], [move])
    expect(store.view.value(counting, 2, 'marks')).toBe(1)
  })

  it('that the program does not know are a reason not to start', () => {
    const store = old().boot([after], [rename, scores])
    expect(() => store.boot([after], [rename])).toThrow('it is older than the data')
  })

  const declared: [string, readonly AnyTable[], string][] = [
    ['a field', [before], 'field "users.name" (id 10) is declared, and a migration drops it'],
    [
      'a table',
      [before, defineTable({ id: 3, name: 'marks', columns: {} })],
      'table "marks" (id 3) is',
    ],
  ]
  for (const [name, tables, sentence] of declared) {
    it(`are refused when they drop ${name} that is still declared`, () => {
      const drops = tables.length === 2 ? [{ table: 3 }] : [{ table: 1, field: 10 }]
      expect(() => old().boot(tables, [{ ...rename, drops }])).toThrow(sentence)
    })
  }
})
