// Visibility: who may see what. Everything that shows a user, a post or a comment asks here, and
// every transaction that touches one on somebody's behalf does, too; nothing else decides it.
//
//   WHAT                                IS SEEN BY
//   a user                              everybody but those whom it has blocked
//     suspended                         moderators
//     deleted                           nobody
//   a post                              everybody who sees its author and is not blocked by either
//     of a private account              itself and its followers
//     for followers                     its author and the followers
//     private                           its author
//     removed by a moderator            its author and moderators
//     deleted                           nobody
//   a comment                           whoever sees the post that started its thread, by the same
//                                       rules for its own author, whose account may be private
//   a photo                             its owner; whoever sees the post or profile that shows it
//
// A moderator sees by its id what the network has, deleted things excepted, to judge it; lists show
// moderators what they show anybody. What one may not see is answered like what does not exist.
//
// `viewer` is the id of a user; 0 is anybody, without a log-in.

import { Refusal } from './refusal.ts'
import { blocks, follows, media, mutes, posts, users } from './schema.ts'
import { roleOf, userOfHandle } from './users.ts'
import type { View } from '../engine/view.ts'

/**
 * By their number in the column `visibility`: never reordered. Comments have 0, and so have posts
 * that were published before there was a choice: they are public.
 */
export const VISIBILITIES = ['', 'public', 'followers', 'private'] as const
export type Visibility = Exclude<(typeof VISIBILITIES)[number], ''>

export const PUBLIC = VISIBILITIES.indexOf('public')
const FOLLOWERS = VISIBILITIES.indexOf('followers')
const PRIVATE = VISIBILITIES.indexOf('private')

/** Whether the profile is shown; its posts may be hidden nevertheless (`arePostsVisible`). */
export function isUserVisible(view: View, user: number, viewer: number): boolean {
  if (!view.has(users, user) || view.value(users, user, 'deletedAt') !== 0) return false
  if (user === viewer || isModerator(view, viewer)) return true
  return view.value(users, user, 'suspendedAt') === 0 && !hasBlocked(view, user, viewer)
}

/** Whether lists show the viewer anything of that user, as far as it is up to the user. */
export function arePostsVisible(view: View, user: number, viewer: number): boolean {
  if (!isActive(view, user)) return false
  if (user === viewer) return true
  if (isBlockBetween(view, user, viewer)) return false
  return !isPrivate(view, user) || isFollower(view, viewer, user)
}

/** Whether the viewer may see a post or comment by its id. */
export function isVisible(view: View, post: number, viewer: number): boolean {
  if (!isLive(view, post)) return false
  if (isModerator(view, viewer)) return isThreadLive(view, post)
  return isListed(view, post, viewer)
}

/** Whether lists show it to the viewer. What the viewer has muted is up to each list. */
export function isListed(view: View, post: number, viewer: number): boolean {
  if (!isLive(view, post)) return false
  const author = view.value(posts, post, 'author')
  const root = view.value(posts, post, 'root')
  if (view.value(posts, post, 'removedAt') !== 0 && author !== viewer) return false
  if (root !== 0) {
    // Those who may write in a thread are heard by all who read it, private accounts as well.
    if (!isActive(view, author) || isBlockBetween(view, author, viewer)) return false
    return isListed(view, root, viewer)
  }
  if (!arePostsVisible(view, author, viewer)) return false
  const visibility = view.value(posts, post, 'visibility')
  if (visibility === FOLLOWERS) return author === viewer || isFollower(view, viewer, author)
  return visibility !== PRIVATE || author === viewer
}

/**
 * Whether a comment of a thread that the viewer sees is hidden from the viewer because of a block:
 * a marker stands in its place, so that the answers below it stay readable.
 */
export function isBlockedComment(view: View, comment: number, viewer: number): boolean {
  return isBlockBetween(view, view.value(posts, comment, 'author'), viewer)
}

/** A photo, by its id. */
export function isMediaVisible(view: View, id: number, viewer: number): boolean {
  if (!view.has(media, id)) return false
  if (view.value(media, id, 'owner') === viewer && viewer !== 0) return true
  const post = view.value(media, id, 'post')
  if (post !== 0) return isVisible(view, post, viewer)
  const profile = view.value(media, id, 'profile')
  return profile !== 0 && isUserVisible(view, profile, viewer)
}

/** Refuses with POST_NOT_FOUND. */
export function demandVisible(view: View, post: number, viewer: number): void {
  if (!isVisible(view, post, viewer)) throw new Refusal('POST_NOT_FOUND')
}

/** Refuses with USER_NOT_FOUND. */
export function demandUserVisible(view: View, user: number, viewer: number): void {
  if (!isUserVisible(view, user, viewer)) throw new Refusal('USER_NOT_FOUND')
}

/** The user of that handle. Refuses with USER_NOT_FOUND. */
export function demandUserOfHandle(view: View, handle: string, viewer: number): number {
  const user = userOfHandle(view, handle)
  demandUserVisible(view, user, viewer)
  return user
}

/** Whether somebody can log in and act: there, and neither suspended nor deleted. */
export function isActive(view: View, user: number): boolean {
  return (
    view.has(users, user) &&
    view.value(users, user, 'suspendedAt') === 0 &&
    view.value(users, user, 'deletedAt') === 0
  )
}

/** Moderators and admins. */
export function isModerator(view: View, user: number): boolean {
  return user !== 0 && roleOf(view, user) !== 'user'
}

export function isPrivate(view: View, user: number): boolean {
  return view.value(users, user, 'isPrivate') !== 0
}

export function isFollower(view: View, follower: number, followee: number): boolean {
  return follower !== 0 && view.findPair(follows.indexes.byPair, follower, followee) !== 0
}

export function hasBlocked(view: View, blocker: number, blocked: number): boolean {
  return blocked !== 0 && view.findPair(blocks.indexes.byPair, blocker, blocked) !== 0
}

export function isBlockBetween(view: View, one: number, other: number): boolean {
  return hasBlocked(view, one, other) || hasBlocked(view, other, one)
}

export function hasMuted(view: View, muter: number, muted: number): boolean {
  return muter !== 0 && view.findPair(mutes.indexes.byPair, muter, muted) !== 0
}

/** Neither deleted nor a tombstone. */
function isLive(view: View, post: number): boolean {
  return view.has(posts, post) && view.value(posts, post, 'deletedAt') === 0
}

/** A comment in a deleted thread is out of everybody's sight. */
function isThreadLive(view: View, post: number): boolean {
  const root = view.value(posts, post, 'root')
  return root === 0 || isLive(view, root)
}
