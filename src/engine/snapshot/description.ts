// A file of the snapshot directory as a plain object, for the `inspect` command. It reads; it
// judges nothing but what the formats say, and loads no page.

import { basename, dirname } from 'node:path'
import { PAGE_SIZE } from '../memory/region.ts'
import { parseFileName } from './file-names.ts'
import { readManifest } from './loader.ts'
import { decodePagesHeader, PAGES_HEADER_SIZE } from './pages-file.ts'
import { FORMAT_VERSION, isFault } from './preamble.ts'
import type { Disk } from '../disk.ts'
import type { FileFault } from './loader.ts'

export interface ManifestDescription {
  readonly kind: 'manifest'
  readonly formatVersion: number
  readonly storeId: string
  readonly lsn: number
  readonly time: number
  readonly layout: number
  readonly schema: unknown
  /** `zeroPageCount` pages lie in no file. */
  readonly regions: readonly {
    readonly key: string
    readonly pageCount: number
    readonly zeroPageCount: number
    readonly sizeMax: number
  }[]
  /** `usedPageCount` of the `pageCount` pages belong to this snapshot, the others are stale. */
  readonly files: readonly {
    readonly name: string
    readonly pageCount: number
    readonly usedPageCount: number
  }[]
}

export interface PagesDescription {
  readonly kind: 'pages'
  readonly formatVersion: number
  readonly storeId: string
  readonly lsn: number
  readonly time: number
  readonly pageCount: number
}

/** Describes a manifest or pages file by its path. Undefined when the name is neither's. */
export async function describeFile(
  disk: Disk,
  path: string,
): Promise<ManifestDescription | PagesDescription | FileFault | undefined> {
  const kind = parseFileName(basename(path))?.kind
  if (kind === 'manifest') return describeManifest(disk, path)
  if (kind === 'pages') return describePages(disk, path)
  return undefined
}

async function describeManifest(
  disk: Disk,
  path: string,
): Promise<ManifestDescription | FileFault> {
  const manifest = await readManifest(disk, dirname(path), basename(path))
  if (isFault(manifest)) return manifest
  const usedCounts = new Float64Array(manifest.files.length + 1)
  const regions = manifest.regions.map(({ key, pageCount, sizeMax, table }) => {
    const zeroPageCountBefore = usedCounts[0]!
    table.countPages(0, pageCount, usedCounts)
    return { key, pageCount, zeroPageCount: usedCounts[0]! - zeroPageCountBefore, sizeMax }
  })
  const files = manifest.files.flatMap((file, index) =>
    file === null ? [] : [{ ...file, usedPageCount: usedCounts[index + 1]! }],
  )
  const { storeId, lsn, time, layout, schemaText } = manifest
  const schema: unknown = JSON.parse(schemaText)
  return {
    kind: 'manifest',
    formatVersion: FORMAT_VERSION,
    storeId,
    lsn,
    time,
    layout,
    schema,
    regions,
    files,
  }
}

async function describePages(disk: Disk, path: string): Promise<PagesDescription | FileFault> {
  const name = basename(path)
  try {
    const file = await disk.open(path, 'read')
    try {
      const bytes = Buffer.alloc(PAGES_HEADER_SIZE)
      const size = await file.readAsync(bytes, 0, PAGES_HEADER_SIZE, 0)
      const header = decodePagesHeader(bytes.subarray(0, size))
      if (isFault(header)) return { name, ...header }
      const pageCount = Math.floor((file.size() - PAGES_HEADER_SIZE) / PAGE_SIZE)
      return { kind: 'pages', formatVersion: FORMAT_VERSION, ...header, pageCount }
    } finally {
      file.close()
    }
  } catch (error) {
    return { name, fault: `cannot be read: ${(error as Error).message}`, offset: 0 }
  }
}
