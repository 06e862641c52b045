// Hot: bench `engine` shows it.
//
// Rows as plain objects, in and out of a table's memory. Reader and writer of a table are compiled
// from its stored schema, as JSON serialisers are: a loop over field descriptions would make every
// object a dictionary and costs about six times as much a row (bench `engine`, "point reads").
//
// Values are checked on the way in: a number outside its column's range, a text that is too long or
// a value of the wrong type throws RangeError or TypeError, and the transaction is undone. Nothing
// is ever clamped.

import { RecordReader } from './record-reader.ts'
import type { Packr } from 'msgpackr'
import type { Arena } from './memory/arena.ts'
import type { Column } from './memory/column.ts'
import type { StoredColumn, StoredRecordField, StoredTable } from './schema.ts'

/** Field values by name. */
export type FieldValues = Readonly<Record<string, unknown>>

export interface CompiledRow {
  /** The row as a plain object, undefined when there is none. */
  read(row: number): object | undefined
  /**
   * Several rows; missing ones are left out. Touches their memory first, so that cache misses
   * overlap.
   */
  readMany(rows: ArrayLike<number>): object[]
  /** One field of the record of a row that exists. */
  field(row: number, name: string): unknown
  /** Writes all data columns of a new row; fields that are left out are 0. */
  write(row: number, values: FieldValues): void
  /** The record fields of a packed record that lies outside the table. */
  unpack(bytes: Buffer, start: number, end: number): object
  /**
   * Packs the record fields; fields that are left out are empty. The bytes are the caller's to
   * copy.
   */
  pack(values: FieldValues): Buffer
}

interface RowMemory {
  readonly versions: Column
  readonly columns: readonly Column[]
  readonly references: Column
  readonly arena: Arena | undefined
  readonly packr: Packr
}

const U32_MAX = 2 ** 32 - 1

/** The stored number of a column's value. Throws RangeError or TypeError. */
export function toNumber(column: StoredColumn, value: unknown): number {
  if (value === undefined) return 0
  if (column.kind === 'flag') {
    if (typeof value === 'boolean') return value ? 1 : 0
    throw new TypeError(`${column.name}: true or false expected, found ${describe(value)}`)
  }
  if (typeof value !== 'number') {
    throw new TypeError(`${column.name}: a number expected, found ${describe(value)}`)
  }
  if (column.kind === 'float' || column.kind === 'timeMs') {
    if (Number.isFinite(value)) return value
  } else if (Number.isInteger(value) && value >= 0 && value <= U32_MAX) {
    return value
  }
  throw new RangeError(`${column.name}: ${value} is not a ${column.kind}`)
}

/** The packed form of a record field's value. Throws RangeError or TypeError. */
export function toRecordValue(field: StoredRecordField, value: unknown): unknown {
  const sizeMax = field.sizeMax ?? Infinity
  switch (field.kind) {
    case 'text': {
      if (value === undefined) return ''
      if (typeof value !== 'string') {
        throw new TypeError(`${field.name}: a text expected, found ${describe(value)}`)
      }
      demandWellFormed(field, value)
      if (value.length * 3 > sizeMax && Buffer.byteLength(value) > sizeMax) {
        throw new RangeError(
          `${field.name}: ${Buffer.byteLength(value)} bytes, at most ${sizeMax} are allowed`,
        )
      }
      return value
    }
    case 'list': {
      if (value === undefined) return null
      if (!Array.isArray(value)) {
        throw new TypeError(`${field.name}: a list expected, found ${describe(value)}`)
      }
      if (value.length > sizeMax) {
        throw new RangeError(`${field.name}: ${value.length} items, at most ${sizeMax} are allowed`)
      }
      for (const item of value as unknown[]) {
        if (typeof item !== 'string' && typeof item !== 'number') {
          throw new TypeError(`${field.name}: numbers or texts expected, found ${describe(item)}`)
        }
        if (typeof item === 'string') demandWellFormed(field, item)
      }
      return value.length === 0 ? null : value
    }
    case 'bytes': {
      if (value === undefined) return null
      if (!(value instanceof Uint8Array)) {
        throw new TypeError(`${field.name}: bytes expected, found ${describe(value)}`)
      }
      if (value.length > sizeMax) {
        throw new RangeError(`${field.name}: ${value.length} bytes, at most ${sizeMax} are allowed`)
      }
      return value
    }
    case 'json': {
      if (value === undefined || value === null) return null
      const packed = JSON.stringify(value) as string | undefined
      if (packed !== undefined) return packed
      throw new TypeError(`${field.name}: JSON expected, found ${describe(value)}`)
    }
  }
}

/** What a reader gets for a packed value, or for one that its layout does not have. */
export function fromRecordValue(field: StoredRecordField, value: unknown): unknown {
  switch (field.kind) {
    case 'text':
      return value ?? ''
    case 'list':
      return value ?? []
    case 'bytes':
      return value ?? new Uint8Array(0)
    case 'json':
      return typeof value === 'string' ? JSON.parse(value) : null
  }
}

/**
 * Compiles the readers and writers of one table. Names are words (see defineTable), so they are
 * safe in code.
 */
export function compileRow(stored: StoredTable, memory: RowMemory): CompiledRow {
  const { versions, columns, references, arena, packr } = memory
  const names = stored.columns.map((_, index) => `c${index}`)
  const columnReads = stored.columns.map(({ name, kind }, index) =>
    kind === 'flag' ? `${name}: v${index} !== 0` : `${name}: v${index}`,
  )
  const recordReads = stored.record.map(({ name, kind }, index) =>
    kind === 'text' ? `${name}: r${index} ?? ''` : `${name}: from(fields[${index}], r${index})`,
  )
  const recordValues = stored.record.map((_, index) => `r${index}`)
  // Records of the newest layout, nearly all, are read by straight code; those of an older one in
  // a loop over what it has, by position among the present fields.
  const newest = stored.layouts.length - 1
  const older = stored.layouts.map((layout) =>
    layout.map((id) => stored.record.findIndex((field) => field.id === id)),
  )
  const newestReads = stored.record.map(({ kind }, index) =>
    kind === 'text' ? `r${index} = reader.text()` : `r${index} = reader.value()`,
  )
  const olderRead =
    stored.record.length === 0 ? '' : `[${recordValues.join(', ')}] = valuesOf(layout)`
  const recordRead = `
      let ${['layout', ...recordValues].join(', ')}
      if (start < end) {
        layout = reader.open(bytes, start, end)
        if (layout === ${newest}) { ${newestReads.join('; ')} }
        else { ${olderRead} }
      }`
  const columnWrites = stored.columns.flatMap(({ name, kind }, index) =>
    kind === 'counter' ? [] : [`c${index}.set(row, toNumber(stored[${index}], values.${name}))`],
  )
  const recordWrites = stored.record.map(
    ({ name }, index) => `${name}: to(fields[${index}], values.${name})`,
  )
  // Memory is what a read waits for. So `read` looks at all columns, and then at all of the record,
  // before it goes on with any: the waits overlap (bench `engine`, "point reads": 1.0 to 0.7 µs).
  const at = (name: string): string => `(${name}.values[row] ?? ${name}.get(row))`
  const code = `
    ${names.map((name, index) => `const ${name} = columns[${index}]`).join('\n')}
    function valuesOf(layout) {
      const values = new Array(fields.length)
      if (layout >= older.length) throw new RangeError('a record of unknown layout ' + layout)
      for (const position of older[layout]) {
        const value = reader.value()
        if (position >= 0) values[position] = value
      }
      return values
    }
    function read(row) {
      if (row >>> 0 !== row) return undefined
      ${arena === undefined ? '' : `const reference = ${at('references')}`}
      ${names.map((name, index) => `const v${index} = ${at(name)}`).join('\n')}
      if (${at('versions')} === 0) return undefined
      ${
        arena === undefined
          ? ''
          : `read.touched = arena.peek(reference)
      const start = arena.offset(reference)
      const end = arena.end(reference)
      const bytes = arena.bytes
      ${recordRead}`
      }
      return { ${['id: row', ...columnReads, ...recordReads].join(', ')} }
    }
    function readMany(rows) {
      let sum = 0
      for (let index = 0; index < rows.length; index++) {
        const row = rows[index] >>> 0
        ${[...names, 'versions', 'references'].map((name) => `sum += ${at(name)}`).join('\n')}
      }
      ${
        arena === undefined
          ? ''
          : `for (let index = 0; index < rows.length; index++) {
        const row = rows[index] >>> 0
        sum += arena.peek(${at('references')})
      }`
      }
      const found = []
      for (let index = 0; index < rows.length; index++) {
        const value = read(rows[index])
        if (value !== undefined) found.push(value)
      }
      readMany.touched = sum
      return found
    }
    function write(row, values) { ${columnWrites.join('\n')} }
    function pack(values) { return packr.pack({ ${recordWrites.join(', ')} }) }
    function field(row, name) {
      const reference = references.get(row)
      const start = arena.offset(reference)
      const end = arena.end(reference)
      if (start === end) return undefined
      return valuesOf(reader.open(arena.bytes, start, end))[positions[name]]
    }
    function unpack(bytes, start, end) {
      ${recordRead}
      return { ${recordReads.join(', ')} }
    }
    return { read, readMany, write, pack, unpack, field }`
  const known = {
    columns,
    stored: stored.columns,
    fields: stored.record,
    versions,
    references,
    arena,
    packr,
    reader: new RecordReader(),
    older,
    positions: Object.fromEntries(stored.record.map(({ name }, index) => [name, index])),
    toNumber,
    to: toRecordValue,
    from: fromRecordValue,
  }
  // oxlint-disable-next-line typescript/no-implied-eval -- the code is made of checked words only
  const compile = new Function(...Object.keys(known), code) as (...values: unknown[]) => CompiledRow
  return compile(...Object.values(known))
}

/** Half a surrogate pair has no UTF-8 form: it would be read back as another text. */
function demandWellFormed(field: StoredRecordField, text: string): void {
  if (!text.isWellFormed()) throw new RangeError(`${field.name}: half a surrogate pair is no text`)
}

function describe(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'a list' : `a ${typeof value}`
}
