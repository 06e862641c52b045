// Durability and reads modes: when a write is acknowledged, when it is durable, and what a crash or
// a kill then takes.
//
//   mode       acknowledged      durableLsn follows               a kill takes   a crash takes
//   sync       when durable      at once                           nothing        nothing
//   interval   when written      with a sync each second           nothing        up to that second
//   os         when written      with snapshot, rotation, close    nothing        the unwritten

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ForgetfulDisk } from '../support/forgetful-disk.ts'
import { people } from '../support/little-network.ts'
import { ProcessDisk } from '../support/process-disk.ts'
import { Random } from '../../src/std/random.ts'
import { openOn } from '../support/simulated-store.ts'
import type { Durability } from '../../src/engine/log/local-writer.ts'
import type { SimulatedStore } from '../support/simulated-store.ts'

const SECOND_MS = 1000
const LSN_AFTER_JOIN = 2

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }))
afterEach(() => void vi.useRealTimers())

function newDisk(): ForgetfulDisk {
  return new ForgetfulDisk(['/'])
}

/** The fewest people that any crash now may leave. */
async function leastAfterCrash(disk: ForgetfulDisk): Promise<number> {
  let least = Infinity
  for (const state of disk.crashes(new Random(1), 16)) {
    await using store = await openOn(state)
    least = Math.min(least, store.view.rowCount(people))
  }
  return least
}

async function opened(
  durability: Durability,
): Promise<{ disk: ForgetfulDisk; store: SimulatedStore }> {
  const disk = newDisk()
  // Its schema is durable: what is lost later is a row.
  await (await openOn(disk)).close()
  return { disk, store: await openOn(disk, { durability }) }
}

test('sync: what is acknowledged is durable', async () => {
  const { disk, store } = await opened('sync')
  expect((await store.transact('join', { handle: 'hanako' })).lsn).toBe(LSN_AFTER_JOIN)
  expect(store.stats()).toMatchObject({ lastLsn: LSN_AFTER_JOIN, durableLsn: LSN_AFTER_JOIN })
  expect(await leastAfterCrash(disk)).toBe(1)
  await store.close()
})

describe.each(['interval', 'os'] as const)('%s:', (durability) => {
  test('is acknowledged at once, and a crash may take it', async () => {
    const { disk, store } = await opened(durability)
    await store.transact('join', { handle: 'hanako' })
    expect(store.stats()).toMatchObject({ lastLsn: LSN_AFTER_JOIN, durableLsn: 1 })
    expect(await leastAfterCrash(disk)).toBe(0)
    await store.close()
  })

  test('is durable after a snapshot', async () => {
    const { disk, store } = await opened(durability)
    await store.transact('join', { handle: 'hanako' })
    await store.snapshot()
    expect(store.stats().durableLsn).toBe(LSN_AFTER_JOIN)
    expect(await leastAfterCrash(disk)).toBe(1)
    await store.close()
  })

  test('is durable after close, and after the next start when the process was killed', async () => {
    const { disk, store } = await opened(durability)
    await store.transact('join', { handle: 'hanako' })
    await store.close()
    expect(await leastAfterCrash(disk)).toBe(1)

    const process = new ProcessDisk(disk)
    const killed = await openOn(process, { durability })
    await killed.transact('join', { handle: 'jiro' })
    expect(await leastAfterCrash(disk)).toBe(1)
    process.kill()
    await using next = await openOn(disk, { durability })
    expect(next.view.rowCount(people)).toBe(2)
    expect(next.stats().durableLsn).toBe(LSN_AFTER_JOIN + 1)
    expect(await leastAfterCrash(disk)).toBe(2)
  })
})

test('interval: a second later it is durable, and only then', async () => {
  const { disk, store } = await opened('interval')
  await store.transact('join', { handle: 'hanako' })
  await vi.advanceTimersByTimeAsync(SECOND_MS - 1)
  expect(await leastAfterCrash(disk)).toBe(0)
  await vi.advanceTimersByTimeAsync(1)
  expect(store.stats().durableLsn).toBe(LSN_AFTER_JOIN)
  expect(await leastAfterCrash(disk)).toBe(1)
  await store.close()
})

test('os: no time makes it durable', async () => {
  const { disk, store } = await opened('os')
  await store.transact('join', { handle: 'hanako' })
  await vi.advanceTimersByTimeAsync(60 * SECOND_MS)
  expect(store.stats().durableLsn).toBe(1)
  expect(await leastAfterCrash(disk)).toBe(0)
  await store.close()
})

test('interval: a failed sync in the background ends writing, and is told', async () => {
  const { disk, store } = await opened('interval')
  await store.transact('join', { handle: 'hanako' })
  disk.failAt(1, 'EIO', 'once')
  await vi.advanceTimersByTimeAsync(SECOND_MS)
  expect(store.poison).toMatchObject({ code: 'STORE_POISONED' })
  await expect(store.transact('join', { handle: 'jiro' })).rejects.toBe(store.poison)
  expect(store.stats().durableLsn).toBe(1)
  await store.close()
})

describe('reads', () => {
  /** Syncs of the log wait for the gate. */
  function gated(disk: ForgetfulDisk): { open: () => void } {
    const gate = Promise.withResolvers<void>()
    disk.pause = async ({ kind }) => {
      if (kind === 'writeDurable') await gate.promise
    }
    return { open: gate.resolve }
  }

  async function turns(): Promise<void> {
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
  }

  test('latest: see a transaction before it is durable', async () => {
    const disk = newDisk()
    const store = await openOn(disk, { reads: 'latest' })
    const gate = gated(disk)
    const joined = store.transact('join', { handle: 'hanako' })
    await turns()
    expect(await store.read((view) => view.rowCount(people))).toBe(1)
    gate.open()
    await joined
    await store.close()
  })

  test('durable: answer when what they saw is durable, in order, at once when it was', async () => {
    const disk = newDisk()
    const store = await openOn(disk, { reads: 'durable' })
    expect(await store.read((view) => view.rowCount(people))).toBe(0)
    const gate = gated(disk)
    const events: string[] = []
    const joined = store.transact('join', { handle: 'hanako' }).then(() => events.push('told'))
    await turns()
    const read = store
      .read((view) => view.rowCount(people))
      .then((count) => {
        expect(store.stats().durableLsn).toBe(LSN_AFTER_JOIN)
        events.push(`read ${count}`)
      })
    await turns()
    expect(events).toEqual([])
    gate.open()
    await Promise.all([joined, read])
    expect(events.toSorted()).toEqual(['read 1', 'told'])
    await store.close()
  })

  test('durable: fail when what they saw will never be', async () => {
    const disk = newDisk()
    const store = await openOn(disk, { reads: 'durable', durability: 'interval' })
    await store.transact('join', { handle: 'hanako' })
    const read = store.read((view) => view.rowCount(people))
    disk.failAt(1, 'EIO', 'once')
    await Promise.all([
      expect(read).rejects.toMatchObject({ code: 'STORE_POISONED' }),
      vi.advanceTimersByTimeAsync(SECOND_MS),
    ])
    await store.close()
  })

  test('durable, with interval: wait for the sync of that second', async () => {
    const disk = newDisk()
    await using store = await openOn(disk, { reads: 'durable', durability: 'interval' })
    await store.transact('join', { handle: 'hanako' })
    let isAnswered = false
    const read = store.read((view) => view.rowCount(people)).then(() => (isAnswered = true))
    await turns()
    expect(isAnswered).toBe(false)
    await vi.advanceTimersByTimeAsync(SECOND_MS)
    expect(await read).toBe(true)
  })
})
