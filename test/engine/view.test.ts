// Views: ids and owners come from outside, so that anything that is no row id must answer "none",
// and end.

import { describe, expect, it } from 'vitest'
import { SmallStore, likes, people, posts } from '../support/small-store.ts'

const NO_IDS = [
  0,
  -1,
  -(2 ** 31),
  0.5,
  1.5,
  Number.NaN,
  Infinity,
  -Infinity,
  2 ** 32,
  2 ** 32 + 1,
  2 ** 53,
]

describe('what is no row id', () => {
  const store = new SmallStore()
  store.transact((tx) => {
    tx.insert(people, { handle: 'aki', badge: 1 })
    tx.insert(posts, { author: 1, caption: 'one' })
    tx.insert(likes, { user: 1, post: 1 })
  })
  const { view } = store
  for (const id of NO_IDS) {
    it(`has no row, no version, no rows of its own: ${id}`, () => {
      expect([view.has(people, id), view.get(people, id), view.version(people, id)]).toEqual([
        false,
        undefined,
        0,
      ])
      expect(view.value(people, id, 'posts')).toBe(0)
      expect(view.getMany(people, [id, 1, id]).map((row) => row.id)).toEqual([1])
      expect(view.newest(posts.indexes.byAuthor, id, 5)).toEqual([])
      expect(view.after(posts.indexes.byAuthor, id, 0, 5)).toEqual([])
      expect(view.mergeNewest(posts.indexes.byAuthor, [id, 1, id], 5)).toEqual([1])
      expect(view.findPair(likes.indexes.byPair, id, 1)).toBe(0)
      expect(view.findPair(likes.indexes.byPair, 1, id)).toBe(0)
      expect(view.find(people.indexes.byBadge, id)).toBe(0)
    })
  }

  it('of a cursor leaves an empty page', () => {
    expect(view.newest(posts.indexes.byAuthor, 1, 5, -1)).toEqual([])
    expect(view.newest(posts.indexes.byAuthor, 1, 5, 0)).toEqual([])
    expect(view.newest(posts.indexes.byAuthor, 1, -5)).toEqual([])
    expect(view.after(posts.indexes.byAuthor, 1, 1e300, 5)).toEqual([])
  })
})

describe('a view', () => {
  it('hands out copies: what a reader does to them does not reach the store', () => {
    const store = new SmallStore()
    store.transact((tx) =>
      tx.insert(people, { portrait: new Uint8Array([1, 2, 3]), tags: ['a'], settings: { a: 1 } }),
    )
    const row = store.view.get(people, 1)!
    row.portrait.fill(9)
    ;(row.tags as string[]).push('b')
    ;(row.settings as { a: number }).a = 2
    expect(row.portrait.buffer).not.toBeInstanceOf(SharedArrayBuffer)
    expect(store.view.get(people, 1)).toMatchObject({ tags: ['a'], settings: { a: 1 } })
    expect([...store.view.get(people, 1)!.portrait]).toEqual([1, 2, 3])
  })

  it('reads several rows in the order asked for, some twice, without those that are gone', () => {
    const store = new SmallStore()
    store.transact((tx) => {
      for (let count = 0; count < 5; count++) tx.insert(posts, { caption: `${count + 1}` })
      tx.remove(posts, 4)
    })
    const rows = store.view.getMany(posts, [5, 4, 1, 99, 1])
    expect(rows.map(({ id, caption }) => [id, caption])).toEqual([
      [5, '5'],
      [1, '1'],
      [1, '1'],
    ])
  })

  it('of another thread sees what came after it was made, growth too', () => {
    const store = new SmallStore()
    const replica = new SmallStore()
    const sameMemory = replica.tables.constructor as new (
      ...parts: [typeof store.memory, string, typeof store.tables.schema]
    ) => typeof store.tables
    const reader = new sameMemory(
      store.memory,
      '0123456789abcdef0123456789abcdef',
      store.tables.schema,
    )
    const caption = 'x'.repeat(3000)
    store.transact((tx) => {
      tx.insert(people, { handle: 'aki' })
      for (let count = 0; count < 4000; count++) tx.insert(posts, { author: 1, caption })
    })
    expect(reader.byId(posts.id)!.row.read(4000)).toMatchObject({ id: 4000, caption })
    expect(reader.byId(posts.id)!.rowCount).toBe(4000)
  })
})
