// The model against plain objects: random people do random things, both say whether they may, and
// both are asked what everybody sees. A disagreement names its seed.

import { expect } from 'vitest'
import { checkNetwork } from '../../src/model/check.ts'
import { isLiked } from '../../src/model/likes.ts'
import { isFollowing } from '../../src/model/follows.ts'
import { posts, tags, users } from '../../src/model/schema.ts'
import {
  homeTimeline,
  profileTimeline,
  publicTimeline,
  tagTimeline,
} from '../../src/model/timelines.ts'
import { arePostsVisible, isListed, isUserVisible, isVisible } from '../../src/model/visibility.ts'
import { Network, repliesOf } from '../support/network.ts'
import { PlainNetwork } from '../support/plain-network.ts'
import { seededTest } from '../support/seeded.ts'
import type { Random } from '../../src/std/random.ts'
import type { TimelinePage, TimelineQuery } from '../../src/model/timelines.ts'
import type { Visibility } from '../support/plain-network.ts'

const PEOPLE_COUNT = 6
const TAGS = ['sea', 'sky', 'hills'] as const
const STEP_COUNT = 160
const COMPARED_EVERY = 16
const VISIBILITIES: readonly Visibility[] = ['public', 'public', 'followers', 'private']

// Inputs are those of the transaction that is named beside them.
// oxlint-disable-next-line typescript/no-explicit-any
type Loose = any

class Story {
  readonly #network: Network
  readonly #random: Random
  readonly #plain: PlainNetwork

  constructor(network: Network, random: Random) {
    this.#network = network
    this.#random = random
    this.#plain = new PlainNetwork()
  }

  async begin(): Promise<void> {
    for (let number = 0; number < PEOPLE_COUNT; number++) {
      const handle = `person${number}`
      const id = await this.#network.signUp(handle)
      const isModerator = number === PEOPLE_COUNT - 1
      if (isModerator) await this.#network.run('setRole', { user: id, role: 'moderator' })
      const state = { isPrivate: false, isSuspended: false, isModerator }
      this.#plain.people.push({ id, handle, ...state })
    }
  }

  /** Something that somebody does. */
  async step(): Promise<void> {
    const random = this.#random
    const plain = this.#plain
    const one = random.pick(plain.people.filter(({ isSuspended }) => !isSuspended)).id
    const other = random.pick(plain.people).id
    const post = plain.posts.length === 0 ? undefined : random.pick(plain.posts).id
    const chosen = random.below(25)
    if (post === undefined || chosen < 3) return this.#publish(one)
    if (chosen < 7) return this.#answer(one, post)
    if (chosen < 9) return this.#try('like', { user: one, post }, plain.like(one, post))
    if (chosen < 10) {
      return this.#try('deletePost', { post, user: one }, plain.delete(one, post))
    }
    if (chosen < 11) {
      const author = plain.post(post).author
      return this.#try('deletePost', { post, user: author }, plain.delete(author, post))
    }
    if (chosen < 15) {
      const refused = plain.follow(one, other)
      return this.#try('follow', { follower: one, followee: other }, refused)
    }
    if (chosen < 16) {
      const refused = plain.unfollow(one, other)
      return this.#try('unfollow', { follower: one, followee: other }, refused)
    }
    if (chosen < 17) {
      const refused = plain.grant(one, other)
      return this.#try('grantFollow', { target: one, requester: other }, refused)
    }
    if (chosen < 18) {
      const isPrivate = random.once(2)
      return this.#try('updateProfile', { user: one, isPrivate }, plain.setPrivate(one, isPrivate))
    }
    if (chosen < 19) {
      return random.once(2)
        ? this.#try('block', { blocker: one, blocked: other }, plain.block(one, other))
        : this.#try('unblock', { blocker: one, blocked: other }, plain.unblock(one, other))
    }
    if (chosen < 20) {
      return this.#try('mute', { muter: one, muted: other }, plain.mute(one, other))
    }
    if (chosen < 21) return this.#try('unlike', { user: one, post }, plain.unlike(one, post))
    if (chosen < 22) {
      const { author } = plain.post(post)
      const visibility = random.pick(VISIBILITIES)
      const refused = plain.setVisibility(author, post, visibility)
      return this.#try('editPost', { post, user: author, visibility }, refused)
    }
    const moderator = plain.people.find(({ isModerator }) => isModerator)!.id
    if (chosen < 23) {
      const isRemoved = random.once(2)
      const name = isRemoved ? 'removePost' : 'liftRemoval'
      const input = { post, moderator, reason: 'It is not theirs.' }
      return this.#try(name, input, plain.setRemoved(moderator, post, isRemoved))
    }
    const isSuspended = random.once(2)
    const name = isSuspended ? 'suspendUser' : 'liftSuspension'
    const input = { user: other, moderator, reason: 'For a while.' }
    return this.#try(name, input, plain.setSuspended(moderator, other, isSuspended))
  }

  /** Expects that everybody sees what the rules say, in every list. */
  compare(): void {
    const { view } = this.#network
    const plain = this.#plain
    const seen = (ask: (viewer: number) => unknown): unknown[] => this.#viewers().map(ask)
    const ids = plain.posts.map(({ id }) => id)
    const people = plain.people.map(({ id }) => id)
    const all = (query: (view_: typeof view, query: TimelineQuery) => TimelinePage) => {
      return (viewer: number) => this.#readOn((more) => query(view, { viewer, ...more }))
    }

    expect(seen((viewer) => people.map((id) => isUserVisible(view, id, viewer)))).toEqual(
      seen((viewer) => people.map((id) => plain.seesPerson(viewer, id))),
    )
    expect(seen((viewer) => people.map((id) => arePostsVisible(view, id, viewer)))).toEqual(
      seen((viewer) => people.map((id) => plain.seesPostsOf(viewer, id))),
    )
    expect(seen((viewer) => ids.filter((id) => isVisible(view, id, viewer)))).toEqual(
      seen((viewer) => ids.filter((id) => plain.seesPost(viewer, id))),
    )
    expect(seen((viewer) => ids.filter((id) => isListed(view, id, viewer)))).toEqual(
      seen((viewer) => ids.filter((id) => plain.isListed(viewer, id))),
    )
    expect(people.map(all(homeTimeline))).toEqual(people.map((viewer) => plain.home(viewer)))
    expect(seen(all(publicTimeline))).toEqual(seen((viewer) => plain.everything(viewer)))
    expect(
      seen((viewer) => people.map((id) => all((_, q) => profileTimeline(view, id, q))(viewer))),
    ).toEqual(seen((viewer) => people.map((id) => plain.profile(viewer, id))))
    for (const tag of TAGS) {
      const row = view.find(tags.indexes.byKey, tag)
      const shown = seen((viewer) => plain.tagged(viewer, tag))
      expect(seen(all((_, query) => tagTimeline(view, row, query)))).toEqual(shown)
    }
    expect(ids.map((id) => repliesOf(view, id, 'old', 1000))).toEqual(
      ids.map((id) => plain.answers(id)),
    )
    this.#compareCounts()
  }

  #compareCounts(): void {
    const { view } = this.#network
    const { people, posts: all, follows, likes, requests } = this.#plain
    const countOf = <T>(items: readonly T[], holds: (item: T) => boolean): number =>
      items.filter(holds).length
    for (const { id } of people) {
      expect(view.get(users, id)).toMatchObject({
        posts: countOf(all, (post) => post.author === id && post.root === 0 && !post.isGone),
        followers: countOf(follows, ([, followee]) => followee === id),
        following: countOf(follows, ([follower]) => follower === id),
        followRequests: countOf(requests, ([, target]) => target === id),
      })
      for (const other of people) {
        const isOne = follows.some(([a, b]) => a === id && b === other.id)
        expect(isFollowing(view, id, other.id)).toBe(isOne)
      }
    }
    for (const { id } of all) {
      expect(view.get(posts, id)).toMatchObject({
        likes: countOf(likes, ([, post]) => post === id),
        comments: countOf(all, (post) => post.root === id && !post.isDeleted),
        replies: countOf(all, (post) => post.parent === id && !post.isGone),
      })
      for (const { id: user } of people) {
        const isOne = likes.some(([a, b]) => a === user && b === id)
        expect(isLiked(view, user, id)).toBe(isOne)
      }
    }
  }

  async #publish(author: number): Promise<void> {
    const visibility = this.#random.pick(VISIBILITIES)
    const media = [await this.#network.photo(author)]
    const text = `Post ${this.#plain.posts.length} #${this.#random.pick(TAGS)}`
    const input = { author, caption: text, media, visibility }
    const id = await this.#network.run('publishPost', input)
    this.#plain.publish({ id, author, visibility, text })
  }

  async #answer(author: number, parent: number): Promise<void> {
    const text = `Answer ${this.#plain.posts.length}`
    const refused = this.#plain.answer(author, parent, undefined)
    const { root } = this.#plain.post(parent)
    const input = { author, post: root === 0 ? parent : root, parent, text }
    await this.#try('publishComment', input, refused)
    if (refused !== undefined) return
    const id = this.#network.view.lastId(posts)
    this.#plain.answer(author, parent, { id, text })
  }

  /** Does it, and expects what the plain objects have said. */
  async #try(name: string, input: object, refused: string | undefined): Promise<void> {
    const outcome = await this.#network.run(name as 'like', input as Loose).then(
      () => undefined,
      (error: Error & { code?: string }) => error.code ?? error.message,
    )
    expect({ name, input, outcome }).toEqual({ name, input, outcome: refused })
  }

  /** Everybody, and nobody in particular. */
  #viewers(): number[] {
    return [0, ...this.#plain.people.map(({ id }) => id)]
  }

  /** A list to its end, in pages. */
  #readOn(page: (more: Pick<TimelineQuery, 'count' | 'before'>) => TimelinePage): number[] {
    const found: number[] = []
    let before: number | undefined
    for (;;) {
      const { posts: some, next } = page({ count: 3, before })
      found.push(...some)
      if (next === 0) return found
      before = next
    }
  }
}

seededTest('the network is what plain objects say', async (random) => {
  await using network = await Network.create()
  const story = new Story(network, random)
  await story.begin()
  for (let step = 1; step <= STEP_COUNT; step++) {
    await story.step()
    if (step % COMPARED_EVERY === 0) story.compare()
  }
  expect([...network.store.check(), ...checkNetwork(network.view)]).toEqual([])
  await network.close()
  await network.open()
  story.compare()
})
