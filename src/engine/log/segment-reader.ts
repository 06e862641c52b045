// Hot: bench `engine` shows it.
//
// Reads the frames of one segment in order, verifying each, out of large windows of the file:
//
//   file    │ header │ frame │ frame │ frame │ fra¦me │ frame │ …
//                    └──────── window ──────────┘
//                                             └──────── next window: begins with the cut frame
//
// `next` is synchronous and allocates nothing but what the checksum needs; only when the window is
// used up it answers STARVED, and the caller awaits `fill`. There are two windows: `prefetch` has
// the thread pool read the next one while the caller works on the frames of this one.
//
// What an invalid frame means is not decided here (see scan.ts), only that it is one, and why.

import {
  FRAME_HEADER_SIZE,
  FrameHeader,
  ROLLED,
  alignedSize,
  decodeHeader,
  frameFault,
  isHeaderSound,
  isSizePossible,
  seedOf,
} from './frame.ts'
import { damage, foreign, headerRefusal } from './faults.ts'
import {
  SEGMENT_HEADER_SIZE,
  decodeSegmentHeader,
  headerChecksum,
  readHeaderBytes,
} from './segment.ts'
import type { Disk, DiskFile } from '../disk.ts'
import type { SegmentHeader } from './segment.ts'

/** A valid frame stands in `frame`, and its payload in `window` from payloadStart to payloadEnd. */
export const FRAME = 0
/** The window is used up: await `fill`. */
export const STARVED = 1
/** No valid frame follows: `fault` says why, `position` is where it should be. */
export const ENDED = 2

export class SegmentReader {
  readonly file: DiskFile
  readonly header: SegmentHeader
  readonly seed: number
  /** Bytes to read at once. */
  readonly #windowSize: number
  readonly frame: FrameHeader
  /** Bytes of the file from #windowStart on; #windowEnd of the file is where they end. */
  window: Buffer
  #windowStart: number
  #windowEnd: number
  #spare: Buffer
  #pending: Promise<number> | undefined
  #pendingPosition: number
  #pendingSize: number
  /** True when the window ends where the file ended. */
  #isAtEnd: boolean
  /** Bytes of a frame that is larger than a window. */
  #neededSize: number
  /** Offset in the file of the next frame. */
  position: number
  /** Checksum of the frame before, or of the header. */
  checksum: number
  /** LSN of the next transaction. */
  nextLsn: number
  /** Kind of the frame before; 0 when there was none. */
  lastKind: number
  payloadStart: number
  payloadEnd: number
  fault: string

  constructor(file: DiskFile, header: SegmentHeader, checksum: number, windowSize: number) {
    this.file = file
    this.header = header
    this.seed = seedOf(header.salt)
    this.#windowSize = windowSize
    this.frame = new FrameHeader()
    this.window = Buffer.alloc(0)
    this.#windowStart = SEGMENT_HEADER_SIZE
    this.#windowEnd = SEGMENT_HEADER_SIZE
    this.#spare = this.window
    this.#pending = undefined
    this.#pendingPosition = 0
    this.#pendingSize = 0
    this.#isAtEnd = false
    this.#neededSize = FRAME_HEADER_SIZE
    this.position = SEGMENT_HEADER_SIZE
    this.checksum = checksum
    this.nextLsn = header.firstLsn
    this.lastKind = 0
    this.payloadStart = 0
    this.payloadEnd = 0
    this.fault = ''
  }

  /** Steps to the next frame: FRAME, STARVED or ENDED. */
  next(): number {
    const { frame, window, position } = this
    if (this.lastKind === ROLLED) return this.#end('the segment was closed by the frame before')
    const available = this.#windowEnd - position
    const offset = position - this.#windowStart
    if (available < FRAME_HEADER_SIZE) {
      return this.#starve(FRAME_HEADER_SIZE, 'the file ends where a frame should be')
    }
    decodeHeader(window, offset, frame)
    const taken = alignedSize(frame.size)
    if (!isSizePossible(frame.size))
      return this.#end(`a frame of ${frame.size} bytes is not possible`)
    if (available < taken) {
      // The size is believed only from a sound header: nothing else may make the window grow.
      if (!isHeaderSound(window, offset, this.seed)) return this.#end('the header is unsound')
      return this.#starve(taken, 'the file ends within the frame')
    }
    const fault = frameFault(window, offset, frame, this.seed, this.checksum, this.nextLsn)
    if (fault !== undefined) return this.#end(fault)
    this.position = position + taken
    this.checksum = frame.checksum
    this.nextLsn += frame.count
    this.lastKind = frame.kind
    this.payloadStart = offset + FRAME_HEADER_SIZE
    this.payloadEnd = offset + frame.size
    return FRAME
  }

  /**
   * Has the next window read while the caller works on this one. Call when `next` has answered
   * STARVED.
   */
  prefetch(): void {
    if (this.#pending !== undefined) return
    const size = Math.max(this.#windowSize, this.#neededSize)
    if (this.#spare.length < size) this.#spare = Buffer.allocUnsafeSlow(size)
    this.#pendingPosition = this.position
    this.#pendingSize = size
    this.#pending = this.file.readAsync(this.#spare, 0, size, this.position)
    // Who never comes for the window does not care for its error either.
    this.#pending.catch(() => undefined)
  }

  /** Reads a window that begins with the next frame. */
  async fill(): Promise<void> {
    this.prefetch()
    const count = await this.#pending!
    this.#pending = undefined
    const filled = this.#spare
    this.#spare = this.window
    this.window = filled
    this.#windowStart = this.#pendingPosition
    this.#windowEnd = this.#windowStart + count
    this.#isAtEnd = count < this.#pendingSize
  }

  /** Forgets what was read ahead: the file has been written since. */
  refresh(): void {
    this.#windowStart = this.position
    this.#windowEnd = this.position
    this.#isAtEnd = false
  }

  /** Waits for a read that is under way, and closes the file. */
  async close(): Promise<void> {
    await this.#pending?.catch(() => undefined)
    this.file.close()
  }

  #starve(neededSize: number, fault: string): number {
    if (this.#isAtEnd) return this.#end(fault)
    this.#neededSize = neededSize
    return STARVED
  }

  #end(fault: string): number {
    this.fault = fault
    return ENDED
  }
}

/** Bytes of a window for a file that is short, and may grow while it is read. */
const WINDOW_SIZE_MIN = 4096

/**
 * Opens a segment for reading, and refuses one whose header is damaged, foreign, or not that of its
 * name.
 */
export async function openSegment(
  disk: Disk,
  path: string,
  firstLsn: number,
  storeId: string,
  windowSizeMax: number,
): Promise<SegmentReader> {
  const file = await disk.open(path, 'read')
  try {
    const bytes = await readHeaderBytes(file)
    const header = decodeSegmentHeader(bytes)
    if ('fault' in header) throw headerRefusal(path, firstLsn, header)
    if (header.storeId !== storeId) throw foreign(path, storeId, header.storeId)
    if (header.firstLsn !== firstLsn) {
      const fault = `expected first lsn ${firstLsn}, as the name says, found ${header.firstLsn}`
      throw damage(path, 0, fault, firstLsn)
    }
    const windowSize = Math.min(windowSizeMax, Math.max(file.size(), WINDOW_SIZE_MIN))
    return new SegmentReader(file, header, headerChecksum(bytes), windowSize)
  } catch (error) {
    file.close()
    throw error
  }
}
