// The datastore as its users see it: what is told durable is there after every kind of restart.

import { expect } from 'vitest'
import { datastoreTest } from '../support/datastore-test.ts'
import { No, people, posts } from '../support/little-network.ts'

datastoreTest('rows, indexes and counters survive a restart', async ({ store }) => {
  const { output: hanako } = await store.transact('join', { handle: 'hanako' })
  const { output: jiro } = await store.transact('join', { handle: 'jiro' })
  const { output: post } = await store.transact('post', { author: hanako, text: 'sakura 🌸' })
  const reply = await store.transact('post', { author: jiro, text: 'きれい', parent: post })
  await store.transact('like', { person: jiro, post })
  expect(reply).toEqual({ output: 2, lsn: 5 })
  expect(store.view.get(posts, post)).toMatchObject({ text: 'sakura 🌸', replies: 1, likes: 1 })
  expect(store.view.newest(posts.indexes.byAuthor, hanako, 10)).toEqual([post])
  expect(store.view.find(people.indexes.byHandle, 'jiro')).toBe(jiro)
})

datastoreTest(
  'what a transaction throws is its caller’s, and nothing is left of it',
  async ({ store }) => {
    const { output: author } = await store.transact('join', { handle: 'hanako' })
    await expect(store.transact('join', { handle: 'hanako' })).rejects.toThrow(No)
    await expect(store.transact('regret', { author })).rejects.toThrow('on second thoughts')
    await expect(store.transact('rename', { person: 99, handle: 'x' })).rejects.toMatchObject({
      code: 'ROW_NOT_FOUND',
    })
    expect(store.view.lastId(posts)).toBe(0)
    expect(store.view.get(people, author)).toMatchObject({ handle: 'hanako', weight: 0 })
    expect(store.check()).toEqual([])
  },
)

datastoreTest('a key runs a command once, and its answer survives', async (directory) => {
  const first = await directory.store.transact('join', { handle: 'a' }, { key: 'one' })
  const again = await directory.store.transact('join', { handle: 'a' }, { key: 'one' })
  expect(again.output).toBe(first.output)
  const store = await directory.open()
  const later = await store.transact('join', { handle: 'a' }, { key: 'one' })
  expect(later.output).toBe(first.output)
  expect(store.view.rowCount(people)).toBe(1)
})

datastoreTest('many callers share few writes', async ({ store }) => {
  const { output: author } = await store.transact('join', { handle: 'hanako' })
  const before = store.stats().commits.batches
  const calls = Array.from({ length: 500 }, (_, index) =>
    store.transact('post', { author, text: `post ${index}` }),
  )
  const ids = (await Promise.all(calls)).map(({ output }) => output)
  expect(new Set(ids).size).toBe(500)
  expect(store.stats().commits.batches - before).toBeLessThan(10)
})

datastoreTest('a reference to a row that never was is refused', async ({ store }) => {
  const { output: author } = await store.transact('join', { handle: 'hanako' })
  const { output: post } = await store.transact('post', { author, text: 'one' })
  await expect(store.transact('move', { post, author: 4_000_000_000 })).rejects.toThrow(
    'posts.author: 4000000000 is no row of people, whose highest id is 1',
  )
  expect(store.view.get(posts, post)).toMatchObject({ author })
})
