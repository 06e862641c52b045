// Rate limits: what counts against which limit, what is told of it, and that threads share one.

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import { PREFIX } from '../../src/api/app.ts'
import { createSharedCounters } from '../../src/std/shared-counters.ts'
import { ADMIN_TOKEN, Api, expectError } from '../support/api.ts'
import { NOON, PausedClock } from '../support/network.ts'
import type { RateLimits } from '../../src/api/rate-limits.ts'
import type { ApiSettings } from '../../src/api/parts.ts'
import type { Answer } from '../support/api.ts'
import type { AskingTask } from '../support/limited-app.ts'

const MINUTE = 60_000

function perMinute(count: number): { count: number; periodMs: number } {
  return { count, periodMs: MINUTE }
}

interface Limited {
  readonly api: Api
  readonly clock: PausedClock
  /** Asks from an address. */
  readonly from: (
    remoteAddress: string,
    method: 'GET' | 'HEAD' | 'POST' | 'PATCH',
    path: string,
    headers?: Record<string, string>,
  ) => Promise<Answer>
}

async function limited(limits: RateLimits, more: Partial<ApiSettings> = {}): Promise<Limited> {
  const clock = new PausedClock(NOON)
  const settings = { adminToken: ADMIN_TOKEN, limits, ...more }
  const api = await Api.create(() => ({ settings, clock }))
  return {
    api,
    clock,
    from: async (remoteAddress, method, path, headers = {}) => {
      const url = PREFIX + path
      const payload = method === 'GET' || method === 'HEAD' ? {} : { payload: {} }
      const response = await api.app.inject({ method, url, remoteAddress, headers, ...payload })
      return {
        status: response.statusCode,
        body: method === 'HEAD' ? undefined : response.json(),
        headers: response.headers as Record<string, string>,
        bytes: response.rawPayload,
      }
    },
  }
}

describe('an answer', () => {
  test('tells the limit, what is left of it, and when it begins anew', async () => {
    const { api, clock } = await limited({ reads: perMinute(2) })
    await using _ = api
    clock.time += 12_345
    const told = ({ headers }: Answer) => [
      headers['x-ratelimit-limit'],
      headers['x-ratelimit-remaining'],
      headers['x-ratelimit-reset'],
      headers['retry-after'],
    ]
    const end = '2026-01-02T12:01:00.000Z'
    expect(told(await api.call('GET', '/users/anna'))).toEqual(['2', '1', end, undefined])
    expect(told(await api.call('GET', '/users/anna'))).toEqual(['2', '0', end, undefined])
    const refused = await api.call('GET', '/users/anna')
    expectError(refused, 429, 'RATE_LIMITED')
    expect(told(refused)).toEqual(['2', '0', end, '48'])
    clock.time += 47_654
    expect(told(await api.call('GET', '/users/anna'))).toEqual(['2', '0', end, '1'])
    clock.time += 1
    const next = await api.call('GET', '/users/anna')
    expect(told(next)).toEqual(['2', '1', '2026-01-02T12:02:00.000Z', undefined])
  })

  test('says nothing where nothing is limited', async () => {
    const { api } = await limited({ reads: perMinute(1), writes: 'off' })
    await using _ = api
    for (let time = 0; time < 3; time++) {
      for (const [method, path] of [
        ['GET', '//healthz'],
        ['GET', '/readyz'],
        ['GET', '//metrics'],
        ['GET', '/admin/stats'],
        ['GET', '//media/nothing.webp'],
        ['POST', '/users'],
      ] as const) {
        const answer = await api.call(method, path, { token: ADMIN_TOKEN })
        expect(answer.status, path).not.toBe(429)
        expect(answer.headers['x-ratelimit-limit'], path).toBeUndefined()
      }
    }
  })
})

describe('a limit', () => {
  test('has counts of its own', async () => {
    const one = perMinute(1)
    const { api, from } = await limited({ signUps: one, logIns: one, writes: one, reads: one })
    await using _ = api
    const first = '192.0.2.1'
    for (const [method, path, status] of [
      ['POST', '/users', 400],
      ['POST', '/sessions', 400],
      ['PATCH', '/me', 401],
      ['POST', '/posts/1/comments', 401],
      ['GET', '/users/anna', 404],
    ] as const) {
      expect((await from(first, method, path)).status, path).toBe(status)
    }
    for (const [method, path] of [
      ['POST', '/users'],
      ['POST', '/sessions'],
      ['GET', '/users/ben'],
      ['HEAD', '/users/ben'],
      ['GET', '/nothing/there'],
      ['POST', '/feed'],
    ] as const) {
      expect((await from(first, method, path)).status, path).toBe(429)
    }
    expect((await from('192.0.2.2', 'GET', '/users/anna')).status).toBe(404)
  })

  test('belongs to the user, wherever they are, else to the address', async () => {
    const { api, from } = await limited({ reads: perMinute(2), writes: perMinute(1) })
    await using _ = api
    const anna = { authorization: `Bearer ${(await api.signUp('anna')).token}` }
    const remaining = async (...asking: Parameters<typeof from>): Promise<string | undefined> =>
      (await from(...asking)).headers['x-ratelimit-remaining']
    expect(await remaining('192.0.2.1', 'GET', '/me', anna)).toBe('1')
    expect(await remaining('192.0.2.2', 'GET', '/me', anna)).toBe('0')
    expectError(await from('192.0.2.3', 'GET', '/me', anna), 429, 'RATE_LIMITED')
    expect(await remaining('192.0.2.1', 'GET', '/users/anna')).toBe('1')
    expect((await from('192.0.2.1', 'PATCH', '/me', anna)).status).toBe(200)
    expectError(await from('192.0.2.2', 'PATCH', '/me', anna), 429, 'RATE_LIMITED')
  })

  test('of sign-ups and log-ins belongs to the address, whoever asks', async () => {
    const { api, from } = await limited({ logIns: perMinute(1) })
    await using _ = api
    const headers = { authorization: `Bearer ${(await api.signUp('anna')).token}` }
    expect((await from('192.0.2.1', 'POST', '/sessions', headers)).status).toBe(400)
    expectError(await from('192.0.2.1', 'POST', '/sessions'), 429, 'RATE_LIMITED')
  })

  test('takes a network of IPv6 for one address', async () => {
    const { api, from } = await limited({ reads: perMinute(2) })
    await using _ = api
    const statusOf = async (address: string): Promise<number> =>
      (await from(address, 'GET', '/users/anna')).status
    expect(await statusOf('2001:db8:0:1::1')).toBe(404)
    expect(await statusOf('2001:db8:0:1:ffff:1:2:3')).toBe(404)
    expect(await statusOf('2001:db8:0:1::2')).toBe(429)
    expect(await statusOf('2001:db8:0:2::2')).toBe(404)
    expect(await statusOf('192.0.2.1')).toBe(404)
    expect(await statusOf('::ffff:192.0.2.1')).toBe(404)
    expect(await statusOf('192.0.2.1')).toBe(429)
    expect(await statusOf('::ffff:192.0.2.2')).toBe(404)
  })

  test('believes a proxy that it was told of, and nobody else', async () => {
    const trustedProxies = ['198.51.100.0/24']
    const { api, from } = await limited({ reads: perMinute(1) }, { trustedProxies })
    await using _ = api
    const statusOf = async (address: string, forwarded: string): Promise<number> =>
      (await from(address, 'GET', '/users/anna', { 'x-forwarded-for': forwarded })).status
    expect(await statusOf('198.51.100.7', '192.0.2.1')).toBe(404)
    expect(await statusOf('198.51.100.8', '192.0.2.2')).toBe(404)
    expect(await statusOf('198.51.100.8', '192.0.2.9, 192.0.2.1')).toBe(429)
    expect(await statusOf('192.0.2.3', '192.0.2.4')).toBe(404)
    expect(await statusOf('192.0.2.3', '192.0.2.5')).toBe(429)
    expect(await statusOf('198.51.100.8', 'nonsense')).toBe(404)
  })
})

describe('the memory of the limits', () => {
  test('is one for all threads: together they let through no more than one would', async () => {
    const count = 100
    const task: AskingTask = {
      rateLimits: createSharedCounters(),
      limits: { reads: perMinute(count) },
      time: NOON,
      url: `${PREFIX}/users/anna`,
      count: 90,
    }
    const path = new URL('../support/limited-app.ts', import.meta.url)
    const asked = [task, task].map(async (workerData) => {
      const [statuses] = (await once(new Worker(path, { workerData }), 'message')) as [number[]]
      return statuses
    })
    const statuses = (await Promise.all(asked)).flat()
    expect(statuses.filter((status) => status === 404)).toHaveLength(count)
    expect(statuses.filter((status) => status === 429)).toHaveLength(2 * task.count - count)
  })

  test('lets newcomers through when it is full, and says so', async () => {
    const clock = new PausedClock(NOON)
    const settings = { adminToken: ADMIN_TOKEN, limits: { reads: perMinute(1) } }
    const rateLimits = createSharedCounters(8, 1)
    await using api = await Api.create(() => ({ settings, clock, rateLimits }))
    const statusOf = async (remoteAddress: string): Promise<number> => {
      const url = `${PREFIX}/users/anna`
      return (await api.app.inject({ url, remoteAddress })).statusCode
    }
    expect(await statusOf('192.0.2.1')).toBe(404)
    expect([await statusOf('192.0.2.2'), await statusOf('192.0.2.2')]).toEqual([404, 404])
    expect(await statusOf('192.0.2.1')).toBe(429)
    const metrics = await api.call('GET', '//metrics', { token: ADMIN_TOKEN })
    expect(metrics.body).toContain('shashin_rate_limit_uncounted_total{limit="reads"} 2\n')
    expect(metrics.body).toContain('shashin_rate_limit_refused_total{limit="reads"} 1\n')
  })
})
