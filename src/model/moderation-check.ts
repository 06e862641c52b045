// Check of notifications and moderation: what their rules say about rows, and no index can. Part of
// the check of the network (check.ts).
//
//   notifications   (1) are of a known kind, by somebody else, and by nobody exactly when they are
//                   of the moderators; (2) name a post exactly when their kind is about one, the
//                   moderators' perhaps
//   markers         (3) are no further than notifications have ever come
//   reports         (4) are in a known state; (5) are handled exactly when they are not open;
//                   (6) name the author of the post that they name
//   blocked terms   (7) are found by a key of their kind

import { TERM_KINDS } from './blocked-terms.ts'
import { NOTIFICATION_KINDS } from './notifications.ts'
import { REPORT_STATES } from './reports.ts'
import { blockedTerms, markers, notifications, posts, reports } from './schema.ts'
import type { AnyTable, View } from '../engine/view.ts'
import type { Row } from '../engine/schema.ts'

const KINDS_WITHOUT_POST: readonly string[] = ['follow', 'request', 'grant']

export function checkModeration(view: View, report: (sentence: string) => void): void {
  eachRow(view, notifications, ({ id, kind, user, actor, post }) => {
    const say = (fault: string): void => report(`notification ${id} ${fault}`)
    const name = NOTIFICATION_KINDS[kind] ?? ''
    if (name === '') return say(`is of kind ${kind}, which there is not`)
    if (user === actor) say(`tells user ${user} what the same user did`)
    if ((actor === 0) !== (name === 'moderation')) say(`of kind ${name} is by user ${actor}`)
    if (post !== 0 && !view.has(posts, post)) say(`is about post ${post}, which is not there`)
    const isAboutPost = !KINDS_WITHOUT_POST.includes(name)
    if (name !== 'moderation' && isAboutPost !== (post !== 0)) {
      say(`of kind ${name} is about post ${post}`)
    }
  })
  const lastId = view.lastId(notifications)
  eachRow(view, markers, ({ id, notification }) => {
    if (notification <= lastId) return
    report(`marker ${id} is at notification ${notification}, and the last one was ${lastId}`)
  })
  eachRow(view, reports, ({ id, state, handledAt, user, post }) => {
    const say = (fault: string): void => report(`report ${id} ${fault}`)
    const name = REPORT_STATES[state] ?? ''
    if (name === '') return say(`is in state ${state}, which there is not`)
    if ((name === 'open') !== (handledAt === 0)) say(`is ${name}, and was handled at ${handledAt}`)
    const author = view.value(posts, post, 'author')
    if (post !== 0 && author !== user) say(`is of user ${user}, and of a post of user ${author}`)
  })
  eachRow(view, blockedTerms, ({ id, kind, key }) => {
    const name = TERM_KINDS[kind] ?? ''
    if (name !== '' && key.startsWith(`${name} `)) return
    report(`blocked term ${id} of kind ${kind} is found by "${key}"`)
  })
}

function eachRow<T extends AnyTable>(view: View, table: T, visit: (row: Row<T>) => void): void {
  const lastId = view.lastId(table)
  for (let id = 1; id <= lastId; id++) {
    const row = view.get(table, id)
    if (row !== undefined) visit(row)
  }
}
