// Taking a store over from a thread of the same process that has closed it: its memory is still
// there and nothing is loaded or replayed. What is on disk is opened as at every start.
//
//   the thread before   close: finish what is queued ─▶ seal the log ─▶ unlock
//   this thread         lock ─▶ verify the memory ─▶ snapshots, log ─▶ go on with LSN and time
//
// The memory is taken only when
//   (1) nobody condemned it, and it is between two batches;
//   (2) all of it is durable, and no snapshot is being taken of it;
//   (3) the handle has its newest schema, and all the regions of that;
//   (4) the log is that of its store, ends at its last LSN, and is sealed there;
//   (5) the log and the snapshots hang together, so that it could be recovered as well.
// Else it is refused with MEMORY_REFUSED, nothing is lost, and an ordinary opening recovers.
//
// The states of the pages stay as they are, so that the next snapshot builds upon the newest one.
// This takes milliseconds at any size of memory. What grows with it are page tables, 12 bytes for
// each 64 KiB, in the manifests that are read; the last segment is read as at every start.

import { DatastoreError } from './errors.ts'
import { LocalLog } from './log/local-log.ts'
import { Memory } from './memory/memory.ts'
import { openSnapshots } from './snapshot/snapshots.ts'
import { logPaths } from './state.ts'
import { Tables, checksumOf } from './tables.ts'
import type { State, StateOptions } from './state.ts'
import type { StoreHandle } from './store-reader.ts'

/**
 * Opens a store over the memory of a Datastore that was closed. The caller holds the lock. Throws
 * MEMORY_REFUSED, and what opening the files throws.
 */
export async function takeOver(options: StateOptions, handle: StoreHandle): Promise<State> {
  const { disk, dataDirectory, snapshotDirectory, report = () => {} } = options
  const startedAt = performance.now()
  const { storeId, schema } = handle
  const memory = new Memory(handle.memory, options.regionSizeMax)
  const { lastLsn } = memory
  demandWhole(memory, handle)
  const snapshots = await openSnapshots({
    disk,
    directory: snapshotDirectory,
    report,
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    ...(options.snapshotsKept === undefined ? {} : { keepCount: options.snapshotsKept }),
  })
  const snapshotLsn = snapshots.newestLsn() ?? 0
  const log = await LocalLog.open({
    disk,
    ...logPaths(dataDirectory),
    snapshotLsn,
    durability: options.durability ?? 'sync',
    clock: options.clock,
    ...(options.segmentSize === undefined ? {} : { segmentSize: options.segmentSize }),
    report,
  })
  if (log.storeId !== storeId) throw refused(`it is of store ${storeId}, the log of ${log.storeId}`)
  if (log.lastLsn !== lastLsn || !log.wasSealed) {
    const end = log.wasSealed ? 'sealed' : 'not sealed'
    throw refused(`it ends with lsn ${lastLsn}, the log with lsn ${log.lastLsn}, ${end}`)
  }
  if (log.firstLsn > snapshotLsn + 1) {
    throw refused(
      `the log begins with lsn ${log.firstLsn}, the newest snapshot is of ${snapshotLsn}`,
    )
  }
  const regionCount = memory.regions().length
  const tables = new Tables(memory, storeId, schema)
  if (memory.regions().length !== regionCount) throw refused('it lacks regions of its schema')
  await snapshots.resume(memory, storeId)
  const summary = {
    snapshotLsn,
    lastLsn,
    replayed: 0,
    rows: tables.rowCount,
    seconds: (performance.now() - startedAt) / 1000,
  }
  return { storeId, memory, tables, log, snapshots, lastTime: memory.lastTime, summary }
}

function demandWhole(memory: Memory, { schema }: StoreHandle): void {
  const { lastLsn, durableLsn, seqlock } = memory
  if (seqlock.writing) throw refused('a batch was left unfinished in it')
  if (durableLsn !== lastLsn) {
    throw refused(`lsn ${lastLsn} is in it, and lsn ${durableLsn} was the last one to be durable`)
  }
  if (memory.schemaChecksum !== checksumOf(schema)) {
    throw refused('the handle is older than its schema')
  }
  const taken = memory.regions().find((region) => region.isBeingTaken)
  if (taken !== undefined) throw refused(`a snapshot was left unfinished in region ${taken.key}`)
}

function refused(reason: string): DatastoreError {
  return new DatastoreError(
    'MEMORY_REFUSED',
    `the memory of the thread before is not taken over: ${reason}`,
    { advice: 'open the store without it: recovery rebuilds the state from disk' },
  )
}
