// Routes for whoever watches the server: healthz says that it lives, readyz that it can be sent
// work.

import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { ApiParts } from './parts.ts'

export const healthRoutes: FastifyPluginCallbackTypebox<ApiParts> = (app, { admin }, done) => {
  app.get('/healthz', { config: { access: 'anyone' } }, async () => ({ status: 'ok' }))

  app.get('/readyz', { config: { access: 'anyone' } }, async (_request, reply) => {
    const trouble = await admin.trouble()
    if (trouble === undefined) return { status: 'ready' }
    return reply.code(503).header('retry-after', '5').send({ status: 'unready', trouble })
  })
  done()
}
