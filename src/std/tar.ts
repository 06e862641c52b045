// Tar files (POSIX ustar): written as a stream, entry by entry, for whoever takes something home.
//
//   header 512   name 0-99 · mode 100 · uid 108 · gid 116 · size 124 · mtime 136 · sum 148
//                type 156 · magic 257 "ustar\0" "00"; numbers in octal, each field ended by a 0
//   bytes        as many as the header says, filled up with zeros to the next 512
//   … more entries
//   end          1024 zeros
//
// Invariants
//   (1) A name has at most 100 bytes of ASCII; a size is below 8 GiB, as 11 octal digits are.
//   (2) An entry has exactly the bytes that its header says. A source that has more or fewer ends
//       the stream with an error: whoever reads it misses the end and knows.

import { assert } from './assert.ts'

export interface TarEntry {
  readonly name: string
  /** Bytes. */
  readonly size: number
  /** Milliseconds since 1970. */
  readonly time: number
  readonly bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

const BLOCK_SIZE = 512
const NAME_SIZE_MAX = 100
const ENTRY_SIZE_MAX = 8 ** 11 - 1

/** The bytes of a tar file with those entries, in as many pieces as they come in. */
export async function* tarOf(entries: AsyncIterable<TarEntry>): AsyncGenerator<Uint8Array> {
  for await (const entry of entries) {
    yield headerOf(entry)
    let size = 0
    for await (const piece of entry.bytes) {
      size += piece.length
      yield piece
    }
    if (size !== entry.size) {
      throw new RangeError(`${entry.name} has ${size} bytes, its header says ${entry.size}`)
    }
    const rest = size % BLOCK_SIZE
    if (rest > 0) yield Buffer.alloc(BLOCK_SIZE - rest)
  }
  yield Buffer.alloc(2 * BLOCK_SIZE)
}

function headerOf({ name, size, time }: TarEntry): Buffer {
  assert(/^[\x21-\x7e]+$/.test(name) && name.length <= NAME_SIZE_MAX, 'a name fits its field')
  assert(size >= 0 && size <= ENTRY_SIZE_MAX, 'a size fits its field')
  const header = Buffer.alloc(BLOCK_SIZE)
  header.write(name, 0, 'latin1')
  writeOctal(header, 0o644, 100, 8)
  writeOctal(header, 0, 108, 8)
  writeOctal(header, 0, 116, 8)
  writeOctal(header, size, 124, 12)
  writeOctal(header, Math.max(0, Math.floor(time / 1000)), 136, 12)
  header.write('        ', 148, 'latin1')
  header.write('0', 156, 'latin1')
  header.write('ustar\u000000', 257, 'latin1')
  // The sum is taken while its own field is spaces.
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return header
}

/** `size` is that of the field, with the 0 at its end. */
function writeOctal(header: Buffer, value: number, offset: number, size: number): void {
  header.write(value.toString(8).padStart(size - 1, '0'), offset, 'latin1')
}
