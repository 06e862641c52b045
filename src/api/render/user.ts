// How a user looks in an answer: in short beside everything that a user made, and in full.

import { Type } from 'typebox'
import { assert } from '../../std/assert.ts'
import { isFollowing } from '../../model/follows.ts'
import { Refusal } from '../../model/refusal.ts'
import { users } from '../../model/schema.ts'
import { roleOf } from '../../model/users.ts'
import { openText } from './answer.ts'
import type { Static } from 'typebox'
import type { FragmentKind, Rendering, RowSource } from './fragments.ts'

export const AuthorBody = Type.Object({
  id: Type.String(),
  handle: Type.String(),
  name: Type.String(),
})
export type AuthorBody = Static<typeof AuthorBody>

const SteadyBody = Type.Object({
  ...AuthorBody.properties,
  bio: Type.String(),
  created_at: Type.String(),
})

export const UserBody = Type.Object({
  ...SteadyBody.properties,
  posts: Type.Integer(),
  followers: Type.Integer(),
  following: Type.Integer(),
  viewer: Type.Object({ following: Type.Boolean(), followed_by: Type.Boolean() }),
})

/** What users see of themselves. */
export const MeBody = Type.Intersect([UserBody, Type.Object({ role: Type.String() })])

const USER: FragmentKind = {
  id: 0,
  steady: (rows, user) => openText(steadyBodyOf(rows, user)),
  counts: (view, user) => {
    const posts = view.value(users, user, 'posts')
    const followers = view.value(users, user, 'followers')
    const following = view.value(users, user, 'following')
    return `,"posts":${posts},"followers":${followers},"following":${following}`
  },
}

/** Refuses with USER_NOT_FOUND. */
export function renderUser(rendering: Rendering, user: number, viewer: number): string {
  demandUser(rendering, user)
  return `${fieldsOf(rendering, user, viewer)}}`
}

/** Refuses with USER_NOT_FOUND. */
export function renderMe(rendering: Rendering, user: number): string {
  demandUser(rendering, user)
  return `${fieldsOf(rendering, user, user)},"role":"${roleOf(rendering.view, user)}"}`
}

/** An array of users. */
export function renderUsers(rendering: Rendering, ids: readonly number[], viewer: number): string {
  const present = ids.filter((id) => rendering.view.has(users, id))
  return `[${present.map((id) => `${fieldsOf(rendering, id, viewer)}}`).join(',')}]`
}

/** The author of something, for its fragment. */
export function authorOf(rows: RowSource, user: number): AuthorBody {
  const row = rows.get(users, user)
  assert(row !== undefined, 'what is shown has an author')
  return { id: String(row.id), handle: row.handle, name: row.name }
}

function demandUser({ view }: Rendering, user: number): void {
  if (!view.has(users, user)) throw new Refusal('USER_NOT_FOUND')
}

function steadyBodyOf(rows: RowSource, user: number): Static<typeof SteadyBody> {
  const row = rows.get(users, user)
  assert(row !== undefined, 'a user who is shown exists')
  return {
    id: String(row.id),
    handle: row.handle,
    name: row.name,
    bio: row.bio,
    created_at: new Date(row.createdAt).toISOString(),
  }
}

/** A user without the closing brace. */
function fieldsOf(rendering: Rendering, user: number, viewer: number): string {
  const { view } = rendering
  const follows = viewer !== 0 && isFollowing(view, viewer, user)
  const isFollowed = viewer !== 0 && isFollowing(view, user, viewer)
  const viewing = `"viewer":{"following":${follows},"followed_by":${isFollowed}}`
  return `${rendering.text(USER, user)},${viewing}`
}
