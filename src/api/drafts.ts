// Routes of drafts, all of them for their owner alone: what a form of several pages keeps of a post
// between its steps, and the last step, which publishes it.

import { Type } from 'typebox'
import { userOf } from './authentication.ts'
import { AudienceFields, MEDIA_COUNT_BOUND, audienceOf } from './posts.ts'
import { answerWith, pageText } from './render/answer.ts'
import { DraftBody, renderDraft } from './render/draft.ts'
import { PostBody, renderPost } from './render/post.ts'
import { Id, IdParameters, PageQuery, Text, cutPage, pageOf, rowOf } from './validation.ts'
import { idempotencyKeyOf, write } from './writes.ts'
import { demandOwnDraft, draftsOf } from '../model/drafts.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { Static } from 'typebox'
import type { DraftContent } from '../model/drafts.ts'
import type { RenderingParts } from './render/answer.ts'

const ContentBody = Type.Object({
  caption: Type.Optional(Text),
  media: Type.Optional(Type.Array(Id, { maxItems: MEDIA_COUNT_BOUND })),
  ...AudienceFields,
})

export const draftRoutes: FastifyPluginCallbackTypebox<RenderingParts> = (app, parts, done) => {
  const { store } = parts
  const answer = answerWith(parts)

  app.post(
    '/drafts',
    { config: { access: 'user' }, schema: { body: ContentBody, response: { 201: DraftBody } } },
    async (request, reply) => {
      const { user } = userOf(request)
      const key = idempotencyKeyOf(request, 'draft')
      const input = { owner: user, content: contentOf(request.body) }
      const id = await write(store, reply, 'createDraft', input, key)
      return answer(reply.code(201), (rendering) =>
        renderDraft(rendering, demandOwnDraft(rendering.view, id, user)),
      )
    },
  )

  app.get(
    '/drafts',
    {
      config: { access: 'user' },
      schema: { querystring: PageQuery, response: { 200: pageOf(DraftBody) } },
    },
    (request, reply) => {
      const { user } = userOf(request)
      const { limit, before } = request.query
      return answer(reply, (rendering) => {
        const { view } = rendering
        const { ids, next } = cutPage(draftsOf(view, user, limit + 1, before), limit)
        const texts = ids.map((id) => renderDraft(rendering, demandOwnDraft(view, id, user)))
        return pageText(`[${texts.join(',')}]`, next)
      })
    },
  )

  app.get(
    '/drafts/:id',
    { config: { access: 'user' }, schema: { params: IdParameters, response: { 200: DraftBody } } },
    (request, reply) => {
      const { user } = userOf(request)
      const id = rowOf(request.params.id)
      return answer(reply, (rendering) =>
        renderDraft(rendering, demandOwnDraft(rendering.view, id, user)),
      )
    },
  )

  app.put(
    '/drafts/:id',
    {
      config: { access: 'user' },
      schema: { params: IdParameters, body: ContentBody, response: { 200: DraftBody } },
    },
    async (request, reply) => {
      const { user } = userOf(request)
      const draft = rowOf(request.params.id)
      const input = { draft, user, content: contentOf(request.body) }
      await write(store, reply, 'saveDraft', input)
      return answer(reply, (rendering) =>
        renderDraft(rendering, demandOwnDraft(rendering.view, draft, user)),
      )
    },
  )

  app.delete(
    '/drafts/:id',
    { config: { access: 'user' }, schema: { params: IdParameters } },
    async (request, reply) => {
      const { user } = userOf(request)
      await write(store, reply, 'deleteDraft', { draft: rowOf(request.params.id), user })
      return reply.code(204).send()
    },
  )

  app.post(
    '/drafts/:id/publish',
    { config: { access: 'user' }, schema: { params: IdParameters, response: { 201: PostBody } } },
    async (request, reply) => {
      const { user } = userOf(request)
      const draft = rowOf(request.params.id)
      const key = idempotencyKeyOf(request, `draft ${draft}`)
      const id = await write(store, reply, 'publishDraft', { draft, user }, key)
      return answer(reply.code(201), (rendering) => renderPost(rendering, id, user))
    },
  )
  done()
}

/** Of a body that may hold more. */
function contentOf(body: Static<typeof ContentBody>): DraftContent {
  const { caption, media } = body
  return {
    ...audienceOf(body),
    ...(caption === undefined ? {} : { caption }),
    ...(media === undefined ? {} : { media: media.map(rowOf) }),
  }
}
