// Restore: the state as it was after some transaction or at some time, in a new directory.
//
// The source is only read, and only as far as needed: a log that is damaged behind the wanted
// transaction can still be restored up to it. The copy is a store of its own, with an id of its
// own, so that its files never pass for the source's: one snapshot of the restored state, and a log
// that goes on behind it.

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { DatastoreError } from './errors.ts'
import { LocalLog } from './log/local-log.ts'
import { LogFiles } from './log/log-files.ts'
import { Memory } from './memory/memory.ts'
import { LAYOUT_VERSION, ProgressMeter, replay, tablesOfSnapshot } from './recovery.ts'
import { openSnapshots } from './snapshot/snapshots.ts'
import { logPaths } from './state.ts'
import { Tables } from './tables.ts'
import type { Disk } from './disk.ts'
import type { RecoveryProgress } from './recovery.ts'
import type { StoredSchema } from './schema.ts'

export interface RestoreOptions {
  readonly disk: Disk
  readonly dataDirectory: string
  readonly snapshotDirectory: string
  /** Gets `data` and `snapshots`; must be empty or not there. */
  readonly into: string
  readonly to: { readonly lsn: number } | { readonly time: number }
  readonly segmentSize?: number
  readonly report?: (line: string) => void
  readonly progress?: (progress: RecoveryProgress) => void
}

export interface RestoreResult {
  readonly lsn: number
  /** Time of the last restored transaction, or of the snapshot when none came after it. */
  readonly time: number
  readonly rows: number
  readonly storeId: string
}

/**
 * Throws DatastoreError when the wanted state cannot be reached. The caller holds the source's
 * lock.
 */
export async function restore(options: RestoreOptions): Promise<RestoreResult> {
  const { disk, into, to, report = () => {} } = options
  const wanted = 'lsn' in to ? `lsn ${to.lsn}` : new Date(to.time).toISOString()
  if ((await disk.exists(into)) && (await disk.list(into)).length > 0) {
    throw new DatastoreError('DIRECTORY_UNWRITABLE', `the directory ${into} is not empty`, {
      file: into,
      advice: 'name a directory that does not exist yet',
    })
  }
  const meter = new ProgressMeter(options.progress ?? (() => {}))
  const source = await openSnapshots({
    disk,
    directory: options.snapshotDirectory,
    readOnly: true,
    report,
  })
  const { loaded } = await source.load({
    memory: () => new Memory(),
    maxLsn: 'lsn' in to ? to.lsn : undefined,
    maxTime: 'time' in to ? to.time : undefined,
    progress: ({ bytesDone, bytesTotal }) => meter.tell('snapshot', bytesDone, bytesTotal, 0),
  })
  const files = await LogFiles.open(disk, logPaths(options.dataDirectory).directory)
  const sourceId = loaded?.storeId ?? files.storeId
  const memory = loaded?.memory ?? new Memory()
  memory.lastLsn = loaded?.lsn ?? 0
  const schema = (loaded?.schema as StoredSchema | undefined) ?? { tables: [], migration: 0 }
  const tables =
    loaded === undefined
      ? new Tables(memory, sourceId, schema)
      : tablesOfSnapshot(memory, sourceId, schema, loaded.layout, meter)
  const { lastTime } = await replay(files, tables, meter, files.sizeAfter(memory.lastLsn), to)
  const lsn = memory.lastLsn
  if (lsn === 0) {
    throw new DatastoreError('LOG_GAP', `nothing is held from before ${wanted}`, {
      advice: 'the log and the snapshots that are kept begin later: `inspect` shows what they hold',
    })
  }
  if ('lsn' in to && lsn !== to.lsn) {
    throw new DatastoreError('LOG_GAP', `${wanted} is not in the log, which ends with lsn ${lsn}`, {
      lsn,
      advice: `the newest state that can be restored is lsn ${lsn}`,
    })
  }
  const storeId = randomBytes(16).toString('hex')
  await write(options, tables, storeId)
  const time = lastTime || (loaded?.time ?? 0)
  return { lsn, time, rows: tables.rowCount, storeId }
}

async function write(
  { disk, into, segmentSize, report = () => {} }: RestoreOptions,
  tables: Tables,
  storeId: string,
): Promise<void> {
  const { memory } = tables
  const lsn = memory.lastLsn
  const snapshotDirectory = join(into, 'snapshots')
  const snapshots = await openSnapshots({ disk, directory: snapshotDirectory, report })
  await snapshots.take({
    memory,
    lsn,
    storeId,
    schema: tables.schema,
    layout: LAYOUT_VERSION,
    durable: () => Promise.resolve(),
  })
  const dataDirectory = join(into, 'data')
  await disk.makeDirectory(dataDirectory)
  await LocalLog.open({
    disk,
    ...logPaths(dataDirectory),
    storeId,
    createAtLsn: lsn + 1,
    snapshotLsn: lsn,
    durability: 'sync',
    report,
    ...(segmentSize === undefined ? {} : { segmentSize }),
  })
}
