// Routes of posts: publish, show, edit, delete, and the posts of one user. Whatever takes the id of
// a post takes that of a comment. Liking and bookmarking have a file of their own (likes.ts).

import { Type } from 'typebox'
import { userOf, viewerOf } from './authentication.ts'
import { DescriptionFields } from './media.ts'
import { answerWith, pageText } from './render/answer.ts'
import { PostBody, renderPost, renderPosts } from './render/post.ts'
import { HandleParameters, Id, IdParameters, PageQuery, Text } from './validation.ts'
import { cursorOf, pageOf, rowOf } from './validation.ts'
import { idempotencyKeyOf, write } from './writes.ts'
import { COMMENTERS } from '../model/comments.ts'
import { versionsOf } from '../model/revisions.ts'
import { profileTimeline } from '../model/timelines.ts'
import { demandUserOfHandle, demandVisible } from '../model/visibility.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { Audience } from '../model/publishing.ts'
import type { RenderingParts } from './render/answer.ts'

/**
 * How many photos a post may have is a rule of the network; this only bounds the work of saying so.
 */
export const MEDIA_COUNT_BOUND = 100

/** Who sees a post, and who may comment on it. */
export const AudienceFields = {
  visibility: Type.Optional(Type.Enum(['public', 'followers', 'private'])),
  commenters: Type.Optional(Type.Enum([...COMMENTERS])),
}

/** A photo by its id, or with what is to be said of it. */
const PhotoBody = Type.Union([Id, Type.Object({ id: Id, ...DescriptionFields })])

const PublishBody = Type.Object({
  caption: Type.Optional(Text),
  media: Type.Array(PhotoBody, { maxItems: MEDIA_COUNT_BOUND }),
  ...AudienceFields,
})

const EditBody = Type.Object({
  caption: Type.Optional(Text),
  /** The caption by the name that it has in a comment. */
  text: Type.Optional(Text),
  ...AudienceFields,
})

const VersionsPage = pageOf(Type.Object({ caption: Type.String(), created_at: Type.String() }))

export const postRoutes: FastifyPluginCallbackTypebox<RenderingParts> = (app, parts, done) => {
  const { store } = parts
  const answer = answerWith(parts)

  app.post(
    '/posts',
    { config: { access: 'user' }, schema: { body: PublishBody, response: { 201: PostBody } } },
    async (request, reply) => {
      const { user } = userOf(request)
      const { caption = '', media: photos } = request.body
      const input = {
        author: user,
        caption,
        media: photos.map((photo) => rowOf(typeof photo === 'string' ? photo : photo.id)),
        descriptions: photos.map((photo) => (typeof photo === 'string' ? {} : photo)),
        ...audienceOf(request.body),
      }
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

  app.patch(
    '/posts/:id',
    {
      config: { access: 'user' },
      schema: { params: IdParameters, body: EditBody, response: { 200: PostBody } },
    },
    async (request, reply) => {
      const { user } = userOf(request)
      const post = rowOf(request.params.id)
      const { text, caption = text } = request.body
      const input = { post, user, ...audienceOf(request.body) }
      const change = caption === undefined ? input : { ...input, caption }
      await write(store, reply, 'editPost', change)
      return answer(reply, (rendering) => renderPost(rendering, post, user))
    },
  )

  app.get(
    '/posts/:id/history',
    {
      config: { access: 'anyone' },
      schema: { params: IdParameters, response: { 200: VersionsPage } },
    },
    (request, reply) => {
      const post = rowOf(request.params.id)
      return answer(reply, ({ view }) => {
        demandVisible(view, post, viewerOf(request))
        const versions = versionsOf(view, post).map(({ caption, writtenAt }) => ({
          caption,
          created_at: new Date(writtenAt).toISOString(),
        }))
        return pageText(JSON.stringify(versions), null)
      })
    },
  )

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
        const { posts, next } = profileTimeline(view, user, { viewer, count: limit, before })
        return pageText(renderPosts(rendering, posts, viewer), cursorOf(next))
      })
    },
  )
  done()
}

/** Of a body that may hold more. */
export function audienceOf({ visibility, commenters }: Audience): Audience {
  return {
    ...(visibility === undefined ? {} : { visibility }),
    ...(commenters === undefined ? {} : { commenters }),
  }
}
