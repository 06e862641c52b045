// History: transactions as the log has them, a page at a time, whatever the schema was then.

import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  bytes,
  counter,
  defineTable,
  flag,
  float,
  json,
  number,
  text,
  timeMs,
  unique,
} from '../../src/engine/schema.ts'
import { StoreDirectory, datastoreTest } from '../support/datastore-test.ts'
import { likes, littleTransactions, posts } from '../support/little-network.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import type { HistoryPage, ShownFields } from '../../src/engine/history.ts'
import type { LittleStore } from '../support/datastore-test.ts'

/** The first transaction of a new store declares its schema. */
const FIRST = 2

function read(
  store: LittleStore,
  fromLsn: number,
  count = 100,
  shown: ShownFields = {},
): Promise<HistoryPage> {
  return store.history({ fromLsn, count, shown })
}

function labelsOf({ entries }: HistoryPage): string[] {
  return entries.map(({ lsn, label }) => `${lsn} ${label}`)
}

datastoreTest('transactions are told with what they wrote, not with values', async ({ store }) => {
  const { output: hanako } = await store.transact('join', { handle: 'hanako' })
  const { output: post } = await store.transact('post', { author: hanako, text: 'secret' })
  await store.transact('like', { person: hanako, post })
  await store.transact('rename', { person: hanako, handle: 'hana' })
  await store.transact('unlike', { person: hanako, post })
  const page = await read(store, FIRST)
  expect(page).toMatchObject({ firstLsn: 1, lastLsn: 6, nextLsn: undefined })
  expect(labelsOf(page)).toEqual(['2 join', '3 post', '4 like', '5 rename', '6 unlike'])
  const nothing = { columns: [], hasTexts: false, values: {} }
  expect(page.entries.map(({ changes }) => changes)).toEqual([
    [
      {
        change: 'insert',
        table: 'people',
        row: hanako,
        columns: ['joinedAt', 'isAdmin', 'karma', 'weight'],
        hasTexts: true,
        values: {},
      },
    ],
    [
      {
        change: 'insert',
        table: 'posts',
        row: post,
        columns: ['author', 'parent', 'at'],
        hasTexts: true,
        values: {},
      },
    ],
    [{ ...nothing, change: 'insert', table: 'likes', row: 1, columns: ['person', 'post'] }],
    [{ ...nothing, change: 'update', table: 'people', row: hanako, hasTexts: true }],
    [{ ...nothing, change: 'remove', table: 'likes', row: 1 }],
  ])
  expect(JSON.stringify(page)).not.toMatch(/secret|hana/)
  expect((await read(store, 1, 1)).entries).toMatchObject([
    { lsn: 1, label: 'engine:schema', changes: [{ change: 'schema' }], changeCount: 1 },
  ])
})

datastoreTest('values are shown that are named by label, table and field', async ({ store }) => {
  const { output: hanako } = await store.transact('join', { handle: 'hanako' })
  const { output: post } = await store.transact('post', { author: hanako, text: 'Sea' })
  await store.transact('edit', { post, text: 'Sun' })
  await store.transact('move', { post, author: hanako })
  const shown = {
    join: { people: ['handle', 'karma', 'nothing'], posts: ['text'] },
    edit: { posts: ['text', 'author'] },
  }
  const { entries } = await read(store, FIRST, 100, shown)
  const values = entries.map(({ changes }) => changes?.map((change) => change.values))
  expect(values).toEqual([[{ handle: 'hanako', karma: 0 }], [{}], [{ text: 'Sun' }]])
})

datastoreTest('pages follow each other without a gap, in any order', async ({ store }) => {
  const { output: author } = await store.transact('join', { handle: 'hanako' })
  const texts = Array.from({ length: 50 }, (_, index) => `post ${index}`)
  await Promise.all(texts.map((each) => store.transact('post', { author, text: each })))
  const all = await read(store, 1, 1000)
  expect(all.entries.map(({ lsn }) => lsn)).toEqual(
    Array.from({ length: 52 }, (_, index) => index + 1),
  )
  for (const size of [1, 7, 52, 60]) {
    const seen: HistoryPage['entries'][number][] = []
    for (let from: number | undefined = 1; from !== undefined;) {
      const page: HistoryPage = await read(store, from, size)
      expect(page.entries.length).toBeLessThanOrEqual(size)
      seen.push(...page.entries)
      from = page.nextLsn
    }
    expect(seen).toEqual(all.entries)
  }
  for (const from of [40, 3, 52, 20, 21, 1]) {
    expect((await read(store, from, 2)).entries).toEqual(all.entries.slice(from - 1, from + 1))
  }
  const both = await Promise.all([read(store, 9, 3), read(store, 2, 3)])
  expect(both.map(({ entries }) => entries[0]!.lsn)).toEqual([9, 2])
  for (const from of [0, -1, 53, 1_000_000]) {
    expect(await read(store, from)).toMatchObject({ entries: [], firstLsn: 1, lastLsn: 52 })
  }
})

datastoreTest('what it answers is bounded by size and by changes', async ({ store }) => {
  const { output: author } = await store.transact('join', { handle: 'hanako' })
  const long = 'x'.repeat(400_000)
  const posted = []
  for (let count = 0; count < 4; count++) {
    posted.push((await store.transact('post', { author, text: long })).output)
  }
  const page = await read(store, FIRST + 1)
  expect(labelsOf(page)).toEqual(['3 post', '4 post'])
  expect(page.nextLsn).toBe(5)
  const [post] = posted as [number]
  for (let count = 0; count < 150; count++) {
    const { output: person } = await store.transact('join', { handle: `fan ${count}` })
    await store.transact('like', { person, post })
  }
  const { lsn } = await store.transact('remove', { post })
  const [entry] = (await read(store, lsn)).entries
  expect(entry!.changeCount).toBe(151)
  expect(entry!.changes).toHaveLength(100)
})

/** The little network, with more to say of people. */
const laterPeople = defineTable({
  id: 1,
  name: 'people',
  columns: {
    joinedAt: timeMs(1),
    isAdmin: flag(2),
    karma: number(3),
    weight: float(4),
    posts: counter(5, { table: 'posts', by: 'author', unless: ['parent'] }),
    likes: counter(6, { table: 'likes', by: 'person' }),
    height: number(7),
  },
  record: {
    handle: text(10, { sizeMax: 60 }),
    avatar: bytes(11),
    settings: json(12),
    motto: text(13),
  },
  indexes: { byHandle: unique('handle'), byKarma: unique('karma') },
})
const later = { tables: [laterPeople, posts, likes], transactions: littleTransactions }

async function story(place: string, snapshotsAt: readonly string[]): Promise<void> {
  const directory = new StoreDirectory(place)
  const store = await directory.open()
  await store.transact('join', { handle: 'before' })
  if (snapshotsAt.includes('before')) await store.snapshot()
  await store.deploy(later)
  await store.transact('join', { handle: 'after' })
  if (snapshotsAt.includes('after')) await store.snapshot()
  await store.transact('rename', { person: 2, handle: 'at the end' })
  const shown = { join: { people: ['handle', 'motto', 'height'] }, rename: { people: ['handle'] } }
  const expected = [
    ['engine:schema', {}],
    ['join', { handle: 'before' }],
    ['engine:schema', {}],
    ['join', { handle: 'after', motto: '', height: 0 }],
    ['rename', { handle: 'at the end' }],
  ]
  for (const from of [1, 5, 4, 3, 2, 4, 5]) {
    const { entries } = await read(store, from, 9, shown)
    const told = entries.map(({ label, changes }) => [label, changes?.[0]?.values])
    expect(told, `from ${from}`).toEqual(expected.slice(from - 1))
  }
  await directory.close()
}

test.each([[[]], [['before']], [['after']], [['before', 'after']]])(
  'a transaction is read under the schema of its time, with snapshots %j',
  async (snapshotsAt) => {
    await using place = await temporaryDirectory()
    await story(place.path, snapshotsAt)
  },
)

const SMALL = { keepLog: false, snapshotsKept: 1, segmentSize: 16 * 1024 }

test('what was retired is not told, and where the log begins is', async () => {
  await using place = await temporaryDirectory()
  const directory = new StoreDirectory(place.path)
  const store = await directory.open(SMALL)
  for (let count = 0; count < 4; count++) {
    const { output: author } = await store.transact('join', { handle: `person ${count}` })
    for (let each = 0; each < 12; each++) {
      await store.transact('post', { author, text: 'x'.repeat(1000) })
    }
    await store.snapshot()
  }
  const { lsn } = await store.transact('join', { handle: 'last' })
  const { firstLsn } = await read(store, 1)
  expect(firstLsn).toBeGreaterThan(1)
  expect(await read(store, firstLsn - 1)).toMatchObject({ entries: [], firstLsn, lastLsn: lsn })
  const shown = { join: { people: ['handle'] } }
  const { entries } = await read(store, firstLsn, 100, shown)
  expect(entries.map((entry) => entry.lsn)).toEqual(
    Array.from({ length: lsn - firstLsn + 1 }, (_, index) => firstLsn + index),
  )
  expect(entries.at(-1)?.changes).toMatchObject([{ values: { handle: 'last' } }])
  await directory.close()

  // Without a snapshot that knows the schema, the headers are what is left, until it is declared.
  const again = await directory.open(SMALL)
  const manifests = await readdir(join(place.path, 'snapshots'))
  for (const name of manifests) await rm(join(place.path, 'snapshots', name))
  await again.deploy(later)
  await again.transact('join', { handle: 'later' })
  const page = await read(again, firstLsn, 100, shown)
  expect(page.entries[0]).toMatchObject({ lsn: firstLsn, label: 'post', changes: undefined })
  expect(page.entries.at(-2)).toMatchObject({ changes: [{ change: 'schema' }] })
  expect(page.entries.at(-1)).toMatchObject({ changes: [{ values: { handle: 'later' } }] })
  await again.close().catch(() => undefined)
})

test('it reads on across segments', async () => {
  await using place = await temporaryDirectory()
  const directory = new StoreDirectory(place.path)
  const store = await directory.open({ segmentSize: 16 * 1024 })
  const { output: author } = await store.transact('join', { handle: 'hanako' })
  for (let count = 0; count < 40; count++) {
    await store.transact('post', { author, text: 'x'.repeat(1000) })
  }
  expect((await readdir(join(place.path, 'data', 'log'))).length).toBeGreaterThan(2)
  const { entries } = await read(store, 1)
  expect(entries.map(({ lsn }) => lsn)).toEqual(Array.from({ length: 42 }, (_, index) => index + 1))
  expect(entries.every(({ changes }) => changes?.length === 1)).toBe(true)
  await directory.close()
})
