// Mentions: the users whom a text names by their handles (caption-tokens.ts), as ids, so that they
// stay who they are. A post and a comment keep them in the order of the text, each once, the first
// MENTION_COUNT_MAX; whoever is further behind is named in plain text only.
//
// Who does not exist, is suspended, or is on the other side of a block is not mentioned: the text
// says the same, nothing leads to them and nobody is told.

import { tokensOf } from './caption-tokens.ts'
import { MENTION_COUNT_MAX } from './limits.ts'
import { userOfHandle } from './users.ts'
import { isUserListed } from './visibility.ts'
import type { View } from '../engine/view.ts'

/** Ids of those whom a text of that author mentions, the author perhaps among them. */
export function mentionsIn(view: View, text: string, author: number): number[] {
  const mentioned = new Set<number>()
  for (const token of tokensOf(text)) {
    if (token.kind !== 'mention') continue
    const user = userOfHandle(view, token.handle)
    if (user === 0 || !isUserListed(view, user, author)) continue
    mentioned.add(user)
    if (mentioned.size === MENTION_COUNT_MAX) break
  }
  return [...mentioned]
}
