// Routes of timelines: home, made when it is asked for of the lists of those whom one follows.

import { userOf } from './authentication.ts'
import { answerText, pageText } from './render/answer.ts'
import { Fragments } from './render/fragments.ts'
import { PostBody, renderPosts } from './render/post.ts'
import { PageQuery, cutPage, pageOf } from './validation.ts'
import { homeTimeline } from '../model/timelines.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { RenderingParts } from './render/fragments.ts'

export const feedRoutes: FastifyPluginCallbackTypebox<RenderingParts> = (app, parts, done) => {
  const { store, fragments = new Fragments() } = parts

  app.get(
    '/feed',
    {
      config: { access: 'user' },
      schema: { querystring: PageQuery, response: { 200: pageOf(PostBody) } },
    },
    async (request, reply) => {
      const { user } = userOf(request)
      const { limit, before } = request.query
      const text = await fragments.render(store, (rendering) => {
        const found = homeTimeline(rendering.view, user, limit + 1, before)
        const { ids, next } = cutPage(found, limit)
        return pageText(renderPosts(rendering, ids, user), next)
      })
      return answerText(reply, text)
    },
  )
  done()
}
