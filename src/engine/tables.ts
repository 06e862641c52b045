// All tables of a store over one memory, as a stored schema describes them. A replica of the same
// schema over the same memory can be made in any thread.
//
// A change of schema makes the table objects anew. Regions of what stays are found again by their
// keys; regions of what is gone are dropped; indexes and counters that are new, or mean something
// else than before, are made anew and filled from the rows. Whether a change is allowed is decided
// elsewhere (evolution.ts): by the time it is prepared, it is.
//
//   prepare   new table objects over a stage: what stays is shared, what is new lies beside it
//   filling   new indexes and counters from the rows: in slices, as long as no row changes
//   adopt     the stage becomes the memory, in an instant
//
// Until `adopt` nobody sees anything of it: not a reader in another thread, who reads the rows and
// the old indexes meanwhile, and not a snapshot. What is prepared and not adopted is forgotten.

import { crc32 } from 'node:zlib'
import { assert } from '../std/assert.ts'
import { CounterIndex } from './indexes/counter-index.ts'
import { Column } from './memory/column.ts'
import { TABLE_ID_LIMIT } from './schema.ts'
import { Table } from './table.ts'
import type { Memory } from './memory/memory.ts'
import type { StoredColumn, StoredSchema, StoredTable } from './schema.ts'

/** Rows that are put into a new index before others get their turn: about a millisecond. */
const FILL_STRIDE = 1024
/** The same where each row is put into many lists. */
const WORDS_FILL_STRIDE = 64

/** Tables of another schema, made ready beside those in use. */
interface PreparedTables {
  readonly schema: StoredSchema
  readonly stage: Memory
  readonly byId: readonly (Table | undefined)[]
  /**
   * Fills what is new, to be run to its end before `adopt`; no row may change meanwhile. Throws
   * SCHEMA_CONFLICT when two rows have the same key of a new unique or pair index.
   */
  readonly filling: Iterator<void, void, void>
}

export class Tables {
  readonly memory: Memory
  readonly #seed: number
  #schema: StoredSchema
  /** By table id; holes are undefined. */
  #byId: readonly (Table | undefined)[]

  /** `storeId`, 32 hexadecimal digits, seeds the hashes of a new memory. */
  constructor(memory: Memory, storeId: string, schema: StoredSchema) {
    this.memory = memory
    this.#seed = hashSeed(memory, storeId)
    this.#schema = schema
    this.#byId = this.#build(memory, schema)
    if (memory.access === 'write') memory.schemaChecksum = checksumOf(schema)
  }

  get schema(): StoredSchema {
    return this.#schema
  }

  byId(id: number): Table | undefined {
    return this.#byId[id]
  }

  byName(name: string): Table | undefined {
    return this.all().find((table) => table.name === name)
  }

  /** In the order of their ids. */
  all(): Table[] {
    return this.#byId.filter((table) => table !== undefined)
  }

  /** Rows in all tables. */
  get rowCount(): number {
    return this.all().reduce((sum, table) => sum + table.rowCount, 0)
  }

  /** Makes tables of another schema ready. Store thread only, like all that follows. */
  prepare(schema: StoredSchema): PreparedTables {
    const before = this.#schema
    const stage = this.memory.stage(staleKeys(before, schema))
    const byId = this.#build(stage, schema)
    return { schema, stage, byId, filling: fillTables(byId, schema, before) }
  }

  /** Moves to what was prepared last, and filled. */
  adopt(prepared: PreparedTables): void {
    const { schema, stage, byId } = prepared
    for (const table of this.all()) if (byId[table.id] === undefined) table.abandonRows()
    this.memory.adopt(stage)
    this.memory.schemaChecksum = checksumOf(schema)
    this.#schema = schema
    this.#byId = byId
  }

  /** Moves to another schema at once. */
  evolve(schema: StoredSchema): void {
    const prepared = this.prepare(schema)
    while (prepared.filling.next().done !== true);
    this.adopt(prepared)
  }

  /** Recomputes all indexes and counters from the rows. */
  rebuild(): void {
    const bare = {
      ...this.#schema,
      tables: this.#schema.tables.map((table) => ({
        ...table,
        indexes: [],
        columns: table.columns.filter((column) => column.kind !== 'counter'),
      })),
    }
    const full = this.#schema
    this.evolve(bare)
    this.evolve(full)
  }

  #build(memory: Memory, schema: StoredSchema): (Table | undefined)[] {
    const byId: (Table | undefined)[] = Array.from({ length: TABLE_ID_LIMIT }, () => undefined)
    for (const stored of schema.tables) byId[stored.id] = new Table(memory, stored, this.#seed)
    for (const stored of schema.tables) {
      for (const column of stored.columns) {
        if (column.kind === 'reference') {
          const target = schema.tables.find(({ name }) => name === column.table)
          if (target !== undefined) byId[stored.id]!.linkTarget(column.name, byId[target.id]!)
        }
        if (column.counts === undefined) continue
        const { table, by, unless = [] } = column.counts
        const source = byId[schema.tables.find(({ name }) => name === table)!.id]!
        const counter = new CounterIndex(
          `${stored.name}.${column.name}`,
          byId[stored.id]!.column(column.name),
          source.column(by),
          unless.map((name) => source.column(name)),
        )
        const fields = [by, ...unless].map((name) => fieldId(source.stored, name))
        source.linkCounter(counter, fields)
      }
    }
    return byId
  }
}

/** The checksum by which a memory knows its schema. */
export function checksumOf(schema: StoredSchema): number {
  return crc32(JSON.stringify(schema))
}

/** Keys of the regions of what is gone, or about to be made anew. */
function staleKeys(before: StoredSchema, schema: StoredSchema): Set<string> {
  const keys = new Set<string>()
  for (const table of before.tables) {
    const after = schema.tables.find(({ id }) => id === table.id)
    for (const column of table.columns) {
      const kept = after?.columns.find(({ id }) => id === column.id)
      if (
        kept === undefined ||
        kept.kind !== column.kind ||
        meaning(column, before) !== meaning(kept, schema)
      ) {
        keys.add(`${table.id}/column/${column.id}`)
      }
    }
    for (const index of table.indexes) {
      const kept = after?.indexes.find(({ name }) => name === index.name)
      if (kept !== undefined && JSON.stringify(kept) === JSON.stringify(index)) continue
      for (const part of ['heads', 'pages', 'directory', 'segments', 'terms', 'texts']) {
        keys.add(`${table.id}/index/${index.name}/${part}`)
      }
    }
    if (after !== undefined) continue
    for (const part of ['versions', 'references', 'arena']) keys.add(`${table.id}/${part}`)
  }
  return keys
}

/** Fills the indexes and counters that were not there before, or meant something else. */
function* fillTables(
  byId: readonly (Table | undefined)[],
  schema: StoredSchema,
  before: StoredSchema,
): Generator<void, void, void> {
  const tables = byId.filter((table) => table !== undefined)
  for (const table of tables) {
    const { stored } = table
    const previous = before.tables.find(({ id }) => id === stored.id)
    const added = table.indexes.filter((index) => {
      const same = previous?.indexes.find(({ name }) => name === index.stored.name)
      return same === undefined || JSON.stringify(same) !== JSON.stringify(index.stored)
    })
    const hasWords = added.some((index) => index.stored.kind === 'words')
    const stride = hasWords ? WORDS_FILL_STRIDE : FILL_STRIDE
    if (added.length > 0) yield* table.rebuild(added, stride)
    for (const column of stored.columns) {
      const { counts } = column
      if (counts === undefined) continue
      const same = previous?.columns.find(({ id }) => id === column.id)
      if (same?.kind === 'counter' && meaning(same, before) === meaning(column, schema)) continue
      const label = `${stored.name}.${column.name}`
      const source = tables.find(({ name }) => name === counts.table)
      const counter = source?.counters.find((candidate) => candidate.label === label)
      assert(source && counter, 'every counter is linked to the table it counts')
      yield* source.rebuild([counter], FILL_STRIDE)
    }
  }
}

/**
 * The seed of all hashes of a memory: chosen once, kept in the place of table 0, which does not
 * exist.
 */
function hashSeed(memory: Memory, storeId: string): number {
  const header = new Column(memory.region('tables', 2 ** 30), 4)
  const seed = header.get(0)
  if (seed !== 0) return seed
  assert(memory.access === 'write', 'a reader is handed a memory that has its seed')
  const chosen = Number.parseInt(storeId.slice(0, 8), 16) || 1
  header.set(0, chosen)
  return chosen
}

/** What a counter counts, in ids: renaming changes nothing. Empty for other columns. */
function meaning(column: StoredColumn, schema: StoredSchema): string {
  if (column.counts === undefined) return ''
  const { table: name, by, unless = [] } = column.counts
  const table = schema.tables.find((candidate) => candidate.name === name)
  if (table === undefined) return ''
  const fields = [by, ...unless].map((field) => fieldId(table, field))
  return `${table.id} ${fields.join(' ')}`
}

function fieldId(table: StoredTable, name: string): number {
  const column = table.columns.find((candidate) => candidate.name === name)
  assert(column, 'a counter counts by columns that exist')
  return column.id
}
