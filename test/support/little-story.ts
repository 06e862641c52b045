// A fixed little story: one transaction of each kind after the other, an hour apart, told to a
// store and to the oracle.

import { expect } from 'vitest'
import { LittleOracle } from './little-oracle.ts'
import type { Clock } from '../../src/std/clock.ts'
import type { LittleOperation } from './little-oracle.ts'
import type { SimulatedStore } from './simulated-store.ts'

type Step = readonly [LittleOperation['name'], LittleOperation['input']]

const HOUR_MS = 3_600_000

const STEPS: readonly Step[] = [
  ['join', { handle: 'hanako' }],
  ['join', { handle: 'jiro' }],
  ['post', { author: 1, text: 'sakura 🌸' }],
  ['post', { author: 2, text: 'きれい', parent: 1 }],
  ['like', { person: 2, post: 1 }],
  ['like', { person: 1, post: 2 }],
  ['post', { author: 2, text: 'fuji '.repeat(100) }],
  ['edit', { post: 3, text: 'Fuji, from afar' }],
  ['unlike', { person: 1, post: 2 }],
  ['rename', { person: 2, handle: 'jirō' }],
  ['move', { post: 3, author: 1 }],
  ['like', { person: 1, post: 3 }],
  ['remove', { post: 2 }],
  ['join', { handle: 'saburō' }],
  ['post', { author: 3, text: 'the last one' }],
  ['remove', { post: 4 }],
  ['edit', { post: 1, text: 'sakura, again' }],
]

export const STEP_COUNT = STEPS.length

/** The hour of the story. */
export class StoryClock implements Clock {
  nowMs = Date.UTC(2030, 0, 1)

  now(): number {
    return this.nowMs
  }
}

export interface ToldStory {
  readonly oracle: LittleOracle
  /** Time of each transaction, by LSN. */
  readonly times: readonly number[]
}

/** Tells the story; after the steps named in `snapshotsAfter` (from 1) a snapshot is taken. */
export async function tellStory(
  store: SimulatedStore,
  clock: StoryClock,
  snapshotsAfter: readonly number[] = [],
): Promise<ToldStory> {
  const oracle = new LittleOracle()
  const times = [0, clock.now()]
  for (const [index, [name, input]] of STEPS.entries()) {
    clock.nowMs += HOUR_MS
    const { answer, lsn } = oracle.submit({ name, input, now: clock.now() })
    times[lsn] = clock.now()
    expect({
      answer: { output: (await store.transact(name, input as never)).output },
      lsn,
    }).toEqual({
      answer,
      lsn,
    })
    if (snapshotsAfter.includes(index + 1)) await store.snapshot()
  }
  return { oracle, times }
}
