// Routes of password and address: proof first, the same answer for everybody, links that are good
// once.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { jobs } from '../../src/model/schema.ts'
import { Api, expectError } from '../support/api.ts'
import type { Answer } from '../support/api.ts'

const HOUR = 60 * 60 * 1000

let api: Api
let count = 0
let user: { handle: string; token: string; password: string; email: string }

beforeAll(async () => {
  api = await Api.create()
})
afterAll(() => api[Symbol.asyncDispose]())

/** Each test has a user of its own. */
beforeEach(async () => {
  const handle = `user${++count}`
  const { token } = await api.signUp(handle)
  user = { handle, token, password: `password of ${handle}`, email: `${handle}@example.org` }
})

function put(path: string, body: object, token: string | undefined = user.token): Promise<Answer> {
  return api.call('PUT', path, { token, body })
}

function logIn(password: string): Promise<Answer> {
  return api.call('POST', '/sessions', { body: { handle: user.handle, password } })
}

/** The last mail that is to go out. */
function lastMail(): { template: string; to: string; handle: string; token: string } {
  const { view } = api.network
  return view.get(jobs, view.lastId(jobs))!.input as ReturnType<typeof lastMail>
}

async function confirmEmail(): Promise<void> {
  const { email, password } = user
  expect(await put('/me/email', { email, password })).toMatchObject({ status: 200 })
  const body = { token: lastMail().token }
  expect(await api.call('POST', '/email-confirmations', { body })).toMatchObject({ status: 204 })
}

describe('a password', () => {
  test('is changed by who knows it, and other log-ins end', async () => {
    const other = (await logIn(user.password)).body.token as string
    const changed = await put('/me/password', { current: user.password, new: 'another one' })
    expect(changed).toMatchObject({ status: 204, body: '' })
    expect(changed.headers['x-shashin-lsn']).toMatch(/^\d+$/)
    expect(await api.call('GET', '/me', { token: user.token })).toMatchObject({ status: 200 })
    expectError(await api.call('GET', '/me', { token: other }), 401, 'TOKEN_INVALID')
    expectError(await logIn(user.password), 401, 'CREDENTIALS_WRONG')
    expect(await logIn('another one')).toMatchObject({ status: 201 })
  })

  test('stays where something does not fit', async () => {
    const { password } = user
    for (const [body, status, code] of [
      [{ current: 'wrong password', new: 'another one' }, 401, 'CREDENTIALS_WRONG'],
      [{ current: 'x'.repeat(300), new: 'another one' }, 401, 'CREDENTIALS_WRONG'],
      [{ new: 'another one' }, 401, 'CREDENTIALS_WRONG'],
      [{ current: password, new: 'short' }, 422, 'PASSWORD_UNFIT'],
      [{ current: password, new: 'x'.repeat(201) }, 422, 'PASSWORD_UNFIT'],
      [{ current: password }, 400, 'REQUEST_INVALID'],
      [{ current: password, new: null }, 400, 'REQUEST_INVALID'],
    ] as const) {
      expectError(await put('/me/password', body), status, code)
    }
    expectError(await api.call('PUT', '/me/password', { body: {} }), 401, 'TOKEN_MISSING')
    expect(await logIn(password)).toMatchObject({ status: 201 })
  })
})

describe('an address', () => {
  test('is set with the password, confirmed by its mail, and shown to its owner', async () => {
    const { email, password, token } = user
    const none = { email: '', confirmed: false, pending: '' }
    expect((await api.call('GET', '/me/email', { token })).body).toEqual(none)
    const set = await put('/me/email', { email, password })
    expect(set.body).toEqual({ email, confirmed: false, pending: '' })
    expect(lastMail()).toEqual({
      template: 'confirm-email',
      to: email,
      handle: user.handle,
      token: expect.stringMatching(/^[\w-]{43}$/) as string,
    })
    const body = { token: lastMail().token }
    expect(await api.call('POST', '/email-confirmations', { body })).toMatchObject({ status: 204 })
    const again = await api.call('POST', '/email-confirmations', { body })
    expectError(again, 422, 'MAIL_TOKEN_INVALID')
    const me = await api.call('GET', '/me', { token })
    expect(me.body).toMatchObject({ email, email_confirmed: true })
    const seen = await api.call('GET', `/users/${user.handle}`)
    expect(JSON.stringify(seen.body)).not.toContain(email)

    const next = await put('/me/email', { email: `next-${email}`, password })
    expect(next.body).toEqual({ email, confirmed: true, pending: `next-${email}` })
    expect((await put('/me/email', { email: '', password })).body).toEqual(none)
  })

  test('stays where something does not fit', async () => {
    const { email, password } = user
    for (const [body, status, code] of [
      [{ email, password: 'wrong password' }, 401, 'CREDENTIALS_WRONG'],
      [{ email }, 401, 'CREDENTIALS_WRONG'],
      [{ email: 'nonsense', password }, 422, 'EMAIL_INVALID'],
      [{ email: `${email}\nBcc: x@example.org`, password }, 422, 'EMAIL_INVALID'],
      [{ password }, 400, 'REQUEST_INVALID'],
      [{ email: null, password }, 400, 'REQUEST_INVALID'],
    ] as const) {
      expectError(await put('/me/email', body), status, code)
    }
    for (const body of [{}, { token: 7 }, { token: 'x'.repeat(101) }]) {
      const answer = await api.call('POST', '/email-confirmations', { body })
      expectError(answer, 400, 'REQUEST_INVALID')
    }
  })

  test('is asked for five times a day, then no more', async () => {
    const { email, password } = user
    for (let time = 0; time < 5; time++) {
      expect(await put('/me/email', { email, password })).toMatchObject({ status: 200 })
    }
    const refused = await put('/me/email', { email, password })
    expectError(refused, 429, 'MAILS_TOO_MANY')
    expect(refused.headers['retry-after']).toBe('3600')
  })

  test('of somebody else is refused to whoever reads its mailbox, and to nobody else', async () => {
    await confirmEmail()
    const { email } = user
    const { token } = await api.signUp(`other${count}`)
    const password = `password of other${count}`
    const set = await put('/me/email', { email, password }, token)
    expect(set).toMatchObject({ status: 200, body: { confirmed: false } })
    const body = { token: lastMail().token }
    expectError(await api.call('POST', '/email-confirmations', { body }), 409, 'EMAIL_TAKEN')
  })
})

describe('a forgotten password', () => {
  const ask = (name: unknown): Promise<Answer> =>
    api.call('POST', '/password-resets', { body: { email_or_handle: name } })

  test('is reset by a link in a mail, which ends every token', async () => {
    await confirmEmail()
    const scopes = { name: 'x', scopes: ['read'] }
    const made = await api.call('POST', '/tokens', { token: user.token, body: scopes })
    expect(await ask(` ${user.email.toUpperCase()} `)).toMatchObject({ status: 202, body: '' })
    expect(lastMail()).toMatchObject({ template: 'reset-password', to: user.email })
    const { token } = lastMail()
    const password = 'another one'
    const short = await api.call('PUT', '/password-resets', { body: { token, password: 'x' } })
    expectError(short, 422, 'PASSWORD_UNFIT')
    const reset = await api.call('PUT', '/password-resets', { body: { token, password } })
    expect(reset).toMatchObject({ status: 204, body: '' })
    expect(reset.headers['x-shashin-lsn']).toMatch(/^\d+$/)
    for (const ended of [user.token, made.body.token as string]) {
      expectError(await api.call('GET', '/me', { token: ended }), 401, 'TOKEN_INVALID')
    }
    expectError(await logIn(user.password), 401, 'CREDENTIALS_WRONG')
    expect(await logIn(password)).toMatchObject({ status: 201 })
    const again = await api.call('PUT', '/password-resets', { body: { token, password } })
    expectError(again, 422, 'MAIL_TOKEN_INVALID')
  })

  test('tells nobody who has an account', async () => {
    const answers: Answer[] = []
    const mailCount = api.network.view.lastId(jobs)
    for (const name of [user.handle, 'nobody', 'nobody@example.org', '', '@']) {
      const { lastLsn } = api.network.store.stats()
      const answer = await ask(name)
      expect(Number(answer.headers['x-shashin-lsn'])).toBe(lastLsn + 1)
      answers.push(answer)
    }
    for (const { status, body } of answers)
      expect({ status, body }).toEqual({ status: 202, body: '' })
    expect(api.network.view.lastId(jobs)).toBe(mailCount)
    for (const bad of [7, null, 'x'.repeat(255)])
      expectError(await ask(bad), 400, 'REQUEST_INVALID')
  })

  test('is not reset by a token that is unknown or over', async () => {
    await confirmEmail()
    await ask(user.handle)
    const { token } = lastMail()
    const password = 'another one'
    const reset = (given: unknown): Promise<Answer> =>
      api.call('PUT', '/password-resets', { body: { token: given, password } })
    expectError(await reset(`${token}x`), 422, 'MAIL_TOKEN_INVALID')
    expectError(await reset('x'.repeat(101)), 400, 'REQUEST_INVALID')
    api.network.clock.time += HOUR
    expectError(await reset(token), 422, 'MAIL_TOKEN_INVALID')
    expect(await logIn(user.password)).toMatchObject({ status: 201 })
  })
})
