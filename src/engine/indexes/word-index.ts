// Hot: bench `search` shows it.
//
// A word index: the rows that have a word, for every word of a text field, or of several. An
// inverted index of the engine's own structures.
//
//   "sunset" ─▶ dictionary ─▶ 7     list 7   row ids: 1 5 9 12 …          rows that have the word
//   "su*"    ─▶ dictionary ─▶ 3     list 3   term numbers: 2 7 31 …       terms that begin so
//
// Terms are letters and digits, so a "*" at the end tells the second kind. A term stands in the
// lists of its first 1, 2 and 3 letters, as far as it is longer than they are.
//
// Invariants
//   (1) The list of a term holds the rows that exist, are not left out, and have it.
//   (2) A term or beginning is in the dictionary exactly as long as its list is not empty.
//
// So a word that goes with the last row that has it leaves nothing in memory, and the index is
// bounded by the rows, whatever has come and gone.

import { termsOf } from '../words.ts'
import { beginningsOf } from './term-dictionary.ts'
import { searchWords } from './word-search.ts'
import type { Column } from '../memory/column.ts'
import type { PostingLists } from '../posting-lists.ts'
import type { StoredIndex } from '../schema.ts'
import type { FoundRows, SearchTerm } from '../words.ts'
import type { TableIndex } from './table-index.ts'
import type { TermDictionary } from './term-dictionary.ts'

/** What the index reads of its table's rows. */
export interface WordSource {
  /** The texts of a row that exists. */
  text(row: number): string
  has(row: number): boolean
  readonly lastId: number
  /** Rows are left out in which one of these is not 0, */
  readonly unless: readonly Column[]
  /** or one of these is. */
  readonly onlyWith: readonly Column[]
}

export class WordIndex implements TableIndex {
  readonly stored: StoredIndex
  readonly dictionary: TermDictionary
  readonly lists: PostingLists
  readonly source: WordSource

  constructor(
    stored: StoredIndex,
    dictionary: TermDictionary,
    lists: PostingLists,
    source: WordSource,
  ) {
    this.stored = stored
    this.dictionary = dictionary
    this.lists = lists
    this.source = source
  }

  add(row: number): void {
    for (const term of this.termsOfRow(row)) {
      this.lists.append(this.dictionary.find(term) || this.#addTerm(term), row)
    }
  }

  remove(row: number): void {
    const { dictionary, lists } = this
    for (const term of this.termsOfRow(row)) {
      const list = dictionary.find(term)
      // Under other rules than those it was made by it may be missing (words.ts).
      if (list === 0) continue
      lists.remove(list, row)
      if (lists.newestId(list) === 0) this.#removeTerm(term, list)
    }
  }

  /** The terms that a row is found by. */
  termsOfRow(row: number): ReadonlySet<string> {
    return termsOf(this.textOfRow(row))
  }

  /** The text that a row is found by, '' when it is left out. */
  textOfRow(row: number): string {
    const { source } = this
    const { unless, onlyWith } = source
    if (!source.has(row)) return ''
    for (let index = 0; index < unless.length; index++) {
      if (unless[index]!.get(row) !== 0) return ''
    }
    for (let index = 0; index < onlyWith.length; index++) {
      if (onlyWith[index]!.get(row) === 0) return ''
    }
    return source.text(row)
  }

  /** Rows before `beforeId` that have all terms, newest first. The work of a call is bounded. */
  search(terms: readonly SearchTerm[], count: number, beforeId?: number): FoundRows {
    return searchWords(this, terms, count, beforeId)
  }

  #addTerm(term: string): number {
    const { dictionary, lists } = this
    const number = dictionary.add(term)
    for (const beginning of beginningsOf(term)) {
      lists.append(dictionary.find(beginning) || dictionary.add(beginning), number)
    }
    return number
  }

  #removeTerm(term: string, number: number): void {
    const { dictionary, lists } = this
    for (const beginning of beginningsOf(term)) {
      const list = dictionary.find(beginning)
      if (list === 0) continue
      lists.remove(list, number)
      if (lists.newestId(list) === 0) dictionary.remove(beginning, list)
    }
    dictionary.remove(term, number)
  }
}
