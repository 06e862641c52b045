// Counts that outlive the threads that counted.

import { expect, test } from 'vitest'
import { counter, gauge, histogram, textOf } from '../../src/api/metrics-registry.ts'
import { addToSpread, createSpread } from '../../src/std/spread.ts'
import { MetricsLedger } from '../../src/threads/metrics-ledger.ts'
import { readMetrics } from '../support/metrics-text.ts'
import type { Metrics } from '../../src/api/metrics-registry.ts'

test('threads that have ended stay in the counts, and leave the measures', async () => {
  const metricsOfThread = (count: number): Metrics => {
    const sizes = createSpread([1, 10])
    addToSpread(sizes, count)
    return [
      counter('things_total', 'Things.', count),
      gauge('open_things', 'Open ones.', count),
      histogram('thing_bytes', 'Sizes.', sizes),
    ]
  }
  const ledger = new MetricsLedger()
  for (const [thread, count] of [
    [1, 2],
    [2, 20],
    [3, 200],
    [1, 3],
  ] as const) {
    ledger.note(thread, metricsOfThread(count))
  }
  for (const thread of [1, 2, 2, 7]) await ledger.end(thread)
  const metrics = readMetrics(await textOf(ledger.all()))
  expect(metrics.get('things_total')).toBe(223)
  expect(metrics.get('open_things')).toBe(200)
  expect(metrics.get('thing_bytes_sum')).toBe(223)
  expect(metrics.get('thing_bytes_bucket{le="10"}')).toBe(1)
  expect(metrics.get('thing_bytes_count')).toBe(3)
})
