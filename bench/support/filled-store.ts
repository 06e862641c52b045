// A store with millions of comments: what one costs in memory, and how fast they are read.
//
// It is filled by single inserts, one transaction each, so that its log is what a real one would
// be; only the syncs are left to the system meanwhile (durability "os"), which changes nothing in
// what is written. Then it takes a snapshot and closes: the other parts boot from these files.
//
// Memory is the growth of the process from when users and posts are there and 2 % of the comments
// have warmed everything up, after a collection on both sides. Reads are of random rows, most of
// which no cache holds, as they would be.

import { setImmediate } from 'node:timers/promises'
import { Random } from '../../src/std/random.ts'
import { CommentSource, comments, openStore, populate, posts } from './comment-network.ts'
import { rateOf, rowsOf, startStopwatch } from './stopwatch.ts'
import type { CommentStore } from './comment-network.ts'
import type { PartInput } from './engine-parts.ts'
import type { Sample } from './stopwatch.ts'
import type { Measurement } from '../report.ts'

const FILL_IN_FLIGHT = 1024
const WARM_UP_SHARE = 0.02
const GET_COUNT = 500_000
const NEWEST_CALL_COUNT = 50_000
const NEWEST_COUNT = 20

export async function fillAndRead(input: PartInput): Promise<Measurement[]> {
  const { rows, seed, only } = input
  await using store = await openStore(input.directory, { durability: 'os' })
  await populate(store, rows)
  const random = new Random(seed)
  const source = new CommentSource(store, random)
  const warmUpCount = Math.floor(rows * WARM_UP_SHARE)
  await fill(store, source, warmUpCount)
  const before = await sizes(store)
  const count = rows - warmUpCount
  const elapsed = startStopwatch()
  await fill(store, source, count)
  const measurements = rowsOf('inserts without sync, filling', '/s', [rateOf(count, elapsed())])
  const after = await sizes(store)
  if (only === undefined || only === 'memory') {
    measurements.push(
      {
        name: 'bytes a comment, resident memory',
        unit: 'bytes',
        samples: [(after.resident - before.resident) / count],
        goal: '≤ 200',
      },
      {
        name: 'bytes a comment, regions',
        unit: 'bytes',
        samples: [(after.regions - before.regions) / count],
      },
    )
  }
  if (only === undefined || only === 'reads') measurements.push(...reads(store, random, input))
  await store.snapshot()
  return measurements
}

async function fill(store: CommentStore, source: CommentSource, count: number): Promise<void> {
  let left = count
  const caller = async (): Promise<void> => {
    while (left-- > 0) await store.transact('comment', source.next())
  }
  await Promise.all(Array.from({ length: FILL_IN_FLIGHT }, caller))
}

async function sizes(store: CommentStore): Promise<{ resident: number; regions: number }> {
  for (let pass = 0; pass < 2; pass++) {
    globalThis.gc?.()
    await setImmediate()
  }
  return { resident: process.memoryUsage.rss(), regions: store.stats().memorySize }
}

function reads(store: CommentStore, random: Random, { rounds, rows }: PartInput): Measurement[] {
  const { view } = store
  const postCount = view.lastId(posts)
  const gets: Sample[] = []
  const ids: Sample[] = []
  const whole: Sample[] = []
  let sum = 0
  for (let round = -1; round < rounds; round++) {
    const samples = [
      perSecond(GET_COUNT, () => {
        const row = view.get(comments, 1 + random.below(rows))!
        sum += row.post + row.text.length
      }),
      perSecond(NEWEST_CALL_COUNT, () => {
        const owner = 1 + random.below(postCount)
        sum += view.newest(comments.indexes.byPost, owner, NEWEST_COUNT).length
      }),
      perSecond(NEWEST_CALL_COUNT, () => {
        const owner = 1 + random.below(postCount)
        const newest = view.newest(comments.indexes.byPost, owner, NEWEST_COUNT)
        const found = view.getMany(comments, newest)
        sum += found.length + found[0]!.text.length
      }),
    ]
    if (round < 0) continue // Compiles and warms up.
    for (const [index, list] of [gets, ids, whole].entries()) list.push(samples[index]!)
  }
  if (sum === 0) throw new Error('Nothing was read.')
  return [
    ...rowsOf('point reads, random whole row', '/s', gets, '≥ 1 500 000'),
    ...rowsOf('newest 20 of a post, ids', '/s', ids),
    ...rowsOf('newest 20 of a post, whole rows', '/s', whole, '≥ 150 000'),
  ]
}

function perSecond(count: number, work: () => void): Sample {
  const elapsed = startStopwatch()
  for (let index = 0; index < count; index++) work()
  return rateOf(count, elapsed())
}
