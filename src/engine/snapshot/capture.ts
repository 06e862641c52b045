// Hot: bench `engine` shows it.
//
// What a running snapshot takes from memory: which pages, and where they end up.
//
// Beginning is one slice, between two batches: it turns the states of 1.6 million pages (100 GB) in
// 0.4 ms, or 2 ms the first time. After that pages are listed and taken in slices, each one as it
// was at the beginning. A page that is written to before it is taken has left a before-image
// (region.ts). Such pages wait their turn like others, which keeps neighbours together, until there
// are so many of them that they are taken first.

import { crc32 } from 'node:zlib'
import { assert } from '../../std/assert.ts'
import { beforeImages } from '../memory/before-images.ts'
import { DIRTY, PAGE_SIZE, PENDING } from '../memory/region.ts'
import { PAGE_STRIDE } from './coverage.ts'
import { PageTable } from './page-table.ts'
import { ThreadSlices } from './thread-slices.ts'
import type { Memory } from '../memory/memory.ts'
import type { Region } from '../memory/region.ts'
import type { Coverage } from './coverage.ts'

/** 64 MiB of before-images: more of them are taken first. */
const BEFORE_IMAGE_COUNT_MAX = 1024
/** 128 MiB: for so many room is made before a snapshot begins. */
const RESERVED_IMAGE_COUNT_MAX = 2048
const TO_TAKE = 1
const TAKEN = 2
const ZERO_PAGE = Buffer.alloc(PAGE_SIZE)
const ZERO_PAGE_CHECKSUM = crc32(ZERO_PAGE)

/** One region as it was when the snapshot began. */
export interface CapturedRegion {
  readonly region: Region
  readonly pageCount: number
  /** By page: 0, TO_TAKE, TAKEN. Empty until `list` has been there. */
  pages: Uint8Array
  /** Where its pages lay before; undefined when no snapshot is known of it. */
  readonly before: PageTable | undefined
  /** Where they lie when the snapshot is done. */
  table: PageTable
}

const NO_PAGES = new Uint8Array(0)
const NO_TABLE = new PageTable(0)

/**
 * Makes room for the before-images that a snapshot of `memory` is going to need, so that no
 * transaction has to.
 */
export async function prepareCapture(memory: Memory): Promise<void> {
  const slices = new ThreadSlices()
  let dirtyCount = 0
  const counting = function* (): Generator<void, void, void> {
    for (const { states } of memory.regions()) {
      for (let page = states.indexOf(DIRTY); page !== -1; page = states.indexOf(DIRTY, page + 1)) {
        if (++dirtyCount === RESERVED_IMAGE_COUNT_MAX) return
      }
      yield
    }
  }
  await slices.runAll(counting())
  await beforeImages.reserve(dirtyCount)
}

export class Capture {
  readonly memory: Memory
  readonly regions: readonly CapturedRegion[]
  /** Where the search for the next page goes on. */
  #regionIndex: number
  #pageIndex: number

  /** Begins. `before` is what the newest snapshot holds of this memory, if there is one. */
  constructor(memory: Memory, before: Coverage | undefined) {
    assert(!memory.seqlock.writing, 'a snapshot begins between two batches')
    this.memory = memory
    this.regions = memory.regions().map((region) => {
      const table = before?.tables.get(region)
      const pageCount = region.beginSnapshot(table === undefined)
      return { region, pageCount, pages: NO_PAGES, before: table, table: NO_TABLE }
    })
    this.#regionIndex = 0
    this.#pageIndex = 0
  }

  /**
   * Lists the pages to take and where the others lie; to be run to its end before the first
   * `takePages`.
   */
  *list(): Generator<void, void, void> {
    for (const captured of this.regions) {
      const { region, pageCount, before } = captured
      captured.table = new PageTable(pageCount)
      captured.pages = Buffer.allocUnsafeSlow(pageCount).fill(0)
      const { table, pages } = captured
      for (let from = 0; from < pageCount; from += PAGE_STRIDE) {
        const to = Math.min(from + PAGE_STRIDE, pageCount)
        table.copyPages(before, from, to)
        const { states } = region
        for (let page = from; page < to; page++) {
          if (states[page] === PENDING) pages[page] = TO_TAKE
        }
        yield
      }
      // Those that a transaction was faster to change are not pending any more, but have left their
      // before-image.
      for (const page of region.beforeImagePages()) pages[page] = TO_TAKE
    }
  }

  /**
   * Takes pages in one slice, as many as fit into `target`, and notes that they lie in `file` from
   * `position` on. Zero pages take no place there. Returns the number of pages in `target` and
   * whether all are taken now.
   */
  takePages(target: Buffer, file: number, position: number): { count: number; done: boolean } {
    const start = performance.now()
    const countMax = target.length / PAGE_SIZE
    let count = 0
    if (this.#beforeImageCount() > BEFORE_IMAGE_COUNT_MAX) {
      for (const captured of this.regions) {
        for (const page of captured.region.beforeImagePages()) {
          if (count === countMax || ThreadSlices.isOver(start)) return { count, done: false }
          count += this.#take(captured, page, target, count, file, position)
        }
      }
    }
    while (count < countMax && !ThreadSlices.isOver(start)) {
      const captured = this.regions[this.#regionIndex]
      if (captured === undefined) return { count, done: true }
      const page = captured.pages.indexOf(TO_TAKE, this.#pageIndex)
      if (page === -1) {
        this.#regionIndex++
        this.#pageIndex = 0
        continue
      }
      this.#pageIndex = page + 1
      count += this.#take(captured, page, target, count, file, position)
    }
    return { count, done: false }
  }

  /** Gives up: every page that was to be taken, taken or not, is dirty again. */
  *abandon(): Generator<void, void, void> {
    for (const { region, pageCount, pages } of this.regions) {
      for (let page = 0; page < pageCount; page++) {
        if (region.states[page] === PENDING || pages[page] === TAKEN) region.abandonPage(page)
        if (page % PAGE_STRIDE === PAGE_STRIDE - 1) yield
      }
      region.dropBeforeImages()
      yield
    }
  }

  #beforeImageCount(): number {
    let count = 0
    for (const { region } of this.regions) count += region.beforeImageCount
    return count
  }

  /** Returns the pages added to `target`, 1 or 0. */
  #take(
    captured: CapturedRegion,
    page: number,
    target: Buffer,
    count: number,
    file: number,
    position: number,
  ): number {
    const { region, pages, table } = captured
    assert(pages[page] === TO_TAKE, 'a snapshot takes a page once')
    const offset = count * PAGE_SIZE
    region.takePage(page, target, offset)
    pages[page] = TAKEN
    const bytes = target.subarray(offset, offset + PAGE_SIZE)
    const checksum = crc32(bytes)
    if (checksum === ZERO_PAGE_CHECKSUM && ZERO_PAGE.equals(bytes)) {
      table.setZero(page)
      return 0
    }
    table.set(page, file, position + count, checksum)
    return 1
  }
}
