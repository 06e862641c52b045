// Crash states of stores that do not sync every commit: what a crash leaves is a state that was,
// and has everything that `durableLsn` had named; what a kill leaves has everything.
//
// SHASHIN_CRASH_STATES=N as in crash-states.test.ts.

import { expect, test } from 'vitest'
import { liveStories } from '../support/crash-story.ts'

const STATE_COUNT = Number(process.env['SHASHIN_CRASH_STATES'] ?? 10_000)
const FIRST_SEED = 1
const TIMEOUT_MS = Math.max(600_000, STATE_COUNT * 10)

test.each(['interval', 'os'] as const)(
  '%s: every crash leaves a state that was, with all that was durable',
  async (mode) => {
    const { states } = await liveStories(FIRST_SEED, (sum) => sum.states >= STATE_COUNT, [mode])
    expect(states).toBeGreaterThanOrEqual(STATE_COUNT)
  },
  TIMEOUT_MS,
)
