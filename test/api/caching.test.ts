// What a caller already has is not sent again, and what a caller has written is there when it
// reads.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Api, expectError } from '../support/api.ts'

let api: Api
let anna: { id: number; handle: string; token: string }
let path: string
beforeAll(async () => {
  api = await Api.create()
  anna = await api.signUp('anna')
  path = `/posts/${await api.network.post(anna.id)}`
})
afterAll(() => api[Symbol.asyncDispose]())

describe('a single thing', () => {
  const ask = (known: string, token?: string) =>
    api.call('GET', path, { token, headers: { 'if-none-match': known } })

  test('is sent once, and again when it has changed', async () => {
    const first = await api.call('GET', path)
    const tag = first.headers['etag']!
    expect(tag).toMatch(/^"[\da-z]+-\d+"$/)
    expect(first.headers['cache-control']).toBe('private, no-cache')
    for (const known of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
      const again = await ask(known)
      expect(again).toMatchObject({ status: 304, body: '' })
      expect(again.headers['etag']).toBe(tag)
      expect(again.headers).not.toHaveProperty('content-type')
    }
    expect((await ask('"other"')).status).toBe(200)
    await api.call('PUT', `${path}/like`, { token: anna.token })
    const changed = await ask(tag)
    expect(changed).toMatchObject({ status: 200, body: { likes: 1 } })
    expect(changed.headers['etag']).not.toBe(tag)
  })

  test('is another one for another viewer', async () => {
    const mine = await api.call('GET', path, { token: anna.token })
    const anybody = await api.call('GET', path)
    expect(mine.headers['etag']).not.toBe(anybody.headers['etag'])
    expect((await ask(anybody.headers['etag']!, anna.token)).status).toBe(200)
  })

  test('may be a user, oneself or a photo; HEAD tells as much', async () => {
    const photo = (await api.call('GET', path)).body.media[0].id as string
    for (const each of ['/users/anna', '/me', `/media/${photo}`]) {
      const { token } = anna
      const { etag } = (await api.call('GET', each, { token })).headers
      const headers = { 'if-none-match': etag! }
      expect((await api.call('GET', each, { token, headers })).status, each).toBe(304)
      expect((await api.call('HEAD', each, { token })).headers['etag']).toBe(etag)
    }
  })

  test('is not a page of a list, nor what a write answers, nor an error', async () => {
    const { token } = anna
    expect((await api.call('GET', '/feed', { token })).headers).not.toHaveProperty('etag')
    const headers = { 'if-none-match': '*' }
    const liked = await api.call('PUT', `${path}/like`, { token, headers })
    expect(liked.status).toBe(200)
    expect(liked.headers).not.toHaveProperty('etag')
    const none = await api.call('GET', '/users/nobody', { headers })
    expectError(none, 404, 'USER_NOT_FOUND')
    expect(none.headers['cache-control']).toBe('no-store')
  })
})

describe('reading what one has written', () => {
  test('a read is served from the write that it names, or newer', async () => {
    const { token } = anna
    const written = await api.call('PATCH', '/me', { token, body: { name: 'Anna' } })
    const lsn = written.headers['x-shashin-lsn']!
    const read = await api.call('GET', '/me', { token, headers: { 'x-shashin-lsn': lsn } })
    expect(read).toMatchObject({ status: 200, body: { name: 'Anna' } })
    const old = await api.call('GET', '/me', { token, headers: { 'x-shashin-lsn': '1' } })
    expect(old.status).toBe(200)
  })

  test('a write that this server does not have is not passed over', async () => {
    const lsn = String(api.network.store.lastLsn + 1)
    const ask = (known: string) => api.call('GET', path, { headers: { 'x-shashin-lsn': known } })
    expectError(await ask(lsn), 409, 'LSN_UNKNOWN')
    for (const known of ['-1', 'x', '1.5', '', '1'.repeat(16)]) {
      expectError(await ask(known), 400, 'REQUEST_INVALID')
    }
    const headers = { 'x-shashin-lsn': lsn }
    const write = await api.call('PUT', `${path}/like`, { token: anna.token, headers })
    expect(write.status).toBe(200)
  })
})
