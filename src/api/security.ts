// Security: what browsers are told with every answer, and who may speak to the API from another
// page.
//
//   HEADER                        SAYS                                      WHERE
//   X-Content-Type-Options        it is what its type says                  everywhere
//   Content-Security-Policy       opened as a page, it may load nothing     all but /api/docs
//   Cross-Origin-Resource-Policy  no page of others embeds it               all but photos
//   Referrer-Policy               nobody is told the address                everywhere
//   Cache-Control                 kept by its reader alone, asked again     all but photos
//   Strict-Transport-Security     come back by HTTPS only                   when asked by HTTPS
//   Access-Control-Allow-Origin   any page may read it, without cookies     below /api/
//
// A program in a browser may come from anywhere (CORS): what it may do is a matter of the token
// that it sends. A cookie is never part of that: no answer allows credentials, so a browser does
// not show it to another page, and what is written with a cookie must come from a page of our own
// (cookies.ts). A preflight is answered before anybody looks at a token.
//
// "Vary" is nowhere: what is kept is asked about before each use, and its ETag is of the whole text
// (caching.ts), whoever asks. `Access-Control-Allow-Origin` is the same for all.
//
// All are constants, put into the answer at once: each costs 0.3 µs of an answer of 20 µs. So what
// only matters for documents, such as Permissions-Policy, is left to them.

import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ApiSettings } from './parts.ts'

type Headers = Readonly<Record<string, string>>

const EVERYWHERE = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'cache-control': 'private, no-cache',
}
/** Where programs of others ask. */
const OPEN_TO_PAGES = ['/api/', '/oauth/', '/.well-known/nodeinfo', '/nodeinfo/']
const ALLOW_ORIGIN = { 'access-control-allow-origin': '*' }
const IN_THE_OPEN = { ...EVERYWHERE, ...ALLOW_ORIGIN }
/** What a page may read besides what CORS lets everybody read. */
const EXPOSED = {
  'access-control-expose-headers': [
    'ETag',
    'Link',
    'Retry-After',
    'X-RateLimit-Limit',
    'X-RateLimit-Remaining',
    'X-RateLimit-Reset',
    'X-Request-Id',
    'X-Shashin-LSN',
  ].join(', '),
}
const PREFLIGHT = {
  ...ALLOW_ORIGIN,
  'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
  // "*" does not stand for Authorization.
  'access-control-allow-headers': [
    'Authorization',
    'Content-Type',
    'Idempotency-Key',
    'If-None-Match',
    'Last-Event-ID',
    'X-Shashin-LSN',
  ].join(', '),
  // As long as browsers remember it.
  'access-control-max-age': '7200',
}
/** A year. */
const TRANSPORT = { 'strict-transport-security': 'max-age=31536000' }

/** The headers of every answer, by request. */
export type SecurityHeaders = (request: FastifyRequest) => Headers

export function securityHeaders(settings: ApiSettings): SecurityHeaders {
  return (request) => {
    const isOpen = isOpenToPages(request.raw.url!)
    const headers = { 'x-request-id': request.id, ...(isOpen ? IN_THE_OPEN : EVERYWHERE) }
    if (isOpen && request.headers.origin !== undefined) Object.assign(headers, EXPOSED)
    if (isAskedByHttps(request, settings)) Object.assign(headers, TRANSPORT)
    return headers
  }
}

/**
 * Answers preflights, and gives every answer of routes that are added from now on its headers.
 * Comes before authentication.
 */
export function secure(app: FastifyInstance, headersOf: SecurityHeaders): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(headersOf(request))
    if (!isPreflight(request)) return done()
    void reply.code(204).headers(PREFLIGHT).send()
  })
}

/** Whether the browser sees this server by HTTPS. */
export function isAskedByHttps(request: FastifyRequest, { publicUrl }: ApiSettings): boolean {
  return publicUrl === undefined ? request.protocol === 'https' : publicUrl.startsWith('https:')
}

function isPreflight({ method, headers, raw }: FastifyRequest): boolean {
  return (
    method === 'OPTIONS' &&
    headers.origin !== undefined &&
    headers['access-control-request-method'] !== undefined &&
    isOpenToPages(raw.url!)
  )
}

function isOpenToPages(url: string): boolean {
  return OPEN_TO_PAGES.some((start) => url.startsWith(start))
}
