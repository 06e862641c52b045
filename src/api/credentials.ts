// Routes of the account itself: its password and its e-mail address, and the way back in for
// whoever has forgotten the first and still has the second.
//
// What changes either takes the password again (proof.ts). Whatever tries a password counts as a
// log-in, and so does asking for a mail, or trying a token out of one.

import { Type } from 'typebox'
import { systemClock } from '../std/clock.ts'
import { createToken, hashOf, userOf } from './authentication.ts'
import { proofOf } from './proof.ts'
import { Text } from './validation.ts'
import { write } from './writes.ts'
import { emailStateOf } from '../model/emails.ts'
import { EMAIL_SIZE_MAX } from '../model/limits.ts'
import { demandPasswordReset } from '../model/passwords.ts'
import { demandPassword } from '../model/users.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { ProofParts } from './proof.ts'

const MailTokenText = Type.String({ maxLength: 100 })
const PasswordBody = Type.Object({ current: Type.Optional(Text), new: Text })
const EmailBody = Type.Object({ email: Text, password: Type.Optional(Text) })
const EmailStateBody = Type.Object({
  email: Type.String(),
  confirmed: Type.Boolean(),
  pending: Type.String(),
})
const ConfirmationBody = Type.Object({ token: MailTokenText })
const ResetRequestBody = Type.Object({
  email_or_handle: Type.String({ maxLength: EMAIL_SIZE_MAX }),
})
const ResetBody = Type.Object({ token: MailTokenText, password: Text })

export const credentialRoutes: FastifyPluginCallbackTypebox<ProofParts> = (app, parts, done) => {
  const { store, passwords, clock = systemClock } = parts

  app.put(
    '/me/password',
    { config: { access: 'user', limit: 'logIns' }, schema: { body: PasswordBody } },
    async (request, reply) => {
      const { current: known, new: password } = request.body
      demandPassword(password)
      const proof = await proofOf(parts, request, known)
      const passwordHash = await passwords.hash(password)
      const { session: current } = userOf(request)
      await write(store, reply, 'changePassword', { ...proof, current, passwordHash })
      return reply.code(204).send()
    },
  )

  app.get(
    '/me/email',
    { config: { access: 'user' }, schema: { response: { 200: EmailStateBody } } },
    (request) => readEmail(userOf(request).user),
  )

  app.put(
    '/me/email',
    {
      config: { access: 'user', limit: 'logIns' },
      schema: { body: EmailBody, response: { 200: EmailStateBody } },
    },
    async (request, reply) => {
      const { email, password } = request.body
      const proof = await proofOf(parts, request, password)
      await write(store, reply, 'changeEmail', { ...proof, email, ...createToken() })
      return readEmail(proof.user)
    },
  )

  app.post(
    '/email-confirmations',
    { config: { access: 'anyone', limit: 'logIns' }, schema: { body: ConfirmationBody } },
    async (request, reply) => {
      await write(store, reply, 'confirmEmail', { tokenHash: hashOf(request.body.token) })
      return reply.code(204).send()
    },
  )

  app.post(
    '/password-resets',
    { config: { access: 'anyone', limit: 'logIns' }, schema: { body: ResetRequestBody } },
    async (request, reply) => {
      const emailOrHandle = request.body.email_or_handle.trim()
      await write(store, reply, 'requestPasswordReset', { emailOrHandle, ...createToken() })
      return reply.code(202).send()
    },
  )

  app.put(
    '/password-resets',
    { config: { access: 'anyone', limit: 'logIns' }, schema: { body: ResetBody } },
    async (request, reply) => {
      const { token, password } = request.body
      const tokenHash = hashOf(token)
      await store.read((view) => demandPasswordReset(view, tokenHash, clock.now()))
      demandPassword(password)
      const passwordHash = await passwords.hash(password)
      await write(store, reply, 'resetPassword', { tokenHash, passwordHash })
      return reply.code(204).send()
    },
  )
  done()

  function readEmail(
    user: number,
  ): Promise<{ email: string; confirmed: boolean; pending: string }> {
    return store.read((view) => {
      const { email, isConfirmed, pending } = emailStateOf(view, user, clock.now())
      return { email, confirmed: isConfirmed, pending }
    })
  }
}
