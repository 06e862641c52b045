// Timelines: lists of posts, newest first. Nothing is stored for them: home is a merge of the lists
// of everybody whom its owner follows, made when it is asked for, so that a post is there the
// moment it commits and a follow, an unfollow or a deletion is right at once.
//
// The merge is bounded by FOLLOWING_COUNT_MAX lists. A cursor is the id of the last post that the
// caller has: ids grow with time.

import { FOLLOWING_COUNT_MAX } from './limits.ts'
import { followingOf } from './follows.ts'
import { follows, posts } from './schema.ts'
import type { View } from '../engine/view.ts'

/** Posts of a user and of those whom the user follows. */
export function homeTimeline(view: View, user: number, count: number, before?: number): number[] {
  const authors = [user]
  for (const edge of followingOf(view, user, FOLLOWING_COUNT_MAX)) {
    authors.push(view.value(follows, edge, 'followee'))
  }
  return view.mergeNewest(posts.indexes.byAuthor, authors, count, before)
}

/** Posts of one user. */
export function postsOfUser(view: View, user: number, count: number, before?: number): number[] {
  return view.newest(posts.indexes.byAuthor, user, count, before)
}
