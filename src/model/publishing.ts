// Publishing: how a post that starts a thread comes about, out of photos that wait for one.
//
// Its author says who sees it (visibility.ts) and who may comment on it (comments.ts). The caption
// gives it tags (tags.ts) and mentions (mentions.ts), and who is mentioned is told.

import { demandAllowedTerms } from './blocked-terms.ts'
import { COMMENTERS } from './comments.ts'
import { POST_MEDIA_COUNT_MIN, TEXT_LIMITS } from './limits.ts'
import { attachMedia, demandFreeMedia, describeMedia, fitDescription } from './media.ts'
import { mentionsIn } from './mentions.ts'
import { notifyMentioned } from './notifications.ts'
import { Refusal } from './refusal.ts'
import { posts } from './schema.ts'
import { tagPost } from './tags.ts'
import { fitText } from './text.ts'
import { VISIBILITIES, isActive } from './visibility.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { Commenters } from './comments.ts'
import type { MediaDescription } from './media.ts'
import type { Visibility } from './visibility.ts'

/** What the author of a post chooses. */
export interface Audience {
  /** Who sees it; everybody when it is left out. */
  readonly visibility?: Visibility
  /** Who may comment; whoever sees it when it is left out. */
  readonly commenters?: Commenters
}

export interface PublishPost extends Audience {
  readonly author: number
  readonly caption: string
  /** Ids of photos of the author that no other post shows, in order. */
  readonly media: readonly number[]
  /** What is to be said of each of them, in the same order; what was said before stays. */
  readonly descriptions?: readonly MediaDescription[]
}

/** Returns the post's id. Refuses with USER_NOT_FOUND, TEXT_…, TERM_BLOCKED, MEDIA_…. */
export function publishPost(tx: Transaction, input: PublishPost): number {
  const { author, media } = input
  if (!isActive(tx, author)) throw new Refusal('USER_NOT_FOUND')
  const caption = fitText(input.caption, TEXT_LIMITS.caption)
  const descriptions = (input.descriptions ?? []).map(fitDescription)
  demandAllowedTerms(tx, caption, ...descriptions.map(({ alt = '' }) => alt))
  demandFreeMedia(tx, author, media, POST_MEDIA_COUNT_MIN)
  const mentions = mentionsIn(tx, caption, author)
  const audience = audienceColumns({ visibility: 'public', ...input })
  const row = { author, caption, media, mentions, ...audience, publishedAt: tx.now }
  const post = tx.insert(posts, row)
  for (const [index, id] of media.entries()) describeMedia(tx, id, descriptions[index] ?? {})
  attachMedia(tx, post, media)
  tagPost(tx, post, caption)
  notifyMentioned(tx, post, mentions)
  return post
}

/** As columns of `posts`; what is left out of one is left out of the other. */
export function audienceColumns({ visibility, commenters }: Audience): {
  visibility?: number
  commenters?: number
} {
  return {
    ...(visibility === undefined ? {} : { visibility: VISIBILITIES.indexOf(visibility) }),
    ...(commenters === undefined ? {} : { commenters: COMMENTERS.indexOf(commenters) }),
  }
}
