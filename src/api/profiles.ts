// Routes of profiles: one's own, and those of others.

import { Type } from 'typebox'
import { userOf, viewerOf } from './authentication.ts'
import { answerWith } from './render/answer.ts'
import { MeBody, UserBody, renderMe, renderUser } from './render/user.ts'
import { HandleParameters, Id, Text, rowOf } from './validation.ts'
import { write } from './writes.ts'
import { demandUserOfHandle } from '../model/visibility.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { Static } from 'typebox'
import type { RenderingParts } from './render/answer.ts'
import type { ProfileChange } from '../model/profiles.ts'

/** How many there may be is a rule of the network; this only bounds the work of saying so. */
const FIELD_COUNT_BOUND = 100

/** A photo of one's own, or none. */
const ProfilePhoto = Type.Optional(Type.Union([Id, Type.Null()]))

const ProfileBody = Type.Object({
  name: Type.Optional(Text),
  bio: Type.Optional(Text),
  fields: Type.Optional(
    Type.Array(Type.Object({ name: Text, value: Text }), { maxItems: FIELD_COUNT_BOUND }),
  ),
  private: Type.Optional(Type.Boolean()),
  avatar: ProfilePhoto,
  header: ProfilePhoto,
})

export const profileRoutes: FastifyPluginCallbackTypebox<RenderingParts> = (app, parts, done) => {
  const { store } = parts
  const answer = answerWith(parts)

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
      await write(store, reply, 'updateProfile', changeOf(user, request.body))
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
  done()
}

/** What is asked for, without whatever else the body holds. */
function changeOf(user: number, body: Static<typeof ProfileBody>): ProfileChange {
  const { name, bio, fields, private: isPrivate, avatar, header } = body
  return {
    user,
    ...(name === undefined ? {} : { name }),
    ...(bio === undefined ? {} : { bio }),
    ...(fields === undefined ? {} : { fields }),
    ...(isPrivate === undefined ? {} : { isPrivate }),
    ...(avatar === undefined ? {} : { avatar: avatar === null ? null : rowOf(avatar) }),
    ...(header === undefined ? {} : { header: header === null ? null : rowOf(header) }),
  }
}
