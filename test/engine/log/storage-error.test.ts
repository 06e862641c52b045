// The first error of any operation ends writing, whatever it was, and the next process finds all
// that was acknowledged.

import { expect, test } from 'vitest'
import { DatastoreError } from '../../../src/engine/errors.ts'
import { append, newDisk, openLog, readAll } from '../../support/log-story.ts'
import { Random } from '../../../src/std/random.ts'
import type { Errno, ForgetfulDisk } from '../../support/forgetful-disk.ts'
import type { Durability } from '../../../src/engine/log/local-writer.ts'

interface Told {
  /** Told durable. */
  safe: number
  begun: number
  /** An operation has failed. */
  hasFailed: boolean
}

const ACKNOWLEDGED_AFTER = 'acknowledged after a failure'

/**
 * A whole life of a log in which any step may fail; goes on after failures, as a careless caller
 * would.
 */
async function carelessLife(
  disk: ForgetfulDisk,
  durability: Durability,
  told: Told,
): Promise<void> {
  const attempt = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      if (!(error instanceof DatastoreError)) throw error
      told.hasFailed = true
    }
  }
  let failures = 0
  await attempt(async () => {
    const log = await openLog({ disk, durability, segmentSize: 8 * 1024, preallocateSize: 1024 })
    const writer = await log.acquire({ failed: () => failures++ })
    for (let step = 0; step < 12; step++) {
      told.begun = writer.lastLsn + 2
      const wasPoisoned = failures > 0
      const outcome = await append(writer, 2)
      if (outcome === 'unknown') told.hasFailed = true
      else if (wasPoisoned) throw new Error(ACKNOWLEDGED_AFTER)
      if (step === 3 || step === 9) await attempt(() => writer.roll())
      if (step === 5) {
        const synced = await writer.sync()
        if (wasPoisoned && synced.outcome === 'durable') throw new Error(ACKNOWLEDGED_AFTER)
      }
      if (step === 10) await attempt(() => log.truncate(5))
      if (writer.durableLsn > told.safe) told.safe = writer.durableLsn
      // A zeroing in the background may come to its end here.
      await new Promise((resolve) => setImmediate(resolve))
    }
    await attempt(() => writer.close())
    told.safe = Math.max(told.safe, writer.durableLsn)
  })
  expect(failures).toBeLessThanOrEqual(1)
}

async function operationsOf(durability: Durability): Promise<number> {
  const disk = newDisk()
  await carelessLife(disk, durability, { safe: 0, begun: 0, hasFailed: false })
  return disk.operationCount
}

for (const durability of ['sync', 'interval'] as const) {
  for (const errno of ['EIO', 'ENOSPC', 'EDQUOT', 'EROFS', 'EFBIG'] satisfies Errno[]) {
    test(`${errno} anywhere loses nothing that was told durable, ${durability}`, async () => {
      const count = await operationsOf(durability)
      const random = new Random(count)
      for (const duration of ['once', 'for good'] as const) {
        for (let index = 1; index <= count; index++) {
          const disk = newDisk()
          disk.failAt(index, errno, duration)
          const told: Told = { safe: 0, begun: 0, hasFailed: false }
          await carelessLife(disk, durability, told)
          disk.heal()
          // First a crash of the machine, then a restart of the process alone: what the kernel
          // still shows may not be on the device, so that recovery has to bring it there before it
          // serves it, and a crash follows.
          for (const crashed of disk.crashes(random, 4)) {
            const { lastLsn } = await readAll(await openLog({ disk: crashed }))
            expect(lastLsn).toBeGreaterThanOrEqual(told.safe)
            expect(lastLsn).toBeLessThanOrEqual(told.begun)
          }
          const served = await openLog({ disk })
          expect(served.lastLsn).toBeGreaterThanOrEqual(told.safe)
          for (const crashed of disk.crashes(random, 4)) {
            expect((await openLog({ disk: crashed })).lastLsn).toBe(served.lastLsn)
          }
          expect(await append(await served.acquire(), 1)).toBe('durable')
          for (const crashed of disk.crashes(random, 4)) {
            expect((await openLog({ disk: crashed })).lastLsn).toBe(served.lastLsn)
          }
          await served.close()
        }
      }
    })
  }
}
