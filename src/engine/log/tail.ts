// The end of the log when it is opened: find it, judge it, mend what a crash has left, and make it
// durable.
//
//   WHAT IS FOUND                                  WHAT IT IS            WHAT IS DONE
//   a last segment with an unfinished header,      crash while rotating  it is made anew
//   nothing behind it, the segment before closed
//   a closed last segment                          crash while rotating  the next one is made
//   frames, then zeros                             the end               nothing
//   frames, then bytes that prove nothing          torn tail             kept aside, then zeroed
//   frames, then a proof of lost ones (scan.ts)    damage                refused
//   an end below the watermark or the snapshot     damage                refused
//   a watermark that says "sealed", and no seal    damage                refused
//
// Nothing is changed before everything is judged.
//
// The bytes behind the watermark are written once more before they are synced. If the process
// before this one ended because a write or sync failed, the kernel may hold them as clean:
// readable, not on the device, and no sync would ever bring them there. Writing equal bytes over
// durable ones is harmless, whatever part of it a crash keeps.

import { basename, join } from 'node:path'
import { behind, damage, gap, headerRefusal } from './faults.ts'
import { ROLLED, SEAL } from './frame.ts'
import { judgeEnd } from './scan.ts'
import { FRAME, STARVED, openSegment } from './segment-reader.ts'
import {
  SEGMENT_HEADER_SIZE,
  decodeSegmentHeader,
  readHeaderBytes,
  segmentFileName,
} from './segment.ts'
import type { Disk, DiskFile } from '../disk.ts'
import type { SegmentReader } from './segment-reader.ts'
import type { Tail } from './segment-writer.ts'
import type { WatermarkState } from './watermark.ts'

const COPY_SIZE = 1024 * 1024
const SCAN_WINDOW_SIZE = 8 * 1024 * 1024

export interface TailQuestion {
  readonly disk: Disk
  readonly directory: string
  readonly storeId: string
  /** First LSNs, ascending, at least one. */
  readonly segments: readonly number[]
  readonly watermark: WatermarkState
  readonly watermarkFile: string
  readonly snapshotLsn: number
  readonly report: (line: string) => void
}

export interface TailFinding {
  readonly lastLsn: number
  /**
   * Where the last segment is continued; undefined if another one has to be made, behind frame
   * `previous`.
   */
  readonly tail: Tail | undefined
  readonly previous: number
  /** Bytes of the segment with that frame. */
  readonly size: number
  /** A segment to be removed and made anew. */
  readonly unfinished: number | undefined
}

/** Throws what speaks against serving this log; else it is whole and durable up to lastLsn. */
export async function mendTail(question: TailQuestion): Promise<TailFinding> {
  const { segments, watermark, directory } = question
  const lastSegment = segments.at(-1)!
  if (watermark.segmentLsn > lastSegment) {
    const missing = segmentFileName(watermark.segmentLsn)
    throw gap(
      join(directory, missing),
      watermark.segmentLsn,
      `${missing} is missing: the last segment is ${segmentFileName(lastSegment)}`,
    )
  }
  const unfinished = (await isUnfinished(question, lastSegment)) ? lastSegment : undefined
  const tailSegment = unfinished === undefined ? lastSegment : segments.at(-2)
  if (tailSegment === undefined) {
    // The first segment of all was never finished: nothing was ever written.
    const lastLsn = lastSegment - 1
    refuseIfBehind(question, lastLsn)
    return { lastLsn, tail: undefined, previous: 0, size: 0, unfinished }
  }
  const path = join(directory, segmentFileName(tailSegment))
  const reader = await openSegment(
    question.disk,
    path,
    tailSegment,
    question.storeId,
    SCAN_WINDOW_SIZE,
  )
  let tornSize: number
  let unprovenFrom: number
  try {
    unprovenFrom = await scan(reader, watermark)
    tornSize = await judge(question, reader)
    if (unfinished !== undefined && reader.lastKind !== ROLLED) {
      throw damage(
        path,
        reader.position,
        `${reader.fault}, but another segment follows`,
        reader.nextLsn,
      )
    }
    if (unfinished !== undefined && reader.nextLsn !== unfinished) {
      throw gap(path, reader.nextLsn, `the segment behind lsn ${reader.nextLsn - 1} is missing`)
    }
  } finally {
    await reader.close()
  }
  const file = await question.disk.open(path, 'write')
  try {
    if (tornSize > 0) await cut(question, file, reader.position, tornSize)
    await rewrite(file, unprovenFrom, reader.position)
    await file.syncAsync()
    await question.disk.syncDirectory(directory)
    const tail = {
      firstLsn: tailSegment,
      seed: reader.seed,
      position: reader.position,
      checksum: reader.checksum,
      zeroedTo: file.size(),
    }
    return {
      lastLsn: reader.nextLsn - 1,
      tail: reader.lastKind === ROLLED ? undefined : tail,
      previous: reader.checksum,
      size: reader.position,
      unfinished,
    }
  } finally {
    file.close()
  }
}

/** For a log without any segment: throws if there must have been one. */
export function refuseIfLost(
  question: Omit<TailQuestion, 'watermark'>,
  watermark: WatermarkState,
  lastLsn: number,
): void {
  const { directory } = question
  if (watermark.segmentLsn > 0) {
    const missing = segmentFileName(watermark.segmentLsn)
    throw gap(
      join(directory, missing),
      watermark.segmentLsn,
      `${missing} is missing: there is no segment in ${directory}`,
    )
  }
  refuseIfBehind({ ...question, watermark }, lastLsn)
}

/**
 * True for what a crash leaves of a segment that was being made: no header, and nothing behind it.
 */
async function isUnfinished(question: TailQuestion, firstLsn: number): Promise<boolean> {
  const path = join(question.directory, segmentFileName(firstLsn))
  const file = await question.disk.open(path, 'read')
  try {
    const header = decodeSegmentHeader(await readHeaderBytes(file))
    if (!('fault' in header)) return false
    const isKnown = question.watermark.segmentLsn >= firstLsn || question.snapshotLsn >= firstLsn
    if (isKnown || header.unknownVersion !== undefined) throw headerRefusal(path, firstLsn, header)
    const { end } = await judgeEnd(file, 0, SEGMENT_HEADER_SIZE, firstLsn)
    if (end !== 'clean') throw headerRefusal(path, firstLsn, header)
    return true
  } finally {
    file.close()
  }
}

/**
 * Reads to the last valid frame. Returns the offset from which nothing proves that the bytes are on
 * the device.
 */
async function scan(reader: SegmentReader, watermark: WatermarkState): Promise<number> {
  let unprovenFrom = watermark.segmentLsn < reader.header.firstLsn ? 0 : -1
  for (;;) {
    const { position } = reader
    const step = reader.next()
    if (step === STARVED) await reader.fill()
    else if (step !== FRAME) return unprovenFrom < 0 ? position : unprovenFrom
    else if (unprovenFrom < 0 && reader.frame.firstLsn > watermark.durableLsn)
      unprovenFrom = position
  }
}

/** Returns the bytes of a torn tail, 0 for a clean end; throws for damage. */
async function judge(question: TailQuestion, reader: SegmentReader): Promise<number> {
  const { watermark, watermarkFile, snapshotLsn } = question
  const { file, position, nextLsn, lastKind } = reader
  const end = await judgeEnd(file, reader.seed, position, nextLsn)
  if (end.end === 'damaged') {
    const proof = `the frame at offset ${end.offset} shows that lsn ${nextLsn} was durable`
    throw damage(file.path, position, `${reader.fault}, but ${proof}`, nextLsn)
  }
  const isSealed = watermark.isSealed && watermark.durableLsn === nextLsn - 1
  if (end.end === 'torn') {
    if (lastKind === ROLLED || (isSealed && lastKind === SEAL)) {
      throw damage(file.path, position, 'bytes stand behind the end of the segment', nextLsn)
    }
    if (watermark.durableLsn >= nextLsn || snapshotLsn >= nextLsn) {
      const witness = watermark.durableLsn >= nextLsn ? basename(watermarkFile) : 'a snapshot'
      const proof = `${witness} shows that lsn ${nextLsn} was durable`
      throw damage(file.path, position, `${reader.fault}, but ${proof}`, nextLsn)
    }
  }
  refuseIfBehind(question, nextLsn - 1)
  if (isSealed && lastKind !== SEAL) {
    throw damage(
      file.path,
      position,
      `a seal expected, as ${basename(watermarkFile)} says, but ${reader.fault}`,
      nextLsn,
    )
  }
  return end.end === 'torn' ? end.size : 0
}

function refuseIfBehind(question: TailQuestion, lastLsn: number): void {
  const { watermark, watermarkFile, snapshotLsn, directory } = question
  if (watermark.durableLsn > lastLsn) {
    const witness = basename(watermarkFile)
    throw behind('LOG_BEHIND_WATERMARK', directory, lastLsn, witness, watermark.durableLsn)
  }
  if (snapshotLsn > lastLsn) {
    throw behind('LOG_BEHIND_SNAPSHOT', directory, lastLsn, 'the newest snapshot', snapshotLsn)
  }
}

/** Copies the torn bytes to a file of their own, then zeroes them. */
async function cut(
  question: TailQuestion,
  file: DiskFile,
  position: number,
  tornSize: number,
): Promise<void> {
  const kept = await keepAside(question, file, position, tornSize)
  const zeros = Buffer.alloc(Math.min(tornSize, COPY_SIZE))
  for (let done = 0; done < tornSize; done += zeros.length) {
    await file.writeAsync(zeros, 0, Math.min(tornSize - done, zeros.length), position + done)
  }
  question.report(
    `log: ${basename(file.path)}, offset ${position}: ` +
      `an unfinished commit of ${tornSize} bytes was cut; ${kept}`,
  )
}

/**
 * Says where the bytes are. A full disk is no reason not to start: nobody was told that they are in
 * the log.
 */
async function keepAside(
  question: TailQuestion,
  file: DiskFile,
  position: number,
  tornSize: number,
): Promise<string> {
  const { disk, directory } = question
  const path = await freeName(disk, file.path.replace(/\.log$/, `.torn-${position}`))
  const bytes = Buffer.allocUnsafeSlow(Math.min(tornSize, COPY_SIZE))
  let aside: DiskFile | undefined
  try {
    aside = await disk.open(path, 'create')
    for (let done = 0; done < tornSize; done += bytes.length) {
      const size = Math.min(tornSize - done, bytes.length)
      const count = await file.readAsync(bytes, 0, size, position + done)
      await aside.writeAsync(bytes, 0, count, done)
    }
    await aside.syncAsync()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error
    return 'the disk is too full to keep them'
  } finally {
    aside?.close()
  }
  await disk.syncDirectory(directory)
  return `they are kept in ${basename(path)}`
}

async function freeName(disk: Disk, path: string): Promise<string> {
  if (!(await disk.exists(path))) return path
  for (let number = 2; ; number++) {
    if (!(await disk.exists(`${path}-${number}`))) return `${path}-${number}`
  }
}

/** Writes the bytes of a range over themselves. */
async function rewrite(file: DiskFile, from: number, to: number): Promise<void> {
  const bytes = Buffer.allocUnsafeSlow(Math.min(to - from, COPY_SIZE))
  for (let position = from; position < to; position += bytes.length) {
    const count = await file.readAsync(bytes, 0, Math.min(to - position, bytes.length), position)
    await file.writeAsync(bytes, 0, count, position)
  }
}
