// Routes of posts: publish, show, delete, like, and the posts of one user. Whatever takes the id of
// a post takes that of a comment, but for publishing.

import { Type } from 'typebox'
import { userOf, viewerOf } from './authentication.ts'
import { answerWith, pageText } from './render/answer.ts'
import { PostBody, renderPost, renderPosts } from './render/post.ts'
import {
  HandleParameters,
  Id,
  IdParameters,
  PageQuery,
  Text,
  cutPage,
  pageOf,
  rowOf,
} from './validation.ts'
import { idempotencyKeyOf, write } from './writes.ts'
import { postsOfUser } from '../model/timelines.ts'
import { demandUserOfHandle } from '../model/visibility.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { RenderingParts } from './render/answer.ts'

/**
 * How many photos a post may have is a rule of the network; this only bounds the work of saying so.
 */
const MEDIA_COUNT_BOUND = 100

const PublishBody = Type.Object({
  caption: Type.Optional(Text),
  media: Type.Array(Id, { maxItems: MEDIA_COUNT_BOUND }),
})

export const postRoutes: FastifyPluginCallbackTypebox<RenderingParts> = (app, parts, done) => {
  const { store } = parts
  const answer = answerWith(parts)

  app.post(
    '/posts',
    { config: { access: 'user' }, schema: { body: PublishBody, response: { 201: PostBody } } },
    async (request, reply) => {
      const { user } = userOf(request)
      const { caption = '', media } = request.body
      const input = { author: user, caption, media: media.map(rowOf) }
      const key = idempotencyKeyOf(request, 'post')
      const id = await write(store, reply, 'publishPost', input, key)
      return answer(reply.code(201), (rendering) => renderPost(rendering, id, user))
    },
  )

  app.get(
    '/posts/:id',
    {
      config: { access: 'anyone' },
      schema: { params: IdParameters, response: { 200: PostBody } },
    },
    (request, reply) => {
      const post = rowOf(request.params.id)
      return answer(reply, (rendering) => renderPost(rendering, post, viewerOf(request)))
    },
  )

  app.delete(
    '/posts/:id',
    { config: { access: 'user' }, schema: { params: IdParameters } },
    async (request, reply) => {
      const { user } = userOf(request)
      await write(store, reply, 'deletePost', { post: rowOf(request.params.id), user })
      return reply.code(204).send()
    },
  )

  for (const [method, name] of [
    ['PUT', 'like'],
    ['DELETE', 'unlike'],
  ] as const) {
    app.route({
      method,
      url: '/posts/:id/like',
      config: { access: 'user' },
      schema: { params: IdParameters, response: { 200: PostBody } },
      handler: async (request, reply) => {
        const { user } = userOf(request)
        const post = rowOf(request.params.id)
        await write(store, reply, name, { user, post })
        return answer(reply, (rendering) => renderPost(rendering, post, user))
      },
    })
  }

  app.get(
    '/users/:handle/posts',
    {
      config: { access: 'anyone' },
      schema: {
        params: HandleParameters,
        querystring: PageQuery,
        response: { 200: pageOf(PostBody) },
      },
    },
    (request, reply) => {
      const { limit, before } = request.query
      return answer(reply, (rendering) => {
        const { view } = rendering
        const viewer = viewerOf(request)
        const user = demandUserOfHandle(view, request.params.handle, viewer)
        const found = postsOfUser(view, user, limit + 1, before)
        const { ids, next } = cutPage(found, limit)
        return pageText(renderPosts(rendering, ids, viewer), next)
      })
    },
  )
  done()
}
