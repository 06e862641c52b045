// Routes of sessions and access tokens: where one is logged in, what ends it, and what a program's
// token may be used for.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { jobs } from '../../src/model/schema.ts'
import { Api, expectError, storeThat } from '../support/api.ts'
import { NOON } from '../support/network.ts'
import type { Scope } from '../../src/model/sessions.ts'
import type { Answer } from '../support/api.ts'

const DAY = 24 * 60 * 60 * 1000

async function logIn(api: Api, handle: string, agent = ''): Promise<string> {
  const body = { handle, password: `password of ${handle}` }
  const headers = { 'user-agent': agent }
  const answer = await api.call('POST', '/sessions', { body, headers })
  expect(answer.status).toBe(201)
  return answer.body.token as string
}

function makeToken(api: Api, token: string, scopes: readonly Scope[], more = {}): Promise<Answer> {
  return api.call('POST', '/tokens', { token, body: { name: 'cron', scopes, ...more } })
}

describe('sessions', () => {
  let api: Api
  beforeAll(async () => {
    api = await Api.create()
  })
  afterAll(() => api[Symbol.asyncDispose]())

  test('are listed for their user, newest first, the current one marked', async () => {
    await api.signUp('anna')
    const token = await logIn(api, 'anna', 'Firefox/200')
    const time = new Date(NOON).toISOString()
    const { status, body } = await api.call('GET', '/sessions', { token })
    expect(status).toBe(200)
    expect(body).toEqual({
      items: [
        {
          id: expect.stringMatching(/^\d+$/) as string,
          name: 'Firefox/200',
          created_at: time,
          seen_at: time,
          expires_at: new Date(NOON + 90 * DAY).toISOString(),
          current: true,
        },
        expect.objectContaining({ current: false }) as object,
      ],
      next: null,
    })
    expect(JSON.stringify(body)).not.toContain(token)
    expectError(await api.call('GET', '/sessions'), 401, 'TOKEN_MISSING')
  })

  test('end one by one, or all but the current one', async () => {
    const { token: first } = await api.signUp('ben')
    const second = await logIn(api, 'ben')
    const third = await logIn(api, 'ben')
    const { token: other } = await api.signUp('cleo')
    const { body } = await api.call('GET', '/sessions', { token: first })
    const path = `/sessions/${body.items[0].id}`
    expectError(await api.call('DELETE', path, { token: other }), 404, 'SESSION_NOT_FOUND')
    const ended = await api.call('DELETE', path, { token: first })
    expect(ended).toMatchObject({ status: 204, body: '' })
    expect(ended.headers['x-shashin-lsn']).toMatch(/^\d+$/)
    expectError(await api.call('GET', '/me', { token: third }), 401, 'TOKEN_INVALID')
    expectError(await api.call('DELETE', path, { token: first }), 404, 'SESSION_NOT_FOUND')
    expectError(await api.call('DELETE', '/sessions/x', { token: first }), 400, 'REQUEST_INVALID')
    const huge = await api.call('DELETE', '/sessions/4294967295', { token: first })
    expectError(huge, 404, 'SESSION_NOT_FOUND')

    expect(await api.call('DELETE', '/sessions', { token: second })).toMatchObject({ status: 204 })
    expectError(await api.call('GET', '/me', { token: first }), 401, 'TOKEN_INVALID')
    const left = await api.call('GET', '/sessions', { token: second })
    expect(left.body.items).toMatchObject([{ current: true }])
    expect(await api.call('GET', '/me', { token: other })).toMatchObject({ status: 200 })
  })

  test('a confirmed address does for a handle', async () => {
    const dora = await api.signUp('dora')
    const body = { email: 'dora@example.org', password: 'password of dora' }
    await api.call('PUT', '/me/email', { token: dora.token, body })
    const password = 'password of dora'
    const early = await api.call('POST', '/sessions', { body: { handle: body.email, password } })
    expectError(early, 401, 'CREDENTIALS_WRONG')
    const { view } = api.network
    const { token } = view.get(jobs, view.lastId(jobs))!.input as { token: string }
    await api.call('POST', '/email-confirmations', { body: { token } })
    const answer = await api.call('POST', '/sessions', {
      body: { handle: 'Dora@Example.org', password },
    })
    expect(answer.status).toBe(201)
  })
})

test('a session that is not used ends; one that is, goes on', async () => {
  await using api = await Api.create()
  const { clock } = api.network
  const { token } = await api.signUp('anna')
  const idle = await logIn(api, 'anna')
  const { lastLsn: before } = api.network.store.stats()
  for (let day = 0; day < 100; day += 20) {
    clock.time = NOON + day * DAY
    expect(await api.call('GET', '/me', { token })).toMatchObject({ status: 200 })
    // What is written for it, nobody waits for: this is behind it in the queue.
    await api.call('DELETE', '/sessions/current', { token: await logIn(api, 'anna') })
  }
  // Four times it was seen anew, and five log-ins came and went.
  expect(api.network.store.stats().lastLsn).toBe(before + 4 + 10)
  expect(await api.call('GET', '/me', { token })).toMatchObject({ status: 200 })
  clock.time = NOON + 90 * DAY
  expectError(await api.call('GET', '/me', { token: idle }), 401, 'TOKEN_INVALID')
  const { body } = await api.call('GET', '/sessions', { token })
  expect(body.items).toHaveLength(1)
})

test('that a session is seen is written once at a time, and a failure hurts nobody', async () => {
  const notes: string[] = []
  const release = Promise.withResolvers<void>()
  await using api = await Api.create(({ store }) => ({
    store: storeThat(store, {
      transact: (name, input, options) => {
        if (name !== 'seeSession') return store.transact(name, input, options)
        notes.push(name)
        return release.promise as never
      },
    }),
  }))
  const { token } = await api.signUp('anna')
  api.network.clock.time += DAY
  for (let time = 0; time < 3; time++) {
    expect(await api.call('GET', '/me', { token })).toMatchObject({ status: 200 })
  }
  expect(notes).toHaveLength(1)
  release.reject(new Error('the store is being restarted'))
  await new Promise((resolve) => setImmediate(resolve))
  expect(await api.call('GET', '/me', { token })).toMatchObject({ status: 200 })
  expect(notes).toHaveLength(2)
  expect(api.fatalities).toEqual([])
})

describe('access tokens', () => {
  let api: Api
  let anna: { token: string; handle: string }
  beforeAll(async () => {
    api = await Api.create()
    anna = await api.signUp('anna')
  })
  afterAll(() => api[Symbol.asyncDispose]())

  test('are shown once, listed, and deleted', async () => {
    const made = await makeToken(api, anna.token, ['write', 'read'], { expires_in: 3600 })
    expect(made.status).toBe(201)
    const { token, ...rest } = made.body
    expect(token).toMatch(/^[\w-]{43}$/)
    expect(rest).toEqual({
      id: expect.stringMatching(/^\d+$/) as string,
      name: 'cron',
      scopes: ['read', 'write'],
      created_at: new Date(NOON).toISOString(),
      seen_at: new Date(NOON).toISOString(),
      expires_at: new Date(NOON + 3_600_000).toISOString(),
    })
    const list = await api.call('GET', '/tokens', { token: anna.token })
    expect(list.body).toEqual({ items: [rest], next: null })
    const sessions = await api.call('GET', '/sessions', { token: anna.token })
    expect(sessions.body.items).toHaveLength(1)
    const ben = await api.signUp('ben')
    const path = `/tokens/${rest.id}`
    expectError(await api.call('DELETE', path, { token: ben.token }), 404, 'TOKEN_NOT_FOUND')
    expect(await api.call('DELETE', path, { token: anna.token })).toMatchObject({ status: 204 })
    expectError(await api.call('GET', '/me', { token }), 401, 'TOKEN_INVALID')
    expectError(await api.call('DELETE', path, { token: anna.token }), 404, 'TOKEN_NOT_FOUND')
  })

  test('are good for ever where nobody says for how long', async () => {
    const made = await makeToken(api, anna.token, ['read'])
    expect(made.body.expires_at).toBeNull()
  })

  test('refuse what does not fit', async () => {
    const { token } = anna
    for (const [body, status, code] of [
      [{ name: '', scopes: ['read'] }, 422, 'TEXT_EMPTY'],
      [{ name: 'x'.repeat(61), scopes: ['read'] }, 422, 'TEXT_TOO_LONG'],
      [{ name: 'x', scopes: [] }, 400, 'REQUEST_INVALID'],
      [{ name: 'x', scopes: ['all'] }, 400, 'REQUEST_INVALID'],
      [{ name: 'x', scopes: 'read' }, 400, 'REQUEST_INVALID'],
      [{ name: 'x', scopes: Array.from({ length: 6 }, () => 'read') }, 400, 'REQUEST_INVALID'],
      [{ name: 'x', scopes: ['read'], expires_in: 59 }, 400, 'REQUEST_INVALID'],
      [{ name: 'x', scopes: ['read'], expires_in: 1e9 }, 400, 'REQUEST_INVALID'],
      [{ scopes: ['read'] }, 400, 'REQUEST_INVALID'],
    ] as const) {
      expectError(await api.call('POST', '/tokens', { token, body }), status, code)
    }
    expectError(await api.call('POST', '/tokens', { body: {} }), 401, 'TOKEN_MISSING')
  })

  test('do what their scopes say, and nothing else', async () => {
    const tokens = {} as Record<Scope, string>
    for (const scope of ['read', 'write', 'account', 'moderate', 'admin'] as const) {
      tokens[scope] = (await makeToken(api, anna.token, [scope])).body.token as string
    }
    await api.network.run('setRole', { user: 1, role: 'admin' })
    const ask = (method: string, path: string, scope: Scope): Promise<Answer> =>
      api.call(method, path, { token: tokens[scope], ...(method === 'GET' ? {} : { body: {} }) })
    const table: readonly [method: string, path: string, scope: Scope][] = [
      ['GET', '/me', 'read'],
      ['GET', '/users/anna', 'read'],
      ['GET', '/feed', 'read'],
      ['GET', '/instance', 'read'],
      ['PATCH', '/me', 'write'],
      ['PUT', '/users/nobody/follow', 'write'],
      ['POST', '/invites', 'write'],
      ['GET', '/sessions', 'account'],
      ['DELETE', '/sessions', 'account'],
      ['GET', '/tokens', 'account'],
      ['POST', '/tokens', 'account'],
      ['PUT', '/me/password', 'account'],
      ['GET', '/me/email', 'account'],
      ['PUT', '/me/email', 'account'],
      ['GET', '/me/second-factor', 'account'],
      ['DELETE', '/me', 'account'],
      ['GET', '/admin/stats', 'admin'],
      ['PATCH', '/admin/instance', 'admin'],
      ['PUT', '/admin/users/ben/role', 'admin'],
    ]
    for (const [method, path, needed] of table) {
      for (const scope of Object.keys(tokens) as Scope[]) {
        const answer = await ask(method, path, scope)
        const place = `${method} ${path} with ${scope}`
        if (scope === needed) expect(answer.body.code, place).not.toBe('SCOPE_MISSING')
        else expect(answer.body, place).toMatchObject({ status: 403, code: 'SCOPE_MISSING' })
      }
    }
    expectError(await ask('GET', '/me', 'write'), 403, 'SCOPE_MISSING')
    const refused = await ask('PATCH', '/me', 'read')
    expect(refused.body.error).toContain('"write"')
    await api.network.run('setRole', { user: 1, role: 'user' })
    expectError(await ask('GET', '/admin/stats', 'admin'), 403, 'ADMIN_REQUIRED')
  })

  test('make no token that may do more, and may give themselves up', async () => {
    // The test before has ended all log-ins, by a token.
    const own = await logIn(api, 'anna')
    const { token } = (await makeToken(api, own, ['account', 'read'])).body
    expectError(await makeToken(api, token, ['write']), 403, 'SCOPE_MISSING')
    expect(await makeToken(api, token, ['read'])).toMatchObject({ status: 201 })
    const weak = (await makeToken(api, own, ['read'])).body.token as string
    expect(await api.call('DELETE', '/sessions/current', { token: weak })).toMatchObject({
      status: 204,
    })
    expectError(await api.call('GET', '/me', { token: weak }), 401, 'TOKEN_INVALID')
  })
})
