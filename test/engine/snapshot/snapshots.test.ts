// The snapshots of a directory as the store uses them: take, load, fall back, verify.

import { unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { NodeDisk } from '../../../src/engine/disk.ts'
import { beforeImages } from '../../../src/engine/memory/before-images.ts'
import { Memory } from '../../../src/engine/memory/memory.ts'
import { CLEAN, PAGE_SIZE } from '../../../src/engine/memory/region.ts'
import { describeFile } from '../../../src/engine/snapshot/description.ts'
import {
  copyOf,
  differenceFrom,
  fillPages,
  scribble,
  writeByte,
} from '../../support/scribbled-memory.ts'
import { seededTest } from '../../support/seeded.ts'
import {
  fileName,
  filledMemory,
  load,
  SIZE_MAX,
  SnapshotDirectory,
  STORE_ID,
  takeRequest,
  TIME,
} from '../../support/snapshot-directory.ts'
import type { LoadProgress } from '../../../src/engine/snapshot/loader.ts'
import type { TakeRequest } from '../../../src/engine/snapshot/snapshots.ts'

let place: SnapshotDirectory

beforeEach(async () => {
  place = await SnapshotDirectory.make()
})

afterEach(async () => {
  await place.remove()
})

describe('a snapshot', () => {
  it('is absent from an empty directory, which is made', async () => {
    const snapshots = await place.open({ directory: join(place.path, 'a/b') })
    expect(await load(snapshots)).toEqual({ loaded: undefined, skipped: [] })
    expect([snapshots.newestLsn(), snapshots.oldestLsn()]).toEqual([undefined, undefined])
  })

  it('comes back as it was, with clean pages', async () => {
    const memory = filledMemory()
    const snapshots = await place.open()
    const taken = await snapshots.take(takeRequest(memory, 18_293))
    expect(taken).toMatchObject({ lsn: 18_293, taken: true, pagesWritten: 40 })
    expect(await place.names()).toEqual([fileName(18_293, 'manifest'), fileName(18_293, 'pages')])

    const progress: LoadProgress[] = []
    const { loaded, skipped } = await (
      await place.open()
    ).load({
      storeId: STORE_ID,
      memory: () => new Memory(),
      progress: (step) => progress.push(step),
    })
    expect(skipped).toEqual([])
    expect(differenceFrom(copyOf(memory), loaded!.memory)).toBe(undefined)
    expect({ ...loaded, memory: undefined }).toEqual({
      lsn: 18_293,
      storeId: STORE_ID,
      schema: { tables: ['a'] },
      layout: 1,
      memory: undefined,
      time: TIME,
    })
    const sizes = loaded!.memory.regions().map(({ shared }) => shared.maxByteLength)
    expect(sizes).toEqual([SIZE_MAX, SIZE_MAX, SIZE_MAX / 2])
    for (const { states } of loaded!.memory.regions()) {
      expect(states.every((state) => state === CLEAN)).toBe(true)
    }
    expect(progress.at(-1)).toEqual({ bytesDone: 40 * PAGE_SIZE, bytesTotal: 40 * PAGE_SIZE })
    expect(place.lines).toEqual([])
  })

  it('is chosen by LSN or by time', async () => {
    let now = TIME
    const memory = filledMemory()
    const snapshots = await place.open({ clock: { now: () => now } })
    for (let lsn = 10; lsn <= 30; lsn += 10) {
      await snapshots.take(takeRequest(memory, lsn))
      now += 1000
    }
    const chosen = async (maxLsn?: number, maxTime?: number): Promise<number | undefined> => {
      const again = await place.open({ readOnly: true })
      const { loaded, skipped } = await again.load({ memory: () => new Memory(), maxLsn, maxTime })
      expect(skipped).toEqual([])
      return loaded?.lsn
    }
    expect([await chosen(30), await chosen(29), await chosen(9)]).toEqual([30, 20, undefined])
    expect([await chosen(undefined, TIME + 1000), await chosen(30, TIME - 1)]).toEqual([
      20,
      undefined,
    ])
  })

  it('of an empty memory, and of one with zero pages only, has no pages file', async () => {
    const memory = new Memory()
    const snapshots = await place.open()
    expect(await snapshots.take(takeRequest(memory, 0))).toMatchObject({
      taken: true,
      pagesWritten: 0,
    })
    writeByte(memory.region('a', SIZE_MAX), 5 * PAGE_SIZE, 0)
    expect(await snapshots.take(takeRequest(memory, 1))).toMatchObject({
      taken: true,
      pagesWritten: 0,
    })
    expect(await place.namesOf('pages')).toEqual([])
    expect(differenceFrom(copyOf(memory), await place.reloaded())).toBe(undefined)
    expect(differenceFrom(new Map(), await place.reloaded(0))).toBe(undefined)
  })

  it('writes only what was written to since the one before, also after a restart', async () => {
    const memory = filledMemory()
    const snapshots = await place.open()
    await snapshots.take(takeRequest(memory, 1))
    writeByte(memory.region('1/arena', SIZE_MAX), 3 * PAGE_SIZE + 7, 99)
    writeByte(memory.region('1/arena', SIZE_MAX), 3 * PAGE_SIZE + 8, 99)
    writeByte(memory.region('2/column', SIZE_MAX), 12 * PAGE_SIZE, 99)
    expect(await snapshots.take(takeRequest(memory, 2))).toMatchObject({ pagesWritten: 2 })
    expect(differenceFrom(copyOf(memory), await place.reloaded())).toBe(undefined)

    const again = await place.open()
    const { loaded } = await load(again)
    writeByte(loaded!.memory.region('1/column', SIZE_MAX), 0, 98)
    expect(await again.take(takeRequest(loaded!.memory, 3))).toMatchObject({ pagesWritten: 1 })
    expect(differenceFrom(copyOf(loaded!.memory), await place.reloaded())).toBe(undefined)
  })

  it('gives a page that became zero no place', async () => {
    const memory = filledMemory()
    const snapshots = await place.open()
    await snapshots.take(takeRequest(memory, 1))
    const region = memory.region('1/arena', SIZE_MAX)
    region.touch(4)
    region.bytes.fill(0, 4 * PAGE_SIZE, 5 * PAGE_SIZE)
    expect(await snapshots.take(takeRequest(memory, 2))).toMatchObject({ pagesWritten: 0 })
    expect(differenceFrom(copyOf(memory), await place.reloaded())).toBe(undefined)
  })

  it('at the newest LSN is not taken again, unless schema or layout differ', async () => {
    const memory = filledMemory()
    const snapshots = await place.open()
    await snapshots.take(takeRequest(memory, 7))
    expect(await snapshots.take(takeRequest(memory, 7))).toMatchObject({ taken: false, lsn: 7 })
    expect((await place.names()).length).toBe(2)
    expect(await snapshots.take(takeRequest(memory, 7, { layout: 2 }))).toMatchObject({
      taken: true,
      pagesWritten: 0,
    })
    expect(await place.namesOf('manifest')).toEqual([
      '0000000000000007-2.manifest',
      fileName(7, 'manifest'),
    ])
    expect(await snapshots.take(takeRequest(memory, 7, { layout: 2, schema: null }))).toMatchObject(
      {
        taken: true,
      },
    )
    const { loaded } = await load(await place.open())
    expect(loaded).toMatchObject({ lsn: 7, layout: 2, schema: null })
  })

  it('that would be older than the newest one is our mistake', async () => {
    const memory = filledMemory()
    const snapshots = await place.open()
    await snapshots.take(takeRequest(memory, 7))
    await expect(snapshots.take(takeRequest(memory, 6))).rejects.toThrow('not older')
    await expect(
      (await place.open({ readOnly: true })).take(takeRequest(memory, 8)),
    ).rejects.toThrow('reading')
    const first = snapshots.take(takeRequest(memory, 8))
    await expect(snapshots.take(takeRequest(memory, 8))).rejects.toThrow('one at a time')
    await first
  })
})

describe('while a snapshot is taken', () => {
  seededTest('nothing written since it began gets into it', async (random) => {
    const directory = join(place.path, String(random.word()))
    const memory = filledMemory()
    const snapshots = await place.open({ directory })
    for (let lsn = 1; lsn <= 4; lsn++) {
      scribble(memory, random, random.below(40))
      const copy = copyOf(memory)
      const state = { running: true }
      const taken = snapshots.take(takeRequest(memory, lsn)).finally(() => (state.running = false))
      while (state.running) {
        scribble(memory, random, random.below(10))
        await new Promise(setImmediate)
      }
      await taken
      const { loaded, skipped } = await load(await place.open({ directory, readOnly: true }))
      expect(skipped).toEqual([])
      expect(differenceFrom(copy, loaded!.memory), `lsn ${lsn}`).toBe(undefined)
    }
  })

  it('pages saved aside are taken first when there are many', async () => {
    const memory = new Memory()
    const region = memory.region('a', SIZE_MAX)
    fillPages(region, 0, 1100, 5)
    const copy = copyOf(memory)
    const taken = (await place.open()).take(takeRequest(memory, 1))
    fillPages(region, 0, 1100, 6)
    expect(region.beforeImageCount).toBe(1100)
    expect(await taken).toMatchObject({ pagesWritten: 1100 })
    expect(region.beforeImageCount).toBe(0)
    expect(differenceFrom(copy, await place.reloaded())).toBe(undefined)
  })

  it('room for pages saved aside is made before and given up afterwards', async () => {
    const memory = filledMemory()
    const snapshots = await place.open()
    await snapshots.prepare(memory)
    expect(beforeImages.freeCount).toBe(48)
    const copy = copyOf(memory)
    const taken = snapshots.take(takeRequest(memory, 1))
    fillPages(memory.region('1/arena', SIZE_MAX), 0, 20, 9)
    expect(beforeImages.freeCount).toBe(28)
    await taken
    expect(beforeImages.freeCount).toBe(0)
    expect(differenceFrom(copy, await place.reloaded())).toBe(undefined)

    const large = new Memory()
    fillPages(large.region('a', SIZE_MAX), 0, 2100, 1)
    await snapshots.prepare(large)
    expect(beforeImages.freeCount).toBe(2048)
    beforeImages.release()
  })

  it('a region that is made, dropped or grown belongs to the next one', async () => {
    const memory = filledMemory()
    const snapshots = await place.open()
    const copy = copyOf(memory)
    const taken = snapshots.take(takeRequest(memory, 1))
    memory.adopt(memory.stage(new Set(['1/arena'])))
    fillPages(memory.region('3/column', SIZE_MAX), 0, 2, 7)
    fillPages(memory.region('2/column', SIZE_MAX), 10, 5, 8)
    await taken
    expect(differenceFrom(copy, await place.reloaded())).toBe(undefined)
    expect(await snapshots.take(takeRequest(memory, 2))).toMatchObject({ pagesWritten: 7 })
    expect(differenceFrom(copyOf(memory), await place.reloaded())).toBe(undefined)
  })

  it('a region made anew under the same key has none of the old pages', async () => {
    const memory = filledMemory()
    const snapshots = await place.open()
    await snapshots.take(takeRequest(memory, 1))
    memory.adopt(memory.stage(new Set(['1/arena'])))
    fillPages(memory.region('1/arena', SIZE_MAX), 5, 1, 7)
    expect(await snapshots.take(takeRequest(memory, 2))).toMatchObject({ pagesWritten: 1 })
    expect(differenceFrom(copyOf(memory), await place.reloaded())).toBe(undefined)
  })

  it('its manifest waits until the log is durable', async () => {
    const memory = filledMemory()
    const snapshots = await place.open()
    let names: string[] = []
    const durable = async (): Promise<void> => {
      await new Promise(setImmediate)
      names = await place.names()
    }
    await snapshots.take(takeRequest(memory, 1, { durable }))
    expect(names).toEqual([fileName(1, 'pages')])
  })

  it('a memory handed over by another thread is written whole', async () => {
    const memory = filledMemory()
    const snapshots = await place.open()
    await snapshots.take(takeRequest(memory, 1))
    const handedOver = new Memory(memory.handle())
    expect(await snapshots.take(takeRequest(handedOver, 2))).toMatchObject({ pagesWritten: 40 })
    expect(differenceFrom(copyOf(memory), await place.reloaded())).toBe(undefined)
  })
})

describe('a snapshot that is given up', () => {
  async function expectGivenUp(more: Partial<TakeRequest>, message: string): Promise<void> {
    const memory = filledMemory()
    const snapshots = await place.open()
    await snapshots.take(takeRequest(memory, 1))
    const copy = copyOf(memory)
    fillPages(memory.region('1/arena', SIZE_MAX), 0, 20, 77)
    await expect(snapshots.take(takeRequest(memory, 2, more))).rejects.toThrow(message)
    expect(await place.names()).toEqual([fileName(1, 'manifest'), fileName(1, 'pages')])
    expect(differenceFrom(copy, await place.reloaded())).toBe(undefined)
    expect(await snapshots.take(takeRequest(memory, 2))).toMatchObject({ pagesWritten: 20 })
    expect(differenceFrom(copyOf(memory), await place.reloaded())).toBe(undefined)
  }

  it('because the log failed leaves no trace', async () => {
    const durable = async (): Promise<void> => Promise.reject(new Error('the log is poisoned'))
    await expectGivenUp({ durable }, 'the log is poisoned')
  })

  it('because of a signal before it began leaves no trace', async () => {
    await expectGivenUp({ signal: AbortSignal.abort(new Error('closing')) }, 'closing')
  })

  it('because of a signal while it waits for the log leaves no trace', async () => {
    const controller = new AbortController()
    const durable = (): Promise<void> => {
      setImmediate(() => controller.abort(new Error('closing')))
      return new Promise(() => {})
    }
    await expectGivenUp({ signal: controller.signal, durable }, 'closing')
  })

  it('because of a signal while pages are written leaves no trace', async () => {
    const controller = new AbortController()
    setImmediate(() => controller.abort(new Error('closing')))
    await expectGivenUp({ signal: controller.signal }, 'closing')
  })

  it('because the disk is nearly full says so', async () => {
    const snapshots = await place.open({ freeSizeMin: 2 ** 52 })
    await expect(snapshots.take(takeRequest(filledMemory(), 1))).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      message: expect.stringContaining('are left to the log') as string,
    })
    expect(await place.names()).toEqual([])
  })
})

describe('of the files of a directory', () => {
  it('the newest snapshots are kept, and all that they refer to', async () => {
    const memory = filledMemory()
    const snapshots = await place.open({ keepCount: 2 })
    const copies: Map<string, Buffer>[] = []
    for (let lsn = 1; lsn <= 5; lsn++) {
      writeByte(memory.region('1/arena', SIZE_MAX), lsn * PAGE_SIZE, lsn)
      copies.push(copyOf(memory))
      await snapshots.take(takeRequest(memory, lsn))
    }
    expect(await place.namesOf('manifest')).toEqual([
      fileName(4, 'manifest'),
      fileName(5, 'manifest'),
    ])
    expect(await place.namesOf('pages')).toEqual(
      [1, 2, 3, 4, 5].map((lsn) => fileName(lsn, 'pages')),
    )
    expect([snapshots.oldestLsn(), snapshots.newestLsn()]).toEqual([4, 5])
    for (const lsn of [4, 5]) {
      expect(differenceFrom(copies[lsn - 1]!, await place.reloaded(lsn))).toBe(undefined)
    }
    expect((await load(await place.open(), 3)).loaded).toBe(undefined)
  })

  it('mostly stale ones are given up, and the smallest when there are too many', async () => {
    const memory = filledMemory()
    const snapshots = await place.open({ keepCount: 1 })
    await snapshots.take(takeRequest(memory, 1))
    fillPages(memory.region('1/arena', SIZE_MAX), 0, 20, 50)
    expect(await snapshots.take(takeRequest(memory, 2))).toMatchObject({ pagesWritten: 20 })
    writeByte(memory.region('1/column', SIZE_MAX), 10 * PAGE_SIZE, 51)
    expect(await snapshots.take(takeRequest(memory, 3))).toMatchObject({ pagesWritten: 1 })
    // 19 of 40 pages of the first file are used now: the next snapshot takes them along.
    expect(await place.namesOf('pages')).toContain(fileName(1, 'pages'))
    expect(await snapshots.take(takeRequest(memory, 4))).toMatchObject({ pagesWritten: 19 })
    expect(await place.namesOf('pages')).toEqual([2, 3, 4].map((lsn) => fileName(lsn, 'pages')))

    const region = memory.region('many', SIZE_MAX)
    for (let lsn = 5; lsn < 100; lsn++) {
      fillPages(region, lsn * 2, 2, lsn)
      await snapshots.take(takeRequest(memory, lsn))
      expect((await place.namesOf('pages')).length).toBeLessThanOrEqual(64)
    }
    expect((await place.namesOf('pages')).length).toBe(64)
    expect(await place.namesOf('pages')).not.toContain(fileName(3, 'pages'))
    expect(differenceFrom(copyOf(memory), await place.reloaded())).toBe(undefined)
  })

  it('what crashed attempts left is deleted, what is not ours is not touched', async () => {
    const memory = filledMemory()
    await (await place.open()).take(takeRequest(memory, 5))
    const leftovers = [fileName(4, 'pages'), fileName(9, 'manifest.partial'), fileName(9, 'pages')]
    const others = ['README', '9.pages', fileName(3, 'log')]
    for (const name of [...leftovers, ...others]) await writeFile(join(place.path, name), 'x')
    await place.open({ readOnly: true })
    expect((await place.names()).length).toBe(8)
    const snapshots = await place.open()
    expect(place.lines.toSorted()).toEqual(
      leftovers
        .map((name) => `Snapshot file ${name} is deleted: no finished snapshot needs it.`)
        .toSorted(),
    )
    const left = [fileName(5, 'manifest'), fileName(5, 'pages'), ...others]
    expect(await place.names()).toEqual(left.toSorted())
    expect((await load(snapshots)).loaded?.lsn).toBe(5)
  })

  it('each can be described', async () => {
    const memory = filledMemory()
    const snapshots = await place.open()
    await snapshots.take(takeRequest(memory, 1))
    writeByte(memory.region('1/arena', SIZE_MAX), 0, 9)
    await snapshots.take(takeRequest(memory, 2))
    const disk = new NodeDisk()
    const common = { formatVersion: 1, storeId: STORE_ID, lsn: 2, time: TIME }
    expect(await describeFile(disk, join(place.path, fileName(2, 'manifest')))).toEqual({
      kind: 'manifest',
      ...common,
      layout: 1,
      schema: { tables: ['a'] },
      regions: [
        { key: '1/arena', pageCount: 20, zeroPageCount: 0, sizeMax: SIZE_MAX },
        { key: '1/column', pageCount: 20, zeroPageCount: 10, sizeMax: SIZE_MAX },
        { key: '2/column', pageCount: 10, zeroPageCount: 0, sizeMax: SIZE_MAX / 2 },
      ],
      files: [
        { name: fileName(1, 'pages'), pageCount: 40, usedPageCount: 39 },
        { name: fileName(2, 'pages'), pageCount: 1, usedPageCount: 1 },
      ],
    })
    expect(await describeFile(disk, join(place.path, fileName(2, 'pages')))).toEqual({
      kind: 'pages',
      ...common,
      pageCount: 1,
    })
    fillPages(memory.region('1/arena', SIZE_MAX), 0, 1, 10)
    await snapshots.take(takeRequest(memory, 3))
    expect(await describeFile(disk, join(place.path, fileName(3, 'manifest')))).toMatchObject({
      files: [{ name: fileName(1, 'pages') }, { name: fileName(3, 'pages'), usedPageCount: 1 }],
    })
    expect(await describeFile(disk, join(place.path, 'notes.txt'))).toBe(undefined)
    for (const kind of ['manifest', 'pages']) {
      await place.flipBit(fileName(2, kind), 33)
      const path = join(place.path, fileName(2, kind))
      expect(await describeFile(disk, path)).toMatchObject({ name: fileName(2, kind), offset: 60 })
      await unlink(path)
      expect(await describeFile(disk, path)).toMatchObject({
        fault: expect.stringContaining('ENOENT') as string,
      })
    }
  })
})
