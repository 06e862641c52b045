// Hot: bench `engine` shows it.
//
// A transaction: reads and writes of one named synchronous function. Writes go to memory at once
// and are noted twice: as effects (for the log) and in the undo list (for a throw). Commit erases
// what was replaced; undo plays the list backwards and leaves rows, indexes, counters and id
// sequences as they were.
//
//   undo list, in order of writing        undone, last first, by
//   INSERT  row, last id before it        removing the row, giving the id back
//   REMOVE  row, its version              showing it again
//   UPDATE  row, old columns and record   writing those back, freeing the new record
//
// Invariants
//   (1) Between transactions the undo list is empty.
//   (2) A record replaced or removed stays in the arena until commit, so undo only restores
//       references.

import { assert } from '../std/assert.ts'
import { toNumber } from './row.ts'
import { TablesView } from './view.ts'
import type { EffectWriter } from './effects.ts'
import type { FieldValues } from './row.ts'
import type { Index, NewRow, NumberColumnName, Row, StoredSchema } from './schema.ts'
import type { ColumnChanges, Table } from './table.ts'
import type { Tables } from './tables.ts'
import type { AnyTable, View } from './view.ts'
import type { FoundRows, SearchTerm } from './words.ts'

/** What the function of a transaction gets. */
export interface Transaction extends View {
  /** The transaction's time, milliseconds since 1970. */
  readonly now: number
  /** Adds a row and returns its id. Throws DUPLICATE_KEY, RangeError, TypeError. */
  insert<T extends AnyTable>(table: T, values: NewRow<T>): number
  /** Adds a row under an id above all that were given out, for imports. */
  insertAt<T extends AnyTable>(table: T, row: number, values: NewRow<T>): void
  /**
   * Writes the given fields of a row that exists. Throws ROW_NOT_FOUND, DUPLICATE_KEY, RangeError,
   * TypeError.
   */
  update<T extends AnyTable>(table: T, row: number, values: NewRow<T>): void
  /** Removes a row that exists. Throws ROW_NOT_FOUND. */
  remove(table: AnyTable, row: number): void
}

interface Inserted {
  readonly kind: 'insert'
  readonly table: Table
  readonly row: number
  readonly lastId: number
}

interface Removed {
  readonly kind: 'remove'
  readonly table: Table
  readonly row: number
  readonly version: number
}

interface Updated {
  readonly kind: 'update'
  readonly table: Table
  readonly row: number
  readonly version: number
  readonly before: ColumnChanges
  readonly reference: number
  readonly newReference: number
}

export class StoreTransaction implements Transaction {
  readonly #tables: Tables
  readonly #view: TablesView
  #effects: EffectWriter
  readonly #undo: (Inserted | Removed | Updated)[]
  #now: number
  #active: boolean

  /** `effects` is where the first transaction writes; each `begin` may name another. */
  constructor(tables: Tables, effects: EffectWriter) {
    this.#tables = tables
    this.#view = new TablesView(tables)
    this.#effects = effects
    this.#undo = []
    this.#now = 0
    this.#active = false
  }

  get now(): number {
    return this.#now
  }

  get state(): number {
    return this.#view.state
  }

  /** Starts a transaction. */
  begin(label: string, now: number, effects: EffectWriter): void {
    assert(!this.#active && this.#undo.length === 0, 'transactions run one at a time')
    this.#active = true
    this.#now = now
    this.#effects = effects
    effects.begin(label, now)
  }

  /** Ends it and keeps its writes. Returns false when there were none. */
  commit(): boolean {
    assert(this.#active, 'a transaction is committed once')
    this.#active = false
    const undo = this.#undo
    for (let index = 0; index < undo.length; index++) {
      const entry = undo[index]!
      if (entry.kind === 'remove') entry.table.forget(entry.row)
      else if (entry.kind === 'update' && entry.reference !== entry.newReference) {
        entry.table.freeRecord(entry.reference)
      }
    }
    undo.length = 0
    if (!this.#effects.hasEffects) {
      this.#effects.abandon()
      return false
    }
    this.#effects.end()
    return true
  }

  /** Ends it and takes its writes back. */
  undo(): void {
    assert(this.#active, 'a transaction is undone once')
    this.#active = false
    for (let entry = this.#undo.pop(); entry !== undefined; entry = this.#undo.pop()) {
      const { table, row } = entry
      if (entry.kind === 'insert') table.uninsert(row, entry.lastId)
      else if (entry.kind === 'remove') table.show(row, entry.version)
      else {
        table.change(row, entry.before, entry.reference, entry.version)
        if (entry.reference !== entry.newReference) table.freeRecord(entry.newReference)
      }
    }
    this.#effects.abandon()
  }

  insert<T extends AnyTable>(definition: T, values: NewRow<T>): number {
    const table = this.#table(definition.id)
    const row = table.nextId()
    table.demandReferences(values)
    this.#insert(table, row, values)
    return row
  }

  insertAt<T extends AnyTable>(definition: T, row: number, values: NewRow<T>): void {
    const table = this.#table(definition.id)
    assert(Number.isInteger(row) && row > 0 && row < 2 ** 32 - 1, 'a row id is a natural number')
    if (row <= table.lastId) {
      throw new RangeError(`${table.name}: id ${row} is not above ${table.lastId}, the highest one`)
    }
    this.#insert(table, row, values)
  }

  update<T extends AnyTable>(definition: T, row: number, given: NewRow<T>): void {
    const table = this.#table(definition.id)
    const values = given as FieldValues
    const version = table.demand(row)
    const positions: number[] = []
    const after: number[] = []
    const before: number[] = []
    const columns = table.dataColumns
    for (let index = 0; index < columns.length; index++) {
      const { stored, column } = columns[index]!
      const value = values[stored.name]
      if (value === undefined) continue
      const number = toNumber(stored, value)
      const old = column.get(row)
      if (number === old) continue
      positions.push(index)
      after.push(number)
      before.push(old)
    }
    const touchesRecord = table.stored.record.some(({ name }) => values[name] !== undefined)
    if (positions.length === 0 && !touchesRecord) return
    table.demandReferences(values)
    table.demandUnique(values, row)
    const record = touchesRecord ? table.row.pack(recordAfter(table, row, values)) : undefined
    this.#effects.update(table, row, positions, after, record)
    const reference = table.references.get(row)
    const newReference =
      record === undefined ? reference : table.writeRecord(record, 0, record.length)
    table.change(row, { positions, values: after }, newReference, version + 1)
    this.#undo.push({
      kind: 'update',
      table,
      row,
      version,
      before: { positions, values: before },
      reference,
      newReference,
    })
  }

  remove(definition: AnyTable, row: number): void {
    const table = this.#table(definition.id)
    const version = table.demand(row)
    this.#effects.remove(table, row)
    table.hide(row)
    this.#undo.push({ kind: 'remove', table, row, version })
  }

  /** Declares the schema that the following effects are written with. The engine's own. */
  declareSchema(schema: StoredSchema): void {
    this.#effects.schema(schema)
  }

  get<T extends AnyTable>(table: T, row: number): Row<T> | undefined {
    return this.#view.get(table, row)
  }

  getMany<T extends AnyTable>(table: T, rows: ArrayLike<number>): Row<T>[] {
    return this.#view.getMany(table, rows)
  }

  has(table: AnyTable, row: number): boolean {
    return this.#view.has(table, row)
  }

  value<T extends AnyTable>(table: T, row: number, column: NumberColumnName<T>): number {
    return this.#view.value(table, row, column)
  }

  values<T extends AnyTable>(
    table: T,
    rows: readonly number[],
    column: NumberColumnName<T>,
  ): number[] {
    return this.#view.values(table, rows, column)
  }

  version(table: AnyTable, row: number): number {
    return this.#view.version(table, row)
  }

  find(index: Index<'unique'>, key: string | number): number {
    return this.#view.find(index, key)
  }

  findPair(index: Index<'pair'>, first: number, second: number): number {
    return this.#view.findPair(index, first, second)
  }

  newest(index: Index<'postings'>, owner: number, count: number, beforeId?: number): number[] {
    return this.#view.newest(index, owner, count, beforeId)
  }

  after(index: Index<'postings'>, owner: number, afterId: number, count: number): number[] {
    return this.#view.after(index, owner, afterId, count)
  }

  mergeNewest(
    index: Index<'postings'>,
    owners: ArrayLike<number>,
    count: number,
    beforeId?: number,
  ): number[] {
    return this.#view.mergeNewest(index, owners, count, beforeId)
  }

  search(
    index: Index<'words'>,
    terms: readonly SearchTerm[],
    count: number,
    beforeId?: number,
  ): FoundRows {
    return this.#view.search(index, terms, count, beforeId)
  }

  rowCount(table: AnyTable): number {
    return this.#view.rowCount(table)
  }

  lastId(table: AnyTable): number {
    return this.#view.lastId(table)
  }

  #insert(table: Table, row: number, values: FieldValues): void {
    table.demandUnique(values, row)
    const record = table.stored.record.length === 0 ? undefined : table.row.pack(values)
    const lastId = table.lastId
    try {
      table.row.write(row, values)
      this.#effects.insert(table, row, record)
    } catch (error) {
      table.clearColumns(row)
      throw error
    }
    table.insert(row, record, 0, record?.length ?? 0)
    this.#undo.push({ kind: 'insert', table, row, lastId })
  }

  #table(id: number): Table {
    assert(this.#active, 'a transaction is used only while it runs')
    const table = this.#tables.byId(id)
    assert(table !== undefined, 'the table belongs to the schema of this store')
    return table
  }
}

/** The record fields of a row as an update leaves them: those that it does not give stay. */
function recordAfter(table: Table, row: number, values: FieldValues): FieldValues {
  const before = table.row.read(row) as FieldValues
  const after: Record<string, unknown> = {}
  for (const { name } of table.stored.record) {
    after[name] = values[name] === undefined ? before[name] : values[name]
  }
  return after
}
