// Routes of timelines: home and everybody's posts, those with a tag, and what is trending. All are
// made when they are asked for; what is trending is held for some seconds (trending.ts).

import { Type } from 'typebox'
import { userOf, viewerOf } from './authentication.ts'
import { RequestRefusal } from './errors.ts'
import { answerWith, pageText } from './render/answer.ts'
import { PostBody, renderPosts } from './render/post.ts'
import { TagBody, TrendingTagBody, renderTag, renderTrendingTag } from './render/tag.ts'
import { Trending, isTrendingCursor } from './trending.ts'
import { PageQuery, cursorOf, pageOf } from './validation.ts'
import { systemClock } from '../std/clock.ts'
import { demandTag, homeTimeline, publicTimeline, tagTimeline } from '../model/timelines.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { RenderingParts } from './render/answer.ts'
import type { Rendering } from './render/fragments.ts'
import type { TimelinePage } from '../model/timelines.ts'

const Limit = Type.Integer({ minimum: 1, maximum: 50, default: 20 })
const TagParameters = Type.Object({ tag: Type.String() })
const TrendingQuery = Type.Object({
  limit: Limit,
  /** The `next` of the page before. */
  before: Type.Optional(Type.String({ maxLength: 80 })),
})
const PostsPage = pageOf(PostBody)

export const feedRoutes: FastifyPluginCallbackTypebox<RenderingParts> = (app, parts, done) => {
  const answer = answerWith(parts)
  const trending = new Trending(parts.clock ?? systemClock)

  app.get(
    '/feed',
    {
      config: { access: 'user' },
      schema: { querystring: PageQuery, response: { 200: PostsPage } },
    },
    (request, reply) => {
      const { user } = userOf(request)
      const { limit, before } = request.query
      return answer(reply, (rendering) => {
        const page = homeTimeline(rendering.view, { viewer: user, count: limit, before })
        return postsText(rendering, page, user)
      })
    },
  )

  app.get(
    '/feed/public',
    {
      config: { access: 'anyone' },
      schema: { querystring: PageQuery, response: { 200: PostsPage } },
    },
    (request, reply) => {
      const viewer = viewerOf(request)
      const { limit, before } = request.query
      return answer(reply, (rendering) => {
        const page = publicTimeline(rendering.view, { viewer, count: limit, before })
        return postsText(rendering, page, viewer)
      })
    },
  )

  app.get(
    '/feed/trending',
    {
      config: { access: 'anyone' },
      schema: { querystring: TrendingQuery, response: { 200: PostsPage } },
    },
    (request, reply) => {
      const viewer = viewerOf(request)
      const { limit, before } = request.query
      if (before !== undefined && !isTrendingCursor(before)) {
        throw new RequestRefusal('REQUEST_INVALID', 'The cursor is none of trending posts.')
      }
      return answer(reply, (rendering) => {
        const { posts, next } = trending.posts(rendering.view, viewer, limit, before)
        return pageText(renderPosts(rendering, posts, viewer), next)
      })
    },
  )

  app.get(
    '/tags/trending',
    {
      config: { access: 'anyone' },
      schema: {
        querystring: Type.Object({ limit: Limit }),
        response: { 200: pageOf(TrendingTagBody) },
      },
    },
    (request, reply) => {
      const { limit } = request.query
      return answer(reply, (rendering) => {
        const tags = trending.tags(rendering.view, limit)
        const texts = tags.map((tag) => renderTrendingTag(rendering, tag))
        return pageText(`[${texts.join(',')}]`, null)
      })
    },
  )

  app.get(
    '/tags/:tag',
    {
      config: { access: 'anyone' },
      schema: { params: TagParameters, response: { 200: TagBody } },
    },
    (request, reply) =>
      answer(reply, (rendering) =>
        renderTag(rendering, demandTag(rendering.view, request.params.tag, viewerOf(request))),
      ),
  )

  app.get(
    '/tags/:tag/posts',
    {
      config: { access: 'anyone' },
      schema: { params: TagParameters, querystring: PageQuery, response: { 200: PostsPage } },
    },
    (request, reply) => {
      const viewer = viewerOf(request)
      const { limit, before } = request.query
      return answer(reply, (rendering) => {
        const { view } = rendering
        const tag = demandTag(view, request.params.tag, viewer)
        const page = tagTimeline(view, tag, { viewer, count: limit, before })
        return postsText(rendering, page, viewer)
      })
    },
  )
  done()
}

function postsText(rendering: Rendering, page: TimelinePage, viewer: number): string {
  return pageText(renderPosts(rendering, page.posts, viewer), cursorOf(page.next))
}
