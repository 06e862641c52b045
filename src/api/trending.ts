// What is trending, as one thread holds it: rankings (model/trending.ts) cost about a millisecond,
// and are made at most once in HOLD_MS, and only when the store has changed since.
//
// Pages of posts that follow each other are cut from one ranking. Its cursor says of which state it
// was and where the page ended:
//
//   POST-LIKE-TIME-SCORE-ID       the moment (RankingMoment), then the last post that was seen
//
// so a thread that does not hold that ranking, or holds it no longer, makes it once more. A few of
// the past are held.
//
// A query may meet torn memory and is then run again: what such a run ranks is not kept. After a
// recovery, there is another view, and what was ranked through the one before is forgotten.

import { indexBehind, momentOf, rankPosts, rankTags } from '../model/trending.ts'
import { shownTo } from '../model/timelines.ts'
import type { View } from '../engine/view.ts'
import type { RankedPost, RankingMoment, TrendingTag } from '../model/trending.ts'
import type { Clock } from '../std/clock.ts'

const HOLD_MS = 10_000
/** A store in which nothing happens: posts leave the window all the same. */
const HOLD_UNCHANGED_MS = 10 * 60_000
const PAST_COUNT_MAX = 16
const CURSOR = /^\d{1,10}-\d{1,10}-\d{1,15}-\d{1,15}-[1-9]\d{0,9}$/

interface Ranking {
  readonly moment: RankingMoment
  readonly posts: readonly RankedPost[]
}

/** Something that was ranked, and when. */
interface Held<T> {
  readonly value: T
  readonly state: number
  readonly time: number
}

export interface TrendingPage {
  readonly posts: readonly number[]
  /** A cursor; null on the last. */
  readonly next: string | null
}

export class Trending {
  readonly #clock: Clock
  /** Weak: a thread that is not asked would keep the whole memory of before. */
  #view: WeakRef<View> | undefined
  #posts: Held<Ranking> | undefined
  #tags: Held<readonly TrendingTag[]> | undefined
  /** By moment, what was asked for last at the end. */
  readonly #past: Map<string, Ranking>

  constructor(clock: Clock) {
    this.#clock = clock
    this.#view = undefined
    this.#posts = undefined
    this.#tags = undefined
    this.#past = new Map()
  }

  /** Posts that the viewer sees and whose authors are not muted, from a cursor on. */
  posts(view: View, viewer: number, count: number, cursor?: string): TrendingPage {
    this.#turnTo(view)
    const place = cursor === undefined ? undefined : placeOf(cursor)
    const ranking = place === undefined ? this.#newest(view) : this.#at(view, place.moment)
    const isShown = shownTo(view, viewer)
    const page: RankedPost[] = []
    const start = place === undefined ? 0 : indexBehind(ranking.posts, place.last)
    for (let index = start; index < ranking.posts.length; index++) {
      const ranked = ranking.posts[index]!
      if (!isShown(ranked.post)) continue
      if (page.length === count) {
        return { posts: idsOf(page), next: cursorOf(ranking.moment, page.at(-1)!) }
      }
      page.push(ranked)
    }
    return { posts: idsOf(page), next: null }
  }

  tags(view: View, count: number): readonly TrendingTag[] {
    this.#turnTo(view)
    this.#tags = this.#hold(view, this.#tags, (time) => rankTags(view, time))
    return this.#tags.value.slice(0, count)
  }

  #newest(view: View): Ranking {
    const held = this.#hold(view, this.#posts, (time) => rank(view, momentOf(view, time)))
    if (held !== this.#posts) this.#remember(held.value, held.state)
    this.#posts = held
    return held.value
  }

  #at(view: View, moment: RankingMoment): Ranking {
    const known = this.#past.get(keyOf(moment))
    if (known !== undefined) return known
    const { state } = view
    const ranking = rank(view, moment)
    if (isWhole(view, state)) this.#remember(ranking, state)
    return ranking
  }

  #remember(ranking: Ranking, state: number): void {
    if (state % 2 !== 0) return
    this.#past.set(keyOf(ranking.moment), ranking)
    if (this.#past.size > PAST_COUNT_MAX) this.#past.delete(this.#past.keys().next().value!)
  }

  /** What is held while it is good, else what is ranked now. */
  #hold<T>(view: View, held: Held<T> | undefined, ranked: (time: number) => T): Held<T> {
    const time = this.#clock.now()
    const { state } = view
    if (held !== undefined) {
      const age = Math.abs(time - held.time)
      if (age < (held.state === state ? HOLD_UNCHANGED_MS : HOLD_MS)) return held
    }
    const value = ranked(time)
    // What may be torn is held for no time at all: its time is long ago.
    return isWhole(view, state) ? { value, state, time } : { value, state: -1, time: -Infinity }
  }

  #turnTo(view: View): void {
    if (this.#view?.deref() === view) return
    this.#view = new WeakRef(view)
    this.#posts = undefined
    this.#tags = undefined
    this.#past.clear()
  }
}

/** Whether it can be a cursor of trending posts. */
export function isTrendingCursor(cursor: string): boolean {
  return CURSOR.test(cursor)
}

function rank(view: View, moment: RankingMoment): Ranking {
  return { moment, posts: rankPosts(view, moment) }
}

/** Whether what was read since `state` is of that one state. */
function isWhole(view: View, state: number): boolean {
  return state % 2 === 0 && view.state === state
}

function placeOf(cursor: string): { readonly moment: RankingMoment; readonly last: RankedPost } {
  const [post, like, time, score, id] = cursor.split('-').map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ]
  return { moment: { post, like, time }, last: { post: id, score } }
}

function cursorOf({ post, like, time }: RankingMoment, last: RankedPost): string {
  return `${post}-${like}-${time}-${last.score}-${last.post}`
}

function keyOf({ post, like, time }: RankingMoment): string {
  return `${post}-${like}-${time}`
}

function idsOf(ranked: readonly RankedPost[]): number[] {
  return ranked.map(({ post }) => post)
}
