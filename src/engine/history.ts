// History: what the transactions of the log did, for people who have to answer for the store. Read
// from the segments themselves, while the store goes on.
//
//   snapshot before `fromLsn` ──▶ transactions up to it ──▶ those that are asked for ──▶ nextLsn
//            its schema              only their headers          decoded, bounded
//
// What an insert means depends on the schema at that point of the log. A snapshot knows it; from
// there on every transaction that changes it says so by its label ("engine:…"), and only those are
// decoded on the way. So the way costs little more than reading; where it has once led is
// remembered, and pages one after the other do not begin anew. Where no snapshot is left that is
// old enough, the next one knows the schema if nothing has declared another since; else the header
// is all that is told, until that is declared.
//
// Values are secret unless the question names them, by label, table and field: a log holds what
// nobody is to read. Texts are logged as a whole, so which of a row's texts changed is not known.

import { visitEffects, transactionHeader, valueAt } from './effects.ts'
import { DatastoreError } from './errors.ts'
import { Memory } from './memory/memory.ts'
import { Tables } from './tables.ts'
import type { EffectVisitor } from './effects.ts'
import type { Json, StoredSchema } from './schema.ts'
import type { Table } from './table.ts'
import type { TransactionLog } from './transaction-log.ts'

/** Field names by the name of their table, by the label of a transaction. */
export type ShownFields = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>

export interface HistoryQuestion {
  readonly fromLsn: number
  /** Transactions at most. */
  readonly count: number
  readonly shown: ShownFields
}

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

export interface HistoryEntry {
  readonly lsn: number
  /** Milliseconds since 1970. */
  readonly time: number
  /** Name of the transaction. */
  readonly label: string
  /** Bytes in the log. */
  readonly size: number
  /** The first few; undefined when the schema of that time is not known any more. */
  readonly changes: readonly HistoryChange[] | undefined
  /** All of them. */
  readonly changeCount: number
}

export interface HistoryPage {
  /** The oldest transaction that the log still holds. */
  readonly firstLsn: number
  readonly lastLsn: number
  /** Empty when `fromLsn` is not held any more, or not yet. */
  readonly entries: readonly HistoryEntry[]
  /** Where to go on; undefined at the end of the log. */
  readonly nextLsn: number | undefined
}

/** The schema of a snapshot, and the last transaction in it. */
export interface KnownSchema {
  readonly lsn: number
  readonly schema: StoredSchema
}

/** Of the newest snapshot that ends before a transaction, and of the oldest one that does not. */
export interface KnownSchemas {
  readonly before?: KnownSchema | undefined
  readonly after?: KnownSchema | undefined
}

interface Place {
  /** Tables are as they were before this transaction. */
  readonly lsn: number
  /** Undefined: not known. */
  readonly tables: Tables | undefined
}

/** Bytes of the transactions of one page, beyond the first. */
const PAGE_SIZE_MAX = 1024 * 1024
/** Changes that are told of one transaction. */
const CHANGE_COUNT_MAX = 100
const REGION_SIZE_MAX = 65_536
const NO_SCHEMA: StoredSchema = { tables: [], migration: 0 }

export class History {
  readonly #log: TransactionLog
  readonly #schemasAround: (lsn: number) => Promise<KnownSchemas>
  /** Where the last page ended. */
  #place: Place | undefined
  /** Ends with the last page asked for: they are read one after the other. */
  #reading: Promise<unknown>

  /** `schemasAround` asks the snapshots. */
  constructor(log: TransactionLog, schemasAround: (lsn: number) => Promise<KnownSchemas>) {
    this.#log = log
    this.#schemasAround = schemasAround
    this.#place = undefined
    this.#reading = Promise.resolve()
  }

  /** Throws LOG_DAMAGED, STORAGE_FAILED. */
  read(question: HistoryQuestion): Promise<HistoryPage> {
    const read = this.#reading.then(() => this.#read(question))
    this.#reading = read.catch(() => undefined)
    return read
  }

  async #read(question: HistoryQuestion): Promise<HistoryPage> {
    const { fromLsn } = question
    const { lastLsn } = this.#log
    const entries: HistoryEntry[] = []
    if (fromLsn >= this.#log.firstLsn && fromLsn <= lastLsn) {
      try {
        await this.#collect(question, lastLsn, entries)
      } catch (error) {
        // Truncated in this moment: the answer tells where the log begins now.
        if (!(error instanceof DatastoreError) || error.code !== 'LOG_GAP') throw error
        entries.length = 0
      }
    }
    const { firstLsn } = this.#log
    const next = (entries.at(-1)?.lsn ?? lastLsn) + 1
    return { firstLsn, lastLsn, entries, nextLsn: next > lastLsn ? undefined : next }
  }

  async #collect(
    { fromLsn, count, shown }: HistoryQuestion,
    lastLsn: number,
    entries: HistoryEntry[],
  ): Promise<void> {
    const place = await this.#placeBefore(fromLsn)
    let { tables } = place
    let left = PAGE_SIZE_MAX
    for await (const { firstLsn, count: batchCount, payload } of this.#log.read(place.lsn)) {
      const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
      let offset = 0
      for (let lsn = firstLsn; lsn < firstLsn + batchCount; lsn++) {
        const { size, time, label } = transactionHeader(payload, offset)
        const isAsked = lsn >= fromLsn
        if (isAsked && (entries.length === count || (size > left && entries.length > 0))) {
          this.#place = { lsn, tables }
          return
        }
        const isSchema = isSchemaLabel(label)
        if (lsn >= place.lsn && isSchema) tables ??= emptyTables(this.#log.storeId)
        if (lsn >= place.lsn && (isAsked || isSchema) && tables !== undefined) {
          const collector = new ChangeCollector(tables, shown[label] ?? {})
          visitEffects(payload, view, offset, collector)
          if (isAsked) entries.push({ lsn, time, label, size, ...collector.found() })
        } else if (isAsked) {
          entries.push({ lsn, time, label, size, changes: undefined, changeCount: 0 })
        }
        if (isAsked) left -= size
        offset += size
      }
      if (firstLsn + batchCount > lastLsn) break
    }
    this.#place = { lsn: (entries.at(-1)?.lsn ?? lastLsn) + 1, tables }
  }

  /** Where to begin, so that the schema of `fromLsn` is known. */
  async #placeBefore(fromLsn: number): Promise<Place> {
    const known = this.#place
    this.#place = undefined
    const { firstLsn, storeId } = this.#log
    const { before, after } = await this.#schemasAround(fromLsn)
    const start = before === undefined ? 0 : before.lsn + 1
    if (known !== undefined && known.lsn <= fromLsn && known.lsn >= Math.max(start, firstLsn)) {
      return known
    }
    if (before !== undefined && start >= firstLsn) {
      return { lsn: start, tables: tablesOf(storeId, before.schema) }
    }
    if (firstLsn === 1) return { lsn: firstLsn, tables: emptyTables(storeId) }
    const holds = after !== undefined && (await this.#isSchemaSame(firstLsn, after.lsn))
    return { lsn: firstLsn, tables: holds ? tablesOf(storeId, after.schema) : undefined }
  }

  /** Whether no transaction in between, the last one included, has declared a schema. */
  async #isSchemaSame(firstLsn: number, lastLsn: number): Promise<boolean> {
    for await (const batch of this.#log.read(firstLsn)) {
      let offset = 0
      for (let lsn = batch.firstLsn; lsn < batch.firstLsn + batch.count; lsn++) {
        if (lsn > lastLsn) return true
        const { size, label } = transactionHeader(batch.payload, offset)
        if (isSchemaLabel(label)) return false
        offset += size
      }
    }
    return true
  }
}

/** Names the changes of one transaction, and the values that may be shown. */
class ChangeCollector implements EffectVisitor {
  readonly #tables: Tables
  readonly #shown: Readonly<Record<string, readonly string[]>>
  readonly #changes: HistoryChange[]
  #count: number

  constructor(tables: Tables, shown: Readonly<Record<string, readonly string[]>>) {
    this.#tables = tables
    this.#shown = shown
    this.#changes = []
    this.#count = 0
  }

  found(): { readonly changes: readonly HistoryChange[]; readonly changeCount: number } {
    return { changes: this.#changes, changeCount: this.#count }
  }

  table(id: number): Table | undefined {
    return this.#tables.byId(id)
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
    this.#tables.evolve(schema)
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

/** Of the transactions that may change the schema (commit.ts). */
function isSchemaLabel(label: string): boolean {
  return label === 'engine:schema' || label.startsWith('engine:migration ')
}

function emptyTables(storeId: string): Tables {
  return tablesOf(storeId, NO_SCHEMA)
}

/** No rows ever come into them: they only know how effects are read. */
function tablesOf(storeId: string, schema: StoredSchema): Tables {
  return new Tables(new Memory(undefined, REGION_SIZE_MAX), storeId, schema)
}
