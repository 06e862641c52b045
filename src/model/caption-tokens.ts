// Tokens of captions and comments: the one place that says what in a text is a hashtag, a mention
// or a link. Publishing, rendering and search all ask here, so that a tag that is marked up is the
// tag that the post is found by.
//
//   "Sea with @anna.b. #Sea＃Summer https://example.org/a_(b)."
//    text      mention  hashtag     link                     text
//              └ not the dot: a handle ends with a letter, digit or "_"
//
// A hashtag is "#" or "＃" and letters, marks, digits and "_" of any script, with at least one
// letter: "#1" is a number, "#️⃣" a key. Zero-width joiners, which some scripts need, may stand
// inside. One that is longer than TAG_SIZE_MAX is text.
// A mention is "@" or "＠" and a handle as HANDLE_PATTERN has it. What goes on like a word of Latin
// letters ("@andré") or names another server ("@anna@example.org") is no mention; "@annaさん" is.
// A link is http:// or https:// and a host, up to a space, a quotation mark, an angle bracket or
// punctuation of full width, without the punctuation that ends the sentence around it: a closing
// bracket belongs to the link if it was opened there. A user name before the host makes it text.
//
// All of them start only where a word does: behind none of letters, marks, digits, "_", "#", "@",
// "/", "=" and "&". Behind a token a new word starts, so "#sea#sun" is two tags. Emoji are no
// words, though some end with what Unicode calls a mark.
//
// Invariants
//   (1) The texts of all tokens, one behind the other, are the given text.
//   (2) No two tokens of kind `text` follow each other, and none is empty.
//   (3) The work is linear in the text: what was looked at for a token that came to nothing is
//       looked at once more, as text, because no such piece holds another beginning.

import { HANDLE_PATTERN, TAG_SIZE_MAX } from './limits.ts'

export interface TextToken {
  readonly kind: 'text'
  readonly text: string
}

export interface HashtagToken {
  readonly kind: 'hashtag'
  /** With the "#", like every `text` as it stands there. */
  readonly text: string
  /** Without the "#". */
  readonly name: string
  /** What the tag is found by. */
  readonly key: string
}

export interface MentionToken {
  readonly kind: 'mention'
  readonly text: string
  /** Without the "@", in the case of letters in which it was written. */
  readonly handle: string
}

export interface LinkToken {
  readonly kind: 'link'
  /** The address. */
  readonly text: string
}

export type CaptionToken = TextToken | HashtagToken | MentionToken | LinkToken

/** Where a token may begin. Not by the flag "i", for which "ſ" is an "s". */
const BEGINNING = /[#＃@＠]|[Hh][Tt][Tt][Pp][Ss]?:\/\//gv
/** What ends right before is a word, but for what ends an emoji. */
const WORD_BEFORE = /(?<=[[\p{L}\p{M}\p{N}_#＃@＠\u{26}\/=]--[\u{FE0E}\u{FE0F}\u{20E3}]])/vy
const TAG_NAME = /[\p{L}\p{N}_](?:[\p{L}\p{M}\p{N}_]|[\u{200C}\u{200D}](?=\p{L}))*/vy
const TAG_KEY = /^[\p{L}\p{N}_][\p{L}\p{M}\p{N}_]*$/v
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gv
const HANDLE = /\w+(?:\.\w+)*/vy
/** Behind a handle: what makes it no mention. */
const HANDLE_GOES_ON = /[\p{Script=Latin}\p{M}@＠]/vy
/** Host and port. */
const HOST = /[\p{L}\p{N}][\p{L}\p{M}\p{N}.\-]*(?::\d{1,5})?/vy
/** The rest of an address. */
const ADDRESS =
  /(?:[\/?#][^\s\p{Cc}<>"“”«»\u{3000}-\u{303F}\u{FF01}-\u{FF0F}\u{FF1A}-\u{FF20}]*)?/vy
const CLOSING = /[.,:;!?'’*_~…\)\]\}]/v
const OPENERS: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' }

/** The text in tokens, in order. */
export function tokensOf(text: string): CaptionToken[] {
  const tokens: CaptionToken[] = []
  let tokenEnd = 0
  BEGINNING.lastIndex = 0
  for (let found = BEGINNING.exec(text); found !== null; found = BEGINNING.exec(text)) {
    const { index } = found
    const isInWord = index !== tokenEnd && isAt(WORD_BEFORE, text, index)
    const token = isInWord ? undefined : tokenAt(text, index, found[0])
    if (token === undefined) continue
    if (index > tokenEnd) tokens.push({ kind: 'text', text: text.slice(tokenEnd, index) })
    tokens.push(token)
    tokenEnd = index + token.text.length
    BEGINNING.lastIndex = tokenEnd
  }
  if (tokenEnd < text.length) tokens.push({ kind: 'text', text: text.slice(tokenEnd) })
  return tokens
}

/**
 * What a tag of that name is found by, whatever its case and width of letters; '' when it is no
 * name of a tag. A key is its own key.
 */
export function tagKeyOf(name: string): string {
  if (name.length > TAG_SIZE_MAX) return ''
  const small = name.normalize('NFKC').toLowerCase().normalize('NFKC')
  const key = small.replaceAll(INVISIBLE, '')
  const isKey = TAG_KEY.test(key) && /\p{L}/v.test(key)
  return isKey && sizeOf(key) <= TAG_SIZE_MAX && sizeOf(name) <= TAG_SIZE_MAX ? key : ''
}

function tokenAt(text: string, index: number, beginning: string): CaptionToken | undefined {
  const next = index + beginning.length
  if (beginning === '#' || beginning === '＃') return hashtagAt(text, index, next)
  return beginning.length === 1 ? mentionAt(text, index, next) : linkAt(text, index, next)
}

function hashtagAt(text: string, index: number, next: number): HashtagToken | undefined {
  const name = matchAt(TAG_NAME, text, next)
  const key = tagKeyOf(name)
  if (key === '') return undefined
  return { kind: 'hashtag', text: text.slice(index, next + name.length), name, key }
}

function mentionAt(text: string, index: number, next: number): MentionToken | undefined {
  const handle = matchAt(HANDLE, text, next)
  const end = next + handle.length
  if (!HANDLE_PATTERN.test(handle) || isAt(HANDLE_GOES_ON, text, end)) return undefined
  return { kind: 'mention', text: text.slice(index, end), handle }
}

function linkAt(text: string, index: number, next: number): LinkToken | undefined {
  const host = matchAt(HOST, text, next)
  const pathBegin = next + host.length
  if (host === '' || text.charAt(pathBegin) === '@') return undefined
  const path = matchAt(ADDRESS, text, pathBegin)
  const end = next + endOfLink(host + path)
  return { kind: 'link', text: text.slice(index, end) }
}

/** Where the punctuation begins that is of the sentence around, not of the address. */
function endOfLink(address: string): number {
  const counts = new Map<string, number>()
  for (const character of address) counts.set(character, (counts.get(character) ?? 0) + 1)
  let end = address.length
  for (; end > 0; end--) {
    const last = address.charAt(end - 1)
    if (!CLOSING.test(last)) break
    const opener = OPENERS[last]
    const closers = counts.get(last)!
    if (opener !== undefined && closers <= (counts.get(opener) ?? 0)) break
    counts.set(last, closers - 1)
  }
  return end
}

function matchAt(pattern: RegExp, text: string, index: number): string {
  pattern.lastIndex = index
  return pattern.exec(text)?.[0] ?? ''
}

function isAt(pattern: RegExp, text: string, index: number): boolean {
  pattern.lastIndex = index
  return pattern.test(text)
}

function sizeOf(text: string): number {
  return Buffer.byteLength(text)
}
