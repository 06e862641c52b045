// Routes of likes, which all may see, and of bookmarks, which only their user does.

import { userOf, viewerOf } from './authentication.ts'
import { answerWith, pageText } from './render/answer.ts'
import { PostBody, renderPost, renderPosts } from './render/post.ts'
import { UserBody, renderUsers } from './render/user.ts'
import { IdParameters, PageQuery, cursorOf, pageOf, rowOf } from './validation.ts'
import { write } from './writes.ts'
import { bookmarkedBy } from '../model/bookmarks.ts'
import { likedBy, likersOf } from '../model/likes.ts'
import { demandVisible } from '../model/visibility.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { RenderingParts } from './render/answer.ts'

/** Method, address, and the transaction. */
const MARKS = [
  ['PUT', '/posts/:id/like', 'like'],
  ['DELETE', '/posts/:id/like', 'unlike'],
  ['PUT', '/posts/:id/bookmark', 'addBookmark'],
  ['DELETE', '/posts/:id/bookmark', 'removeBookmark'],
] as const

/** Lists of posts of one's own. */
const LISTS = [
  ['/likes', likedBy],
  ['/bookmarks', bookmarkedBy],
] as const

export const likeRoutes: FastifyPluginCallbackTypebox<RenderingParts> = (app, parts, done) => {
  const { store } = parts
  const answer = answerWith(parts)

  for (const [method, url, name] of MARKS) {
    app.route({
      method,
      url,
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
    '/posts/:id/likes',
    {
      config: { access: 'anyone' },
      schema: {
        params: IdParameters,
        querystring: PageQuery,
        response: { 200: pageOf(UserBody) },
      },
    },
    (request, reply) => {
      const { limit: count, before } = request.query
      const post = rowOf(request.params.id)
      const viewer = viewerOf(request)
      return answer(reply, (rendering) => {
        const { view } = rendering
        demandVisible(view, post, viewer)
        const { ids, next } = likersOf(view, post, viewer, { count, before })
        return pageText(renderUsers(rendering, ids, viewer), cursorOf(next))
      })
    },
  )

  for (const [url, postsOf] of LISTS) {
    app.get(
      url,
      {
        config: { access: 'user' },
        schema: { querystring: PageQuery, response: { 200: pageOf(PostBody) } },
      },
      (request, reply) => {
        const { user } = userOf(request)
        const { limit: count, before } = request.query
        return answer(reply, (rendering) => {
          const { ids, next } = postsOf(rendering.view, user, { count, before })
          return pageText(renderPosts(rendering, ids, user), cursorOf(next))
        })
      },
    )
  }
  done()
}
