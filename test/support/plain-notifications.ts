// Notifications as plain objects: the rules once more, the slow and obvious way, for random tests
// to compare with. A list of everything that was ever told, and sets of what stands now.

const DAY_MS = 24 * 60 * 60 * 1000
const SAYING = ['comment', 'reply', 'mention']
/** Acts of one actor among which the model looks for a repetition. */
const RECENT_COUNT = 50

interface Told {
  readonly id: number
  readonly user: number
  readonly kind: string
  readonly actor: number
  readonly post: number
  readonly time: number
}

export interface PlainPost {
  readonly author: number
  /** 0 for a post that starts a thread. */
  readonly root: number
  isDeleted: boolean
  mentions: readonly number[]
}

export interface PlainGroup {
  readonly id: number
  readonly kind: string
  readonly post: number
  readonly actors: readonly number[]
  readonly count: number
  readonly isUnread: boolean
}

/** Ordered pairs of users, or of a user and a post. */
export class Pairs {
  readonly #pairs = new Set<string>()

  has(first: number, second: number): boolean {
    return this.#pairs.has(`${first} ${second}`)
  }

  add(first: number, second: number): void {
    this.#pairs.add(`${first} ${second}`)
  }

  delete(first: number, second: number): void {
    this.#pairs.delete(`${first} ${second}`)
  }

  /** First ones of those with this second one, in the order in which they came. */
  firstsOf(second: number): number[] {
    const all = [...this.#pairs].map((pair) => pair.split(' ').map(Number) as [number, number])
    return all.filter((pair) => pair[1] === second).map(([first]) => first)
  }
}

export class PlainNotifications {
  readonly follows = new Pairs()
  readonly requests = new Pairs()
  readonly blocks = new Pairs()
  readonly mutes = new Pairs()
  readonly likes = new Pairs()
  readonly posts = new Map<number, PlainPost>()
  readonly isPrivate = new Set<number>()
  readonly marks = new Map<number, number>()
  time = 0
  #told: Told[] = []
  #lastId = 0

  tell(user: number, kind: string, actor: number, post = 0): void {
    if (user === actor || !this.#isHeard(user, actor)) return
    if (post !== 0 && !this.#isShown(post, user)) return
    const recent = this.#told.filter((each) => each.actor === actor).slice(-RECENT_COUNT)
    const kinds = SAYING.includes(kind) ? SAYING : [kind]
    const known = recent.findLast(
      (each) => each.user === user && each.post === post && kinds.includes(each.kind),
    )
    if (known !== undefined && this.time - known.time < DAY_MS) return
    this.#told = this.#told.filter((each) => each !== known)
    this.#told.push({ id: ++this.#lastId, user, kind, actor, post, time: this.time })
  }

  groupsOf(user: number): PlainGroup[] {
    const groups: { first: Told; actors: number[] }[] = []
    for (const each of this.#told.toReversed()) {
      if (each.user !== user || !this.#stands(each)) continue
      const known = groups.find(
        ({ first }) => each.kind === 'like' && first.kind === 'like' && first.post === each.post,
      )
      if (known === undefined) groups.push({ first: each, actors: [each.actor] })
      else if (!known.actors.includes(each.actor)) known.actors.push(each.actor)
    }
    return groups.map(({ first: { id, kind, post }, actors }) => ({
      id,
      kind,
      post,
      actors: actors.slice(0, 3),
      count: actors.length,
      isUnread: id > (this.marks.get(user) ?? 0),
    }))
  }

  #stands({ user, kind, actor, post }: Told): boolean {
    if (!this.#isHeard(user, actor)) return false
    if (post !== 0 && !this.#isShown(post, user)) return false
    if (kind === 'like') return this.likes.has(actor, post)
    if (kind === 'mention') return this.posts.get(post)!.mentions.includes(user)
    if (kind === 'follow') return this.follows.has(actor, user)
    if (kind === 'request') return this.requests.has(actor, user)
    if (kind === 'grant') return this.follows.has(user, actor)
    return true
  }

  isApart(one: number, other: number): boolean {
    return this.blocks.has(one, other) || this.blocks.has(other, one)
  }

  #isHeard(user: number, actor: number): boolean {
    return !this.isApart(user, actor) && !this.mutes.has(user, actor)
  }

  #isShown(post: number, viewer: number): boolean {
    const { author, root, isDeleted } = this.posts.get(post)!
    if (isDeleted) return false
    if (root === 0) {
      if (author === viewer) return true
      if (this.isApart(author, viewer)) return false
      return !this.isPrivate.has(author) || this.follows.has(viewer, author)
    }
    if (this.isApart(author, viewer)) return false
    if (this.isApart(author, this.posts.get(root)!.author)) return false
    return this.#isShown(root, viewer)
  }
}
