// The segment: one file of the log, named by its first LSN in 16 decimal digits, so that `ls` tells
// what is held.
//
//   0000000000000001.log    ┌────────┬───────┬───────┬─ ─ ─┬────────┐
//                           │ header │ frame │ frame │     │ rolled │
//   0000000000000421.log    ├────────┼───────┼───────┼─ ─ ─┴────────┘
//                           │ header │ frame │ frame │ zeros …        the last one: written now
//                           └────────┴───────┴───────┴─ ─ ─ ─ ─ ─ ─ ─
//
// The header takes the first 4096 bytes:
//
//      0   8  magic       "shLog   "
//      8 u32  version     of the format of the frames and of the rest of the header
//     12 u32  zero
//     16  16  store id
//     32 u64  firstLsn    the same as in the file's name
//     40  16  salt        random: see frame.ts
//     56 u32  previous    checksum of the last frame of the segment before, 0 in the first one
//     60 u32  zero
//     64 u64  createdAt   milliseconds since 1970
//     72      zeros
//   4092 u32  checksum    crc32 of bytes 0 to 4092
//
// All numbers are little endian. Size, magic, version, store id, and checksum stay where they are
// in every version to come: that is what tells a segment of a newer program from a damaged one.
//
// Invariants
//   (1) Every segment but the last ends in a rolled frame, which is durable before the next
//       segment's file is made.
//   (2) The next segment is named by the LSN in that rolled frame, and its `previous` is that
//       frame's checksum.
//   (3) A header is durable, and its file's name is, before the first frame is written behind it.
//
// A crash leaves at most a last segment with an unfinished header and nothing behind it, or none
// after a rolled frame: tail.ts makes it anew.

import { crc32 } from 'node:zlib'
import { assert } from '../../std/assert.ts'
import { readUint64, writeUint64 } from './frame.ts'
import type { DiskFile } from '../disk.ts'

export const SEGMENT_HEADER_SIZE = 4096
export const LOG_FORMAT_VERSION = 1
export const SALT_SIZE = 16

const MAGIC = 'shLog   '
const CHECKSUM_AT = SEGMENT_HEADER_SIZE - 4
const LSN_DIGITS = 16

export interface SegmentHeader {
  /** 32 hex digits. */
  readonly storeId: string
  readonly firstLsn: number
  readonly salt: Uint8Array
  readonly previous: number
  readonly createdAt: number
}

/** Why a header cannot be used. */
export interface HeaderFault {
  /** A clause for the end of a sentence. */
  readonly fault: string
  /** Set when nothing is wrong but that this program is too old. */
  readonly unknownVersion?: number
}

export function segmentFileName(firstLsn: number): string {
  return `${String(firstLsn).padStart(LSN_DIGITS, '0')}.log`
}

/** First LSN of the segment of that name; undefined for other files. */
export function parseSegmentFileName(name: string): number | undefined {
  const digits = /^(\d{16})\.log$/.exec(name)?.[1]
  const lsn = Number(digits)
  return Number.isSafeInteger(lsn) && lsn > 0 ? lsn : undefined
}

/** Returns 4096 bytes. */
export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  assert(/^[0-9a-f]{32}$/.test(header.storeId), 'a store id is 16 bytes in hex')
  const bytes = Buffer.alloc(SEGMENT_HEADER_SIZE)
  bytes.write(MAGIC, 0, 'latin1')
  bytes.writeUInt32LE(LOG_FORMAT_VERSION, 8)
  bytes.write(header.storeId, 16, 'hex')
  writeUint64(bytes, header.firstLsn, 32)
  bytes.set(header.salt, 40)
  bytes.writeUInt32LE(header.previous, 56)
  writeUint64(bytes, header.createdAt, 64)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, CHECKSUM_AT)), CHECKSUM_AT)
  return bytes
}

/** The checksum at the end of an encoded header: `previous` of the first frame. */
export function headerChecksum(bytes: Buffer): number {
  return bytes.readUInt32LE(CHECKSUM_AT)
}

/** `bytes` are the first 4096 of the file, or all of a shorter one. */
export function decodeSegmentHeader(bytes: Buffer): SegmentHeader | HeaderFault {
  if (bytes.length < SEGMENT_HEADER_SIZE) {
    return { fault: `a header of ${SEGMENT_HEADER_SIZE} bytes expected, ${bytes.length} found` }
  }
  const magic = bytes.toString('latin1', 0, MAGIC.length)
  if (magic !== MAGIC) return { fault: 'this is not the header of a segment' }
  const checksum = crc32(bytes.subarray(0, CHECKSUM_AT))
  if (checksum !== headerChecksum(bytes)) {
    return { fault: `checksum ${checksum} of the header expected, ${headerChecksum(bytes)} found` }
  }
  const version = bytes.readUInt32LE(8)
  if (version !== LOG_FORMAT_VERSION) {
    return {
      fault: `format version ${LOG_FORMAT_VERSION} expected, ${version} found`,
      unknownVersion: version,
    }
  }
  return {
    storeId: bytes.toString('hex', 16, 32),
    firstLsn: readUint64(bytes, 32),
    salt: Uint8Array.from(bytes.subarray(40, 40 + SALT_SIZE)),
    previous: bytes.readUInt32LE(56),
    createdAt: readUint64(bytes, 64),
  }
}

/** The first 4096 bytes, or all of a shorter file. */
export async function readHeaderBytes(file: DiskFile): Promise<Buffer> {
  const bytes = Buffer.alloc(SEGMENT_HEADER_SIZE)
  const size = await file.readAsync(bytes, 0, SEGMENT_HEADER_SIZE, 0)
  return bytes.subarray(0, size)
}
