// Check of a word index: that each row is in the lists of its words and in no other, and each word
// in the lists of its beginnings.
//
// A list may name millions of rows, and a row is read once: so for each row the hashes of its terms
// are summed up, and those of the lists that name it taken away. Where something is left, or the
// counts differ, the row is looked at closely.

import { BEGINNING_MARK, beginningsOf } from './indexes/term-dictionary.ts'
import { WORD_RULES } from './words.ts'
import type { WordIndex } from './indexes/word-index.ts'
import type { Table } from './table.ts'

type Report = (sentence: string) => void

/** What rows or terms should be named by, less what names them. */
class Balance {
  readonly #sums: Int32Array
  readonly #counts: Int32Array

  constructor(idMax: number) {
    this.#sums = new Int32Array(idMax + 1)
    this.#counts = new Int32Array(idMax + 1)
  }

  expect(id: number, hash: number): void {
    this.#sums[id] = (this.#sums[id]! + hash) | 0
    this.#counts[id]! += 1
  }

  find(id: number, hash: number): void {
    this.#sums[id] = (this.#sums[id]! - hash) | 0
    this.#counts[id]! -= 1
  }

  isEven(id: number): boolean {
    return this.#sums[id] === 0 && this.#counts[id] === 0
  }
}

/** Rows and terms that are looked at closely. */
const CLOSE_COUNT_MAX = 10

const NO_TERM = 0
const TERM = 1
const BEGINNING = 2

export function checkWords(table: Table, index: WordIndex, report: Report): void {
  // By other rules, other words are made of the same texts. The next start makes it anew.
  if (index.stored.rules !== WORD_RULES) return
  const { dictionary, lists } = index
  const { highest } = dictionary
  // Of numbers up to the highest. The terms themselves may be more than a Map can hold.
  const kinds = new Uint8Array(highest + 1)
  dictionary.check((number, term) => {
    kinds[number] = term.endsWith(BEGINNING_MARK) ? BEGINNING : TERM
  }, report)
  const rows = new Balance(table.lastId)
  for (let row = 1; row <= table.lastId; row++) {
    for (const term of index.termsOfRow(row)) rows.expect(row, dictionary.hashOf(term))
  }
  const beginnings = new Balance(highest)
  for (let number = 1; number <= highest; number++) {
    if (kinds[number] !== TERM) continue
    for (const beginning of beginningsOf(dictionary.text(number))) {
      beginnings.expect(number, dictionary.hashOf(beginning))
    }
  }
  for (let list = 0; list < lists.listLimit; list++) {
    const ids = lists.check(list)
    if (typeof ids === 'string') {
      report(`list ${list}: ${ids}`)
      continue
    }
    const kind = kinds[list] ?? NO_TERM
    if (kind === NO_TERM) {
      if (ids.length > 0) report(`list ${list} names ${ids.length} rows for no term`)
      continue
    }
    const term = dictionary.text(list)
    if (ids.length === 0) report(`"${term}" is kept, and nothing has it`)
    const hash = dictionary.hashOf(term)
    for (const id of ids) {
      if (kind === TERM) {
        if (id <= table.lastId) rows.find(id, hash)
        else report(`"${term}" names row ${id}, which does not exist`)
      } else if ((kinds[id] ?? NO_TERM) !== NO_TERM) beginnings.find(id, hash)
      else report(`"${term}" names term ${id}, which does not exist`)
    }
  }
  let closeCount = 0
  for (let number = 1; number <= highest; number++) {
    if (beginnings.isEven(number)) continue
    if (closeCount++ < CLOSE_COUNT_MAX) reportBeginnings(index, number, kinds, report)
    else report(`"${dictionary.text(number)}" is not in the lists of its beginnings`)
  }
  closeCount = 0
  for (let row = 1; row <= table.lastId; row++) {
    if (rows.isEven(row)) continue
    if (closeCount++ < CLOSE_COUNT_MAX) reportRow(index, row, kinds, report)
    else report(`row ${row} is not in the lists of its words`)
  }
  const fault = lists.checkSpace()
  if (fault !== undefined) report(fault)
}

/** Says which words the index is wrong about. */
function reportRow(index: WordIndex, row: number, kinds: Uint8Array, report: Report): void {
  const { dictionary, lists } = index
  const own = index.termsOfRow(row)
  for (const term of own) {
    const list = dictionary.find(term)
    if (list === 0 || !lists.has(list, row)) report(`row ${row} is missing under "${term}"`)
  }
  for (const [list, kind] of kinds.entries()) {
    if (kind !== TERM || !lists.has(list, row) || own.has(dictionary.text(list))) continue
    report(`"${dictionary.text(list)}" names row ${row}, which does not have it`)
  }
}

function reportBeginnings(
  { dictionary, lists }: WordIndex,
  number: number,
  kinds: Uint8Array,
  report: Report,
): void {
  const term = dictionary.text(number)
  const own = kinds[number] === TERM ? beginningsOf(term) : []
  for (const beginning of own) {
    const list = dictionary.find(beginning)
    if (list === 0 || !lists.has(list, number)) {
      report(`"${term}" is missing under "${beginning}"`)
    }
  }
  for (const [list, kind] of kinds.entries()) {
    if (kind !== BEGINNING || !lists.has(list, number)) continue
    const beginning = dictionary.text(list)
    if (!own.includes(beginning)) report(`"${beginning}" names "${term}", which does not begin so`)
  }
}
