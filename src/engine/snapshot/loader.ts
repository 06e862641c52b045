// Reading a snapshot back: its manifest, then its pages straight into the regions.
//
// Neighbouring pages of a region that are neighbours in a file too are read at once, several such
// runs at a time in the thread pool, and each page's checksum is compared as soon as it is there.
// Pages that are zero are not read: a new region is zero. After the first bad page nothing more is
// read.
//
// The regions are filled behind their own back: their pages stay CLEAN, which is what they are, the
// same as in the newest snapshot.

import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { assert } from '../../std/assert.ts'
import { PAGE_SIZE } from '../memory/region.ts'
import { parseFileName } from './file-names.ts'
import { decodeManifest } from './manifest.ts'
import { pageOffset, PagesFiles } from './pages-file.ts'
import { isFault } from './preamble.ts'
import type { Disk } from '../disk.ts'
import type { Memory } from '../memory/memory.ts'
import type { Manifest } from './manifest.ts'
import type { Fault } from './preamble.ts'

/** 1 MiB is still in the cache of the processor when its checksums are computed. */
const RUN_PAGE_COUNT_MAX = 16
/**
 * Runs being read at a time: more than there are threads in the pool, so that none of them waits.
 */
const RUNS_MAX = 12

/** A fault and the file of the snapshot directory in which it is. */
export interface FileFault extends Fault {
  readonly name: string
}

export interface LoadProgress {
  readonly bytesDone: number
  readonly bytesTotal: number
}

/** Neighbouring pages, in the memory as in the file. */
export interface PageRun {
  /** Index in the manifest's regions. */
  readonly region: number
  readonly page: number
  readonly count: number
  /** Name of the pages file. */
  readonly name: string
  readonly position: number
}

/** Reads and decodes a manifest; also compares its LSN with its name. */
export async function readManifest(
  disk: Disk,
  directory: string,
  name: string,
): Promise<Manifest | FileFault> {
  let bytes: Buffer
  try {
    const file = await disk.open(join(directory, name), 'read')
    try {
      bytes = Buffer.allocUnsafeSlow(file.size())
      const size = await file.readAsync(bytes, 0, bytes.length, 0)
      bytes = bytes.subarray(0, size)
    } finally {
      file.close()
    }
  } catch (error) {
    return { name, fault: `cannot be read: ${(error as Error).message}`, offset: 0 }
  }
  const manifest = decodeManifest(bytes)
  if (isFault(manifest)) return { name, ...manifest }
  const lsn = parseFileName(name)?.stem.lsn
  if (manifest.lsn === lsn) return manifest
  return { name, fault: `lsn ${lsn} expected, ${manifest.lsn} found`, offset: 32 }
}

/**
 * Makes the regions of `manifest` in an empty `memory` and fills them. Returns the first fault, if
 * there is one.
 */
export async function loadPages(
  disk: Disk,
  directory: string,
  manifest: Manifest,
  memory: Memory,
  progress: (progress: LoadProgress) => void,
): Promise<FileFault | undefined> {
  assert(memory.regions().length === 0, 'a snapshot is loaded into an empty memory')
  const regions = manifest.regions.map(({ key, pageCount, sizeMax }) => {
    const region = memory.region(key, sizeMax)
    region.grow(pageCount * PAGE_SIZE)
    return region
  })
  const bytesTotal = storedPageCount(manifest) * PAGE_SIZE
  let bytesDone = 0
  return readRuns(disk, directory, manifest, pageRuns(manifest), async (run, files) => {
    const { bytes } = regions[run.region]!
    const offset = run.page * PAGE_SIZE
    const fault = await files.read(run.name, run.position, run.count, bytes, offset)
    if (fault !== undefined) return fault
    const { table } = manifest.regions[run.region]!
    for (let index = 0; index < run.count; index++) {
      const start = offset + index * PAGE_SIZE
      const checksum = crc32(bytes.subarray(start, start + PAGE_SIZE))
      const expected = table.checksum(run.page + index)
      if (checksum !== expected) return checksumFault(run.position + index, expected, checksum)
    }
    bytesDone += run.count * PAGE_SIZE
    progress({ bytesDone, bytesTotal })
    return undefined
  })
}

/** Hands each run to `read`, several at a time. Ends at the first fault. */
export async function readRuns(
  disk: Disk,
  directory: string,
  manifest: Manifest,
  runs: Iterator<PageRun, void, void>,
  read: (run: PageRun, files: PagesFiles) => Promise<Fault | undefined>,
): Promise<FileFault | undefined> {
  const files = new PagesFiles(disk, directory, manifest.storeId)
  let first: FileFault | undefined
  const reader = async (): Promise<void> => {
    while (first === undefined) {
      const { done, value: run } = runs.next()
      if (done === true) return
      const fault = await read(run, files)
      if (fault !== undefined) first ??= { name: run.name, ...fault }
    }
  }
  const readers = await Promise.allSettled(Array.from({ length: RUNS_MAX }, reader))
  await files.close()
  for (const outcome of readers) if (outcome.status === 'rejected') throw outcome.reason
  return first
}

/** All pages of a manifest that lie in a file, in the order of the regions. */
export function* pageRuns(manifest: Manifest): Generator<PageRun, void, void> {
  for (const [region, { table, pageCount }] of manifest.regions.entries()) {
    for (let page = 0; page < pageCount;) {
      const file = table.file(page)
      if (file === 0) {
        page++
        continue
      }
      const position = table.position(page)
      let count = 1
      while (
        count < RUN_PAGE_COUNT_MAX &&
        page + count < pageCount &&
        table.file(page + count) === file &&
        table.position(page + count) === position + count
      ) {
        count++
      }
      yield { region, page, count, name: manifest.files[file - 1]!.name, position }
      page += count
    }
  }
}

/** Pages that lie in a file. */
export function storedPageCount(manifest: Manifest): number {
  const counts = new Float64Array(manifest.files.length + 1)
  let pageCount = 0
  for (const { table } of manifest.regions) {
    table.countPages(0, table.pageCount, counts)
    pageCount += table.pageCount
  }
  return pageCount - counts[0]!
}

export function checksumFault(position: number, expected: number, found: number): Fault {
  return {
    fault: `page ${position}: checksum ${expected} expected, ${found} found`,
    offset: pageOffset(position),
  }
}

/** "0000000000000200.pages, offset 4096: page 0: checksum 1 expected, 2 found" */
export function faultSentence({ name, offset, fault }: FileFault): string {
  return `${name}, offset ${offset}: ${fault}`
}
