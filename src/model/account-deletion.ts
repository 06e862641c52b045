// The end of an account: at once for everybody who looks, and then row by row.
//
//   deleteAccount   one transaction    marked as deleted, without handle, texts, log-ins; nobody
//                                      sees the user or anything of theirs (visibility.ts)
//   eraseStep       as many as needed  some thousand rows each, until nothing is left
//
// Somebody may have made a million rows, and a transaction is bounded; so a job remembers that
// there is more to do, and whoever runs it, however often, goes on where the last step ended.
//
//   WHAT                                      BECOMES
//   the user                                  a row with nothing but its times
//   posts                                     gone, as when they are deleted one by one
//   comments                                  gone; a tombstone where somebody has answered
//   photos                                    gone; a file goes with the last row that shows it
//   follows, requests, blocks, mutes          gone, in both directions
//   likes, bookmarks, collections, drafts     gone
//   notifications, to and of the user         gone
//   invites, mail tokens, jobs, identities    gone
//   reports by the user                       stay for the moderators, without name and words
//   reports about the user                    stay: they are other people's
//
// What others have written about the user, "@handle" in a caption, is theirs.

import { enqueueJob, JOB_STATES } from './jobs.ts'
import { removeMedia } from './media.ts'
import { erasePost } from './posts.ts'
import { demandFreshLogIn } from './proof.ts'
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
  mailTokens,
  markers,
  media,
  mutes,
  notifications,
  posts,
  reports,
  sessions,
  users,
} from './schema.ts'
import { demandSecondFactor } from './second-factor-codes.ts'
import { endSessions } from './sessions.ts'
import type { Index } from '../engine/schema.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { AnyTable, View } from '../engine/view.ts'
import type { Proof } from './proof.ts'

export const ERASE_JOB = 'erase'

/** Rows that a step writes, give or take what deleting one post takes. */
export const ERASE_ROWS_MAX = 1_000
/** Rows that it costs as much as to take the words of a post out of the search. */
const WORDS_WEIGHT = 4
/** More than an account has ways in. */
const IDENTITIES_ALL = 100

const WAITING = JOB_STATES.indexOf('waiting')
const DONE = JOB_STATES.indexOf('done')

/** Rows that only have to go, by the list that names them. */
const LISTS: readonly { readonly table: AnyTable; readonly index: Index<'postings'> }[] = [
  { table: sessions, index: sessions.indexes.byUser },
  { table: identities, index: identities.indexes.byUser },
  { table: mailTokens, index: mailTokens.indexes.byUser },
  { table: invites, index: invites.indexes.byCreator },
  { table: follows, index: follows.indexes.following },
  { table: follows, index: follows.indexes.followers },
  { table: followRequests, index: followRequests.indexes.byRequester },
  { table: followRequests, index: followRequests.indexes.byTarget },
  { table: blocks, index: blocks.indexes.byBlocker },
  { table: blocks, index: blocks.indexes.byBlocked },
  { table: mutes, index: mutes.indexes.byMuter },
  { table: mutes, index: mutes.indexes.byMuted },
  { table: likes, index: likes.indexes.byUser },
  { table: bookmarks, index: bookmarks.indexes.byUser },
  { table: drafts, index: drafts.indexes.byOwner },
  { table: notifications, index: notifications.indexes.byUser },
  { table: notifications, index: notifications.indexes.byActor },
]

/**
 * Returns the job that `eraseStep` goes on with. Refuses with USER_NOT_FOUND, LOG_IN_STALE,
 * SECOND_FACTOR_NEEDED, SECOND_FACTOR_WRONG.
 */
export function deleteAccount(tx: Transaction, input: Proof & { readonly code?: string }): number {
  const { user, session, code } = input
  demandFreshLogIn(tx, user, session)
  demandSecondFactor(tx, user, code)
  endSessions(tx, user, 'log-in')
  endSessions(tx, user, 'access')
  // Who comes back by the same log-in elsewhere is somebody new.
  for (const row of tx.newest(identities.indexes.byUser, user, IDENTITIES_ALL)) {
    tx.remove(identities, row)
  }
  tx.update(users, user, {
    deletedAt: Math.max(tx.now, 1), // Time 0 would say "there".
    role: 0,
    avatar: 0,
    header: 0,
    emailConfirmedAt: 0,
    totpStep: 0,
    handle: '',
    handleKey: '',
    name: '',
    bio: '',
    passwordHash: '',
    fields: [],
    email: '',
    emailKey: '',
    totpSecret: '',
    totpPending: '',
    recoveryHashes: [],
    suspension: '',
  })
  return enqueueJob(tx, { kind: ERASE_JOB, user, input: null })
}

/** Goes on with a job of `deleteAccount`; a job that is done, or that is none of those, is done. */
export function eraseStep(tx: Transaction, { job }: { job: number }): { isDone: boolean } {
  const row = tx.get(jobs, job)
  if (row === undefined || row.kind !== ERASE_JOB || row.state === DONE) return { isDone: true }
  const { user } = row
  const known = row.output as { readonly after: number } | null
  let left = ERASE_ROWS_MAX
  let after = known?.after ?? 0
  for (const { table, index } of LISTS) {
    left -= removeNewest(tx, table, index, user, left)
    if (left <= 0) return { isDone: false }
  }
  const erased = erasePosts(tx, user, after, left)
  left -= erased.written
  after = erased.after
  left -= removeCollections(tx, user, left)
  left -= removeOtherJobs(tx, user, job, left)
  left -= forgetReporter(tx, user, left)
  left -= removePhotos(tx, user, left)
  if (left <= 0) {
    tx.update(jobs, job, { attempts: row.attempts + 1, output: { after } })
    return { isDone: false }
  }
  const marker = tx.find(markers.indexes.byUser, user)
  if (marker !== 0) tx.remove(markers, marker)
  // Not before: those who ask to follow ask a private account.
  tx.update(users, user, { isPrivate: false })
  tx.update(jobs, job, { state: DONE, finishedAt: tx.now, output: null })
  return { isDone: true }
}

/** Jobs of `eraseStep` among those after `after`, and the last one that was looked at. */
export function unfinishedErasures(
  view: View,
  after: number,
  count: number,
): { readonly jobs: number[]; readonly last: number | undefined } {
  const waiting = view.after(jobs.indexes.byState, WAITING, after, count)
  const found = view.getMany(jobs, waiting).filter(({ kind }) => kind === ERASE_JOB)
  return { jobs: found.map(({ id }) => id), last: waiting.at(-1) }
}

/** Each of these returns how many rows it has written: not many more than `count`. */
function removeNewest(
  tx: Transaction,
  table: AnyTable,
  index: Index<'postings'>,
  owner: number,
  count: number,
): number {
  if (count <= 0) return 0
  const rows = tx.newest(index, owner, count)
  for (const row of rows) tx.remove(table, row)
  return rows.length
}

/** Tombstones stay in the list of their author, so the job notes how far it is. */
function erasePosts(
  tx: Transaction,
  user: number,
  start: number,
  count: number,
): { readonly written: number; readonly after: number } {
  let written = 0
  let after = start
  for (const post of tx.after(posts.indexes.allByAuthor, user, start, Math.max(0, count))) {
    if (written >= count) break
    after = post
    written += tx.value(posts, post, 'deletedAt') === 0 ? erasePost(tx, post) + WORDS_WEIGHT : 1
  }
  return { written, after }
}

function removeCollections(tx: Transaction, user: number, count: number): number {
  let written = 0
  while (written < count) {
    const [collection] = tx.newest(collections.indexes.byOwner, user, 1)
    if (collection === undefined) break
    const index = collectionItems.indexes.byCollection
    written += removeNewest(tx, collectionItems, index, collection, count - written)
    if (written >= count) break
    tx.remove(collections, collection)
    written++
  }
  return written
}

/** They may name an address. */
function removeOtherJobs(tx: Transaction, user: number, job: number, count: number): number {
  if (count <= 0) return 0
  const others = tx.newest(jobs.indexes.byUser, user, count + 1).filter((other) => other !== job)
  for (const other of others) tx.remove(jobs, other)
  return others.length
}

function forgetReporter(tx: Transaction, user: number, count: number): number {
  if (count <= 0) return 0
  const rows = tx.newest(reports.indexes.byReporter, user, count)
  for (const row of rows) tx.update(reports, row, { reporter: 0, comment: '' })
  return rows.length
}

/** Those that no post showed. */
function removePhotos(tx: Transaction, user: number, count: number): number {
  if (count <= 0) return 0
  const rows = tx.newest(media.indexes.byOwner, user, count)
  removeMedia(tx, rows)
  return rows.length
}
