// Routes of sessions: log in, log out.
//
// A wrong password and an unknown handle are one answer, after the same work. Neither route takes
// an Idempotency-Key: a token must not be kept, and a session too many is harmless.

import { Type } from 'typebox'
import { createToken, userOf } from './authentication.ts'
import { RequestRefusal } from './errors.ts'
import { Handle, Text } from './validation.ts'
import { write } from './writes.ts'
import { PASSWORD_SIZE_MAX } from '../model/limits.ts'
import { users } from '../model/schema.ts'
import { userOfHandle } from '../model/users.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { ApiParts } from './parts.ts'
import type { Passwords } from './passwords.ts'

interface Parts extends ApiParts {
  readonly passwords: Passwords
}

const LogInBody = Type.Object({ handle: Handle, password: Text })
const TokenBody = Type.Object({ token: Type.String() })

export const sessionRoutes: FastifyPluginCallbackTypebox<Parts> = (app, parts, done) => {
  const { store, passwords } = parts

  app.post(
    '/sessions',
    {
      config: { access: 'anyone' },
      schema: { body: LogInBody, response: { 201: TokenBody } },
    },
    async (request, reply) => {
      const { handle, password } = request.body
      // Longer than any password is: refused before the hash sees it.
      if (password.length > PASSWORD_SIZE_MAX) throw new RequestRefusal('CREDENTIALS_WRONG')
      const known = await store.read((view) => view.get(users, userOfHandle(view, handle)))
      const isRight = await passwords.verify(password, known?.passwordHash)
      if (known === undefined || !isRight) throw new RequestRefusal('CREDENTIALS_WRONG')
      const { token, tokenHash } = createToken()
      await write(store, reply, 'logIn', { user: known.id, tokenHash })
      return reply.code(201).send({ token })
    },
  )

  app.delete('/sessions/current', { config: { access: 'user' } }, async (request, reply) => {
    await write(store, reply, 'logOut', { session: userOf(request).session })
    return reply.code(204).send()
  })
  done()
}
