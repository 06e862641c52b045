// Caching: what a caller already has is not sent again, and what a caller has written is there when
// it reads.
//
// A single thing (a user, a post) has an ETag, of the whole text and so of what its viewer sees:
// its CRC-32 and how long it is. That costs 0.3 µs for 500 bytes, half of what SHA-256 takes, and
// tells apart for certain what differs in one place by up to four bytes, as counts do. A page of a
// list has none: its 9 kB would cost 3 µs, and hardly ever is a page the same twice.
//
// All http threads read the memory that the store thread writes: whoever has been told an LSN finds
// it there. A read that brings a higher one (X-Shashin-LSN) knows of a write that this store does
// not have: it was lost in a crash that the chosen durability allows, or is of another server.
// There is nothing to wait for, so it is told.

import { crc32 } from 'node:zlib'
import { RequestRefusal } from './errors.ts'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { ApiParts } from './parts.ts'

const LSN = /^\d{1,15}$/

/**
 * What a route returns for the text of a single thing: the text, with its tag, or that the caller
 * has it.
 */
export function tagged(reply: FastifyReply, text: string): string | FastifyReply {
  const { method, headers } = reply.request
  // With what a write has made of a thing, nobody asks for it again.
  if ((method !== 'GET' && method !== 'HEAD') || reply.statusCode !== 200) return text
  const tag = `"${crc32(text).toString(36)}-${text.length}"`
  reply.header('etag', tag)
  const known = headers['if-none-match']
  if (known === undefined || !names(known, tag)) return text
  reply.removeHeader('content-type')
  return reply.code(304).send()
}

/** Whether If-None-Match names that tag; a proxy that compresses makes it a weak one. */
function names(known: string, tag: string): boolean {
  if (known === tag) return true
  return known.split(',').some((each) => {
    const name = each.trim().replace(/^W\//, '')
    return name === tag || name === '*'
  })
}

/** Serves reads on all routes that are added from now on from no older state than callers know. */
export function readYourWrites(app: FastifyInstance, store: Pick<ApiParts['store'], 'lastLsn'>) {
  app.addHook('onRequest', (request, _reply, done) => {
    const known = request.headers['x-shashin-lsn']
    if (known === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) {
      return done()
    }
    if (!LSN.test(String(known))) {
      return done(new RequestRefusal('REQUEST_INVALID', 'X-Shashin-LSN is a whole number.'))
    }
    done(Number(known) > store.lastLsn ? new RequestRefusal('LSN_UNKNOWN') : undefined)
  })
}
