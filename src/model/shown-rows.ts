// Pages of lists of which a viewer may not see every entry. What is hidden is left out and the page
// goes on behind it, until it is full or has looked at so many rows: so the work of a page is
// bounded, and one that came to nothing has a `next` all the same.
//
// The cursor is the last row that was looked at. Rows are listed newest first and ids are never
// reused: whatever is added, hidden or removed meanwhile, the next page goes on behind it.

import type { Index } from '../engine/schema.ts'
import type { View } from '../engine/view.ts'

/** Rows that one page looks at, unless its list says otherwise. */
const LOOK_COUNT_MAX = 1_000

interface RowList {
  readonly index: Index<'postings'>
  readonly owner: number
  readonly lookCountMax?: number
}

export interface RowsQuery {
  readonly count: number
  /** The row at which the page before ended. */
  readonly before?: number | undefined
}

export interface ShownPage {
  readonly ids: readonly number[]
  /** `before` of the next page; 0 on the last. */
  readonly next: number
}

/**
 * Rows of an owner, newest first, each as what `idOf` makes of it, if `isShown` says so of that.
 */
export function shownRows(
  view: View,
  { index, owner, lookCountMax = LOOK_COUNT_MAX }: RowList,
  { count, before }: RowsQuery,
  idOf: (row: number) => number,
  isShown: (id: number) => boolean,
): ShownPage {
  const ids: number[] = []
  let last = before
  for (let looked = 0; looked < lookCountMax;) {
    const wanted = Math.min(count, lookCountMax - looked)
    // One row more than is looked at tells whether there is a next page.
    const rows = view.newest(index, owner, wanted + 1, last)
    for (const row of rows.slice(0, wanted)) {
      looked++
      last = row
      const id = idOf(row)
      if (isShown(id)) ids.push(id)
      if (ids.length === count) return { ids, next: row === rows.at(-1) ? 0 : row }
    }
    if (rows.length <= wanted) return { ids, next: 0 }
  }
  return { ids, next: last! }
}
