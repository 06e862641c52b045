// How a photo looks in an answer. Its address names the bytes, so it never changes what it shows.

import { Type } from 'typebox'
import { assert } from '../../std/assert.ts'
import { files, media } from '../../model/schema.ts'
import type { Static } from 'typebox'
import type { Row } from '../../engine/schema.ts'
import type { View } from '../../engine/view.ts'
import type { RowSource, SteadyRow } from './fragments.ts'

/** Beside the API, not under it: an address to be kept, whatever version the API has. */
export const MEDIA_PATH = '/media'

export const MediaBody = Type.Object({
  id: Type.String(),
  url: Type.String(),
  width: Type.Integer(),
  height: Type.Integer(),
  content_type: Type.String(),
  size: Type.Integer(),
  /** What it shows, for those who do not see it. */
  alt: Type.String(),
  /** What stays when it is cropped: x to the right and y to the top, -1 to 1, 0 in the middle. */
  focus: Type.Array(Type.Number()),
  created_at: Type.String(),
})
export type MediaBody = Static<typeof MediaBody>

export function renderMedia(view: View, row: Row<typeof media>): MediaBody {
  return bodyOf(row, view.get(files, row.file))
}

/** The photos of a post, in its order. */
export function albumOf(rows: RowSource, ids: readonly number[]): MediaBody[] {
  return ids.flatMap((id) => {
    const row = rows.get(media, id)
    return row === undefined ? [] : bodyOf(row, rows.get(files, row.file))
  })
}

function bodyOf(
  row: SteadyRow<typeof media>,
  file: SteadyRow<typeof files> | undefined,
): MediaBody {
  assert(file !== undefined, 'a photo has a file')
  return {
    id: String(row.id),
    url: `${MEDIA_PATH}/${file.name}`,
    width: row.width,
    height: row.height,
    content_type: file.contentType,
    size: file.size,
    alt: row.alt,
    focus: [row.focusX, row.focusY],
    created_at: new Date(row.createdAt).toISOString(),
  }
}
