// The pages file of a snapshot: the pages that it had to write, one after the other.
//
//        0  64  preamble (preamble.ts), magic "shPages ", partSize = 65536, fileSize = 0
//       64      zero up to 4096
//     4096      page 0
//    69632      page 1, …
//
// A page has no header of its own. Its checksum, its region and its number stand in the manifests
// that refer to it, so that a page which lands in the wrong place, or an old one in the right
// place, is found out too.
//
// Valid when
//   (1) the preamble is, partSize is the size of a page, and the bytes up to 4096 are zero;
//   (2) the store id is that of the manifest, and the LSN that of the file's name;
//   (3) the file holds every position that a manifest refers to, with the checksum which stands
//       there.
// Pages that no manifest refers to may hold anything.
//
// Writing is in steps of at most 1 MiB, each one synced before the next but one begins. So what the
// device has still to write is never more than that, and a commit of the log waits for milliseconds
// at most, never for gigabytes of pages.

import { join } from 'node:path'
import { assert } from '../../std/assert.ts'
import { PAGE_SIZE } from '../memory/region.ts'
import { pagesName, parseFileName } from './file-names.ts'
import { decodePreamble, encodePreamble, isFault, PREAMBLE_SIZE } from './preamble.ts'
import type { Disk, DiskFile } from '../disk.ts'
import type { Stem } from './file-names.ts'
import type { Fault } from './preamble.ts'

export const PAGES_HEADER_SIZE = 4096

/** Where page `position` begins. */
export function pageOffset(position: number): number {
  return PAGES_HEADER_SIZE + position * PAGE_SIZE
}

export function encodePagesHeader(storeId: string, lsn: number, time: number): Buffer {
  const header = Buffer.alloc(PAGES_HEADER_SIZE)
  encodePreamble('shPages ', { partSize: PAGE_SIZE, storeId, lsn, time, fileSize: 0 }, header)
  return header
}

export interface PagesHeader {
  readonly storeId: string
  readonly lsn: number
  readonly time: number
}

export function decodePagesHeader(bytes: Buffer): PagesHeader | Fault {
  const preamble = decodePreamble('shPages ', bytes)
  if (isFault(preamble)) return preamble
  const { partSize, storeId, lsn, time, fileSize } = preamble
  if (partSize !== PAGE_SIZE) {
    return { fault: `pages of ${PAGE_SIZE} bytes expected, ${partSize} found`, offset: 12 }
  }
  if (fileSize !== 0) return { fault: `0 expected as size, ${fileSize} found`, offset: 48 }
  if (bytes.length < PAGES_HEADER_SIZE) {
    return { fault: `${PAGES_HEADER_SIZE} bytes expected, ${bytes.length} found`, offset: 0 }
  }
  for (let offset = PREAMBLE_SIZE; offset < PAGES_HEADER_SIZE; offset++) {
    if (bytes[offset] !== 0) return { fault: `0 expected, ${bytes[offset]} found`, offset }
  }
  return { storeId, lsn, time }
}

/** 1 MiB: copied and checksummed in 0.25 ms. */
export const STEP_PAGE_COUNT = 16

/**
 * Appends pages to a new file, which is made with the first of them. There are two buffers: one is
 * written and synced while the caller fills the other.
 */
export class PagesFileWriter {
  readonly name: string
  readonly #disk: Disk
  readonly #directory: string
  readonly #header: Buffer
  #file: DiskFile | undefined
  #pageCount: number
  /** Its bytes are the caller's. */
  #filling: Buffer
  /** Its bytes may be under way to the disk. */
  #writing: Buffer
  #underWay: Promise<void>

  constructor(disk: Disk, directory: string, stem: Stem, storeId: string, time: number) {
    this.name = pagesName(stem)
    this.#disk = disk
    this.#directory = directory
    this.#header = encodePagesHeader(storeId, stem.lsn, time)
    this.#file = undefined
    this.#pageCount = 0
    this.#filling = Buffer.allocUnsafeSlow(STEP_PAGE_COUNT * PAGE_SIZE)
    this.#writing = Buffer.allocUnsafeSlow(STEP_PAGE_COUNT * PAGE_SIZE)
    this.#underWay = Promise.resolve()
  }

  /** Pages appended so far. */
  get pageCount(): number {
    return this.#pageCount
  }

  /** Where the next pages are to be put; another buffer after each `append`. */
  get buffer(): Buffer {
    return this.#filling
  }

  /** Starts to write the first `count` pages of `buffer`, as soon as the write before is done. */
  async append(count: number): Promise<void> {
    await this.#underWay
    const pages = this.#filling
    this.#filling = this.#writing
    this.#writing = pages
    const offset = pageOffset(this.#pageCount)
    this.#pageCount += count
    this.#underWay = this.#write(pages, count * PAGE_SIZE, offset)
    // Whoever waits for it gets the error; an attempt that is given up must not end the process by
    // it.
    this.#underWay.catch(() => {})
  }

  /** Resolves when all of it is on the device, but for the file's name. */
  async finish(): Promise<void> {
    await this.#underWay
    await this.close()
  }

  /** Closes the file, finished or not. */
  async close(): Promise<void> {
    await this.#underWay.catch(() => {})
    this.#file?.close()
  }

  async #write(pages: Buffer, size: number, offset: number): Promise<void> {
    if (this.#file === undefined) {
      this.#file = await this.#disk.open(join(this.#directory, this.name), 'create')
      await this.#file.writeAsync(this.#header, 0, PAGES_HEADER_SIZE, 0)
    }
    await this.#file.writeAsync(pages, 0, size, offset)
    await this.#file.syncAsync()
  }
}

/** The pages files of one snapshot, opened when first needed, to be read by several at a time. */
export class PagesFiles {
  readonly #disk: Disk
  readonly #directory: string
  readonly #storeId: string
  readonly #files: Map<string, Promise<DiskFile | Fault>>

  constructor(disk: Disk, directory: string, storeId: string) {
    this.#disk = disk
    this.#directory = directory
    this.#storeId = storeId
    this.#files = new Map()
  }

  /** Reads `count` pages from `position` on into `target`. */
  async read(
    name: string,
    position: number,
    count: number,
    target: Buffer,
    offset: number,
  ): Promise<Fault | undefined> {
    const size = count * PAGE_SIZE
    assert(offset + size <= target.length, 'the target has room for the pages')
    let file = this.#files.get(name)
    if (file === undefined) {
      file = this.#open(name)
      this.#files.set(name, file)
    }
    const opened = await file
    if ('fault' in opened) return opened
    const start = pageOffset(position)
    try {
      const found = await opened.readAsync(target, offset, size, start)
      if (found === size) return undefined
      return { fault: `${start + size} bytes expected, ${start + found} found`, offset: start }
    } catch (error) {
      return { fault: `cannot be read: ${(error as Error).message}`, offset: start }
    }
  }

  /** No read may be under way. */
  async close(): Promise<void> {
    for (const opening of this.#files.values()) {
      const file = await opening
      if (!('fault' in file)) file.close()
    }
  }

  async #open(name: string): Promise<DiskFile | Fault> {
    let file: DiskFile | undefined
    try {
      file = await this.#disk.open(join(this.#directory, name), 'read')
      const fault = await this.#headerFault(file, name)
      if (fault === undefined) return file
      file.close()
      return fault
    } catch (error) {
      file?.close()
      return { fault: `cannot be read: ${(error as Error).message}`, offset: 0 }
    }
  }

  async #headerFault(file: DiskFile, name: string): Promise<Fault | undefined> {
    const bytes = Buffer.alloc(PAGES_HEADER_SIZE)
    const found = await file.readAsync(bytes, 0, PAGES_HEADER_SIZE, 0)
    const header = decodePagesHeader(bytes.subarray(0, found))
    if (isFault(header)) return header
    const { storeId, lsn } = header
    const expectedLsn = parseFileName(name)?.stem.lsn
    if (lsn !== expectedLsn)
      return { fault: `lsn ${expectedLsn} expected, ${lsn} found`, offset: 32 }
    if (storeId === this.#storeId) return undefined
    return { fault: `store ${this.#storeId} expected, ${storeId} found`, offset: 16 }
  }
}
