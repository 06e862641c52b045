// Upgrades of a whole store: a changed program opens the data of the one before, from its log and
// from its snapshot, and a crash in the middle of it costs nothing. What a change of schema means
// for rows is tested in evolution.test.ts.

import { describe, expect, test } from 'vitest'
import { Datastore } from '../../src/engine/datastore.ts'
import * as schema from '../../src/engine/schema.ts'
import { ForgetfulDisk } from '../support/forgetful-disk.ts'
import { Random } from '../../src/std/random.ts'
import { SimulatedTime } from '../support/simulated-time.ts'
import { DATA, SNAPSHOTS } from '../support/simulated-store.ts'
import type { Migration } from '../../src/engine/evolution.ts'
import type { Registry } from '../../src/engine/store.ts'
import type { Transaction } from '../../src/engine/transaction.ts'
import type { AnyTable, View } from '../../src/engine/view.ts'

const { counter, defineTable, number, postings, reference, text, unique } = schema

const users = defineTable({
  id: 1,
  name: 'users',
  columns: { age: number(1) },
  record: { name: text(10), city: text(11) },
})
const posts = defineTable({
  id: 2,
  name: 'posts',
  columns: { author: reference(1, 'users') },
  record: { caption: text(10) },
})

interface Program {
  readonly tables: readonly AnyTable[]
  readonly transactions: Registry
  readonly migrations?: readonly Migration[]
}

const before: Program = {
  tables: [users, posts],
  transactions: {
    fill(tx: Transaction, { count }: { count: number }) {
      for (let added = 0; added < count; added++) {
        const user = tx.lastId(users) + 1
        tx.insert(users, { name: `user ${user}`, city: `city ${user % 2}`, age: user })
        tx.insert(posts, { author: user, caption: `of ${user}` })
      }
    },
  },
}

let bootCount = 0

function boot(
  disk: ForgetfulDisk,
  program: Program,
  report: (line: string) => void = () => {},
): Promise<Datastore<Registry>> {
  const self = `boot ${++bootCount}`
  const processes = { self: () => self, isAlive: (identity: string) => identity === self }
  return Datastore.open({
    ...program,
    dataDirectory: DATA,
    snapshotDirectory: SNAPSHOTS,
    disk,
    processes,
    report,
    segmentSize: 16 * 1024,
    regionSizeMax: 1024 * 1024,
  })
}

/** Data of the program before, closed; its rows lie in the log alone, or in a snapshot too. */
async function old(from: 'log' | 'snapshot', count = 3): Promise<ForgetfulDisk> {
  const disk = new ForgetfulDisk(['/'])
  const store = await boot(disk, before)
  if (count > 0) await store.transact('fill', { count })
  if (from === 'snapshot') await store.snapshot()
  await store.close()
  return disk
}

function refusal(disk: ForgetfulDisk, program: Program): Promise<string> {
  return boot(disk, program).then(
    async (store) => {
      await store.close()
      return 'it opens'
    },
    ({ code, message, advice }: { code: string; message: string; advice: string }) =>
      `${code}: ${message}; ${advice}`,
  )
}

const grownUsers = defineTable({
  id: 1,
  name: 'users',
  columns: { age: number(1), rank: number(2), posts: counter(3, { table: 'posts', by: 'author' }) },
  record: { name: text(10), city: text(11), motto: text(12) },
  indexes: { byName: unique('name') },
})
const grownPosts = defineTable({
  id: 2,
  name: 'posts',
  columns: { author: reference(1, 'users') },
  record: { caption: text(10) },
  indexes: { byAuthor: postings('author') },
})
const places = defineTable({ id: 3, name: 'places', columns: {}, record: { title: text(1) } })
const grown: Program = {
  tables: [grownUsers, grownPosts, places],
  transactions: {
    settle(tx: Transaction, { user }: { user: number }) {
      tx.update(grownUsers, user, { motto: 'home', rank: 7 })
      return tx.insert(places, { title: 'Kyōto' })
    },
  },
}

describe.each(['log', 'snapshot'] as const)('from the %s,', (from) => {
  test('a new field, index, counter and table just work, and go on working', async () => {
    const disk = await old(from)
    let place = 0
    for (const cycle of ['upgraded', 'from its log', 'from its snapshot'] as const) {
      const store = await boot(disk, grown)
      const { view } = store
      expect(view.find(grownUsers.indexes.byName, 'user 2')).toBe(2)
      expect(view.newest(grownPosts.indexes.byAuthor, 3, 5)).toEqual([3])
      expect(view.get(grownUsers, 3)).toMatchObject({ posts: 1, motto: '', rank: 0 })
      expect(view.rowCount(places)).toBe(place)
      const { output } = await store.transact('settle', { user: 1 })
      expect(output).toBe(++place)
      expect(view.get(grownUsers, 1)).toMatchObject({ motto: 'home', rank: 7, name: 'user 1' })
      expect(store.check()).toEqual([])
      if (cycle === 'from its log') await store.snapshot()
      await store.close()
    }
  })

  test('the program before goes on with new fields, and leaves them alone', async () => {
    const disk = await old(from)
    const newer = await boot(disk, grown)
    await newer.transact('settle', { user: 1 })
    await newer.close()
    const lines: string[] = []
    const older = await boot(disk, before, (line) => lines.push(line))
    expect(lines.filter((line) => line.includes('not declared'))).toEqual([
      'field "users.rank" (id 2) is not declared and keeps its values; ' +
        'a migration with drops: [{ table: 1, field: 2 }] removes it',
      'field "users.motto" (id 12) is not declared and keeps its values; ' +
        'a migration with drops: [{ table: 1, field: 12 }] removes it',
      'table "places" (id 3) is not declared and keeps its rows; ' +
        'a migration with drops: [{ table: 3 }] removes it',
    ])
    await older.transact('fill', { count: 1 })
    expect(older.check()).toEqual([])
    await older.close()
    const store = await boot(disk, grown)
    expect(store.view.get(grownUsers, 1)).toMatchObject({ name: 'user 1', rank: 7, motto: 'home' })
    expect(store.view.get(grownUsers, 4)).toMatchObject({ name: 'user 4', rank: 0, motto: '' })
    expect(store.view.get(places, 1)).toEqual({ id: 1, title: 'Kyōto' })
    await store.close()
  })
})

test('without rows everything may be removed', async () => {
  const disk = await old('log', 0)
  expect(await refusal(disk, { tables: [places], transactions: {} })).toBe('it opens')
})

/** `age` becomes `born`, then every name gets its city, and the city goes. */
const migratedUsers = defineTable({
  id: 1,
  name: 'users',
  columns: { born: number(2) },
  record: { name: text(10) },
  indexes: { byName: unique('name') },
})
const between = defineTable({
  id: 1,
  name: 'users',
  columns: { age: number(1), born: number(2) },
  record: { name: text(10), city: text(11) },
})
const migrations: readonly Migration[] = [
  {
    number: 1,
    name: 'ages become years of birth',
    drops: [{ table: 1, field: 1 }],
    run(tx) {
      for (let user = 1; user <= tx.lastId(between); user++) {
        tx.update(between, user, { born: 2030 - tx.value(between, user, 'age') })
      }
    },
  },
  {
    number: 2,
    name: 'names get their cities',
    drops: [{ table: 1, field: 11 }],
    run(tx) {
      for (let user = 1; user <= tx.lastId(between); user++) {
        const { name, city } = tx.get(between, user)!
        tx.update(between, user, { name: `${name} of ${city}` })
      }
    },
  },
]
const migrated: Program = { tables: [migratedUsers, posts], transactions: {}, migrations }
const MIGRATED = [
  { id: 1, born: 2029, name: 'user 1 of city 1' },
  { id: 2, born: 2028, name: 'user 2 of city 0' },
  { id: 3, born: 2027, name: 'user 3 of city 1' },
]

function migratedRows(view: View): unknown {
  return [1, 2, 3].map((user) => view.get(migratedUsers, user))
}

describe('migrations', () => {
  test('run once, in order, behind a snapshot', async () => {
    const disk = await old('log')
    const lines: string[] = []
    const store = await boot(disk, migrated, (line) => void lines.push(line))
    expect(lines).toEqual([
      'migration 1: ages become years of birth',
      'migration 2: names get their cities',
    ])
    expect(migratedRows(store.view)).toEqual(MIGRATED)
    expect(store.stats().snapshot.last).toMatchObject({ lsn: 2, taken: true })
    expect(store.check()).toEqual([])
    await store.close()

    for (const from of ['log', 'snapshot'] as const) {
      const again = await boot(disk, migrated, (line) => void lines.push(line))
      expect(again.recovery.snapshotLsn === 2).toBe(from === 'log')
      expect(migratedRows(again.view)).toEqual(MIGRATED)
      expect(again.view.find(migratedUsers.indexes.byName, 'user 2 of city 0')).toBe(2)
      expect(again.check()).toEqual([])
      await again.snapshot()
      await again.close()
    }
    expect(lines).toHaveLength(2)
    expect(await refusal(disk, before)).toMatch(/^SCHEMA_CONFLICT: the data has seen migration 2/)
  })

  test('one that throws changes nothing, and the next start tries again', async () => {
    const disk = await old('log')
    const failing = migrations.with(1, {
      ...migrations[1]!,
      run(tx) {
        tx.update(between, 1, { name: 'half done' })
        throw new Error('the city is unknown')
      },
    })
    await expect(boot(disk, { ...migrated, migrations: failing })).rejects.toThrow('the city is')
    const store = await boot(disk, migrated)
    expect(migratedRows(store.view)).toEqual(MIGRATED)
    expect(store.check()).toEqual([])
    await store.close()
  })

  test.each(['log', 'snapshot'] as const)('survive a crash at any moment (%s)', async (from) => {
    const random = new Random(1)
    const disk = await old(from)
    using time = new SimulatedTime(random)
    const states: { disk: ForgetfulDisk; after: number }[] = []
    disk.onMoment = () => {
      for (const state of disk.crashes(random, 6)) states.push({ disk: state, after: time.now() })
    }
    await (await boot(disk, migrated)).close()
    expect(states.length).toBeGreaterThan(100)
    let untouchedCount = 0
    for (const { disk: state } of states) {
      // The program before may go on as long as nothing has changed, and must not afterwards.
      const [copy] = [...state.crashes(random, 1)]
      const answer = await refusal(copy!, before)
      if (answer === 'it opens') untouchedCount++
      else
        expect(answer).toMatch(
          /^SCHEMA_CONFLICT: (?:the data has seen migration|field "users.born")/,
        )

      const store = await boot(state, migrated)
      expect(migratedRows(store.view)).toEqual(MIGRATED)
      expect(store.check()).toEqual([])
      await store.close()
    }
    expect(untouchedCount).toBeGreaterThan(10)
    expect(untouchedCount).toBeLessThan(states.length - 10)
  })
})
