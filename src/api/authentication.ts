// Authentication: who is asking. A token is 32 random bytes in base64url; the store knows only its
// SHA-256, so a copy of the store logs nobody in. Checking one is a look into memory.
//
// Every route says in its config who may use it, and one hook holds it to that, before the body is
// read. A route that says nothing is a mistake that ends the start of the server.
//
//   ACCESS   NO TOKEN   UNKNOWN TOKEN   A USER'S   AN ADMIN'S   THE OPERATOR'S
//   anyone   served     401             served     served       served
//   user     401        401             served     served       401
//   admin    401        401             403        served       served
//
// The operator's token is a setting, not a user: it is how the first admin comes about. Without it,
// and before it has named an admin, nobody is one.

import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { assert } from '../std/assert.ts'
import { RequestRefusal } from './errors.ts'
import { sessionOfToken } from '../model/sessions.ts'
import { roleOf } from '../model/users.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Store } from '../engine/store.ts'
import type { Role } from '../model/users.ts'
import type { transactions } from '../model/transactions.ts'

export type Access = 'anyone' | 'user' | 'admin'

/** Who asks. The operator is no user and has no session: both are 0. */
export interface Caller {
  readonly user: number
  readonly session: number
  readonly role: Role
}

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
  }
  interface FastifyRequest {
    caller: Caller | null
  }
}

const TOKEN_SIZE = 32
const CHALLENGE = { 'www-authenticate': 'Bearer' }
const OPERATOR: Caller = { user: 0, session: 0, role: 'admin' }

/** A new token, and what the store may know of it. */
export function createToken(): { readonly token: string; readonly tokenHash: string } {
  const token = randomBytes(TOKEN_SIZE).toString('base64url')
  return { token, tokenHash: hashOf(token) }
}

/** Makes `request.caller` known on every route that is added from now on. */
export function authenticate(
  app: FastifyInstance,
  store: Store<typeof transactions>,
  adminToken: string | undefined,
): void {
  const operatorHash = adminToken ? hashOf(adminToken) : undefined // "" is none, too.

  const callerOf = (token: string): Caller => {
    const tokenHash = hashOf(token)
    if (operatorHash !== undefined && isEqual(tokenHash, operatorHash)) return OPERATOR
    const caller = store.readNow((view) => {
      const found = sessionOfToken(view, tokenHash)
      return found === undefined ? undefined : { ...found, role: roleOf(view, found.user) }
    })
    if (caller === undefined) throw new RequestRefusal('TOKEN_INVALID', undefined, CHALLENGE)
    return caller
  }

  app.decorateRequest('caller', null)
  app.addHook('onRoute', ({ config, url }) => {
    assert(config?.access !== undefined, `a route says who may use it: ${url}`)
  })
  app.addHook('onRequest', (request, _reply, done) => {
    try {
      request.caller = admit(request)
    } catch (error) {
      return done(error as Error)
    }
    done()
  })

  function admit(request: FastifyRequest): Caller | null {
    const { access } = request.routeOptions.config
    if (access === undefined) return null // Nothing is at this address.
    const token = tokenOf(request)
    if (token === undefined) {
      if (access === 'anyone') return null
      throw new RequestRefusal('TOKEN_MISSING', undefined, CHALLENGE)
    }
    const caller = callerOf(token)
    if (access === 'admin' && caller.role !== 'admin') throw new RequestRefusal('ADMIN_REQUIRED')
    if (access === 'user' && caller.user === 0) {
      throw new RequestRefusal('TOKEN_INVALID', 'The token of the operator belongs to no user.')
    }
    return caller
  }
}

/** The user who asks; 0 for nobody in particular. */
export function viewerOf(request: FastifyRequest): number {
  return request.caller?.user ?? 0
}

/** The caller of a route that only users reach. */
export function userOf(request: FastifyRequest): Caller {
  const { caller } = request
  assert(caller !== null && caller.user !== 0, 'the route is for users')
  return caller
}

function tokenOf(request: FastifyRequest): string | undefined {
  const { authorization } = request.headers
  if (authorization === undefined) return undefined
  const [, token] = /^Bearer +([\w.~+/=-]{1,512})$/i.exec(authorization) ?? []
  if (token === undefined) throw new RequestRefusal('TOKEN_INVALID', undefined, CHALLENGE)
  return token
}

function hashOf(token: string): string {
  return hash('sha256', token, 'base64url')
}

function isEqual(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a), Buffer.from(b))
}
