// Revisions: what a post or comment said before it was edited. The row of the post has what it says
// now; each edit that changes the text puts what it replaces here, with the time at which that was
// written.
//
//   revisions      posts
//   "Sae" 12:00 ◀─ "Sea" editedAt 12:01
//
// Whoever sees a post sees its history: an edit is no way to make people have answered to something
// that was never said. What must not be seen any more is deleted, and then its history is, too.
// REVISION_COUNT_MAX are kept, and the oldest go.

import { REVISION_COUNT_MAX } from './limits.ts'
import { posts, revisions } from './schema.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'

export interface Version {
  readonly caption: string
  /** Milliseconds since 1970. */
  readonly writtenAt: number
}

/** Part of an edit, before it: keeps what the post says. */
export function keepRevision(tx: Transaction, post: number): void {
  const { caption, media, publishedAt, editedAt, revisions: count } = tx.get(posts, post)!
  if (count >= REVISION_COUNT_MAX) {
    const [oldest] = tx.after(revisions.indexes.byPost, post, 0, 1)
    tx.remove(revisions, oldest!)
  }
  tx.insert(revisions, { post, caption, media, createdAt: editedAt || publishedAt })
}

/** What a post says and has said, newest first: all that is kept of it. */
export function versionsOf(view: View, post: number): Version[] {
  const row = view.get(posts, post)
  if (row === undefined) return []
  const { caption, editedAt, publishedAt } = row
  const earlier = view.newest(revisions.indexes.byPost, post, REVISION_COUNT_MAX)
  return [
    { caption, writtenAt: editedAt || publishedAt },
    ...view.getMany(revisions, earlier).map((revision) => ({
      caption: revision.caption,
      writtenAt: revision.createdAt,
    })),
  ]
}

/** Part of deleting a post. Returns how many rows it has removed. */
export function removeRevisions(tx: Transaction, post: number): number {
  const rows = tx.newest(revisions.indexes.byPost, post, REVISION_COUNT_MAX)
  for (const row of rows) tx.remove(revisions, row)
  return rows.length
}
