// Hot: bench `engine` shows it.
//
// The writer of the local log: appends, syncs as the mode asks, rotates, keeps the watermark, and
// stops at the first error.
//
//   mode       a batch is        durableLsn moves           a crash of the machine loses
//   sync       written durably   with every append          nothing that was acknowledged
//   interval   written           with a sync each second    up to that second
//   os         written           with sync, roll and close  what the kernel had not written yet
//
//      ROTATION                                 A CRASH AFTER IT LEAVES
//   1  sync what is not durable                 nothing new
//   2  write the rolled frame durably           a closed last segment: opening makes the next
//   3  make the next segment: header, sync,     nothing to mend; before the last sync maybe an
//      sync the directory                       unfinished segment, which opening makes anew
//   4  give the old one's zeroed space back     zeros behind the rolled frame
//   5  write the watermark                      a watermark that trails
//
// Invariants
//   (1) Calls take turns: what cannot be done at once waits in `#turn`, and what comes later waits
//       behind it.
//   (2) After the first error (#poison) nothing is written any more, by nobody: not by a later
//       writer of this log either.
//   (3) Nothing is written by a writer whose epoch is not the newest.

import { randomBytes } from 'node:crypto'
import { assert } from '../../std/assert.ts'
import { DatastoreError } from '../errors.ts'
import { poisoned, storageFailure } from './faults.ts'
import { ROLLED, SEAL, TRANSACTIONS } from './frame.ts'
import { SALT_SIZE } from './segment.ts'
import { SegmentWriter, createSegment } from './segment-writer.ts'
import { IN_THREAD_SIZE_MAX, SyncPace } from './sync-pace.ts'
import type { Clock } from '../../std/clock.ts'
import type { Disk } from '../disk.ts'
import type { AppendOutcome, Batch, LogListener, LogWriter } from '../transaction-log.ts'
import type { LogProgress } from './progress.ts'
import type { SegmentSettings } from './segment-writer.ts'
import type { Watermark } from './watermark.ts'

export type Durability = 'sync' | 'interval' | 'os'

export interface WriterSettings extends SegmentSettings {
  readonly durability: Durability
  /** Milliseconds between two syncs in the mode `interval`. */
  readonly syncIntervalMs: number
  /** Milliseconds between two writes of the watermark while transactions are appended. */
  readonly watermarkIntervalMs: number
  /** Appends are made in the thread while a write takes less than this on average. */
  readonly inThreadSyncMsMax: number
}

export interface WriterParts {
  readonly disk: Disk
  readonly directory: string
  readonly storeId: string
  readonly clock: Clock
  readonly settings: WriterSettings
  readonly progress: LogProgress
  readonly watermark: Watermark
  readonly listener: LogListener
}

const DURABLE: AppendOutcome = { outcome: 'durable' }
const FENCED: AppendOutcome = { outcome: 'fenced' }

export class LocalWriter implements LogWriter {
  readonly epoch: number
  readonly #parts: WriterParts
  readonly #progress: LogProgress
  readonly #isSyncing: boolean
  readonly #pace: SyncPace
  readonly #timers: NodeJS.Timeout[]
  #segment: SegmentWriter
  /** Ends when the calls before have ended; undefined when none is under way. */
  #turn: Promise<void> | undefined
  /** A sync beside the appends, in the mode `interval`. */
  #backgroundSync: Promise<void> | undefined
  /** No sync in the background may begin: the segment is about to change. */
  #isRotating: boolean
  #isAppending: boolean
  #closing: Promise<void> | undefined
  /** What every call is answered from now on. */
  #refusal: AppendOutcome | undefined

  private constructor(parts: WriterParts, segment: SegmentWriter) {
    this.epoch = parts.progress.epoch
    this.#parts = parts
    this.#progress = parts.progress
    this.#isSyncing = parts.settings.durability === 'sync'
    this.#pace = new SyncPace(parts.settings.inThreadSyncMsMax)
    this.#timers = []
    this.#segment = segment
    this.#turn = undefined
    this.#backgroundSync = undefined
    this.#isRotating = false
    this.#isAppending = false
    this.#closing = undefined
    this.#refusal = undefined
  }

  /** Takes the seal back, and continues the log. */
  static async open(parts: WriterParts): Promise<LocalWriter> {
    const { disk, directory, progress, settings } = parts
    const fail = (error: unknown): void => void writer.#fail(error)
    const segment = await SegmentWriter.open(disk, directory, progress.tail, settings, fail)
    const writer = new LocalWriter(parts, segment)
    try {
      await writer.#writeWatermark(false)
    } catch (error) {
      await segment.close()
      throw error
    }
    const { durability, syncIntervalMs, watermarkIntervalMs } = settings
    if (durability === 'interval') writer.#every(syncIntervalMs, writer.#syncBeside)
    writer.#every(watermarkIntervalMs, writer.#noteWatermark)
    return writer
  }

  get lastLsn(): number {
    return this.#progress.lastLsn
  }

  get durableLsn(): number {
    return this.#progress.durableLsn
  }

  append(expectedLsn: number, batch: Batch): AppendOutcome | Promise<AppendOutcome> {
    assert(!this.#isAppending, 'one append at a time')
    assert(
      batch.firstLsn === expectedLsn + 1 && batch.count > 0,
      'a batch begins behind expectedLsn',
    )
    const size = batch.payload.length
    if (
      this.#turn === undefined &&
      this.#pace.isInThread &&
      size < IN_THREAD_SIZE_MAX &&
      !this.#mustRotateFor(size) &&
      !this.#segment.isBlockedFor(size)
    ) {
      return this.#appendInThread(expectedLsn, batch)
    }
    this.#isAppending = true
    return this.#inTurn(() => this.#appendInPool(expectedLsn, batch))
  }

  sync(): Promise<AppendOutcome> {
    return this.#inTurn(async () => {
      if (this.#isRefusing()) return this.#refusal!
      try {
        await this.#makeDurable()
        await this.#writeWatermark(false)
        return DURABLE
      } catch (error) {
        return this.#fail(error)
      }
    })
  }

  shareDisk(isShared: boolean): void {
    this.#pace.isShared = isShared
  }

  roll(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isRefusing()) throw this.#refusalError()
      if (this.#isSegmentEmpty()) return
      try {
        await this.#rotate()
      } catch (error) {
        this.#fail(error)
        throw this.#refusalError()
      }
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#inTurn(async () => {
      const isSealing = !this.#isRefusing()
      try {
        if (isSealing) await this.#seal()
      } catch (error) {
        this.#fail(error)
      }
      await this.#release()
      if (isSealing && this.#progress.poison !== undefined) throw this.#refusalError()
      const cause = new DatastoreError('STORE_CLOSED', 'the log is closed')
      this.#refusal ??= { outcome: 'unknown', cause }
    })
    return this.#closing
  }

  /** Ends this writer without a seal, because another one comes. What is under way ends first. */
  retire(): Promise<void> {
    this.#closing ??= this.#inTurn(() => this.#release())
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #appendInThread(expectedLsn: number, batch: Batch): AppendOutcome {
    if (this.#isRefusing()) return this.#refusal!
    if (expectedLsn !== this.#progress.lastLsn) return FENCED
    const { firstLsn, count, payload } = batch
    try {
      const startMs = performance.now()
      this.#segment.encode(TRANSACTIONS, firstLsn, count, this.#progress.durableLsn, payload)
      this.#segment.write(this.#isSyncing)
      this.#pace.noteInThread(performance.now() - startMs)
    } catch (error) {
      return this.#fail(error)
    }
    this.#noteAppended(batch)
    return DURABLE
  }

  async #appendInPool(expectedLsn: number, batch: Batch): Promise<AppendOutcome> {
    try {
      if (this.#isRefusing()) return this.#refusal!
      if (expectedLsn !== this.#progress.lastLsn) return FENCED
      const { firstLsn, count, payload } = batch
      const size = payload.length
      if (this.#mustRotateFor(size)) await this.#rotate()
      while (this.#segment.isBlockedFor(size)) await this.#segment.settle()
      if (this.#isRefusing()) return this.#refusal!
      const startMs = performance.now()
      this.#segment.encode(TRANSACTIONS, firstLsn, count, this.#progress.durableLsn, payload)
      await this.#segment.writeInPool(this.#isSyncing)
      // Something else may have failed meanwhile: no success is told after a failure.
      this.#throwIfPoisoned()
      if (size < IN_THREAD_SIZE_MAX) this.#pace.noteInPool(performance.now() - startMs)
      this.#noteAppended(batch)
      return DURABLE
    } catch (error) {
      return this.#fail(error)
    } finally {
      this.#isAppending = false
    }
  }

  #noteAppended(batch: Batch): void {
    const progress = this.#progress
    progress.lastLsn += batch.count
    if (this.#isSyncing) progress.noteDurable(progress.lastLsn)
  }

  /** Runs `work` after everything that was asked before. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#turn
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#turn = promise
    try {
      if (before !== undefined) await before
      return await work()
    } finally {
      // Before the caller hears of it, so that its next append finds nothing under way.
      if (this.#turn === promise) this.#turn = undefined
      resolve()
    }
  }

  #mustRotateFor(payloadSize: number): boolean {
    return this.#segment.isFullFor(payloadSize) && !this.#isSegmentEmpty()
  }

  /** True without a transaction in it: seals may be there. The next segment would have its name. */
  #isSegmentEmpty(): boolean {
    return this.#progress.lastLsn < this.#progress.tail.firstLsn
  }

  async #makeDurable(): Promise<void> {
    await this.#backgroundSync
    const { lastLsn, durableLsn } = this.#progress
    this.#throwIfPoisoned()
    if (durableLsn === lastLsn) return
    await this.#segment.sync()
    this.#progress.noteDurable(lastLsn)
    this.#parts.listener.durable?.(lastLsn)
  }

  async #rotate(): Promise<void> {
    const { disk, directory, storeId, clock, settings } = this.#parts
    const progress = this.#progress
    this.#isRotating = true
    await this.#makeDurable()
    await this.#writeClosing(ROLLED)
    const header = {
      storeId,
      firstLsn: progress.lastLsn + 1,
      salt: randomBytes(SALT_SIZE),
      previous: progress.tail.checksum,
      createdAt: clock.now(),
    }
    const size = progress.tail.position
    progress.tail = await createSegment(disk, directory, header, settings)
    progress.sizes.push(size)
    progress.segments.push(header.firstLsn)
    await this.#segment.trim()
    await this.#segment.close()
    this.#segment = await SegmentWriter.open(disk, directory, progress.tail, settings, this.#fail)
    this.#isRotating = false
    await this.#writeWatermark(false)
  }

  async #seal(): Promise<void> {
    await this.#makeDurable()
    await this.#writeClosing(SEAL)
    await this.#writeWatermark(true)
  }

  async #writeClosing(kind: number): Promise<void> {
    await this.#segment.settle()
    this.#throwIfPoisoned()
    const { lastLsn, durableLsn } = this.#progress
    this.#segment.encode(kind, lastLsn + 1, 0, durableLsn, undefined)
    await this.#segment.writeInPool(true)
  }

  #writeWatermark(isSealed: boolean): Promise<void> {
    const { watermark, storeId } = this.#parts
    const { durableLsn, tail } = this.#progress
    const { epoch } = this
    return watermark.write({ storeId, durableLsn, segmentLsn: tail.firstLsn, epoch, isSealed })
  }

  /** Stops the timers, waits for what is under way in the background, and closes the files. */
  async #release(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.#backgroundSync
    try {
      await this.#segment.close()
    } catch (error) {
      this.#fail(error)
    }
    try {
      await this.#parts.watermark.close()
    } catch (error) {
      this.#fail(error)
    }
  }

  #every(ms: number, work: () => void): void {
    this.#timers.push(setInterval(work, ms).unref())
  }

  /** What was appended before is durable when it ends; appends go on beside it. */
  readonly #syncBeside = (): void => {
    const { lastLsn, durableLsn } = this.#progress
    if (this.#backgroundSync !== undefined || this.#isRotating || this.#closing !== undefined)
      return
    if (lastLsn === durableLsn || this.#isRefusing()) return
    this.#backgroundSync = this.#segment
      .sync()
      .then(() => {
        this.#progress.noteDurable(lastLsn)
        this.#parts.listener.durable?.(lastLsn)
      })
      .catch(this.#fail)
      .then(() => {
        this.#backgroundSync = undefined
      })
  }

  readonly #noteWatermark = (): void => {
    if (this.#parts.watermark.durableLsn === this.#progress.durableLsn) return
    if (this.#closing !== undefined || this.#isRefusing()) return
    this.#writeWatermark(false).catch(this.#fail)
  }

  /** True if nothing may be written; #refusal is then set. */
  #isRefusing(): boolean {
    if (this.#refusal !== undefined) return true
    const { poison, epoch } = this.#progress
    if (poison !== undefined) this.#refusal = { outcome: 'unknown', cause: poison }
    else if (epoch !== this.epoch) this.#refusal = FENCED
    return this.#refusal !== undefined
  }

  /** Within a call that has begun: a writer that comes meanwhile waits for its end. */
  #throwIfPoisoned(): void {
    if (this.#progress.poison !== undefined) throw poisoned(this.#progress.poison)
  }

  #refusalError(): Error {
    const refusal = this.#refusal!
    if (refusal.outcome === 'unknown') return poisoned(refusal.cause)
    return new DatastoreError('STORE_CLOSED', 'another writer has taken over the log')
  }

  /** Poisons the log with the first error. Returns what every call answers from now on. */
  readonly #fail = (error: unknown): AppendOutcome => {
    if (this.#progress.poison === undefined) {
      const cause = storageFailure(this.#segment.path, 'writing', error)
      this.#progress.poison = cause
      this.#parts.listener.failed?.(cause)
    }
    const cause = this.#progress.poison
    this.#refusal ??= { outcome: 'unknown', cause }
    return this.#refusal
  }
}
