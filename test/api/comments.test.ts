// Routes of comments: answering, reading a thread a page and a level at a time, tombstones, depth.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Api, expectError } from '../support/api.ts'
import { NOON } from '../support/network.ts'
import type { Answer } from '../support/api.ts'

let api: Api
let anna: { id: number; token: string }
let ben: { id: number; token: string }

beforeAll(async () => {
  api = await Api.create()
  anna = await api.signUp('anna')
  ben = await api.signUp('ben')
})
afterAll(() => api[Symbol.asyncDispose]())

function say(
  post: number | string,
  text: string,
  parent?: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const body = { text, ...(parent === undefined ? {} : { parent }) }
  return api.call('POST', `/posts/${post}/comments`, { token: ben.token, body, headers })
}

function textsOf(items: { text: string }[]): string[] {
  return items.map(({ text }) => text)
}

describe('a comment', () => {
  test('is answered with, counted, and liked like a post', async () => {
    const post = await api.network.post(anna.id)
    const answer = await say(post, ' Nice\r\nlight ')
    expect(answer.status).toBe(201)
    expect(answer.headers['x-shashin-lsn']).toMatch(/^\d+$/)
    expect(answer.body).toEqual({
      id: expect.stringMatching(/^\d+$/) as string,
      post: String(post),
      parent: String(post),
      depth: 1,
      author: { id: String(ben.id), handle: 'ben', name: '', avatar: null },
      text: 'Nice\nlight',
      mentions: [],
      created_at: new Date(NOON).toISOString(),
      edited_at: null,
      deleted: false,
      removed: false,
      blocked: false,
      likes: 0,
      child_count: 0,
      viewer: { liked: false },
    })
    expect((await api.call('GET', `/posts/${post}`)).body.comments).toBe(1)
    const liked = await api.call('PUT', `/posts/${answer.body.id}/like`, { token: anna.token })
    expect(liked.body).toMatchObject({
      id: answer.body.id,
      caption: 'Nice\nlight',
      parent: String(post),
      root: String(post),
      media: [],
      likes: 1,
    })
    const seen = await api.call('GET', `/posts/${post}/comments`, { token: anna.token })
    expect(seen.body.items[0]).toMatchObject({ likes: 1, viewer: { liked: true } })
  })

  test('that does not fit is refused', async () => {
    const post = await api.network.post(anna.id)
    const other = await api.network.post(anna.id)
    const elsewhere = (await say(other, 'there')).body.id
    expectError(await say(post, ''), 422, 'TEXT_EMPTY')
    expectError(await say(post, '\n \t'), 422, 'TEXT_EMPTY')
    expectError(await say(post, 'x'.repeat(2_201)), 422, 'TEXT_TOO_LONG')
    expectError(await say(post, 'a\u001bb'), 422, 'TEXT_INVALID')
    expectError(await say(post, 'x', elsewhere), 404, 'COMMENT_NOT_FOUND')
    expectError(await say(post, 'x', '999'), 404, 'COMMENT_NOT_FOUND')
    expectError(await say(post, 'x', 'x'), 400, 'REQUEST_INVALID')
    expectError(await say(999, 'x'), 404, 'POST_NOT_FOUND')
    expectError(await say('x', 'x'), 400, 'REQUEST_INVALID')
    const path = `/posts/${post}/comments`
    const { token } = ben
    expectError(await api.call('POST', path, { token, body: {} }), 400, 'REQUEST_INVALID')
    expectError(await api.call('POST', path, { token, body: { text: 1 } }), 400, 'REQUEST_INVALID')
    expectError(await api.call('POST', path, { body: { text: 'x' } }), 401, 'TOKEN_MISSING')
  })

  test('with a key is said once', async () => {
    const post = await api.network.post(anna.id)
    const other = await api.network.post(anna.id)
    const headers = { 'idempotency-key': 'k1' }
    const first = await say(post, 'once', undefined, headers)
    expect((await say(post, 'once', undefined, headers)).body).toEqual(first.body)
    expect((await say(other, 'once', undefined, headers)).body.id).not.toBe(first.body.id)
    expect((await api.call('GET', `/posts/${post}`)).body.comments).toBe(1)
  })
})

describe('a thread', () => {
  test('is read page by page, with a few answers below each comment', async () => {
    const post = await api.network.post(anna.id)
    const ids: string[] = []
    for (const text of ['a', 'b', 'c', 'd', 'e']) ids.push((await say(post, text)).body.id)
    for (const text of ['b1', 'b2', 'b3', 'b4']) await say(post, text, ids[1])
    const path = `/posts/${post}/comments`
    const first = (await api.call('GET', `${path}?limit=2`)).body
    expect(textsOf(first.items)).toEqual(['a', 'b'])
    expect(first.items[0]).toMatchObject({ child_count: 0, children: { items: [], next: null } })
    const [, b] = first.items
    expect(b.child_count).toBe(4)
    expect(textsOf(b.children.items)).toEqual(['b1', 'b2', 'b3'])
    const rest = await api.call('GET', `${path}?parent=${b.id}&cursor=${b.children.next}`)
    expect(textsOf(rest.body.items)).toEqual(['b4'])
    expect(rest.body.next).toBeNull()

    const second = (await api.call('GET', `${path}?limit=2&cursor=${first.next}`)).body
    expect(textsOf(second.items)).toEqual(['c', 'd'])
    const last = (await api.call('GET', `${path}?limit=2&cursor=${second.next}`)).body
    expect(textsOf(last.items)).toEqual(['e'])
    expect(last.next).toBeNull()

    const newest = (await api.call('GET', `${path}?sort=new&limit=4`)).body
    expect(textsOf(newest.items)).toEqual(['e', 'd', 'c', 'b'])
    expect(textsOf(newest.items[3].children.items)).toEqual(['b4', 'b3', 'b2'])
    const older = (await api.call('GET', `${path}?sort=new&limit=4&cursor=${newest.next}`)).body
    expect(textsOf(older.items)).toEqual(['a'])
    // A comment stands for itself, too.
    const below = (await api.call('GET', `/posts/${b.id}/comments?limit=1`)).body
    expect(textsOf(below.items)).toEqual(['b1'])
  })

  test('that is none, or is asked for wrongly, is refused', async () => {
    const post = await api.network.post(anna.id)
    const other = await api.network.post(anna.id)
    const path = `/posts/${post}/comments`
    expectError(await api.call('GET', '/posts/999/comments'), 404, 'POST_NOT_FOUND')
    expectError(await api.call('GET', `${path}?parent=${other}`), 404, 'COMMENT_NOT_FOUND')
    expectError(await api.call('GET', `${path}?parent=999`), 404, 'COMMENT_NOT_FOUND')
    const queries = ['sort=best', 'limit=0', 'limit=51', 'cursor=x', 'parent=x', 'sort=']
    queries.push('depth=0', 'depth=5', 'depth=x', 'sort=top&cursor=7', 'sort=new&cursor=1-1-1-1-1')
    for (const query of queries) {
      expectError(await api.call('GET', `${path}?${query}`), 400, 'REQUEST_INVALID')
    }
  })

  test('keeps a place for what was deleted while something lives below it', async () => {
    const post = await api.network.post(anna.id)
    const a = (await say(post, 'a secret')).body.id
    const b = (await say(post, 'b', a)).body.id
    await api.call('PUT', `/posts/${a}/like`, { token: anna.token })
    const { token } = ben
    expectError(await api.call('DELETE', `/posts/${a}`, { token: anna.token }), 403, 'NOT_YOURS')
    expect((await api.call('DELETE', `/posts/${a}`, { token })).status).toBe(204)
    const { items } = (await api.call('GET', `/posts/${post}/comments`)).body
    expect(items).toHaveLength(1)
    expect(items[0]).toMatchObject({
      id: a,
      deleted: true,
      author: null,
      text: '',
      likes: 0,
      child_count: 1,
      children: { items: [{ id: b, text: 'b', deleted: false }] },
    })
    expectError(await api.call('GET', `/posts/${a}`), 404, 'POST_NOT_FOUND')
    expectError(await say(post, 'too late', a), 404, 'COMMENT_NOT_FOUND')
    const below = await api.call('GET', `/posts/${post}/comments?parent=${a}`)
    expect(textsOf(below.body.items)).toEqual(['b'])
    await api.call('DELETE', `/posts/${b}`, { token })
    expect((await api.call('GET', `/posts/${post}/comments`)).body.items).toEqual([])
    expect((await api.call('GET', `/posts/${post}`)).body.comments).toBe(0)
  })

  test('is read best first, as deep as one likes', async () => {
    const post = await api.network.post(anna.id)
    const a = (await say(post, 'a')).body.id
    const b = (await say(post, 'b')).body.id
    const c = (await say(post, 'c')).body.id
    const below = (await say(post, 'a1', a)).body.id
    const deeper = (await say(post, 'a2', below)).body.id
    await api.call('PUT', `/posts/${a}/like`, { token: anna.token })
    const path = `/posts/${post}/comments?sort=top`
    const { items, next } = (await api.call('GET', `${path}&limit=2&depth=3`)).body
    expect(textsOf(items)).toEqual(['a', 'c'])
    expect(items[0].children.items[0].id).toBe(below)
    expect(items[0].children.items[0].children).toMatchObject({
      items: [{ id: deeper, depth: 3, children: { items: [], next: null } }],
      next: null,
    })
    await api.call('PUT', `/posts/${c}/like`, { token: anna.token })
    await api.call('PUT', `/posts/${b}/like`, { token: anna.token })
    const rest = (await api.call('GET', `${path}&cursor=${next}`)).body
    expect(textsOf(rest.items)).toEqual(['b'])
    expect(rest.next).toBeNull()
    const flat = (await api.call('GET', `${path}&depth=1`)).body
    expect(flat.items.at(-1)).toMatchObject({ id: a, children: { items: [], next: '0' } })
    const begun = await api.call('GET', `${path}&depth=1&parent=${a}&cursor=0`)
    expect(textsOf(begun.body.items)).toEqual(['a1'])
  })

  test('shows a marker where somebody blocked has said something', async () => {
    const cleo = await api.signUp('cleo')
    const post = await api.network.post(anna.id)
    const a = (await say(post, 'a')).body.id
    await say(post, 'alone')
    const answer = await api.network.comment(anna.id, post, Number(a), 'answer')
    await api.network.run('block', { blocker: cleo.id, blocked: ben.id })
    const { token } = cleo
    const { items } = (await api.call('GET', `/posts/${post}/comments`, { token })).body
    expect(items).toEqual([
      {
        id: a,
        post: String(post),
        parent: String(post),
        depth: 1,
        author: null,
        text: '',
        mentions: [],
        created_at: new Date(NOON).toISOString(),
        edited_at: null,
        deleted: false,
        removed: false,
        blocked: true,
        likes: 0,
        child_count: 1,
        viewer: { liked: false },
        children: { items: [expect.objectContaining({ id: String(answer) })], next: null },
      },
    ])
    const path = `/posts/${post}/comments`
    const body = { text: 'x', parent: a }
    expectError(await api.call('POST', path, { token, body }), 404, 'COMMENT_NOT_FOUND')
    await api.network.run('block', { blocker: anna.id, blocked: cleo.id })
    expectError(await api.call('POST', path, { token, body }), 404, 'POST_NOT_FOUND')
    expectError(await api.call('GET', path, { token }), 404, 'POST_NOT_FOUND')
  })

  test('tells that a moderator has removed something, and shows it to its author', async () => {
    const post = await api.network.post(anna.id)
    const a = (await say(post, 'rude')).body.id
    await say(post, 'answer', a)
    const reason = 'It was rude.'
    await api.network.run('removePost', { post: Number(a), moderator: 0, reason })
    const path = `/posts/${post}/comments`
    const [seen] = (await api.call('GET', path)).body.items
    expect(seen).toMatchObject({ id: a, removed: true, deleted: false, author: null, text: '' })
    const [own] = (await api.call('GET', path, { token: ben.token })).body.items
    expect(own).toMatchObject({ id: a, removed: true, author: { handle: 'ben' }, text: 'rude' })
  })

  test('is closed to whom its author does not let comment', async () => {
    const media = [await api.network.photo(anna.id)]
    const input = { author: anna.id, caption: '', media, commenters: 'followers' } as const
    const post = await api.network.run('publishPost', input)
    expectError(await say(post, 'x'), 403, 'COMMENTS_CLOSED')
    await api.network.run('follow', { follower: ben.id, followee: anna.id })
    const said = await say(post, 'x')
    expect(said.status).toBe(201)
    await api.network.run('editPost', { post, user: anna.id, commenters: 'nobody' })
    expectError(await say(post, 'x', said.body.id), 403, 'COMMENTS_CLOSED')
    const body = { text: 'mine' }
    const own = await api.call('POST', `/posts/${post}/comments`, { token: anna.token, body })
    expect(own.status).toBe(201)
    await api.network.run('unfollow', { follower: ben.id, followee: anna.id })
  })

  test('a thousand deep is written, read down to its end, and deleted', async () => {
    const post = await api.network.post(anna.id)
    let parent: string | undefined
    for (let depth = 1; depth <= 1_000; depth++) {
      const { status, body } = await say(post, `level ${depth}`, parent)
      expect(status).toBe(201)
      parent = body.id
    }
    expect((await api.call('GET', `/posts/${post}`)).body.comments).toBe(1_000)
    const chain: string[] = []
    let at = String(post)
    for (;;) {
      const page = await api.call('GET', `/posts/${post}/comments?parent=${at}`)
      const [item] = page.body.items
      if (item === undefined) break
      expect(item).toMatchObject({ text: `level ${chain.length + 1}`, depth: chain.length + 1 })
      chain.push(item.id)
      at = item.id
    }
    expect(chain).toHaveLength(1_000)
    const { token } = ben
    for (const id of chain) {
      expect((await api.call('DELETE', `/posts/${id}`, { token })).status).toBe(204)
    }
    expect((await api.call('GET', `/posts/${post}/comments`)).body.items).toEqual([])
    expect((await api.call('GET', `/posts/${post}`)).body.comments).toBe(0)
    expect(api.network.store.check()).toEqual([])
  })
})
