// Schema: tables declared once; layout, codec, indexes, undo, check, log and snapshot follow from
// the declaration.
//
//   export const posts = defineTable({
//     id: 3,                             // permanent, like every id below: it is in the log
//     name: 'posts',
//     columns: { author: reference(1, 'users'), publishedAt: timeMs(4), likes: counter(5) },
//     record: { caption: text(10, { sizeMax: 2000 }) },
//     indexes: { byAuthor: postings('author') },
//   })
//
// Columns are numbers of fixed width, one region each, indexed by row id. Record fields are packed
// together, one msgpack record a row. Indexes are derived: they can come and go. Ids identify,
// names only label: a field may be renamed at will as long as its id stays.
//
// The schema that is written with the data is plain JSON (`StoredSchema`): data can be read,
// checked and exported without the code that declared it. How a stored schema meets a newer
// declaration is told in evolution.ts.

import { assert } from '../std/assert.ts'
import { WORD_RULES } from './words.ts'
import type { ColumnWidth } from './memory/column.ts'

export type ColumnKind = 'reference' | 'number' | 'counter' | 'timeMs' | 'float' | 'flag'
export type RecordKind = 'text' | 'list' | 'bytes' | 'json'

/** A value that JSON can hold. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json }

/** A fixed-width field. `Value` exists for the compiler only. */
export interface ColumnField<Value = unknown> {
  readonly id: number
  readonly kind: ColumnKind
  /** Name of the table that a reference points into. */
  readonly table?: string
  readonly counts?: Counted
  readonly value?: Value
}

/** Which rows a counter counts: those of `table` whose column `by` holds this row's id. */
export interface Counted {
  readonly table: string
  readonly by: string
  /** Rows are counted only while these columns are 0. */
  readonly unless?: readonly string[]
}

/** A field of the packed record. */
export interface RecordField<Value = unknown> {
  readonly id: number
  readonly kind: RecordKind
  /** UTF-8 bytes of a text, bytes of `bytes`, items of a list. */
  readonly sizeMax?: number
  readonly value?: Value
}

/** Row id of another table; 0 is none. */
export function reference(id: number, table: string): ColumnField<number> {
  return { id, kind: 'reference', table }
}

/** A natural number below 2³². */
export function number(id: number): ColumnField<number> {
  return { id, kind: 'number' }
}

/**
 * How many rows of another table refer to this one. Derived like an index: kept by the engine,
 * never written by a transaction, not in the log.
 */
export function counter(
  id: number,
  counts: Counted,
): ColumnField<number> & { readonly kind: 'counter' } {
  return { id, kind: 'counter', counts }
}

/** Milliseconds since 1970, or 0. */
export function timeMs(id: number): ColumnField<number> {
  return { id, kind: 'timeMs' }
}

/** Any 64-bit floating point number. */
export function float(id: number): ColumnField<number> {
  return { id, kind: 'float' }
}

/** True or false. */
export function flag(id: number): ColumnField<boolean> {
  return { id, kind: 'flag' }
}

export function text(id: number, bounds: { sizeMax?: number } = {}): RecordField<string> {
  return { id, kind: 'text', ...bounds }
}

/** A list of numbers or of texts. */
export function list<Item extends number | string>(
  id: number,
  bounds: { sizeMax?: number } = {},
): RecordField<readonly Item[]> {
  return { id, kind: 'list', ...bounds }
}

export function bytes(id: number, bounds: { sizeMax?: number } = {}): RecordField<Uint8Array> {
  return { id, kind: 'bytes', ...bounds }
}

/** Anything that JSON can hold, for what nobody searches by. */
export function json<Value extends Json = Json>(id: number): RecordField<Value> {
  return { id, kind: 'json' }
}

/**
 * Finds at most one row by a text, or by a number column. Empty keys ('' and 0) are not indexed.
 */
export function unique<F extends string>(field: F): IndexField<'unique', F> {
  return { kind: 'unique', fields: [field] }
}

/** Finds at most one row by two references, such as follower × followee. Neither is 0 in a pair. */
export function pair<F extends string>(first: F, second: F): IndexField<'pair', F> {
  return { kind: 'pair', fields: [first, second] }
}

/**
 * Lists the rows of an owner, newest first; of a number that is one of a few, such as a state, the
 * rows that have it, 0 excepted. With `unless`, only rows in which all those columns are 0.
 */
export function postings<const F extends string>(
  field: F,
  condition: { unless?: readonly F[] } = {},
): IndexField<'postings', F> {
  return { kind: 'postings', fields: [field], ...condition }
}

/**
 * Finds the rows whose texts have certain words, newest first (words.ts): one text, or several as
 * if they were one. With `unless`, only rows in which all those columns are 0; with `onlyWith`,
 * only rows in which none of those is.
 */
export function words<const F extends string>(
  fields: F | readonly F[],
  condition: { unless?: readonly F[]; onlyWith?: readonly F[] } = {},
): IndexField<'words', F> {
  return { kind: 'words', fields: typeof fields === 'string' ? [fields] : fields, ...condition }
}

export type IndexKind = 'unique' | 'pair' | 'postings' | 'words'

export interface IndexField<Kind extends IndexKind = IndexKind, F extends string = string> {
  readonly kind: Kind
  readonly fields: readonly F[]
  readonly unless?: readonly F[]
  readonly onlyWith?: readonly F[]
}

/** How a look-up names an index: `view.newest(posts.indexes.byAuthor, …)`. */
export interface Index<Kind extends IndexKind = IndexKind> {
  readonly kind: Kind
  readonly tableId: number
  readonly name: string
  /** Place among the table's indexes. */
  readonly position: number
}

type Columns = Readonly<Record<string, ColumnField>>
type Records = Readonly<Record<string, RecordField>>
type FieldNames<C, R> = Extract<keyof C | keyof R, string>

/** A declared table. */
export interface TableDefinition<
  C extends Columns = Columns,
  R extends Records = Records,
  I extends Readonly<Record<string, IndexField>> = Readonly<Record<string, IndexField>>,
> {
  readonly id: number
  readonly name: string
  readonly columns: C
  readonly record: R
  readonly indexes: { readonly [K in keyof I]: Index<I[K]['kind']> }
  readonly stored: StoredTable
}

type ValueOf<F> = F extends { readonly value?: infer Value } ? Exclude<Value, undefined> : never
type CounterNames<C> = {
  [K in keyof C]: C[K] extends { readonly kind: 'counter' } ? K : never
}[keyof C]
type NumberNames<C> = {
  [K in keyof C]: ValueOf<C[K]> extends number | boolean ? K : never
}[keyof C]

/** A row as readers get it. */
export type Row<T> =
  T extends TableDefinition<infer C, infer R>
    ? { readonly id: number } & { readonly [K in keyof C]: ValueOf<C[K]> } & {
        readonly [K in keyof R]: ValueOf<R[K]>
      }
    : never

/**
 * What `insert` takes: every field may be left out and is then 0, false, '', [] or null. No
 * counters.
 */
export type NewRow<T> =
  T extends TableDefinition<infer C> ? Partial<Omit<Row<T>, 'id' | CounterNames<C>>> : never

/** Names of a table's columns, all of which hold numbers; a flag is 0 or 1. */
export type NumberColumnName<T> =
  T extends TableDefinition<infer C> ? Extract<NumberNames<C>, string> : never

export interface StoredColumn {
  readonly id: number
  readonly name: string
  readonly kind: ColumnKind
  readonly table?: string
  readonly counts?: Counted
}

export interface StoredRecordField {
  readonly id: number
  readonly name: string
  readonly kind: RecordKind
  readonly sizeMax?: number
}

export interface StoredIndex {
  readonly name: string
  readonly kind: IndexKind
  /** Ids of fields. */
  readonly fields: readonly number[]
  readonly unless?: readonly number[]
  readonly onlyWith?: readonly number[]
  /** Of a word index: how texts are taken apart. One of other rules is another index. */
  readonly rules?: string
}

/**
 * A table as it is written with the data. Columns and record fields are in the order of their ids.
 */
export interface StoredTable {
  readonly id: number
  readonly name: string
  readonly columns: readonly StoredColumn[]
  readonly record: readonly StoredRecordField[]
  readonly indexes: readonly StoredIndex[]
  /**
   * Field ids of every record layout ever written, oldest first; a record names its layout by
   * position.
   */
  readonly layouts: readonly (readonly number[])[]
}

/** All tables of a store, and the number of the last migration that ran. */
export interface StoredSchema {
  readonly tables: readonly StoredTable[]
  readonly migration: number
}

/** Ids from here on belong to the engine's own tables. */
export const ENGINE_TABLE_ID_MIN = 1000
/** Table ids lie below this. */
export const TABLE_ID_LIMIT = 1024

/** Declares a table. Throws InvariantError on a declaration that makes no sense. */
export function defineTable<
  const C extends Columns,
  const R extends Records,
  const I extends Readonly<Record<string, IndexField<IndexKind, FieldNames<C, R>>>>,
>(declaration: {
  readonly id: number
  readonly name: string
  readonly columns: C
  readonly record?: R
  readonly indexes?: I
}): TableDefinition<C, R, I> {
  const { id, name, columns } = declaration
  const record = declaration.record ?? ({} as R)
  assert(
    Number.isInteger(id) && id > 0 && id < TABLE_ID_LIMIT,
    'a table id lies between 1 and 1023',
  )
  assert(/^[a-zA-Z][a-zA-Z0-9]*$/.test(name), 'a table name is a word')
  assert(Object.keys(columns).length < 256, 'a table has fewer than 256 columns')
  const idOf = new Map<string, number>()
  const seen = new Set<number>()
  for (const [field, { id: fieldId }] of [...Object.entries(columns), ...Object.entries(record)]) {
    assert(
      /^[a-zA-Z][a-zA-Z0-9]*$/.test(field) && field !== 'id' && !(field in {}),
      'a field name is a word, and neither "id" nor what every object has',
    )
    assert(
      Number.isInteger(fieldId) && fieldId > 0 && fieldId < 65_536,
      'a field id is a small natural number',
    )
    assert(!seen.has(fieldId), 'a field id is used once in a table')
    assert(!idOf.has(field), 'a field is a column or in the record, not both')
    seen.add(fieldId)
    idOf.set(field, fieldId)
  }
  const storedIndexes = Object.entries(declaration.indexes ?? {}).map(
    ([indexName, index]): StoredIndex => {
      for (const field of index.fields) {
        const column = columns[field]
        const isReference = column?.kind === 'reference'
        if (index.kind === 'pair') assert(isReference, 'pairs are over references')
        else if (index.kind === 'postings')
          assert(isReference || column?.kind === 'number', 'posting lists are over rows or numbers')
        else if (index.kind === 'words')
          assert(record[field]?.kind === 'text', 'words are those of texts in the record')
        else
          assert(
            isKeyColumn(column) || record[field]?.kind === 'text',
            'unique is over a number or a text that transactions write',
          )
      }
      assert(
        [...(index.unless ?? []), ...(index.onlyWith ?? [])].every((field) =>
          isDataColumn(columns[field]),
        ),
        '"unless" and "onlyWith" name columns that transactions write',
      )
      return {
        name: indexName,
        kind: index.kind,
        fields: index.fields.map((field) => idOf.get(field)!),
        ...(index.unless === undefined
          ? {}
          : { unless: index.unless.map((field) => idOf.get(field)!) }),
        ...(index.onlyWith === undefined
          ? {}
          : { onlyWith: index.onlyWith.map((field) => idOf.get(field)!) }),
        ...(index.kind === 'words' ? { rules: WORD_RULES } : {}),
      }
    },
  )
  const recordFields = sortedById(record, ({ id: fieldId, kind, sizeMax }, fieldName) => ({
    id: fieldId,
    name: fieldName,
    kind,
    ...(sizeMax === undefined ? {} : { sizeMax }),
  }))
  const stored: StoredTable = {
    id,
    name,
    columns: sortedById(columns, ({ id: fieldId, kind, table, counts }, fieldName) => ({
      id: fieldId,
      name: fieldName,
      kind,
      ...(table === undefined ? {} : { table }),
      ...(counts === undefined ? {} : { counts }),
    })),
    record: recordFields,
    indexes: storedIndexes,
    layouts: recordFields.length === 0 ? [] : [recordFields.map((field) => field.id)],
  }
  const indexes = Object.fromEntries(
    storedIndexes.map((index, position): [string, Index] => [
      index.name,
      { kind: index.kind, tableId: id, name: index.name, position },
    ]),
  ) as { readonly [K in keyof I]: Index<I[K]['kind']> }
  return { id, name, columns, record, indexes, stored }
}

/** The stored form of a set of declared tables. */
export function storedSchema(tables: readonly TableDefinition[], migration: number): StoredSchema {
  const names = new Set<string>()
  const ids = new Set<number>()
  for (const table of tables) {
    assert(!names.has(table.name) && !ids.has(table.id), 'table names and ids are used once')
    names.add(table.name)
    ids.add(table.id)
  }
  const columnOf = (tableName: string, columnName: string): StoredColumn | undefined =>
    tables
      .find((table) => table.name === tableName)
      ?.stored.columns.find((column) => column.name === columnName)
  for (const table of tables) {
    for (const { kind, table: target, counts } of table.stored.columns) {
      assert(kind !== 'reference' || names.has(target!), 'a reference points into a declared table')
      if (counts === undefined) continue
      const by = columnOf(counts.table, counts.by)
      assert(
        by?.table === table.name,
        'a counter counts rows whose reference points into its table',
      )
      for (const condition of counts.unless ?? []) {
        assert(
          isDataColumn(columnOf(counts.table, condition)),
          '"unless" names columns that transactions write',
        )
      }
    }
  }
  const stored = tables.map((table) => table.stored).toSorted((a, b) => a.id - b.id)
  return { tables: stored, migration }
}

/** Counters change without the indexes of their row: nothing may depend on one. */
function isDataColumn(column: { readonly kind: ColumnKind } | undefined): boolean {
  return column !== undefined && column.kind !== 'counter'
}

function isKeyColumn(column: { readonly kind: ColumnKind } | undefined): boolean {
  return isDataColumn(column) && column!.kind !== 'flag'
}

/** Bytes of a column's values. */
export function widthOf(kind: ColumnKind): ColumnWidth {
  if (kind === 'flag') return 1
  return kind === 'timeMs' || kind === 'float' ? 8 : 4
}

function sortedById<F extends { readonly id: number }, Stored>(
  fields: Readonly<Record<string, F>>,
  store: (field: F, name: string) => Stored,
): Stored[] {
  return Object.entries(fields)
    .toSorted(([, a], [, b]) => a.id - b.id)
    .map(([name, field]) => store(field, name))
}
