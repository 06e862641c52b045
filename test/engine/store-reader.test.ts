// Reading a store from another thread: what a reader may see, how long it waits, and what becomes
// of it when the writer ends. Readers at full speed are tested in reader-torture.test.ts.

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { InvariantError } from '../../src/std/assert.ts'
import { Datastore } from '../../src/engine/datastore.ts'
import { Memory } from '../../src/engine/memory/memory.ts'
import { defineTable, number, text } from '../../src/engine/schema.ts'
import { StoreReader, condemnStore } from '../../src/engine/store-reader.ts'
import { datastoreTest } from '../support/datastore-test.ts'
import { everything, people } from '../support/little-network.ts'
import { STORE_ID, SmallStore, people as smallPeople } from '../support/small-store.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import type { StoreHandle } from '../../src/engine/store-reader.ts'

/** A store without a disk: its durable LSN moves when the test says so. */
class UnsyncedStore extends SmallStore {
  handle(): StoreHandle {
    return { storeId: STORE_ID, memory: this.memory.handle(), schema: this.tables.schema }
  }

  /** One more person, in a batch of its own. */
  add(handle: string): number {
    this.memory.seqlock.begin()
    const row = this.transact((tx) => tx.insert(smallPeople, { handle }))
    this.memory.lastLsn++
    this.memory.seqlock.end()
    return row
  }
}

const countPeople = (view: { rowCount(table: typeof smallPeople): number }): number =>
  view.rowCount(smallPeople)

/** The state of a promise, once everything that is ready has run. */
async function stateOf(promise: Promise<unknown>): Promise<string> {
  let state = 'waiting'
  promise.then(
    () => (state = 'resolved'),
    () => (state = 'rejected'),
  )
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
  return state
}

datastoreTest('a reader sees what the store has', async ({ store }) => {
  const reader = new StoreReader(structuredClone(store.handle()), 'durable')
  const { output: author } = await store.transact('join', { handle: 'a' })
  await store.transact('bulk', { author, count: 30_000, size: 20 })
  expect(await reader.read(everything)).toEqual(everything(store.view))
  expect(reader.readNow((view) => view.find(people.indexes.byHandle, 'a'))).toBe(author)
  expect([reader.lastLsn, reader.durableLsn]).toEqual([3, 3])
  const query = (): never => {
    throw new RangeError('no')
  }
  expect(() => reader.readNow(query)).toThrow(new RangeError('no'))
  await expect(reader.read(query)).rejects.toThrow(new RangeError('no'))
})

datastoreTest('a reader neither makes nor writes anything', async ({ store }) => {
  const handle = store.handle()
  const regions = handle.memory.regions.filter(({ key }) => key !== '1/index/byHandle/directory')
  const without = { ...handle, memory: { ...handle.memory, regions } }
  expect(() => new StoreReader(without, 'latest')).toThrow(InvariantError)
  const memory = new Memory(handle.memory, undefined, 'read')
  const region = memory.region('1/versions', 0)
  expect(() => region.grow(2 ** 20)).toThrow(InvariantError)
  expect(() => region.touch(0)).toThrow(InvariantError)
})

describe('with durable reads, an answer', () => {
  it('waits until what it has seen is on disk, and no longer', async () => {
    const store = new UnsyncedStore()
    const reader = new StoreReader(store.handle(), 'durable')
    expect(await reader.read(countPeople)).toBe(0)
    store.add('a')
    const first = reader.read(countPeople)
    store.add('b')
    const second = reader.read(countPeople)
    expect(await stateOf(first)).toBe('waiting')
    store.memory.durableLsn = 1
    expect(await first).toBe(1)
    expect(await stateOf(second)).toBe('waiting')
    store.memory.durableLsn = 2
    expect(await second).toBe(2)
  })

  it('that says no waits too', async () => {
    const store = new UnsyncedStore()
    const reader = new StoreReader(store.handle(), 'durable')
    store.add('a')
    const refused = reader.read(() => {
      throw new RangeError('nobody')
    })
    expect(await stateOf(refused)).toBe('waiting')
    store.memory.durableLsn = 1
    await expect(refused).rejects.toThrow('nobody')
  })

  it('does not come when the writer is given up', async () => {
    const store = new UnsyncedStore()
    const reader = new StoreReader(store.handle(), 'durable')
    store.add('a')
    const waiting = [reader.read(countPeople), reader.read(countPeople)]
    const ended = new Error('the writer has ended')
    reader.abandon(ended)
    for (const read of waiting) await expect(read).rejects.toBe(ended)
    // The next one waits anew.
    const next = reader.read(countPeople)
    expect(await stateOf(next)).toBe('waiting')
    store.memory.durableLsn = 1
    expect(await next).toBe(1)
  })

  it('goes on waiting under another schema, and not for another memory', async () => {
    const store = new UnsyncedStore()
    const reader = new StoreReader(store.handle(), 'durable')
    store.add('a')
    const first = reader.read(countPeople)
    reader.adopt(structuredClone(store.handle()))
    expect(await stateOf(first)).toBe('waiting')
    store.memory.durableLsn = 1
    expect(await first).toBe(1)
    store.add('b')
    const second = reader.read(countPeople)
    const recovered = new UnsyncedStore()
    reader.adopt(recovered.handle())
    await expect(second).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    expect(await reader.read(countPeople)).toBe(0)
  })
})

describe('a writer that ends within a batch', () => {
  it('lets readers fail instead of showing half of it', async () => {
    const store = new UnsyncedStore()
    const reader = new StoreReader(store.handle(), 'durable')
    store.add('a')
    const waiting = reader.read(countPeople)
    store.memory.seqlock.begin()
    expect(() => reader.readNow(countPeople)).toThrow(
      expect.objectContaining({ code: 'STORE_UNAVAILABLE' }),
    )
    condemnStore(structuredClone(store.handle()))
    await expect(waiting).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    await expect(reader.read(countPeople)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: 'the writer of the store has ended',
    })
  })

  it('lets them fail between two batches as well, once it is known', () => {
    const store = new UnsyncedStore()
    const reader = new StoreReader(store.handle(), 'latest')
    condemnStore(store.handle())
    condemnStore(store.handle())
    expect(() => reader.readNow(countPeople)).toThrow('the writer of the store has ended')
    const recovered = new UnsyncedStore()
    recovered.add('a')
    reader.adopt(recovered.handle())
    expect(reader.readNow(countPeople)).toBe(1)
  })
})

it('a broken invariant within a batch condemns the memory', async () => {
  await using directory = await temporaryDirectory()
  const things = defineTable({ id: 1, name: 'things', columns: { size: number(1) } })
  const store = await Datastore.open({
    tables: [things],
    transactions: {
      break: (tx) => {
        tx.insert(things, { size: 1 })
        throw new InvariantError('something cannot be')
      },
    },
    dataDirectory: `${directory.path}/data`,
    snapshotDirectory: `${directory.path}/snapshots`,
    regionSizeMax: 2 ** 24,
  })
  const reader = new StoreReader(store.handle(), 'latest')
  await expect(store.transact('break', undefined)).rejects.toMatchObject({ code: 'STORE_POISONED' })
  expect(() => reader.readNow(() => 0)).toThrow('the writer of the store has ended')
  await expect(store.snapshot()).rejects.toMatchObject({ code: 'STORE_POISONED' })
  await store.close()
})

it('a reader that is slower than batches follow each other gets its turn', async () => {
  const store = new UnsyncedStore()
  const control = new Int32Array(new SharedArrayBuffer(8))
  const slow = new Worker(new URL('../support/slow-reader.ts', import.meta.url), {
    workerData: { handle: store.handle(), control: control.buffer },
  })
  await once(slow, 'online')
  let batchCount = 0
  while (Atomics.load(control, 0) === 0) {
    store.add(`p${batchCount++}`)
    if (batchCount % 100 === 0) await new Promise(setImmediate)
  }
  await once(slow, 'exit')
  expect(control[0]).toBe(1)
  expect(control[1]).toBeGreaterThanOrEqual(8)
})

it('a table that was added is read once the reader has adopted it', () => {
  const store = new UnsyncedStore()
  const reader = new StoreReader(store.handle(), 'latest')
  const notes = defineTable({ id: 9, name: 'notes', columns: {}, record: { words: text(1) } })
  expect(() => reader.readNow((view) => view.rowCount(notes))).toThrow(InvariantError)
  store.evolve({
    ...store.tables.schema,
    tables: [...store.tables.schema.tables, notes.stored],
  })
  store.transact((tx) => tx.insert(notes, { words: 'new' }))
  reader.adopt(store.handle())
  expect(reader.readNow((view) => view.get(notes, 1))).toEqual({ id: 1, words: 'new' })
})
