// Moderation: suspending people and removing what they publish. Nothing is done in the dark:
// whoever is concerned is told why, at the next log-in or by a notification, and every act says in
// the reports who did it (reports.ts).
//
// Suspended, somebody is there for moderators only and cannot log in; everything stays as it is and
// comes back with them. Removed, a post or comment is hidden from all but its author and
// moderators.
//
// Moderators stand above users, admins above moderators: whom one does not stand above one cannot
// suspend. Nobody judges themselves, or what they have published. `moderator` is 0 for the
// operator, who counts as an admin. Doing a thing twice is fine; another reason replaces the one
// before.

import { TEXT_LIMITS } from './limits.ts'
import { notify } from './notifications.ts'
import { Refusal } from './refusal.ts'
import { recordAct } from './reports.ts'
import { posts, users } from './schema.ts'
import { endSessions } from './sessions.ts'
import { fitText } from './text.ts'
import { roleOf } from './users.ts'
import { isKept } from './visibility.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'

export const USER_STATES = ['all', 'active', 'suspended', 'deleted', 'team'] as const
export type UserState = (typeof USER_STATES)[number]

export interface ModerateUser {
  readonly user: number
  readonly moderator: number
}

export interface ModeratePost {
  readonly post: number
  readonly moderator: number
}

/** Users that one page of a list looks at. */
const USER_SCAN_MAX = 5_000
const REASON_LIMIT = { ...TEXT_LIMITS.reason, countMin: 1 }

/**
 * Ends the log-ins of the user; access tokens are worth nothing meanwhile. Refuses with
 * USER_NOT_FOUND, MODERATE_SELF, RANK_TOO_LOW, TEXT_….
 */
export function suspendUser(tx: Transaction, input: ModerateUser & { reason: string }): void {
  const { user, moderator } = input
  demandRank(tx, input)
  const suspension = fitText(input.reason, REASON_LIMIT)
  const row = tx.get(users, user)!
  if (row.suspendedAt !== 0 && row.suspension === suspension) return
  tx.update(users, user, { suspendedAt: row.suspendedAt || Math.max(tx.now, 1), suspension })
  endSessions(tx, user, 'log-in')
  recordAct(tx, { act: 'suspension', moderator, user, note: suspension })
}

/** Refuses with USER_NOT_FOUND, MODERATE_SELF, RANK_TOO_LOW. */
export function liftSuspension(tx: Transaction, input: ModerateUser): void {
  const { user, moderator } = input
  demandRank(tx, input)
  if (tx.value(users, user, 'suspendedAt') === 0) return
  tx.update(users, user, { suspendedAt: 0, suspension: '' })
  recordAct(tx, { act: 'suspension_lifted', moderator, user, note: '' })
}

/** A post or a comment. Refuses with POST_NOT_FOUND, MODERATE_SELF, TEXT_…. */
export function removePost(tx: Transaction, input: ModeratePost & { reason: string }): void {
  const { post, moderator } = input
  demandOthers(tx, input)
  const removal = fitText(input.reason, REASON_LIMIT)
  const row = tx.get(posts, post)!
  if (row.removedAt !== 0 && row.removal === removal) return
  tx.update(posts, post, { removedAt: row.removedAt || Math.max(tx.now, 1), removal })
  const user = row.author
  notify(tx, { user, kind: 'moderation', actor: 0, post, text: removal })
  recordAct(tx, { act: 'removal', moderator, user, post, note: removal })
}

/** Refuses with POST_NOT_FOUND, MODERATE_SELF. */
export function liftRemoval(tx: Transaction, input: ModeratePost): void {
  const { post, moderator } = input
  demandOthers(tx, input)
  if (tx.value(posts, post, 'removedAt') === 0) return
  const user = tx.value(posts, post, 'author')
  tx.update(posts, post, { removedAt: 0, removal: '' })
  recordAct(tx, { act: 'removal_lifted', moderator, user, post, note: '' })
}

/**
 * Users in that state, newest first, up to `count`; `team` are moderators and admins. The work is
 * bounded: `next` is where to go on when there may be more, even if none were found.
 */
export function usersInState(
  view: View,
  state: UserState,
  count: number,
  before = Infinity,
): { readonly ids: readonly number[]; readonly next: number | null } {
  const ids: number[] = []
  let id = Math.min(before, view.lastId(users) + 1) - 1
  const last = Math.max(0, id - USER_SCAN_MAX)
  for (; id > last && ids.length < count; id--) {
    if (isInState(view, id, state)) ids.push(id)
  }
  return { ids, next: id > 0 ? id + 1 : null }
}

function isInState(view: View, user: number, state: UserState): boolean {
  if (!view.has(users, user)) return false
  const isDeleted = view.value(users, user, 'deletedAt') !== 0
  const isSuspended = view.value(users, user, 'suspendedAt') !== 0
  switch (state) {
    case 'all':
      return true
    case 'active':
      return !isDeleted && !isSuspended
    case 'suspended':
      return !isDeleted && isSuspended
    case 'deleted':
      return isDeleted
    case 'team':
      return !isDeleted && roleOf(view, user) !== 'user'
  }
}

/** Refuses with USER_NOT_FOUND, MODERATE_SELF, RANK_TOO_LOW. */
function demandRank(view: View, { user, moderator }: ModerateUser): void {
  if (!view.has(users, user) || view.value(users, user, 'deletedAt') !== 0) {
    throw new Refusal('USER_NOT_FOUND')
  }
  if (user === moderator) throw new Refusal('MODERATE_SELF')
  const isAdmin = moderator === 0 || roleOf(view, moderator) === 'admin'
  if (!isAdmin && roleOf(view, user) !== 'user') throw new Refusal('RANK_TOO_LOW')
}

/** Refuses with POST_NOT_FOUND, MODERATE_SELF. */
function demandOthers(view: View, { post, moderator }: ModeratePost): void {
  if (!isKept(view, post)) throw new Refusal('POST_NOT_FOUND')
  if (view.value(posts, post, 'author') === moderator) throw new Refusal('MODERATE_SELF')
}
