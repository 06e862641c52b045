// Routes of users and sessions: signing up and in, and every no on the way.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Api, expectError } from '../support/api.ts'
import { NOON } from '../support/network.ts'

let api: Api
let anna: { id: number; handle: string; token: string }

beforeAll(async () => {
  api = await Api.create()
  anna = await api.signUp('anna')
})
afterAll(() => api[Symbol.asyncDispose]())

describe('sign-up', () => {
  test('answers with the user and a token that works', async () => {
    const body = { handle: 'Cleo', password: 'a long password', name: 'Cleo C.' }
    const answer = await api.call('POST', '/users', { body })
    expect(answer.status).toBe(201)
    expect(Number(answer.headers['x-shashin-lsn'])).toBeGreaterThan(0)
    expect(answer.body.user).toMatchObject({
      id: expect.stringMatching(/^\d+$/) as string,
      handle: 'Cleo',
      name: 'Cleo C.',
      bio: '',
      fields: [],
      avatar: null,
      header: null,
      private: false,
      suspended: false,
      created_at: new Date(NOON).toISOString(),
      posts: 0,
      followers: 0,
      following: 0,
      viewer: {
        following: false,
        followed_by: false,
        requested: false,
        blocked: false,
        muted: false,
      },
    })
    const me = await api.call('GET', '/me', { token: answer.body.token })
    expect(me.status).toBe(200)
    const own = { role: 'user', email: '', email_confirmed: false }
    expect(me.body).toMatchObject({ ...answer.body.user, ...own })
  })

  test('refuses what the network does not allow', async () => {
    const password = 'a long password'
    for (const [body, status, code] of [
      [{ handle: 'ANNA', password }, 409, 'HANDLE_TAKEN'],
      [{ handle: 'a b', password }, 422, 'HANDLE_INVALID'],
      [{ handle: '..', password }, 422, 'HANDLE_INVALID'],
      [{ handle: 'new', password: 'short' }, 422, 'PASSWORD_UNFIT'],
      [{ handle: 'new', password: 'x'.repeat(201) }, 422, 'PASSWORD_UNFIT'],
      [{ handle: 'new', password, name: 'x'.repeat(61) }, 422, 'TEXT_TOO_LONG'],
      [{ handle: 'new', password, name: 'a\u0000b' }, 422, 'TEXT_INVALID'],
      [{ handle: 'new' }, 400, 'REQUEST_INVALID'],
      [{ handle: 7, password }, 400, 'REQUEST_INVALID'],
      [{ handle: 'x'.repeat(101), password }, 400, 'REQUEST_INVALID'],
      [['anna'], 400, 'REQUEST_INVALID'],
      ['anna', 400, 'REQUEST_INVALID'],
      [null, 400, 'REQUEST_INVALID'],
    ] as const) {
      expectError(await api.call('POST', '/users', { body }), status, code)
    }
    expectError(await api.call('GET', '/users/new'), 404, 'USER_NOT_FOUND')
  })

  test('two at the same time for one handle make one user', async () => {
    const body = { handle: 'twin', password: 'a long password' }
    const answers = await Promise.all([1, 2].map(() => api.call('POST', '/users', { body })))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201, 409]))
  })
})

describe('sessions', () => {
  test('a password opens one, in any case of the handle, and leaving ends it', async () => {
    const body = { handle: 'ANNA', password: 'password of anna' }
    const answer = await api.call('POST', '/sessions', { body })
    expect(answer.status).toBe(201)
    expect(Object.keys(answer.body)).toEqual(['token'])
    const { token } = answer.body
    expect(token).toMatch(/^[\w-]{43}$/)
    expect(await api.call('GET', '/me', { token })).toMatchObject({ status: 200 })

    const left = await api.call('DELETE', '/sessions/current', { token })
    expect(left).toMatchObject({ status: 204, body: '' })
    expect(left.headers['x-shashin-lsn']).toMatch(/^\d+$/)
    expectError(await api.call('GET', '/me', { token }), 401, 'TOKEN_INVALID')
    expectError(await api.call('DELETE', '/sessions/current', { token }), 401, 'TOKEN_INVALID')
    expect(await api.call('GET', '/me', { token: anna.token })).toMatchObject({ status: 200 })
  })

  test('a wrong password and an unknown handle are told alike', async () => {
    const wrong = await api.call('POST', '/sessions', {
      body: { handle: 'anna', password: 'password of ben' },
    })
    expectError(wrong, 401, 'CREDENTIALS_WRONG')
    const unknown = await api.call('POST', '/sessions', {
      body: { handle: 'nobody', password: 'password of anna' },
    })
    expectError(unknown, 401, 'CREDENTIALS_WRONG')
    expect({ ...unknown.body, request_id: '' }).toEqual({ ...wrong.body, request_id: '' })
    const huge = { handle: 'anna', password: 'x'.repeat(50_000) }
    expectError(await api.call('POST', '/sessions', { body: huge }), 401, 'CREDENTIALS_WRONG')
  })

  test('more log-ins at once than the queue takes are sent away', async () => {
    const body = { handle: 'nobody', password: 'a long password' }
    const calls = Array.from({ length: 45 }, () => api.call('POST', '/sessions', { body }))
    const answers = await Promise.all(calls)
    const busy = answers.filter(({ status }) => status === 429)
    expect(busy).toHaveLength(45 - 2 - 32)
    expectError(busy[0]!, 429, 'PASSWORDS_BUSY')
    expect(busy[0]!.headers['retry-after']).toBe('2')
    expect(await api.call('POST', '/sessions', { body })).toMatchObject({ status: 401 })
  })

  test('a token that is none is refused, even where none is needed', async () => {
    for (const token of ['x', 'a'.repeat(43), 'ä', `${anna.token}x`]) {
      expectError(await api.call('GET', '/me', { token }), 401, 'TOKEN_INVALID')
      expectError(await api.call('GET', '/users/anna', { token }), 401, 'TOKEN_INVALID')
    }
    const headers = { authorization: `Basic ${anna.token}` }
    expectError(await api.call('GET', '/me', { headers }), 401, 'TOKEN_INVALID')
    const missing = await api.call('GET', '/me')
    expectError(missing, 401, 'TOKEN_MISSING')
    expect(missing.headers['www-authenticate']).toBe('Bearer')
  })
})
