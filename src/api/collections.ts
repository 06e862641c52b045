// Routes of collections: make, show, change and delete them, and what is in them.

import { Type } from 'typebox'
import { userOf, viewerOf } from './authentication.ts'
import { answerWith, pageText } from './render/answer.ts'
import { CollectionBody, renderCollection, renderCollections } from './render/collection.ts'
import { PostBody, renderPosts } from './render/post.ts'
import { HandleParameters, Id, IdParameters, PageQuery, Text } from './validation.ts'
import { cursorOf, cutPage, pageOf, rowOf } from './validation.ts'
import { idempotencyKeyOf, write } from './writes.ts'
import { collectionsOf, postsOfCollection } from '../model/collections.ts'
import { demandCollectionVisible, demandUserOfHandle } from '../model/visibility.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { Static } from 'typebox'
import type { RenderingParts } from './render/answer.ts'
import type { CollectionTexts } from '../model/collections.ts'

const MoreFields = {
  description: Type.Optional(Text),
  private: Type.Optional(Type.Boolean()),
}
const CreateBody = Type.Object({ name: Text, ...MoreFields })
const EditBody = Type.Object({ name: Type.Optional(Text), ...MoreFields })
const CollectedParameters = Type.Object({ id: Id, post: Id })

/** Method and transaction. */
const ACTIONS = [
  ['PUT', 'collectPost'],
  ['DELETE', 'uncollectPost'],
] as const

export const collectionRoutes: FastifyPluginCallbackTypebox<RenderingParts> = (
  app,
  parts,
  done,
) => {
  const { store } = parts
  const answer = answerWith(parts)

  app.post(
    '/collections',
    {
      config: { access: 'user' },
      schema: { body: CreateBody, response: { 201: CollectionBody } },
    },
    async (request, reply) => {
      const { user } = userOf(request)
      const { name } = request.body
      const key = idempotencyKeyOf(request, 'collection')
      const input = { owner: user, ...textsOf(request.body), name }
      const id = await write(store, reply, 'createCollection', input, key)
      return answer(reply.code(201), (rendering) => renderCollection(rendering, id, user))
    },
  )

  app.get(
    '/collections/:id',
    {
      config: { access: 'anyone' },
      schema: { params: IdParameters, response: { 200: CollectionBody } },
    },
    (request, reply) => {
      const id = rowOf(request.params.id)
      return answer(reply, (rendering) => renderCollection(rendering, id, viewerOf(request)))
    },
  )

  app.patch(
    '/collections/:id',
    {
      config: { access: 'user' },
      schema: { params: IdParameters, body: EditBody, response: { 200: CollectionBody } },
    },
    async (request, reply) => {
      const { user } = userOf(request)
      const collection = rowOf(request.params.id)
      const input = { collection, user, ...textsOf(request.body) }
      await write(store, reply, 'editCollection', input)
      return answer(reply, (rendering) => renderCollection(rendering, collection, user))
    },
  )

  app.delete(
    '/collections/:id',
    { config: { access: 'user' }, schema: { params: IdParameters } },
    async (request, reply) => {
      const { user } = userOf(request)
      const collection = rowOf(request.params.id)
      await write(store, reply, 'deleteCollection', { collection, user })
      return reply.code(204).send()
    },
  )

  for (const [method, name] of ACTIONS) {
    app.route({
      method,
      url: '/collections/:id/posts/:post',
      config: { access: 'user' },
      schema: { params: CollectedParameters, response: { 200: CollectionBody } },
      handler: async (request, reply) => {
        const { user } = userOf(request)
        const collection = rowOf(request.params.id)
        await write(store, reply, name, { collection, post: rowOf(request.params.post), user })
        return answer(reply, (rendering) => renderCollection(rendering, collection, user))
      },
    })
  }

  app.get(
    '/collections/:id/posts',
    {
      config: { access: 'anyone' },
      schema: {
        params: IdParameters,
        querystring: PageQuery,
        response: { 200: pageOf(PostBody) },
      },
    },
    (request, reply) => {
      const { limit: count, before } = request.query
      const id = rowOf(request.params.id)
      const viewer = viewerOf(request)
      return answer(reply, (rendering) => {
        const { view } = rendering
        demandCollectionVisible(view, id, viewer)
        const { ids, next } = postsOfCollection(view, id, viewer, { count, before })
        return pageText(renderPosts(rendering, ids, viewer), cursorOf(next))
      })
    },
  )

  app.get(
    '/users/:handle/collections',
    {
      config: { access: 'anyone' },
      schema: {
        params: HandleParameters,
        querystring: PageQuery,
        response: { 200: pageOf(CollectionBody) },
      },
    },
    (request, reply) => {
      const { limit, before } = request.query
      const viewer = viewerOf(request)
      return answer(reply, (rendering) => {
        const { view } = rendering
        const owner = demandUserOfHandle(view, request.params.handle, viewer)
        const { ids, next } = cutPage(collectionsOf(view, owner, viewer, before), limit)
        return pageText(renderCollections(rendering, ids), next)
      })
    },
  )
  done()
}

/** Of a body that may hold more. */
function textsOf({
  name,
  description,
  private: isPrivate,
}: Static<typeof EditBody>): CollectionTexts {
  return {
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(isPrivate === undefined ? {} : { isPrivate }),
  }
}
