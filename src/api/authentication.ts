// Authentication: who is asking. A token is 32 random bytes in base64url; the store knows only its
// SHA-256, so a copy of the store logs nobody in. Checking one is a look into memory.
//
// Every route says in its config who may use it, and one hook holds it to that, before the body is
// read. A route that says nothing is a mistake that ends the start of the server.
//
//   ACCESS      NO TOKEN   UNKNOWN   A USER'S   A MODERATOR'S   AN ADMIN'S   THE OPERATOR'S
//   anyone      served     401       served     served          served       served
//   user        401        401       served     served          served       401
//   moderator   401        401       403        served          served       served
//   admin       401        401       403        403             served       served
//
// Besides, an access token needs the scope of the route (scopes.ts). A token that has expired, or
// whose user is suspended or deleted, is an unknown one.
//
// The operator's token is a setting, not a user: with it admins are named where there are none.
//
// A browser may keep its token in a cookie instead (cookies.ts), which is never the operator's.
// There, an unknown one is no token at all.
//
// That a session is in use is written down at most once a day, and nobody's answer waits for it.

import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { InvariantError, assert } from '../std/assert.ts'
import { systemClock } from '../std/clock.ts'
import { SessionCookies } from './cookies.ts'
import { RequestRefusal } from './errors.ts'
import { demandScope, scopeOf } from './scopes.ts'
import { bearerOf } from '../model/sessions.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Scope } from '../model/sessions.ts'
import type { Role } from '../model/users.ts'
import type { ApiParts } from './parts.ts'

export type Access = 'anyone' | 'user' | 'moderator' | 'admin'

/** Who asks. The operator is no user and has no session: both are 0. */
export interface Caller {
  readonly user: number
  readonly session: number
  readonly role: Role
  /** Of an access token; undefined: everything, as a log-in may. */
  readonly scopes: readonly Scope[] | undefined
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
const OPERATOR: Caller = { user: 0, session: 0, role: 'admin', scopes: undefined }

/** A new token, and what the store may know of it. `size` is in bytes. */
export function createToken(size = TOKEN_SIZE): {
  readonly token: string
  readonly tokenHash: string
} {
  const token = randomBytes(size).toString('base64url')
  return { token, tokenHash: hashOf(token) }
}

/** Makes `request.caller` known on every route that is added from now on. */
export function authenticate(app: FastifyInstance, parts: ApiParts): void {
  const { store, settings, clock = systemClock } = parts
  const { adminToken } = settings
  const operatorHash = adminToken ? hashOf(adminToken) : undefined // "" is none, too.
  const note = seenSessions(parts)
  const cookies = new SessionCookies(settings)

  const bearerOfHash = (tokenHash: string): Caller | undefined => {
    const now = clock.now()
    const bearer = store.readNow((view) => bearerOf(view, tokenHash, now))
    if (bearer?.isSeenAnew === true) note(bearer.session)
    return bearer
  }
  const callerOf = (token: string): Caller => {
    const tokenHash = hashOf(token)
    if (operatorHash !== undefined && isEqual(tokenHash, operatorHash)) return OPERATOR
    const bearer = bearerOfHash(tokenHash)
    if (bearer === undefined) throw new RequestRefusal('TOKEN_INVALID', undefined, CHALLENGE)
    return bearer
  }
  // A browser sends what it has kept, good or not, to the log-in page as well.
  const callerOfCookie = (request: FastifyRequest): Caller | undefined => {
    const token = cookies.tokenOf(request)
    const caller = token === undefined ? undefined : bearerOfHash(hashOf(token))
    if (caller !== undefined) cookies.demandOwnPage(request)
    return caller
  }

  app.decorateRequest('caller', null)
  app.addHook('onRoute', (route) => {
    assert(route.config?.access !== undefined, `a route says who may use it: ${route.url}`)
    route.config = { ...route.config, scope: scopeOf(route) }
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
    const { access, scope } = request.routeOptions.config
    if (access === undefined) return null // Nothing is at this address.
    const token = tokenOf(request)
    const caller = token === undefined ? callerOfCookie(request) : callerOf(token)
    if (caller === undefined) {
      if (access === 'anyone') return null
      throw new RequestRefusal('TOKEN_MISSING', undefined, CHALLENGE)
    }
    if (access === 'admin' && caller.role !== 'admin') throw new RequestRefusal('ADMIN_REQUIRED')
    if (access === 'moderator' && caller.role === 'user') {
      throw new RequestRefusal('MODERATOR_REQUIRED')
    }
    if (access === 'user' && caller.user === 0) {
      throw new RequestRefusal('TOKEN_INVALID', 'The token of the operator belongs to no user.')
    }
    demandScope(caller.scopes, scope)
    return caller
  }
}

/** Has it written that a session is in use, once at a time for each. */
function seenSessions({ store, fatal }: ApiParts): (session: number) => void {
  const underWay = new Set<number>()
  return (session) => {
    if (underWay.has(session)) return
    underWay.add(session)
    // What fails here is tried again by the next request.
    void store
      .transact('seeSession', { session })
      .catch((error: unknown) => {
        if (error instanceof InvariantError) fatal(error)
      })
      .finally(() => underWay.delete(session))
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

/** What the store may know of a token. */
export function hashOf(token: string): string {
  return hash('sha256', token, 'base64url')
}

/** Of two hashes, in a time that does not tell where they differ. */
export function isEqual(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a), Buffer.from(b))
}
