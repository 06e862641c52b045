// Trending: posts and tags that many people care about of late.
//
// A post scores by its likes and comments, a comment counting twice, and by when it was published:
//
//   score = 1000 × (log2(1 + likes + 2 × comments) + time of publishing / HALF_LIFE_MS)
//
// That is decay forwards: with each half-life, what is new begins one doubling ahead, and what is
// old stays as it is. So the order of two posts does not depend on when somebody looks, only on
// their counts; and a ranking that was made once is right until these change.
//
// A ranking compares the newest POST_COUNT_MAX public posts of the last WINDOW_MS. It is a function
// of the store and of three numbers (RankingMoment): posts and comments up to one, likes up to one,
// a time. With them any thread makes the same ranking again, however much was published and liked
// since: a cursor carries them, and pages that follow each other are cut from one ranking. What
// moves posts all the same is a like or a comment that is taken back, and hundreds of new ones.
//
// Posts are ranked for everybody; whoever shows them leaves out what its viewer may not see.
//
// A tag scores by people, not by posts: of each who used it only the newest public post counts, and
// half as much with each half-life. So nobody makes a trend alone.

import { isTagBlocked } from './blocked-terms.ts'
import { likesUntil } from './likes.ts'
import { likes, posts, taggings, tags } from './schema.ts'
import { PUBLIC, isListed } from './visibility.ts'
import type { View } from '../engine/view.ts'

/** What a ranking counts. */
export interface RankingMoment {
  /** The last post or comment. */
  readonly post: number
  /** The last like. */
  readonly like: number
  /** Milliseconds since 1970, at which the window ends. */
  readonly time: number
}

export interface RankedPost {
  readonly post: number
  readonly score: number
}

export interface TrendingTag {
  readonly tag: number
  /** Who used it in the window, and in how many posts. */
  readonly people: number
  readonly posts: number
}

const HALF_LIFE_MS = 12 * 60 * 60 * 1000
const WINDOW_MS = 7 * 24 * 60 * 60 * 1000
const POST_COUNT_MAX = 2_000
const COMMENT_WEIGHT = 2
/** Comments of a post that are newer than its ranking: more of them count in it all the same. */
const LATER_COMMENTS_MAX = 100

const TAG_WINDOW_MS = 3 * 24 * 60 * 60 * 1000
/** Rows of `taggings` that are looked at, the newest. */
const TAGGING_COUNT_MAX = 2_000
const TAG_COUNT_MAX = 50

/** Everything that there is, at that time. */
export function momentOf(view: View, time: number): RankingMoment {
  return { post: view.lastId(posts), like: view.lastId(likes), time }
}

/** Best first; of those that score the same, the newest. */
export function rankPosts(view: View, moment: RankingMoment): RankedPost[] {
  const ranked: RankedPost[] = []
  const index = posts.indexes.byVisibility
  for (const post of view.newest(index, PUBLIC, POST_COUNT_MAX, moment.post + 1)) {
    const publishedAt = view.value(posts, post, 'publishedAt')
    if (publishedAt <= moment.time - WINDOW_MS) continue
    ranked.push({ post, score: scoreOf(view, post, publishedAt, moment) })
  }
  return ranked.toSorted((a, b) => b.score - a.score || b.post - a.post)
}

/** What is ranked behind a place, as an index; the place may be gone from the ranking. */
export function indexBehind(ranked: readonly RankedPost[], place: RankedPost): number {
  const index = ranked.findIndex(
    ({ post, score }) => score < place.score || (score === place.score && post < place.post),
  )
  return index === -1 ? ranked.length : index
}

/** Best first. */
export function rankTags(view: View, time: number): TrendingTag[] {
  const uses = new Map<number, { score: number; posts: number; people: Set<number> }>()
  const newest = view.lastId(taggings)
  for (let row = newest; row > 0 && row > newest - TAGGING_COUNT_MAX; row--) {
    const post = view.value(taggings, row, 'post')
    const age = time - view.value(posts, post, 'publishedAt')
    if (age >= TAG_WINDOW_MS || !isListed(view, post, 0)) continue
    const tag = view.value(taggings, row, 'tag')
    const use = uses.get(tag) ?? { score: 0, posts: 0, people: new Set() }
    uses.set(tag, use)
    use.posts++
    const author = view.value(posts, post, 'author')
    if (use.people.has(author)) continue
    use.people.add(author)
    use.score += 2 ** (-age / HALF_LIFE_MS)
  }
  return [...uses]
    .filter(([tag]) => !isTagBlocked(view, view.get(tags, tag)?.key ?? ''))
    .toSorted(([tag, a], [other, b]) => b.score - a.score || other - tag)
    .slice(0, TAG_COUNT_MAX)
    .map(([tag, { people, posts: count }]) => ({ tag, people: people.size, posts: count }))
}

function scoreOf(view: View, post: number, publishedAt: number, moment: RankingMoment): number {
  const interest =
    likesUntil(view, post, moment.like) + COMMENT_WEIGHT * commentsUntil(view, post, moment.post)
  return Math.round(1000 * (Math.log2(1 + interest) + publishedAt / HALF_LIFE_MS))
}

/** Live comments up to that one. */
function commentsUntil(view: View, post: number, last: number): number {
  const count = view.value(posts, post, 'comments')
  if (count === 0 || last >= view.lastId(posts)) return count
  const later = view.after(posts.indexes.thread, post, last, LATER_COMMENTS_MAX)
  return count - later.filter((id) => view.value(posts, id, 'deletedAt') === 0).length
}
