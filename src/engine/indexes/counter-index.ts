// A counter: for each row of one table, how many rows of another refer to it. The count belongs to
// the id, not to the row: it is right whatever order rows come and go in, and whether or not the
// counted-for row (still) exists.

import { assert } from '../../std/assert.ts'
import type { Column } from '../memory/column.ts'

export class CounterIndex {
  /** Names the counter in reports, like "posts.likes". */
  readonly label: string
  /** The counter's column, in the table that is referred to. */
  readonly target: Column
  /** The column that names the row that a row is counted for. */
  readonly by: Column
  readonly #unless: readonly Column[]

  constructor(label: string, target: Column, by: Column, unless: readonly Column[]) {
    this.label = label
    this.target = target
    this.by = by
    this.#unless = unless
  }

  add(row: number): void {
    const owner = this.ownerOf(row)
    if (owner !== 0) this.target.set(owner, this.target.get(owner) + 1)
  }

  remove(row: number): void {
    const owner = this.ownerOf(row)
    if (owner === 0) return
    const count = this.target.get(owner)
    assert(count > 0, 'a counted row was counted')
    this.target.set(owner, count - 1)
  }

  /** The row that this one is counted for, 0 when for none. */
  ownerOf(row: number): number {
    for (let index = 0; index < this.#unless.length; index++) {
      if (this.#unless[index]!.get(row) !== 0) return 0
    }
    return this.by.get(row)
  }
}
