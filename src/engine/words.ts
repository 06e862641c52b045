// Words: what a text is found by. Pure, and the same for the texts of rows and for queries.
//
//   "Café in Tōkyō, 東京タワーで"     cafe  in  tokyo  東京 京タ タワ ワー ーで で
//
//   1  Decomposed for compatibility (NFKD): full-width letters get plain, ½ becomes 1 and 2.
//   2  Marks that people leave out when they type go: accents, Arabic and Hebrew vowel signs. The
//      voiced marks of kana and the vowel signs of Indic scripts make other words, and stay.
//   3  Composed again, in small letters; letters with a plain spelling get that one (ß: ss).
//   4  A word is a run of letters and digits. Scripts that are written without spaces have no such
//      runs: there, each two neighbours are a term, and the last letter of a run alone. So any two
//      neighbours are found, and by a prefix any one letter.
//
// Letters are known by the Unicode that Node brings, not by a dictionary: Intl.Segmenter cuts
// Japanese differently with each version of ICU. A new Unicode still knows more letters, so the
// rules bear its number (`WORD_RULES`): they are stored with an index, which is made anew under
// others.
//
// Bounds: a term ends after TERM_SIZE_MAX units, in texts and queries alike, so that longer words
// are found by their beginning; a row is found by its first TERM_COUNT_MAX terms.

/** UTF-16 units of the longest term. */
export const TERM_SIZE_MAX = 64
/** Distinct terms of a text: more than a caption of 2,200 letters can have. */
export const TERM_COUNT_MAX = 2_500
/** UTF-16 units of a text that are looked at. */
const TEXT_SIZE_MAX = 65_536
/** Letters of the shortest prefix of a script with spaces: one letter begins every tenth word. */
export const PREFIX_COUNT_MIN = 2

/** Raised by every change of what a text is found by. */
const RULES_VERSION = 1
/** By which rules terms are made. Terms of other rules are not to be compared with these. */
export const WORD_RULES = `${RULES_VERSION}, Unicode ${process.versions['unicode'] ?? 'unknown'}`

/** What a row must have to be found. */
export interface SearchTerm {
  readonly term: string
  /** Whether any term will do that begins with it. */
  readonly isPrefix: boolean
}

/** Rows that a search has found. */
export interface FoundRows {
  /** Newest first. */
  readonly ids: number[]
  /** Before which id to go on; 0 when there is nothing more. There may be one without any ids. */
  readonly next: number
}

const ASCII = /^[\0-\x7f]*$/
/** Marks by rule 2, and what is not seen: soft hyphens, joiners, variation selectors. */
const LEFT_OUT =
  /[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670\p{DI}]/gv
const SPELLED = /[ßæœøđðþłħıς]/g
const SPELLINGS: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ł: 'l',
  ħ: 'h',
  ı: 'i',
  ς: 'σ',
}

const SPACELESS = ['Han', 'Hira', 'Kana', 'Hang', 'Bopo', 'Thai', 'Laoo', 'Khmr', 'Mymr']
const spaceless = `[${SPACELESS.map((script) => `\\p{scx=${script}}`).join('')}]`
const part = '[\\p{L}\\p{N}\\p{M}]'
/** Runs of letters and digits; the first group holds those of a script without spaces. */
const RUN = new RegExp(
  `([${spaceless}&&${part}]+)|[[\\p{L}\\p{N}]--${spaceless}][${part}--${spaceless}]*`,
  'gv',
)

/** The distinct terms that a text is found by, in the order in which they appear. */
export function termsOf(text: string): ReadonlySet<string> {
  const terms = new Set<string>()
  if (text === '') return terms
  if (text.length <= TEXT_SIZE_MAX && ASCII.test(text)) {
    addPlainWords(terms, text.toLowerCase())
    return terms
  }
  for (const [run, dense] of foldedOf(text).matchAll(RUN)) {
    if (terms.size >= TERM_COUNT_MAX) break
    if (dense === undefined) terms.add(cut(run))
    else addNeighbours(terms, dense)
  }
  return terms
}

/**
 * What a query asks for: each of its words. Prefixes are words before a "*", and the last word when
 * nothing follows it: whoever types has not ended it. Shorter ones are asked for as whole words.
 */
export function queryTermsOf(query: string, prefixCountMin = PREFIX_COUNT_MIN): SearchTerm[] {
  const found = new Map<string, SearchTerm>()
  const put = (term: string, isPrefix: boolean): void => {
    const key = isPrefix ? `${term}*` : term
    if (found.size < TERM_COUNT_MAX) found.set(key, { term, isPrefix })
  }
  const folded = foldedOf(query)
  for (const match of folded.matchAll(RUN)) {
    const [run, dense] = match
    if (dense === undefined) {
      const follower = folded[match.index + run.length] ?? '*'
      put(cut(run), follower === '*' && hasLetters(run, prefixCountMin))
      continue
    }
    const letters = Array.from(dense)
    if (letters.length === 1) put(dense, true)
    for (let index = 1; index < letters.length; index++) {
      put(letters[index - 1]! + letters[index]!, false)
    }
  }
  return [...found.values()]
}

/** The text as it is compared: rules 1 to 3. */
export function foldedOf(text: string): string {
  return text
    .slice(0, TEXT_SIZE_MAX)
    .normalize('NFKD')
    .replaceAll(LEFT_OUT, '')
    .normalize('NFC')
    .toLowerCase()
    .replaceAll(SPELLED, (letter) => SPELLINGS[letter]!)
}

/** The same as the general rules do with small letters of ASCII, in a fraction of the time. */
function addPlainWords(terms: Set<string>, text: string): void {
  let start = -1
  for (let index = 0; index <= text.length; index++) {
    const code = index === text.length ? 0 : text.charCodeAt(index)
    const isPart = (code >= 97 && code <= 122) || (code >= 48 && code <= 57)
    if (isPart) {
      if (start < 0) start = index
    } else if (start >= 0) {
      terms.add(text.slice(start, Math.min(index, start + TERM_SIZE_MAX)))
      if (terms.size >= TERM_COUNT_MAX) return
      start = -1
    }
  }
}

function addNeighbours(terms: Set<string>, run: string): void {
  let before = ''
  for (const letter of run) {
    if (before !== '') terms.add(before + letter)
    before = letter
    if (terms.size >= TERM_COUNT_MAX) return
  }
  terms.add(before)
}

function cut(run: string): string {
  if (run.length <= TERM_SIZE_MAX) return run
  const isPairSplit = (run.charCodeAt(TERM_SIZE_MAX) & 0xfc00) === 0xdc00
  return run.slice(0, isPairSplit ? TERM_SIZE_MAX - 1 : TERM_SIZE_MAX)
}

function hasLetters(run: string, countMin: number): boolean {
  return run.length >= countMin * 2 || Array.from(run).length >= countMin
}
