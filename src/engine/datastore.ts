// The datastore: memory, log and snapshots wired together, behind `read` and `transact`.
//
//   open      lock ─▶ newest snapshot ─▶ log ─▶ replay ─▶ schema evolution and migrations ─▶ ready
//             lock ─▶ memory of a thread that has closed it ─▶ log ─▶ the same       (takeover.ts)
//   read      a query on the view, in this thread; in others see store-reader.ts
//   transact  a named function, group commit (commit.ts)
//   deploy    other tables and transactions, between two batches
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
import { planEvolution, planLiveEvolution } from './evolution.ts'
import { FreeSpaceWatch } from './free-space.ts'
import { History } from './history.ts'
import { schemasAround } from './inspect.ts'
import { DirectoryLock } from './lock.ts'
import { ImportReader, importLastIds, importRows } from './portable.ts'
import { LAYOUT_VERSION } from './recovery.ts'
import { requests } from './requests.ts'
import { storedSchema } from './schema.ts'
import { openState } from './state.ts'
import { storeStats } from './stats.ts'
import { takeOver } from './takeover.ts'
import { TablesView } from './view.ts'
import type { Clock } from '../std/clock.ts'
import type { CheckpointResult } from './checkpoint.ts'
import type { Disk } from './disk.ts'
import type { Migration } from './evolution.ts'
import type { HistoryPage, HistoryQuestion } from './history.ts'
import type { Processes } from './lock.ts'
import type { RecoveryProgress, RecoverySummary } from './recovery.ts'
import type { Durability } from './log/local-writer.ts'
import type { StoredSchema } from './schema.ts'
import type { State } from './state.ts'
import type { StoreStats } from './stats.ts'
import type { Committed, InputOf, OutputOf, Registry, Store, TransactOptions } from './store.ts'
import type { StoreHandle } from './store-reader.ts'
import type { LogWriter } from './transaction-log.ts'
import type { AnyTable, View } from './view.ts'

const KEY_SIZE_MAX = 255

/** The part of the product that a Datastore runs. */
export interface Product<R extends Registry> {
  readonly tables: readonly AnyTable[]
  readonly migrations?: readonly Migration[]
  readonly transactions: R
}

export interface DatastoreOptions<R extends Registry> extends Product<R> {
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
  /**
   * Of a Datastore of this process that was closed: its memory is gone on with, without recovery.
   * Opening throws MEMORY_REFUSED when that cannot be; without a handle it then recovers.
   */
  readonly handle?: StoreHandle
  /**
   * Awaited after each change of schema that readers in other threads may see, before any
   * transaction makes use of it: they have to adopt the handle. It must not reject.
   */
  readonly onSchema?: (handle: StoreHandle) => Promise<void>
  /** Called with lines for the operator. */
  readonly report?: (line: string) => void
  readonly progress?: (progress: RecoveryProgress) => void
  /** Called once when nothing can be written any more: the process should end. */
  readonly onPoison?: (error: Error) => void
}

export class Datastore<R extends Registry> implements Store<R>, AsyncDisposable {
  readonly #state: State
  readonly #writer: LogWriter
  #transactions: R
  readonly #commit: GroupCommit
  readonly #checkpointer: Checkpointer
  readonly #freeSpace: FreeSpaceWatch
  readonly #lock: DirectoryLock
  readonly #history: History
  readonly #reads: 'latest' | 'durable'
  readonly #view: TablesView
  readonly #onSchema: (handle: StoreHandle) => Promise<void>
  /** Ends with the last deploy asked for. */
  #deployed: Promise<unknown>
  #closing: Promise<void> | undefined

  private constructor(parts: {
    state: State
    writer: LogWriter
    transactions: R
    commit: GroupCommit
    checkpointer: Checkpointer
    freeSpace: FreeSpaceWatch
    lock: DirectoryLock
    history: History
    reads: 'latest' | 'durable'
    onSchema: (handle: StoreHandle) => Promise<void>
  }) {
    this.#state = parts.state
    this.#writer = parts.writer
    this.#transactions = parts.transactions
    this.#commit = parts.commit
    this.#checkpointer = parts.checkpointer
    this.#freeSpace = parts.freeSpace
    this.#lock = parts.lock
    this.#history = parts.history
    this.#reads = parts.reads
    this.#view = new TablesView(parts.state.tables)
    this.#onSchema = parts.onSchema
    this.#deployed = Promise.resolve()
    this.#closing = undefined
  }

  /**
   * Opens a store, or makes one where there is none. Throws DatastoreError: DIRECTORY_IN_USE,
   * DIRECTORY_UNWRITABLE, LOG_…, SNAPSHOT_…, SCHEMA_CONFLICT, STORAGE_FAILED, MEMORY_REFUSED.
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
      const { handle, onSchema = async () => {} } = options
      const files = { ...options, disk, durability, report }
      const state = await (handle === undefined ? openState(files) : takeOver(files, handle))
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
      // Nobody else reads a memory that has just been made.
      const changed = handle === undefined ? async () => {} : () => onSchema(handleOf(state))
      await evolve(state, options, commit, checkpointer, report, changed)
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
        history: new History(log, (lsn) => schemasAround(disk, snapshotDirectory, lsn)),
        reads: options.reads ?? 'latest',
        onSchema,
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

  /** What a StoreReader in another thread needs to read this store. It can be sent by message. */
  handle(): StoreHandle {
    return handleOf(this.#state)
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

  get lastLsn(): number {
    return this.#state.memory.lastLsn
  }

  readNow<T>(query: (view: View) => T): T {
    return query(this.#view)
  }

  transact<N extends Extract<keyof R, string>>(
    name: N,
    input: InputOf<R[N]>,
    options: TransactOptions & {
      /** Runs the transaction of that registry, of code before the last deploy. */
      readonly registry?: Registry
    } = {},
  ): Promise<Committed<OutputOf<R[N]>>> {
    const { key, registry = this.#transactions } = options
    const run = registry[name]
    assert(run !== undefined, 'a transaction is named in the registry')
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
   * Replaces the product between two batches: transactions that were called before run as they
   * were, later ones as they are now. What the tables have more than before (tables, fields,
   * indexes, counters) is added to the living store; writes wait while new indexes are filled,
   * about a second for each million rows, and reads go on. Rejects with SCHEMA_CONFLICT for every
   * other change of schema, and then nothing has changed; with STORE_CLOSED or STORE_POISONED.
   */
  deploy(product: Product<R>): Promise<{ schemaChanged: boolean }> {
    const deployed = this.#deployed.then(() => this.#deploy(product))
    this.#deployed = deployed.catch(() => undefined)
    return deployed
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

  /** What transactions did, out of the log. Rejects with LOG_DAMAGED, STORAGE_FAILED. */
  history(question: HistoryQuestion): Promise<HistoryPage> {
    return this.#history.read(question)
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

  async #deploy(product: Product<R>): Promise<{ schemaChanged: boolean }> {
    const { tables } = this.#state
    const { migrations = [] } = product
    if (this.#closing !== undefined) {
      throw new DatastoreError('STORE_CLOSED', 'the store is closing: no more deploys')
    }
    if (this.#commit.poison !== undefined) throw this.#commit.poison
    const schema = planLiveEvolution(tables.schema, declaredSchema(product), migrations)
    if (schema !== undefined) {
      await this.#commit.alone(async () => {
        await this.#commit.evolve(schema)
        await this.#onSchema(this.handle())
      })
    }
    this.#transactions = product.transactions
    return { schemaChanged: schema !== undefined }
  }

  async #close(): Promise<void> {
    await this.#deployed
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

function handleOf({ storeId, memory, tables }: State): StoreHandle {
  return { storeId, memory: memory.handle(), schema: tables.schema }
}

/** Throws SCHEMA_CONFLICT for tables that do not fit together. */
function declaredSchema({
  tables,
  migrations = [],
}: Pick<Product<Registry>, 'tables' | 'migrations'>): StoredSchema {
  try {
    assert(
      migrations.every(({ number }, index) => number === index + 1),
      'migrations are numbered 1, 2, 3 …',
    )
    return storedSchema([...tables, requests], migrations.length)
  } catch (error) {
    throw new DatastoreError(
      'SCHEMA_CONFLICT',
      `the declared tables make no sense: ${(error as Error).message}`,
      { advice: 'correct the declaration', cause: error },
    )
  }
}

/**
 * Brings the stored schema to the declared one, by migrations where there are any. `changed` is
 * awaited after each step, before the next makes use of it.
 */
async function evolve(
  state: State,
  options: Pick<DatastoreOptions<Registry>, 'tables' | 'migrations'>,
  commit: GroupCommit,
  checkpointer: Checkpointer,
  report: (line: string) => void,
  changed: () => Promise<void>,
): Promise<void> {
  const { tables } = state
  const { migrations = [] } = options
  const declared = declaredSchema(options)
  if (tables.schema.tables.length === 0) return commit.alone(() => commit.evolve(declared))
  const rowCount = (id: number): number => tables.byId(id)?.rowCount ?? 0
  const plan = planEvolution(tables.schema, declared, migrations, rowCount)
  for (const line of plan.remarks) report(line)
  await commit.alone(async () => {
    if (plan.between !== undefined) {
      await checkpointer.take()
      await commit.evolve(plan.between)
      await changed()
      for (const migration of plan.migrations) {
        report(`migration ${migration.number}: ${migration.name}`)
        await commit.migrate(migration, { ...plan.between, migration: migration.number })
      }
    }
    if (plan.final === undefined) return
    await commit.evolve(plan.final)
    await changed()
  })
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
