// Hot: bench `engine` shows it.
//
// A table: rows as columns plus one packed record each, and the indexes derived from them. It knows
// how to read a row and how to apply a change to memory; what a change means for undo and log is
// the transaction's business.
//
//   region            index    value
//   tables            0        seed of the hashes
//                     id × 4   last row id given out; + 1: rows
//   ID/versions       row id   0: no such row; 1, 2, 3 …: how often the immutable part was written
//   ID/column/FIELD   row id   a fixed-width field
//   ID/references     row id   the row's record in ID/arena (tables with record fields)
//   ID/index/NAME/…            see indexes/
//
// A record is msgpack with the field list of its layout as a fixed structure: its first byte (0x40
// + layout; two bytes from the 33rd layout on) names the layout, the values follow. Its bytes are
// the same in memory, log and snapshot, and are encoded once. Rows written while the table had no
// record fields have no record: reference 0.
//
// Invariants
//   (1) A row exists when its version is not 0. Ids of removed rows are never given out again.
//   (2) Every live row is in every index that it belongs to, and nothing else is.
//   (3) The columns of a removed row are 0 and its record's block is free, once the removing
//       transaction has committed.

import { Packr } from 'msgpackr'
import { assert } from '../std/assert.ts'
import { Arena } from './memory/arena.ts'
import { Column } from './memory/column.ts'
import { DatastoreError } from './errors.ts'
import { compileRow } from './row.ts'
import { widthOf } from './schema.ts'
import { HashTable } from './indexes/hash-table.ts'
import { PairIndex } from './indexes/pair-index.ts'
import { PostingIndex } from './indexes/posting-index.ts'
import { TermDictionary } from './indexes/term-dictionary.ts'
import { UniqueIndex } from './indexes/unique-index.ts'
import { WordIndex } from './indexes/word-index.ts'
import { PostingLists } from './posting-lists.ts'
import type { CounterIndex } from './indexes/counter-index.ts'
import type { Memory } from './memory/memory.ts'
import type { CompiledRow, FieldValues } from './row.ts'
import type { StoredColumn, StoredIndex, StoredRecordField, StoredTable } from './schema.ts'
import type { TableIndex } from './indexes/table-index.ts'
import type { WordSource } from './indexes/word-index.ts'

const GIB = 2 ** 30
const NEVER_ROW = 2 ** 32 - 1

/** A stored column and its memory. */
export interface TableColumn {
  readonly stored: StoredColumn
  readonly column: Column
}

/** A change of some columns of one row, as positions in `dataColumns` and values. */
export interface ColumnChanges {
  readonly positions: number[]
  readonly values: number[]
}

export class Table {
  readonly id: number
  readonly stored: StoredTable
  readonly versions: Column
  /** Every column, counters too, in the order of their ids. */
  readonly columns: readonly TableColumn[]
  /** The columns that transactions write: all but counters, in the order of their ids. */
  readonly dataColumns: readonly TableColumn[]
  readonly references: Column
  /** Only tables with record fields have one. */
  readonly arena: Arena | undefined
  readonly indexes: readonly TableIndex[]
  /** Counters of this or other tables that count this table's rows; filled by Tables. */
  readonly counters: CounterIndex[]
  readonly row: CompiledRow
  readonly #header: Column
  readonly #seed: number
  /** Indexes by the id of a field that they depend on. */
  readonly #dependents: Map<number, TableIndex[]>
  readonly #indexByName: Map<string, TableIndex>
  readonly #columnByName: Map<string, Column>
  readonly #targets: { readonly name: string; readonly table: Table }[]

  constructor(memory: Memory, stored: StoredTable, seed: number) {
    this.id = stored.id
    this.stored = stored
    this.#seed = seed
    this.#header = new Column(memory.region('tables', GIB), 4)
    this.versions = new Column(memory.region(`${stored.id}/versions`, 16 * GIB), 4)
    this.columns = stored.columns.map((column) => {
      const width = widthOf(column.kind)
      const region = memory.region(`${stored.id}/column/${column.id}`, 4 * width * GIB)
      return { stored: column, column: new Column(region, width) }
    })
    this.dataColumns = this.columns.filter((column) => column.stored.kind !== 'counter')
    this.references = new Column(memory.region(`${stored.id}/references`, 16 * GIB), 4)
    this.arena =
      stored.layouts.length === 0
        ? undefined
        : new Arena(memory.region(`${stored.id}/arena`, 32 * GIB))
    this.row = compileRow(stored, {
      versions: this.versions,
      columns: this.columns.map((column) => column.column),
      references: this.references,
      arena: this.arena,
      packr: packrOf(stored),
    })
    this.#dependents = new Map()
    this.counters = []
    this.#targets = []
    this.indexes = stored.indexes.map((index) => {
      const built = this.#index(memory, index)
      const conditions = [...(index.unless ?? []), ...(index.onlyWith ?? [])]
      for (const field of [...index.fields, ...conditions]) this.#depend(field, built)
      return built
    })
    this.#indexByName = new Map(this.indexes.map((index) => [index.stored.name, index]))
    this.#columnByName = new Map(this.columns.map(({ stored: { name }, column }) => [name, column]))
  }

  get name(): string {
    return this.stored.name
  }

  /** The highest row id ever given out. */
  get lastId(): number {
    return this.#header.get(this.id * 4)
  }

  get rowCount(): number {
    return this.#header.get(this.id * 4 + 1)
  }

  has(row: number): boolean {
    return isRowId(row) && this.versions.get(row) !== 0
  }

  /** A column by its name. */
  column(name: string): Column {
    const found = this.#columnByName.get(name)
    assert(found !== undefined, 'the table has a column of that name')
    return found
  }

  /** An index by its name, undefined when there is none. */
  index(name: string): TableIndex | undefined {
    return this.#indexByName.get(name)
  }

  /** The version of a row. Throws ROW_NOT_FOUND. */
  demand(row: number): number {
    if (this.has(row)) return this.versions.get(row)
    throw new DatastoreError('ROW_NOT_FOUND', `${this.name}: there is no row ${row}`)
  }

  /** Tells the table which one a reference of it points into. */
  linkTarget(name: string, table: Table): void {
    this.#targets.push({ name, table })
  }

  /** Tells the table that a counter counts its rows. */
  linkCounter(counter: CounterIndex, fields: readonly number[]): void {
    this.counters.push(counter)
    // One object for all fields: a change of several takes the row out, and puts it in, once.
    const dependent: TableIndex = {
      stored: NO_INDEX,
      add: (row) => counter.add(row),
      remove: (row) => counter.remove(row),
    }
    for (const field of fields) this.#depend(field, dependent)
  }

  /** Throws RangeError when a reference points above the highest id of the table it is into. */
  demandReferences(values: FieldValues): void {
    for (let index = 0; index < this.#targets.length; index++) {
      const { name, table } = this.#targets[index]!
      const value = values[name]
      if (typeof value !== 'number' || value <= table.lastId) continue
      throw new RangeError(
        `${this.name}.${name}: ${value} is no row of ${table.name}, ` +
          `whose highest id is ${table.lastId}`,
      )
    }
  }

  /** Throws DUPLICATE_KEY when a unique or pair index already has what the row would put in. */
  demandUnique(values: FieldValues, row: number): void {
    for (const index of this.indexes) {
      if (index instanceof UniqueIndex) {
        const key = this.#valueOf(index.stored.fields[0]!, values, row)
        index.demand(key as string | number, row)
      } else if (index instanceof PairIndex) {
        const first = this.#valueOf(index.stored.fields[0]!, values, row)
        const second = this.#valueOf(index.stored.fields[1]!, values, row)
        index.demand(first as number, second as number, row)
      }
    }
  }

  /** The id that the next inserted row gets. */
  nextId(): number {
    const id = this.lastId + 1
    assert(id < NEVER_ROW, 'a table holds fewer than 2^32 rows')
    return id
  }

  /**
   * Makes a row exist whose columns have been written: its record, its version, its place in the
   * indexes.
   */
  insert(row: number, record: Buffer | undefined, start: number, end: number): void {
    if (row > this.lastId) this.#header.set(this.id * 4, row)
    this.#header.set(this.id * 4 + 1, this.rowCount + 1)
    if (record !== undefined) this.references.set(row, this.arena!.write(record, start, end))
    this.versions.set(row, 1)
    this.#addToIndexes(row)
  }

  /** Undoes `insert`: the row never was. `lastId` is what it was before. */
  uninsert(row: number, lastId: number): void {
    this.hide(row)
    this.forget(row)
    this.#header.set(this.id * 4, lastId)
  }

  /**
   * Takes a row out of the indexes and out of sight. Its columns and record stay until `forget`.
   */
  hide(row: number): void {
    this.#removeFromIndexes(row)
    this.versions.set(row, 0)
    this.#header.set(this.id * 4 + 1, this.rowCount - 1)
  }

  /** Undoes `hide`. */
  show(row: number, version: number): void {
    this.versions.set(row, version)
    this.#header.set(this.id * 4 + 1, this.rowCount + 1)
    this.#addToIndexes(row)
  }

  /** Erases what a hidden row leaves behind. */
  forget(row: number): void {
    this.clearColumns(row)
    this.freeRecord(this.references.get(row))
    this.references.set(row, 0)
  }

  clearColumns(row: number): void {
    for (let index = 0; index < this.dataColumns.length; index++) {
      this.dataColumns[index]!.column.set(row, 0)
    }
  }

  writeRecord(source: Buffer, start: number, end: number): number {
    assert(this.arena !== undefined, 'only tables with record fields have records')
    return this.arena.write(source, start, end)
  }

  freeRecord(reference: number): void {
    if (reference !== 0) this.arena!.free(reference)
  }

  /**
   * Writes some columns, and the record when `reference` is not the present one, of an existing
   * row. Indexes that depend on a changed field follow. With the old values it is its own undo. The
   * old record is not freed.
   */
  change(row: number, changes: ColumnChanges, reference: number, version: number): void {
    const { positions, values } = changes
    const recordChanges = reference !== this.references.get(row)
    const affected = this.#affected(positions, recordChanges)
    for (const index of affected) index.remove(row)
    for (let index = 0; index < positions.length; index++) {
      this.dataColumns[positions[index]!]!.column.set(row, values[index]!)
    }
    if (recordChanges) this.references.set(row, reference)
    this.versions.set(row, version)
    for (const index of affected) index.add(row)
  }

  /**
   * Fills empty indexes from the rows; counters of this table's rows too. Yields after each
   * `stride` rows. Throws SCHEMA_CONFLICT when two rows have the same key of a unique or pair
   * index.
   */
  *rebuild(
    indexes: readonly (TableIndex | CounterIndex)[],
    stride: number,
  ): Generator<void, void, void> {
    const lastId = this.lastId
    for (let row = 1; row <= lastId; row++) {
      if (row % stride === 0) yield
      if (this.versions.get(row) === 0) continue
      for (let index = 0; index < indexes.length; index++) {
        const filled = indexes[index]!
        if (filled instanceof UniqueIndex || filled instanceof PairIndex) {
          const other = filled.findRow(row)
          if (other !== 0) throw sameKey(`${this.name}.${filled.stored.name}`, other, row)
        }
        filled.add(row)
      }
    }
  }

  /** Has no rows any more, because the table is dropped; ids that were given out stay so. */
  abandonRows(): void {
    this.#header.set(this.id * 4 + 1, 0)
  }

  #addToIndexes(row: number): void {
    const indexes = this.indexes
    for (let index = 0; index < indexes.length; index++) indexes[index]!.add(row)
    const counters = this.counters
    for (let index = 0; index < counters.length; index++) counters[index]!.add(row)
  }

  #removeFromIndexes(row: number): void {
    const indexes = this.indexes
    for (let index = 0; index < indexes.length; index++) indexes[index]!.remove(row)
    const counters = this.counters
    for (let index = 0; index < counters.length; index++) counters[index]!.remove(row)
  }

  #affected(positions: readonly number[], recordChanges: boolean): Set<TableIndex> {
    const affected = new Set<TableIndex>()
    for (const position of positions) {
      const field = this.dataColumns[position]!.stored.id
      for (const index of this.#dependents.get(field) ?? []) affected.add(index)
    }
    if (recordChanges) {
      for (const { id } of this.stored.record) {
        for (const index of this.#dependents.get(id) ?? []) affected.add(index)
      }
    }
    return affected
  }

  #depend(field: number, index: TableIndex): void {
    const dependents = this.#dependents.get(field)
    if (dependents === undefined) this.#dependents.set(field, [index])
    else dependents.push(index)
  }

  /** The value that a field has in `values`, or else in the row as it is. */
  #valueOf(field: number, values: FieldValues, row: number): unknown {
    const column = this.columns.find((candidate) => candidate.stored.id === field)
    const name = column?.stored.name ?? this.stored.record.find(({ id }) => id === field)!.name
    const value = values[name]
    if (value !== undefined) return value
    if (column !== undefined) return column.column.get(row)
    return this.has(row) ? (this.row.field(row, name) ?? '') : ''
  }

  #index(memory: Memory, stored: StoredIndex): TableIndex {
    const words = (part: string, gib: number): Column =>
      new Column(memory.region(`${this.id}/index/${stored.name}/${part}`, gib * GIB), 4)
    const columnOf = (field: number): Column =>
      this.columns.find((column) => column.stored.id === field)!.column
    const label = `${this.name}.${stored.name}`
    if (stored.kind === 'postings') {
      const lists = new PostingLists(words('heads', 16), words('pages', 64))
      const unless = (stored.unless ?? []).map(columnOf)
      return new PostingIndex(stored, lists, columnOf(stored.fields[0]!), unless)
    }
    const table = new HashTable(words('directory', 1), words('segments', 64))
    if (stored.kind === 'words') {
      const texts = new Arena(memory.region(`${this.id}/index/${stored.name}/texts`, 32 * GIB))
      const dictionary = new TermDictionary(table, words('terms', 16), texts, this.#seed)
      const lists = new PostingLists(words('heads', 16), words('pages', 64))
      return new WordIndex(stored, dictionary, lists, this.#wordSource(stored))
    }
    if (stored.kind === 'pair') {
      const [first, second] = stored.fields.map(columnOf)
      return new PairIndex(stored, table, this.#seed, label, first!, second!)
    }
    const field = stored.fields[0]!
    const inRecord = this.#recordField(field)
    if (inRecord === undefined) {
      const column = columnOf(field)
      return new UniqueIndex(stored, table, this.#seed, label, (row) => column.get(row))
    }
    const keyOf = (row: number): string => (this.row.field(row, inRecord.name) ?? '') as string
    return new UniqueIndex(stored, table, this.#seed, label, keyOf)
  }

  #recordField(id: number): StoredRecordField | undefined {
    return this.stored.record.find((field) => field.id === id)
  }

  #wordSource({ fields, unless = [], onlyWith = [] }: StoredIndex): WordSource {
    const names = fields.map((field) => this.#recordField(field)!.name)
    const columnsOf = (of: readonly number[]): Column[] =>
      of.map((field) => this.columns.find(({ stored }) => stored.id === field)!.column)
    const { row: rows, versions } = this
    const lastId = (): number => this.lastId
    const text = (row: number, name: string): string => (rows.field(row, name) ?? '') as string
    return {
      text: (row) => {
        let joined = text(row, names[0]!)
        // No word goes on from one text to the next.
        for (let at = 1; at < names.length; at++) joined += `\n${text(row, names[at]!)}`
        return joined
      },
      has: (row) => versions.get(row) !== 0,
      unless: columnsOf(unless),
      onlyWith: columnsOf(onlyWith),
      get lastId() {
        return lastId()
      },
    }
  }
}

/** True for what can be the id of a row: ids come from outside too. */
export function isRowId(value: number): boolean {
  return value >>> 0 === value && value !== 0
}

function sameKey(index: string, first: number, second: number): DatastoreError {
  return new DatastoreError(
    'SCHEMA_CONFLICT',
    `index ${index} cannot be built: rows ${first} and ${second} have the same key`,
    { advice: 'make the keys differ, in a migration or with the program as it was before' },
  )
}

/** Stands for the stored form of a counter's place among the dependents of a field. */
const NO_INDEX: StoredIndex = { name: '', kind: 'postings', fields: [] }

/**
 * One packr a table: its structures are the table's record layouts, oldest first, under their
 * present names.
 */
function packrOf(stored: StoredTable): Packr {
  const nameOf = new Map(stored.record.map((field) => [field.id, field.name]))
  const structures = stored.layouts.map((layout) => layout.map((id) => nameOf.get(id) ?? `#${id}`))
  const packr = new Packr({
    // Not `structures`: given that way, records of the 33rd layout and later cannot be read back.
    getStructures: () => structures,
    maxSharedStructures: Math.max(structures.length, 1),
    copyBuffers: true,
    variableMapSize: true,
  })
  // It asks for them when it first needs them. In the middle of reading it would copy the whole
  // source before, which is the arena: so it is made to ask now.
  const newest = structures.at(-1)
  if (newest !== undefined) packr.pack(Object.fromEntries(newest.map((name) => [name, null])))
  return packr
}
