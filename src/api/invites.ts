// Routes of invites: make one, see what has come of one's own, take one back; moderators see and
// take back everybody's. The code is in the answer to its making and nowhere else, so that takes no
// Idempotency-Key.

import { Type } from 'typebox'
import { createToken, userOf } from './authentication.ts'
import { Expiry, IdParameters, PageQuery, cutPage, pageOf, rowOf } from './validation.ts'
import { write } from './writes.ts'
import { INVITE_USES_MAX } from '../model/limits.ts'
import { allInvites, invitesOf } from '../model/invites.ts'
import { invites, users } from '../model/schema.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { Static } from 'typebox'
import type { View } from '../engine/view.ts'
import type { ApiParts } from './parts.ts'

/** Bytes of a code: 96 bits, so that 16 characters do. */
const CODE_SIZE = 12
const EXPIRES_IN = 7 * 24 * 60 * 60

const NewInviteBody = Type.Object({
  uses: Type.Optional(Type.Integer({ minimum: 1, maximum: INVITE_USES_MAX })),
  expires_in: Type.Optional(Expiry),
})
const InviteBody = Type.Object({
  id: Type.String(),
  uses: Type.Integer(),
  uses_max: Type.Integer(),
  created_at: Type.String(),
  expires_at: Type.String(),
})
const MadeInviteBody = Type.Object({ ...InviteBody.properties, code: Type.String() })
const InvitesPage = pageOf(InviteBody)
const CreatorBody = Type.Object({ id: Type.String(), handle: Type.String() })
const AllInvitesPage = pageOf(Type.Object({ ...InviteBody.properties, creator: CreatorBody }))

export const inviteRoutes: FastifyPluginCallbackTypebox<ApiParts> = (app, parts, done) => {
  const { store } = parts

  app.post(
    '/invites',
    {
      config: { access: 'user' },
      schema: { body: NewInviteBody, response: { 201: MadeInviteBody } },
    },
    async (request, reply) => {
      const { user: creator } = userOf(request)
      const { uses: usesMax = 1, expires_in: expiresIn = EXPIRES_IN } = request.body
      const { token: code, tokenHash: codeHash } = createToken(CODE_SIZE)
      const input = { creator, codeHash, usesMax, expiresInMs: expiresIn * 1000 }
      const id = await write(store, reply, 'createInvite', input)
      const body = await store.read((view) => inviteBodyOf(view, id))
      return reply.code(201).send({ ...body, code })
    },
  )

  app.get(
    '/invites',
    {
      config: { access: 'user' },
      schema: { querystring: PageQuery, response: { 200: InvitesPage } },
    },
    (request) => {
      const { user } = userOf(request)
      const { limit, before } = request.query
      return store.read((view) => {
        const { ids, next } = cutPage(invitesOf(view, user, limit + 1, before), limit)
        return { items: ids.map((id) => inviteBodyOf(view, id)), next }
      })
    },
  )

  app.get(
    '/admin/invites',
    {
      config: { access: 'moderator' },
      schema: { querystring: PageQuery, response: { 200: AllInvitesPage } },
    },
    (request) => {
      const { limit, before } = request.query
      return store.read((view) => {
        const { ids, next } = allInvites(view, limit, before)
        const items = ids.map((id) => {
          const creator = view.value(invites, id, 'creator')
          const handle = view.get(users, creator)?.handle ?? ''
          return { ...inviteBodyOf(view, id), creator: { id: String(creator), handle } }
        })
        return { items, next: next === 0 ? null : String(next) }
      })
    },
  )

  app.delete(
    '/invites/:id',
    { config: { access: 'user' }, schema: { params: IdParameters } },
    async (request, reply) => {
      const { user } = userOf(request)
      await write(store, reply, 'removeInvite', { user, invite: rowOf(request.params.id) })
      return reply.code(204).send()
    },
  )
  done()
}

function inviteBodyOf(view: View, id: number): Static<typeof InviteBody> {
  const row = view.get(invites, id)
  return {
    id: String(id),
    uses: row?.uses ?? 0,
    uses_max: row?.usesMax ?? 0,
    created_at: new Date(row?.createdAt ?? 0).toISOString(),
    expires_at: new Date(row?.expiresAt ?? 0).toISOString(),
  }
}
