// Shared counters: no more than the maximum in a window, whoever counts; and what happens when the
// window turns, the table is full, or the clock is set back.

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import { SharedCounters, createSharedCounters } from '../../src/std/shared-counters.ts'
import { PERIOD_MS } from '../support/counting-thread.ts'
import type { CountingTask, LetThrough } from '../support/counting-thread.ts'

class SetClock {
  time = 1_000_000

  now(): number {
    return this.time
  }
}

describe('in one thread', () => {
  test('a name is counted up to the maximum, and the end of the window is told', () => {
    const clock = new SetClock()
    const counters = new SharedCounters(createSharedCounters(), 0, 60_000, clock)
    const counts = Array.from({ length: 5 }, () => counters.count('anna', 3).count)
    expect(counts).toEqual([1, 2, 3, 4, 4])
    expect(counters.count('ben', 3)).toEqual({ count: 1, endsAt: 1_020_000 })
  })

  test('a window that has ended leaves nothing, and the next one begins at 1', () => {
    const clock = new SetClock()
    const counters = new SharedCounters(createSharedCounters(), 0, 1000, clock)
    for (let window = 0; window < 5000; window++) {
      expect(counters.count('anna', 2).count).toBe(1)
      expect(counters.count('anna', 2).count).toBe(2)
      expect(counters.count('anna', 2)).toEqual({ count: 3, endsAt: clock.time + 1000 })
      clock.time += 999
      expect(counters.count('anna', 2).count).toBe(3)
      clock.time += 1
    }
  })

  test('a maximum of a million is counted out', () => {
    const counters = new SharedCounters(createSharedCounters(1, 8), 0, 1000, new SetClock())
    for (let count = 1; count <= 1_000_000; count++) counters.count('anna', 1_000_000)
    expect(counters.count('anna', 1_000_000).count).toBe(1_000_001)
    expect(counters.count('anna', 1_000_000).count).toBe(1_000_001)
  })

  test('tables do not mix, and two makers of the same table do', () => {
    const memory = createSharedCounters(2, 8)
    const clock = new SetClock()
    const first = new SharedCounters(memory, 0, 1000, clock)
    expect(first.count('anna', 9).count).toBe(1)
    expect(new SharedCounters(memory, 1, 1000, clock).count('anna', 9).count).toBe(1)
    expect(new SharedCounters(memory, 0, 1000, clock).count('anna', 9).count).toBe(2)
    expect(() => new SharedCounters(memory, 2, 1000, clock)).toThrow('the memory has that table')
  })

  test('a full table counts those who are in it and no others, until the window turns', () => {
    const clock = new SetClock()
    const counters = new SharedCounters(createSharedCounters(1, 8), 0, 1000, clock)
    const names = Array.from({ length: 30 }, (_, index) => `name ${index}`)
    const first = names.map((name) => counters.count(name, 5).count)
    expect(first).toEqual(names.map((_, index) => (index < 8 ? 1 : 0)))
    const second = names.map((name) => counters.count(name, 5).count)
    expect(second).toEqual(names.map((_, index) => (index < 8 ? 2 : 0)))
    clock.time += 1000
    const last = names.toReversed().map((name) => counters.count(name, 5).count)
    expect(last).toEqual(names.map((_, index) => (index < 8 ? 1 : 0)))
  })

  test('all /64 networks of a /48 find room, but for a few', () => {
    const counters = new SharedCounters(createSharedCounters(), 0, 1000, new SetClock())
    let uncounted = 0
    for (let network = 0; network < 2 ** 16; network++) {
      if (counters.count(`2001:db8:1:${network.toString(16)}::`, 5).count !== 1) uncounted++
    }
    expect(uncounted).toBeLessThan(10)
  })

  test('a clock that is set back begins an earlier window, and never stops', () => {
    const clock = new SetClock()
    const counters = new SharedCounters(createSharedCounters(), 0, 1000, clock)
    expect(counters.count('anna', 2).count).toBe(1)
    clock.time -= 500_000
    expect(counters.count('anna', 2)).toEqual({ count: 1, endsAt: 501_000 })
    expect(counters.count('anna', 2).count).toBe(2)
    expect(counters.count('anna', 2).count).toBe(3)
  })

  test('whoever read the clock before the window turned counts in the new one', () => {
    for (const [name, count] of [
      ['anna', 3],
      ['ben', 0],
    ] as const) {
      const memory = createSharedCounters(1, 1)
      const clock = new SetClock()
      const prompt = new SharedCounters(memory, 0, 1000, clock)
      expect(prompt.count('anna', 9).count).toBe(1)
      // Reads the clock, then is held up until others have counted in the window after.
      let looks = 0
      const late = new SharedCounters(memory, 0, 1000, {
        now: () => {
          const time = clock.time
          if (++looks === 1) {
            clock.time += 1000
            expect([prompt.count('anna', 9).count, prompt.count('anna', 9).count]).toEqual([1, 2])
          }
          return time
        },
      })
      expect(late.count(name, 9)).toEqual({ count, endsAt: 1_002_000 })
      expect(prompt.count('anna', 9).count).toBe(name === 'anna' ? 4 : 3)
    }
  })
})

describe('between looking at a slot and taking it', () => {
  /** Counts a name while another thread does something: when the clock is read the nth time. */
  function countDisturbed(name: string, look: number, other: (prompt: SharedCounters) => void) {
    const memory = createSharedCounters(1, 1)
    const clock = new SetClock()
    const prompt = new SharedCounters(memory, 0, 1000, clock)
    prompt.count('somebody before', 9)
    clock.time += 1000
    let looks = 0
    const disturbed = new SharedCounters(memory, 0, 1000, {
      now: () => {
        if (++looks === look) other(prompt)
        return clock.time
      },
    })
    return { count: disturbed.count(name, 9).count, prompt }
  }

  test('another name may have taken it, and keeps it', () => {
    const { count, prompt } = countDisturbed('anna', 2, (other) => other.count('ben', 9))
    expect(count).toBe(0)
    expect(prompt.count('ben', 9).count).toBe(2)
  })

  test('the same name may have been counted, and both count', () => {
    for (const look of [2, 3]) {
      const { count, prompt } = countDisturbed('anna', look, (other) => other.count('anna', 9))
      expect(count).toBe(2)
      expect(prompt.count('anna', 9).count).toBe(3)
    }
  })
})

describe('in several threads', () => {
  test('together they let through exactly the maximum of every name in every window', async () => {
    const threadCount = 3
    const max = 50
    const control = new SharedArrayBuffer(8)
    const task: CountingTask = {
      memory: createSharedCounters(1, 8),
      names: ['anna', 'ben', 'carla', 'dora', 'emil', 'fritz'],
      rounds: 60_000,
      max,
      control,
      threadCount,
      roundsPerMs: 2,
    }
    const results = await Promise.all(
      Array.from({ length: threadCount }, async () => {
        const path = new URL('../support/counting-thread.ts', import.meta.url)
        const worker = new Worker(path, { workerData: task })
        const [through] = (await once(worker, 'message')) as [LetThrough]
        return through
      }),
    )
    const sums = new Map<string, number>()
    for (const through of results) {
      for (const [key, count] of Object.entries(through)) {
        sums.set(key, (sums.get(key) ?? 0) + count)
      }
    }
    const lastEnd = (Math.floor(new Int32Array(control)[0]! / PERIOD_MS) + 1) * PERIOD_MS
    expect(sums.size).toBeGreaterThan(1000)
    for (const [key, count] of sums) {
      expect(count, key).toBeLessThanOrEqual(max)
      // Only the last window may have ended before the maximum was reached.
      if (!key.endsWith(` until ${lastEnd}`)) expect(count, key).toBe(max)
    }
  })
})
