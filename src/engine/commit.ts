// Hot: bench `engine` shows it.
//
// Group commit: how transactions become durable together.
//
//   transact() ─▶ queue ─▶ run ─▶ filling batch ─▶ log.append ─▶ durable ─▶ callers are answered
//                          └── one drain: everything that is queued, one after the other
//
// A drain runs in the event loop's check phase (setImmediate), so that all requests that arrived in
// one poll of the sockets share a write. While the log syncs a batch in the thread pool, the next
// one fills; when the log syncs in the thread, what arrives meanwhile waits in the sockets and
// makes the next batch.
//
// Invariants
//   (1) LSNs are given in the order of running; a batch holds consecutive ones; one append is under
//       way at a time.
//   (2) Nobody is told a result that rests on a transaction that is not yet as durable as the mode
//       asks: results of refused and of reading transactions wait with the batch around them.
//   (3) After the first failed append nothing runs or is answered with success again (the store is
//       poisoned).

import { InvariantError, assert } from '../std/assert.ts'
import { addToSpread, createSpread } from '../std/spread.ts'
import { EffectWriter } from './effects.ts'
import { DatastoreError } from './errors.ts'
import { RequestSweep, rememberedOutput } from './requests.ts'
import { ThreadSlices } from './snapshot/thread-slices.ts'
import { StoreTransaction } from './transaction.ts'
import type { Clock } from '../std/clock.ts'
import type { Spread } from '../std/spread.ts'
import type { Migration } from './evolution.ts'
import type { Memory } from './memory/memory.ts'
import type { Json, StoredSchema } from './schema.ts'
import type { Committed } from './store.ts'
import type { Tables } from './tables.ts'
import type { Transaction } from './transaction.ts'
import type { AppendOutcome, LogWriter } from './transaction-log.ts'

/** Bytes of effects after which a batch takes no further transaction. */
const BATCH_SIZE_MAX = 4 * 1024 * 1024
const BATCH_COUNT_BOUNDS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 1024]
const APPEND_MS_BOUNDS = [0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 1000]
/** Transactions of one drain: about two milliseconds of the thread. */
const DRAIN_COUNT_MAX = 1024

interface Request {
  readonly label: string
  readonly run: (tx: Transaction) => Json | void
  readonly key: string | undefined
  readonly resolve: (committed: Committed<Json | void>) => void
  readonly reject: (error: unknown) => void
}

/** A batch in the making: encoded effects, and who waits for what. */
class FillingBatch {
  readonly effects = new EffectWriter()
  firstLsn = 0
  count = 0
  readonly answers: (() => void)[] = []
  readonly rejects: ((error: unknown) => void)[] = []
}

export interface CommitStats {
  /** Transactions in each batch. */
  readonly batchCounts: Spread
  /** Milliseconds from handing a batch to the log until it is as durable as the mode asks. */
  readonly appendMs: Spread
  transactions: number
  refused: number
  batches: number
  bytes: number
}

export class GroupCommit {
  readonly #memory: Memory
  readonly #tables: Tables
  readonly #writer: LogWriter
  readonly #clock: Clock
  readonly #tx: StoreTransaction
  readonly #sweep: RequestSweep
  readonly #onPoison: (error: Error) => void
  readonly #onWritten: (size: number) => void
  readonly stats: CommitStats
  #queue: Request[]
  /** Who waits for the end of a change of schema; undefined while none is under way. */
  #held: Request[] | undefined
  #filling: FillingBatch
  #spare: FillingBatch
  #isScheduled: boolean
  #isWriting: boolean
  /** When the batch that is being written was handed to the log. */
  #appendedAt: number
  #wantsSync: boolean
  #poison: DatastoreError | undefined
  /** Who waits for an LSN to be durable, in no order. */
  #durableWaiters: { lsn: number; resolve: () => void; reject: (error: unknown) => void }[]
  #idleWaiters: (() => void)[]

  constructor(parts: {
    memory: Memory
    tables: Tables
    writer: LogWriter
    clock: Clock
    /** Time of the newest transaction so far: transaction time never runs backwards. */
    lastTime: number
    /** Called once when the log has failed. */
    onPoison: (error: Error) => void
    /** Called with the bytes of every batch that was written. */
    onWritten: (size: number) => void
  }) {
    this.#memory = parts.memory
    this.#tables = parts.tables
    this.#writer = parts.writer
    this.#clock = parts.clock
    this.#memory.lastTime = parts.lastTime
    this.#onPoison = parts.onPoison
    this.#onWritten = parts.onWritten
    this.#sweep = new RequestSweep()
    this.stats = {
      transactions: 0,
      refused: 0,
      batches: 0,
      bytes: 0,
      batchCounts: createSpread(BATCH_COUNT_BOUNDS),
      appendMs: createSpread(APPEND_MS_BOUNDS),
    }
    this.#queue = []
    this.#held = undefined
    this.#filling = new FillingBatch()
    this.#tx = new StoreTransaction(parts.tables, this.#filling.effects)
    this.#spare = new FillingBatch()
    this.#isScheduled = false
    this.#isWriting = false
    this.#appendedAt = 0
    this.#wantsSync = false
    this.#poison = undefined
    this.#durableWaiters = []
    this.#idleWaiters = []
  }

  /** The error that ended writing, if any did. */
  get poison(): DatastoreError | undefined {
    return this.#poison
  }

  /** Requests that have not run yet. */
  get queuedCount(): number {
    return this.#queue.length + (this.#held?.length ?? 0)
  }

  /** Queues a transaction. The promise resolves when it is durable. */
  submit(
    label: string,
    run: (tx: Transaction) => Json | void,
    key?: string,
  ): Promise<Committed<Json | void>> {
    if (this.#poison !== undefined) return Promise.reject(this.#poison)
    if (this.#held === undefined) return this.#submit(label, run, key)
    return new Promise((resolve, reject) => {
      this.#held!.push({ label, run, key, resolve, reject })
    })
  }

  /**
   * Runs `work` while no transaction runs but those that it makes by `evolve` and `migrate`. Those
   * of others wait for its end, whatever that is.
   */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    assert(this.#held === undefined, 'the schema changes once at a time')
    this.#held = this.#queue
    this.#queue = []
    try {
      return await work()
    } finally {
      this.#queue = [...this.#queue, ...this.#held]
      this.#held = undefined
      if (this.#queue.length > 0) this.#schedule()
      else if (!this.#isWriting && this.#filling.answers.length === 0) this.#noteIdle()
    }
  }

  /**
   * Moves the store to another schema, in a transaction of its own. Within `alone`: new indexes are
   * filled before, in slices between which everything but transactions goes on, and readers in
   * other threads are not concerned. Writes wait for about a second for each million rows that go
   * into a new index.
   */
  async evolve(schema: StoredSchema): Promise<void> {
    assert(this.#held !== undefined, 'rows do not change while indexes are filled')
    const prepared = this.#tables.prepare(schema)
    await new ThreadSlices().runAll(prepared.filling)
    await this.#submit('engine:schema', () => {
      this.#tables.adopt(prepared)
      this.#tx.declareSchema(schema)
    })
  }

  /** Runs a migration, and declares in the same transaction that it has run. Within `alone`. */
  async migrate(migration: Migration, schema: StoredSchema): Promise<void> {
    assert(this.#held !== undefined, 'a migration runs alone')
    await this.#submit(`engine:migration ${migration.number}`, (tx) => {
      migration.run(tx)
      this.#tables.evolve(schema)
      this.#tx.declareSchema(schema)
    })
  }

  /**
   * Resolves when everything up to `lsn` is on disk, whenever the durability mode puts it there.
   */
  durable(lsn: number): Promise<void> {
    if (this.#poison !== undefined) return Promise.reject(this.#poison)
    if (this.#writer.durableLsn >= lsn) return Promise.resolve()
    return new Promise((resolve, reject) => this.#durableWaiters.push({ lsn, resolve, reject }))
  }

  /**
   * Makes everything up to `lsn` durable, in the modes that do not sync each batch too. Takes its
   * turn between two appends, so that a busy store does not put it off.
   */
  async sync(lsn: number): Promise<void> {
    if (this.#poison !== undefined) throw this.#poison
    if (this.#writer.durableLsn >= lsn) return
    this.#wantsSync = true
    this.#schedule()
    await this.durable(lsn)
  }

  /** Resolves when nothing is queued, filling or being written. */
  idle(): Promise<void> {
    if (this.#isIdle() && !this.#isWriting && this.#filling.answers.length === 0) {
      return Promise.resolve()
    }
    return new Promise((resolve) => this.#idleWaiters.push(resolve))
  }

  /** Tells those who wait for durability how far the log has got. */
  noteDurable(): void {
    const durableLsn = this.#writer.durableLsn
    if (durableLsn === this.#memory.durableLsn && this.#durableWaiters.length === 0) return
    this.#memory.durableLsn = durableLsn
    if (this.#durableWaiters.length === 0) return
    const waiting = this.#durableWaiters
    this.#durableWaiters = waiting.filter(({ lsn }) => lsn > durableLsn)
    for (const { lsn, resolve } of waiting) if (lsn <= durableLsn) resolve()
  }

  #submit(
    label: string,
    run: (tx: Transaction) => Json | void,
    key?: string,
  ): Promise<Committed<Json | void>> {
    if (this.#poison !== undefined) return Promise.reject(this.#poison)
    return new Promise((resolve, reject) => {
      this.#queue.push({ label, run, key, resolve, reject })
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#drain()
    })
  }

  #drain(): void {
    if (this.#poison !== undefined) return
    const queue = this.#queue
    const { effects } = this.#filling
    const countMax = Math.min(queue.length, DRAIN_COUNT_MAX)
    let count = 0
    this.#memory.seqlock.begin()
    try {
      while (count < countMax && effects.size < BATCH_SIZE_MAX) this.#run(queue[count++]!)
    } catch (error) {
      // The batch cannot be finished: nobody in another thread may take its half for a state.
      this.#memory.condemn()
      this.#poisonWith(error as Error)
      return
    }
    this.#memory.seqlock.end()
    if (count === queue.length) queue.length = 0
    else this.#queue = queue.slice(count)
    if (!this.#isWriting) this.#write()
    if (this.#queue.length > 0 && !this.#isWriting) this.#schedule()
  }

  /** Runs one transaction. What it throws is its caller's; a broken invariant is thrown on. */
  #run(request: Request): void {
    const batch = this.#filling
    const tx = this.#tx
    const now = Math.max(this.#clock.now(), this.#memory.lastTime)
    const { resolve, reject, key } = request
    tx.begin(request.label, now, batch.effects)
    let output: Json | void
    try {
      const remembered = key === undefined ? undefined : rememberedOutput(tx, key)
      if (remembered === undefined) {
        output = request.run(tx)
        if (key !== undefined) this.#sweep.remember(tx, key, output ?? null)
      } else {
        output = remembered.output
      }
    } catch (error) {
      tx.undo()
      if (error instanceof InvariantError) throw error
      this.stats.refused++
      batch.answers.push(() => reject(error))
      batch.rejects.push(reject)
      return
    }
    if (tx.commit()) {
      this.#memory.lastTime = now
      const lsn = this.#memory.lastLsn + 1
      this.#memory.lastLsn = lsn
      if (batch.count++ === 0) batch.firstLsn = lsn
      this.stats.transactions++
    }
    const lsn = this.#memory.lastLsn
    batch.answers.push(() => resolve({ output, lsn }))
    batch.rejects.push(reject)
  }

  /** Hands the filling batch to the log, or syncs what is there when somebody waits for that. */
  #write(): void {
    const batch = this.#filling
    if (this.#wantsSync && batch.count === 0) {
      this.#syncLog()
      return
    }
    if (batch.answers.length === 0) {
      this.#noteIdle()
      return
    }
    if (batch.count === 0) {
      // Nothing to write, but what these answers rest on may still be on its way: invariant (2).
      this.#answer(batch)
      this.#noteIdle()
      return
    }
    this.#filling = this.#spare
    this.#spare = batch
    this.#isWriting = true
    const payload = batch.effects.payload()
    this.stats.batches++
    this.stats.bytes += payload.length
    const { firstLsn, count } = batch
    addToSpread(this.stats.batchCounts, count)
    this.#appendedAt = performance.now()
    const outcome = this.#writer.append(firstLsn - 1, { firstLsn, count, payload })
    if (outcome instanceof Promise) {
      outcome.then(
        (settled) => this.#settle(batch, settled),
        (cause: Error) => this.#settle(batch, { outcome: 'unknown', cause }),
      )
    } else {
      this.#settle(batch, outcome)
    }
  }

  #syncLog(): void {
    this.#wantsSync = false
    this.#isWriting = true
    const ended = (outcome: AppendOutcome): void => {
      this.#isWriting = false
      if (outcome.outcome !== 'durable') this.#fail(outcome)
      else {
        this.noteDurable()
        this.#schedule()
      }
    }
    this.#writer.sync().then(ended, (cause: Error) => ended({ outcome: 'unknown', cause }))
  }

  #settle(batch: FillingBatch, outcome: AppendOutcome): void {
    this.#isWriting = false
    if (outcome.outcome !== 'durable') {
      this.#fail(outcome)
      this.#noteIdle()
      return
    }
    addToSpread(this.stats.appendMs, performance.now() - this.#appendedAt)
    this.noteDurable()
    this.#onWritten(batch.effects.size)
    this.#answer(batch)
    if (this.#wantsSync) {
      this.#syncLog()
      return
    }
    // What filled meanwhile goes next, with what is queued by now.
    if (this.#filling.answers.length > 0 || this.#queue.length > 0) this.#schedule()
    else this.#noteIdle()
  }

  #answer(batch: FillingBatch): void {
    const { answers } = batch
    for (let index = 0; index < answers.length; index++) answers[index]!()
    answers.length = 0
    batch.rejects.length = 0
    batch.count = 0
    batch.effects.clear()
  }

  #isIdle(): boolean {
    return this.#queue.length === 0 && this.#held === undefined
  }

  #noteIdle(): void {
    if (!this.#isIdle() || this.#idleWaiters.length === 0) return
    const waiters = this.#idleWaiters
    this.#idleWaiters = []
    for (const resolve of waiters) resolve()
  }

  #fail(outcome: AppendOutcome): void {
    const error =
      outcome.outcome === 'unknown' ? outcome.cause : new Error('another writer took over the log')
    this.#poisonWith(error)
  }

  /** The log has failed by itself, in the background. */
  noteFailure(cause: Error): void {
    this.#poisonWith(cause)
  }

  /** The end: every caller fails, nothing later can succeed. */
  #poisonWith(cause: Error): void {
    if (this.#poison !== undefined) return
    const poison = new DatastoreError(
      'STORE_POISONED',
      `writing has ended: ${cause.message}. Restart: recovery rebuilds the state from disk`,
      { cause },
    )
    this.#poison = poison
    for (const batch of [this.#spare, this.#filling]) {
      for (const reject of batch.rejects) reject(poison)
      batch.rejects.length = 0
      batch.answers.length = 0
    }
    for (const { reject } of this.#queue) reject(poison)
    this.#queue = []
    for (const { reject } of this.#held ?? []) reject(poison)
    if (this.#held !== undefined) this.#held = []
    for (const { reject } of this.#durableWaiters) reject(poison)
    this.#durableWaiters = []
    this.#noteIdle()
    this.#onPoison(cause)
  }
}
