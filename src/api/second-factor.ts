// Routes of the second factor: begin, turn on, turn off, new recovery codes.
//
// Secrets and recovery codes are made here and shown once. Everything that tries a password or a
// code counts as a log-in, so guessing one here is no cheaper than guessing there; codes are
// counted by account, too, since who knows the password may ask from many addresses.

import { randomBytes } from 'node:crypto'
import { Secret } from 'otpauth'
import { Type } from 'typebox'
import { userOf } from './authentication.ts'
import { proofOf } from './proof.ts'
import { Text } from './validation.ts'
import { write } from './writes.ts'
import { instanceSettings } from '../model/instance-settings.ts'
import { CODE_SIZE_MAX, RECOVERY_CODE_COUNT } from '../model/limits.ts'
import { users } from '../model/schema.ts'
import { secondFactorOf } from '../model/second-factor.ts'
import { keyAddressOf, recoveryHashOf } from '../model/second-factor-codes.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { ProofParts } from './proof.ts'

/** Bytes: those of SHA-1, as RFC 4226 advises. */
const SECRET_SIZE = 20
/** Bytes: 80 bits, so that their hashes need no salt. */
const RECOVERY_CODE_SIZE = 10
export const Code = Type.String({ maxLength: CODE_SIZE_MAX })

const PasswordBody = Type.Object({ password: Type.Optional(Text) })
const CodeBody = Type.Object({ code: Code })
const ProvenCodeBody = Type.Object({ password: Type.Optional(Text), code: Code })
const StateBody = Type.Object({ on: Type.Boolean(), recovery_codes_left: Type.Integer() })
const SecretBody = Type.Object({ secret: Type.String(), otpauth_url: Type.String() })
const RecoveryBody = Type.Object({ recovery_codes: Type.Array(Type.String()) })

export const secondFactorRoutes: FastifyPluginCallbackTypebox<ProofParts> = (app, parts, done) => {
  const { store } = parts

  app.get(
    '/me/second-factor',
    { config: { access: 'user' }, schema: { response: { 200: StateBody } } },
    async (request) => {
      const { user } = userOf(request)
      const state = await store.read((view) => secondFactorOf(view, user))
      return { on: state.isOn, recovery_codes_left: state.recoveryCodesLeft }
    },
  )

  app.post(
    '/me/second-factor',
    {
      config: { access: 'user', limit: 'logIns' },
      schema: { body: PasswordBody, response: { 201: SecretBody } },
    },
    async (request, reply) => {
      const proof = await proofOf(parts, request, request.body.password)
      const secret = new Secret({ size: SECRET_SIZE }).base32
      await write(store, reply, 'beginSecondFactor', { ...proof, secret })
      const address = await store.read((view) => {
        const handle = view.get(users, proof.user)?.handle ?? ''
        return keyAddressOf(secret, instanceSettings(view).name, handle)
      })
      return reply.code(201).send({ secret, otpauth_url: address })
    },
  )

  app.put(
    '/me/second-factor',
    {
      config: { access: 'user', limit: 'logIns' },
      schema: { body: CodeBody, response: { 200: RecoveryBody } },
    },
    async (request, reply) => {
      const { user } = userOf(request)
      app.countCode(user)
      const { codes, recoveryHashes } = createRecoveryCodes()
      const { code } = request.body
      await write(store, reply, 'turnOnSecondFactor', { user, code, recoveryHashes })
      return { recovery_codes: codes }
    },
  )

  app.delete(
    '/me/second-factor',
    { config: { access: 'user', limit: 'logIns' }, schema: { body: ProvenCodeBody } },
    async (request, reply) => {
      const { password, code } = request.body
      const proof = await proofOf(parts, request, password)
      app.countCode(proof.user)
      await write(store, reply, 'turnOffSecondFactor', { ...proof, code })
      return reply.code(204).send()
    },
  )

  app.post(
    '/me/second-factor/recovery-codes',
    {
      config: { access: 'user', limit: 'logIns' },
      schema: { body: ProvenCodeBody, response: { 201: RecoveryBody } },
    },
    async (request, reply) => {
      const { password, code } = request.body
      const proof = await proofOf(parts, request, password)
      app.countCode(proof.user)
      const { codes, recoveryHashes } = createRecoveryCodes()
      await write(store, reply, 'renewRecoveryCodes', { ...proof, code, recoveryHashes })
      return reply.code(201).send({ recovery_codes: codes })
    },
  )
  done()
}

/** "abcd-efgh-ijkl-mnop", and what the store may know of them. */
function createRecoveryCodes(): {
  readonly codes: string[]
  readonly recoveryHashes: readonly string[]
} {
  const codes = Array.from({ length: RECOVERY_CODE_COUNT }, () => {
    const random = new Secret({ buffer: new Uint8Array(randomBytes(RECOVERY_CODE_SIZE)).buffer })
    return random.base32.toLowerCase().match(/.{4}/g)!.join('-')
  })
  return { codes, recoveryHashes: codes.map(recoveryHashOf) }
}
