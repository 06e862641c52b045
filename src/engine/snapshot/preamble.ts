// The first 64 bytes of both kinds of snapshot files, the manifest and the pages file.
//
//    0   8  magic         "shManife" or "shPages "
//    8 u32  version       of the format of the rest of the file
//   12 u32  partSize      manifest: bytes of the description; pages file: bytes of a page
//   16  16  store id
//   32 u64  lsn           last transaction that the snapshot holds
//   40 u64  time          when the snapshot began, milliseconds since 1970
//   48 u64  fileSize      manifest: bytes of the whole file; pages file: 0, for it grows
//   56 u32  zero
//   60 u32  crc32 of bytes 0 to 60
//
// All numbers are little endian. This form is the same in every format version to come. That is
// what tells a flipped bit in the version (damage: fall back to an older snapshot) from a file of a
// newer program (refuse, never fall back behind its back), and a foreign store's file from a
// damaged one of ours.

import { crc32 } from 'node:zlib'
import { assert } from '../../std/assert.ts'

export const PREAMBLE_SIZE = 64
export const FORMAT_VERSION = 1

const MAGIC_SIZE = 8
const TWO_TO_32 = 2 ** 32

export type Magic = 'shManife' | 'shPages '

/**
 * What is wrong with bytes that were to be decoded. Decoders return it; they never throw on bad
 * bytes.
 */
export interface Fault {
  /** A clause for the end of a sentence: "checksum 4711 expected, 815 found". */
  readonly fault: string
  /** Where in the file. */
  readonly offset: number
  /**
   * Set when the file is sound as far as it can be told, but of a format that this program does not
   * know.
   */
  readonly unknownVersion?: number
}

export interface Preamble {
  readonly partSize: number
  /** 32 hex digits. */
  readonly storeId: string
  readonly lsn: number
  readonly time: number
  readonly fileSize: number
}

export function isFault(result: object): result is Fault {
  return 'fault' in result
}

export function encodePreamble(magic: Magic, preamble: Preamble, target: Buffer): void {
  assert(/^[0-9a-f]{32}$/.test(preamble.storeId), 'a store id is 16 bytes in hex')
  target.write(magic, 0, MAGIC_SIZE, 'latin1')
  target.writeUInt32LE(FORMAT_VERSION, 8)
  target.writeUInt32LE(preamble.partSize, 12)
  target.write(preamble.storeId, 16, 16, 'hex')
  writeUint64(target, preamble.lsn, 32)
  writeUint64(target, preamble.time, 40)
  writeUint64(target, preamble.fileSize, 48)
  target.writeUInt32LE(0, 56)
  target.writeUInt32LE(crc32(target.subarray(0, 60)), 60)
}

export function decodePreamble(magic: Magic, bytes: Buffer): Preamble | Fault {
  if (bytes.length < PREAMBLE_SIZE) {
    return { fault: `at least ${PREAMBLE_SIZE} bytes expected, ${bytes.length} found`, offset: 0 }
  }
  const checksum = crc32(bytes.subarray(0, 60))
  const expected = bytes.readUInt32LE(60)
  if (checksum !== expected) {
    return { fault: `header checksum ${expected} expected, ${checksum} found`, offset: 60 }
  }
  const found = bytes.toString('latin1', 0, MAGIC_SIZE)
  if (found !== magic) {
    return {
      fault: `magic ${JSON.stringify(magic)} expected, ${JSON.stringify(found)} found`,
      offset: 0,
    }
  }
  const version = bytes.readUInt32LE(8)
  if (version !== FORMAT_VERSION) {
    const fault = `format version ${FORMAT_VERSION} expected, ${version} found`
    return { fault, offset: 8, unknownVersion: version }
  }
  const lsn = readUint64(bytes, 32)
  const time = readUint64(bytes, 40)
  const fileSize = readUint64(bytes, 48)
  if (
    !Number.isSafeInteger(lsn) ||
    !Number.isSafeInteger(time) ||
    !Number.isSafeInteger(fileSize)
  ) {
    return { fault: 'numbers below 2^53 expected, larger ones found', offset: 32 }
  }
  return {
    partSize: bytes.readUInt32LE(12),
    storeId: bytes.toString('hex', 16, 32),
    lsn,
    time,
    fileSize,
  }
}

function writeUint64(target: Buffer, value: number, offset: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, 'a 64-bit number is a natural one below 2^53')
  target.writeUInt32LE(value % TWO_TO_32, offset)
  target.writeUInt32LE(Math.floor(value / TWO_TO_32), offset + 4)
}

function readUint64(bytes: Buffer, offset: number): number {
  return bytes.readUInt32LE(offset + 4) * TWO_TO_32 + bytes.readUInt32LE(offset)
}
