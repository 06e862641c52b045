// How a user looks in an answer: in short beside everything that a user made, and in full.

import { Type } from 'typebox'
import { assert } from '../../std/assert.ts'
import { hasRequested } from '../../model/follow-requests.ts'
import { isFollowing } from '../../model/follows.ts'
import { Refusal } from '../../model/refusal.ts'
import { users } from '../../model/schema.ts'
import { roleOf } from '../../model/users.ts'
import { hasBlocked, hasMuted } from '../../model/visibility.ts'
import { nullable } from '../validation.ts'
import { openText } from './answer.ts'
import { MediaBody, albumOf } from './media.ts'
import type { Static } from 'typebox'
import type { View } from '../../engine/view.ts'
import type { FragmentKind, Rendering, RowSource } from './fragments.ts'

export const AuthorBody = Type.Object({
  id: Type.String(),
  handle: Type.String(),
  name: Type.String(),
  /** Where its photo is. */
  avatar: nullable(Type.String()),
})
export type AuthorBody = Static<typeof AuthorBody>

const SteadyBody = Type.Object({
  id: Type.String(),
  handle: Type.String(),
  name: Type.String(),
  bio: Type.String(),
  fields: Type.Array(Type.Object({ name: Type.String(), value: Type.String() })),
  avatar: nullable(MediaBody),
  header: nullable(MediaBody),
  private: Type.Boolean(),
  /** Moderators see those who are, and nobody else does. */
  suspended: Type.Boolean(),
  created_at: Type.String(),
})

/** What the viewer is to that user, and the other way round. All false for oneself. */
const ViewerBody = Type.Object({
  following: Type.Boolean(),
  followed_by: Type.Boolean(),
  requested: Type.Boolean(),
  blocked: Type.Boolean(),
  muted: Type.Boolean(),
})

export const UserBody = Type.Object({
  ...SteadyBody.properties,
  posts: Type.Integer(),
  followers: Type.Integer(),
  following: Type.Integer(),
  viewer: ViewerBody,
})

/** What users see of themselves. */
export const MeBody = Type.Intersect([
  UserBody,
  Type.Object({
    role: Type.String(),
    /** How many wait for consent to follow. */
    follow_requests: Type.Integer(),
    /** '' for none. */
    email: Type.String(),
    email_confirmed: Type.Boolean(),
  }),
])

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
  const { view } = rendering
  const role = `"role":"${roleOf(view, user)}"`
  const requests = `"follow_requests":${view.value(users, user, 'followRequests')}`
  const { email = '', emailConfirmedAt = 0 } = view.get(users, user) ?? {}
  const address = `"email":${JSON.stringify(email)},"email_confirmed":${emailConfirmedAt !== 0}`
  return `${fieldsOf(rendering, user, user)},${role},${requests},${address}}`
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
  const avatar = photoOf(rows, row.avatar)?.url ?? null
  return { id: String(row.id), handle: row.handle, name: row.name, avatar }
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
    // Of who has never written any, there is none.
    fields: [...(row.fields ?? [])],
    avatar: photoOf(rows, row.avatar),
    header: photoOf(rows, row.header),
    private: row.isPrivate,
    suspended: row.suspendedAt !== 0,
    created_at: new Date(row.createdAt).toISOString(),
  }
}

function photoOf(rows: RowSource, id: number): MediaBody | null {
  return id === 0 ? null : (albumOf(rows, [id])[0] ?? null)
}

/** A user without the closing brace. */
function fieldsOf(rendering: Rendering, user: number, viewer: number): string {
  return `${rendering.text(USER, user)},"viewer":${viewerText(rendering.view, user, viewer)}`
}

function viewerText(view: View, user: number, viewer: number): string {
  const isOther = viewer !== 0 && viewer !== user
  const following = isOther && isFollowing(view, viewer, user)
  const followedBy = isOther && isFollowing(view, user, viewer)
  const requested = isOther && !following && hasRequested(view, viewer, user)
  const blocked = isOther && hasBlocked(view, viewer, user)
  const muted = isOther && hasMuted(view, viewer, user)
  const follow = `"following":${following},"followed_by":${followedBy},"requested":${requested}`
  return `{${follow},"blocked":${blocked},"muted":${muted}}`
}
