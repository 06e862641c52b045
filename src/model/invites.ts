// Invites: codes with which people may sign up where that takes one. A code is random and comes
// from outside; the store keeps its hash, so an invite can be shown once, and counted.
//
// Moderators and admins make them, or everybody where the setting `inviters` says so. An invite is
// good as long as who made it may still make one.

import { instanceSettings } from './instance-settings.ts'
import { INVITE_COUNT_MAX } from './limits.ts'
import { Refusal } from './refusal.ts'
import { invites } from './schema.ts'
import { demandActive } from './sessions.ts'
import { isActive, isModerator } from './visibility.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'

export interface NewInvite {
  readonly creator: number
  readonly codeHash: string
  /** Accounts that it is good for. */
  readonly usesMax: number
  readonly expiresInMs: number
}

/** Ids that one page of all invites looks at. */
const SCAN_COUNT_MAX = 5_000

/**
 * Returns the invite's id. Refuses with USER_NOT_FOUND, ACCOUNT_SUSPENDED, INVITES_RESERVED,
 * INVITES_TOO_MANY.
 */
export function createInvite(tx: Transaction, input: NewInvite): number {
  const { creator, codeHash, usesMax, expiresInMs } = input
  demandActive(tx, creator)
  if (!mayInvite(tx, creator)) throw new Refusal('INVITES_RESERVED')
  const known = invitesOf(tx, creator, INVITE_COUNT_MAX)
  const spent = known.filter((invite) => isSpent(tx, invite, tx.now))
  if (known.length - spent.length >= INVITE_COUNT_MAX) {
    throw new Refusal(
      'INVITES_TOO_MANY',
      `You have ${INVITE_COUNT_MAX} invites that are good, which is the most.`,
    )
  }
  if (known.length === INVITE_COUNT_MAX) for (const invite of spent) tx.remove(invites, invite)
  return tx.insert(invites, {
    creator,
    codeHash,
    usesMax,
    createdAt: tx.now,
    expiresAt: tx.now + expiresInMs,
  })
}

/** By who made it, or a moderator. Refuses with INVITE_NOT_FOUND. */
export function removeInvite(tx: Transaction, input: { user: number; invite: number }): void {
  const { user, invite } = input
  const isTheirs = tx.value(invites, invite, 'creator') === user
  if (!tx.has(invites, invite) || (!isTheirs && !isModerator(tx, user))) {
    throw new Refusal('INVITE_NOT_FOUND')
  }
  tx.remove(invites, invite)
}

/** The invite of that code, if it is good. Refuses with INVITE_INVALID. */
export function demandInvite(view: View, codeHash: string, now: number): number {
  const invite = view.find(invites.indexes.byCodeHash, codeHash)
  const creator = view.value(invites, invite, 'creator')
  const isGood =
    invite !== 0 &&
    !isSpent(view, invite, now) &&
    isActive(view, creator) &&
    mayInvite(view, creator)
  if (!isGood) throw new Refusal('INVITE_INVALID')
  return invite
}

/** Part of a sign-up. */
export function countInvite(tx: Transaction, invite: number): void {
  tx.update(invites, invite, { uses: tx.value(invites, invite, 'uses') + 1 })
}

/** Newest first. */
export function invitesOf(view: View, creator: number, count: number, before?: number): number[] {
  return view.newest(invites.indexes.byCreator, creator, count, before)
}

/**
 * Everybody's, newest first: those of one page, and before which id the next one begins, 0 when
 * there is none. A page looks at a bounded number of ids, so it may hold few.
 */
export function allInvites(
  view: View,
  count: number,
  before = view.lastId(invites) + 1,
): { readonly ids: readonly number[]; readonly next: number } {
  const ids: number[] = []
  let id = Math.min(before, view.lastId(invites) + 1)
  for (let looks = 0; id > 1 && looks < SCAN_COUNT_MAX && ids.length < count; looks++) {
    id--
    if (view.has(invites, id)) ids.push(id)
  }
  return { ids, next: id > 1 ? id : 0 }
}

export function mayInvite(view: View, user: number): boolean {
  return instanceSettings(view).inviters === 'everybody' || isModerator(view, user)
}

function isSpent(view: View, invite: number, now: number): boolean {
  const isUsedUp = view.value(invites, invite, 'uses') >= view.value(invites, invite, 'usesMax')
  return isUsedUp || view.value(invites, invite, 'expiresAt') <= now
}
