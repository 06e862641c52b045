// Other code for the living store: what is new is added between two transactions, everything else
// is refused and changes nothing.

import { describe, expect, it } from 'vitest'
import { Datastore } from '../../src/engine/datastore.ts'
import * as schema from '../../src/engine/schema.ts'
import { StoreReader } from '../../src/engine/store-reader.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import type { DatastoreOptions, Product } from '../../src/engine/datastore.ts'
import type { Migration } from '../../src/engine/evolution.ts'
import type { Registry } from '../../src/engine/store.ts'
import type { Transaction } from '../../src/engine/transaction.ts'
import type { AnyTable } from '../../src/engine/view.ts'
import type { TemporaryDirectory } from '../support/temporary-directory.ts'

const { counter, defineTable, number, postings, reference, text, timeMs, unique, words } = schema

const users = defineTable({
  id: 1,
  name: 'users',
  columns: { age: number(1), city: reference(2, 'cities') },
  record: { handle: text(10) },
  indexes: { byCity: postings('city') },
})
const cities = defineTable({ id: 2, name: 'cities', columns: {}, record: { title: text(1) } })

const first: Product<Registry> = {
  tables: [users, cities],
  transactions: {
    found(tx: Transaction, { title }: { title: string }) {
      return tx.insert(cities, { title })
    },
    join(tx: Transaction, { handle, city = 0 }: { handle: string; city?: number }) {
      return tx.insert(users, { handle, city, age: 20 })
    },
    rename(tx: Transaction, { user, handle }: { user: number; handle: string }) {
      tx.update(users, user, { handle })
    },
  },
}

const laterUsers = defineTable({
  id: 1,
  name: 'users',
  columns: {
    age: number(1),
    city: reference(2, 'cities'),
    joinedAt: timeMs(3),
    marks: counter(4, { table: 'marks', by: 'user' }),
  },
  record: { handle: text(10), motto: text(11) },
  indexes: {
    byCity: postings('city'),
    byHandle: unique('handle'),
    byAge: postings('city'),
    byWords: words('handle'),
  },
})
const laterCities = defineTable({
  id: 2,
  name: 'cities',
  columns: { users: counter(2, { table: 'users', by: 'city' }) },
  record: { title: text(1) },
})
const marks = defineTable({
  id: 3,
  name: 'marks',
  columns: { user: reference(1, 'users') },
  indexes: { byUser: postings('user') },
})

const later: Product<Registry> = {
  tables: [laterUsers, laterCities, marks],
  transactions: {
    ...first.transactions,
    join(tx: Transaction, { handle, city = 0 }: { handle: string; city?: number }) {
      return tx.insert(laterUsers, { handle, city, joinedAt: tx.now, motto: `I am ${handle}` })
    },
    mark(tx: Transaction, { user }: { user: number }) {
      return tx.insert(marks, { user })
    },
  },
}

type LivingStore = Datastore<Registry>

function open(
  place: TemporaryDirectory,
  more: Partial<DatastoreOptions<Registry>> = {},
): Promise<LivingStore> {
  return Datastore.open({
    ...first,
    dataDirectory: `${place.path}/data`,
    snapshotDirectory: `${place.path}/snapshots`,
    regionSizeMax: 2 ** 28,
    keepLog: true,
    ...more,
  })
}

async function fill(store: LivingStore): Promise<void> {
  const { output: city } = await store.transact('found', { title: 'Kyōto' })
  for (const handle of ['aki', 'ben', 'chi']) await store.transact('join', { handle, city })
}

/** What users, and what is found by later indexes, once the store is opened again. */
async function demandSame(place: TemporaryDirectory, store: LivingStore): Promise<void> {
  const rows = (of: LivingStore): unknown =>
    later.tables.map((table) =>
      Array.from({ length: of.view.lastId(table) }, (_, row) => of.view.get(table, row + 1)),
    )
  const before = rows(store)
  expect(store.check()).toEqual([])
  await store.close()
  const again = await open(place, later)
  expect(rows(again)).toMatchObject(before as object[])
  expect(again.check()).toEqual([])
  await again.close()
}

describe('what is new', () => {
  it('is there after a deploy, filled from the rows, and after a restart', async () => {
    await using place = await temporaryDirectory()
    const store = await open(place)
    await fill(store)
    expect(await store.deploy(later)).toEqual({ schemaChanged: true })
    const { view } = store
    expect(view.get(laterCities, 1)).toEqual({ id: 1, title: 'Kyōto', users: 3 })
    expect(view.find(laterUsers.indexes.byHandle, 'ben')).toBe(2)
    expect(view.newest(laterUsers.indexes.byAge, 1, 5)).toEqual([3, 2, 1])
    const beginning = [{ term: 'ch', isPrefix: true }]
    expect(view.search(laterUsers.indexes.byWords, beginning, 5)).toEqual({ ids: [3], next: 0 })
    expect(view.get(laterUsers, 1)).toMatchObject({ handle: 'aki', motto: '', marks: 0 })
    await store.transact('mark', { user: 2 })
    const { output: dan } = await store.transact('join', { handle: 'dan', city: 1 })
    expect(view.get(laterUsers, 2)).toMatchObject({ marks: 1 })
    expect(view.get(laterUsers, dan as number)).toMatchObject({ motto: 'I am dan' })
    await expect(store.transact('join', { handle: 'dan' })).rejects.toMatchObject({
      code: 'DUPLICATE_KEY',
    })
    expect(await store.deploy(later)).toEqual({ schemaChanged: false })
    await demandSame(place, store)
  })

  it.each([0, 1, 3, 9])(
    'is whole after recovery from a snapshot begun %i turns later',
    async (turns) => {
      await using place = await temporaryDirectory()
      const store = await open(place)
      await fill(store)
      const handles = Array.from({ length: 3000 }, (_, index) => `user ${index}`)
      await Promise.all(handles.map((handle) => store.transact('join', { handle, city: 1 })))
      const deployed = store.deploy(later)
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate)
      const { lsn } = await store.snapshot()
      await deployed
      await store.transact('mark', { user: 1 })
      const { lastLsn } = store.stats()
      await demandSame(place, store)
      const again = await open(place, later)
      expect(again.recovery).toMatchObject({ snapshotLsn: lsn, replayed: lastLsn - lsn })
      await again.snapshot()
      await demandSame(place, again)
    },
  )

  it('is known to readers before the first transaction that uses it', async () => {
    await using place = await temporaryDirectory()
    const { promise: adopted, resolve: adopt } = Promise.withResolvers<void>()
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>()
    const readers: StoreReader[] = []
    const store = await open(place, {
      onSchema: async (handle) => {
        ask()
        await adopted
        for (const reader of readers) reader.adopt(structuredClone(handle))
      },
    })
    await fill(store)
    const reader = new StoreReader(store.handle(), 'latest')
    readers.push(reader)
    const queued = store.transact('join', { handle: 'dan' })
    const deployed = store.deploy(later)
    await asked
    const waiting = store.transact('join', { handle: 'eri' })
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
    expect(store.stats().queued).toBe(2)
    expect(reader.readNow((view) => view.rowCount(users))).toBe(3)
    expect(reader.readNow((view) => view.newest(users.indexes.byCity, 1, 9))).toEqual([3, 2, 1])
    adopt()
    await deployed
    expect(await queued).toMatchObject({ output: 4 })
    expect(await waiting).toMatchObject({ output: 5 })
    const found = reader.readNow((view) => view.find(laterUsers.indexes.byHandle, 'eri'))
    expect(found).toBe(5)
    await store.close()
  })

  it('makes no reader wait while it is filled', async () => {
    await using place = await temporaryDirectory()
    const store = await open(place)
    await fill(store)
    for (let turn = 0; turn < 20; turn++) {
      const handles = Array.from({ length: 500 }, (_, index) => `${turn} ${index}`)
      await Promise.all(handles.map((handle) => store.transact('join', { handle, city: 1 })))
    }
    const reader = new StoreReader(store.handle(), 'latest')
    const { lastLsn } = store.stats()
    const deployed = store.deploy(later)
    let readCount = 0
    while (reader.lastLsn === lastLsn) {
      expect(reader.readNow((view) => view.rowCount(users))).toBe(10_003)
      readCount++
      await new Promise(setImmediate)
    }
    await deployed
    expect(reader.retries).toBe(0)
    expect(readCount).toBeGreaterThan(3)
    await demandSame(place, store)
  })
})

describe('code of before a deploy', () => {
  it('ends what it has begun, and goes on beside the new one', async () => {
    await using place = await temporaryDirectory()
    const store = await open(place)
    await fill(store)
    const called = store.transact('join', { handle: 'dan', city: 1 })
    await store.deploy(later)
    await called
    const registry = first.transactions
    const { output } = await store.transact('join', { handle: 'eri', city: 1 }, { registry })
    await store.transact('rename', { user: 1, handle: 'ako' }, { registry })
    expect(store.view.get(laterUsers, 4)).toMatchObject({ age: 20, motto: '', joinedAt: 0 })
    expect(store.view.get(laterUsers, output as number)).toMatchObject({ age: 20, motto: '' })
    expect(store.view.find(laterUsers.indexes.byHandle, 'ako')).toBe(1)
    await demandSame(place, store)
  })

  it('is deployed again: nothing of the later one is lost, its indexes go on', async () => {
    await using place = await temporaryDirectory()
    const store = await open(place)
    await fill(store)
    await store.deploy(later)
    await store.transact('join', { handle: 'dan', city: 1 })
    expect(await store.deploy(first)).toEqual({ schemaChanged: false })
    const { output: eri } = await store.transact('join', { handle: 'eri', city: 1 })
    const registry = later.transactions
    await store.transact('mark', { user: 4 }, { registry })
    expect(store.view.find(laterUsers.indexes.byHandle, 'eri')).toBe(eri)
    expect(await store.deploy(later)).toEqual({ schemaChanged: false })
    expect(store.view.get(laterUsers, 4)).toMatchObject({ motto: 'I am dan', marks: 1 })
    // A start is what drops indexes that are not declared.
    await store.deploy(first)
    await store.close()
    const older = await open(place)
    expect(older.check()).toEqual([])
    await older.transact('join', { handle: 'aki' })
    await older.transact('rename', { user: 6, handle: 'fuu' })
    await demandSame(place, older)
  })
})

describe('a deploy is refused, and changes nothing,', () => {
  const table = (more: Partial<Parameters<typeof defineTable>[0]>): AnyTable =>
    defineTable({
      id: 1,
      name: 'users',
      columns: { age: number(1), city: reference(2, 'cities') },
      record: { handle: text(10) },
      indexes: { byCity: postings('city') as never },
      ...more,
    })
  const migration: Migration = { number: 1, name: 'ages', run: () => undefined }
  const city = reference(2, 'cities')
  const cases: [string, Omit<Product<Registry>, 'transactions'>, RegExp][] = [
    [
      'when a table is renamed',
      { tables: [users, defineTable({ ...cities, name: 'towns', indexes: {} })] },
      /make no sense: a reference points into a declared table/,
    ],
    [
      'when a table that nobody refers to is renamed',
      { tables: [table({ name: 'members' }), cities] },
      /table "users" \(id 1\) is now called "members": .*running/,
    ],
    [
      'when a field is renamed',
      { tables: [table({ record: { nick: text(10) } }), cities] },
      /field "users.handle" \(id 10\) is now called "nick"/,
    ],
    [
      'when a field is of another kind',
      { tables: [table({ columns: { age: timeMs(1), city } }), cities] },
      /field "users.age" \(id 1\) was a number, and is now a timeMs/,
    ],
    [
      'when a field points elsewhere',
      { tables: [table({ columns: { age: number(1), city: reference(2, 'users') } }), cities] },
      /field "users.city" \(id 2\) points into another table than before/,
    ],
    [
      'when an index is of another kind',
      { tables: [table({ indexes: { byCity: unique('city') as never } }), cities] },
      /index "users.byCity" was of the kind postings, and is now unique/,
    ],
    [
      'when a new field has the name of one that is no longer declared',
      { tables: [table({ columns: { age: number(7), city } }), cities] },
      /the name of "users.age" is now that of something else/,
    ],
    [
      'when two rows have the key of a new index',
      { tables: [table({ indexes: { byAge: unique('age') as never } }), cities] },
      /index users.byAge cannot be built: rows 1 and 2 have the same key/,
    ],
    [
      'when a migration has not run',
      { ...first, migrations: [migration] },
      /migration 1 \(ages\) has not run/,
    ],
  ]
  it.each(cases)('%s', async (_, product, message) => {
    await using place = await temporaryDirectory()
    const store = await open(place)
    await fill(store)
    const { lastLsn } = store.stats()
    const handle = store.handle()
    const transactions = { join: () => 99 }
    await expect(store.deploy({ ...product, transactions })).rejects.toMatchObject({
      code: 'SCHEMA_CONFLICT',
      message: expect.stringMatching(message) as string,
    })
    expect(store.stats().lastLsn).toBe(lastLsn)
    expect(store.handle()).toEqual(handle)
    expect(await store.transact('join', { handle: 'dan' })).toMatchObject({ output: 4 })
    expect(store.check()).toEqual([])
    await store.close()
  })

  it('when the data has seen a migration that the code does not know', async () => {
    await using place = await temporaryDirectory()
    const store = await open(place, { migrations: [migration] })
    await expect(store.deploy(first)).rejects.toMatchObject({ code: 'SCHEMA_CONFLICT' })
    await store.close()
    await expect(store.deploy(later)).rejects.toMatchObject({ code: 'STORE_CLOSED' })
  })
})
