// Figures about a running store, for operators: what `stats`, the admin API and metrics show.

import type { CheckpointResult, Checkpointer } from './checkpoint.ts'
import type { CommitStats, GroupCommit } from './commit.ts'
import type { FreeSpaceWatch } from './free-space.ts'
import type { State } from './state.ts'
import type { Tables } from './tables.ts'

export interface TableStats {
  readonly name: string
  readonly rows: number
  /** Ids given out so far. */
  readonly lastId: number
  /** Bytes taken by its columns, records and indexes. */
  readonly memorySize: number
  /** Bytes of its records in use. */
  readonly recordSize: number
}

export interface StoreStats {
  readonly storeId: string
  readonly lastLsn: number
  readonly durableLsn: number
  readonly firstLogLsn: number
  readonly rows: number
  /** Bytes taken by all regions. */
  readonly memorySize: number
  readonly queued: number
  readonly readOnly: boolean
  readonly poisoned: boolean
  /** Bytes free on the disk at the last look; null when nobody looks. */
  readonly freeSize: number | null
  readonly commits: CommitStats
  readonly snapshot: {
    /** The newest one that is kept, whoever took it; 0 when there is none. */
    readonly lsn: number
    /** What this process took last. */
    readonly last: CheckpointResult | null
    readonly failure: string | null
    readonly running: boolean
  }
  readonly tables: readonly TableStats[]
}

export function tableStats(tables: Tables): TableStats[] {
  const regions = tables.memory.regions()
  return tables.all().map((table) => ({
    name: table.name,
    rows: table.rowCount,
    lastId: table.lastId,
    memorySize: regions
      .filter(({ key }) => key.startsWith(`${table.id}/`))
      .reduce((sum, { size }) => sum + size, 0),
    recordSize: table.arena?.usedSize ?? 0,
  }))
}

export function storeStats(
  state: State,
  commit: GroupCommit,
  checkpointer: Checkpointer,
  freeSpace: FreeSpaceWatch,
): StoreStats {
  const { memory, tables, log, snapshots, storeId } = state
  const { last, failure, running } = checkpointer.state
  return {
    storeId,
    lastLsn: memory.lastLsn,
    durableLsn: memory.durableLsn,
    firstLogLsn: log.firstLsn,
    rows: tables.rowCount,
    memorySize: memory.size,
    queued: commit.queuedCount,
    readOnly: freeSpace.isLow,
    poisoned: commit.poison !== undefined,
    freeSize: Number.isFinite(freeSpace.freeSize) ? freeSpace.freeSize : null,
    commits: { ...commit.stats },
    snapshot: {
      lsn: snapshots.newestLsn() ?? 0,
      last: last ?? null,
      failure: failure ?? null,
      running,
    },
    tables: tableStats(tables),
  }
}
