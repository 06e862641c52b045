// A product that keeps promises which a torn read breaks, for the torture of readers: every
// transaction keeps a sum over many rows, counters that are counted in lists, records whose text
// repeats their id, keys that find their row.
//
// The promises are checked by queries (`PROMISES`), each of which looks at what several writes of
// one transaction change.

import {
  counter,
  defineTable,
  number,
  pair,
  postings,
  reference,
  text,
  unique,
  words as wordsIndex,
} from '../../src/engine/schema.ts'
import type { Transaction } from '../../src/engine/transaction.ts'
import type { AnyTable, View } from '../../src/engine/view.ts'

export const ACCOUNT_COUNT = 40
const BALANCE = 1000
const EVERYTHING = 1_000_000

export const accounts = defineTable({
  id: 1,
  name: 'accounts',
  columns: { balance: number(1), entries: counter(2, { table: 'entries', by: 'owner' }) },
  record: { label: text(10) },
})

export const entries = defineTable({
  id: 2,
  name: 'entries',
  columns: { owner: reference(1, 'accounts'), witness: reference(2, 'accounts'), count: number(3) },
  record: { words: text(10), key: text(11) },
  indexes: {
    byOwner: postings('owner'),
    byKey: unique('key'),
    byWitness: postings('witness'),
    byWords: wordsIndex('key'),
  },
})

/** An account's opinion of an account, at most one. */
export const opinions = defineTable({
  id: 3,
  name: 'opinions',
  columns: { of: reference(1, 'accounts'), on: reference(2, 'accounts'), mark: number(3) },
  indexes: { byPair: pair('of', 'on'), byOf: postings('of') },
})

/** What later code has: more fields, and more indexes and counters over the old ones. */
export function restlessTables(generation: number): readonly AnyTable[] {
  const generations = Array.from({ length: generation }, (_, index) => index + 1)
  const { id, name, record } = entries
  const { owner, witness, count } = entries.columns
  return [
    defineTable({
      ...accounts,
      columns: {
        ...accounts.columns,
        ...Object.fromEntries(
          generations.map((later) => [
            `witnessed${later}`,
            counter(100 + later, { table: 'entries', by: 'witness' }),
          ]),
        ),
      },
      indexes: {},
    }),
    defineTable({
      id,
      name,
      columns: { owner, witness, count },
      record: {
        ...record,
        ...Object.fromEntries(generations.map((later) => [`more${later}`, text(100 + later)])),
      },
      indexes: {
        byOwner: postings('owner'),
        byKey: unique('key'),
        byWitness: postings('witness'),
        byWords: wordsIndex('key'),
        ...Object.fromEntries(generations.map((later) => [`byOwner${later}`, postings('owner')])),
      },
    }),
    opinions,
  ]
}

const wordsOf = (id: number, count: number): string => `${id} `.repeat(count)
const markOf = (of: number, on: number): number => of * 100 + on

export const restlessTransactions = {
  found(tx: Transaction): void {
    for (let count = 0; count < ACCOUNT_COUNT; count++) {
      const id = tx.insert(accounts, { balance: BALANCE })
      tx.update(accounts, id, { label: `${id} ${BALANCE}` })
    }
  },
  transfer(tx: Transaction, input: { from: number; to: number; amount: number }): void {
    const { from, to } = input
    const amount = from === to ? 0 : Math.min(input.amount, tx.value(accounts, from, 'balance'))
    for (const [id, change] of [
      [from, -amount],
      [to, amount],
    ] as const) {
      const balance = tx.value(accounts, id, 'balance') + change
      tx.update(accounts, id, { balance, label: `${id} ${balance}` })
    }
  },
  write(tx: Transaction, { owner, count }: { owner: number; count: number }): number {
    const id = tx.lastId(entries) + 1
    const words = wordsOf(id, count)
    return tx.insert(entries, { owner, witness: owner, count, words, key: `${id}/${count}` })
  },
  /** Another text of another size, under another key, of another owner. */
  rewrite(tx: Transaction, input: { entry: number; owner: number; count: number }): void {
    const { entry, owner, count } = input
    if (!tx.has(entries, entry)) return
    const words = wordsOf(entry, count)
    tx.update(entries, entry, { owner, witness: owner, count, words, key: `${entry}/${count}` })
  },
  erase(tx: Transaction, { entry }: { entry: number }): void {
    if (tx.has(entries, entry)) tx.remove(entries, entry)
  },
  judge(tx: Transaction, { of, on }: { of: number; on: number }): void {
    const found = tx.findPair(opinions.indexes.byPair, of, on)
    if (found === 0) tx.insert(opinions, { of, on, mark: markOf(of, on) })
    else tx.remove(opinions, found)
  },
}

/** Queries that return a sentence when a promise is broken. */
const PROMISES: readonly ((view: View, choose: Choose) => string | undefined)[] = [
  function sumOfBalances(view) {
    let sum = 0
    for (let id = 1; id <= ACCOUNT_COUNT; id++) sum += view.value(accounts, id, 'balance')
    return sum === ACCOUNT_COUNT * BALANCE ? undefined : `the balances sum up to ${sum}`
  },
  function labelOfAccount(view, choose) {
    const id = choose(1, ACCOUNT_COUNT)
    const { balance, label } = view.get(accounts, id)!
    return label === `${id} ${balance}` ? undefined : `${id} has ${balance} and says ${label}`
  },
  function listOfOwner(view, choose) {
    const owner = choose(1, ACCOUNT_COUNT)
    const ids = view.newest(entries.indexes.byOwner, owner, EVERYTHING)
    const count = view.value(accounts, owner, 'entries')
    if (count !== ids.length) return `${owner} counts ${count} entries and lists ${ids.length}`
    const witnessed = view.after(entries.indexes.byWitness, owner, 0, EVERYTHING).toReversed()
    if (String(ids) !== String(witnessed)) return `${owner} lists ${String(ids)}`
    const stranger = ids.find((id) => view.value(entries, id, 'owner') !== owner)
    return stranger === undefined ? undefined : `${owner} lists entry ${stranger} of another`
  },
  function newestEntries(view, choose) {
    const owners = [1, 2, 3].map(() => choose(1, ACCOUNT_COUNT))
    const ids = view.mergeNewest(entries.indexes.byOwner, owners, 20)
    const lists = owners.map((owner) => view.newest(entries.indexes.byOwner, owner, 20))
    const expected = [...new Set(lists.flat())].toSorted((a, b) => b - a).slice(0, 20)
    if (String(ids) !== String(expected)) return `${String(ids)} merged`
    const rows = view.getMany(entries, ids)
    if (rows.length !== ids.length) return `${ids.length} entries listed, ${rows.length} there`
    const wrong = rows.find((row) => !isWhole(row))
    return wrong === undefined ? undefined : `entry ${wrong.id} says ${wrong.words}`
  },
  function anyEntry(view, choose) {
    const id = choose(1, Math.max(1, view.lastId(entries)))
    const row = view.get(entries, id)
    if (row === undefined) return view.has(entries, id) ? `entry ${id} is and is not` : undefined
    if (!isWhole(row)) return `entry ${id} says ${row.words} ${row.count} times`
    const found = view.find(entries.indexes.byKey, row.key)
    return found === id ? undefined : `the key ${row.key} of entry ${id} finds ${found}`
  },
  function searchByWords(view, choose) {
    const id = choose(1, Math.max(1, view.lastId(entries)))
    const row = view.get(entries, id)
    if (row === undefined) return undefined
    const terms = [
      { term: String(id), isPrefix: false },
      { term: String(row.count), isPrefix: false },
    ]
    const { ids } = view.search(entries.indexes.byWords, terms, EVERYTHING)
    if (!ids.includes(id)) return `entry ${id} is not found by its key ${row.key}`
    const start = [{ term: String(id).slice(0, 3), isPrefix: true }]
    const found = view.search(entries.indexes.byWords, start, 20).ids
    const rows = view.getMany(entries, found)
    if (found.length !== rows.length) return `${String(found)} are found`
    const wrong = rows.find(
      ({ key }) => !key.split('/').some((word) => word.startsWith(start[0]!.term)),
    )
    return wrong === undefined ? undefined : `entry ${wrong.id} is found and says ${wrong.key}`
  },
  function sumOfCounters(view) {
    let sum = 0
    for (let id = 1; id <= ACCOUNT_COUNT; id++) sum += view.value(accounts, id, 'entries')
    const count = view.rowCount(entries)
    return sum === count ? undefined : `${count} entries, the accounts count ${sum}`
  },
  function opinionsOfAccount(view, choose) {
    const of = choose(1, ACCOUNT_COUNT)
    const listed = new Map(
      view
        .newest(opinions.indexes.byOf, of, EVERYTHING)
        .map((id) => [view.value(opinions, id, 'on'), id]),
    )
    for (let on = 1; on <= ACCOUNT_COUNT; on++) {
      const found = view.findPair(opinions.indexes.byPair, of, on)
      if (found !== (listed.get(on) ?? 0)) return `${of} on ${on}: row ${found} found`
      if (found === 0) continue
      const mark = view.value(opinions, found, 'mark')
      if (mark !== markOf(of, on)) return `${of} on ${on}: ${mark}`
    }
    return undefined
  },
]

/**
 * Queries without end, each of which checks one promise; the same ones for the same seed. A query
 * makes the same choices however often it is run.
 */
export function* promises(seed: number): Generator<(view: View) => string | undefined> {
  for (let turn = 0; ; turn++) {
    const chosen = chooser(seed + turn * 1000)
    const promise = PROMISES[chosen(0, PROMISES.length - 1)]!
    yield (view) => {
      const sentence = promise(view, chooser(seed + turn * 1000 + 1))
      return sentence === undefined ? undefined : `${promise.name}: ${sentence}`
    }
  }
}

/** A number from `least` to `most`, both included. */
type Choose = (least: number, most: number) => number

/** Choices from a seed, without the test runner that seeded.ts needs. */
function chooser(seed: number): Choose {
  let state = seed
  return (least, most) => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9
    return least + (((state ^ (state >>> 13)) >>> 0) % (most - least + 1))
  }
}

function isWhole(row: { id: number; count: number; words: string; key: string }): boolean {
  return row.words === wordsOf(row.id, row.count) && row.key === `${row.id}/${row.count}`
}
