// An invented network, for looking at and for measuring: people who join over some weeks, follow
// those whom others follow, publish, talk and like. Everything follows from the seed, but for the
// times, which end now.
//
//   who is followed      whoever has followers already, mostly: a few are known to all
//   who publishes        the same few more than others
//   what is liked        the newer and the better known its author is
//   what is answered     a comment about as often as the post, so that threads grow deep
//
// What happens is first made as a list of times and deeds, then done in that order: each deed
// chooses among what is there at its time.

import { BIOS, CAPTIONS, COMMENTS, FAMILY_NAMES, GIVEN_NAMES } from './demo-words.ts'
import { DESCRIPTIONS, PLACES, REPLIES, TAGS } from './demo-words.ts'
import type { Clock } from '../std/clock.ts'
import type { Random } from '../std/random.ts'
import type { Photo } from '../media/photos.ts'
import type { Network } from './store.ts'

export interface DemoSize {
  readonly people: number
  readonly posts: number
  readonly comments: number
  readonly likes: number
  /** How many people each one follows, on average. */
  readonly follows: number
  /** One account of so many is private in the end; none when left out. */
  readonly privateEvery?: number
}

export const DEMO_DAYS = 45
const DAY_MS = 86_400_000
/** What is liked and commented is one of the newest so many. */
const RECENT_COUNT = 60
const ALBUM_COUNT_MAX = 4

/** A clock that the maker of a network sets; it never goes back. */
export class DemoClock implements Clock {
  #now: number

  constructor(now: number) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  set(now: number): void {
    this.#now = Math.max(this.#now, now)
  }
}

type Deed = 'join' | 'follow' | 'publish' | 'comment' | 'like'

interface Comment {
  readonly id: number
  readonly author: number
}

interface Published {
  readonly id: number
  readonly author: number
  readonly comments: Comment[]
}

export interface DemoParts {
  readonly store: Network
  readonly clock: DemoClock
  readonly random: Random
  readonly size: DemoSize
  /** At least one; posts share them. */
  readonly photos: readonly Photo[]
  /** Of the password of everybody. */
  readonly passwordHash: string
  /** A hash that no token has; each person has a session to begin with. */
  readonly tokenHash: (person: number) => string
  readonly progress: (done: number, total: number) => void
}

export interface DemoNetwork {
  /** Ids of users, in the order in which they joined. */
  readonly people: readonly number[]
  readonly posts: readonly number[]
}

/** Fills an empty store. */
export async function inventNetwork(parts: DemoParts): Promise<DemoNetwork> {
  const life = new Life(parts)
  const deeds = deedsOf(parts)
  for (const [index, [time, deed]] of deeds.entries()) {
    parts.clock.set(time)
    await life.do(deed)
    parts.progress(index + 1, deeds.length)
  }
  await life.settle()
  return { people: life.people, posts: life.posts }
}

/** Everybody joins in the first half; talk needs something to talk about. */
function deedsOf({ random, size, clock }: DemoParts): [time: number, deed: Deed][] {
  const startedAt = clock.now()
  const deeds: [number, Deed][] = []
  const add = (deed: Deed, count: number, from: number, to: number): void => {
    for (let index = 0; index < count; index++) {
      const share = from + (random.word() / 2 ** 32) * (to - from)
      deeds.push([startedAt + share * DEMO_DAYS * DAY_MS, deed])
    }
  }
  add('join', Math.min(2, size.people), 0, 0)
  add('join', Math.max(0, size.people - 2), 0, 0.4)
  add('follow', size.people * size.follows, 0.02, 1)
  add('publish', Math.min(1, size.posts), 0.02, 0.02)
  add('publish', Math.max(0, size.posts - 1), 0.03, 1)
  add('comment', size.comments, 0.05, 1)
  add('like', size.likes, 0.05, 1)
  return deeds.toSorted(([a], [b]) => a - b)
}

class Life {
  readonly people: number[]
  readonly posts: number[]
  readonly #parts: DemoParts
  /** Each follow puts its followee in once more, so that picking prefers the known. */
  readonly #known: number[]
  readonly #handles: Map<number, string>
  readonly #recent: Published[]
  #photo: number

  constructor(parts: DemoParts) {
    this.people = []
    this.posts = []
    this.#parts = parts
    this.#known = []
    this.#handles = new Map()
    this.#recent = []
    this.#photo = 0
  }

  do(deed: Deed): Promise<void> {
    if (deed === 'join') return this.#join()
    if (deed === 'follow') return this.#follow()
    if (deed === 'publish') return this.#publish()
    return deed === 'comment' ? this.#comment() : this.#like()
  }

  /** What is the case in the end: some keep their account to their followers. */
  async settle(): Promise<void> {
    const { store, size } = this.#parts
    const { privateEvery = Infinity } = size
    const some = this.people.filter((_, index) => (index + 1) % privateEvery === 0)
    for (const user of some) await store.transact('updateProfile', { user, isPrivate: true })
  }

  async #join(): Promise<void> {
    const { store, random, passwordHash, tokenHash } = this.#parts
    const given = random.pick(GIVEN_NAMES)
    const family = random.pick(FAMILY_NAMES)
    const number = this.people.length
    const plain = given.normalize('NFD').replaceAll(/[^a-z]/gi, '')
    const handle = number === 0 ? 'demo' : `${plain.toLowerCase()}${number}`
    const name = `${given} ${family}`
    const input = { handle, name, passwordHash, tokenHash: tokenHash(number) }
    const { output: user } = await store.transact('signUp', input)
    const avatar = await this.#takePhoto(user)
    await store.transact('updateProfile', { user, bio: random.pick(BIOS), avatar })
    this.people.push(user)
    this.#known.push(user)
    this.#handles.set(user, handle)
  }

  async #follow(): Promise<void> {
    const { store, random } = this.#parts
    const follower = random.pick(this.people)
    const followee = random.pick(this.#known)
    if (follower === followee) return
    await store.transact('follow', { follower, followee })
    this.#known.push(followee)
  }

  async #publish(): Promise<void> {
    const { store, random } = this.#parts
    const author = random.pick(random.once(3) ? this.#known : this.people)
    const count = random.once(3) ? random.between(2, ALBUM_COUNT_MAX) : 1
    const media: number[] = []
    for (let index = 0; index < count; index++) media.push(await this.#takePhoto(author))
    const descriptions = media.map(() => ({ alt: random.pick(DESCRIPTIONS) }))
    const input = { author, caption: this.#caption(author), media, descriptions }
    const { output: id } = await store.transact('publishPost', input)
    this.posts.push(id)
    this.#recent.push({ id, author, comments: [] })
    if (this.#recent.length > RECENT_COUNT) this.#recent.shift()
  }

  async #takePhoto(owner: number): Promise<number> {
    const { store, photos } = this.#parts
    const photo = photos[this.#photo++ % photos.length]!
    return (await store.transact('createMedia', { owner, ...photo })).output
  }

  #caption(author: number): string {
    const { random } = this.#parts
    const said = random.pick(CAPTIONS).replace('{place}', random.pick(PLACES))
    const tags = Array.from({ length: random.below(4) }, () => `#${random.pick(TAGS)}`)
    const friend = random.pick(this.people)
    const mention = random.once(8) && friend !== author ? [`@${this.#handles.get(friend)}`] : []
    return [said, ...mention, ...new Set(tags)].join(' ')
  }

  async #comment(): Promise<void> {
    const { store, random } = this.#parts
    const post = this.#newish()
    if (post === undefined) return
    const answered = random.once(2) ? post.comments.at(-1 - random.below(5)) : undefined
    const author = this.#someoneBut(answered?.author ?? post.author)
    const text = random.pick(answered === undefined ? COMMENTS : REPLIES)
    const input = { author, post: post.id, parent: answered?.id ?? post.id, text }
    const { output: id } = await store.transact('publishComment', input)
    post.comments.push({ id, author })
  }

  async #like(): Promise<void> {
    const { store, random } = this.#parts
    const post = this.#newish()
    if (post === undefined) return
    const liked = random.once(5) ? post.comments[random.below(post.comments.length)] : undefined
    const { id, author } = liked ?? post
    await store.transact('like', { user: this.#someoneBut(author), post: id })
  }

  /** The newer, the likelier. */
  #newish(): Published | undefined {
    const { random } = this.#parts
    const { length: count } = this.#recent
    if (count === 0) return undefined
    return this.#recent[Math.max(random.below(count), random.below(count))]
  }

  #someoneBut(person: number): number {
    const { random } = this.#parts
    const chosen = random.pick(this.people)
    if (chosen !== person) return chosen
    return this.people[(this.people.indexOf(person) + 1) % this.people.length]!
  }
}
