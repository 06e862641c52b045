// A posting index: the rows of an owner as a posting list whose number is the owner's row id.

import type { PostingLists } from '../posting-lists.ts'
import type { Column } from '../memory/column.ts'
import type { StoredIndex } from '../schema.ts'
import type { TableIndex } from './table-index.ts'

export class PostingIndex implements TableIndex {
  readonly stored: StoredIndex
  readonly lists: PostingLists
  /** The column that names the list of a row. */
  readonly owner: Column
  readonly #unless: readonly Column[]

  constructor(stored: StoredIndex, lists: PostingLists, owner: Column, unless: readonly Column[]) {
    this.stored = stored
    this.lists = lists
    this.owner = owner
    this.#unless = unless
  }

  add(row: number): void {
    const owner = this.ownerOf(row)
    if (owner !== 0) this.lists.append(owner, row)
  }

  remove(row: number): void {
    const owner = this.ownerOf(row)
    if (owner !== 0) this.lists.remove(owner, row)
  }

  /** The list that holds the row, 0 when none does. */
  ownerOf(row: number): number {
    for (let index = 0; index < this.#unless.length; index++) {
      if (this.#unless[index]!.get(row) !== 0) return 0
    }
    return this.owner.get(row)
  }
}
