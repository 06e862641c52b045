// Notifications: what others did that concerns somebody, told once. The transaction that does it
// writes the row (`notify`), so there is one exactly when it has happened.
//
//   KIND         POST                     STANDS AS LONG AS
//   like         what was liked           it is liked
//   comment      the comment on a post    the comment is there
//   reply        the comment below one    the comment is there
//   mention      what mentions            it is there and mentions
//   follow       -                        the actor follows
//   request      -                        the actor asks to follow
//   grant        -                        the actor is followed
//   moderation   what was removed         it is removed
//
// Nobody is told of what they did themselves, by people on either side of a block or whom they have
// muted, or of what they may not see. A comment that answers somebody and mentions them is one
// notification.
//
// What no longer stands is not shown; its row stays until it is the oldest of too many. So who
// likes, unlikes and likes again is told of once, and one unlike costs nothing. How it is read, is
// the subject of notification-groups.ts.

import { NOTIFICATION_COUNT_MAX } from './limits.ts'
import { markers, notifications, posts, users } from './schema.ts'
import { hasMuted, isActive, isBlockBetween, isListed } from './visibility.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'

/** By their number in the column `kind`: never reordered. */
export const NOTIFICATION_KINDS = [
  '',
  'like',
  'comment',
  'reply',
  'mention',
  'follow',
  'request',
  'grant',
  'moderation',
] as const
export type NotificationKind = Exclude<(typeof NOTIFICATION_KINDS)[number], ''>

export interface Notice {
  /** Who is told. */
  readonly user: number
  readonly kind: NotificationKind
  /** Who did it; 0 for the moderators. */
  readonly actor: number
  readonly post?: number
  /** What the moderators say. */
  readonly text?: string
}

/** Acts of the same actor among which a repetition is looked for. */
const RECENT_COUNT = 50
/** What is repeated later than that is told again. */
const REPETITION_MS = 24 * 60 * 60 * 1000
/** At every so many rows of all users, the owner of the newest one is held to the limit. */
const TRIM_EVERY = 16
/** Rows that one transaction removes at most. */
const TRIM_COUNT_MAX = 100
/** Of those, one comment or post gives one to the same person. */
const SAYING_KINDS = ['comment', 'reply', 'mention'].map((kind) => numberOf(kind))

/** Part of the transaction that does it: tells somebody, unless there is a reason not to. */
export function notify(tx: Transaction, notice: Notice): void {
  const { user, kind, actor, post = 0, text = '' } = notice
  if (!isWelcome(tx, notice)) return
  const known = recentSame(tx, notice)
  if (known !== 0) {
    const isRecent = tx.now - tx.value(notifications, known, 'createdAt') < REPETITION_MS
    // Moderators may have another reason.
    if (isRecent && actor !== 0) return
    tx.remove(notifications, known)
  }
  const row = { user, kind: numberOf(kind), actor, post, text, createdAt: tx.now }
  const id = tx.insert(notifications, row)
  if (id % TRIM_EVERY === 0) trim(tx, user)
}

/**
 * Part of the transaction that publishes or edits something: tells whom it mentions, but for those
 * who have been told.
 */
export function notifyMentioned(
  tx: Transaction,
  post: number,
  mentioned: readonly number[],
  told: readonly number[] = [],
): void {
  const actor = tx.value(posts, post, 'author')
  for (const user of mentioned) {
    if (!told.includes(user)) notify(tx, { user, kind: 'mention', actor, post })
  }
}

/** Part of the transaction that publishes a comment: tells the author of what it answers. */
export function notifyAnswered(tx: Transaction, comment: number): void {
  const parent = tx.value(posts, comment, 'parent')
  const kind = tx.value(posts, parent, 'root') === 0 ? 'comment' : 'reply'
  const actor = tx.value(posts, comment, 'author')
  notify(tx, { user: tx.value(posts, parent, 'author'), kind, actor, post: comment })
}

/** Notes how far somebody has read; never less far than before. Refuses nothing. */
export function readNotifications(tx: Transaction, input: { user: number; upTo: number }): void {
  const { user } = input
  if (!tx.has(users, user)) return
  const [newest = 0] = tx.newest(notifications.indexes.byUser, user, 1)
  const notification = Math.min(input.upTo, newest)
  if (notification <= readMark(tx, user)) return
  const marker = tx.find(markers.indexes.byUser, user)
  if (marker === 0) tx.insert(markers, { user, notification })
  else tx.update(markers, marker, { notification })
}

/** The newest notification that the user has read; 0 for none. */
export function readMark(view: View, user: number): number {
  return view.value(markers, view.find(markers.indexes.byUser, user), 'notification')
}

/** Whether the user hears of what the actor does. */
export function isHeard(view: View, user: number, actor: number): boolean {
  return isActive(view, actor) && !isBlockBetween(view, user, actor) && !hasMuted(view, user, actor)
}

function isWelcome(view: View, { user, kind, actor, post = 0 }: Notice): boolean {
  if (!view.has(users, user) || view.value(users, user, 'deletedAt') !== 0) return false
  if (kind === 'moderation') return true
  if (user === actor || !isActive(view, user) || !isHeard(view, user, actor)) return false
  return post === 0 || isListed(view, post, user)
}

/** A notification of late that tells the same; 0 for none. */
function recentSame(view: View, { user, kind, actor, post = 0 }: Notice): number {
  const number = numberOf(kind)
  const same = SAYING_KINDS.includes(number) ? SAYING_KINDS : [number]
  // Moderators are not named; they do few things.
  const { byActor, byUser } = notifications.indexes
  const rows =
    actor === 0
      ? view.newest(byUser, user, NOTIFICATION_COUNT_MAX)
      : view.newest(byActor, actor, RECENT_COUNT)
  const found = rows.find((row) => {
    if (view.value(notifications, row, 'post') !== post) return false
    if (view.value(notifications, row, 'user') !== user) return false
    return same.includes(view.value(notifications, row, 'kind'))
  })
  return found ?? 0
}

/** The oldest go. */
function trim(tx: Transaction, user: number): void {
  const index = notifications.indexes.byUser
  const rows = tx.newest(index, user, NOTIFICATION_COUNT_MAX + TRIM_COUNT_MAX)
  for (const row of rows.slice(NOTIFICATION_COUNT_MAX)) tx.remove(notifications, row)
}

function numberOf(kind: string): number {
  return NOTIFICATION_KINDS.indexOf(kind as NotificationKind)
}
