// The seqlock: what a reader may see of a writer, in one thread step by step and across two at full
// speed.

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { Column } from '../../../src/engine/memory/column.ts'
import { Memory } from '../../../src/engine/memory/memory.ts'
import { Seqlock } from '../../../src/engine/memory/seqlock.ts'
import { READS, STATES, STOP, TORN } from '../../support/seqlock-reader.ts'
import type { ReaderTask } from '../../support/seqlock-reader.ts'

const READS_MIN = 30_000
const STATES_MIN = 3000
const ROUNDS_MAX = 3_000_000
const WORD_COUNT = 24
const STRIDE = 700

describe('a reader', () => {
  it('gets the result, and the throw, of a read that nobody disturbed', () => {
    const lock = new Seqlock(new SharedArrayBuffer(64))
    expect(lock.read(() => 7)).toBe(7)
    const failing = (): never => {
      throw new RangeError('no')
    }
    expect(() => lock.read(failing)).toThrow(new RangeError('no'))
    expect(lock.retries).toBe(0)
  })

  it('looks again when a batch was written while it read, whatever it made of what it saw', () => {
    const lock = new Seqlock(new SharedArrayBuffer(64))
    let attempts = 0
    const result = lock.read(() => {
      if (++attempts === 4) return attempts
      lock.begin()
      lock.end()
      if (attempts === 2) throw new Error('torn data')
      return -1
    })
    expect([result, attempts, lock.retries]).toEqual([4, 4, 3])
  })

  it('does not even look while a batch is being written', () => {
    const control = new SharedArrayBuffer(64)
    const lock = new Seqlock(control)
    const words = new Int32Array(control)
    const seen: boolean[] = []
    lock.begin()
    expect(lock.writing).toBe(true)
    // The sequence turns even by itself after some looks of the reader, as if another thread had
    // ended the batch.
    let looks = 0
    const load = Atomics.load
    Atomics.load = ((array: Int32Array, index: number) => {
      if (array.buffer === control && ++looks === 200) Atomics.add(words, 0, 1)
      return load(array, index)
    }) as typeof Atomics.load
    try {
      lock.read(() => seen.push(lock.writing))
    } finally {
      Atomics.load = load
    }
    expect(seen).toEqual([false])
    expect(lock.retries).toBeGreaterThan(64)
  })

  it('sees the sequence wrap round without a stumble', () => {
    const control = new SharedArrayBuffer(64)
    new Int32Array(control)[0] = 2 ** 31 - 2
    const lock = new Seqlock(control)
    for (let batch = 0; batch < 3; batch++) {
      lock.begin()
      expect(lock.writing).toBe(true)
      lock.end()
      expect(lock.writing).toBe(false)
      expect(lock.read(() => batch)).toBe(batch)
    }
  })
})

it('a reader in another thread never keeps a torn read', async () => {
  const memory = new Memory(undefined, 2 ** 20)
  const column = new Column(memory.region('words', 2 ** 20), 4)
  for (let index = 0; index < WORD_COUNT; index++) column.set(index * STRIDE, 0)
  const control = new SharedArrayBuffer(32)
  const counters = new Int32Array(control)
  const task: ReaderTask = {
    handle: memory.handle(),
    control,
    wordCount: WORD_COUNT,
    stride: STRIDE,
  }
  const reader = new Worker(new URL('../../support/seqlock-reader.ts', import.meta.url), {
    workerData: task,
  })
  const ended = once(reader, 'exit')
  await once(reader, 'online')
  const readsBefore = Atomics.load(counters, READS)
  const isDone = (): boolean =>
    Atomics.load(counters, READS) - readsBefore >= READS_MIN &&
    Atomics.load(counters, STATES) >= STATES_MIN
  let rounds = 0
  while (rounds < ROUNDS_MAX && !isDone()) {
    rounds++
    memory.seqlock.begin()
    for (let index = 0; index < WORD_COUNT; index++) column.set(index * STRIDE, rounds)
    memory.seqlock.end()
    // Room to read between batches, of changing size.
    for (let pause = rounds % 50; pause > 0; pause--) Atomics.load(counters, STOP)
  }
  Atomics.store(counters, STOP, 1)
  await ended
  expect(counters[TORN]).toBe(0)
  expect(counters[STATES]).toBeGreaterThan(0)
  expect(counters[READS]).toBeGreaterThan(0)
})
