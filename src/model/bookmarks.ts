// Bookmarks: posts and comments that a user wants to find again. They are the user's alone: nobody
// is told, nothing is counted. Bookmarking twice, and taking back what is no bookmark, are fine and
// change nothing.
//
// A bookmark of what its user may not see any more stays, and is not shown; should that come back,
// so does the bookmark.

import { Refusal } from './refusal.ts'
import { bookmarks } from './schema.ts'
import { shownRows } from './shown-rows.ts'
import { demandReachable, demandVisible, isActive, isListed } from './visibility.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'
import type { RowsQuery, ShownPage } from './shown-rows.ts'

export interface Bookmark {
  readonly user: number
  readonly post: number
}

/** Refuses with USER_NOT_FOUND, POST_NOT_FOUND. */
export function addBookmark(tx: Transaction, { user, post }: Bookmark): void {
  if (!isActive(tx, user)) throw new Refusal('USER_NOT_FOUND')
  demandReachable(tx, post, user)
  if (!isBookmarked(tx, user, post)) tx.insert(bookmarks, { user, post, createdAt: tx.now })
}

/** Refuses with POST_NOT_FOUND. */
export function removeBookmark(tx: Transaction, { user, post }: Bookmark): void {
  demandVisible(tx, post, user)
  const row = tx.findPair(bookmarks.indexes.byPair, user, post)
  if (row !== 0) tx.remove(bookmarks, row)
}

export function isBookmarked(view: View, user: number, post: number): boolean {
  return view.findPair(bookmarks.indexes.byPair, user, post) !== 0
}

/** Posts and comments that the user has bookmarked and still sees, newest bookmark first. */
export function bookmarkedBy(view: View, user: number, query: RowsQuery): ShownPage {
  return shownRows(
    view,
    { index: bookmarks.indexes.byUser, owner: user },
    query,
    (row) => view.value(bookmarks, row, 'post'),
    (post) => isListed(view, post, user),
  )
}
