// Fields and tables that a program changes or does not declare: a change is refused while there are
// rows, what is not declared is kept, and old records stay readable by every later generation.

import { describe, expect, it } from 'vitest'
import * as schema from '../../src/engine/schema.ts'
import { EvolvingStore } from '../support/evolving-store.ts'
import { old, posts, refusal, users } from '../support/first-program.ts'
import type { Migration } from '../../src/engine/evolution.ts'
import type { AnyTable } from '../../src/engine/view.ts'

const { defineTable, number, reference, text } = schema

type Columns = Parameters<typeof defineTable>[0]['columns']
type Records = NonNullable<Parameters<typeof defineTable>[0]['record']>

function usersOf(columns: Columns, record: Records): AnyTable {
  return defineTable({ id: 1, name: 'users', columns, record })
}

/** Values for a table whose fields the compiler does not know. */
function called(handle: string): object {
  return { handle }
}

describe('what is changed', () => {
  const cases: [string, readonly AnyTable[], string][] = [
    [
      'the kind of a column',
      [usersOf({ age: schema.float(1) }, users.record), posts],
      'field "users.age" (id 1) was a number, is now a float, and the table has 3 rows',
    ],
    [
      'the place of a field',
      [usersOf({ age: number(1), bio: number(11) }, { handle: text(10) }), posts],
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

describe('what is not declared', () => {
  const withoutAge = usersOf({}, users.record)
  const withoutBio = usersOf(users.columns, { handle: text(10) })

  it('is kept while there are rows, written by nobody, and found again', () => {
    const store = old()
    for (const tables of [[withoutAge, posts], [withoutBio, posts], [users]]) {
      store.boot(tables)
      const row = store.transact((tx) => tx.insert(tables[0]!, called('dan')))
      store.transact((tx) => tx.update(tables[0]!, row, called('dao')))
      store.transact((tx) => tx.update(tables[0]!, 1, called(`aki ${row}`)))
      store.demandSound()
    }
    store.boot([users, posts])
    expect(store.view.get(users, 1)).toEqual({ id: 1, age: 20, handle: 'aki 6', bio: 'I am aki' })
    expect(store.view.get(users, 4)).toEqual({ id: 4, age: 0, handle: 'dao', bio: '' })
    expect(store.view.get(posts, 2)).toMatchObject({ author: 1, caption: 'two', hidden: true })
    store.demandSound()
  })

  it('goes without rows, but for a table that a kept reference points into', () => {
    const places = defineTable({ id: 5, name: 'places', columns: {} })
    const settled = usersOf({ age: number(1), place: reference(2, 'places') }, users.record)
    const store = new EvolvingStore().boot([settled, posts, places])
    const names = (): string[] => store.tables.all().map(({ name }) => name)
    store.transact((tx) => tx.insert(settled, called('aki')))
    store.boot([users])
    expect(names()).toEqual(['users', 'places'])
    store.boot([settled, posts, places])
    store.transact((tx) => tx.remove(settled, 1))
    store.boot([users])
    expect(names()).toEqual(['users'])
    expect(store.table(users).columns.map(({ stored }) => stored.name)).toEqual(['age'])
  })

  it('gives its name to something new, and follows the table that it points into', () => {
    const author = reference(1, 'people')
    const people = defineTable({
      ...users,
      name: 'people',
      columns: { age: schema.float(7) },
      indexes: {},
    })
    const titled = defineTable({ id: 2, name: 'posts', columns: { author } })
    const store = old().boot([people, titled])
    expect(store.view.get(people, 1)).toMatchObject({ age: 0, ageBefore: 20, handle: 'aki' })
    expect(store.plan([people]).remarks).toContain(
      'table "posts" (id 2) is not declared and keeps its rows; ' +
        'a migration with drops: [{ table: 2 }] removes it',
    )
    store.boot([people]).boot([users, posts])
    expect(store.view.get(posts, 1)).toMatchObject({ author: 1, caption: 'one' })
    expect(store.view.get(users, 1)).toMatchObject({ age: 20, ageBefore: 0 })
    store.demandSound()
  })

  it('loses its indexes and counters, which come back with their declaration', () => {
    const counted = defineTable({
      ...users,
      columns: { ...users.columns, posts: schema.counter(3, { table: 'posts', by: 'author' }) },
      indexes: { byHandle: schema.unique('handle') },
    })
    const store = old().boot([counted, posts]).boot([users])
    expect(store.table(users).indexes).toEqual([])
    expect(store.table(posts).stored.columns.map(({ name }) => name)).toEqual(['author', 'hidden'])
    store.transact((tx) => tx.insert(users, { handle: 'dan' }))
    store.boot([counted, posts])
    expect(store.view.find(counted.indexes.byHandle, 'dan')).toBe(4)
    expect(store.view.value(counted, 1, 'posts')).toBe(2)
  })

  it('goes when a migration drops it', () => {
    const drop: Migration = {
      number: 1,
      name: 'no posts, no ages',
      drops: [{ table: 2 }, { table: 1, field: 1 }],
      run: () => undefined,
    }
    const store = old().boot([withoutAge]).boot([withoutAge], [drop])
    expect(store.tables.all().map(({ name }) => name)).toEqual(['users'])
    expect(store.view.get(withoutAge, 1)).toEqual({ id: 1, handle: 'aki', bio: 'I am aki' })
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
