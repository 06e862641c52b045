// Routes of what one person is to another: follow, block, mute, requests to follow, and the lists
// of people that come of it.
//
// Everything that is done twice, or undone where it was not done, is fine and answers as the first
// time.

import { userOf, viewerOf } from './authentication.ts'
import { answerWith, pageText } from './render/answer.ts'
import { UserBody, renderUser, renderUsers } from './render/user.ts'
import { HandleParameters, PageQuery, cursorOf, pageOf } from './validation.ts'
import { write } from './writes.ts'
import { blockedOf, followeesOf, followersOf, mutedOf, requestersOf } from '../model/people.ts'
import { demandUserOfHandle } from '../model/visibility.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import type { InputOf } from '../engine/store.ts'
import type { transactions } from '../model/transactions.ts'
import type { RenderingParts } from './render/answer.ts'

type Transactions = typeof transactions

/** What one does to another: method, address, and the transaction with the two in their places. */
const ACTIONS = [
  action('PUT', '/users/:handle/follow', 'follow', followOf),
  action('DELETE', '/users/:handle/follow', 'unfollow', followOf),
  action('PUT', '/users/:handle/block', 'block', blockOf),
  action('DELETE', '/users/:handle/block', 'unblock', blockOf),
  action('PUT', '/users/:handle/mute', 'mute', muteOf),
  action('DELETE', '/users/:handle/mute', 'unmute', muteOf),
  action('DELETE', '/followers/:handle', 'removeFollower', followedOf),
  action('PUT', '/follow-requests/:handle', 'grantFollow', requestOf),
  action('DELETE', '/follow-requests/:handle', 'refuseFollow', requestOf),
] as const

/** Lists of somebody, for whoever may see them. */
const LISTS = [
  ['/users/:handle/followers', followersOf],
  ['/users/:handle/following', followeesOf],
] as const

/** Lists of one's own. */
const OWN_LISTS = [
  ['/follow-requests', requestersOf],
  ['/blocks', blockedOf],
  ['/mutes', mutedOf],
] as const

export const relationshipRoutes: FastifyPluginCallbackTypebox<RenderingParts> = (
  app,
  parts,
  done,
) => {
  const { store } = parts
  const answer = answerWith(parts)

  for (const { method, url, run } of ACTIONS) {
    app.route({
      method,
      url,
      config: { access: 'user' },
      schema: { params: HandleParameters, response: { 200: UserBody } },
      handler: async (request, reply) => {
        const { user } = userOf(request)
        const { handle } = request.params
        const other = await store.read((view) => demandUserOfHandle(view, handle, user))
        await run(store, reply, user, other)
        return answer(reply, (rendering) => renderUser(rendering, other, user))
      },
    })
  }

  for (const [url, peopleOf] of LISTS) {
    app.get(
      url,
      {
        config: { access: 'anyone' },
        schema: {
          params: HandleParameters,
          querystring: PageQuery,
          response: { 200: pageOf(UserBody) },
        },
      },
      (request, reply) => {
        const { limit: count, before } = request.query
        return answer(reply, (rendering) => {
          const { view } = rendering
          const viewer = viewerOf(request)
          const user = demandUserOfHandle(view, request.params.handle, viewer)
          const { ids, next } = peopleOf(view, { user, viewer, count, before })
          return pageText(renderUsers(rendering, ids, viewer), cursorOf(next))
        })
      },
    )
  }

  for (const [url, peopleOf] of OWN_LISTS) {
    app.get(
      url,
      {
        config: { access: 'user' },
        schema: { querystring: PageQuery, response: { 200: pageOf(UserBody) } },
      },
      (request, reply) => {
        const { user } = userOf(request)
        const { limit: count, before } = request.query
        return answer(reply, (rendering) => {
          const query = { user, viewer: user, count, before }
          const { ids, next } = peopleOf(rendering.view, query)
          return pageText(renderUsers(rendering, ids, user), cursorOf(next))
        })
      },
    )
  }
  done()
}

function action<N extends keyof Transactions>(
  method: 'PUT' | 'DELETE',
  url: string,
  name: N,
  inputOf: (actor: number, other: number) => InputOf<Transactions[N]>,
) {
  const run = (
    store: RenderingParts['store'],
    reply: FastifyReply,
    actor: number,
    other: number,
  ): Promise<unknown> => write(store, reply, name, inputOf(actor, other))
  return { method, url, run }
}

function followOf(follower: number, followee: number) {
  return { follower, followee }
}

function followedOf(followee: number, follower: number) {
  return { follower, followee }
}

function requestOf(target: number, requester: number) {
  return { requester, target }
}

function blockOf(blocker: number, blocked: number) {
  return { blocker, blocked }
}

function muteOf(muter: number, muted: number) {
  return { muter, muted }
}
