// What browsers are told, who may ask from another page, and tokens that browsers keep.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Api, expectError } from '../support/api.ts'
import type { Answer } from '../support/api.ts'

const OWN_PAGE = { 'sec-fetch-site': 'same-origin' }
const PASSWORD = 'password of anna'

let api: Api
let anna: { id: number; handle: string; token: string }
beforeAll(async () => {
  api = await Api.create()
  anna = await api.signUp('anna')
})
afterAll(() => api[Symbol.asyncDispose]())

/** Name and rest of the cookie that is set. */
function cookieOf({ headers }: Answer): { pair: string; rules: string } {
  const [, pair = '', rules = ''] = /^([^;]*); (.*)$/.exec(headers['set-cookie'] ?? '') ?? []
  return { pair, rules }
}

describe('headers', () => {
  test('are on every answer, good or not, found or not', async () => {
    for (const [method, path, status] of [
      ['GET', '/users/anna', 200],
      ['HEAD', '/users/anna', 200],
      ['GET', '/me', 401],
      ['GET', '/nothing', 404],
      ['GET', '//nothing', 404],
      ['GET', '/users/%zz', 400],
      ['DELETE', '/feed', 405],
    ] as const) {
      const answer = await api.call(method, path)
      expect(answer.status).toBe(status)
      expect(answer.headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'cross-origin-resource-policy': 'same-origin',
        'referrer-policy': 'no-referrer',
        'x-request-id': expect.stringMatching(/^[\da-f-]{36}$/) as string,
        'cache-control': status === 200 ? 'private, no-cache' : 'no-store',
      })
      expect(answer.headers).not.toHaveProperty('strict-transport-security')
      expect(answer.headers).not.toHaveProperty('x-powered-by')
    }
  })

  test('ask for HTTPS where it is: by the public URL, or as a trusted proxy says', async () => {
    const publicUrl = 'https://photos.example.org'
    await using open = await Api.create(({ settings }) => ({
      settings: { ...settings, publicUrl },
    }))
    const told = await open.call('GET', '/users/anna')
    expect(told.headers['strict-transport-security']).toBe('max-age=31536000')
    const trustedProxies = ['127.0.0.1']
    await using behind = await Api.create(({ settings }) => ({
      settings: { ...settings, trustedProxies },
    }))
    const headers = { 'x-forwarded-proto': 'https' }
    const forwarded = await behind.call('GET', '/users/anna', { headers })
    expect(forwarded.headers).toHaveProperty('strict-transport-security')
    const lied = await api.call('GET', '/users/anna', { headers })
    expect(lied.headers).not.toHaveProperty('strict-transport-security')
  })
})

describe('pages of others', () => {
  const origin = 'https://client.example'

  test('may read what the API answers, without cookies', async () => {
    const answer = await api.call('GET', '/users/anna', { headers: { origin } })
    expect(answer.headers['access-control-allow-origin']).toBe('*')
    expect(answer.headers).not.toHaveProperty('access-control-allow-credentials')
    expect(answer.headers['access-control-expose-headers']).toMatch(/X-Request-Id, X-Shashin-LSN/)
    const refused = await api.call('GET', '/me', { headers: { origin } })
    expect(refused.status).toBe(401)
    expect(refused.headers['access-control-allow-origin']).toBe('*')
  })

  test('ask before they send, and are told without a token', async () => {
    const headers = {
      origin,
      'access-control-request-method': 'DELETE',
      'access-control-request-headers': 'authorization',
    }
    for (const path of ['/me', '/posts/1', '/nothing']) {
      const answer = await api.call('OPTIONS', path, { headers })
      expect(answer).toMatchObject({ status: 204, body: '' })
      expect(answer.headers['access-control-allow-origin']).toBe('*')
      expect(answer.headers['access-control-allow-methods']).toContain('DELETE')
      expect(answer.headers['access-control-allow-headers']).toContain('Authorization')
      expect(answer.headers['access-control-max-age']).toBe('7200')
      expect(answer.headers).not.toHaveProperty('access-control-allow-credentials')
    }
  })

  test('read nothing outside of the API, and OPTIONS alone is no question', async () => {
    const headers = { origin, 'access-control-request-method': 'GET' }
    const outside = await api.call('OPTIONS', '//metrics', { headers })
    expect(outside.headers).not.toHaveProperty('access-control-allow-origin')
    expect(outside.status).toBe(404)
    const health = await api.call('GET', '//healthz', { headers: { origin } })
    expect(health.headers).not.toHaveProperty('access-control-allow-origin')
    expectError(await api.call('OPTIONS', '/me'), 404, 'ROUTE_NOT_FOUND')
  })
})

describe('a token in a cookie', () => {
  const logIn = (headers: Record<string, string> = OWN_PAGE, to = api) =>
    to.call('POST', '/sessions', {
      body: { handle: 'anna', password: PASSWORD, cookie: true },
      headers,
    })

  test('is kept by the browser, and shown to no script', async () => {
    const answer = await logIn()
    expect(answer).toMatchObject({ status: 201, body: {} })
    const { pair, rules } = cookieOf(answer)
    expect(pair).toMatch(/^shashin=[\w-]{43}$/)
    expect(rules).toBe('Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax')
    expect(answer.body).not.toHaveProperty('token')
    const cookie = `other=1; ${pair}; more=2`
    const me = await api.call('GET', '/me', { headers: { cookie } })
    expect(me).toMatchObject({ status: 200, body: { handle: 'anna' } })
  })

  test('is bound to this host by HTTPS', async () => {
    const publicUrl = 'https://photos.example.org'
    await using open = await Api.create(({ settings }) => ({
      settings: { ...settings, publicUrl },
    }))
    await open.signUp('anna')
    const { pair, rules } = cookieOf(await logIn(OWN_PAGE, open))
    expect(pair).toMatch(/^__Host-shashin=[\w-]{43}$/)
    expect(rules).toMatch(/; Secure$/)
    expect(rules).not.toMatch(/Domain/i)
    const ask = (cookie: string) => open.call('GET', '/me', { headers: { cookie } })
    expect((await ask(pair)).status).toBe(200)
    // Any host of the domain could have set that one.
    expectError(await ask(pair.replace('__Host-', '')), 401, 'TOKEN_MISSING')
    const headers = { cookie: pair, origin: publicUrl }
    const change = { body: { name: 'Anna' }, headers }
    expect((await open.call('PATCH', '/me', change)).status).toBe(200)
  })

  test('writes only for pages of this server', async () => {
    const { pair: cookie } = cookieOf(await logIn())
    const rename = (headers: Record<string, string>) =>
      api.call('PATCH', '/me', { body: { name: 'Anna' }, headers: { cookie, ...headers } })
    const host = 'photos.local:3000'
    for (const good of [
      OWN_PAGE,
      { 'sec-fetch-site': 'none' },
      { host, origin: `http://${host}` },
    ]) {
      expect((await rename(good)).status, JSON.stringify(good)).toBe(200)
    }
    for (const bad of [
      {},
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { host, origin: 'https://evil.example' },
      { host, origin: `http://photos.local` },
      { host, origin: 'null' },
      { host, origin: `http://${host}`, 'sec-fetch-site': 'cross-site' },
    ]) {
      expectError(await rename(bad), 403, 'CSRF_REFUSED')
    }
    const read = { headers: { cookie, 'sec-fetch-site': 'cross-site' } }
    expect((await api.call('GET', '/me', read)).status).toBe(200)
  })

  test('is not given to the pages of others', async () => {
    for (const headers of [{}, { 'sec-fetch-site': 'cross-site' }] as Record<string, string>[]) {
      const answer = await logIn(headers)
      expectError(answer, 403, 'CSRF_REFUSED')
      expect(answer.headers).not.toHaveProperty('set-cookie')
    }
  })

  test('counts less than Authorization, which needs no page', async () => {
    const { pair: cookie } = cookieOf(await logIn())
    const ben = await api.signUp('ben')
    const me = await api.call('GET', '/me', { token: ben.token, headers: { cookie } })
    expect(me.body.handle).toBe('ben')
    const change = { token: ben.token, body: { name: 'Ben' }, headers: { cookie } }
    expect((await api.call('PATCH', '/me', change)).status).toBe(200)
  })

  test('is forgotten by logging out, and an old one is none', async () => {
    const { pair: cookie } = cookieOf(await logIn())
    const headers = { cookie, ...OWN_PAGE }
    const out = await api.call('DELETE', '/sessions/current', { headers })
    expect(out.status).toBe(204)
    expect(out.headers['set-cookie']).toMatch(/^shashin=; Path=\/; Max-Age=0; HttpOnly/)
    expectError(await api.call('GET', '/me', { headers }), 401, 'TOKEN_MISSING')
    expect((await api.call('GET', '/users/anna', { headers })).status).toBe(200)
    expect((await logIn(headers)).status).toBe(201)
    for (const odd of ['shashin=', 'shashin', 'shashin=a b', ';;=;', 'shashin="x"']) {
      const answer = await api.call('GET', '/users/anna', { headers: { cookie: odd } })
      expect(answer.status).toBe(200)
    }
    const plain = await api.call('DELETE', '/sessions/current', { token: anna.token })
    expect(plain.headers).not.toHaveProperty('set-cookie')
  })

  test('is never the operator’s', async () => {
    const cookie = 'shashin=operator-token-of-the-tests-0123456789'
    expectError(
      await api.call('GET', '/admin/stats', { headers: { cookie } }),
      401,
      'TOKEN_MISSING',
    )
  })
})
