// Hot: bench `engine` shows it.
//
// Effects: what a transaction did, as bytes. The log holds effects and not inputs, so replay runs
// no product code and a deploy cannot change history. All numbers are little endian and unaligned.
//
//   transaction
//    0  u32  size in bytes, this header included
//    4  f64  time, milliseconds since 1970
//   12  u8   size of the label
//   13  …    label, UTF-8: the transaction's name, for people
//    …  …    effects, one after the other, up to size
//
//   effect
//    u8 1  insert   u16 table, u32 row, a value for each data column (1, 4 or 8 bytes),
//                   u32 record size, record
//    u8 2  update   u16 table, u32 row, u8 count of (u16 field, value),
//                   u32 record size (0: unchanged), record
//    u8 3  remove   u16 table, u32 row
//    u8 4  schema   u32 size, the stored schema as JSON: from here on in the log it holds
//
// Indexes and counters are derived and not in the log. A transaction is valid when
//   (1) its size is at least that of its header and label, and lies within the payload;
//   (2) its effects end exactly at its size;
//   (3) every table, field and row that it names exists at that point (an inserted row: does not).
// The frame around it has a checksum, so bytes that break these rules were written by a bug, not by
// a disk.

import { assert } from '../std/assert.ts'
import { DatastoreError } from './errors.ts'
import type { StoredSchema } from './schema.ts'
import type { Table, TableColumn } from './table.ts'

export const INSERT = 1
export const UPDATE = 2
export const REMOVE = 3
export const SCHEMA = 4

/** Bytes of the largest transaction. */
export const TRANSACTION_SIZE_MAX = 16 * 1024 * 1024

/** Bytes before the label of a transaction. */
export const HEADER_SIZE = 13
/** Bytes before the values of an insert. */
export const INSERT_SIZE = 7
const FIRST_SIZE = 256 * 1024

/** Encodes transactions, one after the other, into one growing buffer: the payload of a batch. */
export class EffectWriter {
  #bytes: Buffer
  #view: DataView
  #position: number
  #start: number
  readonly #labels: Map<string, Buffer>

  constructor() {
    this.#bytes = Buffer.allocUnsafeSlow(FIRST_SIZE)
    this.#view = new DataView(this.#bytes.buffer)
    this.#position = 0
    this.#start = 0
    this.#labels = new Map()
  }

  /** Bytes of the finished transactions. */
  get size(): number {
    return this.#start
  }

  /** The finished transactions; valid until `clear`. */
  payload(): Buffer {
    return this.#bytes.subarray(0, this.#start)
  }

  clear(): void {
    this.#position = 0
    this.#start = 0
  }

  begin(label: string, time: number): void {
    let encoded = this.#labels.get(label)
    if (encoded === undefined) {
      encoded = Buffer.from(label)
      assert(encoded.length < 256, 'the name of a transaction is shorter than 256 bytes')
      this.#labels.set(label, encoded)
    }
    this.#position = this.#start
    this.#reserve(HEADER_SIZE + encoded.length)
    const start = this.#start
    this.#view.setFloat64(start + 4, time, true)
    this.#bytes[start + 12] = encoded.length
    for (let index = 0; index < encoded.length; index++) {
      this.#bytes[start + HEADER_SIZE + index] = encoded[index]!
    }
    this.#position = start + HEADER_SIZE + encoded.length
  }

  /** True when effects have been written since `begin`. */
  get hasEffects(): boolean {
    return this.#position > this.#start + HEADER_SIZE + this.#bytes[this.#start + 12]!
  }

  /** Finishes the transaction. */
  end(): void {
    this.#view.setUint32(this.#start, this.#position - this.#start, true)
    this.#start = this.#position
  }

  /** Drops what was written since `begin`. */
  abandon(): void {
    this.#position = this.#start
  }

  insert(table: Table, row: number, record: Buffer | undefined): void {
    this.#reserve(16 + table.dataColumns.length * 8 + (record?.length ?? 0))
    this.#head(INSERT, table.id, row)
    const columns = table.dataColumns
    for (let index = 0; index < columns.length; index++) {
      const { column } = columns[index]!
      this.#value(column.width, column.get(row))
    }
    this.#record(record)
  }

  update(
    table: Table,
    row: number,
    positions: readonly number[],
    values: readonly number[],
    record: Buffer | undefined,
  ): void {
    this.#reserve(16 + positions.length * 10 + (record?.length ?? 0))
    this.#head(UPDATE, table.id, row)
    this.#bytes[this.#position++] = positions.length
    for (let index = 0; index < positions.length; index++) {
      const { stored, column } = table.dataColumns[positions[index]!]!
      this.#view.setUint16(this.#position, stored.id, true)
      this.#position += 2
      this.#value(column.width, values[index]!)
    }
    this.#record(record)
  }

  remove(table: Table, row: number): void {
    this.#reserve(16)
    this.#head(REMOVE, table.id, row)
  }

  schema(schema: StoredSchema): void {
    const json = Buffer.from(JSON.stringify(schema))
    this.#reserve(5 + json.length)
    this.#bytes[this.#position] = SCHEMA
    this.#view.setUint32(this.#position + 1, json.length, true)
    json.copy(this.#bytes, this.#position + 5)
    this.#position += 5 + json.length
  }

  #head(kind: number, table: number, row: number): void {
    const position = this.#position
    this.#bytes[position] = kind
    this.#view.setUint16(position + 1, table, true)
    this.#view.setUint32(position + 3, row, true)
    this.#position = position + 7
  }

  #value(width: number, value: number): void {
    if (width === 4) this.#view.setUint32(this.#position, value, true)
    else if (width === 8) this.#view.setFloat64(this.#position, value, true)
    else this.#bytes[this.#position] = value
    this.#position += width
  }

  #record(record: Buffer | undefined): void {
    const size = record?.length ?? 0
    this.#view.setUint32(this.#position, size, true)
    this.#position += 4
    if (record === undefined) return
    record.copy(this.#bytes, this.#position)
    this.#position += size
  }

  /** Makes room for `size` more bytes. Throws TRANSACTION_TOO_LARGE past the bound. */
  #reserve(size: number): void {
    if (this.#position + size - this.#start > TRANSACTION_SIZE_MAX) {
      throw new DatastoreError(
        'TRANSACTION_TOO_LARGE',
        `a transaction of more than ${TRANSACTION_SIZE_MAX} bytes is refused: divide it`,
      )
    }
    if (this.#position + size <= this.#bytes.length) return
    let capacity = this.#bytes.length
    while (capacity < this.#position + size) capacity *= 2
    const bytes = Buffer.allocUnsafeSlow(capacity)
    this.#bytes.copy(bytes, 0, 0, this.#position)
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer)
  }
}

/** Who gets the effects of a decoded transaction, in order. */
export interface EffectVisitor {
  /** The table of that id, as it is at this point of the log; undefined when there is none. */
  table(id: number): Table | undefined
  /** Columns of the row at `values`, record at [recordStart, recordEnd) of the payload. */
  insert(
    table: Table,
    row: number,
    view: DataView,
    values: number,
    payload: Buffer,
    recordStart: number,
    recordEnd: number,
  ): void
  update(
    table: Table,
    row: number,
    positions: number[],
    values: number[],
    payload: Buffer,
    recordStart: number,
    recordEnd: number,
  ): void
  remove(table: Table, row: number): void
  schema(schema: StoredSchema): void
}

/** The header of one transaction in a payload. */
export interface TransactionHeader {
  readonly size: number
  readonly time: number
  readonly label: string
}

/** Reads the header of the transaction at `offset`. */
export function transactionHeader(payload: Buffer, offset: number): TransactionHeader {
  const labelSize = payload[offset + 12]!
  return {
    size: payload.readUInt32LE(offset),
    time: payload.readDoubleLE(offset + 4),
    label: payload.toString('utf8', offset + HEADER_SIZE, offset + HEADER_SIZE + labelSize),
  }
}

/**
 * Hands the effects of the transaction at `offset` to a visitor; returns the offset of the next
 * transaction. `view` is on the same bytes as `payload`. Throws DatastoreError EFFECT_INVALID on
 * bytes that break the rules.
 */
export function visitEffects(
  payload: Buffer,
  view: DataView,
  offset: number,
  visitor: EffectVisitor,
): number {
  const size = offset + 4 <= payload.length ? view.getUint32(offset, true) : 0
  const end = offset + size
  let position = offset + HEADER_SIZE + (payload[offset + 12] ?? 0)
  if (position > end || end > payload.length)
    throw invalid('a transaction of impossible size', size)
  while (position < end) {
    const kind = payload[position]!
    if (position + (kind === SCHEMA ? 5 : 7) > end) throw invalid('an effect cut short', kind)
    if (kind === SCHEMA) {
      const start = position + 5
      position = start + view.getUint32(position + 1, true)
      if (position > end) throw invalid('a schema of impossible size', position - start)
      visitor.schema(parseSchema(payload.toString('utf8', start, position)))
      continue
    }
    const tableId = view.getUint16(position + 1, true)
    const row = view.getUint32(position + 3, true)
    const table = visitor.table(tableId)
    if (table === undefined) throw invalid('an effect on an unknown table', tableId)
    position += 7
    if (kind === INSERT) {
      const values = position
      const columns = table.dataColumns
      for (let index = 0; index < columns.length; index++) position += columns[index]!.column.width
      const recordStart = position + 4
      if (recordStart > end) throw invalid('an effect cut short', kind)
      position = recordStart + view.getUint32(position, true)
      if (position > end) throw invalid('a record of impossible size', position - recordStart)
      visitor.insert(table, row, view, values, payload, recordStart, position)
    } else if (kind === UPDATE) {
      const positions: number[] = []
      const values: number[] = []
      for (let count = payload[position++] ?? 0; count > 0; count--) {
        if (position + 2 > end) throw invalid('an effect cut short', kind)
        const index = positionOf(table.dataColumns, view.getUint16(position, true))
        const { width } = table.dataColumns[index]!.column
        if (position + 2 + width > end) throw invalid('an effect cut short', kind)
        positions.push(index)
        values.push(valueAt(view, position + 2, width))
        position += 2 + width
      }
      const recordStart = position + 4
      if (recordStart > end) throw invalid('an effect cut short', kind)
      position = recordStart + view.getUint32(position, true)
      if (position > end) throw invalid('a record of impossible size', position - recordStart)
      visitor.update(table, row, positions, values, payload, recordStart, position)
    } else if (kind === REMOVE) {
      visitor.remove(table, row)
    } else {
      throw invalid('an effect of unknown kind', kind)
    }
  }
  return end
}

/** A column value in the bytes of an effect. */
export function valueAt(view: DataView, offset: number, width: number): number {
  if (width === 4) return view.getUint32(offset, true)
  return width === 8 ? view.getFloat64(offset, true) : view.getUint8(offset)
}

function parseSchema(json: string): StoredSchema {
  try {
    return JSON.parse(json) as StoredSchema
  } catch {
    throw invalid('a schema that is no JSON, of size', json.length)
  }
}

function positionOf(columns: readonly TableColumn[], field: number): number {
  for (let index = 0; index < columns.length; index++) {
    if (columns[index]!.stored.id === field) return index
  }
  throw invalid('an effect on an unknown field', field)
}

function invalid(what: string, value: number): DatastoreError {
  return new DatastoreError('EFFECT_INVALID', `the log holds ${what} (${value})`)
}
