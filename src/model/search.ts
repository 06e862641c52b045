// Search: posts, comments, people and tags by words. What a text is found by is told in words.ts of
// the engine: any script, any case, with or without accents.
//
//   golden hour    has both words; the last may go on ("hours"), for whoever types has not ended it
//   gold* hour␣    words before a "*" may go on; the last has ended, because a space follows
//   #sea           of posts and comments: has that tag; of tags: begins so
//   @anna          of posts and comments: is by her; of people: the handle begins so
//
// Lists are newest first, but for who or what is called exactly that, which comes before the rest.
// Everything is shown that its viewer may see (visibility.ts), and nothing else; what moderators
// have removed is not found. Posts of whom the viewer has muted are left out where nobody is named.
//
// A page goes on until it is full, has looked at LOOK_COUNT_MAX rows or LETTER_COUNT_MAX letters,
// or the index says that it takes long. Behind a page that came to nothing there may be more: only
// a `next` of 0 is the end.

import { queryTermsOf, termsOf } from '../engine/words.ts'
import { tagKeyOf, tokensOf } from './caption-tokens.ts'
import { SEARCH_COUNT_MAX } from './limits.ts'
import { Refusal } from './refusal.ts'
import { posts, tags, users } from './schema.ts'
import { isTagShown, shownTo } from './timelines.ts'
import { userOfHandle } from './users.ts'
import { isListed, isUserListed, isUserVisible } from './visibility.ts'
import type { View } from '../engine/view.ts'
import type { FoundRows, SearchTerm } from '../engine/words.ts'

export const SEARCH_TYPES = ['posts', 'comments', 'users', 'tags'] as const
export type SearchType = (typeof SEARCH_TYPES)[number]

export interface SearchQuery {
  readonly viewer: number
  /** As it was typed. */
  readonly text: string
  readonly type: SearchType
  readonly count: number
  /** The `next` of the page before. */
  readonly before?: number | undefined
}

export interface SearchPage {
  /** Rows of `posts`, `users` or `tags`. */
  readonly ids: readonly number[]
  /** `before` of the next page; 0 on the last. */
  readonly next: number
}

/** Rows that one page looks at. */
const LOOK_COUNT_MAX = 1_000
/** Times that one page asks an index, each of which may take two milliseconds. */
const ROUND_COUNT_MAX = 4
/** Rows that an index is asked for first; each time it is twice as many. */
const FETCH_COUNT_MIN = 60
/** Letters of captions that one page takes apart, each of which takes up to 0.2 microseconds. */
const LETTER_COUNT_MAX = 50_000
/** Posts of a tag that are looked at for one that the viewer may see. */
const TAG_LOOK_COUNT_MAX = 100
/** Above every row. */
const TOP = 2 ** 32 - 1

/** What a query asks for besides words. */
interface Wanted {
  readonly terms: readonly SearchTerm[]
  /** Keys. */
  readonly tags: readonly string[]
  readonly handles: readonly string[]
}

/** Refuses with QUERY_EMPTY, QUERY_TOO_LONG. */
export function search(view: View, query: SearchQuery): SearchPage {
  const text = demandQuery(query.text)
  switch (query.type) {
    case 'users':
      return searchUsers(view, text, query)
    case 'tags':
      return searchTags(view, text, query)
    case 'posts':
    case 'comments':
      return searchPosts(view, text, query)
  }
}

function searchPosts(view: View, text: string, query: SearchQuery): SearchPage {
  const { viewer, type } = query
  const wanted = wantedOf(text)
  const { terms, handles } = wanted
  if (terms.length + handles.length === 0) throw new Refusal('QUERY_EMPTY')
  const isShown = shownTo(view, viewer)
  let letterCount = 0
  const captionOf = (post: number): string => {
    const caption = view.get(posts, post)?.caption ?? ''
    letterCount += caption.length
    return caption
  }
  const isSpent = (): boolean => letterCount > LETTER_COUNT_MAX
  const isOfType = (post: number): boolean =>
    (view.value(posts, post, 'root') !== 0) === (type === 'comments')
  if (handles.length === 0) {
    const { byWords, commentsByWords } = posts.indexes
    const index = type === 'comments' ? commentsByWords : byWords
    return takePage(query, {
      fetch: (count, before) => view.search(index, terms, count, before),
      isShown: (post) =>
        isOfType(post) &&
        isShown(post) &&
        (wanted.tags.length === 0 || hasTags(captionOf(post), wanted.tags)),
      isSpent,
    })
  }
  const [author = 0, ...others] = handles.map((handle) => userOfHandle(view, handle))
  const isOne = others.every((other) => other === author)
  if (!isOne || !isUserVisible(view, author, viewer)) return { ids: [], next: 0 }
  const { byAuthor, allByAuthor } = posts.indexes
  const list = type === 'comments' ? allByAuthor : byAuthor
  return takePage(query, {
    fetch: (count, before) => {
      const ids = view.newest(list, author, count, before)
      return { ids, next: ids.length < count ? 0 : ids.at(-1)! }
    },
    isShown: (post) => {
      if (!isOfType(post) || view.value(posts, post, 'removedAt') !== 0) return false
      if (!isListed(view, post, viewer)) return false
      if (terms.length === 0) return true
      const caption = captionOf(post)
      return hasTerms(caption, terms) && hasTags(caption, wanted.tags)
    },
    isSpent,
  })
}

function searchUsers(view: View, text: string, query: SearchQuery): SearchPage {
  const { viewer } = query
  const terms = queryTermsOf(text, 1)
  if (terms.length === 0) throw new Refusal('QUERY_EMPTY')
  const beginnings = wantedOf(text).handles.map((handle) => handle.toLowerCase())
  const exact = userOfHandle(view, text.trim().replace(/^[@＠]/v, ''))
  return takePageAfter(view.has(users, exact) ? exact : 0, query, {
    fetch: (count, before) => view.search(users.indexes.byWords, terms, count, before),
    isShown: (user) =>
      isUserListed(view, user, viewer) &&
      (beginnings.length === 0 || hasHandle(view, user, beginnings)),
  })
}

function searchTags(view: View, text: string, query: SearchQuery): SearchPage {
  const { viewer } = query
  const terms = queryTermsOf(text, 1)
  if (terms.length === 0) throw new Refusal('QUERY_EMPTY')
  const beginnings = wantedOf(text).tags
  // "golden hour" finds #goldenhour first.
  const exact = view.find(tags.indexes.byKey, tagKeyOf(text.replaceAll(/[\s#＃*]/gv, '')))
  return takePageAfter(exact, query, {
    fetch: (count, before) => view.search(tags.indexes.byWords, terms, count, before),
    isShown: (tag) =>
      (tag === exact || beginnings.every((key) => keyOf(view, tag).startsWith(key))) &&
      isTagShown(view, tag, viewer, TAG_LOOK_COUNT_MAX),
  })
}

function demandQuery(text: string): string {
  // Composing costs more the longer a text is: what can never fit is not counted letter by letter.
  const count = text.length > SEARCH_COUNT_MAX * 2 ? text.length : Array.from(text).length
  if (count <= SEARCH_COUNT_MAX) return text.toWellFormed()
  const bound = `A search has at most ${SEARCH_COUNT_MAX} characters`
  throw new Refusal('QUERY_TOO_LONG', `${bound}; this one has ${count}.`)
}

/** The words of a query; of its tags, too, for who has a tag has its words. */
function wantedOf(text: string): Wanted {
  let rest = ''
  const tagTerms: SearchTerm[] = []
  const keys: string[] = []
  const handles: string[] = []
  for (const token of tokensOf(text)) {
    if (token.kind === 'hashtag') {
      keys.push(token.key)
      tagTerms.push(...queryTermsOf(`${token.name} `))
      rest += ' '
    } else if (token.kind === 'mention') {
      handles.push(token.handle)
      rest += ' '
    } else {
      rest += token.text
    }
  }
  return { terms: [...queryTermsOf(rest), ...tagTerms], tags: keys, handles }
}

function hasTags(caption: string, keys: readonly string[]): boolean {
  if (keys.length === 0) return true
  const own = new Set<string>()
  for (const token of tokensOf(caption)) {
    if (token.kind === 'hashtag') own.add(token.key)
  }
  return keys.every((key) => own.has(key))
}

function hasTerms(caption: string, terms: readonly SearchTerm[]): boolean {
  const own = termsOf(caption)
  return terms.every(
    ({ term, isPrefix }) =>
      own.has(term) || (isPrefix && [...own].some((other) => other.startsWith(term))),
  )
}

function hasHandle(view: View, user: number, beginnings: readonly string[]): boolean {
  const key = view.get(users, user)?.handleKey ?? ''
  return beginnings.every((beginning) => key.startsWith(beginning))
}

function keyOf(view: View, tag: number): string {
  return view.get(tags, tag)?.key ?? ''
}

/** Rows that an index finds, and which of them are shown. */
interface Found {
  fetch(count: number, before: number): FoundRows
  isShown(row: number): boolean
  /** Whether that was all the work there may be for one page. */
  isSpent?(): boolean
}

/** Like `takePage`, but with one row before all others on the first page. */
function takePageAfter(exact: number, query: SearchQuery, found: Found): SearchPage {
  const { count, before } = query
  const isOther = (row: number): boolean => row !== exact && found.isShown(row)
  const others = { ...found, isShown: isOther }
  if (before !== undefined || exact === 0 || !found.isShown(exact)) return takePage(query, others)
  const { ids, next } = takePage({ ...query, count: count - 1 }, others)
  return { ids: [exact, ...ids], next }
}

function takePage({ count, before = TOP }: SearchQuery, found: Found): SearchPage {
  const ids: number[] = []
  let fetchCount = Math.max(count + 1, FETCH_COUNT_MIN)
  let cursor = before
  let looked = 0
  for (let round = 0; round < ROUND_COUNT_MAX && looked < LOOK_COUNT_MAX; round++) {
    const rows = found.fetch(fetchCount, cursor)
    for (const row of rows.ids) {
      if (found.isShown(row)) {
        if (ids.length === count) return { ids, next: ids.at(-1) ?? TOP }
        ids.push(row)
      }
      cursor = row
      if (found.isSpent?.() === true) return { ids, next: cursor }
    }
    looked += rows.ids.length
    if (rows.next === 0) return { ids, next: 0 }
    cursor = rows.next
    fetchCount *= 2
  }
  return { ids, next: cursor }
}
