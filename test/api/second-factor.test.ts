// The second factor over HTTP: begin, turn on, log in with it, turn off.

import { Secret, TOTP } from 'otpauth'
import { expect, test } from 'vitest'
import { Api, expectError } from '../support/api.ts'
import type { Answer } from '../support/api.ts'

const STEP_MS = 30_000

function codeOf(api: Api, secret: string): string {
  const totp = new TOTP({ secret: Secret.fromBase32(secret) })
  return totp.generate({ timestamp: api.network.clock.time })
}

function logIn(api: Api, handle: string, code?: string): Promise<Answer> {
  const body = { handle, password: `password of ${handle}`, code }
  return api.call('POST', '/sessions', { body })
}

/** Turned on a step ago. */
async function withSecondFactor(api: Api) {
  const anna = await api.signUp('anna')
  const { token } = anna
  const password = 'password of anna'
  const begun = await api.call('POST', '/me/second-factor', { token, body: { password } })
  const { secret } = begun.body as { secret: string }
  const code = codeOf(api, secret)
  const turnedOn = await api.call('PUT', '/me/second-factor', { token, body: { code } })
  expect(turnedOn.status).toBe(200)
  api.network.clock.time += STEP_MS
  return { ...anna, password, secret, code, recoveryCodes: turnedOn.body.recovery_codes }
}

test('begun, turned on with a code, asked for at a log-in, turned off', async () => {
  await using api = await Api.create()
  const { token } = await api.signUp('anna')
  const password = 'password of anna'
  const state = () => api.call('GET', '/me/second-factor', { token })
  expect((await state()).body).toEqual({ on: false, recovery_codes_left: 0 })

  const begun = await api.call('POST', '/me/second-factor', { token, body: { password } })
  expect(begun.status).toBe(201)
  expect(begun.headers['x-shashin-lsn']).toMatch(/^\d+$/)
  const { secret, otpauth_url: address } = begun.body
  expect(secret).toMatch(/^[A-Z2-7]{32}$/)
  expect(address).toContain('otpauth://totp/Shashin:anna?')
  expect(address).toContain(secret)
  expect((await state()).body).toEqual({ on: false, recovery_codes_left: 0 })
  expect((await logIn(api, 'anna')).status).toBe(201)

  const body = { code: codeOf(api, secret) }
  const turnedOn = await api.call('PUT', '/me/second-factor', { token, body })
  expect(turnedOn.status).toBe(200)
  const codes = turnedOn.body.recovery_codes as string[]
  expect(new Set(codes).size).toBe(10)
  for (const code of codes) expect(code).toMatch(/^[a-z2-7]{4}(?:-[a-z2-7]{4}){3}$/)
  expect((await state()).body).toEqual({ on: true, recovery_codes_left: 10 })

  expectError(await logIn(api, 'anna'), 401, 'SECOND_FACTOR_NEEDED')
  expectError(await logIn(api, 'anna', body.code), 401, 'SECOND_FACTOR_WRONG')
  api.network.clock.time += STEP_MS
  const code = codeOf(api, secret)
  const again = await logIn(api, 'anna', code)
  expect(again.status).toBe(201)
  expect((await api.call('GET', '/me', { token: again.body.token })).status).toBe(200)
  expectError(await logIn(api, 'anna', code), 401, 'SECOND_FACTOR_WRONG')
  expect((await logIn(api, 'anna', codes[3])).status).toBe(201)
  expect((await state()).body).toEqual({ on: true, recovery_codes_left: 9 })

  api.network.clock.time += STEP_MS
  const ending = { password, code: codeOf(api, secret) }
  const ended = await api.call('DELETE', '/me/second-factor', { token, body: ending })
  expect(ended.status).toBe(204)
  expect((await logIn(api, 'anna')).status).toBe(201)
})

test('a wrong password comes before any question for a code', async () => {
  await using api = await Api.create()
  await withSecondFactor(api)
  const body = { handle: 'anna', password: 'not the password' }
  expectError(await api.call('POST', '/sessions', { body }), 401, 'CREDENTIALS_WRONG')
})

test('nothing is begun, turned off or renewed without the password', async () => {
  await using api = await Api.create()
  const { token, secret } = await withSecondFactor(api)
  const code = codeOf(api, secret)
  for (const password of [undefined, '', 'not the password', 'x'.repeat(10_000)]) {
    for (const [method, path] of [
      ['POST', '/me/second-factor'],
      ['DELETE', '/me/second-factor'],
      ['POST', '/me/second-factor/recovery-codes'],
    ] as const) {
      const answer = await api.call(method, path, { token, body: { password, code } })
      expectError(answer, 401, 'CREDENTIALS_WRONG')
    }
  }
})

test('recovery codes are renewed with a code', async () => {
  await using api = await Api.create()
  const { token, password, secret, recoveryCodes } = await withSecondFactor(api)
  const path = '/me/second-factor/recovery-codes'
  const wrong = await api.call('POST', path, { token, body: { password, code: '12345' } })
  expectError(wrong, 401, 'SECOND_FACTOR_WRONG')
  const body = { password, code: codeOf(api, secret) }
  const renewed = await api.call('POST', path, { token, body })
  expect(renewed.status).toBe(201)
  expectError(await logIn(api, 'anna', recoveryCodes[0]), 401, 'SECOND_FACTOR_WRONG')
  expect((await logIn(api, 'anna', renewed.body.recovery_codes[0])).status).toBe(201)
})

test('begun twice, turned on twice, turned off when it is off: each is told', async () => {
  await using api = await Api.create()
  const { token, password, secret } = await withSecondFactor(api)
  const code = codeOf(api, secret)
  const asking = { token, body: { password, code } }
  expectError(await api.call('POST', '/me/second-factor', asking), 409, 'SECOND_FACTOR_ON')
  expectError(await api.call('PUT', '/me/second-factor', asking), 409, 'SECOND_FACTOR_ON')
  expect((await api.call('DELETE', '/me/second-factor', asking)).status).toBe(204)
  expectError(await api.call('DELETE', '/me/second-factor', asking), 409, 'SECOND_FACTOR_OFF')
  expectError(await api.call('PUT', '/me/second-factor', asking), 409, 'SECOND_FACTOR_OFF')
})

test('a body that is none is refused, and nobody comes without a token', async () => {
  await using api = await Api.create()
  const { token } = await api.signUp('anna')
  const long = { code: '1'.repeat(65) }
  for (const body of [undefined, {}, { code: 1 }, long]) {
    const answer = await api.call('PUT', '/me/second-factor', { token, body })
    expectError(answer, 400, 'REQUEST_INVALID')
  }
  for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
    const answer = await api.call(method, '/me/second-factor', { body: {} })
    expectError(answer, 401, 'TOKEN_MISSING')
  }
})

test('wrong codes count as log-ins', async () => {
  await using api = await Api.create(({ settings }) => ({
    settings: { ...settings, limits: { logIns: { count: 3, periodMs: 60_000 } } },
  }))
  const { token } = await api.signUp('anna')
  const asking = { token, body: { code: '123456' } }
  for (let time = 0; time < 3; time++) {
    expectError(await api.call('PUT', '/me/second-factor', asking), 409, 'SECOND_FACTOR_OFF')
  }
  expectError(await api.call('PUT', '/me/second-factor', asking), 429, 'RATE_LIMITED')
  expectError(await logIn(api, 'anna', '123456'), 429, 'RATE_LIMITED')
})

test('codes are counted by account, wherever they come from', async () => {
  await using api = await Api.create(({ settings }) => ({
    settings: {
      ...settings,
      limits: { codes: { count: 3, periodMs: 3_600_000 } },
      trustedProxies: ['127.0.0.1'],
    },
  }))
  const { token, password, secret, recoveryCodes } = await withSecondFactor(api)
  const from = (address: number, code: string | undefined, handle = 'anna'): Promise<Answer> =>
    api.call('POST', '/sessions', {
      body: { handle, password: `password of ${handle}`, code },
      headers: { 'x-forwarded-for': `192.0.2.${address}` },
    })
  // One was spent on turning it on.
  expectError(await from(1, 'nonsense'), 401, 'SECOND_FACTOR_WRONG')
  expectError(await from(2, 'nonsense'), 401, 'SECOND_FACTOR_WRONG')
  const refused = await from(3, recoveryCodes[0])
  expectError(refused, 429, 'RATE_LIMITED')
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
  const body = { password, code: codeOf(api, secret) }
  for (const [method, path] of [
    ['DELETE', '/me/second-factor'],
    ['POST', '/me/second-factor/recovery-codes'],
    ['DELETE', '/me'],
  ] as const) {
    expectError(await api.call(method, path, { token, body }), 429, 'RATE_LIMITED')
  }
  // Without a code nothing is counted, and other accounts have counts of their own.
  expectError(await from(4, undefined), 401, 'SECOND_FACTOR_NEEDED')
  await api.signUp('ben')
  expect((await from(4, '123456', 'ben')).status).toBe(201)
  api.network.clock.time += 3_600_000
  expect((await from(5, codeOf(api, secret))).status).toBe(201)
})
