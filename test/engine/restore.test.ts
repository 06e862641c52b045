// Restore: any state that a store ever had, in a new directory, as a store of its own.

import { describe, expect, test } from 'vitest'
import { restore } from '../../src/engine/restore.ts'
import { ForgetfulDisk } from '../support/forgetful-disk.ts'
import { everything } from '../support/little-network.ts'
import { flipBit, refusalOn, segmentsOf } from '../support/grown-store.ts'
import { STEP_COUNT, StoryClock, tellStory } from '../support/little-story.ts'
import { DATA, SNAPSHOTS, openOn } from '../support/simulated-store.ts'
import type { RestoreOptions, RestoreResult } from '../../src/engine/restore.ts'
import type { SimulatedOptions, SimulatedStore } from '../support/simulated-store.ts'
import type { ToldStory } from '../support/little-story.ts'

const SMALL = { segmentSize: 4096 + 1024, keepLog: true }
const LAST_LSN = STEP_COUNT + 1

interface Source extends ToldStory {
  readonly disk: ForgetfulDisk
  readonly storeId: string
}

async function source(options: SimulatedOptions = {}, snapshotsAfter = [5, 11]): Promise<Source> {
  const disk = new ForgetfulDisk(['/'])
  const clock = new StoryClock()
  const store = await openOn(disk, { ...SMALL, clock, ...options })
  const told = await tellStory(store, clock, snapshotsAfter)
  await store.close()
  return { disk, storeId: store.storeId, ...told }
}

function restoreTo(
  { disk }: Source,
  to: RestoreOptions['to'],
  into = '/restored',
): Promise<RestoreResult> {
  return restore({ disk, dataDirectory: DATA, snapshotDirectory: SNAPSHOTS, into, to })
}

function openRestored({ disk }: Source, into = '/restored'): Promise<SimulatedStore> {
  return openOn(disk, { dataDirectory: `${into}/data`, snapshotDirectory: `${into}/snapshots` })
}

describe('to an LSN', () => {
  test('any one gives the state after that transaction', async () => {
    const from = await source()
    expect(segmentsOf(from.disk).length).toBeGreaterThan(2)
    for (let lsn = 1; lsn <= LAST_LSN; lsn++) {
      const into = `/restored-${lsn}`
      const result = await restoreTo(from, { lsn }, into)
      expect(result.lsn).toBe(lsn)
      if (lsn > 1) expect(result.time).toBe(from.times[lsn])
      await using store = await openRestored(from, into)
      expect(store.recovery).toMatchObject({ snapshotLsn: lsn, lastLsn: lsn, replayed: 0 })
      expect(JSON.stringify(everything(store.view))).toBe(from.oracle.text(lsn))
      expect(store.check()).toEqual([])
    }
  })

  test('the copy is a store of its own, which goes on, and the source is untouched', async () => {
    const from = await source()
    const before = from.disk.paths().map((path) => [path, from.disk.contents(path)])
    const { storeId } = await restoreTo(from, { lsn: 9 })
    expect(storeId).not.toBe(from.storeId)
    for (const cycle of [1, 2]) {
      await using store = await openRestored(from)
      expect(store.storeId).toBe(storeId)
      const { lsn } = await store.transact('join', { handle: `newcomer ${cycle}` })
      expect(lsn).toBe(9 + cycle)
      expect(store.check()).toEqual([])
    }
    for (const [path, bytes] of before) expect(from.disk.contents(path as string)).toEqual(bytes)
  })

  test('beyond the end is refused, with the newest that there is', async () => {
    const from = await source()
    await expect(restoreTo(from, { lsn: LAST_LSN + 1 })).rejects.toMatchObject({
      code: 'LOG_GAP',
      message: `lsn ${LAST_LSN + 1} is not in the log, which ends with lsn ${LAST_LSN}`,
      advice: expect.stringContaining(`lsn ${LAST_LSN}`) as string,
    })
  })

  test('before what was kept is refused', async () => {
    const from = await source({ keepLog: false, snapshotsKept: 1, segmentSize: 4096 + 512 }, [11])
    expect(segmentsOf(from.disk)[0]).not.toContain('0000000000000001.log')
    await expect(restoreTo(from, { lsn: 3 })).rejects.toMatchObject({ code: 'LOG_GAP' })
    expect((await restoreTo(from, { lsn: 13 })).lsn).toBe(13)
  })

  test('into a directory that holds something is refused', async () => {
    const from = await source()
    await from.disk.makeDirectory('/full')
    from.disk.place('/full/photo.jpg', Buffer.alloc(1))
    await expect(restoreTo(from, { lsn: 3 }, '/full')).rejects.toMatchObject({
      code: 'DIRECTORY_UNWRITABLE',
      message: 'the directory /full is not empty',
    })
  })
})

describe('to a time', () => {
  test('gives the state after the last transaction until then', async () => {
    const from = await source()
    for (let lsn = 1; lsn <= LAST_LSN; lsn++) {
      for (const [index, time] of [from.times[lsn]!, from.times[lsn]! + 1000].entries()) {
        const into = `/restored-${lsn}-${index}`
        expect(await restoreTo(from, { time }, into)).toMatchObject({ lsn })
        await using store = await openRestored(from, into)
        expect(JSON.stringify(everything(store.view))).toBe(from.oracle.text(lsn))
      }
    }
  })

  test('before the first transaction is refused', async () => {
    const from = await source()
    const time = from.times[1]! - 1
    await expect(restoreTo(from, { time })).rejects.toMatchObject({
      code: 'LOG_GAP',
      message: expect.stringMatching(/^nothing is held from before 20\d\d-\d\d-\d\dT/) as string,
    })
  })
})

describe('of a damaged store', () => {
  test('everything before the damage comes back', async () => {
    const from = await source()
    const damaged = segmentsOf(from.disk).at(-1)!
    flipBit(from.disk, damaged, 4096 + 60)
    const damagedLsn = Number(damaged.slice(-20, -4))
    expect(await refusalOn(from.disk, SMALL)).toContain('LOG_DAMAGED')
    for (let lsn = 1; lsn < damagedLsn; lsn++) {
      await restoreTo(from, { lsn }, `/restored-${lsn}`)
      await using store = await openRestored(from, `/restored-${lsn}`)
      expect(JSON.stringify(everything(store.view))).toBe(from.oracle.text(lsn))
    }
    await expect(restoreTo(from, { lsn: damagedLsn })).rejects.toMatchObject({ code: 'LOG_GAP' })
  })

  test('a damaged snapshot is done without', async () => {
    const from = await source()
    for (const path of from.disk.paths()) {
      if (path.endsWith('.manifest')) flipBit(from.disk, path, 500)
    }
    await restoreTo(from, { lsn: LAST_LSN })
    await using store = await openRestored(from)
    expect(JSON.stringify(everything(store.view))).toBe(from.oracle.text(LAST_LSN))
  })
})
