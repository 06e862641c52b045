// The datastore: memory, log and snapshots wired together, behind `read` and `transact`.
//
//   open      lock ─▶ newest snapshot ─▶ log ─▶ replay ─▶ schema evolution and migrations ─▶ ready
//   read      a query on the view, in this thread
//   transact  a named function, group commit (commit.ts)
//   close     refuse newcomers ─▶ finish what is queued ─▶ seal the log ─▶ unlock
//
// One store a directory, one process a store. Nothing here knows what the rows mean.

import { assert } from '../std/assert.ts'
import { systemClock } from '../std/clock.ts'
import { checkTables } from './check.ts'
import { Checkpointer } from './checkpoint.ts'
import { GroupCommit } from './commit.ts'
import { NodeDisk } from './disk.ts'
import { DatastoreError, storageFailed } from './errors.ts'
import { planEvolution } from './evolution.ts'
import { FreeSpaceWatch } from './free-space.ts'
import { DirectoryLock } from './lock.ts'
import { ImportReader, importLastIds, importRows } from './portable.ts'
import { LAYOUT_VERSION } from './recovery.ts'
import { requests } from './requests.ts'
import { storedSchema } from './schema.ts'
import { openState } from './state.ts'
import { storeStats } from './stats.ts'
import { TablesView } from './view.ts'
import type { Clock } from '../std/clock.ts'
import type { CheckpointResult } from './checkpoint.ts'
import type { Disk } from './disk.ts'
import type { Migration } from './evolution.ts'
import type { Processes } from './lock.ts'
import type { RecoveryProgress, RecoverySummary } from './recovery.ts'
import type { Durability } from './log/local-writer.ts'
import type { State } from './state.ts'
import type { StoreStats } from './stats.ts'
import type { Committed, InputOf, OutputOf, Registry, Store, TransactOptions } from './store.ts'
import type { LogWriter } from './transaction-log.ts'
import type { AnyTable, View } from './view.ts'

const KEY_SIZE_MAX = 255

export interface DatastoreOptions<R extends Registry> {
  readonly tables: readonly AnyTable[]
  readonly migrations?: readonly Migration[]
  readonly transactions: R
  readonly dataDirectory: string
  readonly snapshotDirectory: string
  readonly disk?: Disk
  readonly clock?: Clock
  readonly processes?: Processes
  /**
   * `sync`: acknowledged when on the device. `interval`: synced each second. `os`: synced when the
   * system likes.
   */
  readonly durability?: Durability
  /**
   * `latest`: readers see what is in memory. `durable`: answers wait until what they saw is on
   * disk.
   */
  readonly reads?: 'latest' | 'durable'
  /** Bytes of log after which a snapshot is taken; 0 never. */
  readonly snapshotEverySize?: number
  /** Milliseconds after which a snapshot is taken when anything has changed; 0 never. */
  readonly snapshotEveryMs?: number
  readonly snapshotsKept?: number
  readonly keepLog?: boolean
  readonly segmentSize?: number
  /** Bytes that must stay free on the disk, else writes are refused; 0 never. */
  readonly freeSpaceFloor?: number
  readonly regionSizeMax?: number
  /** Called with lines for the operator. */
  readonly report?: (line: string) => void
  readonly progress?: (progress: RecoveryProgress) => void
  /** Called once when nothing can be written any more: the process should end. */
  readonly onPoison?: (error: Error) => void
}

export class Datastore<R extends Registry> implements Store<R>, AsyncDisposable {
  readonly #state: State
  readonly #writer: LogWriter
  readonly #transactions: R
  readonly #commit: GroupCommit
  readonly #checkpointer: Checkpointer
  readonly #freeSpace: FreeSpaceWatch
  readonly #lock: DirectoryLock
  readonly #reads: 'latest' | 'durable'
  readonly #view: TablesView
  #closing: Promise<void> | undefined

  private constructor(parts: {
    state: State
    writer: LogWriter
    transactions: R
    commit: GroupCommit
    checkpointer: Checkpointer
    freeSpace: FreeSpaceWatch
    lock: DirectoryLock
    reads: 'latest' | 'durable'
  }) {
    this.#state = parts.state
    this.#writer = parts.writer
    this.#transactions = parts.transactions
    this.#commit = parts.commit
    this.#checkpointer = parts.checkpointer
    this.#freeSpace = parts.freeSpace
    this.#lock = parts.lock
    this.#reads = parts.reads
    this.#view = new TablesView(parts.state.tables)
    this.#closing = undefined
  }

  /**
   * Opens a store, or makes one where there is none. Throws DatastoreError: DIRECTORY_IN_USE,
   * DIRECTORY_UNWRITABLE, LOG_…, SNAPSHOT_…, SCHEMA_CONFLICT, STORAGE_FAILED.
   */
  static async open<R extends Registry>(options: DatastoreOptions<R>): Promise<Datastore<R>> {
    try {
      return await Datastore.#open(options)
    } catch (error) {
      throw storageFailed('opening the store', error, options.dataDirectory)
    }
  }

  static async #open<R extends Registry>(options: DatastoreOptions<R>): Promise<Datastore<R>> {
    const disk = options.disk ?? new NodeDisk()
    const { dataDirectory, snapshotDirectory, report = () => {} } = options
    const durability = options.durability ?? 'sync'
    await demandWritable(disk, [dataDirectory, snapshotDirectory])
    const lock = await DirectoryLock.acquire(disk, dataDirectory, options.processes)
    let writer: LogWriter | undefined
    let checkpointer: Checkpointer | undefined
    try {
      const state = await openState({ ...options, disk, durability, report })
      const { memory, tables, log, snapshots, storeId } = state
      let commit: GroupCommit | undefined = undefined
      writer = await log.acquire({
        durable: () => commit?.noteDurable(),
        failed: (cause: Error) => commit?.noteFailure(cause),
      })
      commit = new GroupCommit({
        memory,
        tables,
        writer,
        clock: options.clock ?? systemClock,
        lastTime: state.lastTime,
        onPoison: options.onPoison ?? (() => {}),
        onWritten: (size) => checkpointer?.noteWritten(size),
      })
      checkpointer = new Checkpointer({
        memory,
        storeId,
        schema: () => tables.schema,
        layout: LAYOUT_VERSION,
        log,
        snapshots,
        settings: {
          everySize: options.snapshotEverySize ?? 0,
          everyMs: options.snapshotEveryMs ?? 0,
          keepLog: options.keepLog ?? false,
        },
        shareDisk: (isShared) => writer?.shareDisk(isShared),
        durable: (lsn) => commit.sync(lsn),
        report,
      })
      await evolve(state, options, commit, checkpointer, report)
      const freeSpace = new FreeSpaceWatch(
        disk,
        [dataDirectory, snapshotDirectory],
        options.freeSpaceFloor ?? 0,
        report,
      )
      await freeSpace.look()
      return new Datastore({
        state,
        writer,
        transactions: options.transactions,
        commit,
        checkpointer,
        freeSpace,
        lock,
        reads: options.reads ?? 'latest',
      })
    } catch (error) {
      await checkpointer?.close()
      await writer?.close().catch(() => undefined)
      await lock.release().catch(() => undefined)
      throw error
    }
  }

  /** What recovery found and how long it took. */
  get recovery(): RecoverySummary {
    return this.#state.summary
  }

  get storeId(): string {
    return this.#state.storeId
  }

  /**
   * The store as this thread sees it, for synchronous use. Not to be kept across an await of a
   * write.
   */
  get view(): View {
    return this.#view
  }

  /** The error that ended writing, if any did. */
  get poison(): DatastoreError | undefined {
    return this.#commit.poison
  }

  /** True while writes are refused because the disk is nearly full. */
  get isReadOnly(): boolean {
    return this.#freeSpace.isLow
  }

  async read<T>(query: (view: View) => T): Promise<T> {
    const result = query(this.#view)
    if (this.#reads === 'durable') await this.#commit.durable(this.#state.memory.lastLsn)
    return result
  }

  transact<N extends Extract<keyof R, string>>(
    name: N,
    input: InputOf<R[N]>,
    options: TransactOptions = {},
  ): Promise<Committed<OutputOf<R[N]>>> {
    const run = this.#transactions[name]
    assert(run !== undefined, 'a transaction is named in the registry')
    const { key } = options
    if (key !== undefined && (key === '' || Buffer.byteLength(key) > KEY_SIZE_MAX)) {
      return Promise.reject(new RangeError(`an idempotency key has 1 to ${KEY_SIZE_MAX} bytes`))
    }
    if (this.#closing !== undefined) {
      return Promise.reject(
        new DatastoreError('STORE_CLOSED', 'the store is closing: no more writes'),
      )
    }
    if (this.#freeSpace.isLow) {
      return Promise.reject(
        new DatastoreError('STORE_READ_ONLY', 'the disk is nearly full: writes are refused', {
          advice: 'free some space; writing goes on by itself',
        }),
      )
    }
    return this.#commit.submit(name, (tx) => run(tx, input), key) as Promise<
      Committed<OutputOf<R[N]>>
    >
  }

  /**
   * Reads a portable export (portable.ts) into this store, which must be empty. Resolves with the
   * number of rows when they are durable. Throws IMPORT_INVALID, and what transactions throw.
   */
  async importLines(
    lines: AsyncIterable<string>,
    progress: (rows: number) => void = () => {},
  ): Promise<number> {
    const { tables } = this.#state
    if (tables.rowCount > 0) {
      throw new DatastoreError(
        'IMPORT_INVALID',
        `the store has ${tables.rowCount} rows: not empty`,
        {
          advice: 'import into a new data directory',
        },
      )
    }
    const reader = new ImportReader(tables, async (rows) => {
      await this.#commit.submit('engine:import', (tx) => importRows(tx, rows, tables))
      progress(reader.rowCount)
    })
    for await (const line of lines) await reader.line(line)
    const { rows, lastIds } = reader.finish()
    await this.#commit.submit('engine:import', (tx) => importLastIds(tx, lastIds, tables))
    return rows
  }

  /** Takes a snapshot now, while reads and writes go on. */
  snapshot(): Promise<CheckpointResult> {
    if (this.#closing !== undefined) {
      return Promise.reject(new DatastoreError('STORE_CLOSED', 'the store is closing'))
    }
    return this.#checkpointer.take()
  }

  /**
   * Recomputes every index and counter. Sentences about what is wrong; empty when all is well.
   * Takes seconds.
   */
  check(): string[] {
    return checkTables(this.#state.tables)
  }

  stats(): StoreStats {
    return storeStats(this.#state, this.#commit, this.#checkpointer, this.#freeSpace)
  }

  /**
   * Finishes what is queued, seals the log and unlocks the directory. A second call waits for the
   * first.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#freeSpace.close()
    await this.#commit.idle()
    await this.#checkpointer.close()
    try {
      await this.#writer.close()
    } finally {
      await this.#lock.release().catch((error: unknown) => {
        throw storageFailed('unlocking the directory', error)
      })
    }
  }
}

/** Brings the stored schema to the declared one, by migrations where there are any. */
async function evolve(
  state: State,
  options: Pick<DatastoreOptions<Registry>, 'tables' | 'migrations'>,
  commit: GroupCommit,
  checkpointer: Checkpointer,
  report: (line: string) => void,
): Promise<void> {
  const { tables } = state
  const { migrations = [] } = options
  assert(
    migrations.every(({ number }, index) => number === index + 1),
    'migrations are numbered 1, 2, 3 …',
  )
  const declared = storedSchema([...options.tables, requests], migrations.length)
  if (tables.schema.tables.length === 0) return commit.evolve(declared)
  const rowCount = (id: number): number => tables.byId(id)?.rowCount ?? 0
  const plan = planEvolution(tables.schema, declared, migrations, rowCount)
  if (plan.between !== undefined) {
    await checkpointer.take()
    await commit.evolve(plan.between)
    for (const migration of plan.migrations) {
      report(`migration ${migration.number}: ${migration.name}`)
      await commit.migrate(migration, { ...plan.between, migration: migration.number })
    }
  }
  if (plan.final !== undefined) await commit.evolve(plan.final)
}

/**
 * Makes the directories where they are missing and tries to write there. Throws
 * DIRECTORY_UNWRITABLE.
 */
async function demandWritable(disk: Disk, directories: readonly string[]): Promise<void> {
  for (const directory of directories) {
    try {
      await disk.makeDirectory(directory)
      const probe = `${directory}/.writable-${process.pid}`
      if (await disk.exists(probe)) await disk.remove(probe)
      const file = await disk.open(probe, 'create')
      file.close()
      await disk.remove(probe)
    } catch (error) {
      throw new DatastoreError(
        'DIRECTORY_UNWRITABLE',
        `the directory ${directory} cannot be written: ${(error as Error).message}`,
        { file: directory, cause: error, advice: adviceOn(error as NodeJS.ErrnoException) },
      )
    }
  }
}

function adviceOn({ code }: NodeJS.ErrnoException): string {
  if (code === 'ENOTDIR' || code === 'EEXIST') return 'a file is in the way: name another directory'
  if (code === 'EROFS') return 'its file system is mounted read-only: name another directory'
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'the disk is full: make room'
  return 'give this user the right to write there'
}
