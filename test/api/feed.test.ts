// Routes of timelines: home, everybody's posts, tags, and what is trending; paging and bad input.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Trending } from '../../src/api/trending.ts'
import { Api, expectError } from '../support/api.ts'
import type { Answer } from '../support/api.ts'

let api: Api
let anna: { id: number; token: string }
let ben: { id: number; token: string }

beforeAll(async () => {
  api = await Api.create(({ store }) => ({ store, clock: { now: () => api.network.clock.time } }))
  anna = await api.signUp('anna')
  ben = await api.signUp('ben')
})
afterAll(() => api[Symbol.asyncDispose]())

/** All pages; what happens between two of them. */
async function readOn(
  path: string,
  token?: string,
  between: () => Promise<unknown> = async () => undefined,
): Promise<number[]> {
  const found: number[] = []
  const more = path.includes('?') ? '&' : '?'
  let cursor = ''
  for (;;) {
    const { status, body } = await api.call('GET', `${path}${cursor}`, { token })
    expect(status, JSON.stringify(body)).toBe(200)
    found.push(...idsOf({ body }))
    if (body.next === null) return found
    cursor = `${more}before=${body.next}`
    await between()
  }
}

function idsOf({ body }: Pick<Answer, 'body'>): number[] {
  return body.items.map(({ id }: { id: string }) => Number(id))
}

describe('home', () => {
  test('is for who is logged in, and holds what those post whom one follows', async () => {
    expectError(await api.call('GET', '/feed'), 401, 'TOKEN_MISSING')
    const cleo = await api.signUp('cleo')
    const { token } = cleo
    expect((await api.call('GET', '/feed', { token })).body).toEqual({ items: [], next: null })
    await api.call('PUT', '/users/anna/follow', { token })
    await api.call('PUT', '/users/ben/follow', { token })
    const ids: number[] = []
    for (const author of [anna, ben, anna, ben, anna]) ids.push(await api.network.post(author.id))
    expect(await readOn('/feed?limit=2', token)).toEqual(ids.toReversed())
    const found = await readOn('/feed?limit=2', token, () => api.network.post(ben.id))
    expect(found).toEqual(ids.toReversed())
    await api.network.run('mute', { muter: cleo.id, muted: ben.id })
    expect(await readOn('/feed', token)).toEqual([ids[4], ids[2], ids[0]])
    await api.network.run('block', { blocker: anna.id, blocked: cleo.id })
    expect(await readOn('/feed', token)).toEqual([])
  })
})

describe('the public feed', () => {
  test('holds what is public, as its reader sees it', async () => {
    const dora = await api.signUp('dora')
    const emil = await api.signUp('emil')
    const shown = await api.network.post(dora.id)
    const media = [await api.network.photo(dora.id)]
    const input = { author: dora.id, caption: '', media, visibility: 'followers' } as const
    const hidden = await api.network.run('publishPost', input)
    const first = (token?: string): Promise<number[]> => readOn('/feed/public', token)
    expect(await first()).toContain(shown)
    expect(await first(dora.token)).not.toContain(hidden)
    await api.network.run('mute', { muter: emil.id, muted: dora.id })
    expect(await first(emil.token)).not.toContain(shown)
    expect(await first()).toEqual(await first(ben.token))
    await api.network.run('updateProfile', { user: dora.id, isPrivate: true })
    expect(await first()).not.toContain(shown)
    await api.network.run('follow', { follower: ben.id, followee: dora.id })
    await api.network.run('grantFollow', { requester: ben.id, target: dora.id })
    expect(await first(ben.token)).toContain(shown)
  })

  test('is read page by page while people publish and delete', async () => {
    const gone = await api.network.post(anna.id)
    const all = await readOn('/feed/public?limit=50')
    let step = 0
    const found = await readOn('/feed/public?limit=3', undefined, async () => {
      await api.network.post(anna.id)
      if (step++ === 0) await api.network.run('deletePost', { post: gone, user: anna.id })
    })
    expect(found).toEqual(all)
  })
})

describe('a tag', () => {
  test('is found in any case of its letters, with the posts that have it', async () => {
    const ids: number[] = []
    for (let count = 0; count < 3; count++)
      ids.push(await api.network.post(anna.id, '#Été au soleil'))
    const tag = await api.call('GET', `/tags/${encodeURIComponent('ÉTÉ')}`)
    expect(tag.body).toEqual({ name: 'Été', posts: 3 })
    const path = `/tags/${encodeURIComponent('été')}/posts`
    expect(await readOn(path)).toEqual(ids.toReversed())
    expect(await readOn(`${path}?limit=1`, ben.token)).toEqual(ids.toReversed())
    const page = await api.call('GET', path)
    expect(page.body.items[0]).toMatchObject({ caption: '#Été au soleil', tags: ['Été'] })
    const long = 'x'.repeat(200)
    await api.network.post(anna.id, `#${long}`)
    expect((await api.call('GET', `/tags/${long}`)).body).toEqual({ name: long, posts: 1 })
  })

  test('that nobody has used is refused', async () => {
    for (const name of ['nothing', '%23', '1', '%20', 'a%20b']) {
      expectError(await api.call('GET', `/tags/${name}`), 404, 'TAG_NOT_FOUND')
      expectError(await api.call('GET', `/tags/${name}/posts`), 404, 'TAG_NOT_FOUND')
    }
    expectError(await api.call('GET', `/tags/${'x'.repeat(201)}`), 414, 'URL_TOO_LONG')
  })
})

describe('trending', () => {
  test('posts are those that people like and discuss', async () => {
    const posts: number[] = []
    for (let count = 0; count < 6; count++) posts.push(await api.network.post(anna.id))
    const [, liked, , discussed] = posts as [number, number, number, number]
    for (const user of [anna.id, ben.id]) await api.network.run('like', { user, post: liked })
    await api.network.comment(ben.id, discussed)
    await api.network.comment(anna.id, discussed)
    api.network.clock.time += 10_000
    const best = idsOf(await api.call('GET', '/feed/trending?limit=2'))
    expect(best).toEqual([discussed, liked])

    // It is held for some seconds, then made anew.
    const newest = await api.network.post(ben.id)
    for (let count = 0; count < 4; count++) await api.network.comment(ben.id, newest)
    expect(idsOf(await api.call('GET', '/feed/trending?limit=2'))).toEqual([discussed, liked])
    api.network.clock.time += 10_000
    expect(idsOf(await api.call('GET', '/feed/trending?limit=1'))).toEqual([newest])
  })

  test('pages are of one ranking, whatever is liked meanwhile', async () => {
    api.network.clock.time += 10_000
    const all = await readOn('/feed/trending?limit=50')
    expect(all.length).toBeGreaterThan(10)
    let step = 0
    const found = await readOn('/feed/trending?limit=2', undefined, async () => {
      const post = all.at(-1 - step++)!
      await api.network.run('like', { user: ben.id, post })
      await api.network.comment(anna.id, post)
      await api.network.post(anna.id)
      api.network.clock.time += 10_000
    })
    expect(found).toEqual(all)
    expect(await readOn('/feed/trending?limit=50')).not.toEqual(all)
  })

  test('pages go on in a thread that has never ranked anything', async () => {
    const { view, clock } = api.network
    const [one, other] = [new Trending(clock), new Trending(clock)]
    const whole = one.posts(view, 0, 50)
    const first = one.posts(view, 0, 3)
    await api.network.run('like', { user: anna.id, post: whole.posts[8]! })
    await api.network.comment(anna.id, whole.posts[9]!)
    for (const trending of [one, other]) {
      const rest = trending.posts(view, 0, 50, first.next!)
      expect([...first.posts, ...rest.posts].slice(0, 50)).toEqual(whole.posts)
    }
  })

  test('posts leave out whom one has muted or may not see', async () => {
    const fay = await api.signUp('fay')
    const { token } = fay
    const all = await readOn('/feed/trending?limit=50', token)
    await api.network.run('mute', { muter: fay.id, muted: ben.id })
    const without = await readOn('/feed/trending?limit=4', token)
    expect(without.length).toBeLessThan(all.length)
    expect(without).toEqual(all.filter((id) => without.includes(id)))
    await api.network.run('suspendUser', { user: anna.id, moderator: 0, reason: 'Rude' })
    expect(await readOn('/feed/trending', token)).toEqual([])
    await api.network.run('liftSuspension', { user: anna.id, moderator: 0 })
  })

  test('tags say who uses them of late', async () => {
    await api.network.post(anna.id, '#together')
    await api.network.post(ben.id, '#Together')
    await api.network.post(ben.id, '#alone')
    api.network.clock.time += 10_000
    const { body } = await api.call('GET', '/tags/trending?limit=1')
    expect(body).toEqual({
      items: [{ name: 'together', posts: 2, recent: { people: 2, posts: 2 } }],
      next: null,
    })
    await api.network.run('blockTerm', { kind: 'tag', term: 'together', moderator: 0 })
    api.network.clock.time += 10_000
    const [best] = (await api.call('GET', '/tags/trending')).body.items
    expect(best.name).not.toBe('together')
  })
})

test('what is asked for wrongly is refused', async () => {
  const { token } = ben
  for (const path of ['/feed', '/feed/public', '/feed/trending', '/tags/x/posts']) {
    for (const query of ['limit=0', 'limit=51', 'limit=x', 'before=x', 'before=-1', 'before=']) {
      expectError(await api.call('GET', `${path}?${query}`, { token }), 400, 'REQUEST_INVALID')
    }
  }
  for (const before of ['7', '1-2-3-4', '1-2-3-4-0', '1-2-3-4-5-6', `1-2-3-4-${'5'.repeat(90)}`]) {
    const answer = await api.call('GET', `/feed/trending?before=${before}`)
    expectError(answer, 400, 'REQUEST_INVALID')
  }
  expectError(await api.call('GET', '/tags/trending?limit=51'), 400, 'REQUEST_INVALID')
  // A cursor that nobody was given finds nothing, or what is there.
  const far = await api.call('GET', '/feed/trending?before=9999999999-9999999999-0-9-9')
  expect(far.body).toEqual({ items: [], next: null })
})
