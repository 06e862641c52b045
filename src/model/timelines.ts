// Hot: bench `timeline` shows it.
//
// Timelines: lists of posts, newest first. Nothing is stored for them: home is a merge of the lists
// of everybody whom its owner follows, made when it is asked for, so that a post is there the
// moment it commits and a follow, an unfollow or a deletion is right at once.
//
// A page leaves out what its viewer may not see (visibility.ts) and, but for somebody's own
// profile, whom the viewer has muted; it goes on until it is full or has looked at
// LOOK_COUNT_MAX posts. Its cursor is the last row that it needed: ids grow with time and are never
// reused, so whatever is published, hidden or deleted while somebody reads on, what was there all
// the time comes once. Behind a page that came to nothing there may be more: only a `next` of 0 is
// the end.

import { tagKeyOf } from './caption-tokens.ts'
import { FOLLOWING_COUNT_MAX, MUTE_COUNT_MAX } from './limits.ts'
import { Refusal } from './refusal.ts'
import { follows, mutes, posts, taggings, tags } from './schema.ts'
import { PUBLIC, hasMuted, isListed } from './visibility.ts'
import type { View } from '../engine/view.ts'

export interface TimelinePage {
  readonly posts: readonly number[]
  /** `before` of the next page; 0 on the last. */
  readonly next: number
}

export interface TimelineQuery {
  readonly viewer: number
  readonly count: number
  /** The row at which the page before ended. */
  readonly before?: number | undefined
}

/** Posts that one page looks at. */
const LOOK_COUNT_MAX = 1_000

/** Posts of the viewer and of those whom the viewer followed last, `followingCountMax` of them. */
export function homeTimeline(
  view: View,
  query: TimelineQuery,
  followingCountMax = FOLLOWING_COUNT_MAX,
): TimelinePage {
  const { viewer } = query
  const edges = view.newest(follows.indexes.following, viewer, followingCountMax)
  const followees = view.values(follows, edges, 'followee')
  const muted = mutedBy(view, viewer)
  const authors = muted === undefined ? followees : followees.filter((user) => !muted.has(user))
  authors.push(viewer)
  return takePage(query, {
    fetch: (count, before) => view.mergeNewest(posts.indexes.byAuthor, authors, count, before),
    postOf: (post) => post,
    isShown: (post) => isListed(view, post, viewer),
  })
}

/** Everybody's public posts. */
export function publicTimeline(view: View, query: TimelineQuery): TimelinePage {
  return takePage(query, {
    fetch: (count, before) => view.newest(posts.indexes.byVisibility, PUBLIC, count, before),
    postOf: (post) => post,
    isShown: shownTo(view, query.viewer),
  })
}

/**
 * Posts with a tag, those that got it last first, which for most is when they were published. A
 * cursor is a row of `taggings`.
 */
export function tagTimeline(view: View, tag: number, query: TimelineQuery): TimelinePage {
  return takePage(query, {
    fetch: (count, before) => view.newest(taggings.indexes.byTag, tag, count, before),
    postOf: (tagging) => view.value(taggings, tagging, 'post'),
    isShown: shownTo(view, query.viewer),
  })
}

/**
 * The tag of that name, whatever the case of its letters. One that only posts have which the viewer
 * may not see is none. Refuses with TAG_NOT_FOUND.
 */
export function demandTag(view: View, name: string, viewer: number): number {
  const tag = view.find(tags.indexes.byKey, tagKeyOf(name))
  if (tag === 0 || !isTagShown(view, tag, viewer, LOOK_COUNT_MAX)) {
    throw new Refusal('TAG_NOT_FOUND')
  }
  return tag
}

/** Whether the viewer may see one of the last `lookCountMax` posts that got that tag. */
export function isTagShown(view: View, tag: number, viewer: number, lookCountMax: number): boolean {
  return view
    .newest(taggings.indexes.byTag, tag, lookCountMax)
    .some((row) => isListed(view, view.value(taggings, row, 'post'), viewer))
}

/** Posts of one user, as that one's profile shows them. */
export function profileTimeline(view: View, user: number, query: TimelineQuery): TimelinePage {
  return takePage(query, {
    fetch: (count, before) => view.newest(posts.indexes.byAuthor, user, count, before),
    postOf: (post) => post,
    isShown: (post) => isListed(view, post, query.viewer),
  })
}

/** Whether a list of everybody's posts shows one to the viewer, who may have muted its author. */
export function shownTo(view: View, viewer: number): (post: number) => boolean {
  return (post) =>
    isListed(view, post, viewer) && !hasMuted(view, viewer, view.value(posts, post, 'author'))
}

/** Undefined: nobody, as with most people. */
function mutedBy(view: View, viewer: number): ReadonlySet<number> | undefined {
  const rows = view.newest(mutes.indexes.byMuter, viewer, MUTE_COUNT_MAX)
  if (rows.length === 0) return undefined
  return new Set(rows.map((row) => view.value(mutes, row, 'muted')))
}

/** A list of rows, each of which stands for a post. */
interface PostRows {
  /** The next rows, newest first. */
  fetch(count: number, before: number | undefined): readonly number[]
  postOf(row: number): number
  isShown(post: number): boolean
}

function takePage({ count, before }: TimelineQuery, rows: PostRows): TimelinePage {
  const page: number[] = []
  let cursor = before
  let last = 0
  let fetchCount = count + 1
  for (let looked = 0; looked < LOOK_COUNT_MAX; looked += fetchCount, fetchCount *= 2) {
    const found = rows.fetch(fetchCount, cursor)
    for (const row of found) {
      const post = rows.postOf(row)
      if (!rows.isShown(post)) {
        cursor = row
        continue
      }
      if (page.length === count) return { posts: page, next: last }
      page.push(post)
      cursor = last = row
    }
    if (found.length < fetchCount) return { posts: page, next: 0 }
  }
  return { posts: page, next: cursor! }
}
