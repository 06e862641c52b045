// Drafts: posts that are being written, as their pages left them. A draft is its owner's alone,
// stays until it is published or deleted, and is as durable as anything else.
//
// A draft may be incomplete, and its caption too long: what a post must be is asked when it is
// published. But its photos are photos of its owner that nothing shows, or it would show those of
// others. A photo that is deleted or published otherwise meanwhile is in the draft's list no more.

import { DRAFT_COUNT_MAX, DRAFT_SIZE_MAX } from './limits.ts'
import { demandFreeMedia } from './media.ts'
import { publishPost } from './publishing.ts'
import { Refusal } from './refusal.ts'
import { drafts, media } from './schema.ts'
import { isActive } from './visibility.ts'
import type { Json } from '../engine/schema.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'
import type { Audience } from './publishing.ts'

export interface DraftContent extends Audience {
  readonly caption?: string
  /** Ids of photos, in order. */
  readonly media?: readonly number[]
}

export interface Draft {
  readonly id: number
  readonly content: DraftContent
  /** Those photos of it that can still be published, in order. */
  readonly media: readonly number[]
  readonly createdAt: number
  readonly updatedAt: number
}

export interface OwnDraft {
  readonly draft: number
  readonly user: number
}

/** Returns its id. Refuses with USER_NOT_FOUND, DRAFTS_TOO_MANY, DRAFT_TOO_LARGE, MEDIA_…. */
export function createDraft(
  tx: Transaction,
  { owner, content }: { owner: number; content: DraftContent },
): number {
  if (!isActive(tx, owner)) throw new Refusal('USER_NOT_FOUND')
  const fitting = fitContent(tx, owner, content)
  if (draftsOf(tx, owner, DRAFT_COUNT_MAX).length >= DRAFT_COUNT_MAX) {
    throw new Refusal(
      'DRAFTS_TOO_MANY',
      `You have ${DRAFT_COUNT_MAX} drafts, which is as many as one can.`,
    )
  }
  return tx.insert(drafts, { owner, content: fitting, createdAt: tx.now, updatedAt: tx.now })
}

/** Replaces all of it. Refuses with DRAFT_NOT_FOUND, DRAFT_TOO_LARGE, MEDIA_…. */
export function saveDraft(
  tx: Transaction,
  { draft, user, content }: OwnDraft & { content: DraftContent },
): void {
  demandOwnDraft(tx, draft, user)
  tx.update(drafts, draft, { content: fitContent(tx, user, content), updatedAt: tx.now })
}

/** Its photos stay, and wait for another post. Refuses with DRAFT_NOT_FOUND. */
export function deleteDraft(tx: Transaction, { draft, user }: OwnDraft): void {
  demandOwnDraft(tx, draft, user)
  tx.remove(drafts, draft)
}

/**
 * Publishes it, and it is no draft any more. Returns the post's id. Refuses with DRAFT_NOT_FOUND
 * and as `publishPost` does; then the draft stays.
 */
export function publishDraft(tx: Transaction, { draft, user }: OwnDraft): number {
  const { caption = '', media: photos = [], ...audience } = demandOwnDraft(tx, draft, user).content
  const post = publishPost(tx, { author: user, caption, media: photos, ...audience })
  tx.remove(drafts, draft)
  return post
}

/** Ids, newest first. */
export function draftsOf(view: View, owner: number, count: number, before?: number): number[] {
  return view.newest(drafts.indexes.byOwner, owner, count, before)
}

/** Refuses with DRAFT_NOT_FOUND. */
export function demandOwnDraft(view: View, id: number, user: number): Draft {
  const row = view.get(drafts, id)
  if (row === undefined || row.owner !== user) throw new Refusal('DRAFT_NOT_FOUND')
  const content = row.content as DraftContent
  const isFree = (photo: number): boolean =>
    view.value(media, photo, 'owner') === user &&
    view.value(media, photo, 'post') === 0 &&
    view.value(media, photo, 'profile') === 0
  return {
    id,
    content,
    media: (content.media ?? []).filter(isFree),
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
  }
}

/** As it is kept. Refuses with DRAFT_TOO_LARGE, MEDIA_…. */
function fitContent(view: View, owner: number, content: DraftContent): Json {
  const { caption, media: photos = [], visibility, commenters } = content
  demandFreeMedia(view, owner, photos, 0)
  const fitting: Json = {
    media: photos,
    ...(caption === undefined ? {} : { caption: caption.toWellFormed() }),
    ...(visibility === undefined ? {} : { visibility }),
    ...(commenters === undefined ? {} : { commenters }),
  }
  const size = Buffer.byteLength(JSON.stringify(fitting))
  if (size > DRAFT_SIZE_MAX) {
    throw new Refusal(
      'DRAFT_TOO_LARGE',
      `A draft holds ${DRAFT_SIZE_MAX} bytes; this one has ${size}.`,
    )
  }
  return fitting
}
