// Reports: what people ask the moderators to look at, and what moderators have done by themselves:
// an act of moderation is a report that its moderator has made and settled at once (`recordAct`).
// So the settled reports are the history of moderation, which says who did what to whom and why.
//
//   by a user        open ──▶ resolved or dismissed ──▶ open again, if a moderator says so
//   by a moderator   resolved
//
// Somebody has one open report of the same thing: reporting it again is fine and changes nothing.

import { REPORT_OPEN_COUNT_MAX, TEXT_LIMITS } from './limits.ts'
import { Refusal } from './refusal.ts'
import { posts, reports } from './schema.ts'
import { fitText } from './text.ts'
import { demandUserVisible, demandVisible, isActive } from './visibility.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'

/** By their number in the column `state`: never reordered. */
export const REPORT_STATES = ['', 'open', 'resolved', 'dismissed'] as const
export type ReportState = Exclude<(typeof REPORT_STATES)[number], ''>

/** What somebody may find wrong with a user, a post or a comment. */
export const REPORT_REASONS = [
  'spam',
  'harassment',
  'hate',
  'violence',
  'nudity',
  'self_harm',
  'impersonation',
  'copyright',
  'illegal',
  'other',
] as const
export type ReportReason = (typeof REPORT_REASONS)[number]

/** What moderators do, in place of a reason. */
export const MODERATION_ACTS = [
  'suspension',
  'suspension_lifted',
  'removal',
  'removal_lifted',
  'term_blocked',
  'term_unblocked',
] as const
export type ModerationAct = (typeof MODERATION_ACTS)[number]

export interface FileReport {
  readonly reporter: number
  /** Who is reported; may be left out beside a post, whose author it is. */
  readonly user?: number
  readonly post?: number
  readonly reason: ReportReason
  readonly comment: string
}

export interface HandleReport {
  readonly report: number
  /** 0 for the operator. */
  readonly moderator: number
  readonly state: ReportState
  /** Left out, it stays as it is. */
  readonly note?: string
}

export interface Act {
  readonly act: ModerationAct
  /** 0 for the operator. */
  readonly moderator: number
  readonly user?: number
  readonly post?: number
  readonly note: string
}

const OPEN = REPORT_STATES.indexOf('open')
const RESOLVED = REPORT_STATES.indexOf('resolved')
/** The newest reports of somebody among which the open ones are looked for. */
const OWN_COUNT = 1_000

/**
 * Returns the report's id, of the open one if there is one of the same thing. Refuses with
 * USER_NOT_FOUND, POST_NOT_FOUND, REPORT_SELF, REPORTS_TOO_MANY, TEXT_….
 */
export function fileReport(tx: Transaction, input: FileReport): number {
  const { reporter, reason, post = 0 } = input
  if (!isActive(tx, reporter)) throw new Refusal('USER_NOT_FOUND')
  const user = reportedUser(tx, input)
  if (user === reporter) throw new Refusal('REPORT_SELF')
  const comment = fitText(input.comment, TEXT_LIMITS.reason)
  const own = tx.newest(reports.indexes.byReporter, reporter, OWN_COUNT)
  const open = own.filter((report) => tx.value(reports, report, 'state') === OPEN)
  const known = open.find(
    (report) =>
      tx.value(reports, report, 'user') === user && tx.value(reports, report, 'post') === post,
  )
  if (known !== undefined) return known
  if (open.length >= REPORT_OPEN_COUNT_MAX) throw new Refusal('REPORTS_TOO_MANY')
  return tx.insert(reports, {
    reporter,
    user,
    post,
    reason,
    comment,
    state: OPEN,
    createdAt: tx.now,
  })
}

/** Refuses with REPORT_NOT_FOUND, MODERATE_SELF, TEXT_…. */
export function handleReport(tx: Transaction, input: HandleReport): void {
  const { report, moderator, note } = input
  if (!tx.has(reports, report)) throw new Refusal('REPORT_NOT_FOUND')
  const isOwn = moderator !== 0 && tx.value(reports, report, 'user') === moderator
  if (isOwn) throw new Refusal('MODERATE_SELF')
  const text = note === undefined ? {} : { note: fitText(note, TEXT_LIMITS.reason) }
  const state = REPORT_STATES.indexOf(input.state)
  const by =
    state === OPEN
      ? { handledBy: 0, handledAt: 0 }
      : { handledBy: moderator, handledAt: Math.max(tx.now, 1) }
  tx.update(reports, report, { state, ...by, ...text })
}

/** Part of an act of moderation: notes who did it, and why. */
export function recordAct(tx: Transaction, input: Act): void {
  const { act, moderator, user = 0, post = 0, note } = input
  tx.insert(reports, {
    reporter: moderator,
    user,
    post,
    reason: act,
    note,
    state: RESOLVED,
    createdAt: tx.now,
    handledBy: moderator,
    handledAt: Math.max(tx.now, 1),
  })
}

/** Reports in that state, newest first. */
export function reportsInState(
  view: View,
  state: ReportState,
  count: number,
  before?: number,
): number[] {
  return view.newest(reports.indexes.byState, REPORT_STATES.indexOf(state), count, before)
}

function reportedUser(view: View, { reporter, user, post = 0 }: FileReport): number {
  if (post === 0) {
    demandUserVisible(view, user ?? 0, reporter)
    return user!
  }
  demandVisible(view, post, reporter)
  const author = view.value(posts, post, 'author')
  if (user !== undefined && user !== author) throw new Refusal('POST_NOT_FOUND')
  return author
}
