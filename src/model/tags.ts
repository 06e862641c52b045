// Tags: what posts are found by. A row of `tags` for each that some post has, a row of `taggings`
// for each post and tag of it. Only posts that start a thread have tags; a hashtag in a comment is
// marked up and no more.
//
// A tag is in the table as long as a post has it, whoever may see that post: how many posts a tag
// counts tells of no post, but whatever lists tags shows those of posts that its viewer sees.
//
// Taggings follow the caption: an edit adds and removes rows, a deletion removes all of them. There
// are TAG_COUNT_MAX at most, so all of it is bounded.

import { tokensOf } from './caption-tokens.ts'
import { TAG_COUNT_MAX } from './limits.ts'
import { taggings, tags } from './schema.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'

export interface NamedTag {
  /** As the text has it first. */
  readonly name: string
  readonly key: string
}

/** The tags that a text gives a post, in its order, each once. */
export function tagsIn(text: string): NamedTag[] {
  const found = new Map<string, NamedTag>()
  for (const token of tokensOf(text)) {
    if (token.kind !== 'hashtag' || found.has(token.key)) continue
    found.set(token.key, { name: token.name, key: token.key })
    if (found.size === TAG_COUNT_MAX) break
  }
  return [...found.values()]
}

/** Part of publishing and editing a post: it has the tags of that text and no others. */
export function tagPost(tx: Transaction, post: number, text: string): void {
  const wanted = new Map(tagsIn(text).map((tag) => [tag.key, tag.name]))
  for (const row of taggingsOf(tx, post)) {
    const key = tx.get(tags, tx.value(taggings, row, 'tag'))!.key
    if (!wanted.delete(key)) removeTagging(tx, row)
  }
  for (const [key, name] of wanted) {
    const known = tx.find(tags.indexes.byKey, key)
    const tag = known === 0 ? tx.insert(tags, { name, key, createdAt: tx.now }) : known
    tx.insert(taggings, { tag, post })
  }
}

/** Part of deleting a post. Returns how many rows it has removed. */
export function untagPost(tx: Transaction, post: number): number {
  const rows = taggingsOf(tx, post)
  for (const row of rows) removeTagging(tx, row)
  return rows.length
}

function taggingsOf(view: View, post: number): number[] {
  return view.newest(taggings.indexes.byPost, post, TAG_COUNT_MAX)
}

function removeTagging(tx: Transaction, row: number): void {
  const tag = tx.value(taggings, row, 'tag')
  tx.remove(taggings, row)
  if (tx.value(tags, tag, 'posts') === 0) tx.remove(tags, tag)
}
