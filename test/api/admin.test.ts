// Routes for admins and for watchers: who is let in, snapshots, figures, health.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ADMIN_TOKEN, Api, expectError } from '../support/api.ts'

let api: Api
let anna: { id: number; token: string }

const ROUTES = [
  ['POST', '/admin/snapshot'],
  ['GET', '/admin/stats'],
  ['PUT', '/admin/users/anna/role'],
] as const

beforeAll(async () => {
  api = await Api.create()
  anna = await api.signUp('anna')
})
afterAll(() => api[Symbol.asyncDispose]())

test('nobody but admins and the operator is let in', async () => {
  for (const [method, path] of ROUTES) {
    expectError(await api.call(method, path), 401, 'TOKEN_MISSING')
    const token = ADMIN_TOKEN.slice(0, -1)
    expectError(await api.call(method, path, { token }), 401, 'TOKEN_INVALID')
    const asking = { token: anna.token, body: { role: 'admin' } }
    if (method !== 'GET') expectError(await api.call(method, path, asking), 403, 'ADMIN_REQUIRED')
  }
  expectError(await api.call('GET', '/admin/stats', { token: anna.token }), 403, 'ADMIN_REQUIRED')
})

test('without an operator’s token, the first user is a user like any other', async () => {
  await using alone = await Api.create(() => ({ settings: {} }))
  const { token } = await alone.signUp('first')
  expectError(await alone.call('POST', '/admin/snapshot', { token }), 403, 'ADMIN_REQUIRED')
  const answer = await alone.call('POST', '/admin/snapshot', { token: ADMIN_TOKEN })
  expectError(answer, 401, 'TOKEN_INVALID')
})

test('the operator takes a snapshot, and is no user', async () => {
  const token = ADMIN_TOKEN
  const answer = await api.call('POST', '/admin/snapshot', { token })
  expect(answer.status).toBe(201)
  const lsn = Number(answer.body.lsn)
  expect(lsn).toBeGreaterThan(0)
  const names = await readdir(join(api.network.path, 'snapshots'))
  expect(names).toContain(`${String(lsn).padStart(16, '0')}.manifest`)
  expectError(await api.call('GET', '/me', { token }), 401, 'TOKEN_INVALID')
  expectError(await api.call('GET', '/feed', { token }), 401, 'TOKEN_INVALID')
  expect(await api.call('GET', '/users/anna', { token })).toMatchObject({ status: 200 })
})

test('an admin is named, may do what admins may, and is one no more', async () => {
  const name = (role: string) =>
    api.call('PUT', '/admin/users/ANNA/role', { token: ADMIN_TOKEN, body: { role } })
  expect(await name('admin')).toMatchObject({ status: 200, body: { role: 'admin' } })
  expect((await api.call('GET', '/me', { token: anna.token })).body.role).toBe('admin')
  const stats = await api.call('GET', '/admin/stats', { token: anna.token })
  expect(stats.status).toBe(200)
  expect(stats.body).toMatchObject({ lastLsn: expect.any(Number), tables: expect.any(Array) })
  await name('user')
  expectError(await api.call('GET', '/admin/stats', { token: anna.token }), 403, 'ADMIN_REQUIRED')
  expectError(await name('king'), 400, 'REQUEST_INVALID')
  const nobody = { token: ADMIN_TOKEN, body: { role: 'admin' } }
  expectError(await api.call('PUT', '/admin/users/nobody/role', nobody), 404, 'USER_NOT_FOUND')
})

test('health is told at both addresses, to anybody', async () => {
  for (const prefix of ['', '/']) {
    expect(await api.call('GET', `${prefix}/healthz`)).toMatchObject({
      status: 200,
      body: { status: 'ok' },
    })
    expect(await api.call('GET', `${prefix}/readyz`)).toMatchObject({
      status: 200,
      body: { status: 'ready' },
    })
  }
})

test('a server in trouble lives, but is not ready', async () => {
  await using troubled = await Api.create(({ admin }) => ({
    admin: { ...admin, trouble: async () => 'writing has ended' },
  }))
  const answer = await troubled.call('GET', '//readyz')
  expect(answer).toMatchObject({
    status: 503,
    body: { status: 'unready', trouble: 'writing has ended' },
  })
  expect(answer.headers['retry-after']).toBe('5')
  expect(await troubled.call('GET', '//healthz')).toMatchObject({ status: 200 })
})
