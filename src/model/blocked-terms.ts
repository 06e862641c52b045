// Blocked terms: words and tags that nobody may publish. What holds one is refused, with the word
// in the sentence, so that its writer can do without it; what was published before stays.
//
//   KIND   TERM      MATCHES                    DOES NOT MATCH
//   word   "spam"    "Spam!", "#spam", "ＳＰＡＭ"   "spammer", "antispam"
//   tag    "#spam"   "#Spam"                    "spam"
//
// A word is letters, marks, digits and "_" in a row, whatever their case and width, without the
// invisible characters that could part them. Texts in scripts that put no space between words are
// rows of their own, which no word of them matches.

import { tagKeyOf, tokensOf } from './caption-tokens.ts'
import { BLOCKED_TERM_COUNT_MAX } from './limits.ts'
import { Refusal } from './refusal.ts'
import { recordAct } from './reports.ts'
import { blockedTerms } from './schema.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'

/** By their number in the column `kind`: never reordered. */
export const TERM_KINDS = ['', 'word', 'tag'] as const
export type TermKind = Exclude<(typeof TERM_KINDS)[number], ''>

export interface BlockTerm {
  readonly kind: TermKind
  readonly term: string
  /** 0 for the operator. */
  readonly moderator: number
}

/** UTF-16 units of a word that can be blocked. */
const WORD_SIZE_MAX = 100
const WORD = /[\p{L}\p{N}_][\p{L}\p{M}\p{N}_]*/gv
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gv

/**
 * Returns the term's id; a term that is blocked already has one. Refuses with TERM_INVALID,
 * TERMS_TOO_MANY.
 */
export function blockTerm(tx: Transaction, { kind, term, moderator }: BlockTerm): number {
  const key = keyOf(kind, term)
  const known = tx.find(blockedTerms.indexes.byKey, key)
  if (known !== 0) return known
  if (tx.rowCount(blockedTerms) >= BLOCKED_TERM_COUNT_MAX) throw new Refusal('TERMS_TOO_MANY')
  const row = { kind: TERM_KINDS.indexOf(kind), key, createdAt: tx.now }
  const id = tx.insert(blockedTerms, row)
  recordAct(tx, { act: 'term_blocked', moderator, note: termOf(key) })
  return id
}

/** Refuses with TERM_NOT_FOUND. */
export function unblockTerm(tx: Transaction, input: { term: number; moderator: number }): void {
  const row = tx.get(blockedTerms, input.term)
  if (row === undefined) throw new Refusal('TERM_NOT_FOUND')
  tx.remove(blockedTerms, input.term)
  recordAct(tx, { act: 'term_unblocked', moderator: input.moderator, note: termOf(row.key) })
}

/** Terms, newest first. */
export function termsOfKind(view: View, kind: TermKind, count: number, before?: number): number[] {
  return view.newest(blockedTerms.indexes.byKind, TERM_KINDS.indexOf(kind), count, before)
}

/** How a key is written: a tag with its "#". */
export function termOf(key: string): string {
  const [kind, term] = key.split(' ') as [TermKind, string]
  return kind === 'tag' ? `#${term}` : term
}

/** Asked with each text that somebody wants to publish. Refuses with TERM_BLOCKED. */
export function demandAllowedTerms(view: View, ...texts: readonly string[]): void {
  if (view.rowCount(blockedTerms) === 0) return
  const index = blockedTerms.indexes.byKey
  for (const text of texts) {
    for (const word of new Set(wordsOf(text))) {
      if (word.length > WORD_SIZE_MAX) continue
      if (view.find(index, `word ${word}`) !== 0) throw blocked(`The word "${word}"`)
    }
    for (const token of tokensOf(text)) {
      if (token.kind !== 'hashtag') continue
      if (view.find(index, `tag ${token.key}`) !== 0) throw blocked(`The tag "#${token.key}"`)
    }
  }
}

/** Whether a tag may not be published; `key` is what it is found by, and a word, too. */
export function isTagBlocked(view: View, key: string): boolean {
  if (view.rowCount(blockedTerms) === 0) return false
  const index = blockedTerms.indexes.byKey
  return view.find(index, `tag ${key}`) !== 0 || view.find(index, `word ${key}`) !== 0
}

function wordsOf(text: string): string[] {
  const small = text.normalize('NFKC').toLowerCase().normalize('NFKC')
  return small.replaceAll(INVISIBLE, '').match(WORD) ?? []
}

/** Refuses with TERM_INVALID. */
function keyOf(kind: TermKind, term: string): string {
  const key = kind === 'tag' ? tagKeyOf(term.trim().replace(/^[#＃]/v, '')) : wordKeyOf(term)
  if (key === '') throw new Refusal('TERM_INVALID')
  return `${kind} ${key}`
}

/** '' for what is no word, or several. */
function wordKeyOf(term: string): string {
  if (term.length > WORD_SIZE_MAX) return ''
  const [word = '', ...more] = wordsOf(term)
  const isAll = word === term.trim().normalize('NFKC').toLowerCase().replaceAll(INVISIBLE, '')
  return more.length === 0 && isAll && word.length <= WORD_SIZE_MAX ? word : ''
}

function blocked(what: string): Refusal {
  return new Refusal('TERM_BLOCKED', `${what} may not be published here.`)
}
