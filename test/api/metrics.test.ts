// Metrics: what is told, in which form, to whom, and how several threads are added up.

import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PREFIX } from '../../src/api/app.ts'
import {
  counterIn,
  createRegistry,
  histogram,
  metricsOf,
  textOf,
} from '../../src/api/metrics-registry.ts'
import { storeMetrics } from '../../src/api/metrics-store.ts'
import { threadMetrics } from '../../src/api/metrics-threads.ts'
import { DatastoreError } from '../../src/engine/errors.ts'
import { addToSpread, createSpread } from '../../src/std/spread.ts'
import { ADMIN_TOKEN, Api, expectError, storeThat } from '../support/api.ts'
import { readMetrics } from '../support/metrics-text.ts'
import type { AddressInfo } from 'node:net'
import type { MetricsSource, ThreadReport } from '../../src/api/metrics-threads.ts'

async function scrape(api: Api): Promise<Map<string, number>> {
  const answer = await api.call('GET', '//metrics', { token: ADMIN_TOKEN })
  expect(answer.status).toBe(200)
  expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
  return readMetrics(answer.body as string)
}

function requestsOf(method: string, route: string, status: number | string): string {
  const labels = `{method="${method}",route="${route}",status="${status}"}`
  return `shashin_http_request_duration_seconds_count${labels}`
}

const REPORT: ThreadReport = {
  number: 1,
  role: 'http',
  state: 'serving',
  generation: 3,
  uptimeSeconds: 12.5,
  restarts: 2,
  heapUsedSize: 1000,
  heapLimitSize: 2000,
  eventLoopDelayMs: { mean: 0.5, p99: 2, max: 11 },
}

describe('a scrape', () => {
  let api: Api
  beforeAll(async () => {
    api = await Api.create()
  })
  afterAll(() => api[Symbol.asyncDispose]())

  test('is for admins and the operator, unless the operator opens it', async () => {
    expectError(await api.call('GET', '//metrics'), 401, 'TOKEN_MISSING')
    const { token } = await api.signUp('curious')
    expectError(await api.call('GET', '//metrics', { token }), 403, 'ADMIN_REQUIRED')
    await using open = await Api.create(() => ({ settings: { metricsPublic: true } }))
    expect((await open.call('GET', '//metrics')).status).toBe(200)
  })

  test('counts requests by method, pattern of the route and status', async () => {
    const before = await scrape(api)
    const { token } = await api.signUp('anna')
    for (const handle of ['anna', 'ben', 'anna']) await api.call('GET', `/users/${handle}`)
    await api.app.inject({ method: 'HEAD', url: `${PREFIX}/users/anna` })
    await api.call('DELETE', '/users/anna', { token })
    await api.call('GET', '/nothing/1')
    await api.call('PUT', '/nothing/2')
    await api.call('PROPFIND', '/nothing/3')
    await api.call('GET', `/users/${'x'.repeat(5000)}`)
    const after = await scrape(api)
    const grown = [...after]
      .map(([series, value]) => [series, value - (before.get(series) ?? 0)] as const)
      .filter(([series, growth]) => series.includes('request_duration_seconds_count') && growth > 0)
    expect(Object.fromEntries(grown)).toEqual({
      [requestsOf('POST', `${PREFIX}/users`, 201)]: 1,
      [requestsOf('GET', `${PREFIX}/users/:handle`, 200)]: 2,
      [requestsOf('GET', `${PREFIX}/users/:handle`, 404)]: 1,
      [requestsOf('HEAD', `${PREFIX}/users/:handle`, 200)]: 1,
      [requestsOf('DELETE', `${PREFIX}/users/:handle`, 405)]: 1,
      [requestsOf('GET', 'none', 404)]: 1,
      [requestsOf('PUT', 'none', 404)]: 1,
      [requestsOf('other', 'none', 404)]: 1,
      [requestsOf('GET', '/metrics', 200)]: 1,
    })
  })

  test('counts the bytes of bodies, and no body where there is none', async () => {
    const series = 'shashin_http_response_body_bytes_total'
    const scraped = await api.call('GET', '//metrics', { token: ADMIN_TOKEN })
    const before = readMetrics(scraped.body as string).get(series)!
    const answer = await api.call('GET', '/users/nobody')
    await api.app.inject({ method: 'HEAD', url: `${PREFIX}/users/nobody` })
    const after = (await scrape(api)).get(series)!
    expect(after - before).toBe(answer.bytes.length + scraped.bytes.length)
  })

  test('tells what the store tells', async () => {
    const { store } = api.network
    const metrics = await scrape(api)
    const stats = store.stats()
    expect(metrics.get('shashin_store_up')).toBe(1)
    expect(metrics.get('shashin_store_last_lsn')).toBe(stats.lastLsn)
    expect(metrics.get('shashin_store_transactions_total')).toBe(stats.commits.transactions)
    expect(metrics.get('shashin_store_rows{table="users"}')).toBe(2)
    const parts = [...metrics].filter(([series]) => series.startsWith('shashin_store_memory_bytes'))
    expect(parts.reduce((sum, [, size]) => sum + size, 0)).toBe(stats.memorySize)
  })

  test('tells of the process', async () => {
    const metrics = await scrape(api)
    expect(metrics.get('process_resident_memory_bytes')).toBeGreaterThan(10e6)
    expect(metrics.get('process_cpu_seconds_total')).toBeGreaterThan(0)
    expect(metrics.get('process_start_time_seconds')).toBeLessThan(Date.now() / 1000)
  })

  test('goes on while there is no store', async () => {
    await using alone = await Api.create(({ admin }) => ({
      admin: {
        ...admin,
        stats: () => Promise.reject(new DatastoreError('STORE_CLOSED', 'it is away')),
      },
    }))
    const metrics = await scrape(alone)
    expect(metrics.get('shashin_store_up')).toBe(0)
    expect(metrics.has('shashin_store_last_lsn')).toBe(false)
  })
})

test('a request is under way until it is answered, or its sender is gone', async () => {
  const waiting: (() => void)[] = []
  await using api = await Api.create(({ store }) => ({
    store: storeThat(store, {
      read: async (query) => {
        await new Promise<void>((resolve) => waiting.push(resolve))
        return store.read(query)
      },
    }),
  }))
  const series = 'shashin_http_requests_in_flight'
  await api.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = api.app.server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1', () => {
    socket.write(`GET ${PREFIX}/users/anna HTTP/1.1\r\nhost: x\r\n\r\n`)
  })
  const scraped = async (judge: (metrics: Map<string, number>) => boolean): Promise<void> => {
    while (!judge(await scrape(api))) await new Promise(setImmediate)
  }
  await scraped((metrics) => metrics.get(series) === 2) // The scrape is one.
  socket.destroy()
  await scraped((metrics) => metrics.get(series) === 1)
  const gone = requestsOf('GET', `${PREFIX}/users/:handle`, 'none')
  expect((await scrape(api)).get(gone)).toBe(1)
  for (const resolve of waiting) resolve()
})

describe('several threads', () => {
  test('are added up', async () => {
    const registries = [createRegistry(), createRegistry()]
    const source = (at: number): MetricsSource => ({
      registry: registries[at]!,
      gather: async () =>
        structuredClone(await Promise.all(registries.map((registry) => metricsOf(registry)))),
      figures: () => ({ readRetries: 10 + at, commandsQueued: at, imageChildren: 1 }),
    })
    const threads = async (): Promise<ThreadReport[]> => [
      { ...REPORT, number: 9, eventLoopDelayMs: { mean: 0, p99: 4, max: 7 } },
      { ...REPORT, number: 2 },
      { ...REPORT, number: 1, role: 'supervisor', restarts: 0 },
    ]
    await using first = await Api.create(({ admin }) => ({
      metrics: source(0),
      admin: { ...admin, threads },
    }))
    await using second = await Api.create(() => ({ metrics: source(1) }))
    await first.call('GET', '/users/anna')
    await second.call('GET', '/users/anna')
    await second.call('GET', '/users/ben')
    const metrics = await scrape(first)
    expect(metrics.get(requestsOf('GET', `${PREFIX}/users/:handle`, 404))).toBe(3)
    expect(metrics.get('shashin_seqlock_retries_total')).toBe(21)
    expect(metrics.get('shashin_commands_queued')).toBe(1)
    expect(metrics.get('shashin_image_children')).toBe(2)
    expect(metrics.get('shashin_threads{role="http",state="serving"}')).toBe(2)
    expect(metrics.get('shashin_thread_restarts_total{role="http"}')).toBe(2)
    expect(metrics.get('shashin_event_loop_delay_p99_seconds{thread="http 1"}')).toBe(0.002)
    expect(metrics.get('shashin_event_loop_delay_p99_seconds{thread="http 2"}')).toBe(0.004)
    expect(metrics.get('shashin_thread_heap_used_bytes{thread="supervisor 1"}')).toBe(1000)
  })

  test('count on over a deploy: newer code goes on with what older code has counted', async () => {
    const registry = createRegistry()
    const gather = async () => [await metricsOf(registry)]
    const metrics = (readRetries: number): MetricsSource => ({
      registry,
      gather,
      figures: () => ({ readRetries, commandsQueued: 0, imageChildren: 0 }),
    })
    await using older = await Api.create(() => ({ metrics: metrics(5) }))
    await older.call('GET', '/users/anna')
    await using newer = await Api.create(() => ({ metrics: metrics(7) }))
    await newer.call('GET', '/users/anna')
    const scraped = await scrape(newer)
    expect(scraped.get(requestsOf('GET', `${PREFIX}/users/:handle`, 404))).toBe(2)
    expect(scraped.get('shashin_seqlock_retries_total')).toBe(7)
    expect(scraped.get('shashin_http_requests_in_flight')).toBe(1)
  })
})

describe('what is made of figures', () => {
  test('a metric of another form replaces the one before', async () => {
    const registry = createRegistry()
    const description = { name: 'things_total', help: 'Things.' }
    const plain = counterIn(registry, description)
    expect(counterIn(registry, description)).toBe(plain)
    plain.inc(5)
    counterIn(registry, { ...description, labelNames: ['kind'] }).inc({ kind: 'a' }, 1)
    expect(await textOf([await metricsOf(registry)])).toContain('things_total{kind="a"} 1')
  })

  test('spreads become histograms, in the unit of the name', async () => {
    const spread = createSpread([1, 4])
    for (const value of [1, 2, 3, 5]) addToSpread(spread, value)
    const metric = histogram('thing_duration_seconds', 'Durations.', spread, 0.001)
    const metrics = readMetrics(await textOf([[metric]]))
    expect([...metrics.values()]).toEqual([1, 3, 4, 0.011, 4])
  })

  test('a store that tells spreads is told with them', async () => {
    await using api = await Api.create()
    const stats = api.network.store.stats()
    addToSpread(stats.commits.appendMs, 2_000_000)
    const all = [storeMetrics({ ...stats, freeSize: 7 }), threadMetrics([REPORT])]
    const metrics = readMetrics(await textOf(all))
    const { batches, transactions } = stats.commits
    expect(metrics.get('shashin_store_batch_transactions_count')).toBe(batches)
    expect(metrics.get('shashin_store_batch_transactions_sum')).toBe(transactions)
    expect(metrics.get('shashin_store_append_duration_seconds_sum')).toBeGreaterThan(2_000)
    expect(metrics.get('shashin_disk_free_bytes')).toBe(7)
  })

  test('what looks like the format and is not is refused by the reader of these tests', () => {
    const head = '# HELP a_total A.\n# TYPE a_total counter\n'
    const histogramHead = '# HELP a A.\n# TYPE a histogram\n'
    expect(readMetrics(`${head}a_total{b="c"} 1\n`)).toEqual(new Map([['a_total{b="c"}', 1]]))
    for (const bad of [
      `${head}a_total 1`,
      `${head}a_total Nan\n`,
      `${head}a_total 1\na_total 2\n`,
      `${head}a_total{b="c",b="d"} 1\n`,
      `${head}a_total{b="c} 1\n`,
      `${head}b_total 1\n`,
      '# TYPE a_total counter\na_total 1\n',
      '# HELP a A.\n# TYPE a counter\na 1\n',
      `${histogramHead}a_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n`,
      `${histogramHead}a_bucket{le="1"} 1\na_sum 1\na_count 1\n`,
    ]) {
      expect(() => readMetrics(bad), bad).toThrow(Error)
    }
  })
})
