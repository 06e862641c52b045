// Crash states of the whole store: at every moment of random lives, what a crash may leave is
// opened, and has to be what somebody was told (crash-story.ts says which promises are kept to). A
// failure says the command that repeats it. Here every commit is synced; crash-modes.test.ts has
// the other modes.
//
// SHASHIN_CRASH_STATES=N asks for more states than CI has time for; `npm run torture --
// crash-states` for as many as there are minutes.

import { expect, test } from 'vitest'
import { liveStories, liveStory, storyOf } from '../support/crash-story.ts'

const STATE_COUNT = Number(process.env['SHASHIN_CRASH_STATES'] ?? 30_000)
const FIRST_SEED = 1
/** The suite keeps looking. */
const FRESH_SEED = 1_000_000 + Math.floor(Math.random() * 1_000_000)
const TIMEOUT_MS = Math.max(600_000, STATE_COUNT * 10)

test(
  'every crash leaves a store that opens with all that was told, and is a state that was',
  async () => {
    const { states, deepStates } = await liveStories(
      FIRST_SEED,
      (sum) => sum.states >= STATE_COUNT,
      ['sync'],
    )
    expect(states).toBeGreaterThanOrEqual(STATE_COUNT)
    expect(deepStates).toBeGreaterThan(states / 10)
  },
  TIMEOUT_MS,
)

test(
  `the same in a life that nobody has seen yet (seed ${FRESH_SEED})`,
  async () => {
    const { states } = await liveStory(storyOf(FRESH_SEED))
    expect(states).toBeGreaterThan(0)
  },
  TIMEOUT_MS,
)

test('a seed gives the same life each time', async () => {
  const story = { ...storyOf(4), stepCount: 8 }
  expect(await liveStory(story)).toEqual(await liveStory(story))
})
