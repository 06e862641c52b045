// Routes of access tokens: what a user makes for a program, with what that one may do and for how
// long. The token itself is in the answer to its making and nowhere else, which is also why that
// takes no Idempotency-Key: a token too many can be deleted.

import { Type } from 'typebox'
import { systemClock } from '../std/clock.ts'
import { createToken, userOf } from './authentication.ts'
import { demandScope } from './scopes.ts'
import { Expiry, IdParameters, Text, nullable, pageOf, rowOf } from './validation.ts'
import { write } from './writes.ts'
import { sessions } from '../model/schema.ts'
import { SCOPES, sessionsOf } from '../model/sessions.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { Static } from 'typebox'
import type { View } from '../engine/view.ts'
import type { ApiParts } from './parts.ts'

const ScopeText = Type.Enum([...SCOPES])
const NewTokenBody = Type.Object({
  name: Text,
  scopes: Type.Array(ScopeText, { minItems: 1, maxItems: SCOPES.length }),
  expires_in: Type.Optional(Expiry),
})
const TokenBody = Type.Object({
  id: Type.String(),
  name: Type.String(),
  scopes: Type.Array(Type.String()),
  created_at: Type.String(),
  seen_at: Type.String(),
  expires_at: nullable(Type.String()),
})
const MadeTokenBody = Type.Object({ ...TokenBody.properties, token: Type.String() })
/** A user has at most 50: all of them are one page. */
const TokensPage = pageOf(TokenBody)

export const tokenRoutes: FastifyPluginCallbackTypebox<ApiParts> = (app, parts, done) => {
  const { store, clock = systemClock } = parts

  app.post(
    '/tokens',
    {
      config: { access: 'user' },
      schema: { body: NewTokenBody, response: { 201: MadeTokenBody } },
    },
    async (request, reply) => {
      const { user, scopes: own } = userOf(request)
      const { name, scopes, expires_in: expiresIn } = request.body
      // A token makes none that may do more.
      for (const scope of scopes) demandScope(own, scope)
      const { token, tokenHash } = createToken()
      const expiresInMs = expiresIn === undefined ? undefined : expiresIn * 1000
      const input = { user, tokenHash, name, scopes, expiresInMs }
      const id = await write(store, reply, 'createAccessToken', input)
      const body = await store.read((view) => tokenBodyOf(view, id))
      return reply.code(201).send({ ...body, token })
    },
  )

  app.get(
    '/tokens',
    { config: { access: 'user' }, schema: { response: { 200: TokensPage } } },
    (request) => {
      const { user } = userOf(request)
      return store.read((view) => {
        const ids = sessionsOf(view, user, 'access', clock.now())
        return { items: ids.map((id) => tokenBodyOf(view, id)), next: null }
      })
    },
  )

  app.delete(
    '/tokens/:id',
    { config: { access: 'user' }, schema: { params: IdParameters } },
    async (request, reply) => {
      const { user } = userOf(request)
      await write(store, reply, 'removeAccessToken', { user, token: rowOf(request.params.id) })
      return reply.code(204).send()
    },
  )
  done()
}

function tokenBodyOf(view: View, id: number): Static<typeof TokenBody> {
  const row = view.get(sessions, id)
  const timeOf = (time = 0): string => new Date(time).toISOString()
  return {
    id: String(id),
    name: row?.name ?? '',
    scopes: [...(row?.scopes ?? [])],
    created_at: timeOf(row?.createdAt),
    seen_at: timeOf(row?.seenAt),
    expires_at: row === undefined || row.expiresAt === 0 ? null : timeOf(row.expiresAt),
  }
}
