// Hot: bench `search` shows it.
//
// A dictionary in shared memory: a number for each term. Numbers of terms that are gone are given
// out again, so that they stay small; a term that goes leaves nothing behind, its letters included.
//
//   terms column, 32-bit words                    hash table: hash of a term → its number
//   0      highest number ever given out          texts arena: its UTF-8 bytes
//   1      newest number that is free, 0 for none
//   4 + n  reference of term n's text; of a free number, the one that was free before it
//
// Invariants
//   (1) A number up to the highest is that of one term, or on the list of free ones.
//   (2) Each term is in the hash table once, under its own hash, and its text is a block of its
//       own.

import { assert } from '../../std/assert.ts'
import { hashText } from './hash-table.ts'
import type { Arena } from '../memory/arena.ts'
import type { Column } from '../memory/column.ts'
import type { HashTable } from './hash-table.ts'

/** Letters of the longest beginning of a term that is in the dictionary, too. */
export const BEGINNING_COUNT_MAX = 3
/** Ends a beginning; a term holds letters and digits alone. */
export const BEGINNING_MARK = '*'

const HEADER_COUNT = 4
const TERM_BYTES_MAX = 1024

export class TermDictionary {
  readonly #table: HashTable
  readonly #terms: Column
  readonly #texts: Arena
  readonly #seed: number
  readonly #scratch: Buffer

  constructor(table: HashTable, terms: Column, texts: Arena, seed: number) {
    assert(terms.width === 4, 'references are 32-bit words')
    this.#table = table
    this.#terms = terms
    this.#texts = texts
    this.#seed = seed
    this.#scratch = Buffer.alloc(TERM_BYTES_MAX)
  }

  /** Terms in the dictionary. */
  get count(): number {
    return this.#table.count
  }

  /** The highest number ever given out. */
  get highest(): number {
    return this.#terms.get(0)
  }

  /** The number of a term, 0 when it has none. */
  find(term: string): number {
    return this.#table.find(this.hashOf(term), isTerm, this, term)
  }

  /** Gives a term that has none a number. */
  add(term: string): number {
    const terms = this.#terms
    const size = this.#scratch.write(term)
    assert(size > 0 && size < TERM_BYTES_MAX, 'a term has some letters, and not too many')
    const free = terms.get(1)
    const number = free === 0 ? terms.get(0) + 1 : free
    if (free === 0) terms.set(0, number)
    else terms.set(1, terms.get(HEADER_COUNT + free))
    terms.set(HEADER_COUNT + number, this.#texts.write(this.#scratch, 0, size))
    this.#table.add(this.hashOf(term), number)
    return number
  }

  /** Takes a term's number back. */
  remove(term: string, number: number): void {
    const terms = this.#terms
    this.#table.remove(this.hashOf(term), number)
    this.#texts.free(terms.get(HEADER_COUNT + number))
    terms.set(HEADER_COUNT + number, terms.get(1))
    terms.set(1, number)
  }

  /** The term of a number that has one. */
  text(number: number): string {
    const texts = this.#texts
    const reference = this.#terms.get(HEADER_COUNT + number)
    const end = texts.end(reference)
    return texts.bytes.toString('utf8', texts.offset(reference), end)
  }

  /** Whether the term of that number begins with `start`, or with `isWhole` is it. */
  isText(number: number, start: string, isWhole: boolean): boolean {
    const texts = this.#texts
    const reference = this.#terms.get(HEADER_COUNT + number)
    const end = texts.end(reference)
    const offset = texts.offset(reference)
    const size = end - offset
    if (size < start.length) return false
    const { bytes } = texts
    for (let index = 0; index < start.length; index++) {
      const unit = start.charCodeAt(index)
      if (unit > 0x7f) {
        const text = bytes.toString('utf8', offset, end)
        return isWhole ? text === start : text.startsWith(start)
      }
      if (bytes[offset + index] !== unit) return false
    }
    return !isWhole || size === start.length
  }

  hashOf(term: string): number {
    return hashText(this.#seed, term)
  }

  /** Calls `visit` for every term that is as it should be, and `report` for what is not. */
  check(visit: (number: number, term: string) => void, report: (sentence: string) => void): void {
    const blocks = this.#texts.check()
    if (typeof blocks === 'string') return report(`its terms are damaged: ${blocks}`)
    const { highest } = this
    // 0: not seen; 1: of a term; 2: free.
    const states = new Uint8Array(highest + 1)
    const fault = this.#table.check((hash, number) => {
      if (number > highest) return report(`term ${number} is above the highest, ${highest}`)
      if (states[number] !== 0) return report(`term ${number} is there twice`)
      states[number] = 1
      const reference = this.#terms.get(HEADER_COUNT + number)
      if (!blocks.take(reference)) {
        return report(`term ${number}: its text at ${reference * 8} is no block of its own`)
      }
      const term = this.text(number)
      if (this.hashOf(term) === hash) visit(number, term)
      else report(`term ${number} is "${term}" and stands under another one's hash`)
    })
    if (fault !== undefined) report(fault)
    if (blocks.count > 0) report(`${blocks.count} texts belong to no term`)
    let free = this.#terms.get(1)
    while (free !== 0 && free <= highest && states[free] === 0) {
      states[free] = 2
      free = this.#terms.get(HEADER_COUNT + free)
    }
    if (free !== 0) report(`term ${free} is on the list of free ones and is not free`)
    const lost = states.indexOf(0, 1)
    if (lost !== -1) report(`term ${lost} is neither there nor free`)
  }
}

function isTerm(number: number, dictionary: TermDictionary, term: string): boolean {
  return dictionary.isText(number, term, true)
}

/** The first 1, 2 and 3 letters of a term, marked, as far as it is longer than they are. */
export function beginningsOf(term: string): string[] {
  const beginnings: string[] = []
  let size = 0
  for (let count = 0; count < BEGINNING_COUNT_MAX; count++) {
    size += (term.codePointAt(size) ?? 0) > 0xffff ? 2 : 1
    if (size >= term.length) break
    beginnings.push(term.slice(0, size) + BEGINNING_MARK)
  }
  return beginnings
}
