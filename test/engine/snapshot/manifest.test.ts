// The manifest: round trips, and every flipped bit and every truncation is seen.

import { describe, expect, it } from 'vitest'
import { crc32 } from 'node:zlib'
import { decodeManifest, manifestChunks } from '../../../src/engine/snapshot/manifest.ts'
import { PageTable } from '../../../src/engine/snapshot/page-table.ts'
import { isFault, PREAMBLE_SIZE } from '../../../src/engine/snapshot/preamble.ts'
import type { Manifest } from '../../../src/engine/snapshot/manifest.ts'

const STORE_ID = '00112233445566778899aabbccddeeff'

function tableOf(...entries: [number, number, number][]): PageTable {
  const table = new PageTable(entries.length)
  for (const [page, entry] of entries.entries()) table.set(page, ...entry)
  return table
}

function region(key: string, table: PageTable) {
  return { key, pageCount: table.pageCount, sizeMax: 2 ** 38, table }
}

const small: Manifest = {
  storeId: STORE_ID,
  lsn: 2 ** 40 + 7,
  time: 1_790_000_000_000,
  layout: 3,
  schemaText: '{"tables":[{"name":"caf\u00e9"}]}',
  files: [
    { name: '0000000000000100.pages', pageCount: 2 },
    null,
    { name: '0000000000000100-2.pages', pageCount: 1 },
  ],
  regions: [
    region('3/arena', tableOf([1, 1, 0xffff_ffff], [3, 0, 17], [0, 0, 0])),
    region('3/column/1', tableOf([1, 0, 5])),
  ],
}

function encode(manifest: Manifest): Buffer {
  const chunks: Buffer[] = []
  for (const chunk of manifestChunks(manifest)) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

/** The bytes with another description, all checksums right. */
function withDescription(text: string): Buffer {
  const bytes = encode(small)
  const tables = bytes.subarray(PREAMBLE_SIZE + bytes.readUInt32LE(12), bytes.length - 4)
  const parts = [bytes.subarray(0, PREAMBLE_SIZE), Buffer.from(text), tables, Buffer.alloc(4)]
  const changed = Buffer.concat(parts)
  changed.writeUInt32LE(Buffer.byteLength(text), 12)
  changed.writeUInt32LE(changed.length, 48)
  return seal(changed)
}

function seal(bytes: Buffer): Buffer {
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 60)), 60)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, bytes.length - 4)), bytes.length - 4)
  return bytes
}

function faultOf(bytes: Buffer): string {
  const result = decodeManifest(bytes)
  return isFault(result) ? result.fault : 'none'
}

describe('a manifest', () => {
  it('comes back from its bytes as it was', () => {
    const decoded = decodeManifest(encode(small))
    if (isFault(decoded)) throw new Error(decoded.fault)
    expect(decoded).toEqual(small)
    expect(decoded.regions.map(({ table }) => table.bytes)).toEqual(
      small.regions.map(({ table }) => table.bytes),
    )
  })

  it('comes back when it takes several chunks, whatever is left for the last one', () => {
    for (let pageCount = 21_815; pageCount < 21_846; pageCount++) {
      for (let rest = 0; rest < 12; rest++) {
        const table = new PageTable(pageCount)
        table.copyPages(undefined, 0, pageCount)
        for (let page = 0; page < pageCount; page += 100) table.set(page, 1, page, page * 31)
        const schemaText = JSON.stringify('x'.repeat(rest))
        const files = [{ name: '0000000000000100.pages', pageCount: 200_000 }]
        const manifest = { ...small, schemaText, files, regions: [region('a', table)] }
        const decoded = decodeManifest(encode(manifest))
        if (isFault(decoded)) throw new Error(decoded.fault)
        expect(decoded.regions[0]!.table.bytes.equals(table.bytes)).toBe(true)
      }
    }
  })

  it('is refused with any one bit flipped', () => {
    const bytes = encode(small)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      const result = decodeManifest(bytes)
      expect(isFault(result), `bit ${bit}`).toBe(true)
      expect(isFault(result) && result.unknownVersion).toBe(undefined)
      bytes[bit >> 3]! ^= 1 << (bit & 7)
    }
  })

  it('is refused when cut anywhere or followed by anything', () => {
    const bytes = encode(small)
    for (let size = 0; size < bytes.length; size++) {
      expect(faultOf(bytes.subarray(0, size)), `${size} bytes`).not.toBe('none')
    }
    expect(faultOf(Buffer.concat([bytes, Buffer.alloc(1)]))).toBe(
      `a size of ${bytes.length} bytes expected, ${bytes.length + 1} found`,
    )
  })

  it('of a later format is told from a damaged one', () => {
    const bytes = encode(small)
    bytes.writeUInt32LE(2, 8)
    expect(decodeManifest(seal(bytes))).toEqual({
      fault: 'format version 1 expected, 2 found',
      offset: 8,
      unknownVersion: 2,
    })
  })

  it('is refused when it is another kind of file', () => {
    const bytes = encode(small)
    bytes.write('shPages ', 0, 'latin1')
    expect(faultOf(seal(bytes))).toBe('magic "shManife" expected, "shPages " found')
  })

  it('is refused when a number is beyond 2^53', () => {
    const bytes = encode(small)
    bytes.writeUInt32LE(2 ** 21, 36)
    expect(faultOf(seal(bytes))).toBe('numbers below 2^53 expected, larger ones found')
  })

  it('is refused when the description does not fit', () => {
    const bytes = encode(small)
    bytes.writeUInt32LE(bytes.length, 12)
    expect(faultOf(seal(bytes))).toContain('a description of')
  })

  it('is refused when the description has another form', () => {
    const good = '"files":[{"name":"0000000000000100.pages","pageCount":9}]'
    const regions = '"regions":[{"key":"a","pageCount":4,"sizeMax":655360}]'
    const twice = '{"key":"a","pageCount":2,"sizeMax":131072}'
    const cases: [string, string][] = [
      ['{', 'a description in JSON expected, other text found'],
      ['[]', 'a description expected, another JSON value found'],
      [`{"schema":1,${good},${regions}}`, 'layout and schema expected'],
      [`{"layout":1,${good},${regions}}`, 'layout and schema expected'],
      [`{"layout":1,"schema":1,${regions}}`, 'a list of pages files expected'],
      [
        `{"layout":1,"schema":1,"files":[{"name":"../x","pageCount":1}],${regions}}`,
        'a list of pages files expected',
      ],
      [`{"layout":1,"schema":1,"files":[7],${regions}}`, 'a list of pages files expected'],
      [`{"layout":1,"schema":1,${good}}`, 'a list of regions expected'],
      [`{"layout":1,"schema":1,${good},"regions":[7]}`, 'a list of regions expected'],
      [
        `{"layout":1,"schema":1,${good},"regions":[{"key":"a","pageCount":4,"sizeMax":65536}]}`,
        'a list of regions expected',
      ],
      [
        `{"layout":1,"schema":1,${good},"regions":[${twice},${twice}]}`,
        'regions with different keys expected',
      ],
      [
        `{"layout":1,"schema":1,${good},"regions":[{"key":"a","pageCount":5,"sizeMax":655360}]}`,
        '60 bytes of page table expected, 48 found',
      ],
      [
        `{"layout":1,"schema":1,${good},"regions":[{"key":"a","pageCount":1,"sizeMax":655360}]}`,
        'page tables up to',
      ],
      [
        `{"layout":1,"schema":1,${good},${regions}}`,
        'region a, page 1 lies in no file of the list',
      ],
    ]
    for (const [text, fault] of cases) expect(faultOf(withDescription(text))).toContain(fault)
  })

  it('is refused when an entry lies behind the end of its file, or is half zero', () => {
    for (const entry of [
      [1, 2, 5],
      [2, 0, 5],
      [4, 0, 5],
      [0, 1, 0],
      [0, 0, 1],
    ] as const) {
      const regions = [region('a', tableOf([1, 0, 1], [...entry]))]
      expect(faultOf(encode({ ...small, regions }))).toBe(
        'region a, page 1 lies in no file of the list',
      )
    }
  })
})
