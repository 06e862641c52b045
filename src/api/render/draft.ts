// How a draft looks in an answer: to its owner alone, and with null for what it does not say yet.

import { Type } from 'typebox'
import { nullable } from '../validation.ts'
import { MediaBody, albumOf } from './media.ts'
import type { Static } from 'typebox'
import type { Draft } from '../../model/drafts.ts'
import type { Rendering, RowSource } from './fragments.ts'

export const DraftBody = Type.Object({
  id: Type.String(),
  caption: nullable(Type.String()),
  /** Those that are still there to be published. */
  media: Type.Array(MediaBody),
  visibility: nullable(Type.String()),
  commenters: nullable(Type.String()),
  created_at: Type.String(),
  updated_at: Type.String(),
})

export function renderDraft({ view }: Rendering, draft: Draft): string {
  const { id, content, media, createdAt, updatedAt } = draft
  const { caption = null, visibility = null, commenters = null } = content
  const body: Static<typeof DraftBody> = {
    id: String(id),
    caption,
    media: albumOf(view as RowSource, media),
    visibility,
    commenters,
    created_at: new Date(createdAt).toISOString(),
    updated_at: new Date(updatedAt).toISOString(),
  }
  return JSON.stringify(body)
}
