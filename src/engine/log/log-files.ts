// The segments of a directory, read as they lie there: nothing is cut, synced or written. For
// looking into a log that is not to be trusted as a whole, up to the first thing that is wrong.
//
// `read` ends where the log ends, or where its bytes can no longer be verified; it cannot tell
// which, and who needs to know how far it should have gone (a wanted LSN) compares.

import { join } from 'node:path'
import { DatastoreError } from '../errors.ts'
import { LogCursor } from './log-cursor.ts'
import {
  decodeSegmentHeader,
  parseSegmentFileName,
  readHeaderBytes,
  segmentFileName,
} from './segment.ts'
import type { Disk } from '../disk.ts'
import type { Batch } from '../transaction-log.ts'

const WINDOW_SIZE = 8 * 1024 * 1024

export class LogFiles {
  readonly #disk: Disk
  readonly #directory: string
  readonly #segments: readonly number[]
  readonly #sizes: readonly number[]
  readonly storeId: string
  /** The sentence about what ended the last `read`: the end of the log, or damage. */
  ending: string

  private constructor(
    disk: Disk,
    directory: string,
    segments: readonly number[],
    sizes: readonly number[],
    storeId: string,
  ) {
    this.#disk = disk
    this.#directory = directory
    this.#segments = segments
    this.#sizes = sizes
    this.storeId = storeId
    this.ending = ''
  }

  /** Throws LOG_GAP when there is no segment with a readable header. */
  static async open(disk: Disk, directory: string): Promise<LogFiles> {
    const names = (await disk.exists(directory)) ? await disk.list(directory) : []
    const segments = names.flatMap((name) => parseSegmentFileName(name) ?? [])
    const sizes: number[] = []
    let storeId = ''
    for (const lsn of segments) {
      const file = await disk.open(join(directory, segmentFileName(lsn)), 'read')
      try {
        sizes.push(file.size())
        const header = decodeSegmentHeader(await readHeaderBytes(file))
        if (storeId === '' && !('fault' in header)) storeId = header.storeId
      } finally {
        file.close()
      }
    }
    if (storeId === '') {
      throw new DatastoreError('LOG_GAP', `there is no readable segment in ${directory}`, {
        file: directory,
      })
    }
    return new LogFiles(disk, directory, segments, sizes, storeId)
  }

  /** Bytes of the segments that hold transactions after `lsn`. */
  sizeAfter(lsn: number): number {
    return this.#sizes
      .filter((_, index) => (this.#segments[index + 1] ?? Infinity) > lsn + 1)
      .reduce((sum, size) => sum + size, 0)
  }

  /** Verified batches from `fromLsn` on, as far as they go. */
  async *read(fromLsn: number): AsyncGenerator<Batch, void, void> {
    const cursor = new LogCursor({
      disk: this.#disk,
      directory: this.#directory,
      storeId: this.storeId,
      segments: this.#segments,
      windowSize: WINDOW_SIZE,
      fromLsn,
    })
    try {
      yield* cursor.readTo(Number.MAX_SAFE_INTEGER)
    } catch (error) {
      if (!(error instanceof DatastoreError)) throw error
      this.ending = error.message
    } finally {
      await cursor.close()
    }
  }
}
