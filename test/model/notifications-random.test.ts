// Random people doing random things: what everybody is told is what the plain rules say, whenever
// it is looked at.

import { expect } from 'vitest'
import { notificationsOf, unreadCountOf } from '../../src/model/notification-groups.ts'
import { Refusal } from '../../src/model/refusal.ts'
import { Network } from '../support/network.ts'
import { PlainNotifications } from '../support/plain-notifications.ts'
import { seededTest } from '../support/seeded.ts'
import type { NotificationCursor, NotificationGroup } from '../../src/model/notification-groups.ts'
import type { Random } from '../../src/std/random.ts'

const HANDLES = ['anna', 'ben', 'cleo', 'dora', 'emil']
const STEP_COUNT = 400
/** How often somebody does it, compared with the others. */
const WEIGHTS = {
  like: 16,
  unlike: 6,
  comment: 12,
  publish: 3,
  edit: 4,
  delete: 2,
  follow: 8,
  unfollow: 3,
  grant: 6,
  block: 1,
  unblock: 6,
  mute: 3,
  unmute: 5,
  turn: 1,
  read: 3,
} as const
type Act = keyof typeof WEIGHTS
const BAG = (Object.keys(WEIGHTS) as Act[]).flatMap((act) =>
  Array.from({ length: WEIGHTS[act] }, () => act),
)
const HOUR_MS = 60 * 60 * 1000

class Story {
  readonly network: Network
  readonly plain: PlainNotifications
  readonly random: Random
  readonly users: number[]

  constructor(network: Network, random: Random) {
    this.network = network
    this.random = random
    this.plain = new PlainNotifications()
    this.users = []
  }

  async begin(): Promise<void> {
    for (const handle of HANDLES) this.users.push(await this.network.signUp(handle))
    for (const user of this.users) await this.publish(user)
  }

  /** One act; one that is refused changes nothing. */
  async step(): Promise<string> {
    const { random, network, plain } = this
    network.clock.time += random.once(25) ? 30 * HOUR_MS : 1000
    plain.time = network.clock.time
    const name = random.pick(BAG)
    const user = random.pick(this.users)
    try {
      await this[name](user)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return `${user} may not ${name}`
    }
    return `${user}: ${name}`
  }

  anybody(): number {
    return this.random.pick(this.users)
  }

  /** The newest ones more often; most of the time one of that author. */
  anyPost(author = 0): number {
    const all = [...this.plain.posts.keys()]
    const own = all.filter((post) => this.plain.posts.get(post)!.author === author)
    const posts = own.length > 0 && !this.random.once(10) ? own : all
    return this.random.pick(posts.slice(this.random.once(2) ? -4 : 0))
  }

  /** Some words, and whom they mention. */
  words(author: number): { readonly text: string; readonly mentions: number[] } {
    const named = this.random.once(2) ? [this.anybody(), this.anybody()] : []
    const handles = named.map((id) => `@${HANDLES[id - 1]!}`)
    const text = `Hi ${this.random.below(1000)} ${handles.join(' ')}`
    const mentions = [...new Set(named)].filter((id) => !this.plain.isApart(id, author))
    return { text, mentions }
  }

  tellMentioned(post: number, mentions: readonly number[], before: readonly number[] = []): void {
    const { author } = this.plain.posts.get(post)!
    for (const user of mentions) {
      if (!before.includes(user)) this.plain.tell(user, 'mention', author, post)
    }
  }

  async like(user: number): Promise<void> {
    const post = this.anyPost()
    await this.network.run('like', { user, post })
    if (this.plain.likes.has(user, post)) return
    this.plain.likes.add(user, post)
    this.plain.tell(this.plain.posts.get(post)!.author, 'like', user, post)
  }

  async unlike(user: number): Promise<void> {
    const post = this.anyPost()
    await this.network.run('unlike', { user, post })
    this.plain.likes.delete(user, post)
  }

  async publish(user: number): Promise<void> {
    const { text, mentions } = this.words(user)
    const post = await this.network.post(user, text)
    this.plain.posts.set(post, { author: user, root: 0, isDeleted: false, mentions })
    this.tellMentioned(post, mentions)
  }

  async comment(user: number): Promise<void> {
    const parent = this.anyPost()
    const answered = this.plain.posts.get(parent)!
    const { text, mentions } = this.words(user)
    const root = answered.root || parent
    const post = await this.network.comment(user, root, parent, text)
    this.plain.posts.set(post, { author: user, root, isDeleted: false, mentions })
    this.plain.tell(answered.author, answered.root === 0 ? 'comment' : 'reply', user, post)
    this.tellMentioned(post, mentions)
  }

  async edit(user: number): Promise<void> {
    const post = this.anyPost(user)
    const { text, mentions } = this.words(user)
    await this.network.run('editPost', { post, user, caption: text })
    const row = this.plain.posts.get(post)!
    const before = row.mentions
    row.mentions = mentions
    this.tellMentioned(post, mentions, before)
  }

  async delete(user: number): Promise<void> {
    const post = this.anyPost(user)
    await this.network.run('deletePost', { post, user })
    this.plain.posts.get(post)!.isDeleted = true
  }

  async follow(user: number): Promise<void> {
    const { plain } = this
    const other = this.anybody()
    await this.network.run('follow', { follower: user, followee: other })
    if (plain.follows.has(user, other)) return
    const isRequest = plain.isPrivate.has(other)
    if (isRequest && plain.requests.has(user, other)) return
    const edges = isRequest ? plain.requests : plain.follows
    edges.add(user, other)
    plain.tell(other, isRequest ? 'request' : 'follow', user)
  }

  async unfollow(user: number): Promise<void> {
    const other = this.anybody()
    await this.network.run('unfollow', { follower: user, followee: other })
    this.plain.requests.delete(user, other)
    this.plain.follows.delete(user, other)
  }

  async grant(user: number): Promise<void> {
    const other = this.anybody()
    await this.network.run('grantFollow', { requester: other, target: user })
    this.granted(other, user)
  }

  granted(requester: number, target: number): void {
    const { requests, follows } = this.plain
    if (!requests.has(requester, target)) return
    requests.delete(requester, target)
    follows.add(requester, target)
    this.plain.tell(requester, 'grant', target)
  }

  async block(user: number): Promise<void> {
    const other = this.anybody()
    await this.network.run('block', { blocker: user, blocked: other })
    this.plain.blocks.add(user, other)
    for (const [one, two] of [
      [user, other],
      [other, user],
    ] as const) {
      this.plain.follows.delete(one, two)
      this.plain.requests.delete(one, two)
    }
  }

  async unblock(user: number): Promise<void> {
    const other = this.anybody()
    await this.network.run('unblock', { blocker: user, blocked: other })
    this.plain.blocks.delete(user, other)
  }

  async mute(user: number): Promise<void> {
    const other = this.anybody()
    await this.network.run('mute', { muter: user, muted: other })
    this.plain.mutes.add(user, other)
  }

  async unmute(user: number): Promise<void> {
    const other = this.anybody()
    await this.network.run('unmute', { muter: user, muted: other })
    this.plain.mutes.delete(user, other)
  }

  /** Private or public. */
  async turn(user: number): Promise<void> {
    const { isPrivate, requests } = this.plain
    const next = !isPrivate.has(user)
    await this.network.run('updateProfile', { user, isPrivate: next })
    if (next) {
      isPrivate.add(user)
      return
    }
    isPrivate.delete(user)
    for (const requester of requests.firstsOf(user)) this.granted(requester, user)
  }

  async read(user: number): Promise<void> {
    const { groups } = notificationsOf(this.network.view, user, { count: 50 })
    if (groups.length === 0) return
    const upTo = this.random.pick(groups).id
    await this.network.run('readNotifications', { user, upTo })
    this.plain.marks.set(user, Math.max(upTo, this.plain.marks.get(user) ?? 0))
  }

  /** In pages of a random size. */
  groupsOf(user: number): NotificationGroup[] {
    const count = 1 + this.random.below(20)
    const all: NotificationGroup[] = []
    let cursor: NotificationCursor | undefined
    do {
      const page = notificationsOf(this.network.view, user, { count, cursor })
      all.push(...page.groups)
      cursor = page.next ?? undefined
    } while (cursor !== undefined)
    return all
  }
}

seededTest('everybody is told what the plain rules say', async (random) => {
  await using network = await Network.create()
  const story = new Story(network, random)
  await story.begin()
  const acts: string[] = []
  for (let step = 0; step < STEP_COUNT; step++) {
    acts.push(await story.step())
    for (const user of story.users) {
      const expected = story.plain.groupsOf(user)
      const lately = acts.slice(-5).join('; ')
      expect(story.groupsOf(user), `user ${user} after ${lately}`).toEqual(expected)
      const unread = expected.filter(({ isUnread }) => isUnread).length
      expect(unreadCountOf(network.view, user)).toBe(unread)
    }
  }
  expect(network.store.check()).toEqual([])
})
