// The manifest of a snapshot: which regions there are, and in which file each of their pages lies.
//
//        0  64  preamble (preamble.ts), magic "shManife", partSize = bytes of the description
//       64      description: JSON in UTF-8, { layout, schema, files, regions }
//                 files: [{ name, pageCount } or null, …]
//                 regions: [{ key, pageCount, sizeMax }, …]
//               page tables (page-table.ts): 12 bytes for each page of each of the regions
//     last u32  crc32 of everything before it
//
//   0000000000000200.manifest            0000000000000100.pages        0000000000000200.pages
//   files    1 ───────────────────────▶ ┌────────┬──────┬──────┐      ┌────────┬──────┐
//            2 ──────────────────────── │ header │ 0    │ 1    │ ───▶ │ header │ 0    │
//   region   page 0 = 1:1  ─────────────┼────────┼──────┼▶     │      │        │      │
//   "3/a"    page 1 = 2:0  ─────────────┼────────┼──────┼──────┼──────┼────────┼▶     │
//            page 2 = zero              └────────┴──────┴──────┘      └────────┴──────┘
//
// Valid when
//   (1) the preamble is, and its fileSize is the number of bytes found;
//   (2) the checksum at the end is right;
//   (3) the description has that form, with region keys that differ, `pageCount × 64 KiB ≤
//       sizeMax`, and names of pages files without a path;
//   (4) the page tables fill the rest exactly;
//   (5) each entry is zero, or names a file of the list and a position below that file's pageCount.
// That the name of the file says the same LSN is checked by who opens it.
//
// Invariants
//   (a) A manifest appears under its name only when every page it refers to is on the device, and
//       when its LSN is durable in the log. It is never changed afterwards.
//   (b) `files` names exactly the files in which a page of the tables lies. The place of a file in
//       the list does not change from one snapshot to the next, so that tables are taken over as
//       they are; a file that no page lies in any more leaves null, and the next new file takes
//       that place.
//
// A crash while it is written leaves `….manifest.partial`, which is deleted at the next start.
// `schema` and `layout` are the caller's: nothing here looks inside.
//
// Why not one file with the pages: an older page would have to be copied into it, and a snapshot
// would cost the size of the store. Why not JSON or msgpack for the tables: an entry would have to
// be encoded and decoded, 1.6 million times at 100 GB, where a copy of 19 MB does.

import { crc32 } from 'node:zlib'
import { assert } from '../../std/assert.ts'
import { PAGE_SIZE } from '../memory/region.ts'
import { parseFileName } from './file-names.ts'
import { ENTRY_SIZE, PageTable } from './page-table.ts'
import { decodePreamble, encodePreamble, isFault, PREAMBLE_SIZE } from './preamble.ts'
import type { Fault } from './preamble.ts'

const CHECKSUM_SIZE = 4
/** Bytes that `manifestChunks` prepares in one go: about 0.1 ms. */
const CHUNK_SIZE = 256 * 1024

export interface ManifestFile {
  readonly name: string
  /** Pages that were written to it, used or not. */
  readonly pageCount: number
}

export interface ManifestRegion {
  readonly key: string
  readonly pageCount: number
  /** Bytes of reserved address space. */
  readonly sizeMax: number
  readonly table: PageTable
}

export interface Manifest {
  readonly storeId: string
  readonly lsn: number
  /** Milliseconds since 1970. */
  readonly time: number
  readonly layout: number
  /** JSON text of what the caller calls its schema. */
  readonly schemaText: string
  /** File number − 1 is the index. */
  readonly files: readonly (ManifestFile | null)[]
  readonly regions: readonly ManifestRegion[]
}

/**
 * The manifest as bytes, in chunks of at most 256 KiB. A chunk is valid until the next one is asked
 * for.
 */
export function* manifestChunks(manifest: Manifest): Generator<Buffer, void, void> {
  const description = Buffer.from(describe(manifest))
  let fileSize = PREAMBLE_SIZE + description.length + CHECKSUM_SIZE
  for (const region of manifest.regions) {
    assert(region.table.pageCount === region.pageCount, 'a page table has an entry for each page')
    fileSize += region.pageCount * ENTRY_SIZE
  }
  const preamble = Buffer.alloc(PREAMBLE_SIZE)
  const { storeId, lsn, time } = manifest
  encodePreamble(
    'shManife',
    { partSize: description.length, storeId, lsn, time, fileSize },
    preamble,
  )

  const chunk = Buffer.allocUnsafeSlow(CHUNK_SIZE)
  let chunkSize = 0
  let checksum = 0
  for (const part of [preamble, description, ...manifest.regions.map(({ table }) => table.bytes)]) {
    for (let offset = 0; offset < part.length;) {
      const size = part.copy(chunk, chunkSize, offset, offset + CHUNK_SIZE - chunkSize)
      offset += size
      chunkSize += size
      if (chunkSize < CHUNK_SIZE) continue
      checksum = crc32(chunk, checksum)
      yield chunk
      chunkSize = 0
    }
  }
  checksum = crc32(chunk.subarray(0, chunkSize), checksum)
  if (chunkSize + CHECKSUM_SIZE > CHUNK_SIZE) {
    yield chunk.subarray(0, chunkSize)
    chunkSize = 0
  }
  chunk.writeUInt32LE(checksum, chunkSize)
  yield chunk.subarray(0, chunkSize + CHECKSUM_SIZE)
}

export function decodeManifest(bytes: Buffer): Manifest | Fault {
  const preamble = decodePreamble('shManife', bytes)
  if (isFault(preamble)) return preamble
  const { partSize, storeId, lsn, time, fileSize } = preamble
  if (fileSize !== bytes.length) {
    return { fault: `a size of ${fileSize} bytes expected, ${bytes.length} found`, offset: 48 }
  }
  const tablesOffset = PREAMBLE_SIZE + partSize
  const end = bytes.length - CHECKSUM_SIZE
  if (tablesOffset > end) {
    return {
      fault: `a description of ${partSize} bytes expected, ${bytes.length} found`,
      offset: 12,
    }
  }
  const checksum = crc32(bytes.subarray(0, end))
  const expected = bytes.readUInt32LE(end)
  if (checksum !== expected) {
    return { fault: `checksum ${expected} expected, ${checksum} found`, offset: end }
  }
  const description = parseDescription(bytes.toString('utf8', PREAMBLE_SIZE, tablesOffset))
  if (typeof description === 'string') return { fault: description, offset: PREAMBLE_SIZE }

  const filePageCounts = [0, ...description.files.map((file) => file?.pageCount ?? 0)]
  const regions: ManifestRegion[] = []
  let offset = tablesOffset
  for (const { key, pageCount, sizeMax } of description.regions) {
    const size = pageCount * ENTRY_SIZE
    if (offset + size > end) {
      return { fault: `${size} bytes of page table expected, ${end - offset} found`, offset }
    }
    const table = new PageTable(pageCount)
    bytes.copy(table.bytes, 0, offset, offset + size)
    const invalid = table.firstInvalidPage(filePageCounts)
    if (invalid !== -1) {
      const fault = `region ${key}, page ${invalid} lies in no file of the list`
      return { fault, offset: offset + invalid * ENTRY_SIZE }
    }
    regions.push({ key, pageCount, sizeMax, table })
    offset += size
  }
  if (offset !== end)
    return { fault: `page tables up to ${end} expected, found to ${offset}`, offset }
  const { layout, schemaText, files } = description
  return { storeId, lsn, time, layout, schemaText, files, regions }
}

function describe(manifest: Manifest): string {
  const files = JSON.stringify(manifest.files)
  const regions = JSON.stringify(
    manifest.regions.map(({ key, pageCount, sizeMax }) => ({ key, pageCount, sizeMax })),
  )
  const { layout, schemaText } = manifest
  return `{"layout":${layout},"schema":${schemaText},"files":${files},"regions":${regions}}`
}

interface Description {
  readonly layout: number
  readonly schemaText: string
  readonly files: readonly (ManifestFile | null)[]
  readonly regions: readonly { key: string; pageCount: number; sizeMax: number }[]
}

/** The description, or a clause that says which part of (3) does not hold. */
function parseDescription(text: string): Description | string {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return 'a description in JSON expected, other text found'
  }
  if (!isRecord(parsed)) return 'a description expected, another JSON value found'
  const { layout, schema, files, regions } = parsed
  if (typeof layout !== 'number' || schema === undefined) return 'layout and schema expected'
  if (!Array.isArray(files) || !files.every((file) => file === null || isFile(file))) {
    return 'a list of pages files expected'
  }
  if (!Array.isArray(regions) || !regions.every(isRegion)) return 'a list of regions expected'
  if (new Set(regions.map(({ key }) => key)).size !== regions.length) {
    return 'regions with different keys expected'
  }
  return { layout, schemaText: JSON.stringify(schema), files, regions }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isFile(value: unknown): value is ManifestFile {
  if (!isRecord(value) || typeof value['name'] !== 'string') return false
  return parseFileName(value['name'])?.kind === 'pages' && isCount(value['pageCount'])
}

function isRegion(value: unknown): value is { key: string; pageCount: number; sizeMax: number } {
  if (!isRecord(value)) return false
  const { key, pageCount, sizeMax } = value
  return (
    typeof key === 'string' &&
    isCount(pageCount) &&
    isCount(sizeMax) &&
    pageCount > 0 &&
    sizeMax % PAGE_SIZE === 0 &&
    pageCount * PAGE_SIZE <= sizeMax
  )
}
