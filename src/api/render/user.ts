// How a user looks in an answer: in short beside everything that a user made, and in full.

import { Type } from 'typebox'
import { isFollowing } from '../../model/follows.ts'
import { Refusal } from '../../model/refusal.ts'
import { users } from '../../model/schema.ts'
import { ROLES } from '../../model/users.ts'
import type { Static } from 'typebox'
import type { Row } from '../../engine/schema.ts'
import type { View } from '../../engine/view.ts'

export const AuthorBody = Type.Object({
  id: Type.String(),
  handle: Type.String(),
  name: Type.String(),
})
export type AuthorBody = Static<typeof AuthorBody>

export const UserBody = Type.Object({
  id: Type.String(),
  handle: Type.String(),
  name: Type.String(),
  bio: Type.String(),
  created_at: Type.String(),
  posts: Type.Integer(),
  followers: Type.Integer(),
  following: Type.Integer(),
  viewer: Type.Object({ following: Type.Boolean(), followed_by: Type.Boolean() }),
})
export type UserBody = Static<typeof UserBody>

/** What users see of themselves. */
export const MeBody = Type.Intersect([UserBody, Type.Object({ role: Type.String() })])
export type MeBody = Static<typeof MeBody>

/** Refuses with USER_NOT_FOUND. */
export function renderUser(view: View, user: number, viewer: number): UserBody {
  return bodyOf(view, demandUser(view, user), viewer)
}

/** Refuses with USER_NOT_FOUND. */
export function renderMe(view: View, user: number): MeBody {
  const row = demandUser(view, user)
  return { ...bodyOf(view, row, user), role: ROLES[row.role] ?? ROLES[0] }
}

export function renderUsers(view: View, ids: readonly number[], viewer: number): UserBody[] {
  return view.getMany(users, ids).map((row) => bodyOf(view, row, viewer))
}

export function renderAuthor(row: Row<typeof users>): AuthorBody {
  return { id: String(row.id), handle: row.handle, name: row.name }
}

/** The authors of some rows by id, each read once. */
export function authorsOf(view: View, ids: Iterable<number>): Map<number, AuthorBody> {
  const rows = view.getMany(users, [...new Set(ids)])
  return new Map(rows.map((row) => [row.id, renderAuthor(row)]))
}

function demandUser(view: View, user: number): Row<typeof users> {
  const row = view.get(users, user)
  if (row === undefined) throw new Refusal('USER_NOT_FOUND')
  return row
}

function bodyOf(view: View, row: Row<typeof users>, viewer: number): UserBody {
  return {
    id: String(row.id),
    handle: row.handle,
    name: row.name,
    bio: row.bio,
    created_at: new Date(row.createdAt).toISOString(),
    posts: row.posts,
    followers: row.followers,
    following: row.following,
    viewer: {
      following: viewer !== 0 && isFollowing(view, viewer, row.id),
      followed_by: viewer !== 0 && isFollowing(view, row.id, viewer),
    },
  }
}
