// The network as plain objects, written from the rules as docs/api.md and the tops of the model's
// files tell them, and from nothing else: lists are arrays, questions are loops. Slow and obvious,
// for comparing the model with.

export type Visibility = 'public' | 'followers' | 'private'

export interface PlainPerson {
  readonly id: number
  readonly handle: string
  isPrivate: boolean
  isSuspended: boolean
  isModerator: boolean
}

export interface PlainPost {
  readonly id: number
  readonly author: number
  /** 0 for a post that starts a thread, as is `root`. */
  readonly parent: number
  readonly root: number
  readonly depth: number
  visibility: Visibility
  text: string
  isDeleted: boolean
  /** Deleted, and not even a tombstone. */
  isGone: boolean
  isRemoved: boolean
}

/** A pair that is in a list at most once. */
type Pair = readonly [one: number, other: number]

export class PlainNetwork {
  readonly people: PlainPerson[]
  readonly posts: PlainPost[]
  /** Follower and followee; in the order in which they were made, as all that follow. */
  follows: Pair[]
  /** Requester and target. */
  requests: Pair[]
  /** Blocker and blocked. */
  blocks: Pair[]
  /** Muter and muted. */
  mutes: Pair[]
  /** User and post. */
  likes: Pair[]

  constructor() {
    this.people = []
    this.posts = []
    this.follows = []
    this.requests = []
    this.blocks = []
    this.mutes = []
    this.likes = []
  }

  person(id: number): PlainPerson {
    return this.people.find((person) => person.id === id)!
  }

  post(id: number): PlainPost {
    return this.posts.find((post) => post.id === id)!
  }

  // What one may see.

  seesPerson(viewer: number, id: number): boolean {
    if (viewer === id || this.#isModerator(viewer)) return true
    return !this.person(id).isSuspended && !has(this.blocks, [id, viewer])
  }

  /** Its posts and lists, as far as it is up to the person. */
  seesPostsOf(viewer: number, id: number): boolean {
    if (viewer === id) return true
    const { isSuspended, isPrivate } = this.person(id)
    if (isSuspended || this.#isBlockBetween(viewer, id)) return false
    return !isPrivate || has(this.follows, [viewer, id])
  }

  /** In lists. */
  isListed(viewer: number, id: number): boolean {
    const { author, root, isDeleted, isRemoved, visibility } = this.post(id)
    if (isDeleted) return false
    if (isRemoved && author !== viewer) return false
    if (root === 0) {
      if (!this.seesPostsOf(viewer, author)) return false
      if (visibility === 'private') return viewer === author
      return visibility === 'public' || viewer === author || has(this.follows, [viewer, author])
    }
    if (viewer !== author && this.person(author).isSuspended) return false
    if (this.#isBlockBetween(viewer, author)) return false
    if (this.#isBlockBetween(author, this.post(root).author)) return false
    return this.isListed(viewer, root)
  }

  /** By its id. */
  seesPost(viewer: number, id: number): boolean {
    return this.isListed(viewer, id) || (this.#isKept(id) && this.#isModerator(viewer))
  }

  // What lists hold, newest first.

  home(viewer: number): number[] {
    const authors = [viewer, ...this.followees(viewer)].filter(
      (author) => !has(this.mutes, [viewer, author]),
    )
    return this.#roots().filter((id) => {
      return authors.includes(this.post(id).author) && this.isListed(viewer, id)
    })
  }

  /** Of everybody, but whom one has muted; what is removed is in it for nobody. */
  everything(viewer: number): number[] {
    return this.#roots().filter((id) => {
      const { author, visibility, isRemoved } = this.post(id)
      if (visibility !== 'public' || isRemoved || has(this.mutes, [viewer, author])) return false
      return this.isListed(viewer, id)
    })
  }

  /** Posts whose text has that hashtag. */
  tagged(viewer: number, tag: string): number[] {
    return this.#roots().filter((id) => {
      const { author, text } = this.post(id)
      const isTagged = text.split(' ').includes(`#${tag}`)
      return isTagged && !has(this.mutes, [viewer, author]) && this.isListed(viewer, id)
    })
  }

  profile(viewer: number, author: number): number[] {
    return this.#roots().filter((id) => {
      return this.post(id).author === author && this.isListed(viewer, id)
    })
  }

  followees(id: number): number[] {
    return this.follows.filter(([follower]) => follower === id).map(([, followee]) => followee)
  }

  /** Direct answers that are shown as something: comments and tombstones. */
  answers(id: number): number[] {
    return this.posts.filter((post) => post.parent === id && !post.isGone).map((post) => post.id)
  }

  // What people do. Each says with which code it is refused, undefined when it is not.

  follow(follower: number, followee: number): string | undefined {
    if (!this.seesPerson(follower, followee)) return 'USER_NOT_FOUND'
    if (follower === followee) return 'FOLLOW_SELF'
    if (has(this.blocks, [followee, follower])) return 'USER_NOT_FOUND'
    if (has(this.blocks, [follower, followee])) return 'USER_BLOCKED'
    if (has(this.follows, [follower, followee])) return undefined
    const list = this.person(followee).isPrivate ? this.requests : this.follows
    if (!has(list, [follower, followee])) list.push([follower, followee])
    return undefined
  }

  unfollow(follower: number, followee: number): string | undefined {
    if (!this.seesPerson(follower, followee)) return 'USER_NOT_FOUND'
    this.#end([follower, followee])
    return undefined
  }

  grant(target: number, requester: number): string | undefined {
    if (!this.seesPerson(target, requester)) return 'USER_NOT_FOUND'
    const isFollower = has(this.follows, [requester, target])
    if (!has(this.requests, [requester, target])) {
      return isFollower ? undefined : 'REQUEST_NOT_FOUND'
    }
    this.requests = without(this.requests, [requester, target])
    if (!isFollower) this.follows.push([requester, target])
    return undefined
  }

  setPrivate(id: number, isPrivate: boolean): undefined {
    const person = this.person(id)
    if (person.isPrivate && !isPrivate) {
      for (const [requester] of this.requests.filter(([, target]) => target === id)) {
        this.grant(id, requester)
        // Who can no longer be seen follows all the same: it is everybody who waits.
        this.requests = without(this.requests, [requester, id])
        if (!has(this.follows, [requester, id])) this.follows.push([requester, id])
      }
    }
    person.isPrivate = isPrivate
  }

  block(blocker: number, blocked: number): string | undefined {
    if (!this.seesPerson(blocker, blocked)) return 'USER_NOT_FOUND'
    if (blocker === blocked) return 'BLOCK_SELF'
    if (has(this.blocks, [blocker, blocked])) return undefined
    this.blocks.push([blocker, blocked])
    this.#end([blocker, blocked])
    this.#end([blocked, blocker])
    return undefined
  }

  unblock(blocker: number, blocked: number): string | undefined {
    if (!this.seesPerson(blocker, blocked)) return 'USER_NOT_FOUND'
    this.blocks = without(this.blocks, [blocker, blocked])
    return undefined
  }

  mute(muter: number, muted: number): string | undefined {
    if (!this.seesPerson(muter, muted)) return 'USER_NOT_FOUND'
    if (muter === muted) return 'MUTE_SELF'
    if (!has(this.mutes, [muter, muted])) this.mutes.push([muter, muted])
    return undefined
  }

  publish(post: Pick<PlainPost, 'id' | 'author' | 'visibility' | 'text'>): undefined {
    const whole = { parent: 0, root: 0, depth: 0, isDeleted: false, isGone: false }
    this.posts.push({ ...post, ...whole, isRemoved: false })
  }

  /** Whether one may answer; with `id`, the answer is there. */
  answer(
    author: number,
    parent: number,
    answer: { readonly id: number; readonly text: string } | undefined,
  ): string | undefined {
    const { root, depth } = this.post(parent)
    const start = root === 0 ? parent : root
    if (!this.isListed(author, start)) return 'POST_NOT_FOUND'
    if (!this.isListed(author, parent)) return 'COMMENT_NOT_FOUND'
    if (answer !== undefined) {
      const state = { isDeleted: false, isGone: false, isRemoved: false }
      const place = { parent, root: start, depth: depth + 1 }
      this.posts.push({ ...answer, ...state, ...place, author, visibility: 'public' })
    }
    return undefined
  }

  like(user: number, id: number): string | undefined {
    if (!this.isListed(user, id)) return 'POST_NOT_FOUND'
    if (!has(this.likes, [user, id])) this.likes.push([user, id])
    return undefined
  }

  unlike(user: number, id: number): string | undefined {
    if (!this.seesPost(user, id)) return 'POST_NOT_FOUND'
    this.likes = without(this.likes, [user, id])
    return undefined
  }

  setVisibility(user: number, id: number, visibility: Visibility): string | undefined {
    if (!this.seesPost(user, id)) return 'POST_NOT_FOUND'
    const post = this.post(id)
    if (post.author !== user) return 'NOT_YOURS'
    if (post.isRemoved) return 'POST_REMOVED'
    if (post.root !== 0) return 'POST_UNFIT'
    post.visibility = visibility
    return undefined
  }

  setRemoved(moderator: number, id: number, isRemoved: boolean): string | undefined {
    const post = this.post(id)
    if (post.isDeleted || (post.root !== 0 && this.post(post.root).isDeleted)) {
      return 'POST_NOT_FOUND'
    }
    if (post.author === moderator) return 'MODERATE_SELF'
    post.isRemoved = isRemoved
    return undefined
  }

  setSuspended(moderator: number, id: number, isSuspended: boolean): string | undefined {
    if (moderator === id) return 'MODERATE_SELF'
    if (this.person(id).isModerator) return 'RANK_TOO_LOW'
    this.person(id).isSuspended = isSuspended
    return undefined
  }

  delete(user: number, id: number): string | undefined {
    const post = this.post(id)
    // One's own one takes back wherever it stands, in a thread that one does not see any more, too.
    const isOwn = post.author === user && this.#isKept(id)
    if (!isOwn) return this.seesPost(user, id) ? 'NOT_YOURS' : 'POST_NOT_FOUND'
    post.isDeleted = true
    post.text = ''
    post.isGone = post.root === 0 || this.answers(id).length === 0
    // Tombstones that keep nothing up any more go with it.
    let above = post
    while (above.isGone && above.parent !== 0) {
      above = this.post(above.parent)
      if (!above.isDeleted || this.answers(above.id).length > 0) break
      above.isGone = true
    }
    return undefined
  }

  #roots(): number[] {
    return this.posts
      .filter((post) => post.root === 0)
      .map((post) => post.id)
      .toReversed()
  }

  #end(pair: Pair): void {
    this.follows = without(this.follows, pair)
    this.requests = without(this.requests, pair)
  }

  #isKept(id: number): boolean {
    const { isDeleted, root } = this.post(id)
    return !isDeleted && (root === 0 || !this.post(root).isDeleted)
  }

  #isBlockBetween(one: number, other: number): boolean {
    return has(this.blocks, [one, other]) || has(this.blocks, [other, one])
  }

  #isModerator(viewer: number): boolean {
    return viewer !== 0 && this.person(viewer).isModerator
  }
}

function has(pairs: readonly Pair[], [one, other]: Pair): boolean {
  return pairs.some((pair) => pair[0] === one && pair[1] === other)
}

function without(pairs: readonly Pair[], [one, other]: Pair): Pair[] {
  return pairs.filter((pair) => pair[0] !== one || pair[1] !== other)
}
