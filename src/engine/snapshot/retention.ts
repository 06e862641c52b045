// Which snapshots are kept, and which files of the directory may be deleted.
//
// (1) The newest `keepCount` sound snapshots are kept. One found damaged does not count.
// (2) A damaged one is deleted only after a newer one is safe on the device; until then it can be
//     looked at, with all files that it may name.
// (3) A pages file goes when no manifest names it. A manifest that cannot be read may name every
//     pages file that is not newer than itself.
// (4) Manifests go first, then the directory is synced, then the pages files go. A crash in between
//     leaves pages files that no manifest names, never a manifest that names a missing file.
//
//   CRASH LEAVES                                          WHO REPAIRS IT
//   ….manifest.partial, pages that no manifest names      deleted when the directory is opened
//   more snapshots than are kept                          the next snapshot's retention

import { compareStems, parseFileName } from './file-names.ts'
import type { FileName, Stem } from './file-names.ts'

/** A snapshot of the directory, as far as it is known. */
export interface Entry {
  readonly stem: Stem
  /** Pages files that its manifest names; undefined when the manifest cannot be read. */
  readonly pagesNames: ReadonlySet<string> | undefined
  /** Why it cannot be loaded, if that was found out. */
  readonly damage: string | undefined
}

/** Newest first. */
export function soundEntries(entries: Iterable<Entry>): Entry[] {
  return [...entries]
    .filter((entry) => entry.damage === undefined)
    .toSorted((a, b) => compareStems(b.stem, a.stem))
}

/** The entries that stay when a new snapshot is safe: (1) and (2). */
export function keptEntries(entries: readonly Entry[], keepCount: number): Entry[] {
  return soundEntries(entries).slice(0, keepCount)
}

/** The files that belong to no snapshot of `entries`, manifests to be deleted first. */
export function unusedFiles(
  names: Iterable<string>,
  entries: readonly Entry[],
): { manifestNames: string[]; pagesNames: string[] } {
  const manifestNames: string[] = []
  const pagesNames: string[] = []
  for (const name of names) {
    const file = parseFileName(name)
    if (file === undefined || isUsed(file, entries)) continue
    if (file.kind === 'pages') pagesNames.push(name)
    else manifestNames.push(name)
  }
  return { manifestNames, pagesNames }
}

function isUsed(file: FileName, entries: readonly Entry[]): boolean {
  return entries.some(({ stem, pagesNames }) => {
    const age = compareStems(file.stem, stem)
    if (file.kind === 'manifest') return age === 0
    if (file.kind === 'partial') return false
    return pagesNames === undefined ? age <= 0 : pagesNames.has(file.name)
  })
}
