// What the tests of evolution begin with: tables and rows of a first program, and how a newer
// one is refused.

import { expect } from 'vitest'
import { defineTable, flag, number, reference, text } from '../../src/engine/schema.ts'
import { EvolvingStore } from './evolving-store.ts'

export const users = defineTable({
  id: 1,
  name: 'users',
  columns: { age: number(1) },
  record: { handle: text(10), bio: text(11) },
})
export const posts = defineTable({
  id: 2,
  name: 'posts',
  columns: { author: reference(1, 'users'), hidden: flag(2) },
  record: { caption: text(10) },
})

/** Three users and two posts, written by the first program. */
export function old(): EvolvingStore {
  const store = new EvolvingStore().boot([users, posts])
  store.transact((tx) => {
    for (const handle of ['aki', 'ben', 'chi'])
      tx.insert(users, { handle, age: 20, bio: `I am ${handle}` })
    tx.insert(posts, { author: 1, caption: 'one' })
    tx.insert(posts, { author: 1, caption: 'two', hidden: true })
  })
  return store
}

/** The sentence with which `run` is refused: SCHEMA_CONFLICT, with advice. */
export function refusal(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    const { code, message, advice } = error as { code?: string; message: string; advice?: string }
    expect(code).toBe('SCHEMA_CONFLICT')
    expect(advice).toBeDefined()
    return message
  }
  throw new Error('it was not refused')
}
