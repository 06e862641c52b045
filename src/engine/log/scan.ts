// What stands behind the last valid frame of the log: nothing, an unfinished frame, or damage.
//
//   … │ frame │ frame │ 0 0 0 0 0 0 0 0 0 …      clean: the log ends here
//   … │ frame │ frame │ ▒▒▒▒ 0 0 ▒▒▒▒▒ 0 0 …     torn: a crash came before this write had ended
//   … │ frame │ ▒▒▒▒▒ │ frame │ frame │ 0 0 …    damaged, if one of the frames behind proves it
//
// A torn write may have left any of its sectors, and in the modes that do not sync each commit the
// same holds for several frames in a row, so that a valid frame behind an invalid one is no damage
// by itself. It is when its header says that the transaction which is missing had reached the
// device: frame.ts, invariant (7). Headers are looked for at every multiple of 8, because the size
// of the invalid frame cannot be believed.
//
// What users send cannot bring about a false proof. A header is sound only with the salt of its
// segment; and a copy of a genuine one, taken from the log itself, can only be older than the frame
// that carries it as payload, so that it proves nothing about a transaction which was not durable
// when that frame was written.

import { FRAME_ALIGNMENT, FRAME_HEADER_SIZE, isHeaderSound, mayProve } from './frame.ts'
import type { DiskFile } from '../disk.ts'

const WINDOW_SIZE = 1024 * 1024
const BLOCK_SIZE = 4096
const ZEROS = Buffer.alloc(BLOCK_SIZE)

export type LogEnd =
  | { readonly end: 'clean' }
  /** `size`: bytes up to the last one that is not zero, rounded up to 8. */
  | { readonly end: 'torn'; readonly size: number }
  /** `offset`: of the header that proves it. */
  | { readonly end: 'damaged'; readonly offset: number }

/**
 * Judges the bytes from `position` (a multiple of 8) to the end of the file, where `expectedLsn`
 * should stand.
 */
export async function judgeEnd(
  file: DiskFile,
  seed: number,
  position: number,
  expectedLsn: number,
): Promise<LogEnd> {
  const fileSize = file.size()
  const windowSize = Math.min(WINDOW_SIZE, Math.max(fileSize - position, 0))
  // A header may reach over the end of the window; the zeros behind it stand for what is behind the
  // end of the file.
  const window = Buffer.alloc(windowSize + BLOCK_SIZE)
  let tornEnd = position
  for (let start = position; start < fileSize; start += windowSize) {
    const filled = await file.readAsync(window, 0, windowSize + FRAME_HEADER_SIZE, start)
    window.fill(0, filled, windowSize + FRAME_HEADER_SIZE)
    const end = Math.min(filled, windowSize)
    for (let offset = 0; offset < end; offset += FRAME_ALIGNMENT) {
      if (offset % BLOCK_SIZE === 0 && isZero(window, offset)) {
        offset += BLOCK_SIZE - FRAME_ALIGNMENT
        continue
      }
      // A header here would have two checksums that are both zero.
      if (window.readUInt32LE(offset) === 0 && window.readUInt32LE(offset + 4) === 0) continue
      tornEnd = start + offset + FRAME_ALIGNMENT
      if (mayProve(window, offset, expectedLsn) && isHeaderSound(window, offset, seed)) {
        return { end: 'damaged', offset: start + offset }
      }
    }
  }
  return tornEnd === position ? { end: 'clean' } : { end: 'torn', size: tornEnd - position }
}

function isZero(window: Buffer, offset: number): boolean {
  return window.compare(ZEROS, 0, BLOCK_SIZE, offset, offset + BLOCK_SIZE) === 0
}
