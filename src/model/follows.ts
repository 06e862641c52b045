// Follows: one row for each follower and followee. Following twice and unfollowing nobody are fine
// and change nothing. A private account is asked first (follow-requests.ts).

import { endRequest, hasRequested, requestFollow } from './follow-requests.ts'
import { FOLLOWING_COUNT_MAX } from './limits.ts'
import { notify } from './notifications.ts'
import { Refusal } from './refusal.ts'
import { follows, users } from './schema.ts'
import { demandBoth, hasBlocked, isPrivate } from './visibility.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'

export interface Follow {
  readonly follower: number
  readonly followee: number
}

/**
 * Follows, or asks to. Refuses with USER_NOT_FOUND, FOLLOW_SELF, USER_BLOCKED, FOLLOWING_TOO_MANY,
 * REQUESTS_TOO_MANY.
 */
export function follow(tx: Transaction, { follower, followee }: Follow): void {
  demandBoth(tx, follower, followee)
  if (follower === followee) throw new Refusal('FOLLOW_SELF')
  // Whom one has blocked one may see, and moderators see whoever has blocked them.
  if (hasBlocked(tx, followee, follower)) throw new Refusal('USER_NOT_FOUND')
  if (hasBlocked(tx, follower, followee)) throw new Refusal('USER_BLOCKED')
  if (isFollowing(tx, follower, followee)) return
  const needsConsent = isPrivate(tx, followee)
  if (needsConsent && hasRequested(tx, follower, followee)) return
  demandRoom(tx, follower)
  if (needsConsent) requestFollow(tx, { requester: follower, target: followee })
  else tx.insert(follows, { follower, followee, createdAt: tx.now })
  const kind = needsConsent ? 'request' : 'follow'
  notify(tx, { user: followee, kind, actor: follower })
}

/** Withdraws a request, too. Refuses with USER_NOT_FOUND. */
export function unfollow(tx: Transaction, { follower, followee }: Follow): void {
  demandBoth(tx, follower, followee)
  endRequest(tx, follower, followee)
  endFollow(tx, follower, followee)
}

/** By `followee`, who loses a follower and tells nobody. Refuses with USER_NOT_FOUND. */
export function removeFollower(tx: Transaction, { follower, followee }: Follow): void {
  demandBoth(tx, followee, follower)
  endFollow(tx, follower, followee)
}

/** Part of whatever ends a follow. */
export function endFollow(tx: Transaction, follower: number, followee: number): void {
  const edge = tx.findPair(follows.indexes.byPair, follower, followee)
  if (edge !== 0) tx.remove(follows, edge)
}

export function isFollowing(view: View, follower: number, followee: number): boolean {
  return view.findPair(follows.indexes.byPair, follower, followee) !== 0
}

/** Refuses with FOLLOWING_TOO_MANY. */
function demandRoom(tx: Transaction, follower: number): void {
  const count = tx.value(users, follower, 'following')
  const waiting = tx.value(users, follower, 'requesting')
  if (count + waiting < FOLLOWING_COUNT_MAX) return
  const asked = waiting === 0 ? '' : ` and ask to follow ${waiting}`
  throw new Refusal(
    'FOLLOWING_TOO_MANY',
    `You follow ${count} people${asked}; ${FOLLOWING_COUNT_MAX} is the most.`,
  )
}
