// Changes of one transaction out of the log, for people: which rows, which columns, and of the
// values only those that may be shown.

import { valueAt } from './effects.ts'
import type { EffectVisitor } from './effects.ts'
import type { Json, StoredSchema } from './schema.ts'
import type { Table } from './table.ts'
import type { Tables } from './tables.ts'

export interface HistoryChange {
  readonly change: 'insert' | 'update' | 'remove' | 'schema'
  /** '' for a change of schema. */
  readonly table: string
  /** 0 for a change of schema. */
  readonly row: number
  /** Names of the columns that were written. */
  readonly columns: readonly string[]
  /** Whether texts of the row were written. */
  readonly hasTexts: boolean
  /** Values that the question names. */
  readonly values: Readonly<Record<string, Json>>
}

/** Changes that are told of one transaction. */
const CHANGE_COUNT_MAX = 100

/** Names the changes of one transaction, and the values that may be shown. */
export class ChangeCollector implements EffectVisitor {
  /** Those of the schema that the transaction has declared last, if it has. */
  tables: Tables
  readonly #tablesOf: (schema: StoredSchema) => Tables
  readonly #shown: Readonly<Record<string, readonly string[]>>
  readonly #changes: HistoryChange[]
  #count: number

  constructor(
    tables: Tables,
    tablesOf: (schema: StoredSchema) => Tables,
    shown: Readonly<Record<string, readonly string[]>>,
  ) {
    this.tables = tables
    this.#tablesOf = tablesOf
    this.#shown = shown
    this.#changes = []
    this.#count = 0
  }

  found(): { readonly changes: readonly HistoryChange[]; readonly changeCount: number } {
    return { changes: this.#changes, changeCount: this.#count }
  }

  table(id: number): Table | undefined {
    return this.tables.byId(id)
  }

  insert: EffectVisitor['insert'] = (table, row, view, values, payload, start, end) => {
    if (this.#isFull()) return
    const given: Record<string, unknown> = {}
    let offset = values
    for (const { stored, column } of table.dataColumns) {
      given[stored.name] = valueAt(view, offset, column.width)
      offset += column.width
    }
    const columns = table.dataColumns.map(({ stored }) => stored.name)
    this.#add('insert', table, row, columns, given, payload.subarray(start, end))
  }

  update: EffectVisitor['update'] = (table, row, positions, values, payload, start, end) => {
    if (this.#isFull()) return
    const columns = positions.map((position) => table.dataColumns[position]!.stored.name)
    const given = Object.fromEntries(columns.map((name, index) => [name, values[index]]))
    this.#add('update', table, row, columns, given, payload.subarray(start, end))
  }

  remove: EffectVisitor['remove'] = (table, row) => {
    if (!this.#isFull()) this.#add('remove', table, row, [], {}, Buffer.alloc(0))
  }

  schema: EffectVisitor['schema'] = (schema) => {
    this.tables = this.#tablesOf(schema)
    this.#count++
    const nothing = { table: '', row: 0, columns: [], hasTexts: false, values: {} }
    this.#changes.push({ change: 'schema', ...nothing })
  }

  #isFull(): boolean {
    return ++this.#count > CHANGE_COUNT_MAX
  }

  #add(
    change: 'insert' | 'update' | 'remove',
    table: Table,
    row: number,
    columns: readonly string[],
    given: Readonly<Record<string, unknown>>,
    record: Buffer,
  ): void {
    const shown = this.#shown[table.name] ?? []
    const hasTexts = record.length > 0
    const texts = hasTexts && shown.length > 0 ? table.row.unpack(record, 0, record.length) : {}
    const all: Readonly<Record<string, unknown>> = { ...given, ...texts }
    const named = shown.filter((name) => Object.hasOwn(all, name))
    const values = Object.fromEntries(named.map((name) => [name, all[name] as Json]))
    this.#changes.push({ change, table: table.name, row, columns, hasTexts, values })
  }
}
