// Signing up: POST /users.
//
// It takes no Idempotency-Key: its answer holds a token that the store must not know. Whoever lost
// the answer finds HANDLE_TAKEN, and logs in.

import { Type } from 'typebox'
import { systemClock } from '../std/clock.ts'
import { createToken, hashOf, isEqual } from './authentication.ts'
import { answerWith } from './render/answer.ts'
import { UserBody, renderUser } from './render/user.ts'
import { Handle, Text } from './validation.ts'
import { write } from './writes.ts'
import { fitEmail } from '../model/emails.ts'
import { demandAdmission } from '../model/sign-up.ts'
import { demandHandle, demandPassword } from '../model/users.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { Admission } from '../model/sign-up.ts'
import type { Passwords } from './passwords.ts'
import type { RenderingParts } from './render/answer.ts'

interface Parts extends RenderingParts {
  readonly passwords: Passwords
}

const SignUpBody = Type.Object({
  handle: Handle,
  password: Text,
  name: Type.Optional(Text),
  email: Type.Optional(Text),
  invite: Type.Optional(Text),
})
const SignedUpBody = Type.Object({ user: UserBody, token: Type.String() })

export const signUpRoutes: FastifyPluginCallbackTypebox<Parts> = (app, parts, done) => {
  const { store, passwords, settings, clock = systemClock } = parts
  const { setupCode } = settings
  const setupHash = setupCode ? hashOf(setupCode) : undefined
  const answer = answerWith(parts)

  app.post(
    '/users',
    {
      config: { access: 'anyone' },
      schema: { body: SignUpBody, response: { 201: SignedUpBody } },
    },
    async (request, reply) => {
      const { handle, password, name = '', email = '', invite } = request.body
      const admission = admissionOf(invite)
      // What can be said before the hash is said before it: it takes 30 ms of a core.
      await store.read((view) => {
        demandAdmission(view, admission, clock.now())
        demandHandle(view, handle)
      })
      demandPassword(password)
      if (email !== '') fitEmail(email)
      const passwordHash = await passwords.hash(password)
      const { token, tokenHash } = createToken()
      const id = await write(store, reply, 'signUp', {
        ...admission,
        handle,
        name,
        email,
        passwordHash,
        tokenHash,
        mailToken: createToken(),
        sessionName: request.headers['user-agent'] ?? '',
      })
      return answer(
        reply.code(201),
        (rendering) => `{"user":${renderUser(rendering, id, id)},"token":"${token}"}`,
      )
    },
  )
  done()

  /** An invite may be the code of the first start. */
  function admissionOf(invite: string | undefined): Admission {
    if (invite === undefined || invite === '') return {}
    const inviteHash = hashOf(invite.trim())
    const isSetup = setupHash !== undefined && isEqual(inviteHash, setupHash)
    return isSetup ? { isSetup } : { inviteHash }
  }
}
