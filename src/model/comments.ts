// Comments: posts with a parent and a root. They nest without limit, and nothing here walks a
// thread: every question is about one comment and its direct answers. How a thread is read is the
// subject of comment-tree.ts.
//
// Who comments takes part, a moderator like anybody else: what lists would not show to somebody is
// not answered by that one either, and neither is what somebody says who has blocked, or is
// blocked. Above that, the author of the post says who may comment (COMMENTERS), and always may.

import { demandAllowedTerms } from './blocked-terms.ts'
import { TEXT_LIMITS } from './limits.ts'
import { mentionsIn } from './mentions.ts'
import { notifyAnswered, notifyMentioned } from './notifications.ts'
import { rootOf } from './posts.ts'
import { Refusal } from './refusal.ts'
import { posts } from './schema.ts'
import { fitText } from './text.ts'
import { demandReachable, isActive, isFollower, isListed } from './visibility.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'

export interface PublishComment {
  readonly author: number
  /** The post of the thread, or any comment in it. */
  readonly post: number
  /** What is answered: a comment of the same thread, or `post` when left out. */
  readonly parent?: number
  readonly text: string
}

/**
 * Who may comment on a post besides its author, by their number in the column `commenters`: never
 * reordered. `everybody` is whoever sees the post.
 */
export const COMMENTERS = ['everybody', 'followers', 'nobody'] as const
export type Commenters = (typeof COMMENTERS)[number]

/**
 * Returns the comment's id. Refuses with USER_NOT_FOUND, POST_NOT_FOUND, COMMENT_NOT_FOUND,
 * COMMENTS_CLOSED, TEXT_…, TERM_BLOCKED.
 */
export function publishComment(tx: Transaction, input: PublishComment): number {
  const { author, post, parent = post } = input
  if (!isActive(tx, author)) throw new Refusal('USER_NOT_FOUND')
  demandReachable(tx, post, author)
  if (!isListed(tx, parent, author)) throw new Refusal('COMMENT_NOT_FOUND')
  const root = demandThread(tx, post, parent)
  demandCommenter(tx, root, author)
  const caption = fitText(input.text, TEXT_LIMITS.comment)
  demandAllowedTerms(tx, caption)
  const mentions = mentionsIn(tx, caption, author)
  const depth = tx.value(posts, parent, 'depth') + 1
  const row = { author, parent, root, depth, caption, mentions, publishedAt: tx.now }
  const comment = tx.insert(posts, row)
  notifyAnswered(tx, comment)
  notifyMentioned(tx, comment, mentions)
  return comment
}

/** Whether the user, who sees the post that starts the thread, may comment in it. */
export function mayComment(view: View, root: number, user: number): boolean {
  const author = view.value(posts, root, 'author')
  if (user === author) return true
  const commenters = COMMENTERS[view.value(posts, root, 'commenters')]
  return (
    commenters === 'everybody' || (commenters === 'followers' && isFollower(view, user, author))
  )
}

/** Refuses with COMMENTS_CLOSED. */
function demandCommenter(view: View, root: number, user: number): void {
  if (mayComment(view, root, user)) return
  const isForFollowers = COMMENTERS[view.value(posts, root, 'commenters')] === 'followers'
  throw new Refusal(
    'COMMENTS_CLOSED',
    isForFollowers ? 'Only followers of the author may comment here.' : undefined,
  )
}

/** The thread's root, when both belong to it. Refuses with COMMENT_NOT_FOUND. */
export function demandThread(view: View, post: number, parent: number): number {
  const root = rootOf(view, post)
  if (rootOf(view, parent) !== root) throw new Refusal('COMMENT_NOT_FOUND')
  return root
}
