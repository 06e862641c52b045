// Routes of timelines: home, made when it is asked for of the lists of those whom one follows.

import { userOf } from './authentication.ts'
import { PostBody, renderPosts } from './render/post.ts'
import { PageQuery, cutPage, pageOf } from './validation.ts'
import { homeTimeline } from '../model/timelines.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { ApiParts } from './parts.ts'

export const feedRoutes: FastifyPluginCallbackTypebox<ApiParts> = (app, { store }, done) => {
  app.get(
    '/feed',
    {
      config: { access: 'user' },
      schema: { querystring: PageQuery, response: { 200: pageOf(PostBody) } },
    },
    async (request) => {
      const { user } = userOf(request)
      const { limit, before } = request.query
      return store.read((view) => {
        const found = homeTimeline(view, user, limit + 1, before)
        const { ids, next } = cutPage(found, limit)
        return { items: renderPosts(view, ids, user), next }
      })
    },
  )
  done()
}
