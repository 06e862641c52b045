// How a comment looks in an answer, and one page of a thread (model/comment-tree.ts).
//
// A comment of which only its place may be told, for what is below it, has no author, no text and
// nothing to like: `deleted`, `removed` by a moderator, or `blocked` between its author and the
// viewer. Such a one is written anew for each answer; the kept text of a comment is that of one
// that is shown. Whoever may see a removed comment sees it whole, with `removed`.

import { Type } from 'typebox'
import { assert } from '../../std/assert.ts'
import { COMMENT_DEPTH_MAX, commentTree } from '../../model/comment-tree.ts'
import { isLiked } from '../../model/likes.ts'
import { posts } from '../../model/schema.ts'
import { demandVisible } from '../../model/visibility.ts'
import { nullable, pageOf } from '../validation.ts'
import { openText, pageText } from './answer.ts'
import { MentionsBody, mentionsOf } from './post.ts'
import { AuthorBody, authorOf } from './user.ts'
import type { Static, TSchema } from 'typebox'
import type { CommentNode, CommentPage, ThreadQuery } from '../../model/comment-tree.ts'
import type { CommentStanding } from '../../model/visibility.ts'
import type { FragmentKind, Rendering, RowSource } from './fragments.ts'

const SteadyBody = Type.Object({
  id: Type.String(),
  /** The post that started the thread. */
  post: Type.String(),
  parent: Type.String(),
  depth: Type.Integer(),
  author: nullable(AuthorBody),
  text: Type.String(),
  /** Whom the text names, in its order. */
  mentions: MentionsBody,
  created_at: Type.String(),
  edited_at: nullable(Type.String()),
  deleted: Type.Boolean(),
  removed: Type.Boolean(),
  blocked: Type.Boolean(),
})

export const CommentBody = Type.Object({
  ...SteadyBody.properties,
  likes: Type.Integer(),
  child_count: Type.Integer(),
  viewer: Type.Object({ liked: Type.Boolean() }),
})

/** A page of comments, each with the first few answers to it, so many levels deep. */
export const ThreadBody = branchBody(COMMENT_DEPTH_MAX)

function branchBody(depth: number): TSchema {
  if (depth === 0) return pageOf(Type.Never())
  return pageOf(Type.Object({ ...CommentBody.properties, children: branchBody(depth - 1) }))
}

const COMMENT: FragmentKind = {
  id: 2,
  steady: (rows, comment) => openText(steadyBodyOf(rows, comment)),
  counts: (view, comment) => {
    const likes = view.value(posts, comment, 'likes')
    const children = view.value(posts, comment, 'replies')
    return `,"likes":${likes},"child_count":${children},"viewer":{"liked":`
  },
}

/** Refuses with POST_NOT_FOUND. */
export function renderComment(rendering: Rendering, comment: number, viewer: number): string {
  demandVisible(rendering.view, comment, viewer)
  return `${shownText(rendering, comment, viewer)}}`
}

/** A page of the direct answers to `parent`. */
export function renderThread(
  rendering: Rendering,
  parent: number,
  viewer: number,
  query: ThreadQuery,
): string {
  return branchText(rendering, commentTree(rendering.view, parent, viewer, query), viewer)
}

/** As deep as a thread is shown, so a recursion. */
function branchText(rendering: Rendering, { nodes, next }: CommentPage, viewer: number): string {
  let text = ''
  for (const node of nodes) {
    text += text === '' ? '[' : ','
    text += `${nodeText(rendering, node, viewer)},"children":`
    text += `${branchText(rendering, node.children, viewer)}}`
  }
  return pageText(text === '' ? '[]' : `${text}]`, next)
}

/** Without the closing brace. */
function nodeText(rendering: Rendering, { id, standing }: CommentNode, viewer: number): string {
  return standing === 'shown'
    ? shownText(rendering, id, viewer)
    : placeText(rendering, id, standing)
}

/** Without the closing brace. */
function shownText(rendering: Rendering, comment: number, viewer: number): string {
  const liked = viewer !== 0 && isLiked(rendering.view, viewer, comment)
  return rendering.text(COMMENT, comment) + (liked ? 'true}' : 'false}')
}

/** A comment of which only its place is told, without the closing brace. */
function placeText({ view }: Rendering, comment: number, standing: CommentStanding): string {
  const value = (column: 'root' | 'parent' | 'depth' | 'publishedAt' | 'replies'): number =>
    view.value(posts, comment, column)
  const body: Static<typeof CommentBody> = {
    id: String(comment),
    post: String(value('root')),
    parent: String(value('parent')),
    depth: value('depth'),
    author: null,
    text: '',
    mentions: [],
    created_at: new Date(value('publishedAt')).toISOString(),
    edited_at: null,
    deleted: standing === 'deleted',
    removed: standing === 'removed',
    blocked: standing === 'blocked',
    likes: 0,
    child_count: value('replies'),
    viewer: { liked: false },
  }
  return openText(body)
}

function steadyBodyOf(rows: RowSource, comment: number): Static<typeof SteadyBody> {
  const row = rows.get(posts, comment)
  assert(row !== undefined, 'a comment that is shown exists')
  return {
    id: String(row.id),
    post: String(row.root),
    parent: String(row.parent),
    depth: row.depth,
    author: authorOf(rows, row.author),
    text: row.caption,
    mentions: mentionsOf(rows, row.mentions ?? []),
    created_at: new Date(row.publishedAt).toISOString(),
    edited_at: row.editedAt === 0 ? null : new Date(row.editedAt).toISOString(),
    deleted: false,
    removed: row.removedAt !== 0,
    blocked: false,
  }
}
