// Routes of drafts: what a form of several pages keeps between its steps, and its last step.

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

function call(method: string, path: string, body?: unknown, headers = {}): Promise<Answer> {
  return api.call(method, path, { token: anna.token, headers, ...(body ? { body } : {}) })
}

test('a draft is begun, continued, looked at and published', async () => {
  const begun = await call('POST', '/drafts', {})
  expect(begun.status, JSON.stringify(begun.body)).toBe(201)
  expect(begun.headers['x-shashin-lsn']).toMatch(/^\d+$/)
  expect(begun.body).toEqual({
    id: expect.stringMatching(/^\d+$/) as string,
    caption: null,
    media: [],
    visibility: null,
    commenters: null,
    created_at: new Date(NOON).toISOString(),
    updated_at: new Date(NOON).toISOString(),
  })
  const path = `/drafts/${begun.body.id}`
  const photo = String(await api.network.photo(anna.id))
  const content = { media: [photo], caption: 'Sea #sea', visibility: 'followers', owner: ben.id }
  const saved = await call('PUT', path, content)
  expect(saved).toMatchObject({
    status: 200,
    body: { caption: 'Sea #sea', media: [{ id: photo }], visibility: 'followers' },
  })
  expect((await call('GET', path)).body).toEqual(saved.body)
  expect((await call('GET', '/drafts')).body).toEqual({ items: [saved.body], next: null })

  const headers = { 'idempotency-key': 'publish-1' }
  const published = await call('POST', `${path}/publish`, undefined, headers)
  expect(published).toMatchObject({
    status: 201,
    body: { caption: 'Sea #sea', tags: ['sea'], visibility: 'followers', media: [{ id: photo }] },
  })
  const again = await call('POST', `${path}/publish`, undefined, headers)
  expect(again.body).toEqual(published.body)
  expectError(await call('POST', `${path}/publish`), 404, 'DRAFT_NOT_FOUND')
  expectError(await call('GET', path), 404, 'DRAFT_NOT_FOUND')
  expect((await call('GET', '/drafts')).body).toEqual({ items: [], next: null })
})

test('a draft that is no post yet stays a draft', async () => {
  const { id } = (await call('POST', '/drafts', { caption: 'x'.repeat(2_300) })).body
  expectError(await call('POST', `/drafts/${id}/publish`), 422, 'TEXT_TOO_LONG')
  await call('PUT', `/drafts/${id}`, { caption: 'x' })
  expectError(await call('POST', `/drafts/${id}/publish`), 422, 'MEDIA_COUNT_WRONG')
  expect((await call('GET', `/drafts/${id}`)).body).toMatchObject({ caption: 'x' })
  expect(await call('DELETE', `/drafts/${id}`)).toMatchObject({ status: 204, body: '' })
  expectError(await call('DELETE', `/drafts/${id}`), 404, 'DRAFT_NOT_FOUND')
})

test('drafts are nobody else’s, paged, and made once with a key', async () => {
  const headers = { 'idempotency-key': 'draft-1' }
  const first = await call('POST', '/drafts', { caption: 'a' }, headers)
  expect((await call('POST', '/drafts', { caption: 'a' }, headers)).body).toEqual(first.body)
  const second = await call('POST', '/drafts', { caption: 'b' })
  const page = await call('GET', '/drafts?limit=1')
  expect(page.body).toMatchObject({ items: [{ id: second.body.id }], next: second.body.id })
  const rest = await call('GET', `/drafts?limit=1&before=${page.body.next}`)
  expect(rest.body).toMatchObject({ items: [{ id: first.body.id }], next: null })
  const path = `/drafts/${first.body.id}`
  for (const [method, asked, body] of [
    ['GET', path],
    ['PUT', path, {}],
    ['DELETE', path],
    ['POST', `${path}/publish`],
  ] as const) {
    const asking = body === undefined ? {} : { body }
    expectError(await api.call(method, asked, asking), 401, 'TOKEN_MISSING')
    const foreign = await api.call(method, asked, { ...asking, token: ben.token })
    expectError(foreign, 404, 'DRAFT_NOT_FOUND')
  }
  expectError(await api.call('GET', '/drafts'), 401, 'TOKEN_MISSING')
})

test('what no draft can hold is refused', async () => {
  const foreign = String(await api.network.photo(ben.id))
  for (const [body, status, code] of [
    [{ media: [foreign] }, 404, 'MEDIA_NOT_FOUND'],
    [{ caption: 'x'.repeat(20_000) }, 422, 'DRAFT_TOO_LARGE'],
    [{ caption: 1 }, 400, 'REQUEST_INVALID'],
    [{ visibility: 'all' }, 400, 'REQUEST_INVALID'],
    [{ media: ['x'] }, 400, 'REQUEST_INVALID'],
    [{ media: 'x' }, 400, 'REQUEST_INVALID'],
  ] as const) {
    expectError(await call('POST', '/drafts', body), status, code)
  }
})
