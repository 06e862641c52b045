// One of several threads that count the same names as fast as they can, and tell how often they
// were let through.

import { parentPort, workerData } from 'node:worker_threads'
import { SharedCounters } from '../../src/std/shared-counters.ts'

export interface CountingTask {
  readonly memory: SharedArrayBuffer
  readonly names: readonly string[]
  readonly rounds: number
  readonly max: number
  /** Time as all threads see it, in milliseconds: word 0. Word 1: threads that are ready. */
  readonly control: SharedArrayBuffer
  readonly threadCount: number
  /** Time goes on by 1 whenever a thread has been through so many rounds. */
  readonly roundsPerMs: number
}

/** Of one thread: times let through, by name and window. */
export type LetThrough = Readonly<Record<string, number>>

export const PERIOD_MS = 100

function run(task: CountingTask): LetThrough {
  const { memory, names, rounds, max, control, threadCount, roundsPerMs } = task
  const words = new Int32Array(control)
  const clock = { now: () => Atomics.load(words, 0) }
  const counters = new SharedCounters(memory, 0, PERIOD_MS, clock)
  const through: Record<string, number> = {}
  Atomics.add(words, 1, 1)
  while (Atomics.load(words, 1) < threadCount);
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      const { count, endsAt } = counters.count(name, max)
      if (count > 0 && count <= max) {
        const key = `${name} until ${endsAt}`
        through[key] = (through[key] ?? 0) + 1
      }
    }
    if (round % roundsPerMs === 0) Atomics.add(words, 0, 1)
  }
  return through
}

if (workerData !== null) parentPort?.postMessage(run(workerData as CountingTask), [])
