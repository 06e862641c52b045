// Spreads: what lies between which bounds.

import { expect, test } from 'vitest'
import { addToSpread, createSpread } from '../../src/std/spread.ts'

test('a value belongs to the first bound that is not below it', () => {
  const spread = createSpread([1, 10])
  for (const value of [0, 1, 1.5, 10, 11, 1000]) addToSpread(spread, value)
  expect(spread).toEqual({ bounds: [1, 10], counts: [2, 2, 2], sum: 1023.5 })
  expect(structuredClone(spread)).toEqual(spread)
})
