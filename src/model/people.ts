// Lists of people, as one person sees them: followers and followees, who asks to follow, whom one
// has blocked or muted.
//
// Entries that the viewer may not see are left out, as shown-rows.ts tells.

import { blocks, followRequests, follows, mutes } from './schema.ts'
import { shownRows } from './shown-rows.ts'
import { arePostsVisible, hasBlocked, isActive, isUserListed } from './visibility.ts'
import type { AnyTable, View } from '../engine/view.ts'
import type { Index, NumberColumnName } from '../engine/schema.ts'
import type { RowsQuery, ShownPage } from './shown-rows.ts'

/** Rows that one page looks at. */
const ROW_COUNT_MAX = 500

export interface PeopleQuery extends RowsQuery {
  readonly user: number
  readonly viewer: number
}

type IsShown = (view: View, person: number, viewer: number) => boolean

const NOBODY: ShownPage = { ids: [], next: 0 }

/** Newest follow first. Those of a private account are for itself and its followers. */
export function followersOf(view: View, query: PeopleQuery): ShownPage {
  if (!arePostsVisible(view, query.user, query.viewer)) return NOBODY
  return peopleIn(view, follows, follows.indexes.followers, 'follower', query, isUserListed)
}

/** Newest follow first. Those of a private account are for itself and its followers. */
export function followeesOf(view: View, query: PeopleQuery): ShownPage {
  if (!arePostsVisible(view, query.user, query.viewer)) return NOBODY
  return peopleIn(view, follows, follows.indexes.following, 'followee', query, isUserListed)
}

/** Who waits for the viewer's consent, newest request first. */
export function requestersOf(view: View, query: PeopleQuery): ShownPage {
  const index = followRequests.indexes.byTarget
  return peopleIn(view, followRequests, index, 'requester', query, isUserListed)
}

/** Newest block first. */
export function blockedOf(view: View, query: PeopleQuery): ShownPage {
  return peopleIn(view, blocks, blocks.indexes.byBlocker, 'blocked', query, isAbout)
}

/** Newest mute first. */
export function mutedOf(view: View, query: PeopleQuery): ShownPage {
  return peopleIn(view, mutes, mutes.indexes.byMuter, 'muted', query, isAbout)
}

/** Whether somebody is there for the viewer, who may have blocked them. */
function isAbout(view: View, person: number, viewer: number): boolean {
  return isActive(view, person) && !hasBlocked(view, person, viewer)
}

/** The people whom that column of the rows names. */
function peopleIn<T extends AnyTable>(
  view: View,
  table: T,
  index: Index<'postings'>,
  column: NumberColumnName<T>,
  query: PeopleQuery,
  isShown: IsShown,
): ShownPage {
  return shownRows(
    view,
    { index, owner: query.user, lookCountMax: ROW_COUNT_MAX },
    query,
    (row) => view.value(table, row, column),
    (person) => isShown(view, person, query.viewer),
  )
}
