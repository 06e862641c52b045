// A word index beside plain objects, and beside another search engine: what is found, in which
// order, from which cursor on, and what is left when rows go.

import MiniSearch from 'minisearch'
import { describe, expect, it } from 'vitest'
import { checkTables } from '../../../src/engine/check.ts'
import { WordIndex } from '../../../src/engine/indexes/word-index.ts'
import { searchWords } from '../../../src/engine/indexes/word-search.ts'
import * as schema from '../../../src/engine/schema.ts'
import { queryTermsOf, termsOf } from '../../../src/engine/words.ts'
import { seededTest } from '../../support/seeded.ts'
import { SmallStore } from '../../support/small-store.ts'
import type { SearchBounds } from '../../../src/engine/indexes/word-search.ts'
import type { FoundRows, SearchTerm } from '../../../src/engine/words.ts'
import type { Random } from '../../../src/std/random.ts'

const { defineTable, flag, storedSchema, text, timeMs, words } = schema

const notes = defineTable({
  id: 1,
  name: 'notes',
  columns: { isHidden: flag(1), removedAt: timeMs(2) },
  record: { title: text(10), body: text(11) },
  indexes: {
    byBody: words('body', { unless: ['isHidden', 'removedAt'] }),
    byText: words(['title', 'body']),
    ofHidden: words('body', { onlyWith: ['isHidden'], unless: ['removedAt'] }),
  },
})
const { byBody, byText, ofHidden } = notes.indexes

const ALL = 1_000_000
const EVERY_ROW = 100_000

function openStore(): SmallStore {
  return new SmallStore(storedSchema([notes], 0))
}

function write(store: SmallStore, ...bodies: string[]): void {
  store.transact((tx) => {
    for (const body of bodies) tx.insert(notes, { body })
  })
}

function find(store: SmallStore, query: string, count = ALL, beforeId?: number): number[] {
  return store.view.search(byBody, queryTermsOf(query), count, beforeId).ids
}

/** All pages of a search; each comes further than the one before. */
function pages(
  store: SmallStore,
  terms: readonly SearchTerm[],
  count: number,
  bounds?: SearchBounds,
): FoundRows[] {
  const found: FoundRows[] = []
  for (let next = EVERY_ROW; next !== 0;) {
    const page: FoundRows =
      bounds === undefined
        ? store.view.search(byBody, terms, count, next)
        : searchWords(indexOf(store), terms, count, next, bounds)
    expect(page.next).toBeLessThan(next)
    expect(page.ids.length).toBeLessThanOrEqual(count)
    found.push(page)
    next = page.next
  }
  return found
}

function indexOf(store: SmallStore): WordIndex {
  const index = store.table(notes).index('byBody')
  if (index instanceof WordIndex) return index
  throw new Error('the table has a word index')
}

describe('a word index', () => {
  it('finds rows that have all words, newest first, by whole words and by prefixes', () => {
    const store = openStore()
    write(store, 'Sunset at the beach', 'The beach', 'sunny beaches', 'SUNSET!', '東京の夕焼け')
    expect(find(store, 'beach ')).toEqual([2, 1])
    expect(find(store, 'beach')).toEqual([3, 2, 1])
    expect(find(store, 'the sunset ')).toEqual([1])
    expect(find(store, 'sun* beach*')).toEqual([3, 1])
    expect(find(store, 'sun')).toEqual([4, 3, 1])
    expect(find(store, 'sunn')).toEqual([3])
    expect(find(store, 'sunnier')).toEqual([])
    expect(find(store, 'beach nothing ')).toEqual([])
    expect(find(store, '夕焼け')).toEqual([5])
    expect(find(store, '京')).toEqual([5])
    expect(find(store, 'け')).toEqual([5])
    expect(find(store, '焼夕')).toEqual([])
    expect(find(store, '')).toEqual([])
    expect(checkTables(store.tables)).toEqual([])
  })

  it('follows rows that change, are left out, and go', () => {
    const store = openStore()
    write(store, 'red kite', 'red fox', 'grey fox')
    store.transact((tx) => {
      tx.update(notes, 1, { body: 'red panda' })
      tx.update(notes, 2, { isHidden: true })
      tx.update(notes, 3, { removedAt: 0.5 })
    })
    expect([find(store, 'kite'), find(store, 'panda'), find(store, 'red ')]).toEqual([[], [1], [1]])
    expect(find(store, 'fox')).toEqual([])
    expect(store.view.search(ofHidden, queryTermsOf('fox'), 9).ids).toEqual([2])
    store.transact((tx) => {
      tx.update(notes, 2, { isHidden: false, title: 'A fox' })
      tx.update(notes, 3, { removedAt: 0, body: 'grey wolf' })
      tx.remove(notes, 1)
    })
    expect([find(store, 'fox'), find(store, 'grey'), find(store, 'red')]).toEqual([[2], [3], [2]])
    expect(store.view.search(ofHidden, queryTermsOf('fox'), 9).ids).toEqual([])
    const inAll = (query: string): FoundRows => store.view.search(byText, queryTermsOf(query), 9)
    expect(inAll('a red fo')).toEqual({ ids: [2], next: 0 })
    expect(inAll('foxred')).toEqual({ ids: [], next: 0 })
    expect(checkTables(store.tables)).toEqual([])
  })

  it('is as it was after a transaction that throws, down to the last word', () => {
    const store = openStore()
    write(store, 'red kite', 'red fox')
    const index = indexOf(store)
    const before = index.dictionary.count
    const fail = (): void =>
      store.transact((tx) => {
        tx.insert(notes, { body: 'blue whale' })
        tx.update(notes, 1, { body: 'green kite' })
        tx.remove(notes, 2)
        expect(tx.search(byBody, queryTermsOf('green'), 9).ids).toEqual([1])
        expect(tx.search(byBody, queryTermsOf('fox'), 9).ids).toEqual([])
        throw new Error('no')
      })
    expect(fail).toThrow('no')
    expect(index.dictionary.count).toBe(before)
    expect([find(store, 'whale'), find(store, 'green'), find(store, 'fox')]).toEqual([[], [], [2]])
    expect(checkTables(store.tables)).toEqual([])
  })

  it('keeps nothing of words that no row has, and uses their place again', () => {
    const store = openStore()
    write(store, 'passion fruit', 'secret recipe of my grandmother')
    const { dictionary } = indexOf(store)
    const { highest } = dictionary
    for (let turn = 0; turn < 5; turn++) {
      store.transact((tx) => tx.remove(notes, turn === 0 ? 2 : turn + 2))
      expect(dictionary.find('grandmother')).toBe(0)
      expect(dictionary.find('gra*')).toBe(0)
      const { bytes } = store.memory.region('1/index/byBody/texts', 0)
      expect(bytes.includes('grandmother')).toBe(false)
      write(store, `secret recipe of my grandmother`)
      expect(dictionary.highest).toBe(highest)
    }
    expect(checkTables(store.tables)).toEqual([])
    store.transact((tx) => [1, 7].map((row) => tx.remove(notes, row)))
    expect(dictionary.count).toBe(0)
  })

  it('stands for thousands of words by a prefix, exactly, and says where to go on', () => {
    const store = openStore()
    for (let row = 0; row < 4000; row++) {
      write(store, row % 5 === 0 ? `word${row} even` : `other thing ${row % 2 === 0 ? 'even' : ''}`)
    }
    const expected = Array.from({ length: 800 }, (_, index) => 3996 - index * 5)
    // 800 words are searched all at once, 4,000 and more row by row.
    for (const prefix of ['word', 'wo', 'w']) {
      const found = pages(store, [{ term: prefix, isPrefix: true }], 300)
      expect(found.flatMap(({ ids }) => ids)).toEqual(expected)
    }
    for (let row = 0; row < 1000; row++) write(store, `woo${row}`)
    const common = pages(store, [{ term: 'wo', isPrefix: true }], 7)
    const newer = Array.from({ length: 1000 }, (_, index) => 5000 - index)
    expect(common.flatMap(({ ids }) => ids)).toEqual([...newer, ...expected])
    const terms = [
      { term: 'even', isPrefix: false },
      { term: 'wo', isPrefix: true },
    ]
    expect(pages(store, terms, 50).flatMap(({ ids }) => ids)).toEqual(expected)
    // Nothing to be found: pages without a row, each a bounded piece of the way.
    const nothing = pages(store, [{ term: 'wo', isPrefix: true }, terms[0]!, NOWHERE], 50)
    expect(nothing).toEqual([{ ids: [], next: 0 }])
  })

  it('ends a long search with a cursor, and comes to the same in the end', () => {
    const store = openStore()
    const count = 3000
    // Two common words that are hardly ever together.
    const bodies = Array.from({ length: count * 15 }, (_, row) =>
      row % 1000 === 7 ? 'left right' : row % 2 === 0 ? 'left' : 'right',
    )
    write(store, ...bodies)
    const found = pages(store, queryTermsOf('left right '), 20)
    expect(found.length).toBeGreaterThan(2)
    const expected = bodies.flatMap((body, at) => (body === 'left right' ? [at + 1] : []))
    expect(found.flatMap(({ ids }) => ids)).toEqual(expected.toReversed())
  })
})

const NOWHERE = { term: 'nowhere', isPrefix: false }
const SYLLABLES = ['sun', 'set', 'mo', 'on', 'ra', 'in', 'é', 'bow', '海', '東京', '駅', '7']

function wordOf(random: Random): string {
  return Array.from({ length: random.between(1, 3) }, () => random.pick(SYLLABLES)).join('')
}

function bodyOf(random: Random): string {
  return Array.from({ length: random.below(7) }, () => wordOf(random)).join(' ')
}

function queryOf(random: Random): string {
  const query = Array.from({ length: random.between(1, 3) }, () => wordOf(random)).join(' ')
  return query.slice(0, random.between(1, query.length)) + (random.once(2) ? ' ' : '')
}

/** One random change of a few rows, in the store and in plain texts by row. */
function change(store: SmallStore, random: Random, bodies: Map<number, string>): void {
  const isUndone = random.once(5)
  const after = new Map(bodies)
  try {
    store.transact((tx) => {
      for (let step = random.between(1, 6); step > 0; step--) {
        const row = random.between(1, tx.lastId(notes) + 1)
        const body = bodyOf(random)
        if (!tx.has(notes, row)) {
          const isHidden = random.once(6)
          const added = tx.insert(notes, { body, isHidden })
          if (!isHidden) after.set(added, body)
        } else if (random.once(3)) {
          tx.remove(notes, row)
          after.delete(row)
        } else if (random.once(4)) {
          const isHidden = tx.value(notes, row, 'isHidden') === 0
          tx.update(notes, row, { isHidden })
          if (isHidden) after.delete(row)
          else after.set(row, tx.get(notes, row)!.body)
        } else {
          tx.update(notes, row, { body })
          if (after.has(row)) after.set(row, body)
        }
      }
      if (isUndone) throw new Error('undone')
    })
  } catch (error) {
    if ((error as Error).message !== 'undone') throw error
    return
  }
  bodies.clear()
  for (const [row, body] of after) bodies.set(row, body)
}

function someBounds(random: Random): SearchBounds {
  return {
    stepCountMax: random.pick([0, 3, 30, 300]),
    prefixTermCountMax: random.pick([0, 1, 4, 1000]),
    prefixScanCountMax: random.pick([0, 5, 1000]),
  }
}

function hasAll(body: string, terms: readonly SearchTerm[]): boolean {
  const own = [...termsOf(body)]
  return terms.every(({ term, isPrefix }) =>
    own.some((other) => (isPrefix ? other.startsWith(term) : other === term)),
  )
}

seededTest('random rows are found as among plain objects, page by page', (random) => {
  const store = openStore()
  const bodies = new Map<number, string>()
  for (let turn = 0; turn < 120; turn++) {
    change(store, random, bodies)
    if (turn % 6 !== 0) continue
    const sorted = [...bodies].toSorted(([one], [other]) => other - one)
    for (let count = 0; count < 20; count++) {
      const terms = queryTermsOf(queryOf(random))
      const expected = sorted.flatMap(([row, body]) => (hasAll(body, terms) ? [row] : []))
      if (terms.length === 0) continue
      // However little work a search may do, all pages together come to the same.
      for (const bounds of [undefined, someBounds(random)]) {
        const found = pages(store, terms, random.between(1, 5), bounds)
        const ids = found.flatMap((page) => page.ids)
        expect(ids, JSON.stringify({ terms, bounds })).toEqual(expected)
      }
    }
    expect(checkTables(store.tables)).toEqual([])
  }
  const replica = openStore()
  store.replayInto(replica)
  expect(checkTables(replica.tables)).toEqual([])
  for (const query of SYLLABLES) expect(find(replica, query)).toEqual(find(store, query))
})

seededTest('random rows are found as by another search engine', (random) => {
  const store = openStore()
  const other = new MiniSearch<{ id: number; body: string }>({
    fields: ['body'],
    tokenize: (body) => [...termsOf(body)],
    processTerm: (term) => term,
  })
  for (let id = 1; id <= 300; id++) {
    const body = bodyOf(random)
    write(store, body)
    other.add({ id, body })
  }
  for (let count = 0; count < 200; count++) {
    const terms = queryTermsOf(queryOf(random))
    if (terms.length === 0) continue
    const found = other.search({
      combineWith: 'AND',
      queries: terms.map(({ term, isPrefix }) => ({
        queries: [term],
        tokenize: (whole: string) => [whole],
        prefix: isPrefix,
      })),
    })
    const expected = found.map(({ id }) => id as number).toSorted((a, b) => b - a)
    expect(store.view.search(byBody, terms, ALL).ids).toEqual(expected)
  }
})
