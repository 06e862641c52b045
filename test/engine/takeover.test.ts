// Taking a store over from a Datastore that was closed: everything goes on where it was, and memory
// that is not what the disk says is refused.

import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { NodeDisk } from '../../src/engine/disk.ts'
import { LocalLog } from '../../src/engine/log/local-log.ts'
import { Memory } from '../../src/engine/memory/memory.ts'
import { PENDING } from '../../src/engine/memory/region.ts'
import { defineTable, number, postings, reference, unique } from '../../src/engine/schema.ts'
import { logPaths } from '../../src/engine/state.ts'
import { StoreReader, condemnStore } from '../../src/engine/store-reader.ts'
import { StoreDirectory, datastoreTest } from '../support/datastore-test.ts'
import { everything, likes, littleTables, people, posts } from '../support/little-network.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import type { StoreHandle } from '../../src/engine/store-reader.ts'
import type { LittleStore } from '../support/datastore-test.ts'

/** Some people with posts and likes, in several transactions. */
async function fill(store: LittleStore, count: number, name: string): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    const { output: person } = await store.transact('join', { handle: `${name} ${turn}` })
    const { output: post } = await store.transact('post', { author: person, text: name.repeat(9) })
    await store.transact('like', { person, post })
  }
}

/** A handle as it comes by message, from a store that was closed since. */
async function leave(directory: StoreDirectory): Promise<StoreHandle> {
  const handle = structuredClone(directory.store.handle())
  await directory.close()
  return handle
}

datastoreTest('everything goes on where it was', async (directory) => {
  await fill(directory.store, 5, 'a')
  const first = await directory.store.transact('join', { handle: 'b' }, { key: 'one' })
  const before = everything(directory.store.view)
  const reader = new StoreReader(directory.store.handle(), 'durable')
  const { lastLsn } = directory.store.stats()
  // A clock that was set back.
  const clock = { now: () => 1000 }
  const store = await directory.open({ handle: await leave(directory), clock })
  expect(store.recovery).toMatchObject({ snapshotLsn: 0, lastLsn, replayed: 0, rows: 17 })
  expect(everything(store.view)).toEqual(before)
  expect(store.check()).toEqual([])
  const again = await store.transact('join', { handle: 'b' }, { key: 'one' })
  expect(again.output).toBe(first.output)
  const next = await store.transact('join', { handle: 'c' })
  expect(next.lsn).toBe(lastLsn + 1)
  const joinedAt = [first, next].map(({ output }) => store.view.value(people, output, 'joinedAt'))
  expect(joinedAt[1]).toBe(joinedAt[0])
  // A reader of the memory has noticed nothing.
  expect(await reader.read((view) => view.find(people.indexes.byHandle, 'c'))).toBe(next.output)
  expect(await reader.read(everything)).toEqual(everything(store.view))
})

datastoreTest('a store is handed on many times, and recovered in between', async (directory) => {
  for (let turn = 0; turn < 6; turn++) {
    await fill(directory.store, 3, `turn ${turn}`)
    if (turn % 2 === 0) await directory.store.snapshot()
    await directory.open(turn === 3 ? {} : { handle: await leave(directory) })
    expect(directory.store.check()).toEqual([])
  }
})

datastoreTest('the next snapshot builds upon the newest one', async (directory) => {
  const { store } = directory
  const { output: author } = await store.transact('join', { handle: 'a' })
  await store.transact('bulk', { author, count: 20_000, size: 200 })
  const whole = await store.snapshot()
  await store.transact('post', { author, text: 'after the snapshot' })
  const taken = await directory.open({ handle: await leave(directory) })
  await taken.transact('post', { author, text: 'after the hand-over' })
  const next = await taken.snapshot()
  expect(whole.pagesWritten).toBeGreaterThan(60)
  expect(next.pagesWritten).toBeLessThan(30)
  const before = everything(taken.view)
  const recovered = await directory.open()
  expect(recovered.recovery).toMatchObject({ snapshotLsn: next.lsn, replayed: 0 })
  expect(everything(recovered.view)).toEqual(before)
  expect(recovered.check()).toEqual([])
})

datastoreTest('without that one it is whole, whatever else lies there', async (directory) => {
  const { store } = directory
  const { output: author } = await store.transact('join', { handle: 'a' })
  await store.transact('bulk', { author, count: 2000, size: 200 })
  const whole = await store.snapshot()
  const handle = await leave(directory)
  const disk = new NodeDisk()
  for (const name of await disk.list(join(directory.path, 'snapshots'))) {
    await disk.remove(join(directory.path, 'snapshots', name))
  }
  const taken = await directory.open({ handle })
  const next = await taken.snapshot()
  expect(next.pagesWritten).toBe(whole.pagesWritten)
})

datastoreTest('what was made anew since the snapshot is written whole', async (directory) => {
  const { store } = directory
  const { output: author } = await store.transact('join', { handle: 'a' })
  await store.transact('bulk', { author, count: 40_000, size: 1 })
  await store.snapshot()
  // The same index over fewer rows, under the same name, in fewer pages.
  const rarePosts = defineTable({
    ...posts,
    indexes: { ...storedIndexes, byAuthor: postings('parent') },
  })
  const tables = [people, rarePosts, likes]
  await store.deploy({ tables, transactions: directory.options.transactions })
  const taken = await directory.open({ handle: await leave(directory), tables })
  await taken.snapshot()
  const recovered = await directory.open({ tables })
  expect(recovered.recovery.replayed).toBe(0)
  expect(recovered.check()).toEqual([])
  await directory.open()
})

const storedIndexes = { replies: postings('parent') } as const

datastoreTest(
  'other tables are adopted as at every start, and readers are told',
  async (directory) => {
    await fill(directory.store, 4, 'a')
    const reader = new StoreReader(directory.store.handle(), 'latest')
    const notes = defineTable({
      id: 7,
      name: 'notes',
      columns: { person: reference(1, 'people'), size: number(2) },
      indexes: { byPerson: postings('person'), bySize: unique('size') },
    })
    let told = 0
    const store = await directory.open({
      handle: await leave(directory),
      tables: [...littleTables, notes],
      onSchema: async (handle) => {
        told++
        reader.adopt(handle)
      },
    })
    expect(told).toBe(1)
    expect(reader.readNow((view) => view.rowCount(notes))).toBe(0)
    expect(reader.readNow((view) => view.newest(notes.indexes.byPerson, 1, 5))).toEqual([])
    expect(store.check()).toEqual([])
    await directory.open()
  },
)

describe('memory is refused, and recovery does instead,', () => {
  const cases: [string, RegExp, (directory: StoreDirectory) => Promise<StoreHandle>][] = [
    [
      'when the log has gone on without it',
      /ends with lsn 13, the log with lsn 14, sealed/,
      async (directory) => {
        const handle = await leave(directory)
        await (await directory.open()).transact('join', { handle: 'later' })
        await directory.close()
        return handle
      },
    ],
    [
      'when the log was not sealed',
      /the log with lsn 13, not sealed/,
      async (directory) => {
        const handle = await leave(directory)
        const paths = logPaths(join(directory.path, 'data'))
        const log = await LocalLog.open({ disk: new NodeDisk(), ...paths })
        await log.acquire()
        await log.close()
        return handle
      },
    ],
    [
      'when it is of another store',
      /it is of store 0+, the log of [0-9a-f]{32}/,
      async (directory) => ({ ...(await leave(directory)), storeId: '0'.repeat(32) }),
    ],
    [
      'when the handle is older than its schema',
      /the handle is older than its schema/,
      async (directory) => {
        const handle = directory.store.handle()
        const extra = defineTable({ id: 9, name: 'extra', columns: {} })
        const { transactions } = directory.options
        await directory.store.deploy({ tables: [...littleTables, extra], transactions })
        await directory.close()
        return handle
      },
    ],
    [
      'when its writer ended within a batch',
      /a batch was left unfinished/,
      async (directory) => {
        const handle = await leave(directory)
        condemnStore(handle)
        return handle
      },
    ],
    [
      'when not all of it is durable',
      /lsn 13 is in it, and lsn 12 was the last one to be durable/,
      async (directory) => {
        const handle = await leave(directory)
        new Memory(handle.memory).durableLsn = 12
        return handle
      },
    ],
    [
      'when a snapshot of it was left unfinished',
      /a snapshot was left unfinished in region 2\/versions/,
      async (directory) => {
        const handle = await leave(directory)
        new Memory(handle.memory).region('2/versions', 0).states[0] = PENDING
        return handle
      },
    ],
    [
      'when it lacks a region',
      /it lacks regions of its schema/,
      async (directory) => {
        const { memory, ...rest } = await leave(directory)
        const regions = memory.regions.filter(({ key }) => key !== '3/index/byPair/segments')
        return { ...rest, memory: { ...memory, regions } }
      },
    ],
  ]
  test.each(cases)('%s', async (_, message, spoil) => {
    await using place = await temporaryDirectory()
    const directory = new StoreDirectory(place.path)
    await directory.open()
    await fill(directory.store, 4, 'a')
    const handle = await spoil(directory)
    await expect(directory.open({ handle })).rejects.toMatchObject({
      code: 'MEMORY_REFUSED',
      message: expect.stringMatching(message) as string,
    })
    const store = await directory.open()
    expect(store.view.rowCount(likes)).toBe(4)
    expect(store.check()).toEqual([])
    await directory.close()
  })
})
