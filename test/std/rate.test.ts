// Rates: how people write so many in so long, and what is none.

import { expect, test } from 'vitest'
import { parseRate } from '../../src/std/rate.ts'

test('a rate is a number in a time', () => {
  expect(parseRate('300/5m')).toEqual({ count: 300, periodMs: 300_000 })
  expect(parseRate('1/1s')).toEqual({ count: 1, periodMs: 1000 })
  expect(parseRate('1000000/1d')).toEqual({ count: 1_000_000, periodMs: 86_400_000 })
  for (const bad of [
    '',
    '300',
    '/5m',
    '300/',
    '0/5m',
    '1000001/5m',
    '1.5/5m',
    '-1/5m',
    '300/5',
    '300/999ms',
    '300/25h',
    '300/5m/1h',
    'off',
  ]) {
    expect(parseRate(bad), bad).toBeUndefined()
  }
})
