// How long does a home timeline take, by how many people its viewer follows?
//
// The query of the model on a real store, without HTTP and without rendering: the followees, the
// merge of their posts, and whether each post may be seen. Posts are Zipf-distributed over the
// authors, and those whom a viewer follows are any of them. Viewers take turns, so that no cache
// holds their lists: that is what a request of somebody meets. "Page 50" begins behind 980 posts.
//
// "All lists sorted" is the plainest way to the first page, beside it: the newest 21 posts of
// everybody whom the viewer follows, sorted.
//
// Beyond FOLLOWING_COUNT_MAX nobody can follow: 20,000 shows how it grows.

import { loadavg } from 'node:os'
import { homeTimeline } from '../src/model/timelines.ts'
import { follows, posts } from '../src/model/schema.ts'
import { Random } from '../src/std/random.ts'
import { percentile, summarize } from './report.ts'
import { startStopwatch } from './support/stopwatch.ts'
import { fillTimelines } from './support/timeline-network.ts'
import type { View } from '../src/engine/view.ts'
import type { BenchContext } from './main.ts'
import type { Measurement } from './report.ts'

export const name = 'timeline'
export const question = 'How long does a home timeline take, by how many people one follows?'
export const options = {
  posts: { type: 'string' },
  authors: { type: 'string' },
  rounds: { type: 'string' },
} as const

const FOLLOWING = [200, 2_000, 20_000]
const PAGE_COUNT = 20
const PAGE = 50
/** Queries of a round in the plainest way. */
const SORTED_COUNT = 50
const GOAL_FOLLOWING = 2_000
const GOAL = '≤ 1'

interface Case {
  readonly name: string
  readonly following: number
  /** Queries of a round. */
  readonly count: number
  readonly goal?: string
  readonly query: (viewer: number) => number
}

export async function run(context: BenchContext): Promise<readonly Measurement[]> {
  const authors = Number(context.options['authors'] ?? 50_000)
  const postCount = Number(context.options['posts'] ?? 1_000_000)
  const rounds = Number(context.options['rounds'] ?? 5)
  const following = FOLLOWING.filter((count) => count <= authors / 2)
  if (following.length === 0) context.refuse('There must be at least 400 authors.')
  context.say(`publishing ${postCount} posts of ${authors} authors`)
  const viewers = following.map((count) => ({ count: count > 5_000 ? 8 : 40, following: count }))
  const network = { authors, posts: postCount, viewers }
  const filled = await fillTimelines(context.directory, network, new Random(context.seed))
  await using store = filled.store
  const { view } = store
  const cases = following.flatMap((count) => casesOf(view, count, filled.viewers.get(count)!))
  const medians = new Map<Case, number[]>(cases.map((each) => [each, []]))
  const tails = new Map<Case, number[]>(cases.map((each) => [each, []]))
  for (let round = 0; round <= rounds; round++) {
    const load = loadavg()[0]!.toFixed(1)
    context.say(`${round === 0 ? 'warming up' : `round ${round} of ${rounds}`}, load ${load}`)
    for (const each of cases) {
      const times = timesOf(each, filled.viewers.get(each.following)!)
      if (round === 0) continue
      medians.get(each)!.push(summarize(times).median)
      tails.get(each)!.push(percentile(times, 0.99))
    }
  }
  return cases.flatMap((each) => {
    const goal = each.goal === undefined ? {} : { goal: each.goal }
    return [
      { name: `${each.name}: median`, unit: 'ms', samples: medians.get(each)! },
      { name: `${each.name}: p99`, unit: 'ms', samples: tails.get(each)!, ...goal },
    ]
  })
}

function casesOf(view: View, following: number, viewers: readonly number[]): Case[] {
  const page = (viewer: number, before?: number): readonly number[] =>
    homeTimeline(view, { viewer, count: PAGE_COUNT, before }, following).posts
  const cursors = new Map(viewers.map((viewer) => [viewer, cursorOf(view, viewer, following)]))
  const name = `${following.toLocaleString('en').replace(',', ' ')} followees`
  const shared = { following, count: Math.max(200, 2_000_000 / following / 2) }
  const goal = following === GOAL_FOLLOWING ? { goal: GOAL } : {}
  return [
    { ...shared, ...goal, name: `${name}, first page`, query: (viewer) => page(viewer).length },
    {
      ...shared,
      ...goal,
      name: `${name}, page ${PAGE}`,
      query: (viewer) => page(viewer, cursors.get(viewer)).length,
    },
    {
      ...shared,
      count: SORTED_COUNT,
      name: `${name}, first page, all lists sorted`,
      query: (viewer) => sortedPage(view, viewer, following).length,
    },
  ]
}

/** Where page 50 begins. */
function cursorOf(view: View, viewer: number, following: number): number | undefined {
  let before: number | undefined
  for (let number = 1; number < PAGE; number++) {
    const page = homeTimeline(view, { viewer, count: PAGE_COUNT, before }, following)
    if (page.next === 0) break
    before = page.next
  }
  return before
}

/** The same page in the plainest way. */
function sortedPage(view: View, viewer: number, following: number): number[] {
  const found = view.newest(follows.indexes.following, viewer, following).flatMap((edge) => {
    const author = view.value(follows, edge, 'followee')
    return view.newest(posts.indexes.byAuthor, author, PAGE_COUNT + 1)
  })
  return found.toSorted((a, b) => b - a).slice(0, PAGE_COUNT + 1)
}

/** Milliseconds of each query, without what the thread has waited for a processor. */
function timesOf({ count, query }: Case, viewers: readonly number[]): number[] {
  const times: number[] = []
  let sum = 0
  for (let index = 0; index < count; index++) {
    const elapsed = startStopwatch()
    sum += query(viewers[index % viewers.length]!)
    times.push(elapsed().undisturbedMs)
  }
  if (sum === 0) throw new Error('Nothing was found.')
  return times
}
