// How a post looks in an answer. What is the same for everybody comes first, then what is counted,
// then what only its viewer sees, in `viewer`. A comment asked for by its id looks the same, with
// `parent` and `root`; who sees it and who may comment is then what its thread says.

import { Type } from 'typebox'
import { assert } from '../../std/assert.ts'
import { isBookmarked } from '../../model/bookmarks.ts'
import { COMMENTERS } from '../../model/comments.ts'
import { isLiked } from '../../model/likes.ts'
import { posts, users } from '../../model/schema.ts'
import { tagsIn } from '../../model/tags.ts'
import { PUBLIC, VISIBILITIES, demandVisible } from '../../model/visibility.ts'
import { nullable } from '../validation.ts'
import { openText } from './answer.ts'
import { MediaBody, albumOf } from './media.ts'
import { AuthorBody, authorOf } from './user.ts'
import type { Static } from 'typebox'
import type { FragmentKind, Rendering, RowSource } from './fragments.ts'

export const MentionsBody = Type.Array(Type.Object({ id: Type.String(), handle: Type.String() }))

const SteadyBody = Type.Object({
  id: Type.String(),
  author: AuthorBody,
  caption: Type.String(),
  media: Type.Array(MediaBody),
  /** Whom the caption names, in its order. */
  mentions: MentionsBody,
  /** What it is found by, as the caption has them. */
  tags: Type.Array(Type.String()),
  visibility: Type.String(),
  commenters: Type.String(),
  created_at: Type.String(),
  edited_at: nullable(Type.String()),
  /** By a moderator: only its author and moderators see it. */
  removed: Type.Boolean(),
  /** Why. */
  removal: nullable(Type.String()),
  /** Null for a post that starts a thread. */
  parent: nullable(Type.String()),
  root: nullable(Type.String()),
})

export const PostBody = Type.Object({
  ...SteadyBody.properties,
  likes: Type.Integer(),
  /** Of a post: all live comments. Of a comment: its direct answers. */
  comments: Type.Integer(),
  viewer: Type.Object({ liked: Type.Boolean(), bookmarked: Type.Boolean() }),
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

/** An array of posts of which a list has found out that it shows them to the viewer. */
export function renderPosts(rendering: Rendering, ids: readonly number[], viewer: number): string {
  let text = ''
  for (const id of ids) {
    text += text === '' ? '[' : ','
    text += textOf(rendering, id, viewer)
  }
  return text === '' ? '[]' : `${text}]`
}

function steadyBodyOf(rows: RowSource, post: number): Static<typeof SteadyBody> {
  const row = rows.get(posts, post)
  assert(row !== undefined, 'a post that is shown exists')
  const isComment = row.root !== 0
  const { visibility, commenters } = isComment ? rows.get(posts, row.root)! : row
  return {
    id: String(row.id),
    author: authorOf(rows, row.author),
    caption: row.caption,
    media: albumOf(rows, row.media),
    mentions: mentionsOf(rows, row.mentions),
    tags: isComment ? [] : tagsIn(row.caption).map(({ name }) => name),
    visibility: VISIBILITIES[visibility || PUBLIC]!,
    commenters: COMMENTERS[commenters]!,
    created_at: new Date(row.publishedAt).toISOString(),
    edited_at: row.editedAt === 0 ? null : new Date(row.editedAt).toISOString(),
    removed: row.removedAt !== 0,
    removal: row.removedAt === 0 ? null : row.removal,
    parent: row.parent === 0 ? null : String(row.parent),
    root: row.root === 0 ? null : String(row.root),
  }
}

/** Those whom nobody sees any more are left out. */
export function mentionsOf(rows: RowSource, ids: readonly number[]): Static<typeof MentionsBody> {
  return ids.flatMap((id) => {
    const user = rows.get(users, id)
    if (user === undefined || user.deletedAt !== 0 || user.suspendedAt !== 0) return []
    return { id: String(id), handle: user.handle }
  })
}

function textOf(rendering: Rendering, post: number, viewer: number): string {
  const { view } = rendering
  const liked = viewer !== 0 && isLiked(view, viewer, post)
  const bookmarked = viewer !== 0 && isBookmarked(view, viewer, post)
  return `${rendering.text(POST, post)}${liked},"bookmarked":${bookmarked}}}`
}
