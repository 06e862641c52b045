// Errors as answers: the shape, the table, the documents, the framework's own, and the two that
// must never be answered as if nothing had happened.

import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ERRORS, answerOf } from '../../src/api/errors.ts'
import { DATASTORE_ERRORS, DatastoreError } from '../../src/engine/errors.ts'
import { MEDIA_REFUSAL_CODES, MediaRefusal } from '../../src/media/media-refusal.ts'
import { REFUSAL_CODES, Refusal } from '../../src/model/refusal.ts'
import { InvariantError } from '../../src/std/assert.ts'
import { Api, expectError, storeThat } from '../support/api.ts'
import { tableOf } from '../support/markdown.ts'
import type { AddressInfo } from 'node:net'
import type { ErrorCode } from '../../src/api/errors.ts'
import type { DatastoreErrorCode } from '../../src/engine/errors.ts'

describe('the table', () => {
  test('agrees with docs/operations.md, code by code and status by status', () => {
    const path = join(import.meta.dirname, '../../docs/operations.md')
    const rows = tableOf(readFileSync(path, 'utf8'), 'Error codes')
    const documented = new Map(rows.map(([code = '', meaning = '']) => [code, meaning]))
    for (const [code, { status }] of Object.entries(ERRORS)) {
      expect(documented.get(code), `${code} in docs/operations.md`).toContain(`HTTP ${status}`)
    }
    for (const [code, meaning] of documented) {
      const [, status] = /HTTP (\d+)/.exec(meaning) ?? []
      if (status === undefined) continue
      expect(ERRORS[code as ErrorCode]?.status, code).toBe(Number(status))
    }
  })

  test('knows every code that model and pipeline say no with', () => {
    for (const code of REFUSAL_CODES) {
      expect(answerOf(new Refusal(code))).toMatchObject({ code })
      expect(ERRORS[code].status).toBeLessThan(500)
    }
    for (const code of MEDIA_REFUSAL_CODES) {
      expect(answerOf(new MediaRefusal(code))).toMatchObject({ code })
    }
  })

  test('lets through what the engine says while it runs, and hides the rest', () => {
    for (const code of Object.keys(DATASTORE_ERRORS) as DatastoreErrorCode[]) {
      const answer = answerOf(new DatastoreError(code, 'segment 7 of /var/data is broken'))
      expect(answer.code).toBe(code in ERRORS ? code : 'INTERNAL_ERROR')
      expect(answer.sentence).not.toContain('/var/data')
    }
    for (const thrown of [
      new Error('secret'),
      new TypeError('secret'),
      'secret',
      null,
      undefined,
    ]) {
      expect(answerOf(thrown)).toMatchObject({ code: 'INTERNAL_ERROR' })
      expect(answerOf(thrown).sentence).not.toContain('secret')
    }
  })

  test('says when to come again, wherever that helps', () => {
    for (const [code, { status, retryAfter }] of Object.entries(ERRORS)) {
      const isPassing = status === 429 || status === 503
      expect(retryAfter !== undefined, code).toBe(isPassing)
    }
  })
})

describe('requests that never reach a route', () => {
  let api: Api
  let token: string

  beforeAll(async () => {
    api = await Api.create()
    token = (await api.signUp('anna')).token
  })
  afterAll(() => api[Symbol.asyncDispose]())

  const patch = (payload: string, headers: Record<string, string> = {}) =>
    api.call('PATCH', '/me', {
      token,
      payload,
      headers: { 'content-type': 'application/json', ...headers },
    })

  test('JSON that is none, is dangerous, or is too deep', async () => {
    for (const payload of ['{', '{"name":', 'name=x', '\u0000', '{"__proto__":{"name":"x"}}']) {
      expectError(await patch(payload), 400, 'JSON_INVALID')
    }
    const deep = '['.repeat(30_000) + ']'.repeat(30_000)
    expectError(await patch(deep), 400, 'JSON_INVALID')
    expectError(await patch(''), 400, 'REQUEST_INVALID')
    expect(await patch('{"name":"x"}')).toMatchObject({ status: 200 })
  })

  test('a body that is too large, or of a kind that is not taken', async () => {
    expectError(await patch(JSON.stringify({ bio: 'x'.repeat(70_000) })), 413, 'BODY_TOO_LARGE')
    for (const type of ['text/plain', 'application/xml', 'nonsense']) {
      const answer = await patch('name=x', { 'content-type': type })
      expectError(answer, 415, 'MEDIA_TYPE_UNSUPPORTED')
    }
  })

  test('an address that is nowhere, malformed or too long', async () => {
    expectError(await api.call('GET', '/nothing'), 404, 'ROUTE_NOT_FOUND')
    expectError(await api.call('GET', '//'), 404, 'ROUTE_NOT_FOUND')
    expectError(await api.call('GET', '/me/', { token }), 404, 'ROUTE_NOT_FOUND')
    expectError(await api.call('GET', '/users/%zz'), 400, 'REQUEST_INVALID')
    expectError(await api.call('GET', `/users/${'x'.repeat(201)}`), 414, 'URL_TOO_LONG')
    expectError(await api.call('GET', `/feed?${'x'.repeat(5_000)}`, { token }), 414, 'URL_TOO_LONG')
  })

  test('a method that an address does not know', async () => {
    const answer = await api.call('DELETE', '/feed', { token })
    expectError(answer, 405, 'METHOD_NOT_ALLOWED')
    expect(answer.headers['allow']).toBe('GET, HEAD')
    expectError(await api.call('POST', '/me', { body: {} }), 405, 'METHOD_NOT_ALLOWED')
    expectError(await api.call('PUT', '//healthz', { payload: '{' }), 405, 'METHOD_NOT_ALLOWED')
    expectError(await api.call('OPTIONS', '/nothing'), 404, 'ROUTE_NOT_FOUND')
  })

  test('are answered as a problem document where that is asked for by name', async () => {
    const headers = { accept: 'application/problem+json, application/json;q=0.5' }
    const answer = await api.call('GET', '/nothing', { headers })
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(answer.body).toMatchObject({ type: 'about:blank', status: 404, title: 'Not Found' })
    const any = await api.call('GET', '/nothing', { headers: { accept: '*/*' } })
    expect(any.headers['content-type']).toBe('application/json')
  })

  test('carry an id of ours, and nothing that a client has sent in its place', async () => {
    const answer = await api.call('GET', '/nothing', { headers: { 'x-request-id': 'mine' } })
    expect(answer.headers['x-request-id']).toMatch(/^[\da-f-]{36}$/)
    const fine = await api.call('GET', '/users/anna')
    expect(fine.headers['x-request-id']).toMatch(/^[\da-f-]{36}$/)
    expect(fine.headers['x-content-type-options']).toBe('nosniff')
  })

  test('what is no HTTP gets an answer of the same shape, and the connection ends', async () => {
    await api.app.listen({ host: '127.0.0.1', port: 0 })
    const { port } = api.app.server.address() as AddressInfo
    for (const [sent, status, code] of [
      ['NONSENSE\r\n\r\n', 400, 'REQUEST_INVALID'],
      ['GET / HTTP/1.1\r\nbad header\r\n\r\n', 400, 'REQUEST_INVALID'],
      [`GET / HTTP/1.1\r\nhost: x\r\na: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'HEADERS_TOO_LARGE'],
    ] as const) {
      const answer = await talk(port, sent)
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
      expect(JSON.parse(answer.split('\r\n\r\n')[1]!)).toMatchObject({ code, status })
    }
  })
})

describe('the inside', () => {
  test('an unexpected error is noted and answered without a word about itself', async () => {
    const failing = new Error('secret of /var/data')
    await using api = await Api.create(({ store }) => ({
      store: storeThat(store, { read: () => Promise.reject(failing) }),
    }))
    const answer = await api.call('GET', '/users/anna')
    expectError(answer, 500, 'INTERNAL_ERROR')
    expect(JSON.stringify(answer.body)).not.toMatch(/secret|\/var|stack|\.ts/)
    expect(api.fatalities).toEqual([])
  })

  test('a broken invariant is not answered: whoever started the server is told', async () => {
    const broken = new InvariantError('something must hold')
    await using api = await Api.create(({ store }) => ({
      store: storeThat(store, { read: () => Promise.reject(broken) }),
    }))
    await expect(api.call('GET', '/users/anna')).rejects.toThrow(/destroyed/)
    expect(api.fatalities).toEqual([broken])
  })

  test('a store that cannot write goes on being read', async () => {
    const refuse = (code: DatastoreErrorCode) => () =>
      Promise.reject(new DatastoreError(code, 'the log /var/data/log is no more'))
    for (const [code, status] of [
      ['STORE_READ_ONLY', 503],
      ['STORE_POISONED', 503],
      ['STORE_CLOSED', 503],
      ['TRANSACTION_TOO_LARGE', 413],
      ['DUPLICATE_KEY', 500],
    ] as const) {
      await using api = await Api.create(({ store }) => ({
        store: storeThat(store, { transact: refuse(code) }),
      }))
      await api.network.signUp('anna')
      const body = { handle: 'ben', password: 'a long password' }
      const answer = await api.call('POST', '/users', { body })
      expectError(answer, status, status === 500 ? 'INTERNAL_ERROR' : code)
      expect(answer.headers['retry-after'] !== undefined).toBe(status === 503)
      expect(JSON.stringify(answer.body)).not.toContain('/var')
      expect(await api.call('GET', '/users/anna')).toMatchObject({ status: 200 })
    }
  })
})

/** Sends bytes and returns everything that comes back until the other side hangs up. */
function talk(port: number, sent: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(sent))
    socket.setEncoding('utf8')
    socket.on('data', (text: string) => (received += text))
    socket.on('close', () => resolve(received))
    socket.on('error', reject)
  })
}
