// What a failing or forgetful disk leaves of snapshots: after any failed operation and after any
// crash, the newest finished snapshot is there and sound, and the next one can be taken.

import { expect, it } from 'vitest'
import { Memory } from '../../../src/engine/memory/memory.ts'
import { PAGE_SIZE } from '../../../src/engine/memory/region.ts'
import { PagesFileWriter } from '../../../src/engine/snapshot/pages-file.ts'
import { openSnapshots } from '../../../src/engine/snapshot/snapshots.ts'
import { ForgetfulDisk } from '../../support/forgetful-disk.ts'
import { copyOf, differenceFrom, fillPages, scribble } from '../../support/scribbled-memory.ts'
import { seededTest } from '../../support/seeded.ts'
import { Random } from '../../../src/std/random.ts'
import { load, SIZE_MAX, STORE_ID, takeRequest } from '../../support/snapshot-directory.ts'
import type { Snapshots } from '../../../src/engine/snapshot/snapshots.ts'
import type { Errno } from '../../support/forgetful-disk.ts'

const DIRECTORY = '/snapshots'
const ERRNOS: readonly Errno[] = ['EIO', 'ENOSPC', 'EDQUOT', 'EROFS']

type Copies = Map<number, Map<string, Buffer>>

function open(disk: ForgetfulDisk, lines: string[] = [], readOnly = false): Promise<Snapshots> {
  const report = (line: string): number => lines.push(line)
  return openSnapshots({ disk, directory: DIRECTORY, report, keepCount: 2, readOnly })
}

function smallMemory(): Memory {
  const memory = new Memory()
  fillPages(memory.region('a', SIZE_MAX), 0, 3, 1)
  fillPages(memory.region('b', SIZE_MAX), 1, 2, 2)
  return memory
}

/** A disk with snapshots at 1 and 2, and the memory, changed since then, which is at 3. */
async function twoSnapshots(): Promise<{
  disk: ForgetfulDisk
  snapshots: Snapshots
  memory: Memory
  copies: Copies
}> {
  const disk = new ForgetfulDisk()
  const snapshots = await open(disk)
  const memory = smallMemory()
  const copies: Copies = new Map()
  for (let lsn = 1; lsn <= 3; lsn++) {
    fillPages(memory.region('a', SIZE_MAX), 0, lsn, lsn * 10)
    copies.set(lsn, copyOf(memory))
    if (lsn < 3) await snapshots.take(takeRequest(memory, lsn))
  }
  return { disk, snapshots, memory, copies }
}

/** Opens a disk and compares each snapshot that it holds. Returns the LSN of the newest. */
async function expectSound(disk: ForgetfulDisk, copies: Copies, readOnly = false): Promise<number> {
  const snapshots = await open(disk, [], readOnly)
  const newestLsn = snapshots.newestLsn() ?? 0
  for (let maxLsn = newestLsn; ;) {
    const { loaded, skipped } = await load(snapshots, maxLsn)
    expect(skipped).toEqual([])
    if (loaded === undefined) return newestLsn
    expect(differenceFrom(copies.get(loaded.lsn)!, loaded.memory)).toBe(undefined)
    maxLsn = loaded.lsn - 1
  }
}

/** Every file of the directory belongs to a snapshot that is kept. */
async function expectNoLeftovers(disk: ForgetfulDisk): Promise<void> {
  const lines: string[] = []
  await open(disk, lines)
  expect(lines).toEqual([])
}

for (const errno of ERRNOS) {
  for (const duration of ['once', 'for good'] as const) {
    it(`any operation of a snapshot may fail with ${errno}, ${duration}`, async () => {
      for (let index = 1; ; index++) {
        const { disk, snapshots, memory, copies } = await twoSnapshots()
        disk.failAt(index, errno, duration)
        const before = disk.operationCount
        const failure: unknown = await snapshots.take(takeRequest(memory, 3)).then(
          () => undefined,
          (error: unknown) => error,
        )
        const wasHit = disk.operationCount - before >= index
        disk.heal()
        if (failure !== undefined) expect(failure).toMatchObject({ code: errno })
        const newest = await expectSound(disk, copies, true)
        if (failure === undefined) expect(newest).toBe(3)
        // What cannot be deleted any more is whole, so it may stay.
        else if (duration === 'once') expect(newest).toBe(2)

        const taken = await snapshots.take(takeRequest(memory, 4))
        copies.set(4, copyOf(memory))
        if (failure !== undefined) expect(taken.pagesWritten).toBe(3)
        expect(await expectSound(disk, copies, true)).toBe(4)
        await expectNoLeftovers(disk)
        if (!wasHit) return
      }
    })
  }
}

it('any operation of opening and loading may fail, and the next start finds all', async () => {
  for (let index = 1; ; index++) {
    const { disk, copies } = await twoSnapshots()
    disk.place(`${DIRECTORY}/0000000000000009.pages`, Buffer.alloc(10))
    disk.failAt(index, 'EIO', 'once')
    const before = disk.operationCount
    const loaded = await open(disk)
      .then((snapshots) => load(snapshots))
      .catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'EIO' })
      })
    const wasHit = disk.operationCount - before >= index
    disk.heal()
    if (loaded?.loaded !== undefined) {
      const { lsn, memory } = loaded.loaded
      expect(differenceFrom(copies.get(lsn)!, memory)).toBe(undefined)
      expect(lsn).toBe(2 - loaded.skipped.length)
    }
    expect(await expectSound(disk, copies)).toBe(2)
    await expectNoLeftovers(disk)
    if (!wasHit) return
  }
})

it('a crash after any failed operation leaves the newest finished snapshot', async () => {
  const random = new Random(1)
  for (let index = 1; ; index++) {
    const { disk, snapshots, memory, copies } = await twoSnapshots()
    disk.failAt(index, 'EIO', 'once')
    const before = disk.operationCount
    const finishedLsn = await snapshots.take(takeRequest(memory, 3)).then(
      () => 3,
      () => 2,
    )
    const wasHit = disk.operationCount - before >= index
    for (const state of disk.crashes(random, 16)) {
      expect(await expectSound(state, copies)).toBeGreaterThanOrEqual(finishedLsn)
    }
    if (!wasHit) return
  }
})

it('what a process finds at its start, a crash does not take back', async () => {
  const random = new Random(1)
  const { disk, snapshots, memory, copies } = await twoSnapshots()
  const syncs: string[] = []
  disk.pause = async ({ kind, path }) => {
    if (kind === 'syncDirectory') syncs.push(path)
    // The process is killed in the last step of a snapshot: its manifest has a name that is not
    // durable.
    if (syncs.length === 2) await new Promise(() => {})
  }
  void snapshots.take(takeRequest(memory, 3))
  while (syncs.length < 2) await new Promise(setImmediate)
  disk.pause = undefined
  expect((await open(disk)).newestLsn()).toBe(3)
  for (const state of disk.crashes(random, 16)) expect(await expectSound(state, copies)).toBe(3)
})

it('loading that is broken off by an error leaves no file open', async () => {
  const { disk, snapshots } = await twoSnapshots()
  disk.operations = []
  const progress = (): never => {
    throw new Error('the terminal is gone')
  }
  const loading = snapshots.load({ memory: () => new Memory(), progress })
  await expect(loading).rejects.toThrow('the terminal is gone')
  const kinds = disk.operations.map(({ kind }) => kind)
  const opened = kinds.filter((kind) => kind === 'open').length
  expect(kinds.filter((kind) => kind === 'close').length).toBe(opened)
  expect((await load(snapshots)).loaded?.lsn).toBe(2)
})

seededTest('a crash at any moment leaves the newest finished snapshot', async (random) => {
  const copies: Copies = new Map()
  let disk = new ForgetfulDisk()
  let snapshots = await open(disk)
  let memory = smallMemory()
  let lsn = 0
  let finishedLsn = 0
  for (let step = 0; step < 7; step++) {
    lsn++
    scribble(memory, random, random.below(6))
    // Now and then everything changes, and files are given up.
    if (random.once(3)) {
      for (const region of memory.regions()) fillPages(region, 0, region.pageCount, step)
    }
    copies.set(lsn, copyOf(memory))
    const states: ForgetfulDisk[] = []
    disk.onMoment = () => states.push(...disk.crashes(random, 4))
    if (random.once(3)) disk.failAt(random.between(1, 25), random.pick(ERRNOS), 'once')
    const finished = await snapshots.take(takeRequest(memory, lsn)).then(
      () => true,
      () => false,
    )
    disk.onMoment = undefined
    disk.heal()
    for (const state of states) {
      const newest = await expectSound(state, copies)
      expect(newest).toBeGreaterThanOrEqual(finishedLsn)
      expect(newest).toBeLessThanOrEqual(lsn)
    }
    if (finished) finishedLsn = lsn
    if (!random.once(3)) continue

    disk = disk.crash(random)
    snapshots = await open(disk)
    const { loaded, skipped } = await load(snapshots)
    expect(skipped).toEqual([])
    memory = loaded?.memory ?? smallMemory()
    lsn = loaded?.lsn ?? 0
    finishedLsn = lsn
  }
})

it('a buffer that is being written is not filled again', async () => {
  const disk = new ForgetfulDisk()
  await disk.makeDirectory(DIRECTORY)
  const gate = Promise.withResolvers<void>()
  disk.pause = async ({ kind }) => {
    if (kind === 'sync') await gate.promise
  }
  const writer = new PagesFileWriter(disk, DIRECTORY, { lsn: 1, attempt: 1 }, STORE_ID, 0)
  const first = writer.buffer.fill(1)
  await writer.append(1)
  const second = writer.buffer.fill(2)
  expect(second).not.toBe(first)
  let appended = false
  const append = writer.append(1).then(() => (appended = true))
  await new Promise(setImmediate)
  expect([appended, writer.buffer]).toEqual([false, second])
  gate.resolve()
  await append
  expect(writer.buffer).toBe(first)
  await writer.finish()
  const bytes = disk.contents(`${DIRECTORY}/0000000000000001.pages`)
  expect([bytes[4096], bytes[4096 + PAGE_SIZE], bytes.length]).toEqual([1, 2, 4096 + 2 * PAGE_SIZE])
})
