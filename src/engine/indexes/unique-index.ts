// A unique index: one key, at most one row. The table stores hash and row id; the key itself is
// read from the row.

import { DatastoreError } from '../errors.ts'
import { hashPair, hashText } from './hash-table.ts'
import type { StoredIndex } from '../schema.ts'
import type { HashTable } from './hash-table.ts'
import type { TableIndex } from './table-index.ts'

export type Key = string | number

export class UniqueIndex implements TableIndex {
  readonly stored: StoredIndex
  readonly table: HashTable
  readonly #label: string
  readonly #seed: number
  readonly #keyOf: (row: number) => Key

  /** `keyOf` reads a row's key; `label` names the index in errors, like "users.byHandle". */
  constructor(
    stored: StoredIndex,
    table: HashTable,
    seed: number,
    label: string,
    keyOf: (row: number) => Key,
  ) {
    this.stored = stored
    this.table = table
    this.#label = label
    this.#seed = seed
    this.#keyOf = keyOf
  }

  /** The row of that key, 0 when there is none. */
  find(key: Key): number {
    if (isEmpty(key)) return 0
    return this.table.find(this.#hash(key), hasKey, this.#keyOf, key)
  }

  /** Throws DUPLICATE_KEY when a row other than `row` has the key. */
  demand(key: Key, row: number): void {
    const found = this.find(key)
    if (found === 0 || found === row) return
    throw new DatastoreError(
      'DUPLICATE_KEY',
      `${this.#label}: row ${found} already has the key ${JSON.stringify(key)}`,
    )
  }

  add(row: number): void {
    const key = this.#keyOf(row)
    if (!isEmpty(key)) this.table.add(this.#hash(key), row)
  }

  remove(row: number): void {
    const key = this.#keyOf(row)
    if (!isEmpty(key)) this.table.remove(this.#hash(key), row)
  }

  /** The row that is found by that row's own key. */
  findRow(row: number): number {
    return this.find(this.#keyOf(row))
  }

  /** The hash that the table must hold for that row; undefined when its key is empty. */
  hashOfRow(row: number): number | undefined {
    const key = this.#keyOf(row)
    return isEmpty(key) ? undefined : this.#hash(key)
  }

  #hash(key: Key): number {
    if (typeof key === 'string') return hashText(this.#seed, key)
    NUMBER[0] = key
    return hashPair(this.#seed, WORDS[0]!, WORDS[1]!)
  }
}

/** A number key is hashed by all its 64 bits, so that times and fractions spread too. */
const NUMBER = new Float64Array(1)
const WORDS = new Uint32Array(NUMBER.buffer)

function isEmpty(key: Key): boolean {
  return key === '' || key === 0
}

function hasKey(row: number, keyOf: (row: number) => Key, key: Key): boolean {
  return keyOf(row) === key
}
