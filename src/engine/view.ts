// Hot: bench `engine` shows it.
//
// A view: what a reader sees. Synchronous, plain values out, no side effects. Transactions read
// through the same interface, so a query of the product is written once and serves both.
//
// Every traversal is bounded by a count that the caller gives, so that a reader of torn memory
// ends.

import { assert } from '../std/assert.ts'
import { PairIndex } from './indexes/pair-index.ts'
import { PostingIndex } from './indexes/posting-index.ts'
import { UniqueIndex } from './indexes/unique-index.ts'
import { WordIndex } from './indexes/word-index.ts'
import type { Index, NumberColumnName, Row, TableDefinition } from './schema.ts'
import type { Table } from './table.ts'
import type { Tables } from './tables.ts'
import type { FoundRows, SearchTerm } from './words.ts'

// oxlint-disable-next-line typescript/no-explicit-any -- any table definition whatever
export type AnyTable = TableDefinition<any, any, any>

export interface View {
  /**
   * Names the state that is seen: another one after each batch of transactions, and odd within a
   * batch, when states come and go. What was seen between two looks at the same even number was
   * one state.
   */
  readonly state: number
  /** The row, undefined when there is none. */
  get<T extends AnyTable>(table: T, row: number): Row<T> | undefined
  /**
   * The rows of those ids in that order; missing ones are left out. Faster than `get` one by one.
   */
  getMany<T extends AnyTable>(table: T, rows: ArrayLike<number>): Row<T>[]
  has(table: AnyTable, row: number): boolean
  /** One column of a row, without reading the rest; 0 when there is no row, a flag is 0 or 1. */
  value<T extends AnyTable>(table: T, row: number, column: NumberColumnName<T>): number
  /** One column of several rows, in their order. Faster than `value` one by one. */
  values<T extends AnyTable>(
    table: T,
    rows: readonly number[],
    column: NumberColumnName<T>,
  ): number[]
  /** How often the row's own fields were written, counters left out; 0 when there is none. */
  version(table: AnyTable, row: number): number
  /** Row of that key, 0 when there is none. */
  find(index: Index<'unique'>, key: string | number): number
  /** Row of that pair, 0 when there is none. */
  findPair(index: Index<'pair'>, first: number, second: number): number
  /**
   * The newest `count` row ids of an owner, newest first; before row `beforeId` when given: a
   * cursor.
   */
  newest(index: Index<'postings'>, owner: number, count: number, beforeId?: number): number[]
  /** The oldest `count` row ids of an owner after row `afterId`, oldest first. */
  after(index: Index<'postings'>, owner: number, afterId: number, count: number): number[]
  /** The newest `count` row ids of several owners together, newest first. */
  mergeNewest(
    index: Index<'postings'>,
    owners: ArrayLike<number>,
    count: number,
    beforeId?: number,
  ): number[]
  /**
   * Rows that have all terms, newest first; before row `beforeId` when given: a cursor. At most
   * `count`, and fewer when that takes long: then `next` tells where to go on.
   */
  search(
    index: Index<'words'>,
    terms: readonly SearchTerm[],
    count: number,
    beforeId?: number,
  ): FoundRows
  rowCount(table: AnyTable): number
  /** The highest id that the table ever gave out. */
  lastId(table: AnyTable): number
}

export class TablesView implements View {
  readonly #tables: Tables

  constructor(tables: Tables) {
    this.#tables = tables
  }

  get state(): number {
    return this.#tables.memory.seqlock.sequence
  }

  get<T extends AnyTable>(table: T, row: number): Row<T> | undefined {
    return this.#table(table.id).row.read(row) as Row<T> | undefined
  }

  getMany<T extends AnyTable>(table: T, rows: ArrayLike<number>): Row<T>[] {
    return this.#table(table.id).row.readMany(rows) as Row<T>[]
  }

  has(table: AnyTable, row: number): boolean {
    return this.#table(table.id).has(row)
  }

  value<T extends AnyTable>(table: T, row: number, column: NumberColumnName<T>): number {
    const found = this.#table(table.id)
    return found.has(row) ? found.column(column).get(row) : 0
  }

  values<T extends AnyTable>(
    table: T,
    rows: readonly number[],
    column: NumberColumnName<T>,
  ): number[] {
    const found = this.#table(table.id)
    const source = found.column(column)
    return rows.map((row) => (found.has(row) ? source.get(row) : 0))
  }

  version(table: AnyTable, row: number): number {
    const found = this.#table(table.id)
    return found.has(row) ? found.versions.get(row) : 0
  }

  find(index: Index<'unique'>, key: string | number): number {
    const found = this.#table(index.tableId).index(index.name)
    assert(found instanceof UniqueIndex, 'find takes a unique index')
    return found.find(key)
  }

  findPair(index: Index<'pair'>, first: number, second: number): number {
    const found = this.#table(index.tableId).index(index.name)
    assert(found instanceof PairIndex, 'findPair takes a pair index')
    return found.find(first, second)
  }

  newest(index: Index<'postings'>, owner: number, count: number, beforeId?: number): number[] {
    return this.#postings(index).lists.newest(owner, count, beforeId)
  }

  after(index: Index<'postings'>, owner: number, afterId: number, count: number): number[] {
    return this.#postings(index).lists.after(owner, afterId, count)
  }

  mergeNewest(
    index: Index<'postings'>,
    owners: ArrayLike<number>,
    count: number,
    beforeId?: number,
  ): number[] {
    return this.#postings(index).lists.mergeNewest(owners, count, beforeId)
  }

  search(
    index: Index<'words'>,
    terms: readonly SearchTerm[],
    count: number,
    beforeId?: number,
  ): FoundRows {
    const found = this.#table(index.tableId).index(index.name)
    assert(found instanceof WordIndex, 'search takes a word index')
    return found.search(terms, count, beforeId)
  }

  rowCount(table: AnyTable): number {
    return this.#table(table.id).rowCount
  }

  lastId(table: AnyTable): number {
    return this.#table(table.id).lastId
  }

  #table(id: number): Table {
    const table = this.#tables.byId(id)
    assert(table !== undefined, 'the table belongs to the schema of this store')
    return table
  }

  #postings(index: Index<'postings'>): PostingIndex {
    const found = this.#table(index.tableId).index(index.name)
    assert(found instanceof PostingIndex, 'the index lists rows by owner')
    return found
  }
}
