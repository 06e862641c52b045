// Routes of notifications: the list, how many are unread, and how far one has read.

import { Type } from 'typebox'
import { userOf } from './authentication.ts'
import { RequestRefusal } from './errors.ts'
import { answerWith } from './render/answer.ts'
import { NotificationBody, renderNotifications } from './render/notification.ts'
import { Id, PageQuery, pageOf, rowOf } from './validation.ts'
import { write } from './writes.ts'
import { UNREAD_COUNT_BOUND, notificationsOf, unreadCountOf } from '../model/notification-groups.ts'
import { NOTIFICATION_KINDS } from '../model/notifications.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { NotificationCursor } from '../model/notification-groups.ts'
import type { NotificationKind } from '../model/notifications.ts'
import type { RenderingParts } from './render/answer.ts'

const KINDS_SIZE_MAX = 200

/** Up to UNREAD_COUNT_BOUND, which stands for more. */
const Unread = Type.Integer({ minimum: 0, maximum: UNREAD_COUNT_BOUND })
const UnreadBody = Type.Object({ unread: Unread })
const ReadBody = Type.Object({ up_to: Id })
const ListQuery = Type.Object({
  limit: PageQuery.properties.limit,
  /** The last group of the page before, and the newest notification of the first page. */
  before: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,9}-[1-9][0-9]{0,9}$' })),
  /** Names with commas between them. */
  kinds: Type.Optional(Type.String({ maxLength: KINDS_SIZE_MAX })),
})
const ListBody = Type.Object({ ...pageOf(NotificationBody).properties, unread: Unread })

export const notificationRoutes: FastifyPluginCallbackTypebox<RenderingParts> = (
  app,
  parts,
  done,
) => {
  const { store } = parts
  const answer = answerWith(parts)

  app.get(
    '/notifications',
    {
      config: { access: 'user' },
      schema: { querystring: ListQuery, response: { 200: ListBody } },
    },
    (request, reply) => {
      const { user } = userOf(request)
      const { limit, before, kinds } = request.query
      const page = { count: limit, kinds: kindsOf(kinds), cursor: cursorOf(before) }
      return answer(reply, (rendering) => {
        const { groups, next } = notificationsOf(rendering.view, user, page)
        const items = renderNotifications(rendering, groups, user)
        const cursor = next === null ? 'null' : `"${next.before}-${next.top}"`
        const unread = unreadCountOf(rendering.view, user)
        return `{"items":${items},"next":${cursor},"unread":${unread}}`
      })
    },
  )

  app.get(
    '/notifications/unread',
    { config: { access: 'user' }, schema: { response: { 200: UnreadBody } } },
    (request) => {
      const { user } = userOf(request)
      return store.read((view) => ({ unread: unreadCountOf(view, user) }))
    },
  )

  app.post(
    '/notifications/read',
    {
      config: { access: 'user' },
      schema: { body: ReadBody, response: { 200: UnreadBody } },
    },
    async (request, reply) => {
      const { user } = userOf(request)
      await write(store, reply, 'readNotifications', { user, upTo: rowOf(request.body.up_to) })
      return store.read((view) => ({ unread: unreadCountOf(view, user) }))
    },
  )
  done()
}

function cursorOf(text: string | undefined): NotificationCursor | undefined {
  if (text === undefined) return undefined
  const [before = 0, top = 0] = text.split('-').map(rowOf)
  return { before, top }
}

/** Refuses with REQUEST_INVALID. */
function kindsOf(text: string | undefined): NotificationKind[] | undefined {
  if (text === undefined) return undefined
  return text.split(',').map((name) => {
    const kind = NOTIFICATION_KINDS.find((known) => known !== '' && known === name)
    if (kind === undefined || kind === '') {
      const known = NOTIFICATION_KINDS.slice(1).join(', ')
      throw new RequestRefusal('REQUEST_INVALID', `The kinds of notifications are ${known}.`)
    }
    return kind
  })
}
