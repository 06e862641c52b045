// Hot: bench `search` shows it.
//
// Searching a word index: rows that have all terms, newest first. The cursors of all lists leap to
// the newest row that none of them has passed; where all stand on one, it is found.
//
//   sunset   ▪──────────▪────▪──────────────▪         41 rows: leaps
//   beach    ▪─▪───▪────▪──▪─▪──▪──▪───▪──▪─▪         9,000 rows: follows, page by page
//   found    ▪          ▪    ▪              ▪
//
// A prefix stands for the terms that begin with it. There are three ways to it, all of them exact:
//
//   TERMS                   WAY
//   none                    nothing is found
//   up to 1,024             the lists of all of them at once, as a heap
//   more                    it is common: each row that has the other terms is read; without other
//                           terms, each row there is
//
// Work is counted in steps of about a tenth of a microsecond. When they are used up, the search
// ends with a cursor: every row from there on has been looked at, and the next search goes on below
// it. Finding the place where it begins is not counted: it costs a step for each thousand ids that
// are newer. So only what comes further is, and each search comes at least one row further.

import { PostingUnion } from '../posting-cursor.ts'
import { termsOf } from '../words.ts'
import { BEGINNING_COUNT_MAX, BEGINNING_MARK } from './term-dictionary.ts'
import type { Seeker, Steps } from '../posting-cursor.ts'
import type { FoundRows, SearchTerm } from '../words.ts'
import type { WordIndex } from './word-index.ts'

/** How much work a search is. */
export interface SearchBounds {
  readonly stepCountMax: number
  /** Terms that all prefixes of a search together stand for before they are common. */
  readonly prefixTermCountMax: number
  /** Terms that are compared with a prefix that is longer than the beginnings that have lists. */
  readonly prefixScanCountMax: number
}

/** A millisecond or two. */
const BOUNDS: SearchBounds = {
  stepCountMax: 20_000,
  prefixTermCountMax: 1_024,
  prefixScanCountMax: 8_192,
}
/** What reading a row costs, and taking each letter of its text apart. */
const READ_STEP_COUNT = 40
const LETTER_STEP_COUNT = 2
/** Terms of a search; more are not looked at. */
const SEARCH_TERM_COUNT_MAX = 256

const ROW_MAX = 2 ** 32 - 1

/** Rows before `beforeId` that have all terms, newest first; none without terms. */
export function searchWords(
  index: WordIndex,
  terms: readonly SearchTerm[],
  count: number,
  beforeId = Infinity,
  bounds: SearchBounds = BOUNDS,
): FoundRows {
  const steps: Steps = { count: 0 }
  const seekers: Seeker[] = []
  const commonPrefixes: string[] = []
  const nothing: FoundRows = { ids: [], next: 0 }
  if (terms.length === 0 || count < 1 || beforeId <= 1) return nothing
  const { stepCountMax } = bounds
  let termCountLeft = bounds.prefixTermCountMax
  for (const { term, isPrefix } of terms.slice(0, SEARCH_TERM_COUNT_MAX)) {
    if (!isPrefix) {
      const list = index.dictionary.find(term)
      if (list === 0) return nothing
      seekers.push(index.lists.cursor(list, steps))
      continue
    }
    const numbers = numbersOfPrefix(index, term, termCountLeft, bounds.prefixScanCountMax)
    if (numbers === undefined) {
      commonPrefixes.push(term)
      continue
    }
    if (numbers.length === 0) return nothing
    termCountLeft -= numbers.length
    seekers.push(new PostingUnion(numbers.map((number) => index.lists.cursor(number, steps))))
  }
  if (seekers.length === 0) seekers.push(new AllRows(index, steps))
  seekers.sort((one, other) => one.estimate - other.estimate)

  const ids: number[] = []
  const first = seekers[0]!
  let row = Math.min(beforeId - 1, ROW_MAX)
  for (const seeker of seekers) row = row === 0 ? 0 : seeker.seek(row)
  row = row === 0 ? 0 : first.seek(row)
  steps.count = 0
  for (;;) {
    let agreed = 1
    while (row !== 0 && agreed < seekers.length) {
      if (steps.count > stepCountMax) return { ids, next: row + 1 }
      const other = seekers[agreed]!.seek(row)
      if (other === row) agreed++
      else {
        row = other === 0 ? 0 : first.seek(other)
        agreed = 1
      }
    }
    if (row === 0) return { ids, next: 0 }
    if (steps.count > stepCountMax) return { ids, next: row + 1 }
    if (commonPrefixes.length === 0 || hasPrefixes(index, row, commonPrefixes, steps)) {
      ids.push(row)
      if (ids.length >= count) return { ids, next: row }
    }
    row = row === 1 ? 0 : first.seek(row - 1)
  }
}

/** Numbers of the terms that begin with that; undefined when there are more than `countMax`. */
function numbersOfPrefix(
  { dictionary, lists }: WordIndex,
  prefix: string,
  countMax: number,
  scanCountMax: number,
): number[] | undefined {
  const letters = Array.from(prefix)
  const isShort = letters.length <= BEGINNING_COUNT_MAX
  const beginning = isShort ? prefix : letters.slice(0, BEGINNING_COUNT_MAX).join('')
  const list = dictionary.find(beginning + BEGINNING_MARK)
  const lookedAtMax = isShort ? countMax : scanCountMax
  let numbers = list === 0 ? [] : lists.newest(list, lookedAtMax + 1)
  if (numbers.length > lookedAtMax) return undefined
  if (!isShort) numbers = numbers.filter((number) => dictionary.isText(number, prefix, false))
  else {
    const whole = dictionary.find(prefix)
    if (whole !== 0) numbers.push(whole)
  }
  return numbers.length > countMax ? undefined : numbers
}

function hasPrefixes(
  index: WordIndex,
  row: number,
  prefixes: readonly string[],
  steps: Steps,
): boolean {
  const text = index.textOfRow(row)
  if (text === '') return false
  steps.count += READ_STEP_COUNT + text.length * LETTER_STEP_COUNT
  const terms = [...termsOf(text)]
  return prefixes.every((prefix) => terms.some((term) => term.startsWith(prefix)))
}

/** Every id that was given out, whether or not there is a row. */
class AllRows implements Seeker {
  readonly #lastId: number
  readonly #steps: Steps

  constructor(index: WordIndex, steps: Steps) {
    this.#lastId = index.source.lastId
    this.#steps = steps
  }

  get estimate(): number {
    return this.#lastId
  }

  seek(idMax: number): number {
    this.#steps.count++
    return Math.min(idMax, this.#lastId)
  }
}
