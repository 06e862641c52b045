// Fragments: what is kept, for how long, and what never is.

import { afterEach, beforeEach, expect, test } from 'vitest'
import { PREFIX } from '../../src/api/app.ts'
import { Fragments } from '../../src/api/render/fragments.ts'
import { renderPost, renderPosts } from '../../src/api/render/post.ts'
import { renderUser } from '../../src/api/render/user.ts'
import { files, media, users } from '../../src/model/schema.ts'
import { transactions } from '../../src/model/transactions.ts'
import { Api } from '../support/api.ts'
import { Network, postsOfUser } from '../support/network.ts'
import type { FragmentKind, Rendering } from '../../src/api/render/fragments.ts'
import type { Transaction } from '../../src/engine/transaction.ts'
import type { View } from '../../src/engine/view.ts'

/** Changes that the network does not know yet: later parts of it may. */
const more = {
  ...transactions,
  resize: (tx: Transaction, { photo }: { photo: number }) => tx.update(media, photo, { width: 7 }),
  recode: (tx: Transaction, { file }: { file: number }) =>
    tx.update(files, file, { contentType: 'image/avif' }),
}

let network: Network
let fragments: Fragments
let anna: number
let post: number

beforeEach(async () => {
  network = await Network.create()
  await network.close()
  await network.open({ transactions: more })
  fragments = new Fragments()
  anna = await network.signUp('anna')
  post = await network.post(anna, 'Sea')
})
afterEach(() => network[Symbol.asyncDispose]())

// What an answer holds is what tests are about.
// oxlint-disable-next-line typescript/no-explicit-any
type Loose = any

async function shown(viewer = 0, by = fragments): Promise<Loose> {
  return JSON.parse(await by.render(network.store, (on) => renderPost(on, post, viewer)))
}

/** A kind that tells how often it is written and counted; it counts followers. */
function countingKind(): FragmentKind & {
  readonly written: readonly number[]
  readonly counted: readonly number[]
} {
  const written: number[] = []
  const counted: number[] = []
  return {
    id: 3,
    written,
    counted,
    steady: (rows, row) => {
      rows.get(users, row)
      written.push(row)
      return 'x'.repeat(1000)
    },
    counts: (view, row) => {
      counted.push(row)
      return `,${view.value(users, row, 'followers')}`
    },
  }
}

test('a post shows what has become of its author, its photos and their files', async () => {
  expect(await shown()).toMatchObject({ author: { name: '' }, media: [{ width: 40 }] })
  await network.run('updateProfile', { user: anna, name: 'Anna' })
  expect(await shown()).toMatchObject({ author: { name: 'Anna' }, media: [{ width: 40 }] })
  const run = network.store.transact.bind(network.store) as Loose
  await run('resize', { photo: network.view.lastId(media) })
  expect(await shown()).toMatchObject({ author: { name: 'Anna' }, media: [{ width: 7 }] })
  await run('recode', { file: network.view.lastId(files) })
  expect(await shown()).toMatchObject({ media: [{ width: 7, content_type: 'image/avif' }] })
})

test('what a viewer did is shown to that viewer alone', async () => {
  const ben = await network.signUp('ben')
  await network.run('like', { user: ben, post })
  for (let time = 0; time < 2; time++) {
    expect(await shown(ben)).toMatchObject({ likes: 1, viewer: { liked: true } })
    expect(await shown(anna)).toMatchObject({ likes: 1, viewer: { liked: false } })
    expect(await shown()).toMatchObject({ likes: 1, viewer: { liked: false } })
  }
})

test('a deleted post is not found, although its text was kept', async () => {
  await shown()
  await network.run('deletePost', { post, user: anna })
  await expect(shown()).rejects.toMatchObject({ code: 'POST_NOT_FOUND' })
})

test('a fragment is written once for as long as its rows stay, whatever is counted', async () => {
  const kind = countingKind()
  const text = (): Promise<string> => fragments.render(network.store, (on) => on.text(kind, anna))
  for (const count of [0, 1, 1, 2]) {
    const fan = await network.signUp(`fan${network.view.lastId(users)}`)
    if (count > network.view.value(users, anna, 'followers')) {
      await network.run('follow', { follower: fan, followee: anna })
    }
    expect(await text()).toMatch(new RegExp(`x,${count}$`))
  }
  expect(kind.written).toEqual([anna])
  await network.run('updateProfile', { user: anna, name: 'Anna' })
  await text()
  await text()
  expect(kind.written).toEqual([anna, anna])
})

test('nothing is counted again while nothing has changed', async () => {
  const kind = countingKind()
  const text = (): Promise<string> => fragments.render(network.store, (on) => on.text(kind, anna))
  for (let time = 0; time < 3; time++) await text()
  expect(kind.counted).toEqual([anna])
  await network.signUp('ben')
  for (let time = 0; time < 3; time++) await text()
  expect(kind.counted).toEqual([anna, anna])
  expect(kind.written).toEqual([anna])
})

test('a row that was missing and is there now is noticed', async () => {
  const kind = countingKind()
  const next = anna + 1
  const render = (): Promise<string> => fragments.render(network.store, (on) => on.text(kind, next))
  await render()
  await render()
  expect(kind.written).toEqual([next])
  await network.signUp('ben')
  await render()
  expect(kind.written).toEqual([next, next])
})

test('the cache stays within its bytes, and what is used stays in it', async () => {
  const kind = countingKind()
  const sizeMax = 100_000
  const bounded = new Fragments(sizeMax)
  const render = (row: number): Promise<string> =>
    bounded.render(network.store, (on) => on.text(kind, row))
  for (let row = 1; row <= 1000; row++) {
    await render(row)
    await render(5000)
    expect(bounded.size).toBeLessThanOrEqual(sizeMax)
  }
  expect(bounded.size).toBeGreaterThan(sizeMax / 4)
  expect(kind.written.filter((row) => row === 5000)).toHaveLength(1)
  expect(kind.written).toHaveLength(1001)
  await render(1)
  expect(kind.written).toHaveLength(1002)
  bounded.clear()
  expect(bounded.size).toBe(0)
})

test('what a run on torn memory wrote is in no answer, then or later', async () => {
  // The view of a thread while another one writes: the versions of now, the texts and the lists of
  // another time.
  const unread = await network.post(anna, 'Sky')
  const { view } = network
  let isTorn = false
  let state = 2
  const tearing = {
    ...bound(view),
    get state() {
      return state
    },
    get: (table: Loose, row: number) => {
      const found: Loose = view.get(table, row)
      return isTorn ? { ...found, caption: 'torn', name: 'torn' } : found
    },
    newest: () => (isTorn ? [unread, post] : [post]),
    value: (table: Loose, row: number, column: Loose) =>
      isTorn && column === 'likes' ? 77 : (view.value as Loose)(table, row, column),
  } as View
  const torn = {
    async read<T>(query: (view: View) => T): Promise<T> {
      isTorn = true
      query(tearing)
      isTorn = false
      state += 2
      return query(tearing)
    },
  }
  const calm = {
    async read<T>(query: (view: View) => T): Promise<T> {
      return query(tearing)
    },
  }
  for (const store of [torn, calm, torn, calm]) {
    const text = await fragments.render(store, (on) =>
      renderPosts(on, postsOfUser(on.view, anna, 20), anna),
    )
    expect(text).not.toContain('torn')
    expect(JSON.parse(text)).toMatchObject([{ caption: 'Sea', likes: 0 }])
  }
  const text = await fragments.render(calm, (on) => renderPost(on, unread, anna))
  expect(JSON.parse(text)).toMatchObject({ caption: 'Sky', author: { name: '' } })
})

test('a query that fails keeps nothing', async () => {
  const failing = fragments.render(network.store, (on) => {
    renderPost(on, post, 0)
    throw new Error('after rendering')
  })
  await expect(failing).rejects.toThrow('after rendering')
  expect(fragments.size).toBe(0)
})

test('another view of the store starts anew, and what was read before is not kept', async () => {
  const { view } = network
  const other = { ...bound(view), value: () => 0 } as View
  // Answers of the first view wait, as those do that are to be durable.
  const { promise: durable, resolve } = Promise.withResolvers<void>()
  const late = {
    async read<T>(query: (view: View) => T): Promise<T> {
      const result = query(view)
      await durable
      return result
    },
  }
  const after = {
    async read<T>(query: (view: View) => T): Promise<T> {
      return query(other)
    },
  }
  const kind = countingKind()
  const text = (on: Rendering): string => on.text(kind, anna)
  const waiting = fragments.render(late, text)
  await fragments.render(after, (on) => on.text(kind, anna + 1))
  const { size } = fragments
  resolve()
  await waiting
  expect(fragments.size).toBe(size)
  await fragments.render(after, text)
  expect(kind.written).toEqual([anna, anna + 1, anna])
  await fragments.render(network.store, text)
  expect(kind.written).toEqual([anna, anna + 1, anna, anna])
})

test('users are counted and described anew at each answer', async () => {
  const user = async (viewer: number): Promise<Loose> =>
    JSON.parse(await fragments.render(network.store, (on) => renderUser(on, anna, viewer)))
  const ben = await network.signUp('ben')
  expect(await user(ben)).toMatchObject({ followers: 0, viewer: { following: false } })
  await network.run('follow', { follower: ben, followee: anna })
  expect(await user(ben)).toMatchObject({ followers: 1, viewer: { following: true } })
  expect(await user(anna)).toMatchObject({ followers: 1, viewer: { following: false } })
})

test('answers say what and how long they are, to HEAD as well', async () => {
  await using api = await Api.create()
  const { token } = await api.signUp('anna')
  await api.call('PATCH', '/me', { token, body: { name: '海' } })
  const answer = await api.call('GET', '/users/anna')
  const size = String(answer.bytes.length)
  expect(answer.body.name).toBe('海')
  expect(answer.headers).toMatchObject({
    'content-type': 'application/json; charset=utf-8',
    'content-length': size,
  })
  const head = await api.app.inject({ method: 'HEAD', url: `${PREFIX}/users/anna` })
  expect(head).toMatchObject({ statusCode: 200, headers: { 'content-length': size } })
  expect(head.rawPayload).toHaveLength(0)
})

/** The methods of a view as functions of their own. */
function bound(view: View): View {
  const names = ['get', 'getMany', 'has', 'value', 'version', 'find', 'findPair', 'newest', 'after']
  const methods = names.map((name) => [name, (view as Loose)[name].bind(view)])
  return Object.fromEntries(methods) as View
}
