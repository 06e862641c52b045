// Hot: bench `engine` shows it ("boot from log").
//
// Recovery: the state is the newest good snapshot plus the transactions that the log holds after
// it.
//
//   1  load the newest snapshot that is not damaged, page by page into fresh memory
//   2  open the log: cut a torn tail, refuse damage, sync what is there (see log/)
//   3  make the tables that the snapshot's schema describes
//   4  replay the effects of every later transaction; a schema effect changes the tables on the way
//
// Replay runs no product code. It uses the same few operations on tables as live transactions do,
// so that indexes and counters come out the same. Recovery writes nothing but what the log's own
// recovery writes (a torn tail set aside), so a crash in the middle of it leaves what was there
// before.

import { assert } from '../std/assert.ts'
import { DatastoreError } from './errors.ts'
import { AHEAD_COUNT, Lookahead } from './lookahead.ts'
import { valueAt, visitEffects, transactionHeader } from './effects.ts'
import { Tables } from './tables.ts'
import type { EffectVisitor } from './effects.ts'
import type { Memory } from './memory/memory.ts'
import type { StoredSchema } from './schema.ts'
import type { Batch, TransactionLog } from './transaction-log.ts'

/**
 * Version of the memory layout: of regions, columns, arenas and indexes. A snapshot of another one
 * is rebuilt.
 */
export const LAYOUT_VERSION = 1

/** How far recovery has come. Told at most every few hundredths of a second. */
export interface RecoveryProgress {
  readonly phase: 'snapshot' | 'log' | 'indexes'
  /** Bytes read so far of this phase, and in all. */
  readonly bytesDone: number
  readonly bytesTotal: number
  readonly rows: number
  /** Estimate for this phase, from its pace so far. */
  readonly secondsLeft: number
}

export interface RecoverySummary {
  /** 0 when there was no snapshot. */
  readonly snapshotLsn: number
  readonly lastLsn: number
  readonly replayed: number
  readonly rows: number
  readonly seconds: number
}

const PROGRESS_EVERY_MS = 50

/** Calls back with progress, not too often, and estimates the rest. */
export class ProgressMeter {
  readonly #report: (progress: RecoveryProgress) => void
  #phase: RecoveryProgress['phase']
  #startedAt: number
  #toldAt: number

  constructor(report: (progress: RecoveryProgress) => void) {
    this.#report = report
    this.#phase = 'snapshot'
    this.#startedAt = performance.now()
    this.#toldAt = 0
  }

  tell(
    phase: RecoveryProgress['phase'],
    bytesDone: number,
    bytesTotal: number,
    rows: number,
  ): void {
    const now = performance.now()
    if (phase !== this.#phase) {
      this.#phase = phase
      this.#startedAt = now
    } else if (now - this.#toldAt < PROGRESS_EVERY_MS && bytesDone < bytesTotal) return
    this.#toldAt = now
    const elapsed = (now - this.#startedAt) / 1000
    const secondsLeft = bytesDone === 0 ? 0 : (elapsed * (bytesTotal - bytesDone)) / bytesDone
    this.#report({ phase, bytesDone, bytesTotal, rows, secondsLeft })
  }
}

/** Applies logged effects to tables: the replaying half of transaction.ts. */
export class Replayer implements EffectVisitor {
  readonly tables: Tables
  /** Transactions applied. */
  count: number
  /** Time of the newest one, 0 when none was applied. */
  lastTime: number
  readonly #lookahead: Lookahead

  constructor(tables: Tables) {
    this.tables = tables
    this.count = 0
    this.lastTime = 0
    this.#lookahead = new Lookahead(tables)
  }

  /** Applies the transactions of a batch that come after the memory's last LSN, up to `lastLsn`. */
  apply(batch: Batch, lastLsn = Infinity): void {
    const { payload, firstLsn } = batch
    const { memory } = this.tables
    assert(firstLsn <= memory.lastLsn + 1, 'the log hands out batches without a gap')
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
    let offset = 0
    const endLsn = Math.min(firstLsn + batch.count, lastLsn + 1)
    for (let lsn = firstLsn; lsn < endLsn; lsn++) {
      if ((lsn - firstLsn) % AHEAD_COUNT === 0) {
        this.#lookahead.look(payload, view, offset, Math.min(AHEAD_COUNT, endLsn - lsn))
      }
      if (lsn <= memory.lastLsn) {
        offset += view.getUint32(offset, true)
        continue
      }
      const time = view.getFloat64(offset + 4, true)
      offset = visitEffects(payload, view, offset, this)
      memory.lastLsn = lsn
      this.lastTime = time
      this.count++
    }
    if (endLsn === firstLsn + batch.count && offset !== payload.length) {
      const extra = payload.length - offset
      throw new DatastoreError('EFFECT_INVALID', `batch ${firstLsn}: ${extra} bytes too many`)
    }
  }

  table(id: number): ReturnType<Tables['byId']> {
    return this.tables.byId(id)
  }

  insert: EffectVisitor['insert'] = (table, row, view, values, payload, recordStart, recordEnd) => {
    if (table.has(row)) throw impossible(`row ${row} of ${table.name} is inserted twice`)
    const columns = table.dataColumns
    let offset = values
    for (let index = 0; index < columns.length; index++) {
      const { column } = columns[index]!
      column.set(row, valueAt(view, offset, column.width))
      offset += column.width
    }
    table.insert(row, recordEnd > recordStart ? payload : undefined, recordStart, recordEnd)
  }

  update: EffectVisitor['update'] = (
    table,
    row,
    positions,
    values,
    payload,
    recordStart,
    recordEnd,
  ) => {
    const version = table.demand(row)
    const old = table.references.get(row)
    const replaces = recordEnd > recordStart
    const reference = replaces ? table.writeRecord(payload, recordStart, recordEnd) : old
    table.change(row, { positions, values }, reference, version + 1)
    if (replaces) table.freeRecord(old)
  }

  remove: EffectVisitor['remove'] = (table, row) => {
    table.demand(row)
    table.hide(row)
    table.forget(row)
  }

  schema: EffectVisitor['schema'] = (schema) => {
    this.tables.evolve(schema)
  }
}

/**
 * Builds the tables over loaded memory; recomputes the indexes when the snapshot has another layout
 * of them.
 */
export function tablesOfSnapshot(
  memory: Memory,
  storeId: string,
  schema: StoredSchema,
  layout: number,
  meter: ProgressMeter,
): Tables {
  const tables = new Tables(memory, storeId, schema)
  if (layout !== LAYOUT_VERSION) {
    meter.tell('indexes', 0, 1, tables.rowCount)
    tables.rebuild()
    meter.tell('indexes', 1, 1, tables.rowCount)
  }
  return tables
}

/**
 * Replays the log after the memory's last LSN, up to `toLsn`. Returns the number of transactions
 * and their last time.
 */
export async function replay(
  log: Pick<TransactionLog, 'read'>,
  tables: Tables,
  meter: ProgressMeter,
  bytesTotal: number,
  stop: { lsn?: number; time?: number } = {},
): Promise<{ count: number; lastTime: number }> {
  const { memory } = tables
  const replayer = new Replayer(tables)
  let bytesDone = 0
  for await (const batch of log.read(memory.lastLsn + 1)) {
    const lastLsn = Math.min(stop.lsn ?? Infinity, lastBefore(batch, stop.time))
    if (lastLsn <= memory.lastLsn) break
    replayer.apply(batch, lastLsn)
    bytesDone += batch.payload.length
    meter.tell('log', bytesDone, Math.max(bytesTotal, bytesDone), tables.rowCount)
    if (memory.lastLsn >= lastLsn) break
  }
  return { count: replayer.count, lastTime: replayer.lastTime }
}

/** The last LSN of a batch whose transaction is not later than `time`; Infinity without a time. */
function lastBefore(batch: Batch, time: number | undefined): number {
  if (time === undefined) return Infinity
  let offset = 0
  for (let index = 0; index < batch.count; index++) {
    const header = transactionHeader(batch.payload, offset)
    if (header.time > time) return batch.firstLsn + index - 1
    offset += header.size
  }
  return Infinity
}

function impossible(what: string): DatastoreError {
  return new DatastoreError('EFFECT_INVALID', `the log cannot be replayed: ${what}`, {
    advice: 'this is a bug: keep the files and report it; an earlier state can be restored',
  })
}
