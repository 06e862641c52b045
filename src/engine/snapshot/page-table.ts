// Hot: 100 GB are 1.6 million entries, gone through at every snapshot and at every start.
//
// The page table of one region says where each of its pages lies: in which pages file, at which
// position, with which checksum. It lies in memory as it lies in the manifest, so that writing it
// is a copy.
//
//    0 u32  file       number of the pages file in the manifest's list, from 1; 0: a zero page
//    4 u32  position   number of the page in that file, from 0
//    8 u32  checksum   crc32 of the page
//
// An entry of a zero page is zero as a whole.

import { endianness } from 'node:os'
import { assert } from '../../std/assert.ts'

export const ENTRY_SIZE = 12

assert(endianness() === 'LE', 'regions and page tables are little endian, as is the machine')

export class PageTable {
  readonly pageCount: number
  readonly #words: Uint32Array
  /** The table as bytes of a manifest. */
  readonly bytes: Buffer

  /**
   * The entries hold anything until they are set: to clear millions of them takes time, which the
   * caller has to slice.
   */
  constructor(pageCount: number) {
    this.pageCount = pageCount
    this.bytes = Buffer.allocUnsafeSlow(pageCount * ENTRY_SIZE)
    this.#words = new Uint32Array(this.bytes.buffer, 0, pageCount * 3)
  }

  file(page: number): number {
    return this.#words[page * 3]!
  }

  position(page: number): number {
    return this.#words[page * 3 + 1]!
  }

  checksum(page: number): number {
    return this.#words[page * 3 + 2]!
  }

  set(page: number, file: number, position: number, checksum: number): void {
    assert(page < this.pageCount, 'a page table has an entry for each page')
    this.#words[page * 3] = file
    this.#words[page * 3 + 1] = position
    this.#words[page * 3 + 2] = checksum
  }

  setZero(page: number): void {
    this.set(page, 0, 0, 0)
  }

  /** Takes over the entries [from, to) of another table; pages beyond its end are zero. */
  copyPages(source: PageTable | undefined, from: number, to: number): void {
    const end = Math.max(from, Math.min(to, source?.pageCount ?? 0))
    if (source !== undefined) this.#words.set(source.#words.subarray(from * 3, end * 3), from * 3)
    this.#words.fill(0, end * 3, to * 3)
  }

  /** Adds the number of pages of [from, to) that lie in each file to `counts`, by file number. */
  countPages(from: number, to: number, counts: Float64Array): void {
    const words = this.#words
    for (let index = from * 3; index < to * 3; index += 3) {
      const file = words[index]!
      counts[file] = counts[file]! + 1
    }
  }

  /**
   * The first page of [from, pageCount) whose entry is impossible when the files hold
   * `filePageCounts` pages (by file number; 0 for one that does not exist), or -1.
   */
  firstInvalidPage(filePageCounts: readonly number[]): number {
    const words = this.#words
    for (let page = 0; page < this.pageCount; page++) {
      const file = words[page * 3]!
      const position = words[page * 3 + 1]!
      if (file === 0) {
        if (position !== 0 || words[page * 3 + 2] !== 0) return page
      } else if (file >= filePageCounts.length || position >= filePageCounts[file]!) {
        return page
      }
    }
    return -1
  }
}
