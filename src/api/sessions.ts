// Routes of sessions: log in, see where one is logged in, log out.
//
// A wrong password and an unknown handle are one answer, after the same work. Logging in takes no
// Idempotency-Key: a token must not be kept, and a session too many is harmless.

import { Type } from 'typebox'
import { systemClock } from '../std/clock.ts'
import { createToken, userOf } from './authentication.ts'
import { SessionCookies } from './cookies.ts'
import { RequestRefusal } from './errors.ts'
import { Code } from './second-factor.ts'
import { IdParameters, Text, pageOf, rowOf } from './validation.ts'
import { write } from './writes.ts'
import { EMAIL_SIZE_MAX, PASSWORD_SIZE_MAX } from '../model/limits.ts'
import { userOfName } from '../model/passwords.ts'
import { sessions, users } from '../model/schema.ts'
import { sessionsOf } from '../model/sessions.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { Static } from 'typebox'
import type { View } from '../engine/view.ts'
import type { ApiParts } from './parts.ts'
import type { Passwords } from './passwords.ts'

interface Parts extends ApiParts {
  readonly passwords: Passwords
}

const LogInBody = Type.Object({
  handle: Type.String({ maxLength: EMAIL_SIZE_MAX }),
  password: Text,
  code: Type.Optional(Code),
  /** Whether the token is for a browser to keep: then no page gets to read it. */
  cookie: Type.Optional(Type.Boolean()),
})
const TokenBody = Type.Object({ token: Type.Optional(Type.String()) })
const SessionBody = Type.Object({
  id: Type.String(),
  name: Type.String(),
  created_at: Type.String(),
  seen_at: Type.String(),
  expires_at: Type.String(),
  current: Type.Boolean(),
})
/** A user has at most 100: all of them are one page. */
const SessionsPage = pageOf(SessionBody)

export const sessionRoutes: FastifyPluginCallbackTypebox<Parts> = (app, parts, done) => {
  const { store, passwords, settings, clock = systemClock } = parts
  const cookies = new SessionCookies(settings)

  app.post(
    '/sessions',
    {
      config: { access: 'anyone' },
      schema: { body: LogInBody, response: { 201: TokenBody } },
    },
    async (request, reply) => {
      const { handle, password, code, cookie = false } = request.body
      if (cookie) cookies.demandOwnPage(request)
      // Longer than any password is: refused before the hash sees it.
      if (password.length > PASSWORD_SIZE_MAX) throw new RequestRefusal('CREDENTIALS_WRONG')
      const known = await store.read((view) => view.get(users, userOfName(view, handle)))
      // An account without a password is logged into elsewhere.
      const isRight = await passwords.verify(password, known?.passwordHash || undefined)
      if (known === undefined || !isRight) throw new RequestRefusal('CREDENTIALS_WRONG')
      if (code !== undefined) app.countCode(known.id)
      const { token, tokenHash } = createToken()
      const name = request.headers['user-agent'] ?? ''
      await write(store, reply, 'logIn', { user: known.id, tokenHash, name, code })
      if (cookie) cookies.set(request, reply, token)
      return reply.code(201).send(cookie ? {} : { token })
    },
  )

  app.get(
    '/sessions',
    { config: { access: 'user' }, schema: { response: { 200: SessionsPage } } },
    (request) => {
      const { user, session: current } = userOf(request)
      return store.read((view) => {
        const ids = sessionsOf(view, user, 'log-in', clock.now())
        return { items: ids.map((id) => sessionBodyOf(view, id, current)), next: null }
      })
    },
  )

  // Whoever holds a token may give it up, whatever else it is good for.
  app.delete(
    '/sessions/current',
    { config: { access: 'user', scope: 'none' } },
    async (request, reply) => {
      await write(store, reply, 'logOut', { session: userOf(request).session })
      if (cookies.tokenOf(request) !== undefined) reply.headers(cookies.forgetting(request))
      return reply.code(204).send()
    },
  )

  app.delete(
    '/sessions/:id',
    { config: { access: 'user' }, schema: { params: IdParameters } },
    async (request, reply) => {
      const { user } = userOf(request)
      await write(store, reply, 'endLogIn', { user, session: rowOf(request.params.id) })
      return reply.code(204).send()
    },
  )

  app.delete('/sessions', { config: { access: 'user' } }, async (request, reply) => {
    const { user, session } = userOf(request)
    await write(store, reply, 'endOtherLogIns', { user, session })
    return reply.code(204).send()
  })
  done()
}

function sessionBodyOf(view: View, id: number, current: number): Static<typeof SessionBody> {
  const row = view.get(sessions, id)!
  const timeOf = (time: number): string => new Date(time).toISOString()
  return {
    id: String(id),
    name: row.name,
    created_at: timeOf(row.createdAt),
    seen_at: timeOf(row.seenAt),
    expires_at: timeOf(row.expiresAt),
    current: id === current,
  }
}
