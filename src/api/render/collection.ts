// How a collection looks in an answer, without its posts.

import { Type } from 'typebox'
import { assert } from '../../std/assert.ts'
import { collections } from '../../model/schema.ts'
import { demandCollectionVisible } from '../../model/visibility.ts'
import { AuthorBody, authorOf } from './user.ts'
import type { Static } from 'typebox'
import type { View } from '../../engine/view.ts'
import type { Rendering, RowSource } from './fragments.ts'

export const CollectionBody = Type.Object({
  id: Type.String(),
  owner: AuthorBody,
  name: Type.String(),
  description: Type.String(),
  private: Type.Boolean(),
  created_at: Type.String(),
  /** How many are in it, those among them that the viewer does not see. */
  posts: Type.Integer(),
})

/** Refuses with COLLECTION_NOT_FOUND. */
export function renderCollection(rendering: Rendering, id: number, viewer: number): string {
  demandCollectionVisible(rendering.view, id, viewer)
  return JSON.stringify(bodyOf(rendering.view, id))
}

/** An array of collections that the viewer sees. */
export function renderCollections({ view }: Rendering, ids: readonly number[]): string {
  return JSON.stringify(ids.map((id) => bodyOf(view, id)))
}

function bodyOf(view: View, id: number): Static<typeof CollectionBody> {
  const row = view.get(collections, id)
  assert(row !== undefined, 'a collection that is shown exists')
  return {
    id: String(id),
    owner: authorOf(view as RowSource, row.owner),
    name: row.name,
    description: row.description,
    private: row.isPrivate,
    created_at: new Date(row.createdAt).toISOString(),
    posts: row.items,
  }
}
