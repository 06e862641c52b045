// Bad input, to every route: whatever comes, nothing is our mistake (no 5xx), and every refusal has
// the one shape. What is sent is made from the schema of the route (bad-requests.ts), by a seed
// that a failure prints: SHASHIN_SEED=… repeats it.

import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hashOf } from '../../src/api/authentication.ts'
import { Passwords } from '../../src/api/passwords.ts'
import { Api, expectError } from '../support/api.ts'
import { badRequests } from '../support/bad-requests.ts'
import type { NotedRoute } from '../../src/api/openapi.ts'
import type { BadRequest } from '../support/bad-requests.ts'

const REQUESTS_EACH = 30
const SEED = Number(process.env['SHASHIN_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

let api: Api
let user: number
let sessionCount = 0

beforeAll(async () => {
  api = await Api.create()
  const passwordHash = await new Passwords().hash('a password')
  const signUp = (handle: string): Promise<number> =>
    api.network.run('signUp', { handle, name: '', passwordHash, tokenHash: hashOf(handle) })
  user = await signUp('somebody')
  await api.network.run('setRole', { user, role: 'admin' })
  const anna = await signUp('anna')
  const ben = await signUp('ben')
  await api.network.run('follow', { follower: ben, followee: anna })
  const post = await api.network.post(anna, 'The #sea, @ben')
  await api.network.comment(ben, await api.network.post(user))
  await api.network.comment(user, post)
  await api.network.photo(user)
})
afterAll(() => api[Symbol.asyncDispose]())

test('no route answers bad input with a mistake of ours', { timeout: 120_000 }, async () => {
  expect(api.app.notedRoutes.length).toBeGreaterThan(50)
  for (const route of api.app.notedRoutes) {
    const property = fc.asyncProperty(badRequests(route), (request) => endsWell(route, request))
    await fc.assert(property, { seed: SEED, numRuns: REQUESTS_EACH, endOnFailure: true })
  }
})

async function endsWell({ method, url }: NotedRoute, request: BadRequest): Promise<void> {
  const { path, headers, payload } = request
  const asking = { token: await freshToken(), headers }
  const answer = await api.call(method, `/${path}`, {
    ...asking,
    ...(payload === undefined ? {} : { payload }),
  })
  const place = `${method} ${url}, SHASHIN_SEED=${SEED}`
  expect(answer.status, place).toBeLessThan(500)
  if (answer.status >= 400) expectError(answer, answer.status, String(answer.body.code))
  expect(answer.headers['x-content-type-options'], place).toBe('nosniff')
  expect(api.fatalities, place).toEqual([])
}

/** Some routes end the session that asks. */
async function freshToken(): Promise<string> {
  const token = `session-${++sessionCount}`.padEnd(43, '-')
  await api.network.run('logIn', { user, tokenHash: hashOf(token) })
  return token
}
