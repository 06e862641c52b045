// Routes of the network itself, of invites and of signing up: who may have an account here, and who
// decides it.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import * as limits from '../../src/model/limits.ts'
import { jobs } from '../../src/model/schema.ts'
import { ADMIN_TOKEN, Api, expectError } from '../support/api.ts'
import { NOON } from '../support/network.ts'
import type { Answer } from '../support/api.ts'

const SETUP_CODE = 'code-of-the-first-start'
const HOUR = 60 * 60 * 1000
/** Limits that nobody can run into who does what the API says. */
const INSIDE = new Set([
  'CODE_SIZE_MAX',
  'IDENTITY_KEY_SIZE_MAX',
  'OIDC_GRANT_MS',
  'EXPORT_PERIOD_MS',
  'FRESH_LOG_IN_MS',
])

function signUp(api: Api, handle: string, more = {}): Promise<Answer> {
  return api.call('POST', '/users', { body: { handle, password: 'a long password', ...more } })
}

function setMode(api: Api, mode: string): Promise<Answer> {
  return api.call('PATCH', '/admin/instance', { token: ADMIN_TOKEN, body: { sign_up: mode } })
}

describe('the network', () => {
  let api: Api
  beforeAll(async () => {
    api = await Api.create(({ settings }) => ({
      settings: { ...settings, limits: { reads: { count: 300, periodMs: 60_000 }, writes: 'off' } },
    }))
  })
  afterAll(() => api[Symbol.asyncDispose]())

  test('says what it is called, who may sign up, and all its limits', async () => {
    const { status, body } = await api.call('GET', '/instance')
    expect(status).toBe(200)
    expect(body).toMatchObject({
      name: 'Shashin',
      description: '',
      version: packageJson.version,
      sign_up: 'open',
      inviters: 'moderators',
      session_days: 90,
      limits: {
        handle: { min: 1, max: 30 },
        password: { min: 8, max: 200 },
        photos: { min: 1, max: 10 },
        page: { default: 20, max: 50 },
        upload_size: 25_000_000,
        following: 5_000,
        rates: {
          sign_ups: null,
          log_ins: null,
          writes: null,
          reads: { count: 300, seconds: 60 },
          uploads: null,
        },
      },
    })
    const { texts } = body.limits
    expect(Object.keys(texts)).toHaveLength(Object.keys(limits.TEXT_LIMITS).length)
    expect(texts).toMatchObject({ caption: { min: 0, max: 2200 }, bio: { min: 0, max: 500 } })
    const shown = new Set(JSON.stringify(body.limits).match(/\d+/g))
    for (const [name, value] of Object.entries(limits)) {
      if (typeof value !== 'number' || INSIDE.has(name)) continue
      expect(shown, `${name} is told`).toContain(String(value))
    }
  })

  test('is changed by admins and the operator, field by field', async () => {
    const body = { name: 'Nihon', description: 'Photos of\r\nJapan', session_days: 30 }
    const changed = await api.call('PATCH', '/admin/instance', { token: ADMIN_TOKEN, body })
    expect(changed.status).toBe(200)
    expect(changed.headers['x-shashin-lsn']).toMatch(/^\d+$/)
    const expected = { ...body, description: 'Photos of\nJapan', sign_up: 'open' }
    expect(changed.body).toMatchObject(expected)
    expect((await api.call('GET', '/instance')).body).toMatchObject(expected)

    const { token } = await api.signUp('anna')
    const change = (body: unknown, by: string | undefined = token): Promise<Answer> =>
      api.call('PATCH', '/admin/instance', { token: by, body })
    expectError(await change({ name: 'Mine' }), 403, 'ADMIN_REQUIRED')
    await api.network.run('setRole', { user: 1, role: 'admin' })
    expect((await change({ inviters: 'everybody' })).body).toMatchObject({ name: 'Nihon' })
    for (const [body, status, code] of [
      [{ name: '' }, 422, 'TEXT_EMPTY'],
      [{ name: 'x'.repeat(61) }, 422, 'TEXT_TOO_LONG'],
      [{ name: null }, 400, 'REQUEST_INVALID'],
      [{ sign_up: 'maybe' }, 400, 'REQUEST_INVALID'],
      [{ inviters: 'nobody' }, 400, 'REQUEST_INVALID'],
      [{ session_days: 0 }, 400, 'REQUEST_INVALID'],
      [{ session_days: 1.5 }, 400, 'REQUEST_INVALID'],
    ] as const) {
      expectError(await change(body), status, code)
    }
  })
})

describe('invites', () => {
  let api: Api
  let moderator: { token: string }
  beforeAll(async () => {
    api = await Api.create()
    moderator = await api.signUp('mod')
    await api.network.run('setRole', { user: 1, role: 'moderator' })
  })
  afterAll(() => api[Symbol.asyncDispose]())

  test('let people in where that takes one', async () => {
    const { token } = moderator
    await setMode(api, 'invite')
    expectError(await signUp(api, 'anna'), 403, 'INVITE_NEEDED')
    expectError(await signUp(api, 'anna', { invite: '' }), 403, 'INVITE_NEEDED')
    expectError(await signUp(api, 'anna', { invite: 'x' }), 422, 'INVITE_INVALID')
    const body = { uses: 2, expires_in: 3600 }
    const made = await api.call('POST', '/invites', { token, body })
    expect(made.status).toBe(201)
    const { code, ...rest } = made.body
    expect(code).toMatch(/^[\w-]{16}$/)
    expect(rest).toEqual({
      id: expect.stringMatching(/^\d+$/) as string,
      uses: 0,
      uses_max: 2,
      created_at: new Date(NOON).toISOString(),
      expires_at: new Date(NOON + HOUR).toISOString(),
    })
    expect(await signUp(api, 'anna', { invite: ` ${code} ` })).toMatchObject({ status: 201 })
    expect(await signUp(api, 'ben', { invite: code })).toMatchObject({ status: 201 })
    expectError(await signUp(api, 'cleo', { invite: code }), 422, 'INVITE_INVALID')
    const list = await api.call('GET', '/invites', { token })
    expect(list.body).toEqual({ items: [{ ...rest, uses: 2 }], next: null })
  })

  test('are listed page by page and taken back', async () => {
    const { token } = moderator
    const codes: string[] = []
    for (let index = 0; index < 3; index++) {
      const { body } = await api.call('POST', '/invites', { token, body: {} })
      codes.push(body.code as string)
      expect(body).toMatchObject({ uses_max: 1 })
      expect(body.expires_at).toBe(new Date(NOON + 7 * 24 * HOUR).toISOString())
    }
    const first = await api.call('GET', '/invites?limit=2', { token })
    expect(first.body.items).toHaveLength(2)
    const next = await api.call('GET', `/invites?limit=2&before=${first.body.next}`, { token })
    expect(next.body).toMatchObject({ items: [{}, { uses: 2 }], next: null })
    const path = `/invites/${first.body.items[0].id}`
    const { token: other } = (await signUp(api, 'dora', { invite: codes[0] })).body
    expectError(await api.call('DELETE', path, { token: other }), 404, 'INVITE_NOT_FOUND')
    expect(await api.call('DELETE', path, { token })).toMatchObject({ status: 204 })
    expectError(await api.call('DELETE', path, { token }), 404, 'INVITE_NOT_FOUND')
    expectError(await signUp(api, 'emil', { invite: codes[2] }), 422, 'INVITE_INVALID')
    expect((await api.call('GET', '/invites', { token: other })).body.items).toEqual([])
  })

  test('are for moderators, unless the network says otherwise', async () => {
    const { token } = moderator
    const { body } = await api.call('POST', '/invites', { token, body: {} })
    const fred = (await signUp(api, 'fred', { invite: body.code })).body.token as string
    const asked = await api.call('POST', '/invites', { token: fred, body: {} })
    expectError(asked, 403, 'INVITES_RESERVED')
    const change = { token: ADMIN_TOKEN, body: { inviters: 'everybody' } }
    await api.call('PATCH', '/admin/instance', change)
    const made = await api.call('POST', '/invites', { token: fred, body: {} })
    expect(made.status).toBe(201)
    for (const bad of [{ uses: 0 }, { uses: 1001 }, { uses: '1' }, { expires_in: 1 }]) {
      const answer = await api.call('POST', '/invites', { token: fred, body: bad })
      expectError(answer, 400, 'REQUEST_INVALID')
    }
    expectError(await api.call('POST', '/invites', { body: {} }), 401, 'TOKEN_MISSING')
  })

  test('of everybody are the moderators’ to see and to take back', async () => {
    const { token } = moderator
    await setMode(api, 'open')
    const { token: other } = await api.signUp('harry')
    expectError(
      await api.call('GET', '/admin/invites', { token: other }),
      403,
      'MODERATOR_REQUIRED',
    )
    await api.call('POST', '/invites', { token: other, body: {} })
    const { body } = await api.call('GET', '/admin/invites?limit=1', { token })
    expect(body).toMatchObject({
      items: [{ uses: 0, uses_max: 1, creator: { handle: 'harry' } }],
      next: expect.any(String) as string,
    })
    expect(JSON.stringify(body)).not.toContain('code')
    const path = `/invites/${body.items[0].id}`
    expect(await api.call('DELETE', path, { token })).toMatchObject({ status: 204 })
    const next = await api.call('GET', `/admin/invites?before=${body.next}`, { token })
    expect(next.body.items[0].creator.handle).not.toBe('harry')
    expect(next.body.next).toBeNull()
  })

  test('are no help where nobody may sign up', async () => {
    const { token } = moderator
    const { body } = await api.call('POST', '/invites', { token, body: {} })
    await setMode(api, 'closed')
    expectError(await signUp(api, 'gina', { invite: body.code }), 403, 'SIGN_UP_CLOSED')
    expectError(await signUp(api, 'gina'), 403, 'SIGN_UP_CLOSED')
    await setMode(api, 'open')
    expect(await signUp(api, 'gina', { invite: body.code })).toMatchObject({ status: 201 })
  })
})

test('the code of the first start makes the first admin, once', async () => {
  await using api = await Api.create(({ settings }) => ({
    settings: { ...settings, setupCode: SETUP_CODE },
  }))
  await setMode(api, 'closed')
  expectError(await signUp(api, 'anna', { invite: 'code-of-the-first' }), 403, 'SIGN_UP_CLOSED')
  const { status, body } = await signUp(api, 'anna', { invite: SETUP_CODE })
  expect(status).toBe(201)
  const me = await api.call('GET', '/me', { token: body.token })
  expect(me.body).toMatchObject({ role: 'admin' })
  expectError(await signUp(api, 'ben', { invite: SETUP_CODE }), 422, 'INVITE_INVALID')
})

test('an address that comes with a sign-up gets a mail', async () => {
  await using api = await Api.create()
  expectError(await signUp(api, 'anna', { email: 'anna' }), 422, 'EMAIL_INVALID')
  expectError(await signUp(api, 'anna', { email: 7 }), 400, 'REQUEST_INVALID')
  const { body } = await signUp(api, 'anna', { email: 'anna@example.org' })
  const { token } = body
  expect(body.user).not.toHaveProperty('email')
  const me = await api.call('GET', '/me', { token })
  expect(me.body).toMatchObject({ email: 'anna@example.org', email_confirmed: false })
  const { view } = api.network
  const { token: link } = view.get(jobs, view.lastId(jobs))!.input as { token: string }
  const confirmed = await api.call('POST', '/email-confirmations', { body: { token: link } })
  expect(confirmed).toMatchObject({ status: 204, body: '' })
  const after = await api.call('GET', '/me', { token })
  expect(after.body).toMatchObject({ email_confirmed: true })
  expect(await signUp(api, 'ben', { email: '' })).toMatchObject({ status: 201 })
})
