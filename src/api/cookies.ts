// Cookies: a token that a page keeps without being able to read it. Programs send theirs in
// Authorization, and have nothing to do with this.
//
//   THE SERVER IS ASKED BY    NAME               SECURE
//   HTTPS                     __Host-shashin     yes: no other host, no path, no plain HTTP sets it
//   HTTP (development)        shashin            no: not all browsers keep such a one for localhost
//
// HTTPS is what the public URL says or, without one, the connection: a proxy that ends TLS must be
// trusted, or the public URL be set, for the cookie to be the better one.
//
// A browser sends its cookies whoever makes it ask. So what is written with one, or asks for one,
// must come from a page of our own: Sec-Fetch-Site says so in all browsers of today, Origin in
// older ones. Who says neither is refused. SameSite=Lax is the second lock.

import { RequestRefusal } from './errors.ts'
import { isAskedByHttps } from './security.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ApiSettings } from './parts.ts'

/** Methods that change nothing. */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])
/** Browsers keep no cookie for longer; the session may end before. */
const AGE_MAX_SECONDS = 400 * 24 * 3600
const TOKEN = /^[\w-]{1,512}$/

export class SessionCookies {
  readonly #settings: ApiSettings
  readonly #publicHost: string | undefined

  constructor(settings: ApiSettings) {
    const { publicUrl } = settings
    this.#settings = settings
    this.#publicHost = publicUrl === undefined ? undefined : new URL(publicUrl).host
  }

  /** The token that the browser keeps. */
  tokenOf(request: FastifyRequest): string | undefined {
    const { cookie } = request.headers
    if (cookie === undefined) return undefined
    const start = `${this.#nameFor(request)}=`
    for (const pair of cookie.split(';')) {
      const text = pair.trim()
      if (!text.startsWith(start)) continue
      const token = text.slice(start.length)
      return TOKEN.test(token) ? token : undefined
    }
    return undefined
  }

  /** Has the browser keep the token. Refuses with CSRF_REFUSED. */
  set(request: FastifyRequest, reply: FastifyReply, token: string): void {
    this.demandOwnPage(request)
    reply.header('set-cookie', `${this.#nameFor(request)}=${token}; ${this.#rules(request)}`)
  }

  /** The header that makes the browser forget it. */
  forgetting(request: FastifyRequest): { readonly 'set-cookie': string } {
    const rules = this.#rules(request, 0)
    return { 'set-cookie': `${this.#nameFor(request)}=; ${rules}` }
  }

  /** Refuses with CSRF_REFUSED what a page of others has the browser send. */
  demandOwnPage({ method, headers, host }: FastifyRequest): void {
    if (SAFE.has(method)) return
    const site = headers['sec-fetch-site']
    if (site === undefined ? this.#isOwn(headers.origin, host) : isOwnSite(site)) return
    throw new RequestRefusal('CSRF_REFUSED')
  }

  #isOwn(origin: string | undefined, host: string): boolean {
    if (origin === undefined || !URL.canParse(origin)) return false
    return new URL(origin).host === (this.#publicHost ?? host)
  }

  #nameFor(request: FastifyRequest): string {
    return isAskedByHttps(request, this.#settings) ? '__Host-shashin' : 'shashin'
  }

  #rules(request: FastifyRequest, seconds = AGE_MAX_SECONDS): string {
    const secure = isAskedByHttps(request, this.#settings) ? '; Secure' : ''
    return `Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure}`
  }
}

/** "none": somebody has typed the address, or opened it from outside of any page. */
function isOwnSite(site: string | string[]): boolean {
  return site === 'same-origin' || site === 'none'
}
