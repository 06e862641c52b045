// Checkpoints: when to take one, in which order, and what may be deleted afterwards.
//
//   STEP                                                  A CRASH AFTER IT LEAVES
//   1  between two batches: note lastLsn, mark dirty pages   nothing
//   2  write those pages and sync them                       a file that no manifest names: it goes
//   3  wait until the log is durable up to that LSN          the same
//   4  write the manifest, sync, rename, sync directory      a snapshot and a log that overlap
//   5  delete snapshots beyond the kept number               nothing to repair
//   6  delete segments below the oldest kept snapshot        nothing to repair
//
// Overlap is harmless: replay starts after the snapshot's LSN. Step 6 keeps what the oldest kept
// snapshot needs, so a newest snapshot that is found damaged costs time, not data.
//
// A checkpoint that fails (a full disk, say) is reported and changes nothing: the pages are dirty
// again, the log is still whole. The next trigger tries once more.

import { DatastoreError, storageFailed } from './errors.ts'
import type { Memory } from './memory/memory.ts'
import type { StoredSchema } from './schema.ts'
import type { Snapshots, TakenSnapshot } from './snapshot/snapshots.ts'
import type { TransactionLog } from './transaction-log.ts'

export interface CheckpointSettings {
  /** Bytes of log after which a snapshot is due; 0 never. */
  readonly everySize: number
  /** Milliseconds after which a snapshot is due when anything has changed; 0 never. */
  readonly everyMs: number
  /** Keep all log segments, so that any LSN can be restored. */
  readonly keepLog: boolean
}

export type CheckpointResult = TakenSnapshot

export class Checkpointer {
  readonly #memory: Memory
  readonly #storeId: string
  readonly #schema: () => StoredSchema
  readonly #layout: number
  readonly #log: TransactionLog
  readonly #snapshots: Snapshots
  readonly #settings: CheckpointSettings
  readonly #durable: (lsn: number) => Promise<void>
  readonly #shareDisk: (isShared: boolean) => void
  readonly #report: (line: string) => void
  readonly #timer: NodeJS.Timeout | undefined
  #grownSize: number
  #isClosed: boolean
  #running: Promise<CheckpointResult> | undefined
  #last: CheckpointResult | undefined
  #failure: string | undefined

  constructor(parts: {
    memory: Memory
    storeId: string
    schema: () => StoredSchema
    layout: number
    log: TransactionLog
    snapshots: Snapshots
    settings: CheckpointSettings
    /** Makes the log durable up to an LSN. */
    durable: (lsn: number) => Promise<void>
    /** Tells the log that the disk is, or is no longer, kept busy by a snapshot. */
    shareDisk: (isShared: boolean) => void
    report: (line: string) => void
  }) {
    this.#memory = parts.memory
    this.#storeId = parts.storeId
    this.#schema = parts.schema
    this.#layout = parts.layout
    this.#log = parts.log
    this.#snapshots = parts.snapshots
    this.#settings = parts.settings
    this.#durable = parts.durable
    this.#shareDisk = parts.shareDisk
    this.#report = parts.report
    this.#grownSize = 0
    this.#isClosed = false
    this.#running = undefined
    this.#last = undefined
    this.#failure = undefined
    const { everyMs } = parts.settings
    this.#timer = everyMs > 0 ? setInterval(() => this.#trigger(), everyMs).unref() : undefined
  }

  /** The newest result of this process, and the sentence of the failure since, if any. */
  get state(): {
    last: CheckpointResult | undefined
    failure: string | undefined
    running: boolean
  } {
    return { last: this.#last, failure: this.#failure, running: this.#running !== undefined }
  }

  /** Called with the size of every batch that the log took. */
  noteWritten(size: number): void {
    this.#grownSize += size
    const { everySize } = this.#settings
    if (everySize > 0 && this.#grownSize >= everySize) this.#trigger()
  }

  /**
   * Takes a snapshot of the state as it is now; joins one that is being taken when nothing has
   * changed since.
   */
  async take(): Promise<CheckpointResult> {
    while (this.#running !== undefined) await this.#running.catch(() => undefined)
    if (this.#isClosed) throw new DatastoreError('STORE_CLOSED', 'the store is closing')
    this.#running = this.#take()
    try {
      this.#last = await this.#running
      this.#failure = undefined
      return this.#last
    } catch (error) {
      this.#failure = (error as Error).message
      throw storageFailed('the snapshot', error)
    } finally {
      this.#shareDisk(false)
      this.#running = undefined
    }
  }

  /** Ends the triggers and waits for a snapshot under way; those behind it are refused. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#timer)
    await this.#running?.catch(() => undefined)
  }

  #trigger(): void {
    if (this.#running !== undefined || this.#memory.lastLsn === (this.#last?.lsn ?? 0)) return
    this.take().catch((error: Error) => {
      this.#report(`snapshot failed, the one before is still good: ${error.message}`)
    })
  }

  async #take(): Promise<CheckpointResult> {
    this.#grownSize = 0
    // Throws when the store is poisoned: its memory may be half of a batch.
    await this.#durable(0)
    await this.#snapshots.prepare(this.#memory)
    this.#shareDisk(true)
    const lsn = this.#memory.lastLsn
    const result = await this.#snapshots.take({
      memory: this.#memory,
      lsn,
      storeId: this.#storeId,
      schema: this.#schema(),
      layout: this.#layout,
      durable: () => this.#durable(lsn),
    })
    if (!this.#settings.keepLog) {
      const oldestLsn = this.#snapshots.oldestLsn()
      if (oldestLsn !== undefined) await this.#log.truncate(oldestLsn + 1)
    }
    return result
  }
}
