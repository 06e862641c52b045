// Hot: bench `rendering` shows it. A feed asks `isListed` for each post of each answer.
//
// Visibility: who may see what. Everything that shows a user, a post or a comment asks here, and
// every transaction that touches one on somebody's behalf does, too; nothing else decides it.
//
//   WHAT                                IS SEEN BY
//   a user                              everybody but those whom it has blocked
//     suspended                         itself and moderators
//     deleted                           nobody
//   whom it follows, its followers      everybody who sees it and has not blocked it
//     of a private account              itself and its followers
//   a post                              everybody who sees its author and has not blocked them
//     of a private account              itself and its followers
//     for followers                     its author and the followers
//     private                           its author
//     removed by a moderator            its author and moderators
//     deleted, or by a deleted user     nobody
//   a comment                           whoever sees the post that started its thread, its own
//                                       author's account being private or not; but nobody whom a
//                                       block separates from its author
//     with a block between its author   moderators: whom I block says nothing below my posts
//     and that of the post
//     removed, deleted                  as a post
//   a photo                             its owner; whoever sees the post or profile that shows it
//   a collection                        whoever sees posts of its owner
//     private                           its owner
//   bookmarks, drafts                   their owner
//
// Muting hides nothing here: what lists leave out of it is up to each list.
//
// A moderator sees by its id what the network has, deleted things excepted, to judge it. Lists show
// moderators what they show anybody, and who acts on something (`demandReachable`) does it as
// anybody: a moderator has no way round a block. The operator is no user, and sees what anybody
// sees. What one may not see is answered like what does not exist.
//
// `viewer` is the id of a user; 0 is anybody, without a log-in.
//
// What costs: a look-up of a pair is several times a read of a column. Most people have nothing to
// do with any block, and counters say so: no pair is looked up for them.

import { Refusal } from './refusal.ts'
import { blocks, collections, follows, media, mutes, posts, users } from './schema.ts'
import { userOfHandle } from './users.ts'
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
  if (!isThere(view, user)) return false
  if (user === viewer || isModerator(view, viewer)) return true
  return view.value(users, user, 'suspendedAt') === 0 && !hasBlocked(view, user, viewer)
}

/** Whether lists of people show it to the viewer: a block either way takes it out. */
export function isUserListed(view: View, user: number, viewer: number): boolean {
  return isActive(view, user) && !isBlockBetween(view, viewer, user)
}

/** Whether lists show the viewer anything of that user, as far as it is up to the user. */
export function arePostsVisible(view: View, user: number, viewer: number): boolean {
  if (user === viewer) return isThere(view, user)
  if (!isActive(view, user) || isBlockBetween(view, viewer, user)) return false
  return !isPrivate(view, user) || isFollower(view, viewer, user)
}

/** Whether the viewer may see a post or comment by its id. */
export function isVisible(view: View, post: number, viewer: number): boolean {
  return isListed(view, post, viewer) || (isModerator(view, viewer) && isKept(view, post))
}

/** Whether lists show it to the viewer. What the viewer has muted is up to each list. */
export function isListed(view: View, post: number, viewer: number): boolean {
  // There is no post without an author, and no row without one: 0 says that there is none.
  const author = view.value(posts, post, 'author')
  if (author === 0 || view.value(posts, post, 'deletedAt') !== 0) return false
  const root = view.value(posts, post, 'root')
  if (root === 0) return isRootListed(view, post, author, viewer)
  if (author === viewer) {
    if (!isThere(view, author)) return false
  } else {
    if (view.value(posts, post, 'removedAt') !== 0) return false
    if (!isActive(view, author) || isBlockBetween(view, viewer, author)) return false
  }
  const rootAuthor = view.value(posts, root, 'author')
  if (rootAuthor === 0 || view.value(posts, root, 'deletedAt') !== 0) return false
  if (isBlockBetween(view, author, rootAuthor)) return false
  return isRootListed(view, root, rootAuthor, viewer)
}

/** Of a post that starts a thread and is not deleted. */
function isRootListed(view: View, post: number, author: number, viewer: number): boolean {
  if (author === viewer) return isThere(view, author)
  if (view.value(posts, post, 'removedAt') !== 0) return false
  const visibility = view.value(posts, post, 'visibility')
  if (visibility === PRIVATE || !arePostsVisible(view, author, viewer)) return false
  return visibility !== FOLLOWERS || isFollower(view, viewer, author)
}

/**
 * How a comment stands in a thread that the viewer sees. Of all but `shown`, only the place is
 * told, for what is below it; what a suspended account says is removed with it.
 */
export type CommentStanding = 'shown' | 'deleted' | 'removed' | 'blocked'

/**
 * Lists show it exactly when it is `shown`. Who asks about many comments of one thread keeps in
 * `authors` what was found out about their authors: most of the work.
 */
export function standingOf(
  view: View,
  comment: number,
  viewer: number,
  authors?: Map<number, CommentStanding>,
): CommentStanding {
  const author = view.value(posts, comment, 'author')
  if (view.value(posts, comment, 'deletedAt') !== 0) return 'deleted'
  let standing = authors?.get(author)
  if (standing === undefined) {
    const rootAuthor = view.value(posts, view.value(posts, comment, 'root'), 'author')
    standing = authorStandingOf(view, author, viewer, rootAuthor)
    authors?.set(author, standing)
  }
  if (standing === 'deleted' || author === viewer) return standing
  return view.value(posts, comment, 'removedAt') === 0 ? standing : 'removed'
}

/** How the live comments of an author stand in a thread of `rootAuthor`. */
function authorStandingOf(
  view: View,
  author: number,
  viewer: number,
  rootAuthor: number,
): CommentStanding {
  if (!isThere(view, author)) return 'deleted'
  if (author === viewer) return 'shown'
  if (!isActive(view, author)) return 'removed'
  const isBlocked = isBlockBetween(view, viewer, author) || isBlockBetween(view, author, rootAuthor)
  return isBlocked ? 'blocked' : 'shown'
}

/** A photo, by its id. */
export function isMediaVisible(view: View, id: number, viewer: number): boolean {
  const owner = view.value(media, id, 'owner')
  if (owner === 0) return false
  if (owner === viewer) return true
  const post = view.value(media, id, 'post')
  if (post !== 0) return isVisible(view, post, viewer)
  const profile = view.value(media, id, 'profile')
  return profile !== 0 && isUserVisible(view, profile, viewer)
}

/** A collection; what of its posts is seen is up to each post. */
export function isCollectionVisible(view: View, id: number, viewer: number): boolean {
  const owner = view.value(collections, id, 'owner')
  if (!isThere(view, owner)) return false
  if (view.value(collections, id, 'isPrivate') !== 0) return owner === viewer
  return arePostsVisible(view, owner, viewer) || isModerator(view, viewer)
}

/** Refuses with COLLECTION_NOT_FOUND. */
export function demandCollectionVisible(view: View, id: number, viewer: number): void {
  if (!isCollectionVisible(view, id, viewer)) throw new Refusal('COLLECTION_NOT_FOUND')
}

/** Refuses with POST_NOT_FOUND. */
export function demandVisible(view: View, post: number, viewer: number): void {
  if (!isVisible(view, post, viewer)) throw new Refusal('POST_NOT_FOUND')
}

/**
 * For who does something about a post (likes it, answers it), not only looks at it: moderators are
 * like anybody here. Refuses with POST_NOT_FOUND.
 */
export function demandReachable(view: View, post: number, user: number): void {
  if (!isListed(view, post, user)) throw new Refusal('POST_NOT_FOUND')
}

/**
 * Whether it is live and the user's, who may take it back wherever it stands: below a post that its
 * author hides from the user by now, too.
 */
export function isOwn(view: View, post: number, user: number): boolean {
  return view.value(posts, post, 'author') === user && isKept(view, post)
}

/** Refuses with USER_NOT_FOUND. */
export function demandUserVisible(view: View, user: number, viewer: number): void {
  if (!isUserVisible(view, user, viewer)) throw new Refusal('USER_NOT_FOUND')
}

/** For who does something about somebody. Refuses with USER_NOT_FOUND. */
export function demandBoth(view: View, actor: number, other: number): void {
  if (!isActive(view, actor)) throw new Refusal('USER_NOT_FOUND')
  demandUserVisible(view, other, actor)
}

/** The user of that handle. Refuses with USER_NOT_FOUND. */
export function demandUserOfHandle(view: View, handle: string, viewer: number): number {
  const user = userOfHandle(view, handle)
  demandUserVisible(view, user, viewer)
  return user
}

/** Whether somebody can log in and act: there, and neither suspended nor deleted. */
export function isActive(view: View, user: number): boolean {
  return isThere(view, user) && view.value(users, user, 'suspendedAt') === 0
}

/** Moderators and admins. */
export function isModerator(view: View, user: number): boolean {
  return user !== 0 && view.value(users, user, 'role') !== 0
}

export function isPrivate(view: View, user: number): boolean {
  return view.value(users, user, 'isPrivate') !== 0
}

export function isFollower(view: View, follower: number, followee: number): boolean {
  return follower !== 0 && view.findPair(follows.indexes.byPair, follower, followee) !== 0
}

export function hasBlocked(view: View, blocker: number, blocked: number): boolean {
  if (blocked === 0 || view.value(users, blocker, 'blocking') === 0) return false
  return view.findPair(blocks.indexes.byPair, blocker, blocked) !== 0
}

/** Cheapest with the one first who is asked about most: the viewer. */
export function isBlockBetween(view: View, one: number, other: number): boolean {
  if (one === 0 || one === other) return false
  if (view.value(users, one, 'blocking') !== 0 && isPairBlocked(view, one, other)) return true
  return view.value(users, one, 'blockedBy') !== 0 && hasBlocked(view, other, one)
}

export function hasMuted(view: View, muter: number, muted: number): boolean {
  if (muter === 0 || view.value(users, muter, 'muting') === 0) return false
  return view.findPair(mutes.indexes.byPair, muter, muted) !== 0
}

function isPairBlocked(view: View, blocker: number, blocked: number): boolean {
  if (view.value(users, blocked, 'blockedBy') === 0) return false
  return view.findPair(blocks.indexes.byPair, blocker, blocked) !== 0
}

function isThere(view: View, user: number): boolean {
  return view.has(users, user) && view.value(users, user, 'deletedAt') === 0
}

/**
 * Whether there is something to judge: neither deleted nor a tombstone, nor in a deleted thread,
 * nor of a deleted account.
 */
export function isKept(view: View, post: number): boolean {
  const root = view.value(posts, post, 'root')
  return isLive(view, post) && (root === 0 || isLive(view, root))
}

function isLive(view: View, post: number): boolean {
  const author = view.value(posts, post, 'author')
  return isThere(view, author) && view.value(posts, post, 'deletedAt') === 0
}
