// How data that one program wrote meets the tables that another declares: every row of the essay in
// evolution.ts.

import { describe, expect, it } from 'vitest'
import { checkTables } from '../../src/engine/check.ts'
import { WordIndex } from '../../src/engine/indexes/word-index.ts'
import * as schema from '../../src/engine/schema.ts'
import { EvolvingStore } from '../support/evolving-store.ts'
import { old, posts, refusal, users } from '../support/first-program.ts'
import type { Migration } from '../../src/engine/evolution.ts'
import type { AnyTable } from '../../src/engine/view.ts'

const { counter, defineTable, flag, list, number, pair, postings, reference, text, unique } = schema
const { words } = schema

describe('what is added just works:', () => {
  it('a table', () => {
    const tags = defineTable({ id: 5, name: 'tags', columns: { user: reference(1, 'users') } })
    const store = old().boot([users, posts, tags])
    expect(store.transact((tx) => tx.insert(tags, { user: 3 }))).toBe(1)
    store.demandSound()
  })

  it('columns and record fields, empty in old rows and free to be written', () => {
    const now = defineTable({
      id: 1,
      name: 'users',
      columns: { score: number(5), age: number(1) },
      record: { handle: text(10), bio: text(11), tags: list<string>(3) },
    })
    const store = old().boot([now, posts])
    expect(store.view.get(now, 2)).toEqual({
      id: 2,
      score: 0,
      age: 20,
      handle: 'ben',
      bio: 'I am ben',
      tags: [],
    })
    store.transact((tx) => tx.update(now, 2, { tags: ['x'] }))
    store.transact((tx) => tx.insert(now, { handle: 'dan', tags: ['y'], score: 4 }))
    expect(store.view.get(now, 2)).toMatchObject({ tags: ['x'], bio: 'I am ben' })
    expect(store.view.get(now, 3)).toMatchObject({ tags: [], bio: 'I am chi' })
    store.demandSound()
  })

  it('the first record field of a table that had columns alone, and an undone write of it', () => {
    const before = defineTable({ id: 7, name: 'marks', columns: { size: number(1) } })
    const after = defineTable({
      id: 7,
      name: 'marks',
      columns: { size: number(1) },
      record: { note: text(2), tags: list<string>(3) },
      indexes: { byNote: unique('note') },
    })
    const store = new EvolvingStore().boot([before])
    store.transact((tx) => [1, 2, 3].map((size) => tx.insert(before, { size })))
    store.boot([after])
    expect(store.view.getMany(after, [1, 2])).toEqual([
      { id: 1, size: 1, note: '', tags: [] },
      { id: 2, size: 2, note: '', tags: [] },
    ])
    const fail = (): void =>
      store.transact((tx) => {
        tx.update(after, 1, { note: 'first' })
        throw new Error('no')
      })
    expect(fail).toThrow('no')
    store.demandSound()
    store.transact((tx) => [tx.update(after, 1, { note: 'first' }), tx.remove(after, 2)])
    expect(store.view.get(after, 1)).toEqual({ id: 1, size: 1, note: 'first', tags: [] })
    store.demandSound()
  })

  it('an index of each kind, and counters, filled from the rows', () => {
    const now = defineTable({
      id: 1,
      name: 'users',
      columns: {
        age: number(1),
        posts: counter(2, { table: 'posts', by: 'author', unless: ['hidden'] }),
      },
      record: { handle: text(10), bio: text(11) },
      indexes: { byHandle: unique('handle') },
    })
    const nowPosts = defineTable({
      id: 2,
      name: 'posts',
      columns: { author: reference(1, 'users'), hidden: flag(2), replyTo: reference(3, 'posts') },
      record: { caption: text(10) },
      indexes: { byAuthor: postings('author'), byPair: pair('author', 'replyTo') },
    })
    const store = old().boot([now, nowPosts])
    expect(store.view.find(now.indexes.byHandle, 'ben')).toBe(2)
    expect(store.view.newest(nowPosts.indexes.byAuthor, 1, 5)).toEqual([2, 1])
    expect(store.view.value(now, 1, 'posts')).toBe(1)
    store.transact((tx) => tx.update(nowPosts, 2, { hidden: false, replyTo: 1 }))
    expect(store.view.value(now, 1, 'posts')).toBe(2)
    expect(store.view.findPair(nowPosts.indexes.byPair, 1, 1)).toBe(2)
    store.demandSound()
    // Another condition: the counter and the index mean something else and are made anew.
    const again = defineTable({
      id: 1,
      name: 'users',
      indexes: { byHandle: unique('bio') },
      columns: {
        age: number(1),
        posts: counter(2, { table: 'posts', by: 'author', unless: ['replyTo'] }),
      },
      record: { handle: text(10), bio: text(11) },
    })
    store.boot([again, nowPosts])
    expect(store.view.value(again, 1, 'posts')).toBe(1)
    expect(store.view.find(again.indexes.byHandle, 'I am ben')).toBe(2)
    // Removed: derived things may go.
    store.boot([users, posts_(reference(3, 'posts'))])
  })

  it('an index of words, made anew under other rules of what a word is', () => {
    const searched = defineTable({
      id: 1,
      name: 'users',
      columns: { age: number(1) },
      record: { handle: text(10), bio: text(11) },
      indexes: { byWords: words(['handle', 'bio']) },
    })
    const { byWords } = searched.indexes
    const found = (store: EvolvingStore, term: string): number[] =>
      store.view.search(byWords, [{ term, isPrefix: false }], 9).ids
    const otherRules = {
      ...searched,
      stored: {
        ...searched.stored,
        indexes: searched.stored.indexes.map((index) => ({ ...index, rules: '0, Unicode 3.1' })),
      },
    }
    const store = old().boot([otherRules, posts])
    expect([found(store, 'am'), found(store, 'ben')]).toEqual([[3, 2, 1], [2]])
    // As if other rules had made other words of a text.
    const index = store.table(searched).index('byWords')
    if (!(index instanceof WordIndex)) throw new Error('the index is one of words')
    index.lists.remove(index.dictionary.find('am'), 2)
    store.transact((tx) => tx.update(searched, 2, { bio: 'I was ben' }))
    expect(checkTables(store.tables)).toEqual([])
    store.boot([searched, posts])
    expect([found(store, 'am'), found(store, 'was')]).toEqual([[3, 1], [2]])
    store.boot([users, posts])
    store.boot([searched, posts])
    expect(found(store, 'ben')).toEqual([2])
  })

  it('but a unique index is refused while two rows have the same key', () => {
    const now = defineTable({
      id: 1,
      name: 'users',
      columns: { age: number(1) },
      record: { handle: text(10), bio: text(11) },
      indexes: { byAge: unique('age') },
    })
    expect(refusal(() => old().boot([now, posts]))).toBe(
      'index users.byAge cannot be built: rows 1 and 2 have the same key',
    )
    const ages: Migration = {
      number: 1,
      name: 'spread ages',
      run: (tx) => [1, 2, 3].forEach((row) => tx.update(now, row, { age: row })),
    }
    const store = old().boot([now, posts], [ages])
    expect(store.view.find(now.indexes.byAge, 3)).toBe(3)
  })
})

function posts_(replyTo: ReturnType<typeof reference>): AnyTable {
  return defineTable({
    id: 2,
    name: 'posts',
    columns: { author: reference(1, 'users'), hidden: flag(2), replyTo },
    record: { caption: text(10) },
  })
}

describe('what is renamed keeps its values:', () => {
  it('tables, columns, record fields, and what counts and lists by them', () => {
    const before = defineTable({
      id: 1,
      name: 'users',
      columns: { age: number(1), posts: counter(2, { table: 'posts', by: 'author' }) },
      record: { handle: text(10), bio: text(11) },
      indexes: { byHandle: unique('handle') },
    })
    const store = old().boot([before, posts])
    const members = defineTable({
      id: 1,
      name: 'members',
      columns: { years: number(1), works: counter(2, { table: 'works', by: 'maker' }) },
      record: { nick: text(10), about: text(11) },
      indexes: { byHandle: unique('nick') },
    })
    const works = defineTable({
      id: 2,
      name: 'works',
      record: { title: text(10) },
      columns: { maker: reference(1, 'members'), hidden: flag(2) },
    })
    store.boot([members, works])
    expect(store.view.get(members, 1)).toEqual({
      id: 1,
      years: 20,
      works: 2,
      nick: 'aki',
      about: 'I am aki',
    })
    store.transact((tx) => [tx.remove(works, 1), tx.update(members, 1, { nick: 'ako' })])
    expect(store.view.value(members, 1, 'works')).toBe(1)
    expect(store.view.find(members.indexes.byHandle, 'ako')).toBe(1)
    store.demandSound()
  })

  it('two fields that swap their names', () => {
    const swapped = defineTable({
      id: 1,
      name: 'users',
      columns: { age: number(1) },
      record: { bio: text(10), handle: text(11) },
    })
    const store = old().boot([swapped, posts])
    expect(store.view.get(swapped, 1)).toMatchObject({ bio: 'aki', handle: 'I am aki' })
  })
})
