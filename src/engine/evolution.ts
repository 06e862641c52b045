// Evolution: how the schema that the data was written with meets the schema that the code declares.
//
//   added table, field, index or counter     just works: it is empty, or derived from the rows
//   removed index or counter                 just works: they are derived
//   renamed table or field (same id)         just works: ids identify
//   removed or changed field, removed table  works while the table has no rows; else refused
//   a migration names it among its `drops`   works: removing it is what the migration is for
//
// Migrations are numbered from 1. Those newer than the data run at boot, in order, each as one
// transaction, after a snapshot has been taken. While they run the tables have the fields of both
// schemas, so that a migration can read what it is about to drop. New unique and pair indexes come
// when all have run, since a migration may be what makes keys differ.

import { DatastoreError } from './errors.ts'
import type { StoredColumn, StoredRecordField, StoredSchema, StoredTable } from './schema.ts'
import type { Transaction } from './transaction.ts'

export interface Drop {
  /** Id of the table. */
  readonly table: number
  /** Id of the field; without it the whole table. */
  readonly field?: number
}

export interface Migration {
  /** 1, 2, 3 … */
  readonly number: number
  /** What it does, for the log. */
  readonly name: string
  /** Fields and tables that go once it has run. */
  readonly drops?: readonly Drop[]
  run(tx: Transaction): void
}

export interface EvolutionPlan {
  /** Migrations to run, in order. */
  readonly migrations: readonly Migration[]
  /** What the tables are while migrations run; undefined when none run. */
  readonly between: StoredSchema | undefined
  /** What the tables are in the end; undefined when the data has that schema already. */
  readonly final: StoredSchema | undefined
}

/**
 * Says what has to be done at boot. Throws SCHEMA_CONFLICT. `rowCount` tells the rows of a stored
 * table.
 */
export function planEvolution(
  stored: StoredSchema,
  declared: StoredSchema,
  migrations: readonly Migration[],
  rowCount: (tableId: number) => number,
): EvolutionPlan {
  const newest = migrations.at(-1)?.number ?? 0
  if (stored.migration > newest) {
    throw new DatastoreError(
      'SCHEMA_CONFLICT',
      `the data has seen migration ${stored.migration}, this program knows migrations up to ` +
        `${newest}: it is older than the data`,
      { advice: 'start the newer program, or restore the snapshot taken before that migration' },
    )
  }
  const pending = migrations.filter(({ number }) => number > stored.migration)
  // Those that have run too: a crash may have come before what they drop was dropped.
  const drops = migrations.flatMap((migration) => migration.drops ?? [])
  demandDropped(drops, declared)
  const final = withLayouts(stored, { ...declared, migration: newest })
  for (const table of stored.tables) {
    demandCompatible(table, stored, final, rowCount(table.id), drops)
  }
  if (pending.length > 0) {
    const between = { ...union(stored, final), migration: stored.migration }
    return { migrations: pending, between, final: withLayouts(between, final) }
  }
  const isSame = JSON.stringify(final) === JSON.stringify(stored)
  return { migrations: [], between: undefined, final: isSame ? undefined : final }
}

/** The declared schema with the record layouts that the data already has. */
function withLayouts(stored: StoredSchema, declared: StoredSchema): StoredSchema {
  const tables = declared.tables.map((table) => {
    const layouts = stored.tables.find(({ id }) => id === table.id)?.layouts ?? []
    return { ...table, layouts: joined(layouts, table.layouts.slice(-1)) }
  })
  return { ...declared, tables }
}

function joined(
  layouts: readonly (readonly number[])[],
  newer: readonly (readonly number[])[],
): readonly (readonly number[])[] {
  const newest = newer.at(-1)
  if (newest === undefined || String(layouts.at(-1)) === String(newest)) return layouts
  return [...layouts, newest]
}

/** Throws SCHEMA_CONFLICT when a table with rows loses something that no migration drops. */
function demandCompatible(
  table: StoredTable,
  stored: StoredSchema,
  final: StoredSchema,
  rowCount: number,
  drops: readonly Drop[],
): void {
  if (rowCount === 0) return
  const isDropped = (field?: number): boolean =>
    drops.some(
      (drop) => drop.table === table.id && (drop.field === undefined || drop.field === field),
    )
  if (isDropped()) return
  const after = final.tables.find(({ id }) => id === table.id)
  if (after === undefined) {
    throw conflict(
      `table "${table.name}" (id ${table.id}) has ${rowCount} rows and is no longer declared`,
      `declare it again, or write a migration with drops: [{ table: ${table.id} }]`,
    )
  }
  const kept = new Map([...after.columns, ...after.record].map((field) => [field.id, field]))
  for (const field of [...table.columns, ...table.record]) {
    if (field.kind === 'counter' || isDropped(field.id)) continue
    const same = kept.get(field.id)
    const label = `field "${table.name}.${field.name}" (id ${field.id})`
    const advice = `write a migration with drops: [{ table: ${table.id}, field: ${field.id} }]`
    if (same === undefined) {
      throw conflict(
        `${label} is no longer declared, and the table has ${rowCount} rows`,
        `declare it again, or ${advice}`,
      )
    }
    if (same.kind !== field.kind) {
      throw conflict(
        `${label} was a ${field.kind}, is now a ${same.kind}, and the table has ${rowCount} rows`,
        `give the new field a new id, and ${advice} that copies the old values`,
      )
    }
    if (tableIdOf(field, stored) !== tableIdOf(same, final)) {
      throw conflict(
        `${label} points into another table than before, and the table has ${rowCount} rows`,
        `give the new field a new id, and ${advice} that copies the old values`,
      )
    }
  }
}

/** Id of the table that a reference points into; undefined for other fields. */
function tableIdOf(
  field: StoredColumn | StoredRecordField,
  schema: StoredSchema,
): number | undefined {
  const name = 'table' in field ? field.table : undefined
  return schema.tables.find((table) => table.name === name)?.id
}

/** Throws SCHEMA_CONFLICT when what a migration drops is declared: ids are never reused. */
function demandDropped(drops: readonly Drop[], declared: StoredSchema): void {
  for (const drop of drops) {
    const table = declared.tables.find(({ id }) => id === drop.table)
    if (table === undefined) continue
    const fields = [...table.columns, ...table.record]
    const field = fields.find(({ id }) => id === drop.field)
    if (drop.field !== undefined && field === undefined) continue
    const label =
      field === undefined ? `table "${table.name}"` : `field "${table.name}.${field.name}"`
    const id = drop.field ?? drop.table
    throw conflict(
      `${label} (id ${id}) is declared, and a migration drops it`,
      'give what is new a new id, or take the drop out of the migration',
    )
  }
}

/**
 * Everything that either schema has. What both have is as the second says; indexes are the
 * second's, but for unique and pair indexes that are new. A field or table about to be dropped
 * whose name a new one has taken is called `nameBefore`.
 */
function union(stored: StoredSchema, final: StoredSchema): StoredSchema {
  const tables = final.tables.map((table) => {
    const before = stored.tables.find(({ id }) => id === table.id)
    if (before === undefined) return table
    const ids = new Set([...table.columns, ...table.record].map(({ id }) => id))
    const names = new Set([...table.columns, ...table.record].map(({ name }) => name))
    const renamed = <F extends { readonly name: string }>(field: F): F =>
      names.has(field.name) ? { ...field, name: `${field.name}Before` } : field
    const columns = before.columns
      .filter(({ id, kind }) => !ids.has(id) && kind !== 'counter')
      .map(renamed)
    const record = before.record.filter(({ id }) => !ids.has(id)).map(renamed)
    const allRecord = [...table.record, ...record].toSorted((a, b) => a.id - b.id)
    const indexes = table.indexes.filter(
      (index) =>
        index.kind === 'postings' ||
        before.indexes.some((other) => JSON.stringify(other) === JSON.stringify(index)),
    )
    return {
      ...table,
      indexes,
      columns: [...table.columns, ...columns].toSorted((a, b) => a.id - b.id),
      record: allRecord,
      layouts: joined(
        before.layouts,
        allRecord.length === 0 ? [] : [allRecord.map(({ id }) => id)],
      ),
    }
  })
  const gone = stored.tables
    .filter(({ id }) => !final.tables.some((table) => table.id === id))
    .map((table) => ({
      ...table,
      name: final.tables.some(({ name }) => name === table.name)
        ? `${table.name}Before`
        : table.name,
      columns: table.columns.filter(({ kind }) => kind !== 'counter'),
    }))
  return { ...final, tables: [...tables, ...gone].toSorted((a, b) => a.id - b.id) }
}

function conflict(message: string, advice: string): DatastoreError {
  return new DatastoreError('SCHEMA_CONFLICT', message, { advice })
}
