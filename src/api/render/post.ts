// How a post looks in an answer. What is the same for everybody comes first, what only its viewer
// sees is in `viewer`. A comment asked for by its id looks the same, with `parent` and `root`.

import { Type } from 'typebox'
import { assert } from '../../std/assert.ts'
import { isLiked } from '../../model/likes.ts'
import { demandVisible } from '../../model/posts.ts'
import { posts } from '../../model/schema.ts'
import { nullable } from '../validation.ts'
import { MediaBody, renderAlbum } from './media.ts'
import { AuthorBody, authorsOf } from './user.ts'
import type { Static } from 'typebox'
import type { View } from '../../engine/view.ts'

export const PostBody = Type.Object({
  id: Type.String(),
  author: AuthorBody,
  caption: Type.String(),
  media: Type.Array(MediaBody),
  created_at: Type.String(),
  /** Null for a post that starts a thread. */
  parent: nullable(Type.String()),
  root: nullable(Type.String()),
  likes: Type.Integer(),
  /** Of a post: all live comments. Of a comment: its direct answers. */
  comments: Type.Integer(),
  viewer: Type.Object({ liked: Type.Boolean() }),
})
export type PostBody = Static<typeof PostBody>

/** Refuses with POST_NOT_FOUND. */
export function renderPost(view: View, post: number, viewer: number): PostBody {
  demandVisible(view, post)
  const [body] = renderPosts(view, [post], viewer)
  assert(body !== undefined, 'a visible post is rendered')
  return body
}

/** Posts that are visible, in the order of their ids. */
export function renderPosts(view: View, ids: readonly number[], viewer: number): PostBody[] {
  const rows = view.getMany(posts, ids)
  const authors = authorsOf(
    view,
    rows.map(({ author }) => author),
  )
  return rows.map((row) => ({
    id: String(row.id),
    author: authors.get(row.author)!,
    caption: row.caption,
    media: renderAlbum(view, row.media),
    created_at: new Date(row.publishedAt).toISOString(),
    parent: row.parent === 0 ? null : String(row.parent),
    root: row.root === 0 ? null : String(row.root),
    likes: row.likes,
    comments: row.root === 0 ? row.comments : row.replies,
    viewer: { liked: viewer !== 0 && isLiked(view, viewer, row.id) },
  }))
}
