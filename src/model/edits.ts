// Edits: what the author of a post or comment may change of it afterwards, and what is kept of
// that.
//
//   WHAT                               CHANGES BY    KEPT AS
//   the text                           `editPost`    a revision (revisions.ts)
//   who sees a post, who may comment   `editPost`    nothing
//   what is said of a photo            `editMedia`   nothing
//   the photos and their order         nothing: what was liked and answered stays what it was
//
// Tags and mentions follow the text; who is mentioned is told, but not for the second time.
//
// What a moderator has removed stays as it was, for whoever judges it. An edit that changes nothing
// writes nothing.

import { demandAllowedTerms } from './blocked-terms.ts'
import { TEXT_LIMITS } from './limits.ts'
import { mentionsIn } from './mentions.ts'
import { notifyMentioned } from './notifications.ts'
import { audienceColumns } from './publishing.ts'
import { Refusal } from './refusal.ts'
import { keepRevision } from './revisions.ts'
import { posts } from './schema.ts'
import { tagPost } from './tags.ts'
import { fitText } from './text.ts'
import { demandVisible, isListed } from './visibility.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { Audience } from './publishing.ts'

export interface EditPost extends Audience {
  readonly post: number
  readonly user: number
  /** Stays as it is when it is left out, like who sees it and who may comment. */
  readonly caption?: string
}

/**
 * Refuses with POST_NOT_FOUND, NOT_YOURS, POST_REMOVED, TEXT_…, TERM_BLOCKED; POST_UNFIT when a
 * comment is to have what its thread decides.
 */
export function editPost(tx: Transaction, { post, user, caption, ...audience }: EditPost): void {
  demandVisible(tx, post, user)
  const row = tx.get(posts, post)!
  if (row.author !== user) throw new Refusal('NOT_YOURS')
  if (row.removedAt !== 0) throw new Refusal('POST_REMOVED')
  const isComment = row.root !== 0
  const columns = audienceColumns(audience)
  if (isComment && Object.keys(columns).length > 0) throw new Refusal('POST_UNFIT')
  const limit = isComment ? TEXT_LIMITS.comment : TEXT_LIMITS.caption
  const text = caption === undefined ? row.caption : fitText(caption, limit)
  // Whom it mentions and who did not see it until now is told as if it were new.
  const told = row.mentions.filter((mentioned) => isListed(tx, post, mentioned))
  if (text === row.caption) {
    tx.update(posts, post, columns)
    notifyMentioned(tx, post, row.mentions, told)
    return
  }
  demandAllowedTerms(tx, text)
  const mentions = mentionsIn(tx, text, user)
  keepRevision(tx, post)
  // Time 0 would say "never edited", and a clock may be paused there.
  const editedAt = Math.max(tx.now, 1)
  tx.update(posts, post, { ...columns, caption: text, mentions, editedAt })
  if (!isComment) tagPost(tx, post, text)
  notifyMentioned(tx, post, mentions, told)
}
