// Routes of likes and bookmarks: lists of who likes a post, of what one likes, of what one keeps.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { Api, expectError } from '../support/api.ts'
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

function idsOf(answer: Answer): string[] {
  expect(answer.status, JSON.stringify(answer.body)).toBe(200)
  return answer.body.items.map(({ id }: { id: string }) => id)
}

test('who likes a post is told page by page, newest first', async () => {
  const post = await api.network.post(anna.id)
  const people = [anna, ben, await api.signUp('cleo')]
  for (const { token } of people) await api.call('PUT', `/posts/${post}/like`, { token })
  const path = `/posts/${post}/likes?limit=2`
  const first = await api.call('GET', path)
  expect(first.body.items).toMatchObject([{ handle: 'cleo' }, { handle: 'ben' }])
  const second = await api.call('GET', `${path}&before=${first.body.next}`)
  expect(second.body).toMatchObject({ items: [{ handle: 'anna' }], next: null })
  await api.call('PUT', '/users/ben/block', { token: anna.token })
  const seen = await api.call('GET', path, { token: anna.token })
  expect(seen.body.items).toMatchObject([{ handle: 'cleo' }, { handle: 'anna' }])
  await api.call('DELETE', '/users/ben/block', { token: anna.token })
  expectError(await api.call('GET', '/posts/999/likes'), 404, 'POST_NOT_FOUND')
  await api.network.run('editPost', { post, user: anna.id, visibility: 'private' })
  expectError(await api.call('GET', path), 404, 'POST_NOT_FOUND')
})

test('bookmarks and likes of one’s own are listed to oneself', async () => {
  const { token } = ben
  const posts = [await api.network.post(anna.id), await api.network.post(anna.id)]
  const comment = await api.network.comment(anna.id, posts[0]!)
  for (const [list, action] of [
    ['/bookmarks', 'bookmark'],
    ['/likes', 'like'],
  ] as const) {
    const before = idsOf(await api.call('GET', list, { token }))
    const marked = action === 'like' ? 'liked' : 'bookmarked'
    for (const id of [...posts, comment]) {
      for (let time = 0; time < 2; time++) {
        const answer = await api.call('PUT', `/posts/${id}/${action}`, { token })
        expect(answer).toMatchObject({ status: 200, body: { viewer: { [marked]: true } } })
      }
    }
    const mine = [comment, posts[1], posts[0]].map(String)
    expect(idsOf(await api.call('GET', list, { token }))).toEqual([...mine, ...before])
    const page = await api.call('GET', `${list}?limit=1`, { token })
    expect(idsOf(page)).toEqual([mine[0]])
    const next = await api.call('GET', `${list}?limit=1&before=${page.body.next}`, { token })
    expect(idsOf(next)).toEqual([mine[1]])
    expect(idsOf(await api.call('GET', list, { token: anna.token }))).not.toContain(mine[0])
    const answer = await api.call('DELETE', `/posts/${comment}/${action}`, { token })
    expect(answer).toMatchObject({ status: 200, body: { viewer: { [marked]: false } } })
    expectError(await api.call('GET', list), 401, 'TOKEN_MISSING')
    expectError(await api.call('PUT', `/posts/${comment}/${action}`), 401, 'TOKEN_MISSING')
    const missing = await api.call('PUT', `/posts/999/${action}`, { token })
    expectError(missing, 404, 'POST_NOT_FOUND')
  }
  const seen = await api.call('GET', `/posts/${posts[0]}`, { token })
  expect(seen.body).toMatchObject({ likes: 1, viewer: { liked: true, bookmarked: true } })
  const other = await api.call('GET', `/posts/${posts[0]}`, { token: anna.token })
  expect(other.body.viewer).toEqual({ liked: false, bookmarked: false })
  expect(JSON.stringify(other.body)).not.toContain('bookmarks')
})
