// Mutants of durability: a store whose disk lies in one way, as if the store forgot that one step.
// The crash stories have to find out each of them; a step whose loss they do not notice would be a
// step that nothing tests.

import { expect, test } from 'vitest'
import { Violation } from '../support/crash-judge.ts'
import { liveStory, storyOf } from '../support/crash-story.ts'
import { lyingDisk } from '../support/lying-disk.ts'
import { DATA, LOG, SNAPSHOTS } from '../support/simulated-store.ts'
import type { Lie } from '../support/lying-disk.ts'

const SEED_COUNT_MAX = 60
const WATERMARK = `${DATA}/watermark`

const isLog = (path: string): boolean => path.startsWith(LOG)

/** True until the process becomes the writer, which is when it first writes the watermark. */
function whileBooting(lie: (isBooting: () => boolean) => Lie): Lie {
  let isBooting = true
  const { writeDurable, ...rest } = lie(() => isBooting)
  return {
    ...rest,
    writeDurable(path) {
      if (path === WATERMARK) isBooting = false
      return writeDurable?.(path) ?? 'durable'
    },
  }
}

const mutants: Readonly<Record<string, () => Lie>> = {
  'nothing is synced': () => ({
    writeDurable: () => 'written',
    sync: () => false,
    syncDirectory: () => false,
  }),
  'commits are not synced': () => ({
    writeDurable: (path) => (isLog(path) ? 'written' : 'durable'),
  }),
  'commits are told before they are synced': () => ({
    writeDurable: (path) => (isLog(path) ? 'late' : 'durable'),
  }),
  'only the first sector of a commit is synced': () => ({
    writeDurable: (path) => (isLog(path) ? 'first sector' : 'durable'),
  }),
  'a failed commit is synced again, and told': () => ({
    writeDurable: (path) => (isLog(path) ? 'tried again' : 'durable'),
  }),
  'a failed sync is tried again, and believed': () => ({ sync: () => 'tried again' }),
  'no sync of the log but those of commits': () => ({ sync: (path) => !isLog(path) }),
  'no sync of the log at boot': () =>
    whileBooting((isBooting) => ({ sync: (path) => !(isLog(path) && isBooting()) })),
  'the unproven end of the log is not written again at boot': () =>
    whileBooting((isBooting) => ({ write: (path) => !(path.endsWith('.log') && isBooting()) })),
  'no directory is synced': () => ({ syncDirectory: () => false }),
  'the directory of the log is not synced': () => ({ syncDirectory: (path) => path !== LOG }),
  'the directory of the snapshots is not synced': () => ({
    syncDirectory: (path) => path !== SNAPSHOTS,
  }),
  'the data directory is not synced': () => ({ syncDirectory: (path) => path !== DATA }),
  'pages of a snapshot are not synced': () => ({ sync: (path) => !path.endsWith('.pages') }),
  'manifests are not synced': () => ({ sync: (path) => !path.endsWith('.partial') }),
}

test.each(Object.entries(mutants))(
  '%s: found out',
  async (_, lie) => {
    for (let seed = 1; seed <= SEED_COUNT_MAX; seed++) {
      try {
        await liveStory({ ...storyOf(seed), lie: (disk) => lyingDisk(disk, lie()) })
      } catch (error) {
        expect(error).toBeInstanceOf(Violation)
        return
      }
    }
    expect.unreachable(`no story of ${SEED_COUNT_MAX} has noticed it`)
  },
  600_000,
)

test('a disk that does not lie is not accused', async () => {
  const { states } = await liveStory({ ...storyOf(1), lie: (disk) => lyingDisk(disk, {}) })
  expect(states).toBeGreaterThan(100)
})
