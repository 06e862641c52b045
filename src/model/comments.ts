// Comments: posts with a parent and a root. They nest without limit, and nothing here walks a
// thread: every question is about one comment and its direct answers.

import { TEXT_LIMITS } from './limits.ts'
import { rootOf } from './posts.ts'
import { Refusal } from './refusal.ts'
import { posts, users } from './schema.ts'
import { fitText } from './text.ts'
import { demandVisible, isVisible } from './visibility.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'

export interface PublishComment {
  readonly author: number
  /** The post of the thread, or any comment in it. */
  readonly post: number
  /** What is answered: a comment of the same thread, or `post` when left out. */
  readonly parent?: number
  readonly text: string
}

export type CommentOrder = 'new' | 'old'

/**
 * Returns the comment's id. Refuses with USER_NOT_FOUND, POST_NOT_FOUND, COMMENT_NOT_FOUND,
 * TEXT_….
 */
export function publishComment(tx: Transaction, input: PublishComment): number {
  const { author, post, parent = post } = input
  if (!tx.has(users, author)) throw new Refusal('USER_NOT_FOUND')
  demandVisible(tx, post, author)
  if (!isVisible(tx, parent, author)) throw new Refusal('COMMENT_NOT_FOUND')
  const root = demandThread(tx, post, parent)
  return tx.insert(posts, {
    author,
    parent,
    root,
    depth: tx.value(posts, parent, 'depth') + 1,
    caption: fitText(input.text, TEXT_LIMITS.comment),
    publishedAt: tx.now,
  })
}

/** The thread's root, when both belong to it. Refuses with COMMENT_NOT_FOUND. */
export function demandThread(view: View, post: number, parent: number): number {
  const root = rootOf(view, post)
  if (rootOf(view, parent) !== root) throw new Refusal('COMMENT_NOT_FOUND')
  return root
}

/**
 * Direct answers to a post or comment, live ones and tombstones; `cursor` is the id of the last one
 * that the caller has. `new` begins with the newest, `old` with the oldest.
 */
export function repliesOf(
  view: View,
  parent: number,
  order: CommentOrder,
  count: number,
  cursor?: number,
): number[] {
  const index = posts.indexes.replies
  return order === 'new'
    ? view.newest(index, parent, count, cursor)
    : view.after(index, parent, cursor ?? 0, count)
}
