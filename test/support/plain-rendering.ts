// Answers as plain objects that the framework serialises by their schemas: the slow way that
// nobody can get wrong, to compare the fast one with.

import fastify from 'fastify'
import { CommentBody, ThreadBody } from '../../src/api/render/comment.ts'
import { PostBody } from '../../src/api/render/post.ts'
import { MeBody, UserBody } from '../../src/api/render/user.ts'
import { pageOf } from '../../src/api/validation.ts'
import { repliesOf } from '../../src/model/comments.ts'
import { isFollowing } from '../../src/model/follows.ts'
import { isLiked } from '../../src/model/likes.ts'
import { files, media, posts, users } from '../../src/model/schema.ts'
import { ROLES } from '../../src/model/users.ts'
import type { FastifyInstance } from 'fastify'
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
  const { id, handle, name } = view.get(users, user)!
  return { id: String(id), handle, name }
}

export function plainPost(view: View, post: number, viewer: number): object {
  const row = view.get(posts, post)!
  return {
    id: String(row.id),
    author: plainAuthor(view, row.author),
    caption: row.caption,
    media: view.getMany(media, row.media).map((photo) => {
      const file = view.get(files, photo.file)!
      return {
        id: String(photo.id),
        url: `/media/${file.name}`,
        width: photo.width,
        height: photo.height,
        content_type: file.contentType,
        size: file.size,
        created_at: timeOf(photo.createdAt),
      }
    }),
    created_at: timeOf(row.publishedAt),
    parent: row.parent === 0 ? null : String(row.parent),
    root: row.root === 0 ? null : String(row.root),
    likes: row.likes,
    comments: row.root === 0 ? row.comments : row.replies,
    viewer: { liked: viewer !== 0 && isLiked(view, viewer, row.id) },
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
    created_at: timeOf(row.publishedAt),
    deleted,
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
    const items = preview.ids.map((child) => plainComment(view, child, viewer))
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
    created_at: timeOf(row.createdAt),
    posts: row.posts,
    followers: row.followers,
    following: row.following,
    viewer: {
      following: viewer !== 0 && isFollowing(view, viewer, user),
      followed_by: viewer !== 0 && isFollowing(view, user, viewer),
    },
  }
}

export function plainMe(view: View, user: number): object {
  return { ...plainUser(view, user, user), role: ROLES[view.get(users, user)!.role] }
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
