// How notifications look in an answer: in groups, each with the newest few who did it and what it
// is about, as its viewer sees it. The text of the moderators is in none but theirs.

import { Type } from 'typebox'
import { assert } from '../../std/assert.ts'
import { NOTIFICATION_KINDS } from '../../model/notifications.ts'
import { notifications } from '../../model/schema.ts'
import { nullable } from '../validation.ts'
import { openText } from './answer.ts'
import { PostBody, renderPost } from './post.ts'
import { AuthorBody, authorOf } from './user.ts'
import type { NotificationGroup } from '../../model/notification-groups.ts'
import type { Rendering, RowSource } from './fragments.ts'

export const NotificationBody = Type.Object({
  id: Type.String(),
  kind: Type.Enum(NOTIFICATION_KINDS.filter((kind) => kind !== '')),
  created_at: Type.String(),
  unread: Type.Boolean(),
  /** How many did it. */
  count: Type.Integer(),
  /** What the moderators say; null for all other kinds. */
  text: nullable(Type.String()),
  /** The newest few of them; none for the moderators. */
  actors: Type.Array(AuthorBody),
  /** What was liked, what answers or mentions, what was removed. */
  post: nullable(PostBody),
})

/** An array of groups. */
export function renderNotifications(
  rendering: Rendering,
  groups: readonly NotificationGroup[],
  viewer: number,
): string {
  return `[${groups.map((group) => textOf(rendering, group, viewer)).join(',')}]`
}

function textOf(rendering: Rendering, group: NotificationGroup, viewer: number): string {
  const { view } = rendering
  // Nothing of it is kept.
  const rows = view as RowSource
  const row = view.get(notifications, group.id)
  assert(row !== undefined, 'a notification that is shown exists')
  const fields = openText({
    id: String(group.id),
    kind: group.kind,
    created_at: new Date(row.createdAt).toISOString(),
    unread: group.isUnread,
    count: group.count,
    text: group.kind === 'moderation' ? row.text : null,
    actors: group.actors.map((actor) => authorOf(rows, actor)),
  })
  const post = group.post === 0 ? 'null' : renderPost(rendering, group.post, viewer)
  return `${fields},"post":${post}}`
}
