// The watermark: a second file that knows how far the log was durable, so that a log which has lost
// its end is not mistaken for one that ended there.
//
// Two slots of 512 bytes, one sector each, written alternately; the valid one with the higher
// sequence counts.
//
//    0   8  magic        "shWaterm"
//    8 u32  version
//   12 u32  flags        1: the log was sealed (clean end) at durableLsn
//   16  16  store id
//   32 u64  sequence     1, 2, 3, … one for each write; slot = sequence mod 2
//   40 u64  durableLsn   newest transaction known to be on the device
//   48 u64  segmentLsn   first LSN of the newest segment whose header and name are on the device
//   56 u64  epoch        of the newest writer
//   64      zeros
//  508 u32  checksum     crc32 of bytes 0 to 508
//
// Invariants
//   (1) What a slot claims was true before the slot was written.
//   (2) The file and its name are durable before the first segment is made.
//   (3) A writer begins with a write that takes the seal back, before its first frame.
//
// A crash leaves at most the slot unfinished that was being written; the other one is then older
// and still true. A slot that is neither valid nor zero is reported, for no one can tell a crash
// from damage there. The watermark trails the log by some seconds on purpose: a write here for
// every commit would halve their rate.

import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import { readUint64, writeUint64 } from './frame.ts'
import type { Disk, DiskFile } from '../disk.ts'
import type { HeaderFault } from './segment.ts'

export const SLOT_SIZE = 512
const SLOT_COUNT = 2
const MAGIC = 'shWaterm'
const FORMAT_VERSION = 1
const CHECKSUM_AT = SLOT_SIZE - 4
const SEALED_FLAG = 1

export interface WatermarkState {
  readonly storeId: string
  readonly durableLsn: number
  readonly segmentLsn: number
  readonly epoch: number
  readonly isSealed: boolean
}

export interface WatermarkSlot extends WatermarkState {
  readonly sequence: number
}

/** What stands in the file. */
export interface WatermarkFinding {
  readonly newest: WatermarkSlot | undefined
  /** Slots that are neither valid nor as empty as they must be. */
  readonly faults: readonly (HeaderFault & { readonly offset: number })[]
}

export function encodeSlot(slot: WatermarkSlot): Buffer {
  const bytes = Buffer.alloc(SLOT_SIZE)
  bytes.write(MAGIC, 0, 'latin1')
  bytes.writeUInt32LE(FORMAT_VERSION, 8)
  bytes.writeUInt32LE(slot.isSealed ? SEALED_FLAG : 0, 12)
  bytes.write(slot.storeId, 16, 'hex')
  writeUint64(bytes, slot.sequence, 32)
  writeUint64(bytes, slot.durableLsn, 40)
  writeUint64(bytes, slot.segmentLsn, 48)
  writeUint64(bytes, slot.epoch, 56)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, CHECKSUM_AT)), CHECKSUM_AT)
  return bytes
}

/** `bytes` are the 512 of a slot. */
export function decodeSlot(bytes: Buffer): WatermarkSlot | HeaderFault {
  const checksum = crc32(bytes.subarray(0, CHECKSUM_AT))
  const found = bytes.readUInt32LE(CHECKSUM_AT)
  if (checksum !== found) return { fault: `checksum ${checksum} expected, ${found} found` }
  if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    return { fault: 'this is not the slot of a watermark' }
  }
  const version = bytes.readUInt32LE(8)
  if (version !== FORMAT_VERSION) {
    return {
      fault: `format version ${FORMAT_VERSION} expected, ${version} found`,
      unknownVersion: version,
    }
  }
  return {
    storeId: bytes.toString('hex', 16, 32),
    sequence: readUint64(bytes, 32),
    durableLsn: readUint64(bytes, 40),
    segmentLsn: readUint64(bytes, 48),
    epoch: readUint64(bytes, 56),
    isSealed: (bytes.readUInt32LE(12) & SEALED_FLAG) !== 0,
  }
}

/** Reads the file; undefined if there is none. */
export async function readWatermark(
  disk: Disk,
  path: string,
): Promise<WatermarkFinding | undefined> {
  if (!(await disk.exists(path))) return undefined
  const bytes = Buffer.alloc(SLOT_SIZE * SLOT_COUNT)
  const file = await disk.open(path, 'read')
  try {
    await file.readAsync(bytes, 0, bytes.length, 0)
  } finally {
    file.close()
  }
  let newest: WatermarkSlot | undefined
  const faults: (HeaderFault & { offset: number })[] = []
  const empty: number[] = []
  for (let offset = 0; offset < bytes.length; offset += SLOT_SIZE) {
    const slot = bytes.subarray(offset, offset + SLOT_SIZE)
    const decoded = decodeSlot(slot)
    if (slot.every((byte) => byte === 0)) empty.push(offset)
    else if ('fault' in decoded) faults.push({ ...decoded, offset })
    else if (newest === undefined || decoded.sequence > newest.sequence) newest = decoded
  }
  // From the second write on, both slots are in use.
  if (newest !== undefined && newest.sequence > 1) {
    for (const offset of empty) faults.push({ fault: 'a slot expected, zeros found', offset })
  }
  return { newest, faults }
}

/** The file while a writer has it open. Writes one at a time, in the order of the calls. */
export class Watermark {
  readonly #file: DiskFile
  #sequence: number
  /** Ends with the last write asked for; rejects with what the first failed one threw. */
  #written: Promise<void>
  /** As it was last asked to be written. */
  durableLsn: number

  private constructor(file: DiskFile, sequence: number, durableLsn: number) {
    this.#file = file
    this.#sequence = sequence
    this.#written = Promise.resolve()
    this.durableLsn = durableLsn
  }

  /** Makes the file, with its name durable, if there is none. */
  static async open(disk: Disk, path: string): Promise<Watermark> {
    const found = await readWatermark(disk, path)
    const file = await disk.open(path, found === undefined ? 'create' : 'write')
    try {
      // Synced on every open: the file may be there from an attempt that a crash ended before this.
      await disk.syncDirectory(dirname(path))
    } catch (error) {
      file.close()
      throw error
    }
    return new Watermark(file, found?.newest?.sequence ?? 0, found?.newest?.durableLsn ?? 0)
  }

  write(state: WatermarkState): Promise<void> {
    const sequence = ++this.#sequence
    this.durableLsn = state.durableLsn
    const slot = encodeSlot({ ...state, sequence })
    const offset = (sequence % SLOT_COUNT) * SLOT_SIZE
    this.#written = this.#written.then(() =>
      this.#file.writeDurableAsync(slot, 0, SLOT_SIZE, offset),
    )
    return this.#written
  }

  /** Waits for the writes under way, whether they succeed or not, and closes the file. */
  async close(): Promise<void> {
    await this.#written.catch(() => undefined)
    this.#file.close()
  }
}
