// Posts: publishing and deleting them. A comment is a post, too (comments.ts), so everything here
// that takes a post takes a comment.
//
// Deleting erases text and photos at once and hides the row from every list. What hung on it, likes
// and the comments below a deleted post, stays in its tables, out of sight: there may be millions,
// and a transaction is bounded. Ids are never reused, so nothing comes to light under another post.

import { TEXT_LIMITS } from './limits.ts'
import { attachMedia, demandFreeMedia, removeMedia } from './media.ts'
import { Refusal } from './refusal.ts'
import { posts, users } from './schema.ts'
import { fitText } from './text.ts'
import { PUBLIC, demandVisible } from './visibility.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'

export interface PublishPost {
  readonly author: number
  readonly caption: string
  /** Ids of photos of the author that no other post shows, in order. */
  readonly media: readonly number[]
}

/** Tombstones that one deletion may turn into nothing on its way up the thread. */
const TOMBSTONE_SWEEP_MAX = 10_000

/** Returns the post's id. Refuses with USER_NOT_FOUND, TEXT_…, MEDIA_…. */
export function publishPost(tx: Transaction, input: PublishPost): number {
  const { author, media } = input
  if (!tx.has(users, author)) throw new Refusal('USER_NOT_FOUND')
  const caption = fitText(input.caption, TEXT_LIMITS.caption)
  demandFreeMedia(tx, author, media)
  const visibility = PUBLIC
  const post = tx.insert(posts, { author, caption, media, visibility, publishedAt: tx.now })
  attachMedia(tx, post, media)
  return post
}

/**
 * Deletes a post or a comment of `user`. A comment that has answers stays as a tombstone; one that
 * has none goes, and so do the tombstones above that it kept. Refuses with POST_NOT_FOUND,
 * NOT_YOURS.
 */
export function deletePost(tx: Transaction, input: { post: number; user: number }): void {
  const { post, user } = input
  demandVisible(tx, post, user)
  const { author, parent, root, replies, media } = tx.get(posts, post)!
  if (author !== user) throw new Refusal('NOT_YOURS')
  const isGone = root === 0 || replies === 0
  removeMedia(tx, media)
  // Time 0 would say "live", and a clock may be paused there.
  tx.update(posts, post, { deletedAt: Math.max(tx.now, 1), isGone, caption: '', media: [] })
  if (isGone && root !== 0) sweepTombstones(tx, parent)
}

/** The post that starts the thread of `post`. */
export function rootOf(view: View, post: number): number {
  return view.value(posts, post, 'root') || post
}

/**
 * From `start` upwards, as long as there are tombstones that nothing hangs on. A loop: threads are
 * deep.
 */
function sweepTombstones(tx: Transaction, start: number): void {
  let post = start
  for (let step = 0; step < TOMBSTONE_SWEEP_MAX; step++) {
    if (tx.value(posts, post, 'deletedAt') === 0 || tx.value(posts, post, 'replies') > 0) return
    tx.update(posts, post, { isGone: true })
    post = tx.value(posts, post, 'parent')
  }
}
