// Fields and tables that a newer program removes or changes: refused while there are rows, and old
// records stay readable by every later generation.

import { describe, expect, it } from 'vitest'
import * as schema from '../../src/engine/schema.ts'
import { EvolvingStore } from '../support/evolving-store.ts'
import { old, posts, refusal, users } from '../support/first-program.ts'
import type { Migration } from '../../src/engine/evolution.ts'
import type { AnyTable } from '../../src/engine/view.ts'

const { defineTable, number, reference, text } = schema

describe('what is removed or changed', () => {
  type Columns = Parameters<typeof defineTable>[0]['columns']
  type Records = NonNullable<Parameters<typeof defineTable>[0]['record']>
  const without = (columns: Columns, record: Records): AnyTable =>
    defineTable({ id: 1, name: 'users', columns, record })

  const cases: [string, readonly AnyTable[], string][] = [
    ['a table', [users], 'table "posts" (id 2) has 2 rows and is no longer declared'],
    [
      'a column',
      [without({}, users.record), posts],
      'field "users.age" (id 1) is no longer declared, and the table has 3 rows',
    ],
    [
      'a record field',
      [without(users.columns, { handle: text(10) }), posts],
      'field "users.bio" (id 11) is no longer declared, and the table has 3 rows',
    ],
    [
      'the kind of a column',
      [without({ age: schema.float(1) }, users.record), posts],
      'field "users.age" (id 1) was a number, is now a float, and the table has 3 rows',
    ],
    [
      'the place of a field',
      [without({ age: number(1), bio: number(11) }, { handle: text(10) }), posts],
      'field "users.bio" (id 11) was a text, is now a number, and the table has 3 rows',
    ],
    [
      'the table that a reference points into',
      [
        users,
        defineTable({
          ...posts,
          columns: { ...posts.columns, author: reference(1, 'posts') },
          indexes: {},
        }),
      ],
      'field "posts.author" (id 1) points into another table than before, and the table has 2 rows',
    ],
  ]
  for (const [name, tables, sentence] of cases) {
    it(`is refused while there are rows: ${name}`, () => {
      const store = old()
      expect(refusal(() => store.boot(tables))).toBe(sentence)
      store.demandSound()
    })

    it(`just works without rows: ${name}`, () => {
      const store = new EvolvingStore().boot([users, posts])
      const row = store.transact((tx) => tx.insert(users, { handle: 'gone' }))
      store.transact((tx) => tx.remove(users, row))
      store.boot(tables)
      const [first] = tables
      expect(store.transact((tx) => tx.insert(first!, {}))).toBe(2)
      store.demandSound()
    })
  }

  it('all record fields, and then others, leaves old records readable', () => {
    const bare = defineTable({ id: 1, name: 'users', columns: { age: number(1) } })
    const drop: Migration = {
      number: 1,
      name: 'no texts',
      drops: [
        { table: 1, field: 10 },
        { table: 1, field: 11 },
      ],
      run: () => undefined,
    }
    const store = old().boot([bare, posts], [drop])
    store.transact((tx) => [tx.insert(bare, { age: 4 }), tx.update(bare, 1, { age: 5 })])
    expect(store.view.getMany(bare, [1, 4])).toEqual([
      { id: 1, age: 5 },
      { id: 4, age: 4 },
    ])
    store.demandSound()
    const noted = defineTable({
      id: 1,
      name: 'users',
      columns: { age: number(1) },
      record: { note: text(12) },
    })
    store.boot([noted, posts], [drop])
    store.transact((tx) => tx.insert(noted, { note: 'new' }))
    store.transact((tx) => [tx.update(noted, 4, { note: 'was bare' }), tx.remove(noted, 2)])
    expect(store.view.getMany(noted, [1, 4, 5]).map(({ note }) => note)).toEqual([
      '',
      'was bare',
      'new',
    ])
    store.demandSound()
  })
})

describe('records of many generations', () => {
  it('are read by the newest program, also past 32 layouts', () => {
    const of = (count: number): AnyTable =>
      defineTable({
        id: 1,
        name: 'things',
        columns: {},
        record: Object.fromEntries(
          Array.from({ length: count }, (_, at) => [`f${at + 1}`, text(at + 1)]),
        ),
      })
    const store = new EvolvingStore()
    for (let generation = 1; generation <= 70; generation++) {
      const table = of(generation)
      store.evolve(store.plan([table]).final!)
      const values = { [`f${generation}`]: `of ${generation}`, f1: 'x' }
      store.transact((tx) => tx.insert(table, values))
      const mended: object = { f2: 'mended' }
      if (generation % 20 === 0) store.transact((tx) => tx.update(table, generation - 10, mended))
    }
    store.demandSound()
    expect(store.table(of(70)).stored.layouts.length).toBe(70)
    for (let row = 1; row <= 70; row++) {
      const expected: Record<string, unknown> = { id: row }
      for (let field = 1; field <= 70; field++) expected[`f${field}`] = ''
      if ([10, 30, 50].includes(row)) expected['f2'] = 'mended'
      expect(store.view.get(of(70), row)).toEqual({
        ...expected,
        [`f${row}`]: `of ${row}`,
        f1: 'x',
      })
    }
  })
})
