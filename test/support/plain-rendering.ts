// Answers as plain objects that the framework serialises by their schemas: the slow way that
// nobody can get wrong, to compare the fast one with.

import fastify from 'fastify'
import { CommentBody, ThreadBody } from '../../src/api/render/comment.ts'
import { PostBody } from '../../src/api/render/post.ts'
import { MeBody, UserBody } from '../../src/api/render/user.ts'
import { pageOf } from '../../src/api/validation.ts'
import { isBookmarked } from '../../src/model/bookmarks.ts'
import { COMMENTERS } from '../../src/model/comments.ts'
import { isLiked } from '../../src/model/likes.ts'
import {
  blocks,
  files,
  followRequests,
  follows,
  media,
  mutes,
  posts,
  users,
} from '../../src/model/schema.ts'
import { tagsIn } from '../../src/model/tags.ts'
import { ROLES } from '../../src/model/users.ts'
import { VISIBILITIES } from '../../src/model/visibility.ts'
import { repliesOf } from './network.ts'
import type { FastifyInstance } from 'fastify'
import type { Index } from '../../src/engine/schema.ts'
import type { View } from '../../src/engine/view.ts'

const SCHEMAS = {
  post: PostBody,
  posts: pageOf(PostBody),
  comment: CommentBody,
  thread: ThreadBody,
  user: UserBody,
  users: pageOf(UserBody),
  me: MeBody,
}

const timeOf = (ms: number): string => new Date(ms).toISOString()

export function plainAuthor(view: View, user: number): object {
  const { id, handle, name, avatar } = view.get(users, user)!
  const url = avatar === 0 ? null : plainPhoto(view, avatar).url
  return { id: String(id), handle, name, avatar: url }
}

function plainPhoto(view: View, id: number) {
  const photo = view.get(media, id)!
  const file = view.get(files, photo.file)!
  return {
    id: String(photo.id),
    url: `/media/${file.name}`,
    width: photo.width,
    height: photo.height,
    content_type: file.contentType,
    size: file.size,
    alt: photo.alt,
    focus: [photo.focusX, photo.focusY],
    created_at: timeOf(photo.createdAt),
  }
}

export function plainPost(view: View, post: number, viewer: number): object {
  const row = view.get(posts, post)!
  const root = row.root === 0 ? row : view.get(posts, row.root)!
  const mentioned = row.mentions.map((id) => view.get(users, id)!)
  return {
    id: String(row.id),
    author: plainAuthor(view, row.author),
    caption: row.caption,
    media: row.media.map((photo) => plainPhoto(view, photo)),
    mentions: mentioned
      .filter((user) => user.suspendedAt === 0 && user.deletedAt === 0)
      .map(({ id, handle }) => ({ id: String(id), handle })),
    tags: row.root === 0 ? tagsIn(row.caption).map(({ name }) => name) : [],
    visibility: VISIBILITIES[root.visibility],
    commenters: COMMENTERS[root.commenters],
    created_at: timeOf(row.publishedAt),
    edited_at: row.editedAt === 0 ? null : timeOf(row.editedAt),
    removed: row.removedAt !== 0,
    removal: row.removedAt === 0 ? null : row.removal,
    parent: row.parent === 0 ? null : String(row.parent),
    root: row.root === 0 ? null : String(row.root),
    likes: row.likes,
    comments: row.root === 0 ? row.comments : row.replies,
    viewer: {
      liked: viewer !== 0 && isLiked(view, viewer, row.id),
      bookmarked: viewer !== 0 && isBookmarked(view, viewer, row.id),
    },
  }
}

export function plainComment(view: View, comment: number, viewer: number): object {
  const row = view.get(posts, comment)!
  const deleted = row.deletedAt !== 0
  return {
    id: String(row.id),
    post: String(row.root),
    parent: String(row.parent),
    depth: row.depth,
    author: deleted ? null : plainAuthor(view, row.author),
    text: row.caption,
    mentions: row.mentions.map((id) => {
      return { id: String(id), handle: view.get(users, id)!.handle }
    }),
    created_at: timeOf(row.publishedAt),
    edited_at: row.editedAt === 0 ? null : timeOf(row.editedAt),
    deleted,
    removed: false,
    blocked: false,
    likes: deleted ? 0 : row.likes,
    child_count: row.replies,
    viewer: { liked: !deleted && viewer !== 0 && isLiked(view, viewer, row.id) },
  }
}

/** The oldest `count` direct answers, each with its oldest three. */
export function plainThread(view: View, parent: number, viewer: number, count: number): object {
  const page = (of: number, limit: number): { ids: number[]; next: string | null } => {
    const found = repliesOf(view, of, 'old', limit + 1)
    const ids = found.slice(0, limit)
    return { ids, next: found.length > limit ? String(ids.at(-1)) : null }
  }
  const { ids, next } = page(parent, count)
  const items = ids.map((id) => {
    const preview = page(id, 3)
    const items = preview.ids.map((child) => {
      const isAnswered = view.get(posts, child)!.replies > 0
      const children = { items: [], next: isAnswered ? '0' : null }
      return { ...plainComment(view, child, viewer), children }
    })
    return { ...plainComment(view, id, viewer), children: { items, next: preview.next } }
  })
  return { items, next }
}

export function plainUser(view: View, user: number, viewer: number): object {
  const row = view.get(users, user)!
  return {
    id: String(row.id),
    handle: row.handle,
    name: row.name,
    bio: row.bio,
    fields: row.fields ?? [],
    avatar: row.avatar === 0 ? null : plainPhoto(view, row.avatar),
    header: row.header === 0 ? null : plainPhoto(view, row.header),
    private: row.isPrivate,
    suspended: row.suspendedAt !== 0,
    created_at: timeOf(row.createdAt),
    posts: row.posts,
    followers: row.followers,
    following: row.following,
    viewer: {
      following: isPair(view, follows.indexes.byPair, viewer, user),
      followed_by: isPair(view, follows.indexes.byPair, user, viewer),
      requested: isPair(view, followRequests.indexes.byPair, viewer, user),
      blocked: isPair(view, blocks.indexes.byPair, viewer, user),
      muted: isPair(view, mutes.indexes.byPair, viewer, user),
    },
  }
}

export function plainMe(view: View, user: number): object {
  const { role, followRequests: waiting, email, emailConfirmedAt } = view.get(users, user)!
  return {
    ...plainUser(view, user, user),
    role: ROLES[role],
    follow_requests: waiting,
    email,
    email_confirmed: emailConfirmedAt !== 0,
  }
}

function isPair(view: View, index: Index<'pair'>, one: number, other: number): boolean {
  return view.findPair(index, one, other) !== 0
}

/** What the framework makes of plain objects. */
export class Serialiser implements AsyncDisposable {
  readonly #app: FastifyInstance
  #value: object

  constructor() {
    this.#app = fastify()
    this.#value = {}
    for (const [name, schema] of Object.entries(SCHEMAS)) {
      this.#app.get(`/${name}`, { schema: { response: { 200: schema } } }, async () => this.#value)
    }
  }

  async serialise(schema: keyof typeof SCHEMAS, value: object): Promise<string> {
    this.#value = value
    return (await this.#app.inject(`/${schema}`)).body
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#app.close()
  }
}
