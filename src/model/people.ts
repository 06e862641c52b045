// Lists of people, as one person sees them: followers and followees, who asks to follow, whom one
// has blocked or muted.
//
// Entries that the viewer may not see are left out, so a page may be shorter than asked for; its
// cursor is the last row that was looked at, and the next page goes on behind it, whatever was
// added or removed meanwhile. A page looks at ROW_COUNT_MAX rows at most: one that found nothing in
// them is empty and has a cursor all the same.

import { blocks, followRequests, follows, mutes } from './schema.ts'
import { arePostsVisible, hasBlocked, isActive, isUserListed } from './visibility.ts'
import type { Index } from '../engine/schema.ts'
import type { View } from '../engine/view.ts'

/** Rows that one page looks at. */
const ROW_COUNT_MAX = 500

export interface PeoplePage {
  readonly people: readonly number[]
  /** `before` of the next page; 0 on the last. */
  readonly next: number
}

export interface PeopleQuery {
  readonly user: number
  readonly viewer: number
  readonly count: number
  /** The row at which the page before ended. */
  readonly before?: number | undefined
}

const NOBODY: PeoplePage = { people: [], next: 0 }

/** Newest follow first. Those of a private account are for itself and its followers. */
export function followersOf(view: View, query: PeopleQuery): PeoplePage {
  if (!arePostsVisible(view, query.user, query.viewer)) return NOBODY
  const { viewer } = query
  const personOf = (row: number): number => view.value(follows, row, 'follower')
  const isShown = (person: number): boolean => isUserListed(view, person, viewer)
  return pageOf(view, follows.indexes.followers, query, personOf, isShown)
}

/** Newest follow first. Those of a private account are for itself and its followers. */
export function followeesOf(view: View, query: PeopleQuery): PeoplePage {
  if (!arePostsVisible(view, query.user, query.viewer)) return NOBODY
  const { viewer } = query
  const personOf = (row: number): number => view.value(follows, row, 'followee')
  const isShown = (person: number): boolean => isUserListed(view, person, viewer)
  return pageOf(view, follows.indexes.following, query, personOf, isShown)
}

/** Who waits for the viewer's consent, newest request first. */
export function requestersOf(view: View, query: PeopleQuery): PeoplePage {
  const { viewer } = query
  const personOf = (row: number): number => view.value(followRequests, row, 'requester')
  const isShown = (person: number): boolean => isUserListed(view, person, viewer)
  return pageOf(view, followRequests.indexes.byTarget, query, personOf, isShown)
}

/** Newest block first. */
export function blockedOf(view: View, query: PeopleQuery): PeoplePage {
  const { viewer } = query
  const personOf = (row: number): number => view.value(blocks, row, 'blocked')
  const isShown = (person: number): boolean => isAbout(view, person, viewer)
  return pageOf(view, blocks.indexes.byBlocker, query, personOf, isShown)
}

/** Newest mute first. */
export function mutedOf(view: View, query: PeopleQuery): PeoplePage {
  const { viewer } = query
  const personOf = (row: number): number => view.value(mutes, row, 'muted')
  const isShown = (person: number): boolean => isAbout(view, person, viewer)
  return pageOf(view, mutes.indexes.byMuter, query, personOf, isShown)
}

/** Whether somebody is there for the viewer, who may have blocked them. */
function isAbout(view: View, person: number, viewer: number): boolean {
  return isActive(view, person) && !hasBlocked(view, person, viewer)
}

function pageOf(
  view: View,
  index: Index<'postings'>,
  { user, count, before }: PeopleQuery,
  personOf: (row: number) => number,
  isShown: (person: number) => boolean,
): PeoplePage {
  const people: number[] = []
  let cursor = before
  for (let looked = 0; looked < ROW_COUNT_MAX; looked += count) {
    // One row more tells whether there are more.
    const rows = view.newest(index, user, count + 1, cursor)
    for (const [at, row] of rows.slice(0, count).entries()) {
      cursor = row
      const person = personOf(row)
      if (isShown(person)) people.push(person)
      if (people.length === count) return { people, next: at + 1 < rows.length ? row : 0 }
    }
    if (rows.length <= count) return { people, next: 0 }
  }
  return { people, next: cursor ?? 0 }
}
