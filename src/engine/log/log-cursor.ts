// Hot: bench `engine` shows it.
//
// Reads transactions across segments, verifying the frames, the chain between segments, and that
// none is missing.
//
// The frames of one window are joined: their payloads are moved down over the headers between them,
// so that the caller gets one batch of megabytes and not one for each commit. With one transaction
// a commit a step of an asynchronous iterator for each would cost more than all the rest.
//
//   window     │ h │ payload │ h │ payload │ h │ payload │
//   delivered      │ payload │ payload │ payload │

import { join } from 'node:path'
import { brokenChain, damage, gap } from './faults.ts'
import { ROLLED, TRANSACTIONS } from './frame.ts'
import { FRAME, STARVED, openSegment } from './segment-reader.ts'
import { segmentFileName } from './segment.ts'
import type { Disk } from '../disk.ts'
import type { Batch } from '../transaction-log.ts'
import type { SegmentReader } from './segment-reader.ts'

export class LogCursor {
  readonly #disk: Disk
  readonly #directory: string
  readonly #storeId: string
  /** First LSNs of the segments; the log's own array, which changes. */
  readonly #segments: readonly number[]
  readonly #windowSize: number
  /** First transaction that is wanted and was not delivered. */
  #nextLsn: number
  #reader: SegmentReader | undefined

  constructor(parts: {
    disk: Disk
    directory: string
    storeId: string
    segments: readonly number[]
    windowSize: number
    fromLsn: number
  }) {
    this.#disk = parts.disk
    this.#directory = parts.directory
    this.#storeId = parts.storeId
    this.#segments = parts.segments
    this.#windowSize = parts.windowSize
    this.#nextLsn = parts.fromLsn
    this.#reader = undefined
  }

  /** Delivers what was not delivered yet, up to `lastLsn`, which the log is known to hold. */
  async *readTo(lastLsn: number): AsyncGenerator<Batch, void, void> {
    // What lies in the window may have been zeros when it was read.
    this.#reader?.refresh()
    while (this.#nextLsn <= lastLsn) {
      const reader = (this.#reader ??= await this.#openFirst())
      const { window } = reader
      let firstLsn = 0
      let count = 0
      let start = 0
      let end = 0
      let step = FRAME
      while (reader.nextLsn <= lastLsn) {
        step = reader.next()
        if (step !== FRAME) break
        const { frame, payloadStart, payloadEnd } = reader
        if (frame.kind !== TRANSACTIONS || reader.nextLsn <= this.#nextLsn) continue
        if (count === 0) {
          firstLsn = frame.firstLsn
          start = payloadStart
          end = payloadEnd
        } else {
          window.copyWithin(end, payloadStart, payloadEnd)
          end += payloadEnd - payloadStart
        }
        count += frame.count
      }
      if (step === STARVED) reader.prefetch()
      if (count > 0) {
        this.#nextLsn = reader.nextLsn
        yield { firstLsn, count, payload: window.subarray(start, end) }
      }
      if (step === FRAME) continue
      if (step === STARVED) await reader.fill()
      else if (reader.lastKind === ROLLED) this.#reader = await this.#openNext(reader)
      else throw damage(reader.file.path, reader.position, reader.fault, reader.nextLsn)
    }
  }

  async close(): Promise<void> {
    await this.#reader?.close()
    this.#reader = undefined
  }

  #openFirst(): Promise<SegmentReader> {
    const firstLsn = this.#segments.findLast((lsn) => lsn <= this.#nextLsn)
    if (firstLsn === undefined) {
      throw gap(
        this.#directory,
        this.#nextLsn,
        `the log begins with lsn ${this.#segments[0]}, but lsn ${this.#nextLsn} is needed`,
      )
    }
    return this.#open(firstLsn, undefined)
  }

  async #openNext(reader: SegmentReader): Promise<SegmentReader> {
    await reader.close()
    return this.#open(reader.nextLsn, reader.checksum)
  }

  async #open(firstLsn: number, previous: number | undefined): Promise<SegmentReader> {
    const path = join(this.#directory, segmentFileName(firstLsn))
    if (!this.#segments.includes(firstLsn)) {
      throw gap(
        path,
        firstLsn,
        `${segmentFileName(firstLsn)} is missing: lsn ${firstLsn} is needed`,
      )
    }
    const reader = await openSegment(this.#disk, path, firstLsn, this.#storeId, this.#windowSize)
    if (previous !== undefined && reader.header.previous !== previous) {
      await reader.close()
      throw brokenChain(path, firstLsn, previous, reader.header.previous)
    }
    return reader
  }
}
