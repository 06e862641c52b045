// Likes: one row for each user and post, comments included. Liking twice and unliking what is not
// liked are fine and change nothing.

import { notify } from './notifications.ts'
import { Refusal } from './refusal.ts'
import { likes, posts } from './schema.ts'
import { shownRows } from './shown-rows.ts'
import { demandReachable, demandVisible, isActive, isListed, isUserListed } from './visibility.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'
import type { RowsQuery, ShownPage } from './shown-rows.ts'

export interface Like {
  readonly user: number
  readonly post: number
}

/** Newer likes than that are counted all the same: it bounds what a question costs. */
const LATER_LIKES_MAX = 300

/** Refuses with USER_NOT_FOUND, POST_NOT_FOUND. */
export function like(tx: Transaction, { user, post }: Like): void {
  if (!isActive(tx, user)) throw new Refusal('USER_NOT_FOUND')
  demandReachable(tx, post, user)
  if (isLiked(tx, user, post)) return
  tx.insert(likes, { user, post, createdAt: tx.now })
  notify(tx, { user: tx.value(posts, post, 'author'), kind: 'like', actor: user, post })
}

/** Refuses with POST_NOT_FOUND. */
export function unlike(tx: Transaction, { user, post }: Like): void {
  demandVisible(tx, post, user)
  const row = tx.findPair(likes.indexes.byPair, user, post)
  if (row !== 0) tx.remove(likes, row)
}

export function isLiked(view: View, user: number, post: number): boolean {
  return view.findPair(likes.indexes.byPair, user, post) !== 0
}

/** Users who like it, newest like first, but for those whom lists do not show the viewer. */
export function likersOf(view: View, post: number, viewer: number, query: RowsQuery): ShownPage {
  return shownRows(
    view,
    { index: likes.indexes.byPost, owner: post },
    query,
    (row) => view.value(likes, row, 'user'),
    (user) => isUserListed(view, user, viewer),
  )
}

/** Posts and comments that the user likes and still sees, newest like first. */
export function likedBy(view: View, user: number, query: RowsQuery): ShownPage {
  return shownRows(
    view,
    { index: likes.indexes.byUser, owner: user },
    query,
    (row) => view.value(likes, row, 'post'),
    (post) => isListed(view, post, user),
  )
}

/** Likes that were given up to that row of `likes` and not taken back since. */
export function likesUntil(view: View, post: number, like: number): number {
  const count = view.value(posts, post, 'likes')
  if (count === 0 || like >= view.lastId(likes)) return count
  return count - view.after(likes.indexes.byPost, post, like, LATER_LIKES_MAX).length
}
