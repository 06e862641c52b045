// Declarations: what makes sense, what does not, and the plain form that is written with the data.

import { describe, expect, it } from 'vitest'
import { InvariantError } from '../../src/std/assert.ts'
import * as schema from '../../src/engine/schema.ts'
import { WORD_RULES } from '../../src/engine/words.ts'
import { likes, people, posts, smallTables } from '../support/small-store.ts'

const { counter, defineTable, flag, list, number, reference, storedSchema, text, unique } = schema
const { float, json, pair, postings, timeMs, widthOf, words } = schema

const one = { id: 1, name: 'ones' }
const columns = { owner: reference(1, 'ones'), size: number(2) }

describe('a declaration', () => {
  it('has a plain form that JSON keeps, with fields in the order of their ids', () => {
    const table = defineTable({
      ...one,
      columns: { late: number(9), early: flag(2) },
      record: { note: text(30, { sizeMax: 8 }), tags: list<string>(5) },
      indexes: { byNote: unique('note') },
    })
    expect(table.stored).toEqual({
      ...one,
      columns: [
        { id: 2, name: 'early', kind: 'flag' },
        { id: 9, name: 'late', kind: 'number' },
      ],
      record: [
        { id: 5, name: 'tags', kind: 'list' },
        { id: 30, name: 'note', kind: 'text', sizeMax: 8 },
      ],
      indexes: [{ name: 'byNote', kind: 'unique', fields: [30] }],
      layouts: [[5, 30]],
    })
    expect(JSON.parse(JSON.stringify(table.stored))).toEqual(table.stored)
    expect(table.indexes.byNote).toEqual({
      kind: 'unique',
      tableId: 1,
      name: 'byNote',
      position: 0,
    })
  })

  it('names the fields of an index and its conditions by id', () => {
    expect(posts.stored.indexes).toEqual([
      { name: 'byAuthor', kind: 'postings', fields: [1], unless: [2, 3] },
      { name: 'replies', kind: 'postings', fields: [2] },
      { name: 'byWords', kind: 'words', fields: [10], unless: [3], rules: WORD_RULES },
    ])
    expect(likes.stored.layouts).toEqual([])
  })

  it('gives each kind its width', () => {
    expect(
      (['flag', 'number', 'reference', 'counter', 'timeMs', 'float'] as const).map(widthOf),
    ).toEqual([1, 4, 4, 4, 8, 8])
  })

  const many = Object.fromEntries(
    Array.from({ length: 256 }, (_, index) => [`c${index}`, number(index + 1)]),
  )
  const likesCounter = counter(3, { table: 'ones', by: 'owner' })
  const nonsense: [string, () => unknown][] = [
    ['a table id of 0', () => defineTable({ id: 0, name: 'a', columns })],
    ['a table id past the limit', () => defineTable({ id: 1024, name: 'a', columns })],
    ['a table name that is no word', () => defineTable({ id: 1, name: 'a-b', columns })],
    ['a field name that is no word', () => defineTable({ ...one, columns: { 'a b': number(1) } })],
    ['a field called id', () => defineTable({ ...one, columns: { id: number(1) } })],
    [
      'a field that every object has',
      () => defineTable({ ...one, columns: { constructor: number(1) } }),
    ],
    ['a field id used twice', () => defineTable({ ...one, columns: { a: number(1), b: flag(1) } })],
    [
      'an id used in both halves',
      () => defineTable({ ...one, columns, record: { note: text(2) } }),
    ],
    [
      'a name used in both halves',
      () => defineTable({ ...one, columns, record: { size: text(7) } }),
    ],
    ['a field id of 0', () => defineTable({ ...one, columns: { a: number(0) } })],
    ['a field id past 16 bits', () => defineTable({ ...one, columns: { a: number(65_536) } })],
    ['256 columns', () => defineTable({ ...one, columns: many })],
    [
      'a list over a time',
      () => defineTable({ ...one, columns: { at: timeMs(1) }, indexes: { a: postings('at') } }),
    ],
    [
      'words of a list',
      () =>
        defineTable({
          ...one,
          columns,
          record: { a: list<string>(9) },
          indexes: { b: words('a') },
        }),
    ],
    ['words of a number', () => defineTable({ ...one, columns, indexes: { b: words('size') } })],
    [
      'a pair with a number',
      () => defineTable({ ...one, columns, indexes: { a: pair('owner', 'size') } }),
    ],
    [
      'a unique flag',
      () => defineTable({ ...one, columns: { a: flag(1) }, indexes: { b: unique('a') } }),
    ],
    [
      'a unique list',
      () => defineTable({ ...one, columns, record: { a: json(9) }, indexes: { b: unique('a') } }),
    ],
    [
      'a unique counter, which changes by itself',
      () =>
        defineTable({
          ...one,
          columns: { ...columns, a: likesCounter },
          indexes: { b: unique('a') },
        }),
    ],
    [
      'a list that depends on a counter',
      () =>
        defineTable({
          ...one,
          columns: { ...columns, a: likesCounter },
          indexes: { b: postings('owner', { unless: ['a'] }) },
        }),
    ],
  ]
  for (const [name, declare] of nonsense) {
    it(`is refused: ${name}`, () => expect(declare).toThrow(InvariantError))
  }

  it('of a unique time or fraction is allowed', () => {
    const table = defineTable({
      ...one,
      columns: { at: timeMs(1), share: float(2) },
      indexes: { byAt: unique('at'), byShare: unique('share') },
    })
    expect(table.stored.indexes.length).toBe(2)
  })
})

describe('a set of declarations', () => {
  it('is stored in the order of table ids, with the number of the last migration', () => {
    const stored = storedSchema([likes, people, posts], 4)
    expect(stored.tables.map(({ name }) => name)).toEqual(['people', 'posts', 'likes'])
    expect(stored.migration).toBe(4)
    expect(storedSchema(smallTables, 4)).toEqual(stored)
  })

  const counting = (counts: schema.Counted): (() => unknown) => {
    const table = defineTable({ ...one, columns: { ...columns, count: counter(3, counts) } })
    return () => storedSchema([table], 0)
  }
  const unlessCounter = defineTable({
    ...one,
    columns: {
      ...columns,
      count: counter(3, { table: 'ones', by: 'owner' }),
      other: counter(4, { table: 'ones', by: 'owner', unless: ['count'] }),
    },
  })
  const nonsense: [string, () => unknown][] = [
    [
      'two tables of one id',
      () => storedSchema([people, defineTable({ id: 1, name: 'b', columns: {} })], 0),
    ],
    [
      'two tables of one name',
      () => storedSchema([people, defineTable({ id: 9, name: 'people', columns: {} })], 0),
    ],
    ['a reference to nowhere', () => storedSchema([likes], 0)],
    ['a counter of an unknown table', counting({ table: 'twos', by: 'owner' })],
    ['a counter by an unknown column', counting({ table: 'ones', by: 'other' })],
    ['a counter by a number', counting({ table: 'ones', by: 'size' })],
    ['a counter by itself', counting({ table: 'ones', by: 'count' })],
    [
      'a counter unless an unknown column',
      counting({ table: 'ones', by: 'owner', unless: ['no'] }),
    ],
    ['a counter unless another counter', () => storedSchema([unlessCounter], 0)],
  ]
  for (const [name, declare] of nonsense) {
    it(`is refused: ${name}`, () => expect(declare).toThrow(InvariantError))
  }
})
