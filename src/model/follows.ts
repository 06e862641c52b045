// Follows: one row for each follower and followee. Following twice and unfollowing nobody are fine
// and change nothing.

import { FOLLOWING_COUNT_MAX } from './limits.ts'
import { Refusal } from './refusal.ts'
import { follows, users } from './schema.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'

export interface Follow {
  readonly follower: number
  readonly followee: number
}

/** Refuses with USER_NOT_FOUND, FOLLOW_SELF, FOLLOWING_TOO_MANY. */
export function follow(tx: Transaction, { follower, followee }: Follow): void {
  demandUsers(tx, follower, followee)
  if (follower === followee) throw new Refusal('FOLLOW_SELF')
  if (isFollowing(tx, follower, followee)) return
  const count = tx.value(users, follower, 'following')
  if (count >= FOLLOWING_COUNT_MAX) {
    throw new Refusal(
      'FOLLOWING_TOO_MANY',
      `You follow ${count} people; ${FOLLOWING_COUNT_MAX} is the most.`,
    )
  }
  tx.insert(follows, { follower, followee, createdAt: tx.now })
}

/** Refuses with USER_NOT_FOUND. */
export function unfollow(tx: Transaction, { follower, followee }: Follow): void {
  demandUsers(tx, follower, followee)
  const edge = tx.findPair(follows.indexes.byPair, follower, followee)
  if (edge !== 0) tx.remove(follows, edge)
}

export function isFollowing(view: View, follower: number, followee: number): boolean {
  return view.findPair(follows.indexes.byPair, follower, followee) !== 0
}

/** Rows of `follows`, newest first: each names a follower. */
export function followersOf(view: View, user: number, count: number, before?: number): number[] {
  return view.newest(follows.indexes.followers, user, count, before)
}

/** Rows of `follows`, newest first: each names a followee. */
export function followingOf(view: View, user: number, count: number, before?: number): number[] {
  return view.newest(follows.indexes.following, user, count, before)
}

function demandUsers(tx: Transaction, follower: number, followee: number): void {
  if (!tx.has(users, follower) || !tx.has(users, followee)) throw new Refusal('USER_NOT_FOUND')
}
