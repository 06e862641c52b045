// The route of search: posts, comments, people or tags, by words.

import { Type } from 'typebox'
import { viewerOf } from './authentication.ts'
import { answerWith, pageText } from './render/answer.ts'
import { CommentBody, renderComment } from './render/comment.ts'
import { PostBody, renderPosts } from './render/post.ts'
import { TagBody, renderTag } from './render/tag.ts'
import { UserBody, renderUsers } from './render/user.ts'
import { PageQuery, cursorOf, pageOf } from './validation.ts'
import { search } from '../model/search.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { SearchType } from '../model/search.ts'
import type { RenderingParts } from './render/answer.ts'
import type { Rendering } from './render/fragments.ts'

const SearchQuery = Type.Object({
  ...PageQuery.properties,
  q: Type.String(),
  type: Type.Union(
    [Type.Literal('posts'), Type.Literal('comments'), Type.Literal('users'), Type.Literal('tags')],
    { default: 'posts' },
  ),
})

/** All items of an answer are of the type that was asked for. */
const FoundBody = Type.Union([
  pageOf(PostBody),
  pageOf(CommentBody),
  pageOf(UserBody),
  pageOf(TagBody),
])

export const searchRoutes: FastifyPluginCallbackTypebox<RenderingParts> = (app, parts, done) => {
  const answer = answerWith(parts)

  app.get(
    '/search',
    {
      config: { access: 'anyone' },
      schema: { querystring: SearchQuery, response: { 200: FoundBody } },
    },
    (request, reply) => {
      const viewer = viewerOf(request)
      const { q, type, limit, before } = request.query
      return answer(reply, (rendering) => {
        const query = { viewer, text: q, type, count: limit, before }
        const { ids, next } = search(rendering.view, query)
        return pageText(itemsText(rendering, type, ids, viewer), cursorOf(next))
      })
    },
  )
  done()
}

function itemsText(
  rendering: Rendering,
  type: SearchType,
  ids: readonly number[],
  viewer: number,
): string {
  switch (type) {
    case 'posts':
      return renderPosts(rendering, ids, viewer)
    case 'comments':
      return `[${ids.map((id) => renderComment(rendering, id, viewer)).join(',')}]`
    case 'users':
      return renderUsers(rendering, ids, viewer)
    case 'tags':
      return `[${ids.map((id) => renderTag(rendering, id)).join(',')}]`
  }
}
