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

import { HEADER_SIZE, transactionHeader, visitEffects } from './effects.ts'
import { DatastoreError } from './errors.ts'
import { ChangeCollector } from './history-changes.ts'
import { Memory } from './memory/memory.ts'
import { Tables } from './tables.ts'
import type { HistoryChange } from './history-changes.ts'
import type { StoredSchema } from './schema.ts'
import type { TransactionLog } from './transaction-log.ts'

/** Field names by the name of their table, by the label of a transaction. */
export type ShownFields = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>

export interface HistoryQuestion {
  readonly fromLsn: number
  /** Transactions at most. */
  readonly count: number
  readonly shown: ShownFields
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
const REGION_SIZE_MAX = 65_536
/** Schemas whose tables are kept: of the newest transactions, and of some that are looked at. */
const SCHEMA_COUNT_MAX = 3
/** Labels of the engine begin with it. */
const ENGINE_MARK = 'engine:'
const COLON = 0x3a
const NO_SCHEMA: StoredSchema = { tables: [], migration: 0 }

export class History {
  readonly #log: TransactionLog
  readonly #schemasAround: (lsn: number) => Promise<KnownSchemas>
  /** Where the last page ended. */
  #place: Place | undefined
  /** By the schema as JSON, the one used last at the end: they take long to make. */
  readonly #tables: Map<string, Tables>
  /** Ends with the last page asked for: they are read one after the other. */
  #reading: Promise<unknown>

  /** `schemasAround` asks the snapshots. */
  constructor(log: TransactionLog, schemasAround: (lsn: number) => Promise<KnownSchemas>) {
    this.#log = log
    this.#schemasAround = schemasAround
    this.#place = undefined
    this.#tables = new Map()
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
        const size = view.getUint32(offset, true)
        const isAsked = lsn >= fromLsn
        if (isAsked && (entries.length === count || (size > left && entries.length > 0))) {
          this.#place = { lsn, tables }
          return
        }
        const isSchema = lsn >= place.lsn && isSchemaChange(payload, offset)
        if (isAsked || isSchema) {
          if (isSchema) tables ??= this.#tablesOf(NO_SCHEMA)
          const { time, label } = transactionHeader(payload, offset)
          const entry = { lsn, time, label, size }
          if (tables === undefined) {
            entries.push({ ...entry, changes: undefined, changeCount: 0 })
          } else {
            const tablesOf = (schema: StoredSchema): Tables => this.#tablesOf(schema)
            const collector = new ChangeCollector(tables, tablesOf, shown[label] ?? {})
            visitEffects(payload, view, offset, collector)
            tables = collector.tables
            if (isAsked) entries.push({ ...entry, ...collector.found() })
          }
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
    const { firstLsn } = this.#log
    const { before, after } = await this.#schemasAround(fromLsn)
    const start = before === undefined ? 0 : before.lsn + 1
    if (known !== undefined && known.lsn <= fromLsn && known.lsn >= Math.max(start, firstLsn)) {
      return known
    }
    if (before !== undefined && start >= firstLsn) {
      return { lsn: start, tables: this.#tablesOf(before.schema) }
    }
    if (firstLsn === 1) return { lsn: firstLsn, tables: this.#tablesOf(NO_SCHEMA) }
    const holds = after !== undefined && (await this.#isSchemaSame(firstLsn, after.lsn))
    return { lsn: firstLsn, tables: holds ? this.#tablesOf(after.schema) : undefined }
  }

  /** Whether no transaction in between, the last one included, has declared a schema. */
  async #isSchemaSame(firstLsn: number, lastLsn: number): Promise<boolean> {
    for await (const { firstLsn: batchLsn, count, payload } of this.#log.read(firstLsn)) {
      let offset = 0
      for (let lsn = batchLsn; lsn < batchLsn + count; lsn++) {
        if (lsn > lastLsn) return true
        if (isSchemaChange(payload, offset)) return false
        offset += payload.readUInt32LE(offset)
      }
    }
    return true
  }

  /** No rows ever come into them: they only know how effects are read. */
  #tablesOf(schema: StoredSchema): Tables {
    const key = JSON.stringify(schema)
    const tables =
      this.#tables.get(key) ??
      new Tables(new Memory(undefined, REGION_SIZE_MAX), this.#log.storeId, schema)
    this.#tables.delete(key)
    this.#tables.set(key, tables)
    const [oldest = ''] = this.#tables.keys()
    if (this.#tables.size > SCHEMA_COUNT_MAX) this.#tables.delete(oldest)
    return tables
  }
}

/** Whether the transaction at `offset` is one of those that may declare a schema (commit.ts). */
function isSchemaChange(payload: Buffer, offset: number): boolean {
  // Most labels are not the engine's: one byte says so.
  if (payload[offset + HEADER_SIZE + ENGINE_MARK.length - 1] !== COLON) return false
  const { label } = transactionHeader(payload, offset)
  return label === `${ENGINE_MARK}schema` || label.startsWith(`${ENGINE_MARK}migration `)
}
