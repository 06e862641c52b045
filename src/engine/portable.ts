// Portable form: a whole store as JSON lines, for moving it, reading it with other tools, and
// mending it by hand.
//
//   {"shashin":"export","format":1,"storeId":"…","lsn":18293,"time":1700000000000,"schema":{…}}
//   {"table":"users","id":1,"version":3,"row":{"handle":"hanako", …}}
//   …
//   {"end":true,"rows":1234,"sha256":"…"}
//
// Rows come table by table in the order of ids; bytes are written as {"base64":"…"}. Counters and
// indexes are derived and left out. The last line counts the rows and has the SHA-256 of everything
// before it, so that a cut or changed file is seen. An import goes into an empty store, whose
// schema is the program's: fields are matched by name, and what the program does not know is
// refused.
//
// Ids are kept; versions are not (they only tell caches that a row has changed). Highest ids are
// kept by the last row of each table, and for removed rows above it by the "tables" of the first
// line.

import { createHash } from 'node:crypto'
import { DatastoreError } from './errors.ts'
import type { Transaction } from './transaction.ts'
import type { StoredTable } from './schema.ts'
import type { Table } from './table.ts'
import type { Tables } from './tables.ts'

export const EXPORT_FORMAT = 1
const LINES_SIZE = 256 * 1024
/** Rows of one importing transaction. */
const IMPORT_ROWS_MAX = 1000
const IMPORT_SIZE_MAX = 4 * 1024 * 1024

interface ExportHeader {
  readonly shashin: 'export'
  readonly format: number
  readonly storeId: string
  readonly lsn: number
  readonly time: number
  /** Highest id given out by each table. */
  readonly tables: Readonly<Record<string, number>>
  readonly schema: unknown
}

/** A row on its way in. */
export interface PortableRow {
  readonly table: string
  readonly id: number
  readonly row: Record<string, unknown>
}

/** All rows as text in pieces of about 256 kB. The store must not change meanwhile. */
export function* exportLines(
  tables: Tables,
  storeId: string,
  time: number,
  progress: (rows: number) => void = () => {},
): Generator<string> {
  const hash = createHash('sha256')
  const header: ExportHeader = {
    shashin: 'export',
    format: EXPORT_FORMAT,
    storeId,
    lsn: tables.memory.lastLsn,
    time,
    tables: Object.fromEntries(tables.all().map((table) => [table.name, table.lastId])),
    schema: tables.schema,
  }
  let lines = `${JSON.stringify(header)}\n`
  let rowCount = 0
  for (const table of tables.all()) {
    const derived = table.columns.filter(({ stored }) => stored.kind === 'counter')
    const names = new Set(['id', ...derived.map(({ stored }) => stored.name)])
    for (let id = 1; id <= table.lastId; id++) {
      const row = table.row.read(id)
      if (row === undefined) continue
      const fields = Object.entries(row)
        .filter(([name]) => !names.has(name))
        .map(([name, value]) => [name, toPortable(value)])
      const line = { table: table.name, id, row: Object.fromEntries(fields) as unknown }
      lines += `${JSON.stringify(line)}\n`
      rowCount++
      if (lines.length < LINES_SIZE) continue
      hash.update(lines)
      progress(rowCount)
      yield lines
      lines = ''
    }
  }
  hash.update(lines)
  progress(rowCount)
  yield `${lines}${JSON.stringify({ end: true, rows: rowCount, sha256: hash.digest('hex') })}\n`
}

/**
 * Reads an export line by line. Feed it lines; it hands out batches of rows for one transaction
 * each.
 */
export class ImportReader {
  readonly #hash = createHash('sha256')
  readonly #tables: Tables
  readonly #deliver: (rows: readonly PortableRow[]) => Promise<void>
  #header: ExportHeader | undefined
  #rows: PortableRow[]
  #rowsSize: number
  #lineCount: number
  #hasEnded: boolean
  /** Rows read so far. */
  rowCount: number

  constructor(tables: Tables, deliver: (rows: readonly PortableRow[]) => Promise<void>) {
    this.#tables = tables
    this.#deliver = deliver
    this.#header = undefined
    this.#rows = []
    this.#rowsSize = 0
    this.#lineCount = 0
    this.#hasEnded = false
    this.rowCount = 0
  }

  /** Takes the next line, without its newline. Throws IMPORT_INVALID with its number. */
  async line(text: string): Promise<void> {
    this.#lineCount++
    if (text === '') return
    if (this.#hasEnded) throw this.#invalid('there are lines after the end')
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      throw this.#invalid('it is not JSON')
    }
    if (typeof value !== 'object' || value === null) throw this.#invalid('it is not an object')
    if (this.#header === undefined) this.#open(value)
    else if ('end' in value) return this.#end(value as { rows?: unknown; sha256?: unknown })
    else this.#row(value, text.length)
    this.#hash.update(`${text}\n`)
    if (this.#rows.length >= IMPORT_ROWS_MAX || this.#rowsSize >= IMPORT_SIZE_MAX) {
      await this.#send()
    }
  }

  /** Says that no line follows. Throws IMPORT_INVALID when the export is not complete. */
  finish(): { rows: number; lastIds: Readonly<Record<string, number>> } {
    if (this.#lineCount === 0) throw new DatastoreError('IMPORT_INVALID', 'the export is empty')
    if (!this.#hasEnded) throw this.#invalid('the export ends before its last line')
    return { rows: this.rowCount, lastIds: this.#header!.tables }
  }

  #open(header: Partial<ExportHeader>): void {
    if (header.shashin !== 'export') throw this.#invalid('this is no export of Shashin')
    if (header.format !== EXPORT_FORMAT) {
      throw this.#invalid(`format ${header.format} is unknown, this program reads ${EXPORT_FORMAT}`)
    }
    const { tables } = header
    if (typeof tables !== 'object' || tables === null) throw this.#invalid('it names no tables')
    for (const [name, lastId] of Object.entries<unknown>(tables)) {
      if (lastId === 0 || isRowId(lastId)) continue
      throw this.#invalid(`${JSON.stringify(lastId)} is not the highest id of table ${name}`)
    }
    this.#header = header as ExportHeader
  }

  #row(line: Partial<PortableRow>, size: number): void {
    const { table: name, id, row } = line
    const table = typeof name === 'string' ? this.#tables.byName(name) : undefined
    if (table === undefined) throw this.#invalid(`table ${JSON.stringify(name)} is not declared`)
    if (!isRowId(id)) {
      throw this.#invalid(`${JSON.stringify(id)} is no row id`)
    }
    if (typeof row !== 'object' || row === null) throw this.#invalid('it has no row')
    const kinds = fieldKinds(table.stored)
    const values: Record<string, unknown> = {}
    for (const [field, value] of Object.entries(row)) {
      const kind = kinds.get(field)
      if (kind === undefined) throw this.#invalid(`field "${field}" of ${name} is not declared`)
      values[field] = kind === 'bytes' ? fromPortable(value) : value
    }
    // A reference may come before its row, but not point past all rows of the export.
    for (const { name: field, table: target } of table.stored.columns) {
      const value = target === undefined ? undefined : values[field]
      const lastId = target === undefined ? 0 : (this.#header!.tables[target] ?? 0)
      if (typeof value !== 'number' || value <= lastId) continue
      throw this.#invalid(`${name}.${field} is ${value}, the highest id of ${target} is ${lastId}`)
    }
    this.#rows.push({ table: table.name, id, row: values })
    this.#rowsSize += size
    this.rowCount++
  }

  async #end(line: { rows?: unknown; sha256?: unknown }): Promise<void> {
    if (line.rows !== this.rowCount) {
      throw this.#invalid(`it counts ${String(line.rows)} rows, ${this.rowCount} were read`)
    }
    const found = this.#hash.digest('hex')
    if (line.sha256 !== found) {
      throw this.#invalid(`SHA-256 ${String(line.sha256)} expected, found ${found}`)
    }
    this.#hasEnded = true
    await this.#send()
  }

  async #send(): Promise<void> {
    const rows = this.#rows
    this.#rows = []
    this.#rowsSize = 0
    if (rows.length > 0) await this.#deliver(rows)
  }

  #invalid(what: string): DatastoreError {
    return new DatastoreError('IMPORT_INVALID', `line ${this.#lineCount}: ${what}`)
  }
}

/**
 * The transaction that puts a batch of imported rows in. Throws IMPORT_INVALID when an id is taken.
 */
export function importRows(tx: Transaction, rows: readonly PortableRow[], tables: Tables): void {
  for (const { table, id, row } of rows) {
    const definition = definitionOf(tables.byName(table)!)
    if (tx.has(definition, id)) {
      throw new DatastoreError('IMPORT_INVALID', `table ${table}: row ${id} is there already`)
    }
    tx.insertAt(definition, id, row)
  }
}

/**
 * The transaction that makes each table go on after the highest id that it had where it came from.
 */
export function importLastIds(
  tx: Transaction,
  lastIds: Readonly<Record<string, number>>,
  tables: Tables,
): void {
  for (const [name, lastId] of Object.entries(lastIds)) {
    const table = tables.byName(name)
    if (table === undefined || lastId <= table.lastId) continue
    const definition = definitionOf(table)
    tx.insertAt(definition, lastId, {})
    tx.remove(definition, lastId)
  }
}

/** As much of a definition as a transaction needs. */
function definitionOf({ id, name, stored }: Table): Parameters<Transaction['insertAt']>[0] {
  return { id, name, stored, columns: {}, record: {}, indexes: {} }
}

function fieldKinds(table: StoredTable): Map<string, string> {
  const columns = table.columns.filter(({ kind }) => kind !== 'counter')
  return new Map([...columns, ...table.record].map(({ name, kind }) => [name, kind]))
}

function isRowId(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 2 ** 32 - 1
}

function toPortable(value: unknown): unknown {
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString('base64') }
  return value
}

function fromPortable(value: unknown): unknown {
  const isBytes =
    typeof value === 'object' && value !== null && Object.keys(value).join() === 'base64'
  return isBytes ? Buffer.from(String((value as { base64: unknown }).base64), 'base64') : value
}
