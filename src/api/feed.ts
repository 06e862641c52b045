// Routes of timelines: home, made when it is asked for of the lists of those whom one follows.

import { userOf } from './authentication.ts'
import { answerWith, pageText } from './render/answer.ts'
import { PostBody, renderPosts } from './render/post.ts'
import { PageQuery, cutPage, pageOf } from './validation.ts'
import { homeTimeline } from '../model/timelines.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { RenderingParts } from './render/answer.ts'

export const feedRoutes: FastifyPluginCallbackTypebox<RenderingParts> = (app, parts, done) => {
  const answer = answerWith(parts)

  app.get(
    '/feed',
    {
      config: { access: 'user' },
      schema: { querystring: PageQuery, response: { 200: pageOf(PostBody) } },
    },
    (request, reply) => {
      const { user } = userOf(request)
      const { limit, before } = request.query
      return answer(reply, (rendering) => {
        const found = homeTimeline(rendering.view, user, limit + 1, before)
        const { ids, next } = cutPage(found, limit)
        return pageText(renderPosts(rendering, ids, user), next)
      })
    },
  )
  done()
}
