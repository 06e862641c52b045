// Requests to follow a private account: a row for each that waits. It ends when it is granted,
// which makes a follow of it, refused, or withdrawn by whoever asked. Nobody is told of a refusal.
//
// A request counts as a follow towards FOLLOWING_COUNT_MAX, so granting one never exceeds it.

import { REQUESTS_RECEIVED_COUNT_MAX } from './limits.ts'
import { notify } from './notifications.ts'
import { Refusal } from './refusal.ts'
import { followRequests, follows, users } from './schema.ts'
import { demandBoth, isFollower } from './visibility.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'

export interface FollowRequest {
  readonly requester: number
  readonly target: number
}

/** Part of following a private account, once both may. Refuses with REQUESTS_TOO_MANY. */
export function requestFollow(tx: Transaction, { requester, target }: FollowRequest): void {
  if (hasRequested(tx, requester, target)) return
  if (tx.value(users, target, 'followRequests') >= REQUESTS_RECEIVED_COUNT_MAX) {
    throw new Refusal('REQUESTS_TOO_MANY')
  }
  tx.insert(followRequests, { requester, target, createdAt: tx.now })
}

/** By `target`. Granting twice is fine. Refuses with USER_NOT_FOUND, REQUEST_NOT_FOUND. */
export function grantFollow(tx: Transaction, { requester, target }: FollowRequest): void {
  demandBoth(tx, target, requester)
  const request = tx.findPair(followRequests.indexes.byPair, requester, target)
  if (request !== 0) grant(tx, request)
  else if (!isFollower(tx, requester, target)) throw new Refusal('REQUEST_NOT_FOUND')
}

/** By `target`. Refusing what nobody asked for is fine. Refuses with USER_NOT_FOUND. */
export function refuseFollow(tx: Transaction, { requester, target }: FollowRequest): void {
  demandBoth(tx, target, requester)
  endRequest(tx, requester, target)
}

/** Part of making an account public: everybody who waits follows, who has waited longest first. */
export function grantAll(tx: Transaction, target: number): void {
  const index = followRequests.indexes.byTarget
  for (const request of tx.after(index, target, 0, REQUESTS_RECEIVED_COUNT_MAX)) grant(tx, request)
}

/** Part of whatever makes a request pointless. */
export function endRequest(tx: Transaction, requester: number, target: number): void {
  const request = tx.findPair(followRequests.indexes.byPair, requester, target)
  if (request !== 0) tx.remove(followRequests, request)
}

export function hasRequested(view: View, requester: number, target: number): boolean {
  if (view.value(users, requester, 'requesting') === 0) return false
  return view.findPair(followRequests.indexes.byPair, requester, target) !== 0
}

function grant(tx: Transaction, request: number): void {
  const follower = tx.value(followRequests, request, 'requester')
  const followee = tx.value(followRequests, request, 'target')
  tx.remove(followRequests, request)
  if (!isFollower(tx, follower, followee)) {
    tx.insert(follows, { follower, followee, createdAt: tx.now })
    notify(tx, { user: follower, kind: 'grant', actor: followee })
  }
}
