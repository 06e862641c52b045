// Counts that outlive the threads that counted.

import { expect, test } from 'vitest'
import {
  counterIn,
  createRegistry,
  gaugeIn,
  histogramIn,
  metricsOf,
  textOf,
} from '../../src/api/metrics-registry.ts'
import { MetricsLedger } from '../../src/threads/metrics-ledger.ts'
import { readMetrics } from '../support/metrics-text.ts'

test('threads that have ended stay in the counts, and leave the measures', async () => {
  const metricsOfThread = async (count: number): Promise<ReturnType<typeof metricsOf>> => {
    const registry = createRegistry()
    counterIn(registry, { name: 'things_total', help: 'Things.' }).inc(count)
    gaugeIn(registry, { name: 'open_things', help: 'Open ones.' }).set(count)
    const sizes = { name: 'thing_bytes', help: 'Sizes.', buckets: [1, 10], labelNames: [] }
    histogramIn(registry, sizes).observe(count)
    return metricsOf(registry)
  }
  const ledger = new MetricsLedger()
  for (const [thread, count] of [
    [1, 2],
    [2, 20],
    [3, 200],
    [1, 3],
  ] as const) {
    ledger.note(thread, await metricsOfThread(count))
  }
  for (const thread of [1, 2, 2, 7]) await ledger.end(thread)
  const metrics = readMetrics(await textOf(ledger.all()))
  expect(metrics.get('things_total')).toBe(223)
  expect(metrics.get('open_things')).toBe(200)
  expect(metrics.get('thing_bytes_sum')).toBe(223)
  expect(metrics.get('thing_bytes_bucket{le="10"}')).toBe(1)
  expect(metrics.get('thing_bytes_count')).toBe(3)
})
