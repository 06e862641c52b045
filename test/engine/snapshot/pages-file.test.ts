// The pages file: its header cannot be mistaken, and pages lie where the manifest says.

import { expect, it } from 'vitest'
import { crc32 } from 'node:zlib'
import {
  decodePagesHeader,
  encodePagesHeader,
  PAGES_HEADER_SIZE,
} from '../../../src/engine/snapshot/pages-file.ts'
import { isFault } from '../../../src/engine/snapshot/preamble.ts'

const header = {
  storeId: '00112233445566778899aabbccddeeff',
  lsn: 2 ** 52 + 1,
  time: 1_790_000_000_000,
}

function encode(): Buffer {
  return encodePagesHeader(header.storeId, header.lsn, header.time)
}

it('the header of a pages file comes back from its bytes as it was', () => {
  expect(encode().length).toBe(PAGES_HEADER_SIZE)
  expect(decodePagesHeader(encode())).toEqual(header)
})

it('the header of a pages file is refused with any one bit flipped', () => {
  const bytes = encode()
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    bytes[bit >> 3]! ^= 1 << (bit & 7)
    const result = decodePagesHeader(bytes)
    if (!isFault(result) || result.unknownVersion !== undefined) expect.fail(`bit ${bit}`)
    bytes[bit >> 3]! ^= 1 << (bit & 7)
  }
})

it('the header of a pages file is refused when cut anywhere', () => {
  const bytes = encode()
  for (let size = 0; size < bytes.length; size++) {
    if (!isFault(decodePagesHeader(bytes.subarray(0, size)))) expect.fail(`${size} bytes`)
  }
})

it('the header of a pages file is refused when it means something else', () => {
  const cases = [
    [12, 4096, 'pages of 65536 bytes expected, 4096 found'],
    [48, 7, '0 expected as size, 7 found'],
  ] as const
  for (const [offset, value, fault] of cases) {
    const bytes = encode()
    bytes.writeUInt32LE(value, offset)
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 60)), 60)
    expect(decodePagesHeader(bytes)).toEqual({ fault, offset })
  }
})
