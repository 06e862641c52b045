// Evolution: how the schema that the data was written with meets the schema that the code declares.
//
//   WHAT THE CODE DECLARES                    AT A START                    IN THE LIVING STORE
//   a new table, field, index or counter      just works: it is empty, or derived from the rows
//   a field or table no more                  kept while there are rows     kept
//   an index or counter no more               goes: it is derived           kept until a start
//   an index or counter of other fields       made anew                     the same
//   a field or table renamed (same id)        just works: ids identify      refused
//   a field of another kind or target         works without rows            refused
//   a new migration                           runs                          refused
//   a migration that drops it                 goes: that is what it is for  refused
//
// What the code does not declare and the data has may be the trace of newer code that was taken
// back: nothing of it is lost, rows written meanwhile have it empty, and the newer code finds it
// again (docs/decisions/0006-undeclared-fields-stay.md). Only a migration takes it away.
//
// In the living store, code of before and after a deploy runs side by side: requests that began
// before it, and readers in other threads that have not swapped theirs. So nothing that one of them
// knows may be missing or mean something else.
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
  /** Sentences for the operator, about what is kept. */
  readonly remarks: readonly string[]
}

type Field = StoredColumn | StoredRecordField

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
  const newest = demandNoOlder(stored, migrations)
  const pending = migrations.filter(({ number }) => number > stored.migration)
  // Those that have run too: a crash may have come before what they drop was dropped.
  const drops = migrations.flatMap((migration) => migration.drops ?? [])
  demandDropped(drops, declared)
  const isDropped = (table: StoredTable, field?: Field): boolean =>
    drops.some((drop) => drop.table === table.id && drop.field === field?.id) ||
    (field !== undefined && isDropped(table))
  const kept = keeping(stored, declared, {
    table: (table) => rowCount(table.id) > 0 && !isDropped(table),
    field: (table, field) =>
      rowCount(table.id) > 0 && field.kind !== 'counter' && !isDropped(table, field),
    indexes: false,
  })
  const final = withLayouts(stored, { ...kept, migration: newest })
  for (const table of stored.tables) {
    if (rowCount(table.id) > 0 && !isDropped(table)) {
      demandCompatible(table, stored, final, rowCount(table.id), isDropped)
    }
  }
  const remarks = remarksOn(declared, final)
  if (pending.length > 0) {
    const between = { ...union(stored, final), migration: stored.migration }
    return { migrations: pending, between, final: withLayouts(between, final), remarks }
  }
  const isSame = JSON.stringify(final) === JSON.stringify(stored)
  return { migrations: [], between: undefined, final: isSame ? undefined : final, remarks }
}

/**
 * What the tables of a living store become when code with other tables is deployed; undefined when
 * they stay as they are. Throws SCHEMA_CONFLICT.
 */
export function planLiveEvolution(
  stored: StoredSchema,
  declared: StoredSchema,
  migrations: readonly Migration[],
): StoredSchema | undefined {
  demandNoOlder(stored, migrations)
  const pending = migrations.find(({ number }) => number > stored.migration)
  if (pending !== undefined) {
    throw needsRestart(`migration ${pending.number} (${pending.name}) has not run`)
  }
  for (const table of stored.tables) {
    const after = declared.tables.find(({ id }) => id === table.id)
    if (after !== undefined) demandUnchanged(table, after, stored, declared)
  }
  const all = (): boolean => true
  const kept = keeping(stored, declared, { table: all, field: all, indexes: true })
  demandNames(stored, kept)
  const final = withLayouts(stored, kept)
  return JSON.stringify(final) === JSON.stringify(stored) ? undefined : final
}

/** The number of the newest migration. Throws SCHEMA_CONFLICT when the data knows a newer one. */
function demandNoOlder(stored: StoredSchema, migrations: readonly Migration[]): number {
  const newest = migrations.at(-1)?.number ?? 0
  if (stored.migration <= newest) return newest
  throw conflict(
    `the data has seen migration ${stored.migration}, this program knows migrations up to ` +
      `${newest}: it is older than the data`,
    'start the newer program, or restore the snapshot taken before that migration',
  )
}

/**
 * The declared schema, and what only the stored one has and `kept` says is to stay. A reference
 * keeps the table that it points into.
 */
function keeping(
  stored: StoredSchema,
  declared: StoredSchema,
  kept: {
    table(table: StoredTable): boolean
    /** Also of tables that are kept. */
    field(table: StoredTable, field: Field): boolean
    indexes: boolean
  },
): StoredSchema {
  const fieldsOf = <F extends Field>(table: StoredTable, fields: readonly F[]): F[] =>
    fields.filter((field) => kept.field(table, field))
  const nameNow = (name: string | undefined): string | undefined => {
    const id = stored.tables.find((table) => table.name === name)?.id
    return declared.tables.find((table) => table.id === id)?.name ?? name
  }
  const pointed = <F extends Field>(field: F): F =>
    'table' in field && field.table !== undefined
      ? { ...field, table: nameNow(field.table) }
      : field
  const tables = declared.tables.map((table): StoredTable => {
    const before = stored.tables.find(({ id }) => id === table.id)
    if (before === undefined) return table
    const ids = new Set([...table.columns, ...table.record].map(({ id }) => id))
    const names = new Set([...table.columns, ...table.record].map(({ name }) => name))
    const isExtra = ({ id }: Field): boolean => !ids.has(id)
    const named = <F extends Field>(field: F): F => ({
      ...field,
      name: freeName(field.name, names),
    })
    const columns = fieldsOf(before, before.columns.filter(isExtra)).map(pointed).map(named)
    const record = fieldsOf(before, before.record.filter(isExtra)).map(named)
    if (columns.length + record.length === 0 && !kept.indexes) return table
    const indexes = kept.indexes
      ? before.indexes.filter(({ name }) => !table.indexes.some((index) => index.name === name))
      : []
    const allRecord = [...table.record, ...record].toSorted((a, b) => a.id - b.id)
    return {
      ...table,
      columns: [...table.columns, ...columns].toSorted((a, b) => a.id - b.id),
      record: allRecord,
      indexes: [...table.indexes, ...indexes],
      layouts: allRecord.length === 0 ? [] : [allRecord.map(({ id }) => id)],
    }
  })
  const undeclared = stored.tables.filter(
    ({ id }) => !declared.tables.some((table) => table.id === id),
  )
  const staying = new Set(undeclared.filter((table) => kept.table(table)))
  for (let count = -1; count !== staying.size;) {
    count = staying.size
    const targets = [...tables, ...staying].flatMap(({ columns }) =>
      columns.map(({ table }) => table),
    )
    for (const table of undeclared) if (targets.includes(table.name)) staying.add(table)
  }
  const names = new Set(declared.tables.map(({ name }) => name))
  const extra = [...staying].map((table) => ({
    ...table,
    name: freeName(table.name, names),
    columns: table.columns
      .filter((column) => column.kind !== 'counter' || kept.field(table, column))
      .map(pointed),
    indexes: kept.indexes ? table.indexes : [],
  }))
  return { ...declared, tables: [...tables, ...extra].toSorted((a, b) => a.id - b.id) }
}

/** A name for what has lost its own to something new. */
function freeName(name: string, taken: ReadonlySet<string>): string {
  return taken.has(name) ? freeName(`${name}Before`, taken) : name
}

/** Throws SCHEMA_CONFLICT when code of before a deploy would find something else than it knows. */
function demandUnchanged(
  table: StoredTable,
  after: StoredTable,
  stored: StoredSchema,
  declared: StoredSchema,
): void {
  if (after.name !== table.name) {
    throw needsRestart(`table "${table.name}" (id ${table.id}) is now called "${after.name}"`)
  }
  const fields = new Map([...after.columns, ...after.record].map((field) => [field.id, field]))
  for (const field of [...table.columns, ...table.record]) {
    const same = fields.get(field.id)
    if (same === undefined) continue
    const label = `field "${table.name}.${field.name}" (id ${field.id})`
    if (same.name !== field.name) throw needsRestart(`${label} is now called "${same.name}"`)
    if (same.kind !== field.kind) {
      throw needsRestart(`${label} was a ${field.kind}, and is now a ${same.kind}`)
    }
    if (tableIdOf(field, stored) !== tableIdOf(same, declared)) {
      throw needsRestart(`${label} points into another table than before`)
    }
  }
  for (const index of table.indexes) {
    const same = after.indexes.find(({ name }) => name === index.name)
    if (same !== undefined && same.kind !== index.kind) {
      const label = `index "${table.name}.${index.name}"`
      throw needsRestart(`${label} was of the kind ${index.kind}, and is now ${same.kind}`)
    }
  }
}

/** Throws SCHEMA_CONFLICT when what is kept had to give its name to something new. */
function demandNames(stored: StoredSchema, kept: StoredSchema): void {
  for (const table of stored.tables) {
    const after = kept.tables.find(({ id }) => id === table.id)!
    const renamed = [...table.columns, ...table.record].find(
      ({ id, name }) =>
        ![...after.columns, ...after.record].some(
          (field) => field.id === id && field.name === name,
        ),
    )
    const label =
      after.name === table.name ? `${table.name}.${renamed?.name ?? ''}` : `table ${table.name}`
    if (renamed === undefined && after.name === table.name) continue
    throw needsRestart(`the name of "${label}" is now that of something else`)
  }
}

function remarksOn(declared: StoredSchema, final: StoredSchema): string[] {
  return final.tables.flatMap((table) => {
    const known = declared.tables.find(({ id }) => id === table.id)
    const drop = `a migration with drops: [{ table: ${table.id}`
    if (known === undefined) {
      const label = `table "${table.name}" (id ${table.id})`
      return [`${label} is not declared and keeps its rows; ${drop} }] removes it`]
    }
    const ids = new Set([...known.columns, ...known.record].map(({ id }) => id))
    return [...table.columns, ...table.record]
      .filter(({ id }) => !ids.has(id))
      .map(({ id, name }) => {
        const label = `field "${table.name}.${name}" (id ${id})`
        return `${label} is not declared and keeps its values; ${drop}, field: ${id} }] removes it`
      })
  })
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

/** Throws SCHEMA_CONFLICT when a field of a table with rows becomes another one. */
function demandCompatible(
  table: StoredTable,
  stored: StoredSchema,
  final: StoredSchema,
  rowCount: number,
  isDropped: (table: StoredTable, field: Field) => boolean,
): void {
  const after = final.tables.find(({ id }) => id === table.id)!
  const kept = new Map([...after.columns, ...after.record].map((field) => [field.id, field]))
  for (const field of [...table.columns, ...table.record]) {
    const same = kept.get(field.id)
    if (field.kind === 'counter' || same === undefined || isDropped(table, field)) continue
    const label = `field "${table.name}.${field.name}" (id ${field.id})`
    const advice = `write a migration with drops: [{ table: ${table.id}, field: ${field.id} }]`
    if (same.kind !== field.kind) {
      throw conflict(
        `${label} was a ${field.kind}, is now a ${same.kind}, and the table has ${rowCount} rows`,
        `give the new field a new id, and ${advice} that copies the old values`,
      )
    }
    const target = tableIdOf(field, stored)
    if (target !== undefined && target !== tableIdOf(same, final)) {
      throw conflict(
        `${label} points into another table than before, and the table has ${rowCount} rows`,
        `give the new field a new id, and ${advice} that copies the old values`,
      )
    }
  }
}

/** Id of the table that a reference points into; undefined for other fields. */
function tableIdOf(field: Field, schema: StoredSchema): number | undefined {
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
        index.kind === 'words' ||
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

function needsRestart(message: string): DatastoreError {
  return conflict(
    `${message}: that cannot be done while code that knows it otherwise is running`,
    'restart the server with the new code',
  )
}
