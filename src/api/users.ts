// Routes of users: sign-up, profile, follows.
//
// A sign-up takes no Idempotency-Key: its answer holds a token that the store must not know.
// Whoever lost the answer finds HANDLE_TAKEN, and logs in.

import { Type } from 'typebox'
import { createToken, userOf, viewerOf } from './authentication.ts'
import { answerWith, pageText } from './render/answer.ts'
import { MeBody, UserBody, renderMe, renderUser, renderUsers } from './render/user.ts'
import { Handle, HandleParameters, PageQuery, Text, cutPage, pageOf } from './validation.ts'
import { write } from './writes.ts'
import { followersOf, followingOf } from '../model/follows.ts'
import { follows } from '../model/schema.ts'
import { demandHandle, demandPassword } from '../model/users.ts'
import { demandUserOfHandle } from '../model/visibility.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { Passwords } from './passwords.ts'
import type { RenderingParts } from './render/answer.ts'

interface Parts extends RenderingParts {
  readonly passwords: Passwords
}

const SignUpBody = Type.Object({ handle: Handle, password: Text, name: Type.Optional(Text) })
const SignedUpBody = Type.Object({ user: UserBody, token: Type.String() })
const ProfileBody = Type.Object({ name: Type.Optional(Text), bio: Type.Optional(Text) })
const UsersPage = pageOf(UserBody)

export const userRoutes: FastifyPluginCallbackTypebox<Parts> = (app, parts, done) => {
  const { store, passwords } = parts
  const answer = answerWith(parts)

  app.post(
    '/users',
    {
      config: { access: 'anyone' },
      schema: { body: SignUpBody, response: { 201: SignedUpBody } },
    },
    async (request, reply) => {
      const { handle, password, name = '' } = request.body
      // What can be said before the hash is said before it: it takes 30 ms of a core.
      await store.read((view) => demandHandle(view, handle))
      demandPassword(password)
      const passwordHash = await passwords.hash(password)
      const { token, tokenHash } = createToken()
      const input = { handle, name, passwordHash, tokenHash }
      const id = await write(store, reply, 'signUp', input)
      return answer(
        reply.code(201),
        (rendering) => `{"user":${renderUser(rendering, id, id)},"token":"${token}"}`,
      )
    },
  )

  app.get(
    '/me',
    { config: { access: 'user' }, schema: { response: { 200: MeBody } } },
    (request, reply) => {
      const { user } = userOf(request)
      return answer(reply, (rendering) => renderMe(rendering, user))
    },
  )

  app.patch(
    '/me',
    {
      config: { access: 'user' },
      schema: { body: ProfileBody, response: { 200: MeBody } },
    },
    async (request, reply) => {
      const { user } = userOf(request)
      await write(store, reply, 'updateProfile', { user, ...request.body })
      return answer(reply, (rendering) => renderMe(rendering, user))
    },
  )

  app.get(
    '/users/:handle',
    {
      config: { access: 'anyone' },
      schema: { params: HandleParameters, response: { 200: UserBody } },
    },
    (request, reply) =>
      answer(reply, (rendering) => {
        const viewer = viewerOf(request)
        const user = demandUserOfHandle(rendering.view, request.params.handle, viewer)
        return renderUser(rendering, user, viewer)
      }),
  )

  for (const [method, name] of [
    ['PUT', 'follow'],
    ['DELETE', 'unfollow'],
  ] as const) {
    app.route({
      method,
      url: '/users/:handle/follow',
      config: { access: 'user' },
      schema: { params: HandleParameters, response: { 200: UserBody } },
      handler: async (request, reply) => {
        const { user } = userOf(request)
        const { handle } = request.params
        const followee = await store.read((view) => demandUserOfHandle(view, handle, user))
        await write(store, reply, name, { follower: user, followee })
        return answer(reply, (rendering) => renderUser(rendering, followee, user))
      },
    })
  }

  for (const [name, edgesOf, end] of [
    ['followers', followersOf, 'follower'],
    ['following', followingOf, 'followee'],
  ] as const) {
    app.get(
      `/users/:handle/${name}`,
      {
        config: { access: 'anyone' },
        schema: {
          params: HandleParameters,
          querystring: PageQuery,
          response: { 200: UsersPage },
        },
      },
      (request, reply) => {
        const { limit, before } = request.query
        return answer(reply, (rendering) => {
          const { view } = rendering
          const viewer = viewerOf(request)
          const user = demandUserOfHandle(view, request.params.handle, viewer)
          const found = edgesOf(view, user, limit + 1, before)
          const { ids, next } = cutPage(found, limit)
          const people = ids.map((edge) => view.value(follows, edge, end))
          return pageText(renderUsers(rendering, people, viewer), next)
        })
      },
    )
  }
  done()
}
