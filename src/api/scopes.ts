// Scopes: what an access token may be used for. One place says which scope a route takes, so that
// no route can forget to ask. A log-in may do everything that its user may.
//
//   ROUTE                                                     SCOPE
//   for admins                                                admin
//   for moderators                                            moderate
//   about the account itself: password, address, second       account
//   factor, log-ins elsewhere, sessions, tokens, export, end
//   GET                                                       read
//   for anyone, and changes something: signs up, logs in      none
//   any other                                                 write
//
// A route may say otherwise in its config.

import { RequestRefusal } from './errors.ts'
import type { RouteOptions } from 'fastify'
import type { Scope } from '../model/sessions.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Where a route leaves it out, `scopeOf` says. */
    scope?: Scope | 'none'
  }
}

/** Beginnings of addresses that are about the account itself. */
const ACCOUNT_ROUTES = [
  '/me/password',
  '/me/email',
  '/me/second-factor',
  '/me/identities',
  '/me/export',
  '/sessions',
  '/tokens',
] as const

/** What an access token needs for a route. */
export function scopeOf(route: RouteOptions & { readonly routePath: string }): Scope | 'none' {
  const { method, routePath, config } = route
  if (config?.scope !== undefined) return config.scope
  const isRead = method === 'GET' || method === 'HEAD'
  if (config?.access === 'admin') return 'admin'
  if (config?.access === 'moderator') return 'moderate'
  if (config?.access === 'anyone') return isRead ? 'read' : 'none'
  const isAccount = ACCOUNT_ROUTES.some((start) => routePath.startsWith(start))
  if (isAccount || (routePath === '/me' && method === 'DELETE')) return 'account'
  return isRead ? 'read' : 'write'
}

/** `scopes` are undefined for a log-in. Refuses with SCOPE_MISSING. */
export function demandScope(
  scopes: readonly Scope[] | undefined,
  needed: Scope | 'none' | undefined,
): void {
  if (needed === undefined || needed === 'none' || scopes === undefined) return
  if (scopes.includes(needed)) return
  const sentence = `This takes the scope "${needed}", which this access token does not have.`
  throw new RequestRefusal('SCOPE_MISSING', sentence)
}
