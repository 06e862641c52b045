// A store in memory alone: tables, transactions, encoded effects, and no disk. For tests of what
// lies between a transaction function and the log.
//
// The tables have a field of every kind and an index of every kind; likes have columns alone.

import { EffectWriter } from '../../src/engine/effects.ts'
import { CounterIndex } from '../../src/engine/indexes/counter-index.ts'
import { PostingIndex } from '../../src/engine/indexes/posting-index.ts'
import { WordIndex } from '../../src/engine/indexes/word-index.ts'
import { Memory } from '../../src/engine/memory/memory.ts'
import { Replayer } from '../../src/engine/recovery.ts'
import * as schema from '../../src/engine/schema.ts'
import { Tables } from '../../src/engine/tables.ts'
import { StoreTransaction } from '../../src/engine/transaction.ts'
import { TablesView } from '../../src/engine/view.ts'
import type { PairIndex } from '../../src/engine/indexes/pair-index.ts'
import type { UniqueIndex } from '../../src/engine/indexes/unique-index.ts'
import type { Column } from '../../src/engine/memory/column.ts'
import type { StoredSchema } from '../../src/engine/schema.ts'
import type { Table } from '../../src/engine/table.ts'
import type { Transaction } from '../../src/engine/transaction.ts'
import type { AnyTable } from '../../src/engine/view.ts'

const { counter, defineTable, flag, float, json, list, number, text } = schema
const { pair, postings, reference, timeMs, unique, words } = schema

export const STORE_ID = '0123456789abcdef0123456789abcdef'
const REGION_SIZE_MAX = 64 * 2 ** 20
/** Owners and rows that a dump looks at beyond the highest id. */
const BEYOND = 4

export const people = defineTable({
  id: 1,
  name: 'people',
  columns: {
    age: number(1),
    rating: float(2),
    joinedAt: timeMs(3),
    isAdmin: flag(4),
    referrer: reference(5, 'people'),
    badge: number(6),
    posts: counter(7, { table: 'posts', by: 'author', unless: ['removedAt'] }),
    referred: counter(8, { table: 'people', by: 'referrer' }),
  },
  record: {
    handle: text(20, { sizeMax: 40 }),
    tags: list<string | number>(21, { sizeMax: 5 }),
    portrait: schema.bytes(22, { sizeMax: 300 }),
    settings: json(23),
  },
  indexes: {
    byHandle: unique('handle'),
    byBadge: unique('badge'),
    byReferrer: postings('referrer'),
  },
})

export const posts = defineTable({
  id: 2,
  name: 'posts',
  columns: {
    author: reference(1, 'people'),
    parent: reference(2, 'posts'),
    removedAt: timeMs(3),
    replies: counter(4, { table: 'posts', by: 'parent', unless: ['removedAt'] }),
    likes: counter(5, { table: 'likes', by: 'post' }),
  },
  record: { caption: text(10) },
  indexes: {
    byAuthor: postings('author', { unless: ['parent', 'removedAt'] }),
    replies: postings('parent'),
    byWords: words('caption', { unless: ['removedAt'] }),
  },
})

export const likes = defineTable({
  id: 3,
  name: 'likes',
  columns: { user: reference(1, 'people'), post: reference(2, 'posts'), at: timeMs(3) },
  indexes: { byPair: pair('user', 'post'), byPost: postings('post') },
})

export const smallTables: readonly AnyTable[] = [people, posts, likes]

export class SmallStore {
  readonly memory: Memory
  readonly tables: Tables
  readonly view: TablesView
  readonly tx: StoreTransaction
  readonly effects: EffectWriter
  /** Transactions that wrote something. */
  count: number

  constructor(stored: StoredSchema = schema.storedSchema(smallTables, 0), storeId = STORE_ID) {
    this.memory = new Memory(undefined, REGION_SIZE_MAX)
    this.tables = new Tables(this.memory, storeId, stored)
    this.view = new TablesView(this.tables)
    this.effects = new EffectWriter()
    this.tx = new StoreTransaction(this.tables, this.effects)
    this.count = 0
  }

  /** Runs a transaction as the store does: what it throws undoes it and is thrown on. */
  transact<T>(run: (tx: Transaction) => T, label = 'test', now = 1000): T {
    this.tx.begin(label, now, this.effects)
    let result: T
    try {
      result = run(this.tx)
    } catch (error) {
      this.tx.undo()
      throw error
    }
    if (this.tx.commit()) this.count++
    return result
  }

  /** Moves to another schema, and logs that. */
  evolve(stored: StoredSchema): void {
    this.transact(() => {
      this.tables.evolve(stored)
      this.tx.declareSchema(stored)
    })
  }

  table(definition: AnyTable): Table {
    return this.tables.byId(definition.id)!
  }

  /** Applies all effects so far to another store that has had none. */
  replayInto(other: SmallStore): void {
    const payload = Buffer.from(this.effects.payload())
    new Replayer(other.tables).apply({ firstLsn: 1, count: this.count, payload })
  }
}

/**
 * All that a store knows, as plain data: rows, versions, ids, indexes, counters, what removed rows
 * leave behind.
 */
export function stateOf(tables: Tables): unknown {
  return tables.all().map((table) => ({
    name: table.name,
    lastId: table.lastId,
    rowCount: table.rowCount,
    recordsSize: table.arena?.usedSize ?? 0,
    rows: Array.from({ length: table.lastId }, (_, index) => rowState(table, index + 1)),
    indexes: Object.fromEntries(
      table.indexes.map((index) => [
        index.stored.name,
        index instanceof PostingIndex
          ? listsOf(index, tables)
          : index instanceof WordIndex
            ? wordsOf(index)
            : entriesOf(index as UniqueIndex | PairIndex),
      ]),
    ),
    counters: table.columns
      .filter(({ stored }) => stored.kind === 'counter')
      .map(({ stored, column }) => [stored.name, valuesOf(column, table.lastId)]),
    counted: table.counters.map((linked) => linked instanceof CounterIndex && linked.label),
  }))
}

function rowState(table: Table, row: number): unknown {
  return {
    version: table.versions.get(row),
    row: table.row.read(row),
    columns: table.dataColumns.map(({ column }) => column.get(row)),
    hasRecord: table.references.get(row) !== 0,
  }
}

function listsOf(index: PostingIndex, tables: Tables): unknown {
  const ownerMax = Math.max(...tables.all().map(({ lastId }) => lastId)) + BEYOND
  const lists = Array.from({ length: ownerMax + 1 }, (_, owner) => index.lists.check(owner))
  return lists.map((ids, owner) => [owner, ids]).filter(([, ids]) => String(ids) !== '')
}

/** What each term and each beginning of terms lists, whatever their numbers are. */
function wordsOf({ dictionary, lists }: WordIndex): unknown {
  const found = new Map<number, string>()
  const faults: string[] = []
  dictionary.check(
    (number, term) => found.set(number, term),
    (sentence) => faults.push(sentence),
  )
  const entries = [...found].map(([number, term]) => {
    const ids = lists.check(number)
    if (typeof ids === 'string') return `${term}: ${ids}`
    const named = term.endsWith('*') ? ids.map((id) => found.get(id)!).toSorted() : ids
    return `${term}: ${named.join(' ')}`
  })
  return { faults, entries: entries.toSorted() }
}

function entriesOf(index: UniqueIndex | PairIndex): unknown {
  const entries: string[] = []
  const fault = index.table.check((hash, row) => entries.push(`${hash} ${row}`))
  return { fault, count: index.table.count, entries: entries.toSorted() }
}

function valuesOf(column: Column, lastId: number): number[] {
  return Array.from({ length: lastId + BEYOND }, (_, index) => column.get(index))
}
