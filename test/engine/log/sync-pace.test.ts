// When the writer goes into the thread, and when it leaves it again.

import { expect, test } from 'vitest'
import { SyncPace } from '../../../src/engine/log/sync-pace.ts'

function inPool(pace: SyncPace, ...samples: number[]): void {
  for (const ms of samples) pace.noteInPool(ms)
}

test('a fast disk is written in the thread once it has shown that it is fast', () => {
  const pace = new SyncPace(0.5)
  inPool(pace, ...Array(15).fill(0.1))
  expect(pace.isInThread).toBe(false)
  inPool(pace, 9)
  expect(pace.isInThread).toBe(true)
})

test('a slow disk stays in the pool, and is asked again and again', () => {
  const pace = new SyncPace(0.5)
  inPool(pace, ...Array(160).fill(5))
  expect(pace.isInThread).toBe(false)
  inPool(pace, ...Array(16).fill(0.4))
  expect(pace.isInThread).toBe(true)
})

test('a disk that becomes slow goes back to the pool; one slow write does not count', () => {
  const pace = new SyncPace(0.5)
  inPool(pace, ...Array(16).fill(0.1))
  for (const ms of [0.1, 2.5, 0.1, 0.1]) pace.noteInThread(ms)
  expect(pace.isInThread).toBe(true)
  for (const ms of [2, 2, 2]) pace.noteInThread(ms)
  expect(pace.isInThread).toBe(false)
})

test('always and never can be said', () => {
  const always = new SyncPace(Infinity)
  for (const ms of [1000, 1000, 1000]) always.noteInThread(ms)
  expect(always.isInThread).toBe(true)
  const never = new SyncPace(0)
  inPool(never, ...Array(64).fill(0))
  expect(never.isInThread).toBe(false)
})
