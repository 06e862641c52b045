// Route of the audit trail: what the committed transactions did, straight from the transaction log,
// which nobody can edit. Of the data it shows which rows and columns were written, not what is in
// them; only of moderation it shows who did what to whom and why.

import { Type } from 'typebox'
import { RequestRefusal } from './errors.ts'
import { PageQuery, nullable, pageOf } from './validation.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { Static } from 'typebox'
import type { HistoryChange } from '../engine/history-changes.ts'
import type { HistoryEntry, ShownFields } from '../engine/history.ts'
import type { ApiParts } from './parts.ts'

const ACT = ['reporter', 'user', 'post', 'reason', 'note', 'handledBy']

/** What of the values is shown, by label and table. Nothing that is secret has a place here. */
const SHOWN: ShownFields = {
  suspendUser: { users: ['suspendedAt', 'suspension'], reports: ACT },
  liftSuspension: { users: ['suspendedAt'], reports: ACT },
  removePost: { posts: ['removedAt', 'removal'], reports: ACT },
  liftRemoval: { posts: ['removedAt'], reports: ACT },
  blockTerm: { blockedTerms: ['key'], reports: ACT },
  unblockTerm: { reports: ACT },
  handleReport: { reports: ['state', 'handledBy', 'note'] },
  setRole: { users: ['role'] },
}

const Lsn = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
const AuditQuery = Type.Object({
  limit: PageQuery.properties.limit,
  /** Left out: the newest ones. */
  from: Type.Optional(Lsn),
})

const ChangeBody = Type.Object({
  change: Type.String(),
  table: Type.String(),
  row: Type.String(),
  columns: Type.Array(Type.String()),
  /** Whether texts of the row were written: the log holds them together. */
  texts: Type.Boolean(),
  values: Type.Record(Type.String(), Type.Unknown()),
})

const ActBody = Type.Object({
  act: Type.String(),
  /** Null: the operator. */
  moderator: nullable(Type.String()),
  user: nullable(Type.String()),
  post: nullable(Type.String()),
  reason: Type.String(),
})

const EntryBody = Type.Object({
  lsn: Type.Integer(),
  time: Type.String(),
  transaction: Type.String(),
  size: Type.Integer(),
  /** The first 100; null when the schema of that time is not known any more. */
  changes: nullable(Type.Array(ChangeBody)),
  change_count: Type.Integer(),
  act: nullable(ActBody),
})

const AuditBody = Type.Object({
  ...pageOf(EntryBody).properties,
  first_lsn: Type.Integer(),
  last_lsn: Type.Integer(),
})

export const auditRoutes: FastifyPluginCallbackTypebox<ApiParts> = (app, { admin }, done) => {
  app.get(
    '/admin/audit',
    {
      config: { access: 'admin' },
      schema: { querystring: AuditQuery, response: { 200: AuditBody } },
    },
    async (request) => {
      const { limit } = request.query
      const fromLsn = request.query.from ?? (await newestFrom(limit))
      const page = await admin.log({ fromLsn, count: limit, shown: SHOWN })
      if (fromLsn < page.firstLsn) {
        throw new RequestRefusal(
          'LOG_RETIRED',
          `The log holds nothing before LSN ${page.firstLsn}; LSN ${fromLsn} is asked for.`,
        )
      }
      return {
        items: page.entries.map(entryOf),
        next: page.nextLsn === undefined ? null : String(page.nextLsn),
        first_lsn: page.firstLsn,
        last_lsn: page.lastLsn,
      }
    },
  )

  /** Where the newest `count` transactions begin. */
  async function newestFrom(count: number): Promise<number> {
    const { firstLsn, lastLsn } = await admin.log({ fromLsn: 0, count: 0, shown: {} })
    return Math.max(firstLsn, lastLsn - count + 1)
  }
  done()
}

function entryOf(entry: HistoryEntry): Static<typeof EntryBody> {
  const { lsn, time, label, size, changes, changeCount } = entry
  return {
    lsn,
    time: new Date(time).toISOString(),
    transaction: label,
    size,
    changes: changes?.map(changeOf) ?? null,
    change_count: changeCount,
    act: actOf(changes),
  }
}

function changeOf(given: HistoryChange): Static<typeof ChangeBody> {
  const { change, table, row, columns, hasTexts, values } = given
  return { change, table, row: String(row), columns: [...columns], texts: hasTexts, values }
}

/** Out of the report that each act leaves (model/reports.ts). */
function actOf(changes: readonly HistoryChange[] | undefined): Static<typeof ActBody> | null {
  const report = changes?.find(
    ({ table, change, values }) => table === 'reports' && change === 'insert' && 'reason' in values,
  )
  if (report === undefined) return null
  const { handledBy, user, post, reason, note } = report.values
  return {
    act: textOf(reason),
    moderator: idOf(handledBy),
    user: idOf(user),
    post: idOf(post),
    reason: textOf(note),
  }
}

function idOf(value: unknown): string | null {
  return typeof value === 'number' && value !== 0 ? String(value) : null
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
