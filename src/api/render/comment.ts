// How a comment looks in an answer, and one page of a thread.
//
// Each comment of a page brings a few of its direct answers, how many there are, and a cursor for
// the rest; an answer's own answers are asked for with `parent=`. The work of a page is bounded by
// `limit` × (1 + PREVIEW_COUNT), whatever the size or depth of the thread.
//
// A comment that was deleted but has live answers is a tombstone: no author, no text, nothing to
// like.

import { Type } from 'typebox'
import { repliesOf } from '../../model/comments.ts'
import { isLiked } from '../../model/likes.ts'
import { posts } from '../../model/schema.ts'
import { cutPage, nullable, pageOf } from '../validation.ts'
import { AuthorBody, authorsOf } from './user.ts'
import type { Static } from 'typebox'
import type { Row } from '../../engine/schema.ts'
import type { View } from '../../engine/view.ts'
import type { CommentOrder } from '../../model/comments.ts'

/** Answers that a comment of a page brings along. */
const PREVIEW_COUNT = 3

const PLAIN_FIELDS = {
  id: Type.String(),
  /** The post that started the thread. */
  post: Type.String(),
  parent: Type.String(),
  depth: Type.Integer(),
  author: nullable(AuthorBody),
  text: Type.String(),
  created_at: Type.String(),
  deleted: Type.Boolean(),
  likes: Type.Integer(),
  child_count: Type.Integer(),
  viewer: Type.Object({ liked: Type.Boolean() }),
}

export const CommentBody = Type.Object(PLAIN_FIELDS)
export type CommentBody = Static<typeof CommentBody>

export const ThreadBody = pageOf(
  Type.Object({ ...PLAIN_FIELDS, children: pageOf(Type.Object(PLAIN_FIELDS)) }),
)
export type ThreadBody = Static<typeof ThreadBody>

export function renderComments(view: View, ids: readonly number[], viewer: number): CommentBody[] {
  const rows = view.getMany(posts, ids)
  const authors = authorsOf(
    view,
    rows.map(({ author }) => author),
  )
  return rows.map((row) => bodyOf(view, row, authors.get(row.author)!, viewer))
}

/** A page of the direct answers to `parent`. */
export function renderThread(
  view: View,
  parent: number,
  viewer: number,
  page: { readonly order: CommentOrder; readonly count: number; readonly cursor?: number },
): ThreadBody {
  const { order, count, cursor } = page
  const { ids, next } = cutPage(repliesOf(view, parent, order, count + 1, cursor), count)
  const previews = ids.map((id) =>
    cutPage(repliesOf(view, id, order, PREVIEW_COUNT + 1), PREVIEW_COUNT),
  )
  // All rows at once, so that each author is read once: the page, then the previews in its order.
  const bodies = renderComments(view, [...ids, ...previews.flatMap((each) => each.ids)], viewer)
  let position = ids.length
  const items = previews.map((preview, index) => {
    const start = position
    position += preview.ids.length
    return {
      ...bodies[index]!,
      children: { items: bodies.slice(start, position), next: preview.next },
    }
  })
  return { items, next }
}

function bodyOf(
  view: View,
  row: Row<typeof posts>,
  author: AuthorBody,
  viewer: number,
): CommentBody {
  const deleted = row.deletedAt !== 0
  return {
    id: String(row.id),
    post: String(row.root),
    parent: String(row.parent),
    depth: row.depth,
    author: deleted ? null : author,
    text: row.caption,
    created_at: new Date(row.publishedAt).toISOString(),
    deleted,
    likes: deleted ? 0 : row.likes,
    child_count: row.replies,
    viewer: { liked: !deleted && viewer !== 0 && isLiked(view, viewer, row.id) },
  }
}
