// Sizes and durations as people write them.

import { expect, test } from 'vitest'
import { parseDuration, parseSize } from '../../src/std/quantity.ts'

test('a size is a number with or without a unit', () => {
  expect(parseSize('0')).toBe(0)
  expect(parseSize('4096')).toBe(4096)
  expect(parseSize('256MB')).toBe(256_000_000)
  expect(parseSize('64 mib')).toBe(67_108_864)
  expect(parseSize('1.5KiB')).toBe(1536)
  for (const bad of [
    '',
    'MB',
    '-1',
    '1e3',
    '1.5',
    '1XB',
    '1MB2',
    '99999999TB',
    '1constructor',
    ' 1',
  ]) {
    expect(parseSize(bad), bad).toBeUndefined()
  }
})

test('a duration is a number with a unit', () => {
  expect(parseDuration('500ms')).toBe(500)
  expect(parseDuration('1.5s')).toBe(1500)
  expect(parseDuration('15m')).toBe(900_000)
  expect(parseDuration('7d')).toBe(604_800_000)
  for (const bad of ['', '15', 'm', '-1s', '1.0001ms', '1y', '1h30m']) {
    expect(parseDuration(bad), bad).toBeUndefined()
  }
})
