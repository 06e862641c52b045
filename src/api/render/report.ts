// How moderation looks to moderators: reports with what they are about, people, blocked terms. They
// judge what is hidden from others, so nothing is left out here but what is deleted. The routes
// that answer with it are for moderators only.

import { Type } from 'typebox'
import { termOf } from '../../model/blocked-terms.ts'
import { REPORT_STATES } from '../../model/reports.ts'
import { blockedTerms, posts, reports, users } from '../../model/schema.ts'
import { roleOf } from '../../model/users.ts'
import { nullable } from '../validation.ts'
import { MediaBody, albumOf } from './media.ts'
import type { Static } from 'typebox'
import type { View } from '../../engine/view.ts'
import type { RowSource } from './fragments.ts'

const PersonBody = Type.Object({
  id: Type.String(),
  handle: Type.String(),
  name: Type.String(),
  role: Type.String(),
  suspended: Type.Boolean(),
  deleted: Type.Boolean(),
})
type PersonBody = Static<typeof PersonBody>

const RemovalBody = Type.Object({ reason: Type.String(), at: Type.String() })

export const ModeratedPostBody = Type.Object({
  id: Type.String(),
  /** Null but for a comment. */
  root: nullable(Type.String()),
  /** Empty, like `media`, once it is deleted. */
  caption: Type.String(),
  media: Type.Array(MediaBody),
  created_at: Type.String(),
  removed: nullable(RemovalBody),
  deleted: Type.Boolean(),
})

/** What whoever reports gets back. */
export const ReportBody = Type.Object({
  id: Type.String(),
  state: Type.String(),
  /** One of REPORT_REASONS, or of MODERATION_ACTS. */
  reason: Type.String(),
  comment: Type.String(),
  created_at: Type.String(),
})

export const CaseBody = Type.Object({
  ...ReportBody.properties,
  note: Type.String(),
  handled_at: nullable(Type.String()),
  /** Null for the operator. */
  handled_by: nullable(PersonBody),
  reporter: nullable(PersonBody),
  user: nullable(PersonBody),
  post: nullable(ModeratedPostBody),
})

export const ModeratedUserBody = Type.Object({
  ...PersonBody.properties,
  bio: Type.String(),
  created_at: Type.String(),
  private: Type.Boolean(),
  posts: Type.Integer(),
  followers: Type.Integer(),
  following: Type.Integer(),
  suspension: nullable(RemovalBody),
})

export const TermBody = Type.Object({
  id: Type.String(),
  kind: Type.String(),
  term: Type.String(),
  created_at: Type.String(),
})

export function reportOf(view: View, report: number): Static<typeof ReportBody> {
  const row = view.get(reports, report)
  return {
    id: String(report),
    state: REPORT_STATES[row?.state ?? 0] ?? '',
    reason: row?.reason ?? '',
    comment: row?.comment ?? '',
    created_at: timeOf(row?.createdAt ?? 0),
  }
}

/** A report as moderators see it. */
export function caseOf(view: View, report: number): Static<typeof CaseBody> {
  const row = view.get(reports, report)
  const handledAt = row?.handledAt ?? 0
  return {
    ...reportOf(view, report),
    note: row?.note ?? '',
    handled_at: handledAt === 0 ? null : timeOf(handledAt),
    handled_by: personOf(view, row?.handledBy ?? 0),
    reporter: personOf(view, row?.reporter ?? 0),
    user: personOf(view, row?.user ?? 0),
    post: view.has(posts, row?.post ?? 0) ? moderatedPostOf(view, row!.post) : null,
  }
}

export function moderatedUserOf(view: View, user: number): Static<typeof ModeratedUserBody> {
  const row = view.get(users, user)!
  return {
    ...personOf(view, user)!,
    bio: row.bio,
    created_at: timeOf(row.createdAt),
    private: row.isPrivate,
    posts: row.posts,
    followers: row.followers,
    following: row.following,
    suspension:
      row.suspendedAt === 0 ? null : { reason: row.suspension, at: timeOf(row.suspendedAt) },
  }
}

export function termBodyOf(view: View, term: number): Static<typeof TermBody> {
  const row = view.get(blockedTerms, term)
  const key = row?.key ?? ''
  return {
    id: String(term),
    kind: key.split(' ')[0]!,
    term: termOf(key),
    created_at: timeOf(row?.createdAt ?? 0),
  }
}

function personOf(view: View, user: number): PersonBody | null {
  const row = view.get(users, user)
  if (row === undefined) return null
  return {
    id: String(user),
    handle: row.handle,
    name: row.name,
    role: roleOf(view, user),
    suspended: row.suspendedAt !== 0,
    deleted: row.deletedAt !== 0,
  }
}

export function moderatedPostOf(view: View, post: number): Static<typeof ModeratedPostBody> {
  const row = view.get(posts, post)!
  return {
    id: String(post),
    root: row.root === 0 ? null : String(row.root),
    caption: row.caption,
    media: albumOf(view as RowSource, row.media),
    created_at: timeOf(row.publishedAt),
    removed: row.removedAt === 0 ? null : { reason: row.removal, at: timeOf(row.removedAt) },
    deleted: row.deletedAt !== 0,
  }
}

function timeOf(time: number): string {
  return new Date(time).toISOString()
}
