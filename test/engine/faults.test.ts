// I/O fault points: every operation of the disk fails once, or from then on, in each of four ways,
// at each stage of a store's life. Whatever fails:
//
//   (1) nothing that was told durable is lost: not for the next process, nor in a crash before or
//       after it;
//   (2) after the first error of the log nothing is told durable any more;
//   (3) a failed snapshot is no failed log: writes go on, and the next snapshot is taken;
//   (4) who asked is told by a DatastoreError with a sentence;
//   (5) on the healed disk the store opens, whole.

import { describe, expect, test } from 'vitest'
import { DatastoreError } from '../../src/engine/errors.ts'
import { people } from '../support/little-network.ts'
import { ProcessDisk } from '../support/process-disk.ts'
import { Random } from '../../src/std/random.ts'
import { SimulatedTime } from '../support/simulated-time.ts'
import { grownStore } from '../support/grown-store.ts'
import { openOn } from '../support/simulated-store.ts'
import type { Errno, ForgetfulDisk } from '../support/forgetful-disk.ts'
import type { SimulatedStore } from '../support/simulated-store.ts'

const ERRNOS: readonly Errno[] = ['EIO', 'ENOSPC', 'EDQUOT', 'EROFS']
const SEGMENT_SIZE = 4096 + 2048
const OPERATION_COUNT_MAX = 1000

/** People "p1", "p2", … who joined one after the other, and who of them was told so. */
interface Story {
  readonly time: SimulatedTime
  readonly disk: ForgetfulDisk
  asked: number
  told: number
}

interface Stage {
  /** Not disturbed: what comes before. Undefined: the store is not open yet. */
  prepare(story: Story): Promise<SimulatedStore | undefined>
  /** Disturbed. May throw what the store throws. */
  run(story: Story, store: SimulatedStore | undefined): Promise<SimulatedStore>
  /** The disk is healed; the same process goes on. */
  after?(story: Story, store: SimulatedStore, failure: unknown): Promise<void>
}

async function open({ disk, time }: Story): Promise<SimulatedStore> {
  return openOn(disk, { segmentSize: SEGMENT_SIZE, snapshotsKept: 1, clock: time })
}

async function join(story: Story, store: SimulatedStore): Promise<void> {
  const number = ++story.asked
  await store.transact('join', { handle: `p${number}` })
  story.told = Math.max(story.told, number)
}

/** One by one, and several at once. */
async function write(story: Story, store: SimulatedStore | undefined): Promise<SimulatedStore> {
  for (let count = 0; count < 4; count++) await join(story, store!)
  await Promise.all([join(story, store!), join(story, store!), join(story, store!)])
  return store!
}

const stages: Readonly<Record<string, Stage>> = {
  boot: {
    prepare: () => Promise.resolve(undefined),
    run: open,
  },
  'writes in the pool': {
    prepare: open,
    run: write,
    after: expectPoison,
  },
  'writes in the thread': {
    async prepare(story) {
      const store = await open(story)
      // So many that the log has found the disk fast.
      for (let count = 0; count < 20; count++) await join(story, store)
      return store
    },
    run: write,
    after: expectPoison,
  },
  rotation: {
    async prepare(story) {
      const store = await open(story)
      await store.transact('post', { author: 1, text: 'x'.repeat(1600) })
      return store
    },
    async run(story, store) {
      await store!.transact('post', { author: 1, text: 'x'.repeat(600) })
      await join(story, store!)
      return store!
    },
    after: expectPoison,
  },
  snapshot: {
    async prepare(story) {
      const store = await open(story)
      for (let count = 0; count < 12; count++) {
        await store.transact('post', { author: 1, text: 'x'.repeat(400) })
      }
      return store
    },
    async run(_, store) {
      await store!.snapshot()
      return store!
    },
    async after(story, store) {
      expect(store.poison).toBe(undefined)
      await join(story, store)
      await store.snapshot()
      await join(story, store)
      await store.close()
    },
  },
  shutdown: {
    async prepare(story) {
      const store = await open(story)
      await join(story, store)
      return store
    },
    async run(_, store) {
      await store!.close()
      return store!
    },
  },
}

/** Nothing is told durable after a failure, even though the disk works again. */
async function expectPoison(story: Story, store: SimulatedStore, failure: unknown): Promise<void> {
  const { told } = story
  if (failure === undefined) {
    expect(store.poison).toBe(undefined)
    await join(story, store)
    await store.close()
    return
  }
  expect(failure).toMatchObject({ code: 'STORE_POISONED' })
  await expect(join(story, store)).rejects.toMatchObject({ code: 'STORE_POISONED' })
  expect(story.told).toBe(told)
  await store.close()
}

/** Opens, and finds p1 to pn, all that were told among them. */
async function expectTold(story: Story, disk: ForgetfulDisk): Promise<void> {
  const store = await openOn(disk, { segmentSize: SEGMENT_SIZE, clock: story.time })
  const count = store.view.rowCount(people) - 1
  expect(count).toBeGreaterThanOrEqual(story.told)
  expect(count).toBeLessThanOrEqual(story.asked)
  for (let number = 1; number <= count; number++) {
    expect(store.view.find(people.indexes.byHandle, `p${number}`)).toBe(number + 1)
  }
  expect(store.recovery.snapshotLsn).toBeGreaterThan(0)
  await store.close()
}

function wholeCopy(disk: ForgetfulDisk, random: Random): ForgetfulDisk {
  return [...disk.crashes(random, 2)].at(-1)!
}

for (const [name, stage] of Object.entries(stages)) {
  describe(`at every operation of ${name}`, () => {
    for (const errno of ERRNOS) {
      test.each(['once', 'for good'] as const)(`${errno}, %s`, async (duration) => {
        const { disk: original } = await grownStore(14, [6], { segmentSize: SEGMENT_SIZE })
        const random = new Random(1)
        using time = new SimulatedTime(random)
        for (let index = 1; index < OPERATION_COUNT_MAX; index++) {
          const disk = wholeCopy(original, random)
          const story = { time, disk, asked: 0, told: 0 }
          const prepared = await stage.prepare(story)
          const before = disk.operationCount
          disk.failAt(index, errno, duration)
          let store = prepared
          let failure: unknown
          try {
            store = await stage.run(story, prepared)
          } catch (error) {
            failure = error
            expect(error).toBeInstanceOf(DatastoreError)
            expect((error as Error).message).toMatch(/^\S.* .*\S$/)
          }
          const wasHit = disk.operationCount - before >= index
          await expectTold(story, disk.crash(random))
          disk.heal()
          if (store !== undefined && stage.after !== undefined)
            await stage.after(story, store, failure)
          else await store?.close().catch(() => undefined)
          await expectTold(story, disk.crash(random))
          await expectTold(story, disk)
          await expectTold(story, disk.crash(random))
          if (!wasHit) return
        }
        expect.unreachable('the stage ends some time')
      })
    }
  })
}

test('a process that is killed within a failing append loses nothing either', async () => {
  const random = new Random(1)
  using time = new SimulatedTime(random)
  for (const errno of ERRNOS) {
    const { disk } = await grownStore(4, [2])
    const process = new ProcessDisk(disk)
    const store = await openOn(process)
    await store.transact('join', { handle: 'p1' })
    disk.failAt(1, errno, 'for good')
    const asked = store.transact('join', { handle: 'p2' })
    asked.catch(() => undefined)
    await new Promise(setImmediate)
    process.kill()
    disk.heal()
    await expectTold({ time, disk, asked: 2, told: 1 }, disk)
  }
})
