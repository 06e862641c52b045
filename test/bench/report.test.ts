// The arithmetic and the table of bench reports.

import { expect, test } from 'vitest'
import { formatMeasurements, formatNumber, percentile, summarize } from '../../bench/report.ts'

test('a summary is the median and the spread of its samples', () => {
  expect(summarize([5, 1, 3])).toEqual({ median: 3, least: 1, most: 5 })
  expect(summarize([4, 1, 2, 3])).toEqual({ median: 2.5, least: 1, most: 4 })
  expect(summarize([7])).toEqual({ median: 7, least: 7, most: 7 })
  expect(summarize([]).median).toBeNaN()
})

test('a percentile is a sample by its rank', () => {
  const samples = Array.from({ length: 100 }, (_, at) => 100 - at)
  expect(percentile(samples, 0.99)).toBe(99)
  expect(percentile(samples, 0.5)).toBe(50)
  expect(percentile(samples, 1)).toBe(100)
  expect(percentile([3], 0)).toBe(3)
})

test('numbers are as exact as a measurement', () => {
  expect([0.012345, 2.34567, 999, 1234.5, 1_500_000].map(formatNumber)).toEqual([
    '0.0123',
    '2.35',
    '999',
    '1 235',
    '1 500 000',
  ])
})

test('rows are aligned', () => {
  const table = formatMeasurements([
    { name: 'inserts', unit: '/s', samples: [150_000, 160_000, 140_000], goal: '≥ 150 k' },
    { name: 'boot', unit: 's', samples: [1.25] },
  ])
  expect(table).toBe(
    [
      '          median           least – most  samples  goal',
      'inserts  150 000  /s  140 000 – 160 000        3  ≥ 150 k',
      'boot        1.25  s         1.25 – 1.25        1',
    ].join('\n'),
  )
})
