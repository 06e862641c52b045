// A network for the bench of timelines: the real tables, filled in bulk with authors whose posts
// are Zipf-distributed (the second author has half as many as the first, the third a third, …) and
// come in random order, and with viewers who follow a given number of them. Follows come in random
// order, too: those of one viewer lie all over their table.

import { join } from 'node:path'
import { Datastore } from '../../src/engine/datastore.ts'
import { follows, posts, tables, users } from '../../src/model/schema.ts'
import { PUBLIC } from '../../src/model/visibility.ts'
import type { Transaction } from '../../src/engine/transaction.ts'
import type { Random } from '../../src/std/random.ts'

/** Rows of one transaction. */
const ROW_COUNT_MAX = 2_000

/** Follower and followee. */
type Pair = readonly [number, number]

const transactions = {
  addPeople(tx: Transaction, count: number) {
    for (let index = 0; index < count; index++) {
      const handle = `user${tx.lastId(users) + 1}`
      tx.insert(users, { handle, handleKey: handle, createdAt: tx.now })
    }
  },
  addPosts(tx: Transaction, authors: readonly number[]) {
    for (const author of authors) {
      tx.insert(posts, { author, visibility: PUBLIC, publishedAt: tx.now, caption: 'A photo' })
    }
  },
  addFollows(tx: Transaction, pairs: readonly Pair[]) {
    for (const [follower, followee] of pairs) {
      tx.insert(follows, { follower, followee, createdAt: tx.now })
    }
  },
}

export type TimelineStore = Datastore<typeof transactions>

export interface TimelineNetwork {
  readonly authors: number
  readonly posts: number
  /** How many viewers follow how many authors. */
  readonly viewers: readonly { readonly count: number; readonly following: number }[]
}

/** The viewers by how many they follow. */
export type Viewers = ReadonlyMap<number, readonly number[]>

export async function fillTimelines(
  directory: string,
  network: TimelineNetwork,
  random: Random,
): Promise<{ readonly store: TimelineStore; readonly viewers: Viewers }> {
  const store = await Datastore.open({
    tables,
    transactions,
    dataDirectory: join(directory, 'data'),
    snapshotDirectory: join(directory, 'snapshots'),
    durability: 'os',
  })
  const viewerCount = network.viewers.reduce((sum, { count }) => sum + count, 0)
  for (const some of chunks(Array.from({ length: network.authors + viewerCount }, () => 0))) {
    await store.transact('addPeople', some.length)
  }
  for (const authors of chunks(zipf(network.authors, network.posts, random))) {
    await store.transact('addPosts', authors)
  }
  const viewers = new Map<number, number[]>()
  const pairs: Pair[] = []
  let viewer = network.authors
  for (const { count, following } of network.viewers) {
    const group: number[] = []
    for (let index = 0; index < count; index++) {
      group.push(++viewer)
      for (const author of some(following, network.authors, random)) pairs.push([viewer, author])
    }
    viewers.set(following, group)
  }
  shuffle(pairs, random)
  for (const some of chunks(pairs)) await store.transact('addFollows', some)
  return { store, viewers }
}

/** The authors of posts that follow each other. */
function zipf(authors: number, count: number, random: Random): number[] {
  const sums = new Float64Array(authors)
  let sum = 0
  for (let rank = 1; rank <= authors; rank++) {
    sum += 1 / rank
    sums[rank - 1] = sum
  }
  return Array.from({ length: count }, () => {
    const wanted = (random.word() / 2 ** 32) * sum
    let low = 0
    let high = authors - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (sums[middle]! < wanted) low = middle + 1
      else high = middle
    }
    return low + 1
  })
}

/** `count` authors, each once, all equally likely. */
function some(count: number, authors: number, random: Random): number[] {
  const chosen = new Set<number>()
  while (chosen.size < count) chosen.add(1 + random.below(authors))
  return [...chosen]
}

function shuffle(items: unknown[], random: Random): void {
  for (let last = items.length - 1; last > 0; last--) {
    const other = random.below(last + 1)
    const item = items[last]
    items[last] = items[other]
    items[other] = item
  }
}

function chunks<T>(items: readonly T[]): T[][] {
  const parts: T[][] = []
  for (let start = 0; start < items.length; start += ROW_COUNT_MAX) {
    parts.push(items.slice(start, start + ROW_COUNT_MAX))
  }
  return parts
}
