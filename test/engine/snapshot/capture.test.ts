// What a running snapshot takes from memory: each page once, as it was when the snapshot began.

import { expect, it } from 'vitest'
import { InvariantError } from '../../../src/std/assert.ts'
import { Memory } from '../../../src/engine/memory/memory.ts'
import { CLEAN, DIRTY, PAGE_SIZE, PENDING } from '../../../src/engine/memory/region.ts'
import { Capture } from '../../../src/engine/snapshot/capture.ts'
import { fillPages } from '../../support/scribbled-memory.ts'
import { SIZE_MAX } from '../../support/snapshot-directory.ts'

const PAGE_COUNT = 40_000

it('a large region is listed and given up in steps, and can be written to between them', () => {
  const memory = new Memory()
  const region = memory.region('large', SIZE_MAX)
  region.grow(PAGE_COUNT * PAGE_SIZE)
  const capture = new Capture(memory, undefined)
  expect(region.states.every((state) => state === PENDING)).toBe(true)
  const listing = capture.list()
  listing.next()
  fillPages(region, 0, 1, 1)
  fillPages(region, PAGE_COUNT - 1, 3, 1)
  expect([...listing].length).toBe(2)

  const target = Buffer.alloc(4 * PAGE_SIZE)
  while (region.states[3] === PENDING) capture.takePages(target, 1, 0)
  expect([region.states[0], region.states[1], region.beforeImageCount]).toEqual([DIRTY, CLEAN, 1])
  expect(region.states[PAGE_COUNT - 1]).toBe(DIRTY)

  expect([...capture.abandon()].length).toBe(3)
  expect(region.states.subarray(0, PAGE_COUNT + 2).every((state) => state === DIRTY)).toBe(true)
  expect(region.beforeImageCount).toBe(0)
})

it('a snapshot does not begin within a batch', () => {
  const memory = new Memory()
  memory.seqlock.begin()
  expect(() => new Capture(memory, undefined)).toThrow(InvariantError)
})
