// Posts: what they and comments have in common, which are posts, too (comments.ts), and deleting
// them. How a post comes about is told in publishing.ts, how it changes in edits.ts.
//
// Deleting erases text, photos and history at once, takes the post out of its tags, and hides the
// row from every list. What others hung on it stays in its tables, out of sight: likes, bookmarks,
// places in collections, the comments below a deleted post. There may be millions, and a
// transaction is bounded. Ids are never reused, so nothing comes to light under another post.

import { removeMedia } from './media.ts'
import { Refusal } from './refusal.ts'
import { removeRevisions } from './revisions.ts'
import { posts } from './schema.ts'
import { untagPost } from './tags.ts'
import { demandVisible, isOwn } from './visibility.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'

/** Tombstones that one deletion may turn into nothing on its way up the thread. */
const TOMBSTONE_SWEEP_MAX = 10_000

/**
 * Deletes a post or a comment of `user`. A comment that has answers stays as a tombstone; one that
 * has none goes, and so do the tombstones above that it kept. Refuses with POST_NOT_FOUND,
 * NOT_YOURS.
 */
export function deletePost(tx: Transaction, input: { post: number; user: number }): void {
  const { post, user } = input
  if (!isOwn(tx, post, user)) {
    demandVisible(tx, post, user)
    throw new Refusal('NOT_YOURS')
  }
  erasePost(tx, post)
}

/**
 * Part of whatever deletes a live post or comment. Returns how many rows it has written, the
 * tombstones above among them.
 */
export function erasePost(tx: Transaction, post: number): number {
  const { parent, root, replies, media } = tx.get(posts, post)!
  const isGone = root === 0 || replies === 0
  removeMedia(tx, media)
  const removed = untagPost(tx, post) + removeRevisions(tx, post)
  // Time 0 would say "live", and a clock may be paused there.
  const deletedAt = Math.max(tx.now, 1)
  tx.update(posts, post, { deletedAt, isGone, caption: '', media: [], mentions: [] })
  const swept = isGone && root !== 0 ? sweepTombstones(tx, parent) : 0
  return 1 + media.length + removed + swept
}

/** The post that starts the thread of `post`. */
export function rootOf(view: View, post: number): number {
  return view.value(posts, post, 'root') || post
}

/**
 * From `start` upwards, as long as there are tombstones that nothing hangs on. A loop: threads are
 * deep. Returns how many have gone.
 */
function sweepTombstones(tx: Transaction, start: number): number {
  let post = start
  let count = 0
  for (; count < TOMBSTONE_SWEEP_MAX; count++) {
    if (tx.value(posts, post, 'deletedAt') === 0 || tx.value(posts, post, 'replies') > 0) break
    tx.update(posts, post, { isGone: true })
    post = tx.value(posts, post, 'parent')
  }
  return count
}
