// Routes for admins: take a snapshot, look at the store and the threads, deploy, name other admins.

import { Type } from 'typebox'
import { RequestRefusal } from './errors.ts'
import { HandleParameters } from './validation.ts'
import { write } from './writes.ts'
import { ROLES, userOfHandle } from '../model/users.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { ApiParts } from './parts.ts'

const RoleBody = Type.Object({ role: Type.Enum([...ROLES]) })

export const adminRoutes: FastifyPluginCallbackTypebox<ApiParts> = (app, parts, done) => {
  const { store, admin } = parts

  app.post('/admin/snapshot', { config: { access: 'admin' } }, async (_request, reply) =>
    reply.code(201).send(await admin.snapshot()),
  )

  app.get('/admin/stats', { config: { access: 'admin' } }, async () => admin.stats())

  app.get('/admin/threads', { config: { access: 'admin' } }, async () => ({
    items: await admin.threads(),
  }))

  app.post('/admin/deploy', { config: { access: 'admin' } }, async () => {
    const result = await admin.deploy()
    if ('refused' in result) throw new RequestRefusal('DEPLOY_REFUSED', result.refused)
    return result
  })

  app.put(
    '/admin/users/:handle/role',
    { config: { access: 'admin' }, schema: { params: HandleParameters, body: RoleBody } },
    async (request, reply) => {
      const { role } = request.body
      const user = await store.read((view) => userOfHandle(view, request.params.handle))
      await write(store, reply, 'setRole', { user, role })
      return { role }
    },
  )
  done()
}
