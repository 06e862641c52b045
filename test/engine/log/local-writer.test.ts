// What the writer does by itself: syncs in the background, the watermark, zeroed space, and its end
// at the first error.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { LocalLog } from '../../../src/engine/log/local-log.ts'
import { decodeSegmentHeader } from '../../../src/engine/log/segment.ts'
import { readWatermark } from '../../../src/engine/log/watermark.ts'
import {
  DIRECTORY,
  FIRST_SEGMENT,
  WATERMARK,
  append,
  batch,
  newDisk,
  openLog,
  readAll,
  refusalOf,
} from '../../support/log-story.ts'
import type { ForgetfulDisk, OperationKind } from '../../support/forgetful-disk.ts'

beforeEach(() => vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }))
afterEach(() => vi.useRealTimers())

/** Lets everything that is not waiting for a timer come to its end. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}

async function markOf(disk: ForgetfulDisk): Promise<[lsn: number, isSealed: boolean]> {
  const { newest } = (await readWatermark(disk, WATERMARK))!
  return [newest!.durableLsn, newest!.isSealed]
}

/** Stops operations of a kind on the disk at their end, until the returned function is called. */
function hold(disk: ForgetfulDisk, kind: OperationKind): () => void {
  const { promise, resolve } = Promise.withResolvers<void>()
  disk.pause = async (operation) => (operation.kind === kind ? promise : undefined)
  return () => {
    disk.pause = undefined
    resolve()
  }
}

describe('durability', () => {
  test('sync: every append is durable when it has ended', async () => {
    const log = await openLog({ disk: newDisk() })
    await using writer = await log.acquire()
    for (let lsn = 1; lsn < 50; lsn++) {
      expect(await append(writer, 1)).toBe('durable')
      expect(writer.durableLsn).toBe(lsn)
    }
  })

  test('interval: appends are answered at once and synced each second, beside others', async () => {
    const disk = newDisk()
    const log = await openLog({ disk, durability: 'interval' })
    const told: number[] = []
    const writer = await log.acquire({ durable: (lsn) => told.push(lsn) })
    await append(writer, 2)
    expect([writer.lastLsn, writer.durableLsn]).toEqual([2, 0])
    const release = hold(disk, 'sync')
    vi.advanceTimersByTime(1000)
    // While that sync is under way: an append, and a tick that must not begin a second sync.
    await append(writer, 2)
    vi.advanceTimersByTime(1000)
    expect(writer.durableLsn).toBe(0)
    release()
    await settle()
    expect([writer.durableLsn, ...told]).toEqual([2, 2])
    vi.advanceTimersByTime(1000)
    await settle()
    expect([writer.durableLsn, ...told]).toEqual([4, 2, 4])
    disk.operations = []
    vi.advanceTimersByTime(1000)
    await settle()
    expect(disk.operations.filter(({ kind }) => kind === 'sync')).toEqual([])
    await writer.close()
  })

  test('interval: a rotation waits for the sync beside it, and none begins meanwhile', async () => {
    const disk = newDisk()
    const log = await openLog({ disk, durability: 'interval' })
    await using writer = await log.acquire()
    await append(writer, 2)
    const release = hold(disk, 'sync')
    vi.advanceTimersByTime(1000)
    const rolled = writer.roll()
    vi.advanceTimersByTime(1000)
    release()
    await rolled
    expect([writer.durableLsn, log.sizeAfter(0) > log.sizeAfter(2)]).toEqual([2, true])
  })

  test('interval: no sync begins beside a rotation', async () => {
    const disk = newDisk()
    const log = await openLog({ disk, durability: 'interval' })
    await using writer = await log.acquire()
    await append(writer, 2)
    const release = hold(disk, 'sync')
    disk.operations = []
    const rolled = writer.roll()
    await settle()
    vi.advanceTimersByTime(1000)
    release()
    await rolled
    const synced = disk.operations.filter(({ kind }) => kind === 'sync').map(({ path }) => path)
    expect(synced).toEqual([FIRST_SEGMENT, `${DIRECTORY}/0000000000000003.log`])
  })

  test('os: nothing is durable before it is asked for', async () => {
    const disk = newDisk()
    const log = await openLog({ disk, durability: 'os' })
    await using writer = await log.acquire()
    await append(writer, 2)
    vi.advanceTimersByTime(60_000)
    await settle()
    expect(writer.durableLsn).toBe(0)
    expect(await writer.sync()).toEqual({ outcome: 'durable' })
    expect([writer.durableLsn, await markOf(disk)]).toEqual([2, [2, false]])
    await append(writer, 2)
    await writer.roll()
    expect(writer.durableLsn).toBe(4)
  })
})

describe('the watermark', () => {
  test('follows the log by some seconds, and at sync, roll and close', async () => {
    const disk = newDisk()
    const log = await openLog({ disk })
    const writer = await log.acquire()
    await append(writer, 2)
    expect(await markOf(disk)).toEqual([0, false])
    vi.advanceTimersByTime(2000)
    await settle()
    expect(await markOf(disk)).toEqual([2, false])
    disk.operations = []
    vi.advanceTimersByTime(20_000)
    await settle()
    expect(disk.operations).toEqual([])
    await append(writer, 2)
    await writer.sync()
    expect(await markOf(disk)).toEqual([4, false])
    await append(writer, 2)
    await writer.roll()
    expect(await markOf(disk)).toEqual([6, false])
    await writer.close()
    expect(await markOf(disk)).toEqual([6, true])
    await log.acquire()
    expect(await markOf(disk)).toEqual([6, false])
  })

  test('never claims what is not durable yet', async () => {
    const disk = newDisk()
    const log = await openLog({ disk, durability: 'interval' })
    const writer = await log.acquire()
    await append(writer, 2)
    vi.advanceTimersByTime(1000)
    await settle()
    await append(writer, 2)
    const release = hold(disk, 'sync')
    vi.advanceTimersByTime(1000)
    await settle()
    expect(await markOf(disk)).toEqual([2, false])
    release()
    await writer.close()
  })

  test('is left alone while the log is being sealed', async () => {
    const disk = newDisk()
    const log = await openLog({ disk })
    const writer = await log.acquire()
    await append(writer, 2)
    const release = hold(disk, 'writeDurable')
    disk.operations = []
    const closed = writer.close()
    await settle()
    vi.advanceTimersByTime(2000)
    release()
    await closed
    expect(disk.operations.filter(({ path }) => path === WATERMARK)).toHaveLength(2)
    expect(await markOf(disk)).toEqual([2, true])
  })

  test('is not written for a writer that was ended', async () => {
    const disk = newDisk()
    const log = await openLog({ disk })
    const writer = await log.acquire()
    await append(writer, 2)
    await writer.close()
    vi.advanceTimersByTime(20_000)
    await settle()
    expect(await markOf(disk)).toEqual([2, true])
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('zeroed space', () => {
  test('is kept ahead, so that appends do not make the file longer', async () => {
    const disk = newDisk()
    const log = await openLog({ disk, segmentSize: 64 * 1024, preallocateSize: 8 * 1024 })
    await using writer = await log.acquire()
    for (let index = 0; index < 200; index++) {
      const { length } = disk.contents(FIRST_SEGMENT)
      disk.operations = []
      await append(writer, 1)
      const { position, size } = disk.operations.find(({ kind }) => kind === 'writeDurable')!
      expect(position + size).toBeLessThanOrEqual(length)
      await settle()
    }
    expect(disk.contents(FIRST_SEGMENT).length).toBeGreaterThan(16 * 1024)
  })

  test('is given back when a segment is closed, and is none when not wanted', async () => {
    const disk = newDisk()
    const log = await openLog({ disk, segmentSize: 64 * 1024, preallocateSize: 0 })
    await using writer = await log.acquire()
    for (let index = 0; index < 20; index++) await append(writer, 1)
    const size = disk.contents(FIRST_SEGMENT).length
    expect(disk.contents(FIRST_SEGMENT).at(size - 8)).toBeDefined()
    await writer.roll()
    expect(disk.contents(FIRST_SEGMENT)).toHaveLength(size + 40)
  })

  test('that is being made is never overtaken by a frame', async () => {
    const disk = newDisk()
    const log = await openLog({ disk, segmentSize: 256 * 1024, preallocateSize: 8 * 1024 })
    await using writer = await log.acquire()
    // More than half of the zeroed space is used, so that the next is begun, and held.
    const release = hold(disk, 'write')
    await append(writer, 50, 200)
    const held = Promise.resolve(writer.append(50, batch(51, 60, 200)))
    let isDone = false
    void held.then(() => (isDone = true))
    await settle()
    expect(isDone).toBe(false)
    release()
    expect((await held).outcome).toBe('durable')
    expect(await readAll(log, 1, 200)).toEqual({ firstLsn: 1, lastLsn: 110 })
  })
})

describe('the first error', () => {
  test('poisons the log: all answers are unknown, and no writer can be had any more', async () => {
    const disk = newDisk()
    const log = await openLog({ disk })
    const failures: Error[] = []
    const writer = await log.acquire({ failed: (cause) => failures.push(cause) })
    await append(writer, 1)
    disk.failAt(1, 'EIO', 'once')
    const outcome = await writer.append(1, batch(2, 1, 100))
    expect(outcome).toMatchObject({ outcome: 'unknown', cause: { code: 'STORAGE_FAILED' } })
    disk.operations = []
    expect(await writer.append(1, batch(2, 1, 100))).toEqual(outcome)
    expect(await writer.sync()).toEqual(outcome)
    expect(await refusalOf(writer.roll())).toMatch(/^STORE_POISONED: .*EIO/)
    expect(await refusalOf(log.acquire())).toMatch(/^STORE_POISONED: .*EIO/)
    await writer.close()
    expect(disk.operations.filter(({ kind }) => kind !== 'close')).toEqual([])
    expect(failures).toHaveLength(1)
    expect(writer.durableLsn).toBe(1)
  })

  test('of a sync is final: it is not tried again', async () => {
    const disk = newDisk()
    const log = await openLog({ disk, durability: 'os' })
    const writer = await log.acquire()
    await append(writer, 1)
    disk.failAt(1, 'EIO', 'once')
    disk.operations = []
    expect((await writer.sync()).outcome).toBe('unknown')
    expect(disk.operations.map(({ kind }) => kind)).toEqual(['sync'])
    expect(writer.durableLsn).toBe(0)
  })

  test('of a sync in the background is told at once, and no append succeeds after it', async () => {
    const disk = newDisk()
    const log = await openLog({ disk, durability: 'interval', inThreadSyncMsMax: 0 })
    const failed = vi.fn<() => void>()
    const writer = await log.acquire({ failed })
    await append(writer, 1)
    const release = hold(disk, 'write')
    const appended = append(writer, 1)
    await settle()
    disk.failAt(1, 'EIO', 'once')
    vi.advanceTimersByTime(1000)
    await settle()
    expect(failed).toHaveBeenCalledOnce()
    release()
    expect(await appended).toBe('unknown')
    expect(await append(writer, 1)).toBe('unknown')
    vi.advanceTimersByTime(10_000)
    await writer.close()
    expect(failed).toHaveBeenCalledOnce()
  })

  test('of a sync in the background ends a sync and a roll that wait for it', async () => {
    const disk = newDisk()
    const log = await openLog({ disk, durability: 'interval' })
    const writer = await log.acquire()
    await append(writer, 1)
    disk.failAt(1, 'EIO', 'once')
    vi.advanceTimersByTime(1000)
    const [synced, rolled] = await Promise.all([writer.sync(), refusalOf(writer.roll())])
    expect(synced.outcome).toBe('unknown')
    expect(rolled).toMatch(/^STORE_POISONED/)
    await writer.close()
  })

  test('of the watermark, and of the zeroing ahead, poisons too', async () => {
    const disk = newDisk()
    const failed = vi.fn<() => void>()
    const writer = await (await openLog({ disk })).acquire({ failed })
    await append(writer, 1)
    disk.failAt(1, 'EROFS', 'once')
    vi.advanceTimersByTime(2000)
    await settle()
    expect(failed).toHaveBeenCalledOnce()
    expect(await append(writer, 1)).toBe('unknown')

    const other = newDisk()
    const failedToo = vi.fn<() => void>()
    const log = await openLog({ disk: other, preallocateSize: 4096 })
    const careless = await log.acquire({ failed: failedToo })
    other.failAt(2, 'ENOSPC', 'once')
    await append(careless, 40)
    await settle()
    expect(failedToo).toHaveBeenCalledOnce()
    expect(await append(careless, 1)).toBe('unknown')
  })

  test('of taking the seal back leaves a log without a writer', async () => {
    const disk = newDisk()
    const log = await openLog({ disk })
    disk.operations = []
    await (await log.acquire()).close()
    const { length } = disk.operations
    for (let index = 1; index < length; index++) {
      const again = newDisk()
      const other = await openLog({ disk: again })
      again.failAt(index, 'EIO', 'once')
      const refusal = await refusalOf(other.acquire().then((writer) => writer.close()))
      expect(refusal).toMatch(/^STOR/)
      expect(await refusalOf(other.acquire())).toMatch(/^STORE_POISONED/)
    }
  })

  test('of becoming the writer ends the writer before it too', async () => {
    const disk = newDisk()
    const log = await openLog({ disk })
    const writer = await log.acquire()
    // Behind the two files that the first writer closes.
    disk.failAt(3, 'EIO', 'once')
    expect(await refusalOf(log.acquire())).toMatch(/^STORAGE_FAILED: .* becoming the writer/)
    expect(await append(writer, 1)).toBe('unknown')
  })

  test('while segments are removed is told, and removes no more', async () => {
    const disk = newDisk()
    const log = await openLog({ disk })
    await using writer = await log.acquire()
    for (let segment = 0; segment < 3; segment++) {
      await append(writer, 1)
      await writer.roll()
    }
    disk.failAt(2, 'EIO', 'once')
    expect(await refusalOf(log.truncate(3))).toMatch(
      /^STORAGE_FAILED: .* removing 0000000000000001.log/,
    )
    expect(disk.paths()).toContain(`${DIRECTORY}/0000000000000002.log`)
    expect([log.firstLsn, await readAll(log, 2)]).toEqual([2, { firstLsn: 2, lastLsn: 3 }])
  })

  test('while reading or following is told, and harms nobody', async () => {
    const disk = newDisk()
    const log = await openLog({ disk })
    await using writer = await log.acquire()
    await append(writer, 1)
    for (let index = 1; index <= 4; index++) {
      disk.failAt(index, 'EIO', 'once')
      expect(await refusalOf(readAll(log))).toMatch(/^STORAGE_FAILED/)
      disk.failAt(index, 'EIO', 'once')
      const { signal } = new AbortController()
      const step = log.follow(0, signal)[Symbol.asyncIterator]().next()
      expect(await refusalOf(step)).toMatch(/^STORAGE_FAILED/)
    }
    disk.heal()
    expect(await append(writer, 1)).toBe('durable')
    expect(await readAll(log)).toEqual({ firstLsn: 1, lastLsn: 2 })
  })
})

test('what a read has to go through is known in bytes', async () => {
  const disk = newDisk()
  const log = await openLog({ disk })
  const writer = await log.acquire()
  expect(log.sizeAfter(0)).toBe(0)
  await append(writer, 5)
  await writer.roll()
  await append(writer, 5)
  const first = disk.contents(FIRST_SEGMENT).length
  const all = log.sizeAfter(0)
  expect(all).toBeGreaterThan(first)
  expect([log.sizeAfter(4), log.sizeAfter(5), log.sizeAfter(9)]).toEqual([
    all,
    all - first,
    all - first,
  ])
  expect(log.sizeAfter(10)).toBe(0)
  await log.close()
  expect((await openLog({ disk })).sizeAfter(0)).toBe(all)
})

test('a log can begin at any LSN, and says when it began', async () => {
  const disk = newDisk()
  const clock = { now: () => 1234567890123 }
  const log = await openLog({ disk, clock, createAtLsn: 101, snapshotLsn: 100 })
  const header = decodeSegmentHeader(disk.contents(`${DIRECTORY}/0000000000000101.log`))
  expect(header).toMatchObject({ storeId: log.storeId, firstLsn: 101, createdAt: clock.now() })
  expect([log.firstLsn, log.lastLsn]).toEqual([101, 100])
  const writer = await log.acquire()
  await append(writer, 2)
  await writer.close()
  expect((await openLog({ disk, createAtLsn: 101 })).lastLsn).toBe(102)
  expect(await refusalOf(openLog({ disk: newDisk(), snapshotLsn: 7 }))).toMatch(
    /^LOG_BEHIND_SNAPSHOT/,
  )
})

test('without settings a segment is 64 MiB, with 4 MiB of zeros ahead', async () => {
  const disk = newDisk()
  const log = await LocalLog.open({ disk, directory: DIRECTORY, watermarkFile: WATERMARK })
  await using writer = await log.acquire()
  for (let index = 0; index < 20; index++) expect(await append(writer, 2)).toBe('durable')
  expect(disk.contents(FIRST_SEGMENT)).toHaveLength(4096 + 4 * 1024 * 1024)
})

test('what is no segment is left alone', async () => {
  const disk = newDisk()
  for (const name of ['README', '1.log', '0000000000000000.log', '9999999999999999.log']) {
    disk.place(`${DIRECTORY}/${name}`, Buffer.from('not ours'))
  }
  const log = await openLog({ disk })
  expect([log.firstLsn, log.lastLsn]).toEqual([1, 0])
  expect(disk.contents(`${DIRECTORY}/README`).toString()).toBe('not ours')
})
