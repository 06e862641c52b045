// Likes: one row for each user and post, comments included. Liking twice and unliking what is not
// liked are fine and change nothing.

import { Refusal } from './refusal.ts'
import { likes, users } from './schema.ts'
import { demandVisible } from './visibility.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'

export interface Like {
  readonly user: number
  readonly post: number
}

/** Refuses with USER_NOT_FOUND, POST_NOT_FOUND. */
export function like(tx: Transaction, { user, post }: Like): void {
  if (!tx.has(users, user)) throw new Refusal('USER_NOT_FOUND')
  demandVisible(tx, post, user)
  if (!isLiked(tx, user, post)) tx.insert(likes, { user, post, createdAt: tx.now })
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
