// All tables of a store over one memory, as a stored schema describes them. A replica of the same
// schema over the same memory can be made in any thread.
//
// A change of schema (`evolve`) makes the table objects anew. Regions of what stays are found again
// by their keys; regions of what is gone are dropped; indexes and counters that are new, or mean
// something else than before, are cleared and rebuilt from the rows. Whether a change is allowed is
// decided elsewhere (evolution.ts): by the time `evolve` is called, it is.

import { assert } from '../std/assert.ts'
import { CounterIndex } from './indexes/counter-index.ts'
import { Column } from './memory/column.ts'
import { TABLE_ID_LIMIT } from './schema.ts'
import { Table } from './table.ts'
import type { Memory } from './memory/memory.ts'
import type { StoredColumn, StoredSchema, StoredTable } from './schema.ts'

export class Tables {
  readonly memory: Memory
  readonly #seed: number
  #schema: StoredSchema
  /** By table id; holes are undefined. */
  #byId: (Table | undefined)[]

  /** `storeId`, 32 hexadecimal digits, seeds the hashes of a new memory. */
  constructor(memory: Memory, storeId: string, schema: StoredSchema) {
    this.memory = memory
    this.#seed = hashSeed(memory, storeId)
    this.#schema = schema
    this.#byId = this.#build(schema)
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

  /** Moves to another schema. Store thread only. */
  evolve(schema: StoredSchema): void {
    const before = this.#schema
    for (const table of before.tables) {
      const after = schema.tables.find(({ id }) => id === table.id)
      this.#dropStale(table, after, before, schema)
    }
    this.#schema = schema
    this.#byId = this.#build(schema)
    for (const table of schema.tables) this.#fill(table, before)
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

  #build(schema: StoredSchema): (Table | undefined)[] {
    const byId: (Table | undefined)[] = Array.from({ length: TABLE_ID_LIMIT }, () => undefined)
    for (const stored of schema.tables) byId[stored.id] = new Table(this.memory, stored, this.#seed)
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

  /** Drops the regions of what is gone or about to be rebuilt. */
  #dropStale(
    table: StoredTable,
    after: StoredTable | undefined,
    before: StoredSchema,
    schema: StoredSchema,
  ): void {
    for (const column of table.columns) {
      const kept = after?.columns.find(({ id }) => id === column.id)
      if (
        kept === undefined ||
        kept.kind !== column.kind ||
        meaning(column, before) !== meaning(kept, schema)
      ) {
        this.memory.drop(`${table.id}/column/${column.id}`)
      }
    }
    for (const index of table.indexes) {
      const kept = after?.indexes.find(({ name }) => name === index.name)
      if (kept !== undefined && JSON.stringify(kept) === JSON.stringify(index)) continue
      for (const part of ['heads', 'pages', 'directory', 'segments']) {
        this.memory.drop(`${table.id}/index/${index.name}/${part}`)
      }
    }
    if (after === undefined) {
      this.byId(table.id)!.abandonRows()
      for (const part of ['versions', 'references', 'arena'])
        this.memory.drop(`${table.id}/${part}`)
    }
  }

  /**
   * Fills the indexes and counters of a table that were not there before, or meant something else.
   */
  #fill(stored: StoredTable, before: StoredSchema): void {
    const previous = before.tables.find(({ id }) => id === stored.id)
    const table = this.#byId[stored.id]!
    const added = table.indexes.filter((index) => {
      const same = previous?.indexes.find(({ name }) => name === index.stored.name)
      return same === undefined || JSON.stringify(same) !== JSON.stringify(index.stored)
    })
    if (added.length > 0) table.rebuild(added)
    for (const column of stored.columns) {
      if (column.counts === undefined) continue
      const same = previous?.columns.find(({ id }) => id === column.id)
      if (same?.kind === 'counter' && meaning(same, before) === meaning(column, this.#schema))
        continue
      const label = `${stored.name}.${column.name}`
      const source = this.byName(column.counts.table)
      const counter = source?.counters.find((candidate) => candidate.label === label)
      assert(source && counter, 'every counter is linked to the table it counts')
      source.rebuild([counter])
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
