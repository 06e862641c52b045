// The store that the engine's benches measure: users write comments on posts.
//
// A comment is 120 bytes of text, three columns, two posting lists (of its post, of its author) and
// two counters (on both). There are 50 comments a post and 100 a user, spread at random, so that
// the comments of one post lie all over the memory, as they do when many people talk at once.

import { join } from 'node:path'
import { Datastore } from '../../src/engine/datastore.ts'
import {
  counter,
  defineTable,
  postings,
  reference,
  text,
  timeMs,
  unique,
} from '../../src/engine/schema.ts'
import type { DatastoreOptions } from '../../src/engine/datastore.ts'
import type { Transaction } from '../../src/engine/transaction.ts'
import type { Random } from '../../src/std/random.ts'

export const TEXT_SIZE = 120

const COMMENTS_A_POST = 50
const COMMENTS_A_USER = 100
const TEXT_COUNT = 1024
const POPULATE_COUNT_MAX = 1000

export const users = defineTable({
  id: 1,
  name: 'users',
  columns: { joinedAt: timeMs(1), comments: counter(2, { table: 'comments', by: 'author' }) },
  record: { handle: text(3) },
  indexes: { byHandle: unique('handle') },
})

export const posts = defineTable({
  id: 2,
  name: 'posts',
  columns: {
    author: reference(1, 'users'),
    comments: counter(2, { table: 'comments', by: 'post' }),
  },
  record: { caption: text(3) },
  indexes: { byAuthor: postings('author') },
})

export const comments = defineTable({
  id: 3,
  name: 'comments',
  columns: { post: reference(1, 'posts'), author: reference(2, 'users'), publishedAt: timeMs(3) },
  record: { text: text(4) },
  indexes: { byPost: postings('post'), byAuthor: postings('author') },
})

interface NewComment {
  readonly post: number
  readonly author: number
  readonly text: string
}

const transactions = {
  comment(tx: Transaction, { post, author, text: words }: NewComment): number {
    return tx.insert(comments, { post, author, publishedAt: tx.now, text: words })
  },
  populate(tx: Transaction, { userCount, postCount }: { userCount: number; postCount: number }) {
    for (let count = 0; count < userCount; count++) {
      tx.insert(users, { joinedAt: tx.now, handle: `user${tx.lastId(users) + 1}` })
    }
    for (let count = 0; count < postCount; count++) {
      const author = 1 + (tx.lastId(posts) % tx.lastId(users))
      tx.insert(posts, { author, caption: `post ${tx.lastId(posts) + 1}` })
    }
  },
}

export type CommentStore = Datastore<typeof transactions>

/** Opens the store in `directory`. Segments of the log are all kept: benches boot from them. */
export function openStore(
  directory: string,
  more: Partial<DatastoreOptions<typeof transactions>> = {},
): Promise<CommentStore> {
  return Datastore.open({
    tables: [users, posts, comments],
    transactions,
    dataDirectory: join(directory, 'data'),
    snapshotDirectory: join(directory, 'snapshots'),
    keepLog: true,
    ...more,
  })
}

/** Users and posts for `commentCount` comments. */
export async function populate(store: CommentStore, commentCount: number): Promise<void> {
  let userCount = Math.max(1, Math.floor(commentCount / COMMENTS_A_USER))
  let postCount = Math.max(1, Math.floor(commentCount / COMMENTS_A_POST))
  while (userCount > 0 || postCount > 0) {
    const some = {
      userCount: Math.min(userCount, POPULATE_COUNT_MAX),
      postCount: Math.min(postCount, POPULATE_COUNT_MAX),
    }
    await store.transact('populate', some)
    userCount -= some.userCount
    postCount -= some.postCount
  }
}

/** Comments by random users on random posts of a store. */
export class CommentSource {
  readonly #random: Random
  readonly #texts: readonly string[]
  readonly #userCount: number
  readonly #postCount: number

  constructor(store: CommentStore, random: Random) {
    this.#random = random
    this.#userCount = store.view.lastId(users)
    this.#postCount = store.view.lastId(posts)
    this.#texts = Array.from({ length: TEXT_COUNT }, () => textOf(random))
  }

  next(): NewComment {
    const random = this.#random
    const post = 1 + random.below(this.#postCount)
    const author = 1 + random.below(this.#userCount)
    return { post, author, text: this.#texts[random.below(TEXT_COUNT)]! }
  }
}

function textOf(random: Random): string {
  const bytes = Buffer.alloc(TEXT_SIZE)
  for (let index = 0; index < TEXT_SIZE; index++) {
    bytes[index] = index % 6 === 5 ? 0x20 : 0x61 + random.below(26)
  }
  return bytes.toString('latin1')
}
