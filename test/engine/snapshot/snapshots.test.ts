import { mkdtemp, readdir, readFile, rm, truncate, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { NodeDisk } from '../../../src/engine/disk.ts'
import { Memory } from '../../../src/engine/memory/memory.ts'
import { CLEAN, PAGE_SIZE } from '../../../src/engine/memory/region.ts'
import { describeFile } from '../../../src/engine/snapshot/description.ts'
import { pageOffset } from '../../../src/engine/snapshot/pages-file.ts'
import { openSnapshots } from '../../../src/engine/snapshot/snapshots.ts'
import {
  copyOf,
  differenceFrom,
  fillPages,
  scribble,
  seededChance,
  writeByte,
} from '../../support/scribbled-memory.ts'
import type { LoadProgress } from '../../../src/engine/snapshot/loader.ts'
import type {
  LoadOutcome,
  Snapshots,
  SnapshotsOptions,
  TakeRequest,
} from '../../../src/engine/snapshot/snapshots.ts'

const STORE_ID = '00112233445566778899aabbccddeeff'
const FOREIGN_ID = 'ffeeddccbbaa99887766554433221100'
const SIZE_MAX = 2 ** 32
const TIME = 1_790_000_000_000

let directory: string
let lines: string[]

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'snapshots-'))
  lines = []
})

afterEach(async () => {
  await rm(directory, { recursive: true })
})

function open(options: Partial<SnapshotsOptions> = {}): Promise<Snapshots> {
  return openSnapshots({
    disk: new NodeDisk(),
    directory,
    report: (line) => lines.push(line),
    clock: { now: () => TIME },
    ...options,
  })
}

function request(memory: Memory, lsn: number, more: Partial<TakeRequest> = {}): TakeRequest {
  const durable = async (): Promise<void> => {}
  return { memory, lsn, storeId: STORE_ID, schema: { tables: ['a'] }, layout: 1, durable, ...more }
}

function load(snapshots: Snapshots, maxLsn?: number): Promise<LoadOutcome> {
  return snapshots.load({ storeId: STORE_ID, memory: () => new Memory(), maxLsn })
}

/** Three regions, 40 pages of them written to. */
function filledMemory(): Memory {
  const memory = new Memory()
  fillPages(memory.region('1/arena', SIZE_MAX), 0, 20, 1)
  fillPages(memory.region('1/column', SIZE_MAX), 10, 10, 2)
  fillPages(memory.region('2/column', SIZE_MAX / 2), 0, 10, 3)
  return memory
}

async function filesOf(kind: string): Promise<string[]> {
  return (await readdir(directory)).filter((name) => name.endsWith(kind)).toSorted()
}

function nameOf(lsn: number, kind: string): string {
  return `${String(lsn).padStart(16, '0')}.${kind}`
}

async function flipBit(name: string, offset: number, bit = 0): Promise<void> {
  const path = join(directory, name)
  const bytes = await readFile(path)
  bytes[offset]! ^= 1 << bit
  await writeFile(path, bytes)
}

/** What the newest snapshot of the directory loads as, by a process that has not seen it before. */
async function reloaded(maxLsn?: number): Promise<Memory> {
  const { loaded } = await load(await open({ readOnly: true }), maxLsn)
  return loaded!.memory
}

describe('a snapshot', () => {
  it('is absent from an empty directory, which is made', async () => {
    const snapshots = await open({ directory: join(directory, 'a/b') })
    expect(await load(snapshots)).toEqual({ loaded: undefined, skipped: [] })
    expect([snapshots.newestLsn(), snapshots.oldestLsn()]).toEqual([undefined, undefined])
  })

  it('comes back as it was, with clean pages', async () => {
    const memory = filledMemory()
    const snapshots = await open()
    const taken = await snapshots.take(request(memory, 18_293))
    expect(taken).toMatchObject({ lsn: 18_293, taken: true, pagesWritten: 40 })
    expect(await readdir(directory)).toEqual([nameOf(18_293, 'manifest'), nameOf(18_293, 'pages')])

    const progress: LoadProgress[] = []
    const { loaded, skipped } = await (await open()).load({
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
    expect(lines).toEqual([])
  })

  it('of an empty memory, and of one with zero pages only, has no pages file', async () => {
    const memory = new Memory()
    const snapshots = await open()
    expect(await snapshots.take(request(memory, 0))).toMatchObject({ taken: true, pagesWritten: 0 })
    writeByte(memory.region('a', SIZE_MAX), 5 * PAGE_SIZE, 0)
    expect(await snapshots.take(request(memory, 1))).toMatchObject({ taken: true, pagesWritten: 0 })
    expect(await filesOf('pages')).toEqual([])
    expect(differenceFrom(copyOf(memory), await reloaded())).toBe(undefined)
    expect(differenceFrom(new Map(), await reloaded(0))).toBe(undefined)
  })

  it('writes only pages that were written to since the one before, also after a restart', async () => {
    const memory = filledMemory()
    const snapshots = await open()
    await snapshots.take(request(memory, 1))
    writeByte(memory.region('1/arena', SIZE_MAX), 3 * PAGE_SIZE + 7, 99)
    writeByte(memory.region('1/arena', SIZE_MAX), 3 * PAGE_SIZE + 8, 99)
    writeByte(memory.region('2/column', SIZE_MAX), 12 * PAGE_SIZE, 99)
    expect(await snapshots.take(request(memory, 2))).toMatchObject({ pagesWritten: 2 })
    expect(differenceFrom(copyOf(memory), await reloaded())).toBe(undefined)

    const again = await open()
    const { loaded } = await load(again)
    writeByte(loaded!.memory.region('1/column', SIZE_MAX), 0, 98)
    expect(await again.take(request(loaded!.memory, 3))).toMatchObject({ pagesWritten: 1 })
    expect(differenceFrom(copyOf(loaded!.memory), await reloaded())).toBe(undefined)
  })

  it('gives a page that became zero no place', async () => {
    const memory = filledMemory()
    const snapshots = await open()
    await snapshots.take(request(memory, 1))
    const region = memory.region('1/arena', SIZE_MAX)
    region.touch(4)
    region.bytes.fill(0, 4 * PAGE_SIZE, 5 * PAGE_SIZE)
    expect(await snapshots.take(request(memory, 2))).toMatchObject({ pagesWritten: 0 })
    expect(differenceFrom(copyOf(memory), await reloaded())).toBe(undefined)
  })

  it('at the LSN of the newest one is not taken again, unless schema or layout differ', async () => {
    const memory = filledMemory()
    const snapshots = await open()
    await snapshots.take(request(memory, 7))
    expect(await snapshots.take(request(memory, 7))).toMatchObject({ taken: false, lsn: 7 })
    expect((await readdir(directory)).length).toBe(2)
    expect(await snapshots.take(request(memory, 7, { layout: 2 }))).toMatchObject({
      taken: true,
      pagesWritten: 0,
    })
    expect(await filesOf('manifest')).toEqual(['0000000000000007-2.manifest', nameOf(7, 'manifest')])
    expect(await snapshots.take(request(memory, 7, { layout: 2, schema: null }))).toMatchObject({
      taken: true,
    })
    const { loaded } = await load(await open())
    expect(loaded).toMatchObject({ lsn: 7, layout: 2, schema: null })
  })

  it('that would be older than the newest one is our mistake', async () => {
    const memory = filledMemory()
    const snapshots = await open()
    await snapshots.take(request(memory, 7))
    await expect(snapshots.take(request(memory, 6))).rejects.toThrow('not older')
    await expect((await open({ readOnly: true })).take(request(memory, 8))).rejects.toThrow('reading')
    const first = snapshots.take(request(memory, 8))
    await expect(snapshots.take(request(memory, 8))).rejects.toThrow('one at a time')
    await first
  })
})

describe('while a snapshot is taken', () => {
  it('nothing written since it began gets into it (random)', async () => {
    for (let seed = 1; seed <= 8; seed++) {
      const chance = seededChance(seed)
      const memory = filledMemory()
      const snapshots = await open({ directory: join(directory, String(seed)) })
      for (let lsn = 1; lsn <= 6; lsn++) {
        scribble(memory, chance, Math.floor(chance() * 40))
        const copy = copyOf(memory)
        let running = true
        const taken = snapshots.take(request(memory, lsn)).finally(() => (running = false))
        while (running) {
          scribble(memory, chance, Math.floor(chance() * 10))
          await new Promise(setImmediate)
        }
        await taken
        const again = await open({ directory: join(directory, String(seed)), readOnly: true })
        const { loaded } = await load(again)
        expect(differenceFrom(copy, loaded!.memory), `seed ${seed}, lsn ${lsn}`).toBe(undefined)
      }
    }
  })

  it('pages saved aside are taken first when there are many', async () => {
    const memory = new Memory()
    const region = memory.region('a', SIZE_MAX)
    fillPages(region, 0, 1100, 5)
    const copy = copyOf(memory)
    const taken = (await open()).take(request(memory, 1))
    fillPages(region, 0, 1100, 6)
    expect(region.beforeImageCount).toBe(1100)
    expect(await taken).toMatchObject({ pagesWritten: 1100 })
    expect(region.beforeImageCount).toBe(0)
    expect(differenceFrom(copy, await reloaded())).toBe(undefined)
  })

  it('a region that is made, dropped or grown belongs to the next one', async () => {
    const memory = filledMemory()
    const snapshots = await open()
    const copy = copyOf(memory)
    const taken = snapshots.take(request(memory, 1))
    memory.drop('1/arena')
    fillPages(memory.region('3/column', SIZE_MAX), 0, 2, 7)
    fillPages(memory.region('2/column', SIZE_MAX), 10, 5, 8)
    await taken
    expect(differenceFrom(copy, await reloaded())).toBe(undefined)
    expect(await snapshots.take(request(memory, 2))).toMatchObject({ pagesWritten: 7 })
    expect(differenceFrom(copyOf(memory), await reloaded())).toBe(undefined)
  })

  it('a region made anew under the same key has none of the old pages', async () => {
    const memory = filledMemory()
    const snapshots = await open()
    await snapshots.take(request(memory, 1))
    memory.drop('1/arena')
    fillPages(memory.region('1/arena', SIZE_MAX), 5, 1, 7)
    expect(await snapshots.take(request(memory, 2))).toMatchObject({ pagesWritten: 1 })
    expect(differenceFrom(copyOf(memory), await reloaded())).toBe(undefined)
  })

  it('its manifest waits until the log is durable', async () => {
    const memory = filledMemory()
    const snapshots = await open()
    let names: string[] = []
    const durable = async (): Promise<void> => {
      await new Promise(setImmediate)
      names = await readdir(directory)
    }
    await snapshots.take(request(memory, 1, { durable }))
    expect(names).toEqual([nameOf(1, 'pages')])
  })

  it('a memory handed over by another thread is written whole', async () => {
    const memory = filledMemory()
    const snapshots = await open()
    await snapshots.take(request(memory, 1))
    const handedOver = new Memory(memory.handle())
    expect(await snapshots.take(request(handedOver, 2))).toMatchObject({ pagesWritten: 40 })
    expect(differenceFrom(copyOf(memory), await reloaded())).toBe(undefined)
  })
})

describe('a snapshot that is given up', () => {
  async function expectGivenUp(more: Partial<TakeRequest>, message: string): Promise<void> {
    const memory = filledMemory()
    const snapshots = await open()
    await snapshots.take(request(memory, 1))
    const copy = copyOf(memory)
    fillPages(memory.region('1/arena', SIZE_MAX), 0, 20, 77)
    await expect(snapshots.take(request(memory, 2, more))).rejects.toThrow(message)
    expect(await readdir(directory)).toEqual([nameOf(1, 'manifest'), nameOf(1, 'pages')])
    expect(differenceFrom(copy, await reloaded())).toBe(undefined)
    expect(await snapshots.take(request(memory, 2))).toMatchObject({ pagesWritten: 20 })
    expect(differenceFrom(copyOf(memory), await reloaded())).toBe(undefined)
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
    const snapshots = await open({ freeSizeMin: 2 ** 52 })
    await expect(snapshots.take(request(filledMemory(), 1))).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      message: expect.stringContaining('are left to the log') as string,
    })
    expect(await readdir(directory)).toEqual([])
  })
})

describe('a damaged snapshot', () => {
  /** Snapshots at 1, 2 and 3; the arena's page 0 differs. */
  async function threeSnapshots(): Promise<Map<string, Buffer>[]> {
    const memory = filledMemory()
    const snapshots = await open()
    const copies: Map<string, Buffer>[] = []
    for (let lsn = 1; lsn <= 3; lsn++) {
      writeByte(memory.region('1/arena', SIZE_MAX), 0, lsn * 10)
      copies.push(copyOf(memory))
      await snapshots.take(request(memory, lsn))
    }
    return copies
  }

  const damages: [string, string, () => Promise<void>][] = [
    ['a flipped page', 'checksum', () => flipBit(nameOf(3, 'pages'), pageOffset(0) + 4711, 3)],
    ['a flipped header', 'checksum', () => flipBit(nameOf(3, 'pages'), 20)],
    ['a dirty header', '0 expected, 1 found', () => flipBit(nameOf(3, 'pages'), 4000)],
    ['a flipped manifest', 'checksum', () => flipBit(nameOf(3, 'manifest'), 300)],
    ['a cut pages file', 'bytes expected', () => truncate(join(directory, nameOf(3, 'pages')), 70_000 - 1000)],
    ['a cut header', 'bytes expected', () => truncate(join(directory, nameOf(3, 'pages')), 4095)],
    ['a missing pages file', 'ENOENT', () => unlink(join(directory, nameOf(3, 'pages')))],
    ['an empty manifest', 'bytes expected', () => truncate(join(directory, nameOf(3, 'manifest')), 0)],
    [
      'the manifest of another LSN',
      'lsn 3 expected, 2 found',
      async () => writeFile(join(directory, nameOf(3, 'manifest')), await readFile(join(directory, nameOf(2, 'manifest')))),
    ],
    [
      'the pages file of another LSN',
      'lsn 3 expected, 2 found',
      async () => writeFile(join(directory, nameOf(3, 'pages')), await readFile(join(directory, nameOf(2, 'pages')))),
    ],
  ]
  for (const [what, reason, damage] of damages) {
    it(`by ${what} is skipped for the one before, and replaced by the next`, async () => {
      const copies = await threeSnapshots()
      await damage()
      const snapshots = await open()
      expect(lines).toEqual([])
      const { loaded, skipped } = await load(snapshots)
      expect(loaded?.lsn).toBe(2)
      expect(skipped).toEqual([{ lsn: 3, reason: expect.stringContaining(reason) as string }])
      expect(lines).toEqual([expect.stringContaining('is damaged and skipped for the one before') as string])
      expect(differenceFrom(copies[1]!, loaded!.memory)).toBe(undefined)
      expect([snapshots.newestLsn(), snapshots.oldestLsn()]).toEqual([2, 1])

      const memory = loaded!.memory
      writeByte(memory.region('1/arena', SIZE_MAX), 0, 77)
      expect(await snapshots.take(request(memory, 3))).toMatchObject({ taken: true, pagesWritten: 1 })
      expect(await filesOf('manifest')).toEqual([
        nameOf(1, 'manifest'),
        nameOf(2, 'manifest'),
        '0000000000000003-2.manifest',
      ].toSorted())
      expect(await filesOf('pages')).not.toContain(nameOf(3, 'pages'))
      expect(differenceFrom(copyOf(memory), await reloaded())).toBe(undefined)
      expect(differenceFrom(copies[0]!, await reloaded(1))).toBe(undefined)
    })
  }

  it('is found out whichever bit of the header or page is flipped (random)', async () => {
    await threeSnapshots()
    const chance = seededChance(12)
    for (let round = 0; round < 60; round++) {
      const offset = Math.floor(chance() * (round % 2 === 0 ? 4096 : pageOffset(1)))
      const bit = Math.floor(chance() * 8)
      await flipBit(nameOf(3, 'pages'), offset, bit)
      const { loaded } = await load(await open({ readOnly: true }))
      expect(loaded?.lsn, `offset ${offset}, bit ${bit}`).toBe(2)
      await flipBit(nameOf(3, 'pages'), offset, bit)
    }
    expect((await load(await open({ readOnly: true }))).loaded?.lsn).toBe(3)
  })

  it('that is the last one leaves the decision to the caller', async () => {
    await threeSnapshots()
    await flipBit(nameOf(1, 'pages'), pageOffset(30))
    const snapshots = await open()
    const { loaded, skipped } = await load(snapshots)
    expect(loaded).toBe(undefined)
    expect(skipped.map(({ lsn }) => lsn)).toEqual([3, 2, 1])
    expect([snapshots.newestLsn(), snapshots.oldestLsn()]).toEqual([undefined, undefined])

    const memory = filledMemory()
    expect(await snapshots.take(request(memory, 4))).toMatchObject({ pagesWritten: 40 })
    expect(await readdir(directory)).toEqual([nameOf(4, 'manifest'), nameOf(4, 'pages')])
    expect(differenceFrom(copyOf(memory), await reloaded())).toBe(undefined)
  })

  it('keeps the files that its manifest may name until a newer one is safe', async () => {
    await threeSnapshots()
    for (const lsn of [1, 2, 3]) await flipBit(nameOf(lsn, 'manifest'), 300)
    await open()
    expect(lines).toEqual([])
    expect((await readdir(directory)).length).toBe(6)
  })

  it('is found by verifying, and what it holds is written again', async () => {
    await threeSnapshots()
    const snapshots = await open()
    const { loaded } = await load(snapshots)
    const progress: LoadProgress[] = []
    expect(await snapshots.verify((step) => progress.push(step))).toEqual([
      { lsn: 3, pageCount: 40, fault: undefined },
      { lsn: 2, pageCount: 40, fault: undefined },
      { lsn: 1, pageCount: 40, fault: undefined },
    ])
    expect(progress.at(-1)).toEqual({ bytesDone: 120 * PAGE_SIZE, bytesTotal: 120 * PAGE_SIZE })
    await flipBit(nameOf(1, 'pages'), pageOffset(30))
    await flipBit(nameOf(2, 'manifest'), 100)
    const fault = {
      name: nameOf(1, 'pages'),
      offset: pageOffset(30),
      fault: expect.stringContaining('page 30: checksum') as string,
    }
    expect(await snapshots.verify()).toEqual([
      { lsn: 3, pageCount: 40, fault },
      { lsn: 2, pageCount: 0, fault: expect.objectContaining({ name: nameOf(2, 'manifest') }) as object },
      { lsn: 1, pageCount: 40, fault },
    ])
    expect(await snapshots.take(request(loaded!.memory, 4))).toMatchObject({ pagesWritten: 40 })
    expect(await snapshots.verify()).toEqual([{ lsn: 4, pageCount: 40, fault: undefined }])
    await unlink(join(directory, nameOf(4, 'pages')))
    expect((await snapshots.verify())[0]!.fault?.fault).toContain('ENOENT')
  })

  it('by a page that only an older one uses leaves the newest as it is, and its file is given up', async () => {
    await threeSnapshots()
    const snapshots = await open()
    const { loaded } = await load(snapshots)
    await flipBit(nameOf(1, 'pages'), pageOffset(0))
    expect((await snapshots.verify()).map(({ fault }) => fault === undefined)).toEqual([true, true, false])
    expect(await snapshots.take(request(loaded!.memory, 4))).toMatchObject({ pagesWritten: 0 })
    expect(await snapshots.take(request(loaded!.memory, 5))).toMatchObject({ pagesWritten: 39 })
    await snapshots.take(request(loaded!.memory, 6))
    await snapshots.take(request(loaded!.memory, 7))
    expect(await filesOf('pages')).not.toContain(nameOf(1, 'pages'))
    expect(differenceFrom(copyOf(loaded!.memory), await reloaded())).toBe(undefined)
  })
})

describe('a snapshot of somebody else', () => {
  it('is refused when it is of another store', async () => {
    const snapshots = await open()
    await snapshots.take(request(filledMemory(), 1, { storeId: FOREIGN_ID }))
    await expect(load(snapshots)).rejects.toMatchObject({
      code: 'SNAPSHOT_FOREIGN',
      lsn: 1,
      message: `Snapshot ${nameOf(1, 'manifest')} belongs to store ${FOREIGN_ID}, the log to store ${STORE_ID}.`,
    })
    const { loaded } = await snapshots.load({ memory: () => new Memory() })
    expect(loaded?.storeId).toBe(FOREIGN_ID)
  })

  it('is damaged when only its pages are of another store', async () => {
    const directories = [join(directory, 'a'), join(directory, 'b')]
    for (const [index, storeId] of [STORE_ID, FOREIGN_ID].entries()) {
      const snapshots = await open({ directory: directories[index]! })
      await snapshots.take(request(filledMemory(), 1, { storeId }))
    }
    const pages = await readFile(join(directories[1]!, nameOf(1, 'pages')))
    await writeFile(join(directories[0]!, nameOf(1, 'pages')), pages)
    const { loaded, skipped } = await load(await open({ directory: directories[0]! }))
    expect(loaded).toBe(undefined)
    expect(skipped[0]!.reason).toContain(`store ${STORE_ID} expected, ${FOREIGN_ID} found`)
  })

  it('is refused when it is of a later format', async () => {
    const { crc32 } = await import('node:zlib')
    const snapshots = await open()
    await snapshots.take(request(filledMemory(), 1))
    await snapshots.take(request(filledMemory(), 2))
    const path = join(directory, nameOf(2, 'manifest'))
    const bytes = await readFile(path)
    bytes.writeUInt32LE(9, 8)
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 60)), 60)
    await writeFile(path, bytes)
    await expect(load(await open())).rejects.toMatchObject({
      code: 'SNAPSHOT_FORMAT_UNKNOWN',
      file: path,
      message: `Snapshot ${nameOf(2, 'manifest')}, offset 8: format version 1 expected, 9 found.`,
    })
    expect((await load(await open(), 1)).loaded?.lsn).toBe(1)
  })
})

describe('of the files of a directory', () => {
  it('the newest snapshots are kept, and all that they refer to', async () => {
    const memory = filledMemory()
    const snapshots = await open({ keepCount: 2 })
    const copies: Map<string, Buffer>[] = []
    for (let lsn = 1; lsn <= 5; lsn++) {
      writeByte(memory.region('1/arena', SIZE_MAX), lsn * PAGE_SIZE, lsn)
      copies.push(copyOf(memory))
      await snapshots.take(request(memory, lsn))
    }
    expect(await filesOf('manifest')).toEqual([nameOf(4, 'manifest'), nameOf(5, 'manifest')])
    expect(await filesOf('pages')).toEqual([1, 2, 3, 4, 5].map((lsn) => nameOf(lsn, 'pages')))
    expect([snapshots.oldestLsn(), snapshots.newestLsn()]).toEqual([4, 5])
    for (const lsn of [4, 5]) {
      expect(differenceFrom(copies[lsn - 1]!, await reloaded(lsn))).toBe(undefined)
    }
    expect((await load(await open(), 3)).loaded).toBe(undefined)
  })

  it('a file that is mostly stale is given up, and so are the smallest when there are too many', async () => {
    const memory = filledMemory()
    const snapshots = await open({ keepCount: 1 })
    await snapshots.take(request(memory, 1))
    fillPages(memory.region('1/arena', SIZE_MAX), 0, 20, 50)
    expect(await snapshots.take(request(memory, 2))).toMatchObject({ pagesWritten: 20 })
    writeByte(memory.region('1/column', SIZE_MAX), 10 * PAGE_SIZE, 51)
    expect(await snapshots.take(request(memory, 3))).toMatchObject({ pagesWritten: 1 })
    // 19 of 40 pages of the first file are used now: the next snapshot takes them along.
    expect(await filesOf('pages')).toContain(nameOf(1, 'pages'))
    expect(await snapshots.take(request(memory, 4))).toMatchObject({ pagesWritten: 19 })
    expect(await filesOf('pages')).toEqual([2, 3, 4].map((lsn) => nameOf(lsn, 'pages')))

    const region = memory.region('many', SIZE_MAX)
    for (let lsn = 5; lsn < 100; lsn++) {
      fillPages(region, lsn * 2, 2, lsn)
      await snapshots.take(request(memory, lsn))
      expect((await filesOf('pages')).length).toBeLessThanOrEqual(64)
    }
    expect((await filesOf('pages')).length).toBe(64)
    expect(await filesOf('pages')).not.toContain(nameOf(3, 'pages'))
    expect(differenceFrom(copyOf(memory), await reloaded())).toBe(undefined)
  })

  it('what crashed attempts left is deleted, what is not ours is not touched', async () => {
    const memory = filledMemory()
    await (await open()).take(request(memory, 5))
    const leftovers = [nameOf(4, 'pages'), nameOf(9, 'manifest.partial'), nameOf(9, 'pages')]
    const others = ['README', '9.pages', nameOf(3, 'log')]
    for (const name of [...leftovers, ...others]) await writeFile(join(directory, name), 'x')
    await open({ readOnly: true })
    expect((await readdir(directory)).length).toBe(8)
    const snapshots = await open()
    expect(lines.toSorted()).toEqual(
      leftovers.map((name) => `Snapshot file ${name} is deleted: no finished snapshot needs it.`).toSorted(),
    )
    const left = [nameOf(5, 'manifest'), nameOf(5, 'pages'), ...others]
    expect(await readdir(directory)).toEqual(left.toSorted())
    expect((await load(snapshots)).loaded?.lsn).toBe(5)
  })

  it('each can be described', async () => {
    const memory = filledMemory()
    const snapshots = await open()
    await snapshots.take(request(memory, 1))
    writeByte(memory.region('1/arena', SIZE_MAX), 0, 9)
    await snapshots.take(request(memory, 2))
    const disk = new NodeDisk()
    const common = { formatVersion: 1, storeId: STORE_ID, lsn: 2, time: TIME }
    expect(await describeFile(disk, join(directory, nameOf(2, 'manifest')))).toEqual({
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
        { name: nameOf(1, 'pages'), pageCount: 40, usedPageCount: 39 },
        { name: nameOf(2, 'pages'), pageCount: 1, usedPageCount: 1 },
      ],
    })
    expect(await describeFile(disk, join(directory, nameOf(2, 'pages')))).toEqual({
      kind: 'pages',
      ...common,
      pageCount: 1,
    })
    expect(await describeFile(disk, join(directory, 'notes.txt'))).toBe(undefined)
    for (const kind of ['manifest', 'pages']) {
      await flipBit(nameOf(2, kind), 33)
      const path = join(directory, nameOf(2, kind))
      expect(await describeFile(disk, path)).toMatchObject({ name: nameOf(2, kind), offset: 60 })
      await unlink(path)
      expect(await describeFile(disk, path)).toMatchObject({ fault: expect.stringContaining('ENOENT') as string })
    }
  })
})
