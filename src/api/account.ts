// Routes of the account as a whole: its export, and its end.
//
// The end is answered when the account is gone for everybody; what it has made is then erased step
// by step (src/jobs/erasures.ts). An export is asked for, and made while it is downloaded
// (account-archive.ts); a thread sends few at a time.

import { Readable } from 'node:stream'
import { Type } from 'typebox'
import { InvariantError } from '../std/assert.ts'
import { systemClock } from '../std/clock.ts'
import { DatastoreError } from '../engine/errors.ts'
import { archiveOf } from './account-archive.ts'
import { userOf } from './authentication.ts'
import { SessionCookies } from './cookies.ts'
import { RequestRefusal } from './errors.ts'
import { proofOf } from './proof.ts'
import { Code } from './second-factor.ts'
import { Text } from './validation.ts'
import { idempotencyKeyOf, write } from './writes.ts'
import { Erasures } from '../jobs/erasures.ts'
import { demandExport } from '../model/account-export.ts'
import { users } from '../model/schema.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { Static } from 'typebox'
import type { ProofParts } from './proof.ts'

/** Downloads under way in a thread. */
const DOWNLOADS_AT_ONCE_MAX = 4

const DeleteBody = Type.Object({ password: Type.Optional(Text), code: Type.Optional(Code) })
const ExportBody = Type.Object({
  id: Type.String(),
  created_at: Type.String(),
  expires_at: Type.String(),
  downloads_left: Type.Integer(),
})

export const accountRoutes: FastifyPluginCallbackTypebox<ProofParts> = (app, parts, done) => {
  const { store, settings, clock = systemClock, fatal } = parts
  const cookies = new SessionCookies(settings)
  let downloads = 0

  const erasures = new Erasures(store, (error) => {
    if (error instanceof InvariantError) fatal(error)
    // A store that is not there at this moment says so to everybody.
    else if (!(error instanceof DatastoreError)) app.log.error({ err: error }, 'an erasure failed')
  })
  app.addHook('onReady', async () => erasures.start())
  app.addHook('onClose', () => erasures.close())

  app.delete(
    '/me',
    { config: { access: 'user', limit: 'logIns' }, schema: { body: DeleteBody } },
    async (request, reply) => {
      const { password, code } = request.body
      const proof = await proofOf(parts, request, password)
      if (code !== undefined) app.countCode(proof.user)
      const input = { ...proof, ...(code === undefined ? {} : { code }) }
      erasures.begin(await write(store, reply, 'deleteAccount', input))
      if (cookies.tokenOf(request) !== undefined) reply.headers(cookies.forgetting(request))
      return reply.code(204).send()
    },
  )

  app.post(
    '/me/export',
    { config: { access: 'user' }, schema: { response: { 201: ExportBody } } },
    async (request, reply) => {
      const { user } = userOf(request)
      const key = idempotencyKeyOf(request, 'export')
      await write(store, reply, 'requestExport', { user }, key)
      return reply.code(201).send(await readExport(user))
    },
  )

  app.get(
    '/me/export',
    { config: { access: 'user' }, schema: { response: { 200: ExportBody } } },
    (request) => readExport(userOf(request).user),
  )

  app.get(
    '/me/export/download',
    // A look at the headers would count as a download.
    { config: { access: 'user', limit: 'writes' }, exposeHeadRoute: false },
    async (request, reply) => {
      const { user } = userOf(request)
      if (downloads >= DOWNLOADS_AT_ONCE_MAX) throw new RequestRefusal('EXPORT_BUSY')
      downloads++
      let stream: Readable | undefined
      try {
        await write(store, reply, 'beginDownload', { user })
        const handle = await store.read((view) => view.get(users, user)?.handle ?? '')
        const now = clock.now()
        const day = new Date(now).toISOString().slice(0, 10)
        void reply.headers({
          'content-type': 'application/x-tar',
          'content-disposition': `attachment; filename="shashin-${handle}-${day}.tar"`,
          'cache-control': 'no-store',
        })
        stream = Readable.from(archiveOf(parts, user, now), { objectMode: false })
      } finally {
        if (stream === undefined) downloads--
      }
      let isOver = false
      for (const event of ['end', 'close']) {
        stream.once(event, () => {
          if (!isOver) downloads--
          isOver = true
        })
      }
      stream.on('error', (error) => {
        if (error instanceof InvariantError) fatal(error)
      })
      return reply.send(stream)
    },
  )
  done()

  function readExport(user: number): Promise<Static<typeof ExportBody>> {
    return store.read((view) => {
      const { id, createdAt, expiresAt, downloadsLeft } = demandExport(view, user, clock.now())
      return {
        id: String(id),
        created_at: new Date(createdAt).toISOString(),
        expires_at: new Date(expiresAt).toISOString(),
        downloads_left: downloadsLeft,
      }
    })
  }
}
