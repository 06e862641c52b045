// The state on disk, brought into memory: newest good snapshot, then the log. Everything that opens
// a store starts here: the datastore, and the commands that look at one which is not running.

import { join } from 'node:path'
import { DatastoreError } from './errors.ts'
import { LocalLog } from './log/local-log.ts'
import { LogFiles } from './log/log-files.ts'
import { Memory } from './memory/memory.ts'
import { ProgressMeter, replay, tablesOfSnapshot } from './recovery.ts'
import { openSnapshots } from './snapshot/snapshots.ts'
import { Tables } from './tables.ts'
import type { Clock } from '../std/clock.ts'
import type { Disk } from './disk.ts'
import type { Durability } from './log/local-writer.ts'
import type { RecoveryProgress, RecoverySummary } from './recovery.ts'
import type { StoredSchema } from './schema.ts'
import type { Snapshots } from './snapshot/snapshots.ts'

export interface StateOptions {
  readonly disk: Disk
  readonly dataDirectory: string
  readonly snapshotDirectory: string
  readonly snapshotsKept?: number | undefined
  readonly durability?: Durability | undefined
  /** For the times that stand in snapshots and segments. */
  readonly clock?: Clock | undefined
  readonly segmentSize?: number | undefined
  /** Bytes of address space that a region may take at most; tests lower it. */
  readonly regionSizeMax?: number | undefined
  readonly report?: (line: string) => void
  readonly progress?: ((progress: RecoveryProgress) => void) | undefined
}

export interface State {
  readonly storeId: string
  readonly memory: Memory
  readonly tables: Tables
  readonly log: LocalLog
  readonly snapshots: Snapshots
  /**
   * Time of the newest replayed transaction or of the snapshot: transaction time goes on from
   * there.
   */
  readonly lastTime: number
  readonly summary: RecoverySummary
}

/** Directory of the segments and path of the watermark of a data directory. */
export function logPaths(dataDirectory: string): { directory: string; watermarkFile: string } {
  return { directory: join(dataDirectory, 'log'), watermarkFile: join(dataDirectory, 'watermark') }
}

/** LSN of the newest snapshot in a directory, 0 when there is none. Changes nothing there. */
export async function newestSnapshotLsn(disk: Disk, directory: string): Promise<number> {
  if (!(await disk.exists(directory))) return 0
  const snapshots = await openSnapshots({ disk, directory, readOnly: true, report: () => {} })
  return snapshots.newestLsn() ?? 0
}

/**
 * The last LSN that can be read in the log, from `fromLsn` on, which is returned when nothing
 * follows. Changes nothing there, and may be called while another process is writing.
 */
export async function lastLsnOnDisk(
  disk: Disk,
  dataDirectory: string,
  fromLsn: number,
): Promise<number> {
  const files = await LogFiles.open(disk, logPaths(dataDirectory).directory)
  let lastLsn = fromLsn
  for await (const { firstLsn, count } of files.read(fromLsn + 1)) lastLsn = firstLsn + count - 1
  return lastLsn
}

/**
 * Loads and replays. The caller holds the lock. Throws DatastoreError when the files are not to be
 * trusted.
 */
export async function openState(options: StateOptions): Promise<State> {
  const { disk, snapshotDirectory, report = () => {} } = options
  const startedAt = performance.now()
  const meter = new ProgressMeter(options.progress ?? (() => {}))
  const snapshots = await openSnapshots({
    disk,
    directory: snapshotDirectory,
    report,
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    ...(options.snapshotsKept === undefined ? {} : { keepCount: options.snapshotsKept }),
  })
  const { loaded } = await snapshots.load({
    storeId: await logStoreId(disk, logPaths(options.dataDirectory).directory),
    memory: () => new Memory(undefined, options.regionSizeMax),
    progress: ({ bytesDone, bytesTotal }) => meter.tell('snapshot', bytesDone, bytesTotal, 0),
  })
  const snapshotLsn = loaded?.lsn ?? 0
  const log = await LocalLog.open({
    disk,
    ...logPaths(options.dataDirectory),
    storeId: loaded?.storeId,
    snapshotLsn,
    durability: options.durability ?? 'sync',
    clock: options.clock,
    ...(options.segmentSize === undefined ? {} : { segmentSize: options.segmentSize }),
    report,
  })
  if (log.firstLsn > snapshotLsn + 1) throw missing(snapshotLsn, log.firstLsn, snapshotDirectory)
  const storeId = log.storeId
  const memory = loaded?.memory ?? new Memory(undefined, options.regionSizeMax)
  memory.lastLsn = snapshotLsn
  const schema = (loaded?.schema as StoredSchema | undefined) ?? { tables: [], migration: 0 }
  const tables =
    loaded === undefined
      ? new Tables(memory, storeId, schema)
      : tablesOfSnapshot(memory, storeId, schema, loaded.layout, meter)
  const bytesTotal = log.sizeAfter(snapshotLsn)
  const { count, lastTime } = await replay(log, tables, meter, bytesTotal)
  memory.durableLsn = memory.lastLsn
  const summary = {
    snapshotLsn,
    lastLsn: memory.lastLsn,
    replayed: count,
    rows: tables.rowCount,
    seconds: (performance.now() - startedAt) / 1000,
  }
  const newestTime = lastTime || (loaded?.time ?? 0)
  return { storeId, memory, tables, log, snapshots, lastTime: newestTime, summary }
}

/** The id in the first segment with a readable header; undefined when there is none. */
async function logStoreId(disk: Disk, directory: string): Promise<string | undefined> {
  try {
    const { storeId } = await LogFiles.open(disk, directory)
    return storeId
  } catch (error) {
    if (error instanceof DatastoreError && error.code === 'LOG_GAP') return undefined
    throw error
  }
}

function missing(snapshotLsn: number, firstLsn: number, directory: string): DatastoreError {
  const advice = 'put the missing files back, or restore another snapshot with `restore`'
  return snapshotLsn === 0
    ? new DatastoreError(
        'SNAPSHOT_DAMAGED',
        `no snapshot in ${directory} can be loaded, and the log begins with lsn ${firstLsn}`,
        { advice },
      )
    : new DatastoreError(
        'LOG_GAP',
        `the newest snapshot that can be loaded ends with lsn ${snapshotLsn}, ` +
          `and the log begins with lsn ${firstLsn}`,
        { advice, lsn: snapshotLsn + 1 },
      )
}
