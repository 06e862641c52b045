// The transaction log in local files: what is where, what opening checks, and who may write.
//
//   data/watermark                        how far the log was durable (watermark.ts)
//   data/log/0000000000000001.log         segments (segment.ts) of frames (frame.ts)
//   data/log/0000000000000421.log
//   data/log/0000000000000421.torn-8192   what was cut off after a crash; never read again
//
// Opening verifies the header of every segment and every byte of the last one, mends what a crash
// has left, and syncs (tail.ts): nothing is served that a second crash could take back. The frames
// of the other segments, and the chain from each segment to the next, are verified by whoever reads
// them; recovery reads all that it needs.
//
// A process has at most one log object of a directory: the lock file sees to that. Writers of one
// object are fenced by epoch, which the watermark keeps.

import { randomBytes } from 'node:crypto'
import { basename, join } from 'node:path'
import { systemClock } from '../../std/clock.ts'
import { DatastoreError } from '../errors.ts'
import { foreign, headerRefusal, poisoned, storageFailure } from './faults.ts'
import { LocalWriter } from './local-writer.ts'
import { LogCursor } from './log-cursor.ts'
import { LogProgress } from './progress.ts'
import {
  SALT_SIZE,
  decodeSegmentHeader,
  parseSegmentFileName,
  readHeaderBytes,
  segmentFileName,
} from './segment.ts'
import { openSegment } from './segment-reader.ts'
import { createSegment } from './segment-writer.ts'
import { mendTail, refuseIfLost } from './tail.ts'
import { Watermark, readWatermark } from './watermark.ts'
import type { Clock } from '../../std/clock.ts'
import type { Disk } from '../disk.ts'
import type { Batch, LogListener, LogWriter, TransactionLog } from '../transaction-log.ts'
import type { Durability, WriterSettings } from './local-writer.ts'
import type { Tail } from './segment-writer.ts'
import type { TailFinding } from './tail.ts'
import type { WatermarkSlot, WatermarkState } from './watermark.ts'

const STORE_ID_SIZE = 16
const READ_WINDOW_SIZE = 8 * 1024 * 1024
const FOLLOW_WINDOW_SIZE = 64 * 1024
const HEADER_WINDOW_SIZE = 4096
const SEGMENT_SIZE = 64 * 1024 * 1024
const PREALLOCATE_SIZE = 4 * 1024 * 1024
const SYNC_INTERVAL_MS = 1000
const WATERMARK_INTERVAL_MS = 2000
const IN_THREAD_SYNC_MS_MAX = 0.5

export interface LocalLogOptions {
  readonly disk: Disk
  /** Of the segments. */
  readonly directory: string
  readonly watermarkFile: string
  /** 32 hex digits. Without it, the id is learned from the files, or made. */
  readonly storeId?: string | undefined
  /** First LSN of a log that does not exist yet. */
  readonly createAtLsn?: number | undefined
  /** The log must reach at least to here; 0 when there is no snapshot. */
  readonly snapshotLsn?: number | undefined
  readonly durability?: Durability | undefined
  readonly segmentSize?: number | undefined
  readonly preallocateSize?: number | undefined
  readonly syncIntervalMs?: number | undefined
  readonly watermarkIntervalMs?: number | undefined
  readonly inThreadSyncMsMax?: number | undefined
  readonly clock?: Clock | undefined
  /** Is told in one line what was mended. */
  readonly report?: ((line: string) => void) | undefined
}

interface Parts {
  readonly disk: Disk
  readonly directory: string
  readonly watermarkFile: string
  readonly storeId: string
  readonly clock: Clock
  readonly settings: WriterSettings
}

export class LocalLog implements TransactionLog {
  readonly storeId: string
  /** True when the last writer had ended cleanly before this log was opened. */
  readonly wasSealed: boolean
  readonly #parts: Parts
  readonly #progress: LogProgress
  #writer: LocalWriter | undefined
  /** Ends with the last `acquire` asked for. */
  #acquired: Promise<unknown>

  private constructor(parts: Parts, progress: LogProgress, wasSealed: boolean) {
    this.storeId = parts.storeId
    this.wasSealed = wasSealed
    this.#parts = parts
    this.#progress = progress
    this.#writer = undefined
    this.#acquired = Promise.resolve()
  }

  /** Throws DatastoreError: one of the LOG_… codes, or STORAGE_FAILED. */
  static async open(options: LocalLogOptions): Promise<LocalLog> {
    try {
      const { parts, progress, wasSealed } = await openFiles(options)
      return new LocalLog(parts, progress, wasSealed)
    } catch (error) {
      throw storageFailure(options.directory, 'opening the log', error)
    }
  }

  get firstLsn(): number {
    return this.#progress.segments[0]!
  }

  get lastLsn(): number {
    return this.#progress.lastLsn
  }

  /** Bytes of the segments that hold transactions after `lsn`: what a read has to go through. */
  sizeAfter(lsn: number): number {
    return this.#progress.sizeAfter(lsn)
  }

  /**
   * Rejects with STORE_POISONED once a writer of this object has failed, with STORAGE_FAILED if it
   * fails itself.
   */
  acquire(listener: LogListener = {}): Promise<LogWriter> {
    const acquired = this.#acquired.then(() => this.#acquire(listener))
    this.#acquired = acquired.catch(() => undefined)
    return acquired
  }

  async *read(fromLsn: number): AsyncGenerator<Batch, void, void> {
    const cursor = this.#cursor(fromLsn, READ_WINDOW_SIZE)
    try {
      yield* cursor.readTo(this.#progress.lastLsn)
    } catch (error) {
      throw storageFailure(this.#parts.directory, 'reading', error)
    } finally {
      await cursor.close()
    }
  }

  async *follow(afterLsn: number, signal: AbortSignal): AsyncGenerator<Batch, void, void> {
    const cursor = this.#cursor(afterLsn + 1, FOLLOW_WINDOW_SIZE)
    try {
      for (let seenLsn = afterLsn; ;) {
        await this.#progress.waitUntilAfter(seenLsn, signal)
        if (signal.aborted) return
        for await (const batch of cursor.readTo(this.#progress.durableLsn)) {
          seenLsn = batch.firstLsn + batch.count - 1
          yield batch
          if (signal.aborted) return
        }
      }
    } catch (error) {
      throw storageFailure(this.#parts.directory, 'reading', error)
    } finally {
      await cursor.close()
    }
  }

  async truncate(beforeLsn: number): Promise<string[]> {
    const { disk, directory } = this.#parts
    const { segments, sizes } = this.#progress
    const removed: string[] = []
    while (segments.length > 1 && segments[1]! <= beforeLsn) {
      const name = segmentFileName(segments.shift()!)
      sizes.shift()
      try {
        await disk.remove(join(directory, name))
        // One by one, for a crash may take back any of several removals, and leave a gap.
        await disk.syncDirectory(directory)
      } catch (error) {
        throw storageFailure(directory, `removing ${name}`, error)
      }
      removed.push(name)
    }
    return removed
  }

  /** Ends the writer, if there is one, without a seal: for a start that has failed. */
  async close(): Promise<void> {
    this.#progress.epoch++
    await this.#writer?.retire()
  }

  async #acquire(listener: LogListener): Promise<LogWriter> {
    const progress = this.#progress
    const { disk, watermarkFile } = this.#parts
    progress.epoch++
    await this.#writer?.retire()
    if (progress.poison !== undefined) throw poisoned(progress.poison)
    let watermark: Watermark | undefined
    try {
      watermark = await Watermark.open(disk, watermarkFile)
      this.#writer = await LocalWriter.open({ ...this.#parts, progress, watermark, listener })
      return this.#writer
    } catch (error) {
      await watermark?.close()
      progress.poison = storageFailure(watermarkFile, 'becoming the writer', error)
      throw progress.poison
    }
  }

  #cursor(fromLsn: number, windowSize: number): LogCursor {
    const { disk, directory, storeId } = this.#parts
    const { segments } = this.#progress
    return new LogCursor({ disk, directory, storeId, segments, windowSize, fromLsn })
  }
}

async function openFiles(
  options: LocalLogOptions,
): Promise<{ parts: Parts; progress: LogProgress; wasSealed: boolean }> {
  const { disk, directory, watermarkFile, createAtLsn = 1, snapshotLsn = 0 } = options
  const { report = (): void => undefined } = options
  await disk.makeDirectory(directory)
  const segments = await listSegments(disk, directory)
  const watermark = await findWatermark(options, segments.length > 0, report)
  const storeId =
    options.storeId ?? watermark?.storeId ?? (await learnStoreId(disk, directory, segments))
  if (watermark !== undefined && watermark.storeId !== storeId) {
    throw foreign(watermarkFile, storeId, watermark.storeId)
  }
  const parts = makeParts(options, storeId)
  const unknown = { storeId, durableLsn: 0, segmentLsn: 0, epoch: 0, isSealed: false }
  const question = { disk, directory, storeId, segments, watermarkFile, snapshotLsn, report }
  let found: TailFinding
  let sizes: number[] = []
  if (segments.length > 0) {
    // The last one may be unfinished, which mendTail can tell.
    sizes = await verifyHeaders(parts, segments.slice(0, -1))
    found = await mendTail({ ...question, watermark: watermark ?? unknown })
  } else {
    found = {
      lastLsn: createAtLsn - 1,
      tail: undefined,
      previous: 0,
      size: 0,
      unfinished: undefined,
    }
    refuseIfLost(question, watermark ?? unknown, found.lastLsn)
    // Before the first segment: from now on a log without segments is a lost one.
    await beginWatermark(parts, { ...unknown, durableLsn: found.lastLsn })
  }
  if (found.unfinished !== undefined) {
    await disk.remove(join(directory, segmentFileName(found.unfinished)))
    segments.pop()
  }
  const durableLsn = found.lastLsn
  let { tail } = found
  if (tail === undefined) {
    const firstLsn = durableLsn + 1
    tail = await beginSegment(parts, firstLsn, found.previous)
    if (sizes.length < segments.length) sizes.push(found.size)
    segments.push(firstLsn)
  }
  const epoch = watermark?.epoch ?? 0
  // If it is so, the seal has been found where the watermark says, else opening would have failed.
  const wasSealed = watermark?.isSealed === true && watermark.durableLsn === durableLsn
  const progress = new LogProgress({ durableLsn, epoch, segments, sizes, tail })
  return { parts, progress, wasSealed }
}

function beginSegment(parts: Parts, firstLsn: number, previous: number): Promise<Tail> {
  const { disk, directory, storeId, settings } = parts
  const salt = randomBytes(SALT_SIZE)
  const header = { storeId, firstLsn, salt, previous, createdAt: parts.clock.now() }
  return createSegment(disk, directory, header, settings)
}

function makeParts(options: LocalLogOptions, storeId: string): Parts {
  const { disk, directory, watermarkFile, clock = systemClock } = options
  const settings = {
    durability: options.durability ?? 'sync',
    segmentSize: options.segmentSize ?? SEGMENT_SIZE,
    preallocateSize: options.preallocateSize ?? PREALLOCATE_SIZE,
    syncIntervalMs: options.syncIntervalMs ?? SYNC_INTERVAL_MS,
    watermarkIntervalMs: options.watermarkIntervalMs ?? WATERMARK_INTERVAL_MS,
    inThreadSyncMsMax: options.inThreadSyncMsMax ?? IN_THREAD_SYNC_MS_MAX,
  }
  return { disk, directory, watermarkFile, storeId, clock, settings }
}

/** First LSNs, ascending. Other files are left alone. */
async function listSegments(disk: Disk, directory: string): Promise<number[]> {
  const segments: number[] = []
  for (const name of await disk.list(directory)) {
    const firstLsn = parseSegmentFileName(name)
    if (firstLsn !== undefined) segments.push(firstLsn)
  }
  return segments
}

/** The newest valid slot. Undefined if there is none, which is said when there are segments. */
async function findWatermark(
  { disk, watermarkFile }: LocalLogOptions,
  hasSegments: boolean,
  report: (line: string) => void,
): Promise<WatermarkSlot | undefined> {
  const found = await readWatermark(disk, watermarkFile)
  for (const fault of found?.faults ?? []) {
    if (fault.unknownVersion !== undefined) throw headerRefusal(watermarkFile, 1, fault)
    // Both slots are never written at once: no crash leaves two of them unfinished.
    if (hasSegments && found?.newest === undefined) {
      throw new DatastoreError(
        'LOG_DAMAGED',
        `${watermarkFile}, offset ${fault.offset}: ${fault.fault}`,
        {
          file: watermarkFile,
          offset: fault.offset,
          advice: 'Bring the file back from a copy, or remove it to go without what it knows.',
        },
      )
    }
    const place = `${basename(watermarkFile)}, offset ${fault.offset}`
    report(`log: ${place}: ${fault.fault}; the other slot is used`)
  }
  if (hasSegments && found?.newest === undefined) {
    report(`log: ${watermarkFile} is missing or empty: a lost end of the log would not be noticed`)
  }
  return found?.newest
}

/** The id in the first header that can be read, else a new one. */
async function learnStoreId(
  disk: Disk,
  directory: string,
  segments: readonly number[],
): Promise<string> {
  for (const firstLsn of segments) {
    const file = await disk.open(join(directory, segmentFileName(firstLsn)), 'read')
    try {
      const header = decodeSegmentHeader(await readHeaderBytes(file))
      if (!('fault' in header)) return header.storeId
    } finally {
      file.close()
    }
  }
  return randomBytes(STORE_ID_SIZE).toString('hex')
}

/** Returns the sizes of the files. */
async function verifyHeaders(parts: Parts, segments: readonly number[]): Promise<number[]> {
  const sizes: number[] = []
  for (const firstLsn of segments) {
    const path = join(parts.directory, segmentFileName(firstLsn))
    const reader = await openSegment(parts.disk, path, firstLsn, parts.storeId, HEADER_WINDOW_SIZE)
    sizes.push(reader.file.size())
    await reader.close()
  }
  return sizes
}

async function beginWatermark(parts: Parts, state: WatermarkState): Promise<void> {
  const watermark = await Watermark.open(parts.disk, parts.watermarkFile)
  try {
    await watermark.write(state)
  } finally {
    await watermark.close()
  }
}
