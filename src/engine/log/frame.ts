// Hot: bench `engine` shows it.
//
// The frame: what one group commit writes to the log, and the unit that is valid as a whole or not
// at all.
//
//    0 u32  checksum        crc32 of bytes 4 to size
//    4 u32  headerChecksum  crc32 of bytes 8 to 40
//    8 u32  size            bytes of header and payload, not the fill up to a multiple of 8
//   12 u32  count           transactions
//   16 u64  firstLsn        of the first transaction; in a seal or rolled frame of the next to come
//   24 u64  durableLsn      newest transaction known to be on the device when this was written
//   32 u32  previous        checksum of the frame before, or of the segment's header: the chain
//   36 u16  kind            1 transactions, 2 seal (clean end), 3 rolled (another segment follows)
//   38 u16  zero
//   40      payload, then zeros up to a multiple of 8
//
// All numbers are little endian. Both checksums continue from crc32(salt of the segment), so that
// bytes which a user sends never pass for a frame, even if they are a byte-exact copy of a frame of
// another segment. The header's checksum stands before what it covers on purpose: the crc32 of
// anything that is followed by its own crc32 is always the same number, and the frame's checksum
// would say nothing about the header.
//
// Valid is a frame when
//   (1) it and its fill of zeros lie within the file, and size is 40 to FRAME_SIZE_MAX;
//   (2) its checksum is right, which covers the header's own;
//   (3) previous is the checksum of what stands before it, and firstLsn the LSN that is expected
//       there;
//   (4) its kind is known: transactions with a count of 1 or more, seal and rolled with 0 and
//       without payload;
//   (5) durableLsn is below firstLsn.
//
// Invariants
//   (6) A frame begins at a multiple of 8, and everything behind the last one of a segment is zero,
//       unless a crash has left an unfinished frame there.
//   (7) A sound header with durableLsn ≥ n proves that transaction n had reached the device: it was
//       written later, by a program that had been told so. That is how lost frames are told from
//       unfinished ones, see scan.ts.
//
// One checksum for a batch, not one for each transaction: the sectors of an unfinished write land
// in any order, and several checksums would show good transactions behind a bad one, which looks
// like damage. The header has a second one, so that (7) can be seen in a frame whose payload is
// torn, and so that a scan which tries every place in bytes of a user's choice costs 40 bytes a try
// and not the size that they claim.

import { crc32 } from 'node:zlib'

export const FRAME_HEADER_SIZE = 40
export const FRAME_SIZE_MAX = 64 * 1024 * 1024
export const FRAME_ALIGNMENT = 8

export const TRANSACTIONS = 1
export const SEAL = 2
export const ROLLED = 3

const CHECKED_FROM = 4
const HEADER_CHECKED_FROM = 8
const TWO_TO_32 = 2 ** 32

/** A decoded header. One object is filled again and again. */
export class FrameHeader {
  checksum = 0
  size = 0
  count = 0
  firstLsn = 0
  durableLsn = 0
  previous = 0
  kind = 0
}

/** Bytes that a frame of this size takes in the file. */
export function alignedSize(size: number): number {
  return Math.ceil(size / FRAME_ALIGNMENT) * FRAME_ALIGNMENT
}

/** The value from which the checksums of a segment's frames continue. */
export function seedOf(salt: Uint8Array): number {
  return crc32(salt)
}

/**
 * Writes the header and the fill around a payload that stands at 40 of `target`, and returns the
 * checksum of the frame. `size` is that of header and payload; `target` holds at least
 * alignedSize(size).
 */
export function encodeFrame(
  target: Buffer,
  seed: number,
  size: number,
  firstLsn: number,
  count: number,
  previous: number,
  durableLsn: number,
  kind: number,
): number {
  target.writeUInt32LE(size, 8)
  target.writeUInt32LE(count, 12)
  writeUint64(target, firstLsn, 16)
  writeUint64(target, durableLsn, 24)
  target.writeUInt32LE(previous, 32)
  target.writeUInt32LE(kind, 36)
  target.writeUInt32LE(crc32(target.subarray(HEADER_CHECKED_FROM, FRAME_HEADER_SIZE), seed), 4)
  const checksum = crc32(target.subarray(CHECKED_FROM, size), seed)
  target.writeUInt32LE(checksum, 0)
  const end = alignedSize(size)
  for (let index = size; index < end; index++) target[index] = 0
  return checksum
}

/**
 * Reads the 40 bytes at `offset` as they are; whether they are a header is for the functions below
 * to say.
 */
export function decodeHeader(bytes: Buffer, offset: number, header: FrameHeader): void {
  header.checksum = bytes.readUInt32LE(offset)
  header.size = bytes.readUInt32LE(offset + 8)
  header.count = bytes.readUInt32LE(offset + 12)
  header.firstLsn = readUint64(bytes, offset + 16)
  header.durableLsn = readUint64(bytes, offset + 24)
  header.previous = bytes.readUInt32LE(offset + 32)
  header.kind = bytes.readUInt32LE(offset + 36)
}

export function isSizePossible(size: number): boolean {
  return size >= FRAME_HEADER_SIZE && size <= FRAME_SIZE_MAX
}

/** True if the 40 bytes at `offset` are a header that this segment's writer made. */
export function isHeaderSound(bytes: Buffer, offset: number, seed: number): boolean {
  const checked = bytes.subarray(offset + HEADER_CHECKED_FROM, offset + FRAME_HEADER_SIZE)
  return crc32(checked, seed) === bytes.readUInt32LE(offset + 4)
}

/**
 * What is wrong with the frame at `offset`, as the end of a sentence, or undefined: rules (2) to
 * (5). `header` was decoded there, and the bytes are all there, rule (1).
 */
export function frameFault(
  bytes: Buffer,
  offset: number,
  header: FrameHeader,
  seed: number,
  previous: number,
  expectedLsn: number,
): string | undefined {
  const { size, kind, count } = header
  const checksum = crc32(bytes.subarray(offset + CHECKED_FROM, offset + size), seed)
  if (checksum !== header.checksum) {
    return `checksum ${hex(checksum)} expected, ${hex(header.checksum)} found`
  }
  for (let index = offset + size; index < offset + alignedSize(size); index++) {
    if (bytes[index] !== 0) return `the fill behind the frame holds ${bytes[index]}, not 0`
  }
  if (header.firstLsn !== expectedLsn)
    return `expected lsn ${expectedLsn}, found ${header.firstLsn}`
  if (header.previous !== previous) {
    return `the chain is broken: frame ${hex(previous)} is before it, not ${hex(header.previous)}`
  }
  if (header.durableLsn >= header.firstLsn) {
    return `lsn ${header.firstLsn} claims that lsn ${header.durableLsn} was durable before it`
  }
  if (kind === TRANSACTIONS) return count === 0 ? 'the frame holds no transaction' : undefined
  if (kind !== SEAL && kind !== ROLLED) return `frames of kind ${kind} are not known`
  if (count !== 0 || size !== FRAME_HEADER_SIZE) return 'the closing frame is not empty'
  return undefined
}

/**
 * The cheap part of invariant (7), to be followed by isHeaderSound: what any header with such a
 * claim looks like.
 */
export function mayProve(bytes: Buffer, offset: number, lsn: number): boolean {
  const kind = bytes.readUInt32LE(offset + 36)
  if (kind < TRANSACTIONS || kind > ROLLED) return false
  return readUint64(bytes, offset + 24) >= lsn && isSizePossible(bytes.readUInt32LE(offset + 8))
}

export function writeUint64(target: Buffer, value: number, offset: number): void {
  target.writeUInt32LE(value % TWO_TO_32, offset)
  target.writeUInt32LE(Math.floor(value / TWO_TO_32), offset + 4)
}

export function readUint64(source: Buffer, offset: number): number {
  return source.readUInt32LE(offset) + source.readUInt32LE(offset + 4) * TWO_TO_32
}

function hex(checksum: number): string {
  return checksum.toString(16).padStart(8, '0')
}
