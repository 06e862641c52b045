// What every index kind can do. An index is derived from its table's rows and lives in regions of
// its own; the table tells it which rows come and go. `add` and `remove` read the row's columns, so
// they are called while those hold the values that the index is to know: after a row is written,
// before it is changed.

import type { StoredIndex } from '../schema.ts'

export interface TableIndex {
  readonly stored: StoredIndex
  /** Puts a row in. Only called for a row that is not in. */
  add(row: number): void
  /** Takes a row out. */
  remove(row: number): void
}
