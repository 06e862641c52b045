// Routes of moderation: suspend people, remove posts and comments, block words and tags. Who may do
// what to whom is in model/moderation.ts; the operator counts as an admin.

import { Type } from 'typebox'
import { viewerOf } from './authentication.ts'
import {
  ModeratedPostBody,
  ModeratedUserBody,
  TermBody,
  moderatedPostOf,
  moderatedUserOf,
  termBodyOf,
} from './render/report.ts'
import {
  HandleParameters,
  IdParameters,
  PageQuery,
  Text,
  cutPage,
  pageOf,
  rowOf,
} from './validation.ts'
import { idempotencyKeyOf, write } from './writes.ts'
import { TERM_KINDS, termsOfKind } from '../model/blocked-terms.ts'
import { USER_STATES, usersInState } from '../model/moderation.ts'
import { Refusal } from '../model/refusal.ts'
import { userOfHandle } from '../model/users.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { TermKind } from '../model/blocked-terms.ts'
import type { ApiParts } from './parts.ts'

const KINDS = TERM_KINDS.filter((kind): kind is TermKind => kind !== '')

const ReasonBody = Type.Object({ reason: Text })
const UsersQuery = Type.Object({
  ...PageQuery.properties,
  state: Type.Enum([...USER_STATES], { default: 'all' }),
})
const TermsQuery = Type.Object({
  ...PageQuery.properties,
  kind: Type.Enum([...KINDS], { default: 'word' }),
})
const BlockTermBody = Type.Object({ kind: Type.Enum([...KINDS]), term: Text })

export const moderationRoutes: FastifyPluginCallbackTypebox<ApiParts> = (app, parts, done) => {
  const { store } = parts

  /** Of a handle, whoever may see its user otherwise. Refuses with USER_NOT_FOUND. */
  const userNamed = (handle: string): Promise<number> =>
    store.read((view) => {
      const user = userOfHandle(view, handle)
      if (user === 0) throw new Refusal('USER_NOT_FOUND')
      return user
    })

  app.get(
    '/admin/users',
    {
      config: { access: 'moderator' },
      schema: { querystring: UsersQuery, response: { 200: pageOf(ModeratedUserBody) } },
    },
    (request) => {
      const { state, limit, before } = request.query
      return store.read((view) => {
        const { ids, next } = usersInState(view, state, limit, before)
        const items = ids.map((id) => moderatedUserOf(view, id))
        return { items, next: next === null ? null : String(next) }
      })
    },
  )

  app.put(
    '/admin/users/:handle/suspension',
    {
      config: { access: 'moderator' },
      schema: {
        params: HandleParameters,
        body: ReasonBody,
        response: { 200: ModeratedUserBody },
      },
    },
    async (request, reply) => {
      const user = await userNamed(request.params.handle)
      const moderator = viewerOf(request)
      const { reason } = request.body
      await write(store, reply, 'suspendUser', { user, moderator, reason })
      return store.read((view) => moderatedUserOf(view, user))
    },
  )

  app.delete(
    '/admin/users/:handle/suspension',
    {
      config: { access: 'moderator' },
      schema: { params: HandleParameters, response: { 200: ModeratedUserBody } },
    },
    async (request, reply) => {
      const user = await userNamed(request.params.handle)
      const moderator = viewerOf(request)
      await write(store, reply, 'liftSuspension', { user, moderator })
      return store.read((view) => moderatedUserOf(view, user))
    },
  )

  app.put(
    '/admin/posts/:id/removal',
    {
      config: { access: 'moderator' },
      schema: { params: IdParameters, body: ReasonBody, response: { 200: ModeratedPostBody } },
    },
    async (request, reply) => {
      const post = rowOf(request.params.id)
      const moderator = viewerOf(request)
      const { reason } = request.body
      await write(store, reply, 'removePost', { post, moderator, reason })
      return store.read((view) => moderatedPostOf(view, post))
    },
  )

  app.delete(
    '/admin/posts/:id/removal',
    {
      config: { access: 'moderator' },
      schema: { params: IdParameters, response: { 200: ModeratedPostBody } },
    },
    async (request, reply) => {
      const post = rowOf(request.params.id)
      await write(store, reply, 'liftRemoval', { post, moderator: viewerOf(request) })
      return store.read((view) => moderatedPostOf(view, post))
    },
  )

  app.get(
    '/admin/blocked-terms',
    {
      config: { access: 'moderator' },
      schema: { querystring: TermsQuery, response: { 200: pageOf(TermBody) } },
    },
    (request) => {
      const { kind, limit, before } = request.query
      return store.read((view) => {
        const { ids, next } = cutPage(termsOfKind(view, kind, limit + 1, before), limit)
        return { items: ids.map((id) => termBodyOf(view, id)), next }
      })
    },
  )

  app.post(
    '/admin/blocked-terms',
    {
      config: { access: 'moderator' },
      schema: { body: BlockTermBody, response: { 201: TermBody } },
    },
    async (request, reply) => {
      const moderator = viewerOf(request)
      const { kind, term } = request.body
      const key = idempotencyKeyOf(request, 'term')
      const id = await write(store, reply, 'blockTerm', { kind, term, moderator }, key)
      return reply.code(201).send(await store.read((view) => termBodyOf(view, id)))
    },
  )

  app.delete(
    '/admin/blocked-terms/:id',
    { config: { access: 'moderator' }, schema: { params: IdParameters } },
    async (request, reply) => {
      const input = { term: rowOf(request.params.id), moderator: viewerOf(request) }
      await write(store, reply, 'unblockTerm', input)
      return reply.code(204).send()
    },
  )
  done()
}
