// Reading on in a timeline while the network goes on: whatever people publish, delete, hide, block,
// mute and follow meanwhile, nothing comes twice, and what was there all the time is not missing.

import { expect } from 'vitest'
import { posts } from '../../src/model/schema.ts'
import {
  demandTag,
  homeTimeline,
  profileTimeline,
  publicTimeline,
  tagTimeline,
} from '../../src/model/timelines.ts'
import { isListed } from '../../src/model/visibility.ts'
import { Network, networkTest } from '../support/network.ts'
import { seededTest } from '../support/seeded.ts'
import type { TimelinePage, TimelineQuery } from '../../src/model/timelines.ts'
import type { Random } from '../../src/std/random.ts'

type Timeline = (query: TimelineQuery) => TimelinePage

const PEOPLE_COUNT = 8
const CAPTIONS = ['plain', 'a #sea', 'the #Sea and the #sun']

seededTest('what was there all the time comes once, page after page', async (random) => {
  await using network = await Network.create()
  const people: number[] = []
  for (let count = 0; count < PEOPLE_COUNT; count++) people.push(await network.signUp(`u${count}`))
  await network.post(people[0]!, '#sea')
  const kept = await network.post(people[1]!, '#sea')
  for (let count = 0; count < 150; count++) await change(network, random, people, kept)
  const timelines: [string, Timeline][] = [
    ['home', (query) => homeTimeline(network.view, query)],
    ['public', (query) => publicTimeline(network.view, query)],
    ['profile', (query) => profileTimeline(network.view, people[2]!, query)],
    ['tag', (query) => tagTimeline(network.view, demandTag(network.view, 'SEA', 0), query)],
  ]
  for (const [name, timeline] of timelines) {
    for (const viewer of [0, people[0]!, people[3]!]) {
      if (viewer === 0 && name === 'home') continue
      await readOn(network, random, { name, timeline, viewer, people, kept })
    }
  }
})

interface Reading {
  readonly name: string
  readonly timeline: Timeline
  readonly viewer: number
  readonly people: readonly number[]
  /** A public post that nobody touches. */
  readonly kept: number
}

async function readOn(network: Network, random: Random, reading: Reading): Promise<void> {
  const { name, timeline, viewer, people, kept } = reading
  const all = (): Set<number> => {
    const { posts, next } = timeline({ viewer, count: 1_000 })
    expect(next).toBe(0)
    return new Set(posts)
  }
  let always = all()
  const found: number[] = []
  let before: number | undefined
  for (;;) {
    const count = random.between(1, 6)
    const page = timeline({ viewer, count, before })
    expect(page.posts.every((post) => isListed(network.view, post, viewer))).toBe(true)
    if (page.next !== 0) expect(page.posts).toHaveLength(count)
    found.push(...page.posts)
    if (page.next === 0) break
    before = page.next
    for (let changes = random.below(4); changes > 0; changes--) {
      await change(network, random, people, kept)
      always = always.intersection(all())
    }
  }
  expect(found.length, `${name}: each once`).toBe(new Set(found).size)
  expect(always.difference(new Set(found)), `${name}: none is missing`).toEqual(new Set())
}

/** One thing that happens, or is refused. */
async function change(
  network: Network,
  random: Random,
  people: readonly number[],
  kept: number,
): Promise<void> {
  const { view } = network
  const [one, other] = [random.pick(people), random.pick(people)]
  const post = random.between(1, Math.max(1, view.lastId(posts)))
  const author = view.value(posts, post, 'author')
  const visibility = random.pick(['public', 'public', 'followers', 'private'] as const)
  const changes: (() => Promise<unknown>)[] = [
    () => network.run('follow', { follower: one, followee: other }),
    () => network.run('unfollow', { follower: one, followee: other }),
    () => network.run('block', { blocker: one, blocked: other }),
    () => network.run('unblock', { blocker: one, blocked: other }),
    () => network.run('unblock', { blocker: other, blocked: one }),
    () => network.run('mute', { muter: one, muted: other }),
    () => network.run('unmute', { muter: one, muted: other }),
    () => network.run('updateProfile', { user: one, isPrivate: random.once(2) }),
    () => network.comment(one, post),
    () => network.run('removePost', { post, moderator: 0, reason: 'Rude' }),
    () => network.run('liftRemoval', { post, moderator: 0 }),
  ]
  for (let count = 0; count < 8; count++) {
    changes.push(() => network.post(one, random.pick(CAPTIONS)))
  }
  if (post !== kept && author !== 0) {
    changes.push(
      () => network.run('deletePost', { post, user: author }),
      () => network.run('editPost', { post, user: author, visibility }),
      () => network.run('editPost', { post, user: author, visibility }),
    )
  }
  await random
    .pick(changes)()
    .catch((error: unknown) => {
      // What the network refuses changes nothing, and is no subject here.
      if ((error as Error).name !== 'Refusal') throw error
    })
}

networkTest('a page is full though much in between may not be seen', async (network) => {
  const anna = await network.signUp('anna')
  const ben = await network.signUp('ben')
  const cleo = await network.signUp('cleo')
  const seen: number[] = []
  for (let count = 0; count < 100; count++) {
    const author = count % 20 === 3 ? ben : cleo
    const post = await network.post(author, '#sea')
    if (author === ben) seen.push(post)
  }
  const newest = seen.toReversed()
  for (const followee of [ben, cleo]) await network.run('follow', { follower: anna, followee })
  await network.run('mute', { muter: anna, muted: cleo })
  const tag = demandTag(network.view, 'sea', anna)
  for (const timeline of [
    (query: TimelineQuery) => homeTimeline(network.view, query),
    (query: TimelineQuery) => publicTimeline(network.view, query),
    (query: TimelineQuery) => tagTimeline(network.view, tag, query),
  ]) {
    const page = timeline({ viewer: anna, count: 4 })
    expect(page.posts).toEqual(newest.slice(0, 4))
    expect(timeline({ viewer: anna, count: 4, before: page.next })).toEqual({
      posts: newest.slice(4),
      next: 0,
    })
    expect(timeline({ viewer: anna, count: 5 })).toEqual({ posts: newest, next: 0 })
  }
  // Who goes and looks sees whom one has muted.
  expect(profileTimeline(network.view, cleo, { viewer: anna, count: 1_000 }).posts).toHaveLength(95)
})

networkTest('a page that looked at a thousand posts says where to go on', async (network) => {
  const anna = await network.signUp('anna')
  const ben = await network.signUp('ben')
  const first = await network.post(ben)
  await network.run('follow', { follower: anna, followee: ben })
  const publish = async (): Promise<void> => {
    const media = [await network.photo(ben)]
    const input = { author: ben, caption: '', media, visibility: 'private' } as const
    await network.run('publishPost', input)
  }
  for (let count = 0; count < 25; count++) {
    await Promise.all(Array.from({ length: 100 }, publish))
  }
  let pages = 0
  let before: number | undefined
  for (;;) {
    const page = homeTimeline(network.view, { viewer: anna, count: 20, before })
    pages++
    if (page.next === 0) {
      expect(page.posts).toEqual([first])
      break
    }
    expect(page.posts).toEqual([])
    before = page.next
  }
  expect(pages).toBeGreaterThan(1)
  expect(pages).toBeLessThan(5)
})

networkTest('a tag is there for those who see a post that has it', async (network) => {
  const anna = await network.signUp('anna')
  const media = [await network.photo(anna)]
  const input = { author: anna, caption: '#Secret', media, visibility: 'private' } as const
  await network.run('publishPost', input)
  const refusal = expect.objectContaining({ code: 'TAG_NOT_FOUND' }) as Error
  expect(demandTag(network.view, 'SECRET', anna)).toBeGreaterThan(0)
  expect(() => demandTag(network.view, 'secret', 0)).toThrow(refusal)
  expect(() => demandTag(network.view, 'none', anna)).toThrow(refusal)
  expect(() => demandTag(network.view, '#Secret', anna)).toThrow(refusal)
  expect(() => demandTag(network.view, '', anna)).toThrow(refusal)
})
