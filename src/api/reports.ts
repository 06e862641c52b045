// Routes of reports: anybody with an account makes them, moderators work through them. What a
// moderator does besides is in the same list (model/reports.ts).

import { Type } from 'typebox'
import { userOf, viewerOf } from './authentication.ts'
import { RequestRefusal } from './errors.ts'
import { CaseBody, ReportBody, caseOf, reportOf } from './render/report.ts'
import { Handle, Id, IdParameters, PageQuery, Text, cutPage, pageOf, rowOf } from './validation.ts'
import { idempotencyKeyOf, write } from './writes.ts'
import { REPORT_REASONS, REPORT_STATES, reportsInState } from '../model/reports.ts'
import { demandUserOfHandle } from '../model/visibility.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { ReportState } from '../model/reports.ts'
import type { ApiParts } from './parts.ts'

const STATES = REPORT_STATES.filter((state): state is ReportState => state !== '')

const FileBody = Type.Object({
  /** A handle. */
  user: Type.Optional(Handle),
  /** A post, or a comment. */
  post: Type.Optional(Id),
  reason: Type.Enum([...REPORT_REASONS]),
  comment: Type.Optional(Text),
})
const QueueQuery = Type.Object({
  ...PageQuery.properties,
  state: Type.Enum([...STATES], { default: 'open' }),
})
const HandleBody = Type.Object({ state: Type.Enum([...STATES]), note: Type.Optional(Text) })

export const reportRoutes: FastifyPluginCallbackTypebox<ApiParts> = (app, parts, done) => {
  const { store } = parts

  app.post(
    '/reports',
    { config: { access: 'user' }, schema: { body: FileBody, response: { 201: ReportBody } } },
    async (request, reply) => {
      const { user: reporter } = userOf(request)
      const { user: handle, post, reason, comment = '' } = request.body
      if (handle === undefined && post === undefined) {
        throw new RequestRefusal('REQUEST_INVALID', 'A report names a user, or a post.')
      }
      const user = await store.read((view) =>
        handle === undefined ? undefined : demandUserOfHandle(view, handle, reporter),
      )
      const input = {
        reporter,
        reason,
        comment,
        ...(user === undefined ? {} : { user }),
        // An id of nothing is no missing one.
        ...(post === undefined ? {} : { post: rowOf(post) || -1 }),
      }
      const id = await write(store, reply, 'fileReport', input, idempotencyKeyOf(request, 'report'))
      return reply.code(201).send(await store.read((view) => reportOf(view, id)))
    },
  )

  app.get(
    '/admin/reports',
    {
      config: { access: 'moderator' },
      schema: { querystring: QueueQuery, response: { 200: pageOf(CaseBody) } },
    },
    (request) => {
      const { state, limit, before } = request.query
      return store.read((view) => {
        const { ids, next } = cutPage(reportsInState(view, state, limit + 1, before), limit)
        return { items: ids.map((id) => caseOf(view, id)), next }
      })
    },
  )

  app.put(
    '/admin/reports/:id',
    {
      config: { access: 'moderator' },
      schema: { params: IdParameters, body: HandleBody, response: { 200: CaseBody } },
    },
    async (request, reply) => {
      const report = rowOf(request.params.id)
      const moderator = viewerOf(request)
      const { state, note } = request.body
      const input = { report, moderator, state, ...(note === undefined ? {} : { note }) }
      await write(store, reply, 'handleReport', input)
      return store.read((view) => caseOf(view, report))
    },
  )
  done()
}
