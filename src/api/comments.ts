// Routes of comments: answer a post or a comment, and read a thread a page at a time.
//
// `:id` is the post, or any comment of its thread; `parent` says whose direct answers are meant,
// and is `:id` when left out. `depth` says how many levels come along (model/comment-tree.ts); a
// chain of ten thousand comments is read a few levels at a time, by requests of the same cost.

import { Type } from 'typebox'
import { userOf, viewerOf } from './authentication.ts'
import { RequestRefusal } from './errors.ts'
import { answerWith } from './render/answer.ts'
import { CommentBody, ThreadBody, renderComment, renderThread } from './render/comment.ts'
import { Id, IdParameters, Text, rowOf } from './validation.ts'
import { idempotencyKeyOf, write } from './writes.ts'
import { COMMENT_DEPTH_MAX, COMMENT_ORDERS, isCursorOf } from '../model/comment-tree.ts'
import { demandThread } from '../model/comments.ts'
import { demandVisible } from '../model/visibility.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { RenderingParts } from './render/answer.ts'

const PublishBody = Type.Object({ text: Text, parent: Type.Optional(Id) })

const ThreadQuery = Type.Object({
  parent: Type.Optional(Id),
  sort: Type.Union(
    COMMENT_ORDERS.map((order) => Type.Literal(order)),
    { default: 'old' },
  ),
  depth: Type.Integer({ minimum: 1, maximum: COMMENT_DEPTH_MAX, default: 2 }),
  limit: Type.Integer({ minimum: 1, maximum: 50, default: 20 }),
  /** The `next` of a list in the same order. */
  cursor: Type.Optional(Type.String({ maxLength: 60 })),
})

export const commentRoutes: FastifyPluginCallbackTypebox<RenderingParts> = (app, parts, done) => {
  const { store } = parts
  const answer = answerWith(parts)

  app.post(
    '/posts/:id/comments',
    {
      config: { access: 'user' },
      schema: { params: IdParameters, body: PublishBody, response: { 201: CommentBody } },
    },
    async (request, reply) => {
      const { user } = userOf(request)
      const { text, parent } = request.body
      const post = rowOf(request.params.id)
      const input = {
        author: user,
        post,
        text,
        ...(parent === undefined ? {} : { parent: rowOf(parent) }),
      }
      const key = idempotencyKeyOf(request, `comment ${post}`)
      const id = await write(store, reply, 'publishComment', input, key)
      // A retry with the same key may find it deleted.
      return answer(reply.code(201), (rendering) => renderComment(rendering, id, user))
    },
  )

  app.get(
    '/posts/:id/comments',
    {
      config: { access: 'anyone' },
      schema: {
        params: IdParameters,
        querystring: ThreadQuery,
        response: { 200: ThreadBody },
      },
    },
    (request, reply) => {
      const { sort, depth, limit, cursor } = request.query
      if (cursor !== undefined && !isCursorOf(sort, cursor)) {
        throw new RequestRefusal('REQUEST_INVALID', 'The cursor is none of a list in this order.')
      }
      const post = rowOf(request.params.id)
      const parent = request.query.parent === undefined ? post : rowOf(request.query.parent)
      const page = {
        order: sort,
        depth,
        count: limit,
        ...(cursor === undefined ? {} : { cursor }),
      }
      return answer(reply, (rendering) => {
        // Below a tombstone one reads on; a tombstone is no place to start.
        demandVisible(rendering.view, post, viewerOf(request))
        demandThread(rendering.view, post, parent)
        return renderThread(rendering, parent, viewerOf(request), page)
      })
    },
  )
  done()
}
