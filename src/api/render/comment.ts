// How a comment looks in an answer, and one page of a thread.
//
// Each comment of a page brings a few of its direct answers, how many there are, and a cursor for
// the rest; an answer's own answers are asked for with `parent=`. The work of a page is bounded by
// `limit` × (1 + PREVIEW_COUNT), whatever the size or depth of the thread.
//
// A comment that was deleted but has live answers is a tombstone: no author, no text, nothing to
// like.

import { Type } from 'typebox'
import { assert } from '../../std/assert.ts'
import { repliesOf } from '../../model/comments.ts'
import { isLiked } from '../../model/likes.ts'
import { posts } from '../../model/schema.ts'
import { demandVisible } from '../../model/visibility.ts'
import { cutPage, nullable, pageOf } from '../validation.ts'
import { openText, pageText } from './answer.ts'
import { AuthorBody, authorOf } from './user.ts'
import type { Static } from 'typebox'
import type { CommentOrder } from '../../model/comments.ts'
import type { FragmentKind, Rendering, RowSource } from './fragments.ts'

/** Answers that a comment of a page brings along. */
const PREVIEW_COUNT = 3

const SteadyBody = Type.Object({
  id: Type.String(),
  /** The post that started the thread. */
  post: Type.String(),
  parent: Type.String(),
  depth: Type.Integer(),
  author: nullable(AuthorBody),
  text: Type.String(),
  created_at: Type.String(),
  deleted: Type.Boolean(),
})

export const CommentBody = Type.Object({
  ...SteadyBody.properties,
  likes: Type.Integer(),
  child_count: Type.Integer(),
  viewer: Type.Object({ liked: Type.Boolean() }),
})

export const ThreadBody = pageOf(
  Type.Object({ ...CommentBody.properties, children: pageOf(CommentBody) }),
)

const COMMENT: FragmentKind = {
  id: 2,
  steady: (rows, comment) => openText(steadyBodyOf(rows, comment)),
  counts: (view, comment) => {
    const deleted = view.value(posts, comment, 'deletedAt') !== 0
    const likes = deleted ? 0 : view.value(posts, comment, 'likes')
    const children = view.value(posts, comment, 'replies')
    return `,"likes":${likes},"child_count":${children},"viewer":{"liked":`
  },
}

/** Refuses with POST_NOT_FOUND. */
export function renderComment(rendering: Rendering, comment: number, viewer: number): string {
  demandVisible(rendering.view, comment, viewer)
  return `${fieldsOf(rendering, comment, viewer)}}`
}

/** A page of the direct answers to `parent`. */
export function renderThread(
  rendering: Rendering,
  parent: number,
  viewer: number,
  page: { readonly order: CommentOrder; readonly count: number; readonly cursor?: number },
): string {
  const { view } = rendering
  const { order, count, cursor } = page
  const { ids, next } = cutPage(repliesOf(view, parent, order, count + 1, cursor), count)
  const items = ids.map((id) => {
    const preview = cutPage(repliesOf(view, id, order, PREVIEW_COUNT + 1), PREVIEW_COUNT)
    const children = preview.ids.map((child) => `${fieldsOf(rendering, child, viewer)}}`)
    const answers = pageText(`[${children.join(',')}]`, preview.next)
    return `${fieldsOf(rendering, id, viewer)},"children":${answers}}`
  })
  return pageText(`[${items.join(',')}]`, next)
}

function steadyBodyOf(rows: RowSource, comment: number): Static<typeof SteadyBody> {
  const row = rows.get(posts, comment)
  assert(row !== undefined, 'a comment that is shown exists')
  const deleted = row.deletedAt !== 0
  return {
    id: String(row.id),
    post: String(row.root),
    parent: String(row.parent),
    depth: row.depth,
    author: deleted ? null : authorOf(rows, row.author),
    text: row.caption,
    created_at: new Date(row.publishedAt).toISOString(),
    deleted,
  }
}

/** A comment without the closing brace. */
function fieldsOf(rendering: Rendering, comment: number, viewer: number): string {
  const { view } = rendering
  const deleted = view.value(posts, comment, 'deletedAt') !== 0
  const liked = !deleted && viewer !== 0 && isLiked(view, viewer, comment)
  return rendering.text(COMMENT, comment) + (liked ? 'true}' : 'false}')
}
