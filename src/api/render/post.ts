// How a post looks in an answer. What is the same for everybody comes first, then what is counted,
// then what only its viewer sees, in `viewer`. A comment asked for by its id looks the same, with
// `parent` and `root`.

import { Type } from 'typebox'
import { assert } from '../../std/assert.ts'
import { isLiked } from '../../model/likes.ts'
import { posts } from '../../model/schema.ts'
import { demandVisible, isListed } from '../../model/visibility.ts'
import { nullable } from '../validation.ts'
import { openText } from './answer.ts'
import { MediaBody, albumOf } from './media.ts'
import { AuthorBody, authorOf } from './user.ts'
import type { Static } from 'typebox'
import type { FragmentKind, Rendering, RowSource } from './fragments.ts'

const SteadyBody = Type.Object({
  id: Type.String(),
  author: AuthorBody,
  caption: Type.String(),
  media: Type.Array(MediaBody),
  created_at: Type.String(),
  /** Null for a post that starts a thread. */
  parent: nullable(Type.String()),
  root: nullable(Type.String()),
})

export const PostBody = Type.Object({
  ...SteadyBody.properties,
  likes: Type.Integer(),
  /** Of a post: all live comments. Of a comment: its direct answers. */
  comments: Type.Integer(),
  viewer: Type.Object({ liked: Type.Boolean() }),
})

const POST: FragmentKind = {
  id: 1,
  steady: (rows, post) => openText(steadyBodyOf(rows, post)),
  counts: (view, post) => {
    const isComment = view.value(posts, post, 'root') !== 0
    const likes = view.value(posts, post, 'likes')
    const comments = view.value(posts, post, isComment ? 'replies' : 'comments')
    return `,"likes":${likes},"comments":${comments},"viewer":{"liked":`
  },
}

/** Refuses with POST_NOT_FOUND. */
export function renderPost(rendering: Rendering, post: number, viewer: number): string {
  demandVisible(rendering.view, post, viewer)
  return textOf(rendering, post, viewer)
}

/** An array of those posts that lists show the viewer, in the order of their ids. */
export function renderPosts(rendering: Rendering, ids: readonly number[], viewer: number): string {
  let text = ''
  for (const id of ids) {
    if (!isListed(rendering.view, id, viewer)) continue
    text += text === '' ? '[' : ','
    text += textOf(rendering, id, viewer)
  }
  return text === '' ? '[]' : `${text}]`
}

function steadyBodyOf(rows: RowSource, post: number): Static<typeof SteadyBody> {
  const row = rows.get(posts, post)
  assert(row !== undefined, 'a post that is shown exists')
  return {
    id: String(row.id),
    author: authorOf(rows, row.author),
    caption: row.caption,
    media: albumOf(rows, row.media),
    created_at: new Date(row.publishedAt).toISOString(),
    parent: row.parent === 0 ? null : String(row.parent),
    root: row.root === 0 ? null : String(row.root),
  }
}

function textOf(rendering: Rendering, post: number, viewer: number): string {
  const liked = viewer !== 0 && isLiked(rendering.view, viewer, post)
  return rendering.text(POST, post) + (liked ? 'true}}' : 'false}}')
}
