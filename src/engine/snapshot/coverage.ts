// What the newest snapshot holds of the memory, page by page: what the next snapshot builds upon.
//
// A page table belongs to a Region object, not to its key. A table that is dropped and made anew
// has new regions under the same keys; what the snapshot holds for the old ones says nothing about
// them. A region without a page table (made since, handed over by another thread, or rebuilt from
// the log) is therefore written whole, zero pages left out.
//
// Reclaiming space. Pages files are never changed, so a page that is written again leaves a stale
// one behind. When a file is stale by more than half, or when there are too many files, the pages
// that still lie in it are marked dirty, as if they had been changed: the next snapshot writes them
// elsewhere, and nothing refers to the file any more once the older manifests are gone.
//
//   file   written  used                          next snapshot
//   100      5000   1800   ◀── used < half ──▶    writes those 1800 besides its own
//   200        40     39
//
// So the files of the newest snapshot are at most twice the size of the store, plus what changed
// since they were looked at; a page is written for this reason at most as often as one was changed.
// The choice is made when a snapshot has been taken or loaded, not when the next one begins:
// marking may then take its time in slices.

import type { Memory } from '../memory/memory.ts'
import type { Region } from '../memory/region.ts'
import type { Stem } from './file-names.ts'
import type { ManifestFile } from './manifest.ts'
import type { PageTable } from './page-table.ts'

/** Pages files that one manifest refers to, at most, counting the next one. */
export const FILE_COUNT_MAX = 64

/** Pages gone through between two looks at the clock: 0.1 ms, or 0.5 ms where memory is new. */
export const PAGE_STRIDE = 16_384

export interface Coverage {
  readonly stem: Stem
  readonly memory: Memory
  readonly layout: number
  readonly schemaText: string
  readonly files: readonly (ManifestFile | null)[]
  readonly tables: WeakMap<Region, PageTable>
}

/** Counts the pages that lie in each file, by file number (from 1; 0 counts the zero pages). */
export function* countUsedPages(
  tables: Iterable<PageTable>,
  counts: Float64Array,
): Generator<void, void, void> {
  for (const table of tables) {
    for (let from = 0; from < table.pageCount; from += PAGE_STRIDE) {
      table.countPages(from, Math.min(from + PAGE_STRIDE, table.pageCount), counts)
      yield
    }
  }
}

/**
 * Numbers of the files whose pages the next snapshot has to write elsewhere: those in `distrusted`,
 * those used by less than half, and of the others the least used, until there is room for one more.
 */
export function filesToRewrite(
  files: readonly (ManifestFile | null)[],
  usedCounts: Float64Array,
  distrusted: ReadonlySet<string>,
): Set<number> {
  const rewritten = new Set<number>()
  const others: number[] = []
  for (const [index, file] of files.entries()) {
    const used = usedCounts[index + 1]!
    if (file === null || used === 0) continue
    if (used * 2 < file.pageCount || distrusted.has(file.name)) rewritten.add(index + 1)
    else others.push(index + 1)
  }
  others.sort((a, b) => usedCounts[a]! - usedCounts[b]!)
  for (const file of others.slice(0, Math.max(0, others.length - FILE_COUNT_MAX + 1))) {
    rewritten.add(file)
  }
  return rewritten
}

/** Marks the pages that lie in one of the `files` as dirty. No snapshot is running. */
export function* markPages(
  coverage: Coverage,
  files: ReadonlySet<number>,
): Generator<void, void, void> {
  for (const region of coverage.memory.regions()) {
    const table = coverage.tables.get(region)
    if (table === undefined) continue
    region.refresh()
    for (let page = 0; page < table.pageCount; page++) {
      if (files.has(table.file(page))) region.markDirty(page)
      if (page % PAGE_STRIDE === PAGE_STRIDE - 1) yield
    }
    yield
  }
}
