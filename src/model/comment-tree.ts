// Threads as they are read: a page of the direct answers to a post or comment, each with a few of
// its own answers, those with a few of theirs, down to a depth that the reader names.
//
//   page of answers, `count`     a ─────────── b ───── c          next: a cursor behind c
//   first few answers to each    a1 a2 a3 …    b1                 each list has its own `next`
//   and to those                 a1x …
//
// Whatever the size of the thread, an answer is bounded: it holds at most NODE_COUNT_MAX comments
// and looks at LOOK_COUNT_MAX answers. Levels are filled from above, so that what there is no room
// for is what lies deepest. Where a list was not begun though there is something in it, its `next`
// is START. The same question with that comment as the parent goes on from there.
//
// Orders. `new` and `old` are by id, and a cursor is the last id. `top` is by likes, then by id,
// newest first; it compares the newest TOP_WINDOW_COUNT direct answers, which is all in all but the
// largest threads, and behind them go on the older ones, newest first. A cursor of `top` names the
// state in which its first page was made, which is asked for again:
//
//   NEWEST-OLDEST-LIKE-LIKES-ID   newest and oldest answer of the window, the last like that
//                                 counts, and the place: likes and id of the last comment seen
//
// So answers and likes that come while somebody reads move nothing: no comment comes twice, and
// none is left out. What moves a comment is a like that is taken back, and hundreds of likes
// in between (likes.ts): it may come again, or be passed over.
//
// What the reader may not see (visibility.ts) keeps its place if something below it is shown, and
// is left out otherwise. That is looked for MARKER_LOOK_MAX answers far; beyond, it is assumed.

import { likesUntil } from './likes.ts'
import { likes, posts } from './schema.ts'
import { standingOf } from './visibility.ts'
import type { View } from '../engine/view.ts'
import type { CommentStanding } from './visibility.ts'

export const COMMENT_ORDERS = ['top', 'new', 'old'] as const
export type CommentOrder = (typeof COMMENT_ORDERS)[number]

export interface CommentNode {
  readonly id: number
  readonly standing: CommentStanding
  readonly children: CommentPage
}

export interface CommentPage {
  readonly nodes: readonly CommentNode[]
  /** A cursor; null when there is nothing more. */
  readonly next: string | null
}

export interface ThreadQuery {
  readonly order: CommentOrder
  /** Levels: 1 is the page alone. */
  readonly depth: number
  readonly count: number
  readonly cursor?: string
}

export const COMMENT_DEPTH_MAX = 4
/** The cursor of a list that was not begun. */
export const START = '0'

/** Answers that a comment brings along. */
export const PREVIEW_COUNT = 3
const NODE_COUNT_MAX = 300
const LOOK_COUNT_MAX = 10_000
const TOP_WINDOW_COUNT = 2_000
const MARKER_LOOK_MAX = 50
const CURSOR_BY_ID = /^(?:0|[1-9]\d{0,9})$/
const CURSOR_BY_LIKES = /^[1-9]\d{0,9}-[1-9]\d{0,9}-\d{1,10}-\d{1,10}-[1-9]\d{0,9}$/

/** One answer: what its reader may see, and what is left of the work that it may take. */
interface Reading {
  readonly view: View
  readonly standingOf: (comment: number) => CommentStanding
  nodes: number
  looks: number
}

interface GrowingNode extends CommentNode {
  children: GrowingPage
}

interface GrowingPage extends CommentPage {
  readonly nodes: GrowingNode[]
}

/** Where a page begins, and how many comments it has. */
interface PageQuery {
  readonly order: CommentOrder
  readonly count: number
  readonly cursor: string
}

/** Direct answers in an order, from a cursor on. */
interface Line {
  /** The next one; 0 at the end. */
  take(): number
  cursorBehind(id: number): string
}

const NOTHING: GrowingPage = { nodes: [], next: null }
const NOT_BEGUN: GrowingPage = { nodes: [], next: START }

/** Whether it can be the cursor of a list in that order. */
export function isCursorOf(order: CommentOrder, cursor: string): boolean {
  if (cursor === START) return true
  return (order === 'top' ? CURSOR_BY_LIKES : CURSOR_BY_ID).test(cursor)
}

/** Answers to `parent`, which is in a thread that the viewer sees. */
export function commentTree(
  view: View,
  parent: number,
  viewer: number,
  query: ThreadQuery,
): CommentPage {
  const { order, depth, count, cursor = START } = query
  const authors = new Map<number, CommentStanding>()
  const reading: Reading = {
    view,
    standingOf: (comment) => standingOf(view, comment, viewer, authors),
    nodes: NODE_COUNT_MAX,
    looks: LOOK_COUNT_MAX,
  }
  const page = takePage(reading, parent, { order, count, cursor })
  let level = page.nodes
  for (let depthDone = 1; depthDone < depth && level.length > 0; depthDone++) {
    const below: GrowingNode[] = []
    for (const node of level) {
      node.children = previewOf(reading, node.id, order)
      for (const child of node.children.nodes) below.push(child)
    }
    level = below
  }
  return page
}

function previewOf(reading: Reading, parent: number, order: CommentOrder): GrowingPage {
  const answerCount = reading.view.value(posts, parent, 'replies')
  if (answerCount === 0) return NOTHING
  const looks = order === 'top' ? Math.min(answerCount, TOP_WINDOW_COUNT) : 1
  if (reading.nodes === 0 || reading.looks < looks) return NOT_BEGUN
  return takePage(reading, parent, { order, count: PREVIEW_COUNT, cursor: START })
}

function takePage(reading: Reading, parent: number, page: PageQuery): GrowingPage {
  const { count, cursor } = page
  const line = lineOf(reading, parent, page)
  const nodes: GrowingNode[] = []
  let last = 0
  for (let id = line.take(); id !== 0; id = line.take()) {
    const isFull = nodes.length === count || reading.nodes === 0
    const standing = reading.standingOf(id)
    const isThere = standing === 'shown' || isShownBelow(reading, id)
    if ((isThere && isFull) || reading.looks <= 0) {
      return { nodes, next: last === 0 ? cursor : line.cursorBehind(last) }
    }
    reading.looks--
    last = id
    if (!isThere) continue
    reading.nodes--
    const isAnswered = reading.view.value(posts, id, 'replies') !== 0
    nodes.push({ id, standing, children: isAnswered ? NOT_BEGUN : NOTHING })
  }
  return { nodes, next: null }
}

/** Whether the viewer sees anything below a comment; true when that takes too long to find out. */
function isShownBelow(reading: Reading, comment: number): boolean {
  const { view } = reading
  const open = [comment]
  let looks = 0
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const id of view.newest(posts.indexes.replies, next, MARKER_LOOK_MAX + 1)) {
      looks++
      if (looks > MARKER_LOOK_MAX || reading.looks <= 0) return true
      reading.looks--
      if (reading.standingOf(id) === 'shown') return true
      if (view.value(posts, id, 'replies') !== 0) open.push(id)
    }
  }
  return false
}

function lineOf(reading: Reading, parent: number, page: PageQuery): Line {
  const { view } = reading
  const { order, count, cursor } = page
  if (order === 'top') return lineByLikes(reading, parent, page)
  const index = posts.indexes.replies
  const start = Number(cursor)
  return order === 'old'
    ? lineById(start, count + 1, (last, limit) => view.after(index, parent, last, limit))
    : lineById(start, count + 1, (last, limit) =>
        view.newest(index, parent, limit, last === 0 ? undefined : last),
      )
}

/** `fetch` returns the next ids behind one, at most `limit`; behind 0, the first. */
function lineById(
  start: number,
  count: number,
  fetch: (last: number, limit: number) => number[],
): Line {
  let fetchCount = count
  let ids = fetch(start, fetchCount)
  let position = 0
  return {
    take: () => {
      if (position === ids.length && position === fetchCount) {
        fetchCount *= 2
        ids = fetch(ids[position - 1]!, fetchCount)
        position = 0
      }
      return ids[position++] ?? 0
    },
    cursorBehind: String,
  }
}

function lineByLikes(reading: Reading, parent: number, { count, cursor }: PageQuery): Line {
  const { view } = reading
  const index = posts.indexes.replies
  const isBegun = cursor !== START
  const [newest = 0, oldest = 0, lastLike = 0, placeLikes = 0, placeId = 0] = cursor
    .split('-')
    .map(Number)
  const isTail = isBegun && placeId < oldest
  const found = isTail
    ? []
    : view.newest(index, parent, TOP_WINDOW_COUNT, isBegun ? newest + 1 : undefined)
  reading.looks -= found.length
  const window = isBegun ? found.filter((id) => id >= oldest) : found
  const firstId = isBegun ? newest : (window[0] ?? 0)
  const lastId = isBegun ? oldest : window.length < TOP_WINDOW_COUNT ? 1 : window.at(-1)!
  const like = isBegun ? lastLike : view.lastId(likes)
  const likesOf = (id: number): number => likesUntil(view, id, like)
  const ranked = rankedByLikes(window, likesOf, isBegun ? placeLikes : Infinity, placeId)
  const tail = lineById(isTail ? placeId : lastId, count + 1, (last, limit) =>
    view.newest(index, parent, limit, last),
  )
  let position = 0
  return {
    take: () => ranked[position++] ?? tail.take(),
    cursorBehind: (id) => `${firstId}-${lastId}-${like}-${id < lastId ? 0 : likesOf(id)}-${id}`,
  }
}

/** The ids behind a place, by likes and then by id; `window` is newest first. */
function rankedByLikes(
  window: readonly number[],
  likesOf: (id: number) => number,
  placeLikes: number,
  placeId: number,
): number[] {
  const liked: { readonly id: number; readonly count: number }[] = []
  const others: number[] = []
  for (const id of window) {
    const count = likesOf(id)
    if (count > placeLikes || (count === placeLikes && id >= placeId)) continue
    if (count === 0) others.push(id)
    else liked.push({ id, count })
  }
  // A stable sort: those of as many likes stay newest first.
  const ids = liked.toSorted((a, b) => b.count - a.count).map(({ id }) => id)
  return ids.concat(others)
}
