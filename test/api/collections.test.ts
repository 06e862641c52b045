// Routes of collections: whose they are, what is in them, and who sees which part of that.

import { afterAll, beforeAll, expect, test } from 'vitest'
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

function create(body: unknown, headers = {}): Promise<Answer> {
  return api.call('POST', '/collections', { token: anna.token, body, headers })
}

function idsOf(answer: Answer): string[] {
  expect(answer.status, JSON.stringify(answer.body)).toBe(200)
  return answer.body.items.map(({ id }: { id: string }) => id)
}

test('a collection is made, changed and deleted by its owner', async () => {
  const made = await create({ name: ' Boats ', description: 'and ships', owner: ben.id })
  expect(made.status, JSON.stringify(made.body)).toBe(201)
  expect(made.headers['x-shashin-lsn']).toMatch(/^\d+$/)
  expect(made.body).toEqual({
    id: expect.stringMatching(/^\d+$/) as string,
    owner: { id: String(anna.id), handle: 'anna', name: '', avatar: null },
    name: 'Boats',
    description: 'and ships',
    private: false,
    created_at: new Date(NOON).toISOString(),
    posts: 0,
  })
  const path = `/collections/${made.body.id}`
  expect((await api.call('GET', path)).body).toEqual(made.body)
  const { token } = anna
  const body = { private: true, name: 'Ships', user: ben.id }
  const changed = await api.call('PATCH', path, { token, body })
  const expected = { name: 'Ships', description: 'and ships', private: true }
  expect(changed).toMatchObject({ status: 200, body: expected })
  expectError(await api.call('GET', path), 404, 'COLLECTION_NOT_FOUND')
  await api.call('PATCH', path, { token, body: { private: false } })
  for (const [method, asked] of [
    ['PATCH', path],
    ['DELETE', path],
    ['PUT', `${path}/posts/1`],
    ['DELETE', `${path}/posts/1`],
  ] as const) {
    const asking = method === 'PATCH' ? { body: {} } : {}
    expectError(await api.call(method, asked, asking), 401, 'TOKEN_MISSING')
    expectError(await api.call(method, asked, { ...asking, token: ben.token }), 403, 'NOT_YOURS')
  }
  expect(await api.call('DELETE', path, { token })).toMatchObject({ status: 204, body: '' })
  expectError(await api.call('GET', path, { token }), 404, 'COLLECTION_NOT_FOUND')
  expectError(await api.call('GET', `${path}/posts`), 404, 'COLLECTION_NOT_FOUND')
})

test('the same key makes one collection, and a name is needed', async () => {
  const headers = { 'idempotency-key': 'one' }
  const first = await create({ name: 'Once' }, headers)
  expect((await create({ name: 'Once' }, headers)).body).toEqual(first.body)
  expectError(await create({}), 400, 'REQUEST_INVALID')
  expectError(await create({ name: ' ' }), 422, 'TEXT_EMPTY')
  expectError(await create({ name: 'x', private: 'yes' }), 400, 'REQUEST_INVALID')
  expectError(await api.call('POST', '/collections', { body: {} }), 401, 'TOKEN_MISSING')
})

test('posts are added and taken out, and each viewer sees their own part', async () => {
  const { token } = anna
  const { id } = (await create({ name: 'Mixed' })).body
  const posts = [await api.network.post(anna.id), await api.network.post(ben.id)]
  const [own, other] = posts.map(String)
  const path = `/collections/${id}/posts`
  for (const [count, post] of [
    [1, own],
    [2, other],
    [2, other],
  ] as const) {
    const added = await api.call('PUT', `${path}/${post}`, { token })
    expect(added).toMatchObject({ status: 200, body: { id, posts: count } })
  }
  expect(idsOf(await api.call('GET', path))).toEqual([other, own])
  const page = await api.call('GET', `${path}?limit=1`)
  expect(idsOf(page)).toEqual([other])
  const rest = await api.call('GET', `${path}?limit=1&before=${page.body.next}`)
  expect(idsOf(rest)).toEqual([own])
  expect(rest.body.next).toBeNull()
  await api.network.run('editPost', { post: posts[1]!, user: ben.id, visibility: 'private' })
  expect(idsOf(await api.call('GET', path, { token }))).toEqual([own])
  expect(idsOf(await api.call('GET', path, { token: ben.token }))).toEqual([other, own])
  const removed = await api.call('DELETE', `${path}/${other}`, { token })
  expect(removed).toMatchObject({ status: 200, body: { posts: 1 } })
  expectError(await api.call('PUT', `${path}/${other}`, { token }), 404, 'POST_NOT_FOUND')
  const comment = await api.network.comment(anna.id, posts[0]!)
  expectError(await api.call('PUT', `${path}/${comment}`, { token }), 422, 'POST_UNFIT')
  expectError(await api.call('PUT', `${path}/x`, { token }), 400, 'REQUEST_INVALID')
})

test('collections of a user are listed, private ones to their owner', async () => {
  const cleo = await api.signUp('cleo')
  const ids: string[] = []
  for (const name of ['a', 'b', 'c']) {
    const body = { name, private: name === 'b' }
    const made = await api.call('POST', '/collections', { token: cleo.token, body })
    ids.unshift(made.body.id)
  }
  const [c, b, a] = ids
  const path = '/users/cleo/collections'
  expect(idsOf(await api.call('GET', path))).toEqual([c, a])
  const first = await api.call('GET', `${path}?limit=2`, { token: cleo.token })
  expect(idsOf(first)).toEqual([c, b])
  const next = `${path}?limit=2&before=${first.body.next}`
  expect(idsOf(await api.call('GET', next, { token: cleo.token }))).toEqual([a])
  expectError(await api.call('GET', '/users/nobody/collections'), 404, 'USER_NOT_FOUND')
})
