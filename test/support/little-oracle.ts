// What the little network must be, as plain objects that know nothing of the engine: the oracle of
// the crash tests.
//
// It is told every transaction in the order in which the store runs them, says what each of them
// has to answer, and remembers what everything looks like after each LSN. A store that comes back
// after a crash with LSN n has to look like text(n), to the letter.

import type { littleTransactions } from './little-network.ts'

export type OperationName = Exclude<keyof typeof littleTransactions, 'bulk'>

export interface LittleOperation {
  readonly name: OperationName
  /** As the transaction wants it. */
  readonly input: Readonly<Record<string, number | string>>
  /** Time of the transaction. */
  readonly now: number
  readonly key?: string | undefined
}

/** What a transaction answers: its output, or the reason why it is refused. */
export type LittleAnswer = { readonly output: unknown } | { readonly refused: string }

interface Person {
  id: number
  version: number
  handle: string
  joinedAt: number
  settings: unknown
}

interface Post {
  id: number
  version: number
  author: number
  parent: number
  at: number
  text: string
}

interface Like {
  id: number
  person: number
  post: number
}

/** The rows, and the ids given out; a removed row leaves a hole. */
class LittleModel {
  readonly people: (Person | undefined)[] = []
  readonly posts: (Post | undefined)[] = []
  readonly likes: (Like | undefined)[] = []
  readonly outputs = new Map<string, unknown>()

  /** Runs one; `wrote` tells whether it has an LSN. */
  run({ name, input, now, key }: LittleOperation): { answer: LittleAnswer; wrote: boolean } {
    if (key !== undefined && this.outputs.has(key)) {
      // Nothing is remembered as null.
      return { answer: { output: this.outputs.get(key) ?? null }, wrote: false }
    }
    const { answer, wrote } = this.#run(name, input as Readonly<Record<string, never>>, now)
    if (key === undefined || 'refused' in answer) return { answer, wrote }
    this.outputs.set(key, answer.output)
    return { answer, wrote: true }
  }

  livePosts(): Post[] {
    return this.posts.filter((post) => post !== undefined)
  }

  text(): string {
    const posts = this.livePosts()
    const likes = this.likes.filter((like) => like !== undefined)
    const people = this.people.filter((person) => person !== undefined)
    const countOf = <T>(items: readonly T[], is: (item: T) => boolean): number =>
      items.filter(is).length
    const personRows = people.map(({ version, id, joinedAt, handle, settings }) => ({
      version,
      id,
      joinedAt,
      isAdmin: false,
      karma: 0,
      weight: 0,
      posts: countOf(posts, ({ author, parent }) => author === id && parent === 0),
      likes: countOf(likes, ({ person }) => person === id),
      handle,
      avatar: new Uint8Array(Buffer.from(avatarOf(this.people, id))),
      settings,
    }))
    const postRows = posts.map(({ version, id, author, parent, at, text }) => ({
      version,
      id,
      author,
      parent,
      at,
      replies: countOf(posts, (reply) => reply.parent === id),
      likes: countOf(likes, ({ post }) => post === id),
      text,
      tags: ['a', 'b'],
    }))
    const likeRows = likes.map((like) => ({ version: 1, ...like }))
    const lists: number[][] = []
    const idsOf = <T extends { id: number }>(
      items: readonly T[],
      is: (item: T) => boolean,
    ): number[] =>
      items
        .filter(is)
        .map(({ id }) => id)
        .toReversed()
    for (let owner = 1; owner <= this.people.length; owner++) {
      lists.push(idsOf(posts, ({ author, parent }) => author === owner && parent === 0))
    }
    for (let post = 1; post <= this.posts.length; post++) {
      lists.push(idsOf(posts, ({ parent }) => parent === post))
      lists.push(idsOf(likes, (like) => like.post === post))
    }
    for (const words of [/\blorem\b/, /\bl/, /\bgone\b/]) {
      lists.push(idsOf(posts, ({ parent, text }) => parent === 0 && words.test(text)))
    }
    const tableOf = (rows: readonly unknown[], all: readonly unknown[]): unknown => ({
      lastId: all.length,
      rowCount: rows.length,
      rows,
    })
    return JSON.stringify({
      people: tableOf(personRows, this.people),
      posts: tableOf(postRows, this.posts),
      likes: tableOf(likeRows, this.likes),
      lists,
    })
  }

  #run(
    name: OperationName,
    input: Readonly<Record<string, never>>,
    now: number,
  ): { answer: LittleAnswer; wrote: boolean } {
    const refuse = (refused: string): { answer: LittleAnswer; wrote: boolean } => ({
      answer: { refused },
      wrote: false,
    })
    const done = (output: unknown, wrote = true): { answer: LittleAnswer; wrote: boolean } => ({
      answer: { output },
      wrote,
    })
    switch (name) {
      case 'join': {
        const handle: string = input['handle']!
        if (this.#named(handle) !== undefined) return refuse('No')
        const id = this.people.length + 1
        this.people.push({ id, version: 1, handle, joinedAt: now, settings: null })
        avatars.set(this.people, [...(avatars.get(this.people) ?? []), handle])
        return done(id)
      }
      case 'post': {
        const {
          author,
          parent = 0,
          text,
        } = input as unknown as Partial<Post> & Pick<Post, 'author' | 'text'>
        if (this.people[author - 1] === undefined) return refuse('No')
        if (parent !== 0 && this.posts[parent - 1] === undefined) return refuse('No')
        const id = this.posts.length + 1
        this.posts.push({ id, version: 1, author, parent, at: now, text })
        return done(id)
      }
      case 'like':
      case 'unlike': {
        const { person, post } = input as unknown as Like
        const found = this.likes.find((like) => like?.person === person && like.post === post)
        if (name === 'unlike') {
          if (found !== undefined) this.likes[found.id - 1] = undefined
          return done(found !== undefined, found !== undefined)
        }
        if (found !== undefined) return done(found.id, false)
        const id = this.likes.length + 1
        this.likes.push({ id, person, post })
        return done(id)
      }
      case 'rename': {
        const person = this.people[input['person']! - 1]
        if (person === undefined) return refuse('ROW_NOT_FOUND')
        const holder = this.#named(input['handle']!)
        if (holder !== undefined && holder !== person) return refuse('DUPLICATE_KEY')
        Object.assign(person, {
          handle: input['handle'],
          settings: { renamedAt: now },
          version: person.version + 1,
        })
        return done(undefined)
      }
      case 'edit':
      case 'move': {
        const post = this.posts[input['post']! - 1]
        if (post === undefined) return refuse('ROW_NOT_FOUND')
        if (name === 'edit') post.text = input['text']!
        else if (post.author === input['author']!) return done(undefined, false)
        else post.author = input['author']!
        post.version++
        return done(undefined)
      }
      case 'remove': {
        const id: number = input['post']!
        if (this.livePosts().some(({ parent }) => parent === id)) return refuse('No')
        if (this.posts[id - 1] === undefined) return refuse('ROW_NOT_FOUND')
        this.posts[id - 1] = undefined
        for (const like of this.likes) if (like?.post === id) this.likes[like.id - 1] = undefined
        return done(undefined)
      }
      case 'regret':
        return refuse(this.people[input['author']! - 1] === undefined ? 'ROW_NOT_FOUND' : 'No')
    }
  }

  #named(handle: string): Person | undefined {
    return this.people.find((person) => person?.handle === handle)
  }
}

/** Handles with which people joined: what their avatars are made of. */
const avatars = new WeakMap<object, string[]>()

function avatarOf(people: object, id: number): string {
  return avatars.get(people)![id - 1]!
}

/** LSN of the transaction that declares the schema. */
const SCHEMA_LSN = 1

export class LittleOracle {
  #model: LittleModel
  /** By LSN; what has no LSN (refused, nothing changed) stands with the one before. */
  #operations: LittleOperation[][]
  #texts: string[]
  /** Newest transaction that somebody was told to be durable. */
  ackedLsn: number

  constructor() {
    this.#model = new LittleModel()
    const text = this.#model.text()
    this.#operations = [[], []]
    this.#texts = [text, text]
    this.ackedLsn = 0
  }

  /** Newest transaction that was handed in. */
  get lastLsn(): number {
    return this.#texts.length - 1
  }

  get personCount(): number {
    return this.#model.people.length
  }

  get postCount(): number {
    return this.#model.posts.length
  }

  get livePostCount(): number {
    return this.#model.livePosts().length
  }

  /** Everything as it is after transaction `lsn`. */
  text(lsn: number): string {
    const text = this.#texts[lsn]
    if (text === undefined) throw new Error(`transaction ${lsn} was never handed in`)
    return text
  }

  /**
   * Takes the next transaction. Says what the store has to answer, and the LSN that the answer
   * rests on.
   */
  submit(operation: LittleOperation): { answer: LittleAnswer; lsn: number } {
    const { answer, wrote } = this.#model.run(operation)
    if (wrote) {
      this.#texts.push(this.#model.text())
      this.#operations.push([])
    }
    if (!('refused' in answer)) this.#operations.at(-1)!.push(operation)
    return { answer, lsn: this.lastLsn }
  }

  ack(lsn: number): void {
    this.ackedLsn = Math.max(this.ackedLsn, lsn)
  }

  /** The store came back with `lsn`: what was handed in later never happened. */
  rewind(lsn: number): void {
    const kept = Math.max(lsn, SCHEMA_LSN)
    this.ackedLsn = kept
    if (kept === this.lastLsn) return
    const operations = this.#operations.slice(0, kept + 1)
    this.#model = new LittleModel()
    this.#texts = this.#texts.slice(0, kept + 1)
    this.#operations = operations
    for (const operation of operations.flat()) this.#model.run(operation)
  }
}
