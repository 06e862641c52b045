// Damaged and foreign files: what is skipped, what is refused, and what comes after it.

import { readFile, truncate, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Memory } from '../../../src/engine/memory/memory.ts'
import { PAGE_SIZE } from '../../../src/engine/memory/region.ts'
import { pageOffset } from '../../../src/engine/snapshot/pages-file.ts'
import { copyOf, differenceFrom, writeByte } from '../../support/scribbled-memory.ts'
import { seededTest } from '../../support/seeded.ts'
import {
  fileName,
  filledMemory,
  load,
  SIZE_MAX,
  SnapshotDirectory,
  STORE_ID,
  takeRequest,
} from '../../support/snapshot-directory.ts'
import type { LoadProgress } from '../../../src/engine/snapshot/loader.ts'

const FOREIGN_ID = 'ffeeddccbbaa99887766554433221100'

let place: SnapshotDirectory

beforeEach(async () => {
  place = await SnapshotDirectory.make()
})

afterEach(async () => {
  await place.remove()
})

describe('a damaged snapshot', () => {
  /** Snapshots at 1, 2 and 3; the arena's page 0 differs. */
  async function threeSnapshots(directory = place): Promise<Map<string, Buffer>[]> {
    const memory = filledMemory()
    const snapshots = await directory.open()
    const copies: Map<string, Buffer>[] = []
    for (let lsn = 1; lsn <= 3; lsn++) {
      writeByte(memory.region('1/arena', SIZE_MAX), 0, lsn * 10)
      copies.push(copyOf(memory))
      await snapshots.take(takeRequest(memory, lsn))
    }
    return copies
  }

  const damages: [string, string, () => Promise<void>][] = [
    [
      'a flipped page',
      'checksum',
      () => place.flipBit(fileName(3, 'pages'), pageOffset(0) + 4711, 3),
    ],
    ['a flipped header', 'checksum', () => place.flipBit(fileName(3, 'pages'), 20)],
    ['a dirty header', '0 expected, 1 found', () => place.flipBit(fileName(3, 'pages'), 4000)],
    ['a flipped manifest', 'checksum', () => place.flipBit(fileName(3, 'manifest'), 300)],
    [
      'a cut pages file',
      'bytes expected',
      () => truncate(join(place.path, fileName(3, 'pages')), 70_000 - 1000),
    ],
    [
      'a cut header',
      'bytes expected',
      () => truncate(join(place.path, fileName(3, 'pages')), 4095),
    ],
    ['a missing pages file', 'ENOENT', () => unlink(join(place.path, fileName(3, 'pages')))],
    [
      'an empty manifest',
      'bytes expected',
      () => truncate(join(place.path, fileName(3, 'manifest')), 0),
    ],
    [
      'the manifest of another LSN',
      'lsn 3 expected, 2 found',
      async () =>
        writeFile(
          join(place.path, fileName(3, 'manifest')),
          await readFile(join(place.path, fileName(2, 'manifest'))),
        ),
    ],
    [
      'the pages file of another LSN',
      'lsn 3 expected, 2 found',
      async () =>
        writeFile(
          join(place.path, fileName(3, 'pages')),
          await readFile(join(place.path, fileName(2, 'pages'))),
        ),
    ],
  ]
  for (const [what, reason, damage] of damages) {
    it(`by ${what} is skipped for the one before, and replaced by the next`, async () => {
      const copies = await threeSnapshots()
      await damage()
      const snapshots = await place.open()
      expect(place.lines).toEqual([])
      const { loaded, skipped } = await load(snapshots)
      expect(loaded?.lsn).toBe(2)
      expect(skipped).toEqual([{ lsn: 3, reason: expect.stringContaining(reason) as string }])
      expect(place.lines).toEqual([
        expect.stringContaining('is damaged and skipped for the one before') as string,
      ])
      expect(differenceFrom(copies[1]!, loaded!.memory)).toBe(undefined)
      expect([snapshots.newestLsn(), snapshots.oldestLsn()]).toEqual([2, 1])

      const memory = loaded!.memory
      writeByte(memory.region('1/arena', SIZE_MAX), 0, 77)
      expect(await snapshots.take(takeRequest(memory, 3))).toMatchObject({
        taken: true,
        pagesWritten: 1,
      })
      expect(await place.namesOf('manifest')).toEqual(
        [
          fileName(1, 'manifest'),
          fileName(2, 'manifest'),
          '0000000000000003-2.manifest',
        ].toSorted(),
      )
      expect(await place.namesOf('pages')).not.toContain(fileName(3, 'pages'))
      expect(differenceFrom(copyOf(memory), await place.reloaded())).toBe(undefined)
      expect(differenceFrom(copies[0]!, await place.reloaded(1))).toBe(undefined)
    })
  }

  seededTest('is found out whichever bit of the header or page is flipped', async (random) => {
    const directory = new SnapshotDirectory(join(place.path, String(random.word())))
    await threeSnapshots(directory)
    for (let round = 0; round < 30; round++) {
      const offset = random.below(round % 2 === 0 ? 4096 : pageOffset(1))
      const bit = random.below(8)
      await directory.flipBit(fileName(3, 'pages'), offset, bit)
      const { loaded } = await load(await directory.open({ readOnly: true }))
      expect(loaded?.lsn, `offset ${offset}, bit ${bit}`).toBe(2)
      await directory.flipBit(fileName(3, 'pages'), offset, bit)
    }
    expect((await load(await directory.open({ readOnly: true }))).loaded?.lsn).toBe(3)
  })

  it('that is the last one leaves the decision to the caller', async () => {
    await threeSnapshots()
    await place.flipBit(fileName(1, 'pages'), pageOffset(30))
    const snapshots = await place.open()
    const { loaded, skipped } = await load(snapshots)
    expect(loaded).toBe(undefined)
    expect(skipped.map(({ lsn }) => lsn)).toEqual([3, 2, 1])
    expect([snapshots.newestLsn(), snapshots.oldestLsn()]).toEqual([undefined, undefined])

    const memory = filledMemory()
    expect(await snapshots.take(takeRequest(memory, 4))).toMatchObject({ pagesWritten: 40 })
    expect(await place.names()).toEqual([fileName(4, 'manifest'), fileName(4, 'pages')])
    expect(differenceFrom(copyOf(memory), await place.reloaded())).toBe(undefined)
  })

  it('keeps the files that its manifest may name until a newer one is safe', async () => {
    await threeSnapshots()
    for (const lsn of [1, 2, 3]) await place.flipBit(fileName(lsn, 'manifest'), 300)
    await place.open()
    expect(place.lines).toEqual([])
    expect((await place.names()).length).toBe(6)
  })

  it('is found by verifying, and what it holds is written again', async () => {
    await threeSnapshots()
    const snapshots = await place.open()
    const { loaded } = await load(snapshots)
    const progress: LoadProgress[] = []
    expect(await snapshots.verify((step) => progress.push(step))).toEqual([
      { lsn: 3, pageCount: 40, fault: undefined },
      { lsn: 2, pageCount: 40, fault: undefined },
      { lsn: 1, pageCount: 40, fault: undefined },
    ])
    expect(progress.at(-1)).toEqual({ bytesDone: 120 * PAGE_SIZE, bytesTotal: 120 * PAGE_SIZE })
    await place.flipBit(fileName(1, 'pages'), pageOffset(30))
    await place.flipBit(fileName(2, 'manifest'), 100)
    const fault = {
      name: fileName(1, 'pages'),
      offset: pageOffset(30),
      fault: expect.stringContaining('page 30: checksum') as string,
    }
    expect(await snapshots.verify()).toEqual([
      { lsn: 3, pageCount: 40, fault },
      {
        lsn: 2,
        pageCount: 0,
        fault: expect.objectContaining({ name: fileName(2, 'manifest') }) as object,
      },
      { lsn: 1, pageCount: 40, fault },
    ])
    expect(await snapshots.take(takeRequest(loaded!.memory, 4))).toMatchObject({ pagesWritten: 40 })
    expect(await snapshots.verify()).toEqual([{ lsn: 4, pageCount: 40, fault: undefined }])
    await unlink(join(place.path, fileName(4, 'pages')))
    expect((await snapshots.verify())[0]!.fault?.fault).toContain('ENOENT')
  })

  it('by a page that only an older one uses costs the newest nothing but the file', async () => {
    await threeSnapshots()
    const snapshots = await place.open()
    const { loaded } = await load(snapshots)
    await place.flipBit(fileName(1, 'pages'), pageOffset(0))
    expect((await snapshots.verify()).map(({ fault }) => fault === undefined)).toEqual([
      true,
      true,
      false,
    ])
    expect(await snapshots.take(takeRequest(loaded!.memory, 4))).toMatchObject({ pagesWritten: 0 })
    expect(await snapshots.take(takeRequest(loaded!.memory, 5))).toMatchObject({ pagesWritten: 39 })
    await snapshots.take(takeRequest(loaded!.memory, 6))
    await snapshots.take(takeRequest(loaded!.memory, 7))
    expect(await place.namesOf('pages')).not.toContain(fileName(1, 'pages'))
    expect(differenceFrom(copyOf(loaded!.memory), await place.reloaded())).toBe(undefined)
  })
})

describe('a snapshot of somebody else', () => {
  it('is refused when it is of another store', async () => {
    const snapshots = await place.open()
    await snapshots.take(takeRequest(filledMemory(), 1, { storeId: FOREIGN_ID }))
    await expect(load(snapshots)).rejects.toMatchObject({
      code: 'SNAPSHOT_FOREIGN',
      lsn: 1,
      message:
        `Snapshot ${fileName(1, 'manifest')} belongs to store ${FOREIGN_ID}, ` +
        `the log to store ${STORE_ID}.`,
    })
    const { loaded } = await snapshots.load({ memory: () => new Memory() })
    expect(loaded?.storeId).toBe(FOREIGN_ID)
  })

  it('is damaged when only its pages are of another store', async () => {
    const directories = [join(place.path, 'a'), join(place.path, 'b')]
    for (const [index, storeId] of [STORE_ID, FOREIGN_ID].entries()) {
      const snapshots = await place.open({ directory: directories[index]! })
      await snapshots.take(takeRequest(filledMemory(), 1, { storeId }))
    }
    const pages = await readFile(join(directories[1]!, fileName(1, 'pages')))
    await writeFile(join(directories[0]!, fileName(1, 'pages')), pages)
    const { loaded, skipped } = await load(await place.open({ directory: directories[0]! }))
    expect(loaded).toBe(undefined)
    expect(skipped[0]!.reason).toContain(`store ${STORE_ID} expected, ${FOREIGN_ID} found`)
  })

  it('is refused when it is of a later format', async () => {
    const snapshots = await place.open()
    await snapshots.take(takeRequest(filledMemory(), 1))
    await snapshots.take(takeRequest(filledMemory(), 2))
    const path = join(place.path, fileName(2, 'manifest'))
    const bytes = await readFile(path)
    bytes.writeUInt32LE(9, 8)
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 60)), 60)
    await writeFile(path, bytes)
    await expect(load(await place.open())).rejects.toMatchObject({
      code: 'SNAPSHOT_FORMAT_UNKNOWN',
      file: path,
      message: `Snapshot ${fileName(2, 'manifest')}, offset 8: format version 1 expected, 9 found.`,
    })
    expect((await load(await place.open(), 1)).loaded?.lsn).toBe(1)
  })
})
