// Notification groups: what somebody reads of their notifications. Likes of one post are one group,
// everything else is a group of its own.
//
//   rows, newest first   like of 7   follow   like of 5   like of 7   reply
//   groups               likes of 7 (2)   follow   like of 5   reply
//
// Whatever does not stand any more is left out (notifications.ts), and so are people whom the
// reader has muted or a block separates from the reader, and what the reader may not see by now.
// The work is bounded by NOTIFICATION_COUNT_MAX rows, so all of them are looked at each time: a
// group is whole, wherever a page ends.

import { NOTIFICATION_COUNT_MAX } from './limits.ts'
import { NOTIFICATION_KINDS, isHeard, readMark } from './notifications.ts'
import { followRequests, likes, notifications, posts } from './schema.ts'
import { isFollower, isListed } from './visibility.ts'
import type { View } from '../engine/view.ts'
import type { NotificationKind } from './notifications.ts'

/** A notification, or several likes of one post. */
export interface NotificationGroup {
  /** Of the newest notification in it. */
  readonly id: number
  readonly kind: NotificationKind
  /** 0 for none. */
  readonly post: number
  /** The newest few, newest first; none for the moderators. */
  readonly actors: readonly number[]
  /** How many did it. */
  readonly count: number
  readonly isUnread: boolean
}

export interface NotificationPage {
  readonly count: number
  /** Undefined: all. */
  readonly kinds?: readonly NotificationKind[] | undefined
  readonly cursor?: NotificationCursor | undefined
}

/**
 * Where a page ends. Pages after the first leave out what has come since, so that a group which
 * grows meanwhile is neither shown twice nor missed.
 */
export interface NotificationCursor {
  /** The last group of the page. */
  readonly before: number
  /** The newest notification when the first page was read. */
  readonly top: number
}

/** Unread ones are counted up to here, which stands for "more". */
export const UNREAD_COUNT_BOUND = 100

/** Actors that a group names. */
const ACTOR_COUNT_MAX = 3

const LIKE = NOTIFICATION_KINDS.indexOf('like')
const MENTION = NOTIFICATION_KINDS.indexOf('mention')
const FOLLOW = NOTIFICATION_KINDS.indexOf('follow')
const REQUEST = NOTIFICATION_KINDS.indexOf('request')
const GRANT = NOTIFICATION_KINDS.indexOf('grant')
const MODERATION = NOTIFICATION_KINDS.indexOf('moderation')

/** Groups, newest first. */
export function notificationsOf(
  view: View,
  user: number,
  page: NotificationPage,
): { readonly groups: readonly NotificationGroup[]; readonly next: NotificationCursor | null } {
  const { count, kinds, cursor } = page
  const wanted = kinds?.map((kind) => NOTIFICATION_KINDS.indexOf(kind))
  const rows = rowsOf(view, user, cursor?.top)
  const top = cursor?.top ?? rows[0] ?? 0
  const groups = groupsOf(view, user, rows, wanted)
  const before = cursor?.before ?? Infinity
  const found = groups.filter(({ id }) => id < before).slice(0, count + 1)
  if (found.length <= count) return { groups: found, next: null }
  found.pop()
  return { groups: found, next: { before: found.at(-1)!.id, top } }
}

/** Groups with anything unread, counted up to UNREAD_COUNT_BOUND. */
export function unreadCountOf(view: View, user: number): number {
  const mark = readMark(view, user)
  const sight = new Sight(view, user)
  const liked = new Set<number>()
  let count = 0
  for (const row of rowsOf(view, user)) {
    if (row <= mark || count >= UNREAD_COUNT_BOUND) break
    const isLike = view.value(notifications, row, 'kind') === LIKE
    const post = view.value(notifications, row, 'post')
    if ((isLike && liked.has(post)) || !sight.shows(row)) continue
    if (isLike) liked.add(post)
    count++
  }
  return count
}

function rowsOf(view: View, user: number, top = Infinity): number[] {
  return view.newest(notifications.indexes.byUser, user, NOTIFICATION_COUNT_MAX, top + 1)
}

function groupsOf(
  view: View,
  user: number,
  rows: readonly number[],
  wanted: readonly number[] | undefined,
): NotificationGroup[] {
  const sight = new Sight(view, user)
  const mark = readMark(view, user)
  const groups: { readonly row: number; readonly actors: Set<number> }[] = []
  const likesOf = new Map<number, Set<number>>()
  for (const row of rows) {
    const kind = view.value(notifications, row, 'kind')
    if (wanted !== undefined && !wanted.includes(kind)) continue
    if (!sight.shows(row)) continue
    const post = view.value(notifications, row, 'post')
    const actor = view.value(notifications, row, 'actor')
    const known = kind === LIKE ? likesOf.get(post) : undefined
    if (known !== undefined) {
      known.add(actor)
      continue
    }
    const actors = new Set(actor === 0 ? [] : [actor])
    if (kind === LIKE) likesOf.set(post, actors)
    groups.push({ row, actors })
  }
  return groups.map(({ row, actors }) => ({
    id: row,
    kind: NOTIFICATION_KINDS[view.value(notifications, row, 'kind')] as NotificationKind,
    post: view.value(notifications, row, 'post'),
    actors: [...actors].slice(0, ACTOR_COUNT_MAX),
    count: Math.max(1, actors.size),
    isUnread: row > mark,
  }))
}

/** What one user may see of what was told, in one state of the store. */
class Sight {
  readonly #view: View
  readonly #user: number
  /** Looked up once for all the likes of a post. */
  readonly #posts: Map<number, boolean>

  constructor(view: View, user: number) {
    this.#view = view
    this.#user = user
    this.#posts = new Map()
  }

  /** Whether the notification is shown. */
  shows(row: number): boolean {
    const view = this.#view
    const actor = view.value(notifications, row, 'actor')
    const post = view.value(notifications, row, 'post')
    if (post !== 0 && !this.#showsPost(post)) return false
    const kind = view.value(notifications, row, 'kind')
    if (kind === MODERATION) return post === 0 || view.value(posts, post, 'removedAt') !== 0
    return isHeard(view, this.#user, actor) && this.#stands(kind, actor, post)
  }

  #showsPost(post: number): boolean {
    let isShown = this.#posts.get(post)
    if (isShown === undefined) {
      isShown = isListed(this.#view, post, this.#user)
      this.#posts.set(post, isShown)
    }
    return isShown
  }

  #stands(kind: number, actor: number, post: number): boolean {
    const view = this.#view
    const user = this.#user
    switch (kind) {
      case LIKE:
        return view.findPair(likes.indexes.byPair, actor, post) !== 0
      case MENTION:
        return view.get(posts, post)?.mentions.includes(user) === true
      case FOLLOW:
        return isFollower(view, actor, user)
      case REQUEST:
        return view.findPair(followRequests.indexes.byPair, actor, user) !== 0
      case GRANT:
        return isFollower(view, user, actor)
      default:
        return true
    }
  }
}
