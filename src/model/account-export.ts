// The export of an account: everything that somebody has made here, and what is kept about them, as
// lines of JSON. Passwords, secrets and tokens are not among it, and of others only whom they are
// called, as far as the user sees them: their texts are theirs.
//
// A row of `jobs` says that the export was asked for. It is not made beforehand: it is read page by
// page while it is downloaded, so it shows the account as it is then, and a change meanwhile may or
// may not be in it. A page is bounded, and so is how often all of it may be read.
//
//   asked for ──▶ good for a day and EXPORT_DOWNLOAD_COUNT_MAX downloads ──▶ a day after it was
//                                                                            asked for: again

import {
  COLLECTION_POST_COUNT_MAX,
  EXPORT_DOWNLOAD_COUNT_MAX,
  EXPORT_PERIOD_MS,
  REVISION_COUNT_MAX,
} from './limits.ts'
import { JOB_STATES } from './jobs.ts'
import { NOTIFICATION_KINDS } from './notifications.ts'
import { Refusal } from './refusal.ts'
import {
  blocks,
  bookmarks,
  collectionItems,
  collections,
  drafts,
  followRequests,
  follows,
  identities,
  invites,
  jobs,
  likes,
  media,
  mutes,
  notifications,
  posts,
  reports,
  revisions,
  sessions,
  users,
} from './schema.ts'
import { SESSION_KINDS, demandActive } from './sessions.ts'
import { VISIBILITIES, isUserVisible } from './visibility.ts'
import type { Index, Row } from '../engine/schema.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { AnyTable, View } from '../engine/view.ts'

export const EXPORT_JOB = 'export'

export interface AccountExport {
  readonly id: number
  readonly createdAt: number
  readonly expiresAt: number
  readonly downloadsLeft: number
}

/** Where a page ends: the next one begins there. */
export interface ExportCursor {
  readonly section: number
  readonly after: number
}

export interface ExportPage {
  /** Each becomes a line. */
  readonly items: readonly object[]
  /** Undefined: that was all. */
  readonly next: ExportCursor | undefined
}

/** A photo as it was uploaded. */
export interface ExportedPhoto {
  readonly id: number
  /** Name of the file. */
  readonly original: string
  readonly createdAt: number
}

/** A list of rows, and how one of them is told; undefined when it is not. */
interface Section {
  readonly table: AnyTable
  readonly index: Index<'postings'>
  /** Rows of a page, where one of them is much. */
  readonly countMax?: number
  readonly itemsOf: (view: View, row: number, user: number) => readonly object[]
}

/** The user's newest jobs, among which the export is looked for. */
const RECENT_JOB_COUNT = 500
const DONE = JOB_STATES.indexOf('done')
const SECTIONS: readonly Section[] = [
  section(sessions, sessions.indexes.byUser, (_view, row) => ({
    type: SESSION_KINDS[row.kind] === 'access' ? 'access-token' : 'session',
    name: row.name,
    created_at: timeOf(row.createdAt),
    seen_at: timeOf(row.seenAt),
  })),
  section(identities, identities.indexes.byUser, (_view, row) => ({
    type: 'identity',
    issuer_and_subject: row.key,
    created_at: timeOf(row.createdAt),
  })),
  section(follows, follows.indexes.following, (view, row, user) => ({
    type: 'following',
    user: handleOf(view, row.followee, user),
    created_at: timeOf(row.createdAt),
  })),
  section(follows, follows.indexes.followers, (view, row, user) => ({
    type: 'follower',
    user: handleOf(view, row.follower, user),
    created_at: timeOf(row.createdAt),
  })),
  section(followRequests, followRequests.indexes.byRequester, (view, row, user) => ({
    type: 'follow-request',
    user: handleOf(view, row.target, user),
    created_at: timeOf(row.createdAt),
  })),
  section(blocks, blocks.indexes.byBlocker, (view, row, user) => ({
    type: 'block',
    user: handleOf(view, row.blocked, user),
    created_at: timeOf(row.createdAt),
  })),
  section(mutes, mutes.indexes.byMuter, (view, row, user) => ({
    type: 'mute',
    user: handleOf(view, row.muted, user),
    created_at: timeOf(row.createdAt),
  })),
  section(posts, posts.indexes.allByAuthor, postItemOf),
  section(media, media.indexes.byOwner, (_view, row) => ({
    type: 'photo',
    id: String(row.id),
    file: photoNameOf(row),
    alt: row.alt,
    focus: [row.focusX, row.focusY],
    width: row.width,
    height: row.height,
    post: idOf(row.post),
    created_at: timeOf(row.createdAt),
  })),
  section(likes, likes.indexes.byUser, (_view, row) => ({
    type: 'like',
    post: String(row.post),
    created_at: timeOf(row.createdAt),
  })),
  section(bookmarks, bookmarks.indexes.byUser, (_view, row) => ({
    type: 'bookmark',
    post: String(row.post),
    created_at: timeOf(row.createdAt),
  })),
  {
    ...section(collections, collections.indexes.byOwner, (view, row) => ({
      type: 'collection',
      id: String(row.id),
      name: row.name,
      description: row.description,
      private: row.isPrivate,
      posts: view
        .newest(collectionItems.indexes.byCollection, row.id, COLLECTION_POST_COUNT_MAX)
        .map((item) => String(view.value(collectionItems, item, 'post'))),
      created_at: timeOf(row.createdAt),
    })),
    countMax: 1,
  },
  section(drafts, drafts.indexes.byOwner, (_view, row) => ({
    type: 'draft',
    id: String(row.id),
    content: row.content,
    created_at: timeOf(row.createdAt),
    updated_at: timeOf(row.updatedAt),
  })),
  section(notifications, notifications.indexes.byUser, (view, row, user) => ({
    type: 'notification',
    kind: NOTIFICATION_KINDS[row.kind],
    actor: row.actor === 0 ? null : handleOf(view, row.actor, user),
    post: idOf(row.post),
    text: row.text,
    created_at: timeOf(row.createdAt),
  })),
  section(reports, reports.indexes.byReporter, (view, row, user) => ({
    type: 'report',
    user: handleOf(view, row.user, user),
    post: idOf(row.post),
    reason: row.reason,
    comment: row.comment,
    created_at: timeOf(row.createdAt),
  })),
  section(invites, invites.indexes.byCreator, (_view, row) => ({
    type: 'invite',
    uses: row.uses,
    uses_max: row.usesMax,
    created_at: timeOf(row.createdAt),
    expires_at: timeOf(row.expiresAt),
  })),
]

/**
 * The export that may be downloaded: the one there is, or a new one. Refuses with USER_NOT_FOUND,
 * ACCOUNT_SUSPENDED, EXPORT_TOO_SOON.
 */
export function requestExport(tx: Transaction, { user }: { user: number }): number {
  demandActive(tx, user)
  const known = exportsOf(tx, user)
  for (const { id, createdAt, attempts } of known) {
    if (tx.now - createdAt >= EXPORT_PERIOD_MS) continue
    if (attempts < EXPORT_DOWNLOAD_COUNT_MAX) return id
    throw new Refusal('EXPORT_TOO_SOON')
  }
  for (const { id } of known) tx.remove(jobs, id)
  // Done as soon as it is asked for: nobody has to run it.
  return tx.insert(jobs, {
    kind: EXPORT_JOB,
    input: null,
    user,
    state: DONE,
    createdAt: tx.now,
    runAt: tx.now,
    finishedAt: tx.now,
  })
}

/** Counts a download. Refuses with USER_NOT_FOUND, ACCOUNT_SUSPENDED, EXPORT_NOT_FOUND. */
export function beginDownload(tx: Transaction, { user }: { user: number }): number {
  demandActive(tx, user)
  const { id } = demandExport(tx, user, tx.now)
  tx.update(jobs, id, { attempts: tx.value(jobs, id, 'attempts') + 1 })
  return id
}

/** Refuses with EXPORT_NOT_FOUND. */
export function demandExport(view: View, user: number, now: number): AccountExport {
  for (const { id, createdAt, attempts } of exportsOf(view, user)) {
    const expiresAt = createdAt + EXPORT_PERIOD_MS
    const downloadsLeft = EXPORT_DOWNLOAD_COUNT_MAX - attempts
    if (now < expiresAt && downloadsLeft > 0) return { id, createdAt, expiresAt, downloadsLeft }
  }
  throw new Refusal('EXPORT_NOT_FOUND')
}

/**
 * A page of some `count` rows; without a cursor the first one. Refuses with USER_NOT_FOUND,
 * ACCOUNT_SUSPENDED: an account that ends is told no further.
 */
export function exportPage(
  view: View,
  user: number,
  cursor: ExportCursor | undefined,
  count: number,
): ExportPage {
  demandActive(view, user)
  if (cursor === undefined) {
    return { items: [profileItemOf(view, user)], next: { section: 0, after: 0 } }
  }
  const { table, index, itemsOf, countMax = count } = SECTIONS[cursor.section]!
  const size = Math.min(count, countMax)
  const rows = view.after(index, user, cursor.after, size)
  const items = rows
    .filter((row) => view.has(table, row))
    .flatMap((row) => itemsOf(view, row, user))
  if (rows.length === size) {
    return { items, next: { section: cursor.section, after: rows.at(-1)! } }
  }
  const next = cursor.section + 1
  return { items, next: next < SECTIONS.length ? { section: next, after: 0 } : undefined }
}

/** Photos of the user after that one, oldest first. */
export function exportedPhotos(
  view: View,
  user: number,
  after: number,
  count: number,
): ExportedPhoto[] {
  demandActive(view, user)
  const rows = view.after(media.indexes.byOwner, user, after, count)
  return view
    .getMany(media, rows)
    .map(({ id, original, createdAt }) => ({ id, original, createdAt }))
}

/** What the file of a photo is called in the export: "media/7.jpg". */
export function photoNameOf({ id, original }: { id: number; original: string }): string {
  const [, extension = 'bin'] = /\.([a-z0-9]{1,5})$/.exec(original) ?? []
  return `media/${id}.${extension}`
}

function section<T extends AnyTable>(
  table: T,
  index: Index<'postings'>,
  itemOf: (view: View, row: Row<T>, user: number) => object | undefined,
): Section {
  return {
    table,
    index,
    itemsOf: (view, id, user) => {
      const row = view.get(table, id)
      const item = row === undefined ? undefined : itemOf(view, row, user)
      return item === undefined ? [] : [item]
    },
  }
}

function profileItemOf(view: View, user: number): object {
  const row = view.get(users, user)!
  return {
    type: 'profile',
    id: String(user),
    handle: row.handle,
    name: row.name,
    bio: row.bio,
    fields: row.fields ?? [],
    email: row.email,
    email_confirmed_at: timeOf(row.emailConfirmedAt),
    private: row.isPrivate,
    second_factor: row.totpSecret !== '',
    avatar: idOf(row.avatar),
    header: idOf(row.header),
    created_at: timeOf(row.createdAt),
  }
}

function postItemOf(view: View, row: Row<typeof posts>): object | undefined {
  if (row.deletedAt !== 0) return undefined
  const isComment = row.root !== 0
  const earlier = view.newest(revisions.indexes.byPost, row.id, REVISION_COUNT_MAX)
  return {
    type: isComment ? 'comment' : 'post',
    id: String(row.id),
    ...(isComment
      ? { post: String(row.root), parent: String(row.parent) }
      : { visibility: VISIBILITIES[row.visibility] || 'public' }),
    text: row.caption,
    photos: row.media.map(String),
    created_at: timeOf(row.publishedAt),
    edited_at: timeOf(row.editedAt),
    likes: row.likes,
    removed_at: timeOf(row.removedAt),
    ...(row.removedAt === 0 ? {} : { removal: row.removal }),
    history: view.getMany(revisions, earlier).map(({ caption, createdAt }) => ({
      text: caption,
      created_at: timeOf(createdAt),
    })),
  }
}

function exportsOf(view: View, user: number): Row<typeof jobs>[] {
  const recent = view.newest(jobs.indexes.byUser, user, RECENT_JOB_COUNT)
  return view.getMany(jobs, recent).filter(({ kind }) => kind === EXPORT_JOB)
}

/** Null for somebody whom the user does not see. */
function handleOf(view: View, other: number, user: number): string | null {
  return isUserVisible(view, other, user) ? view.get(users, other)!.handle : null
}

function idOf(row: number): string | null {
  return row === 0 ? null : String(row)
}

function timeOf(time: number): string | null {
  return time === 0 ? null : new Date(time).toISOString()
}
