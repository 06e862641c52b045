// A pair index: two references, at most one row: follower × followee, user × liked post. A row in
// which one of them is 0 (none) is no pair and not in the index.

import { DatastoreError } from '../errors.ts'
import { hashPair } from './hash-table.ts'
import type { Column } from '../memory/column.ts'
import type { StoredIndex } from '../schema.ts'
import type { HashTable } from './hash-table.ts'
import type { TableIndex } from './table-index.ts'

export class PairIndex implements TableIndex {
  readonly stored: StoredIndex
  readonly table: HashTable
  readonly #label: string
  readonly #seed: number
  readonly #first: Column
  readonly #second: Column
  readonly #matches: (row: number, a: number, b: number) => boolean

  constructor(
    stored: StoredIndex,
    table: HashTable,
    seed: number,
    label: string,
    first: Column,
    second: Column,
  ) {
    this.stored = stored
    this.table = table
    this.#label = label
    this.#seed = seed
    this.#first = first
    this.#second = second
    this.#matches = (row, a, b) => first.get(row) === a && second.get(row) === b
  }

  /** The row of that pair, 0 when there is none. */
  find(first: number, second: number): number {
    if (first === 0 || second === 0) return 0
    return this.table.find(hashPair(this.#seed, first, second), this.#matches, first, second)
  }

  /** Throws DUPLICATE_KEY when a row other than `row` holds the pair. */
  demand(first: number, second: number, row: number): void {
    const found = this.find(first, second)
    if (found === 0 || found === row) return
    throw new DatastoreError(
      'DUPLICATE_KEY',
      `${this.#label}: row ${found} already holds the pair ${first}, ${second}`,
    )
  }

  add(row: number): void {
    const hash = this.hashOfRow(row)
    if (hash !== undefined) this.table.add(hash, row)
  }

  remove(row: number): void {
    const hash = this.hashOfRow(row)
    if (hash !== undefined) this.table.remove(hash, row)
  }

  /** The row that is found by that row's own pair. */
  findRow(row: number): number {
    return this.find(this.#first.get(row), this.#second.get(row))
  }

  /** The hash that the table must hold for that row; undefined when it is no pair. */
  hashOfRow(row: number): number | undefined {
    const first = this.#first.get(row)
    const second = this.#second.get(row)
    return first === 0 || second === 0 ? undefined : hashPair(this.#seed, first, second)
  }
}
