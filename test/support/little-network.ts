// A small product for tests of the engine: people, posts with nested comments, and likes, with
// every kind of field and index. It knows nothing of the real network.

import {
  bytes,
  counter,
  defineTable,
  flag,
  float,
  json,
  list,
  number,
  pair,
  postings,
  reference,
  text,
  timeMs,
  unique,
  words,
} from '../../src/engine/schema.ts'
import type { Transaction } from '../../src/engine/transaction.ts'
import type { View } from '../../src/engine/view.ts'

export const people = defineTable({
  id: 1,
  name: 'people',
  columns: {
    joinedAt: timeMs(1),
    isAdmin: flag(2),
    karma: number(3),
    weight: float(4),
    posts: counter(5, { table: 'posts', by: 'author', unless: ['parent'] }),
    likes: counter(6, { table: 'likes', by: 'person' }),
  },
  record: { handle: text(10, { sizeMax: 60 }), avatar: bytes(11), settings: json(12) },
  indexes: { byHandle: unique('handle'), byKarma: unique('karma') },
})

export const posts = defineTable({
  id: 2,
  name: 'posts',
  columns: {
    author: reference(1, 'people'),
    parent: reference(2, 'posts'),
    at: timeMs(3),
    replies: counter(4, { table: 'posts', by: 'parent' }),
    likes: counter(5, { table: 'likes', by: 'post' }),
  },
  record: { text: text(10), tags: list<string>(11) },
  indexes: {
    byAuthor: postings('author', { unless: ['parent'] }),
    replies: postings('parent'),
    byWords: words('text', { unless: ['parent'] }),
  },
})

export const likes = defineTable({
  id: 3,
  name: 'likes',
  columns: { person: reference(1, 'people'), post: reference(2, 'posts') },
  indexes: { byPair: pair('person', 'post'), ofPost: postings('post') },
})

export const littleTables = [people, posts, likes]

/** Says no, before its first write or after it. */
export class No extends Error {}

export const littleTransactions = {
  join(tx: Transaction, { handle }: { handle: string }): number {
    if (tx.find(people.indexes.byHandle, handle) !== 0) throw new No(`${handle} is taken`)
    return tx.insert(people, { handle, joinedAt: tx.now, avatar: Buffer.from(handle) })
  },
  post(tx: Transaction, input: { author: number; text: string; parent?: number }): number {
    const { author, parent = 0 } = input
    if (!tx.has(people, author)) throw new No(`nobody is ${author}`)
    if (parent !== 0 && !tx.has(posts, parent)) throw new No(`there is no post ${parent}`)
    return tx.insert(posts, { author, parent, text: input.text, at: tx.now, tags: ['a', 'b'] })
  },
  like(tx: Transaction, { person, post }: { person: number; post: number }): number {
    const found = tx.findPair(likes.indexes.byPair, person, post)
    return found === 0 ? tx.insert(likes, { person, post }) : found
  },
  unlike(tx: Transaction, { person, post }: { person: number; post: number }): boolean {
    const found = tx.findPair(likes.indexes.byPair, person, post)
    if (found !== 0) tx.remove(likes, found)
    return found !== 0
  },
  rename(tx: Transaction, { person, handle }: { person: number; handle: string }): void {
    tx.update(people, person, { handle, settings: { renamedAt: tx.now } })
  },
  edit(tx: Transaction, { post, text: words }: { post: number; text: string }): void {
    tx.update(posts, post, { text: words })
  },
  move(tx: Transaction, { post, author }: { post: number; author: number }): void {
    tx.update(posts, post, { author })
  },
  /** Removes a post without replies, and its likes. */
  remove(tx: Transaction, { post }: { post: number }): void {
    if (tx.value(posts, post, 'replies') > 0) throw new No('it has replies')
    for (const like of tx.newest(likes.indexes.ofPost, post, 1_000_000)) tx.remove(likes, like)
    tx.remove(posts, post)
  },
  /** Writes, and then says no: everything has to be as before. */
  regret(tx: Transaction, { author }: { author: number }): void {
    const post = tx.insert(posts, { author, text: 'soon gone' })
    tx.insert(likes, { person: author, post })
    tx.update(people, author, { handle: `regretful ${author}`, weight: 0.5 })
    tx.remove(posts, post)
    throw new No('on second thoughts')
  },
  bulk(
    tx: Transaction,
    { author, count, size }: { author: number; count: number; size: number },
  ): void {
    for (let index = 0; index < count; index++) {
      tx.insert(posts, { author, text: 'x'.repeat(size), at: tx.now })
    }
  },
}

/**
 * Everything that a reader could ever see, as plain data: two stores that agree on it are the same.
 */
export function everything(view: View): unknown {
  const found: Record<string, unknown> = {}
  for (const table of littleTables) {
    const rows: unknown[] = []
    for (let id = 1; id <= view.lastId(table); id++) {
      const row = view.get(table, id)
      if (row !== undefined) rows.push({ version: view.version(table, id), ...row })
    }
    found[table.name] = { lastId: view.lastId(table), rowCount: view.rowCount(table), rows }
  }
  const lists: unknown[] = []
  for (let owner = 1; owner <= view.lastId(people); owner++) {
    lists.push(view.newest(posts.indexes.byAuthor, owner, 1_000_000))
  }
  for (let post = 1; post <= view.lastId(posts); post++) {
    lists.push(view.newest(posts.indexes.replies, post, 1_000_000))
    lists.push(view.newest(likes.indexes.ofPost, post, 1_000_000))
  }
  for (const [term, isPrefix] of [
    ['lorem', false],
    ['l', true],
    ['gone', false],
  ] as const) {
    lists.push(view.search(posts.indexes.byWords, [{ term, isPrefix }], 1_000_000).ids)
  }
  return { ...found, lists }
}
