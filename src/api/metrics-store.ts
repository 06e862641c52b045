// Metrics of the store, out of what it tells of itself (engine/stats.ts).

import { counter, gauge, histogram } from './metrics-registry.ts'
import type { StoreStats } from '../engine/stats.ts'
import type { Metrics } from './metrics-registry.ts'

const UP = 'shashin_store_up'
const UP_HELP = 'Whether there is a store thread to ask: 0 or 1.'

/** Of a store that cannot be asked now. */
export const METRICS_WITHOUT_STORE: Metrics = [gauge(UP, UP_HELP, 0)]

export function storeMetrics(stats: StoreStats): Metrics {
  const { commits, snapshot, tables } = stats
  const tableSize = tables.reduce((sum, { memorySize }) => sum + memorySize, 0)
  return [
    gauge(UP, UP_HELP, 1),
    counter(
      'shashin_store_transactions_total',
      'Transactions that have changed something, since the store was opened.',
      commits.transactions,
    ),
    counter('shashin_store_refusals_total', 'Transactions that said no.', commits.refused),
    counter('shashin_store_batches_total', 'Writes to the log.', commits.batches),
    counter('shashin_store_log_written_bytes_total', 'Bytes of effects written.', commits.bytes),
    histogram('shashin_store_batch_transactions', 'Transactions in a batch.', commits.batchCounts),
    histogram(
      'shashin_store_append_duration_seconds',
      'Time from handing a batch to the log until it is as durable as the mode asks.',
      commits.appendMs,
      0.001,
    ),
    gauge('shashin_store_queued', 'Transactions that wait to run.', stats.queued),
    gauge('shashin_store_last_lsn', 'The newest transaction.', stats.lastLsn),
    gauge('shashin_store_durable_lsn', 'The newest transaction on disk.', stats.durableLsn),
    gauge('shashin_store_first_log_lsn', 'The oldest transaction in the log.', stats.firstLogLsn),
    gauge(
      'shashin_store_snapshot_lsn',
      'The newest transaction in a snapshot; 0 when there is none.',
      snapshot.lsn,
    ),
    gauge(
      'shashin_store_snapshot_running',
      'Whether a snapshot is being taken: 0 or 1.',
      Number(snapshot.running),
    ),
    gauge(
      'shashin_store_snapshot_failed',
      'Whether the last try at a snapshot has failed: 0 or 1.',
      Number(snapshot.failure !== null),
    ),
    gauge(
      'shashin_store_read_only',
      'Whether writes are refused because the disk is nearly full: 0 or 1.',
      Number(stats.readOnly),
    ),
    gauge('shashin_store_poisoned', 'Whether the log has failed: 0 or 1.', Number(stats.poisoned)),
    ...(stats.freeSize === null
      ? []
      : [gauge('shashin_disk_free_bytes', 'Free space on the disk of the log.', stats.freeSize)]),
    gauge('shashin_store_memory_bytes', 'Shared memory, by what it is for.', [
      ...tables.map(({ name, memorySize }) => [{ table: name }, memorySize] as const),
      [{ table: 'none' }, stats.memorySize - tableSize],
    ]),
    gauge(
      'shashin_store_record_bytes',
      'Bytes of records in use, a part of the memory of their table.',
      tables.map(({ name, recordSize }) => [{ table: name }, recordSize]),
    ),
    gauge(
      'shashin_store_rows',
      'Rows.',
      tables.map(({ name, rows }) => [{ table: name }, rows]),
    ),
  ]
}
