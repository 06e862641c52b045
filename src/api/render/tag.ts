// How a tag looks in an answer: alone, and among those that are trending.

import { Type } from 'typebox'
import { assert } from '../../std/assert.ts'
import { tags } from '../../model/schema.ts'
import type { Rendering } from './fragments.ts'

export const TagBody = Type.Object({
  /** As it was first written, without "#". */
  name: Type.String(),
  /** How many posts have it. */
  posts: Type.Integer(),
})

export const TrendingTagBody = Type.Object({
  ...TagBody.properties,
  /** Of late: how many people used it, and in how many posts. */
  recent: Type.Object({ people: Type.Integer(), posts: Type.Integer() }),
})

export function renderTag({ view }: Rendering, tag: number): string {
  const row = view.get(tags, tag)
  assert(row !== undefined, 'a tag that is shown exists')
  return JSON.stringify({ name: row.name, posts: row.posts })
}

/** A tag with what it is used for of late. */
export function renderTrendingTag(
  rendering: Rendering,
  { tag, people, posts }: { readonly tag: number; readonly people: number; readonly posts: number },
): string {
  const recent = JSON.stringify({ people, posts })
  return `${renderTag(rendering, tag).slice(0, -1)},"recent":${recent}}`
}
