// Every sentence of check, provoked by changing memory behind the tables' backs: a check that
// cannot fail checks nothing.

import { describe, expect, it } from 'vitest'
import { checkTables } from '../../src/engine/check.ts'
import { HashTable } from '../../src/engine/indexes/hash-table.ts'
import { TermDictionary } from '../../src/engine/indexes/term-dictionary.ts'
import { Arena } from '../../src/engine/memory/arena.ts'
import { PostingLists } from '../../src/engine/posting-lists.ts'
import { Column } from '../../src/engine/memory/column.ts'
import { STORE_ID, SmallStore, likes, people, posts } from '../support/small-store.ts'
import type { ColumnWidth } from '../../src/engine/memory/column.ts'

/** People 1 and 2 (3 removed), posts 1 to 3 by person 1, two replies to post 1, a like. */
function filled(): SmallStore {
  const store = new SmallStore()
  store.transact((tx) => {
    tx.insert(people, { handle: 'aki', badge: 1 })
    tx.insert(people, { handle: 'ben', badge: 2, referrer: 1 })
    tx.insert(people, { handle: 'chi', badge: 3 })
    tx.insert(posts, { author: 1, caption: 'one' })
    tx.insert(posts, { author: 1, parent: 1, caption: 'two' })
    tx.insert(posts, { author: 1, parent: 1, caption: 'three' })
    tx.insert(likes, { user: 2, post: 1 })
    tx.remove(people, 3)
  })
  return store
}

function column(store: SmallStore, key: string, width: ColumnWidth = 4): Column {
  expect(store.memory.has(key)).toBe(true)
  return new Column(store.memory.region(key, 0), width)
}

/** The last id, the count of rows of a table, in the region that all tables share. */
function header(
  store: SmallStore,
  table: { readonly id: number },
  word: number,
  value: number,
): void {
  column(store, 'tables').set(table.id * 4 + word, value)
}

function words(store: SmallStore, key: string): Uint32Array {
  return new Uint32Array(store.memory.region(key, 0).shared, 0, 4096)
}

function lists(store: SmallStore, key: string): PostingLists {
  return new PostingLists(column(store, `${key}/heads`), column(store, `${key}/pages`))
}

function hashes(store: SmallStore, key: string): HashTable {
  return new HashTable(column(store, `${key}/directory`), column(store, `${key}/segments`))
}

/** Hash of a row's entry in a hash index. */
function hashOf(store: SmallStore, key: string, wanted: number): number {
  let found = 0
  hashes(store, key).check((hash, row) => (found = row === wanted ? hash : found))
  return found
}

/** The dictionary of a word index; only of use with terms that it has. */
function dictionary(store: SmallStore, key: string): TermDictionary {
  const texts = new Arena(store.memory.region(`${key}/texts`, 0))
  return new TermDictionary(hashes(store, key), column(store, `${key}/terms`), texts, SEED)
}

/** The number of a term of post captions. */
function termOf(store: SmallStore, term: string): number {
  const number = dictionary(store, byWords).find(term)
  expect(number).toBeGreaterThan(0)
  return number
}

const SEED = Number.parseInt(STORE_ID.slice(0, 8), 16)
const byWords = '2/index/byWords'
const byBadge = '1/index/byBadge'
const byPair = '3/index/byPair'
const replies = '2/index/replies'

const damages: [string, (store: SmallStore) => void, string][] = [
  ['a row count', (s) => header(s, people, 1, 7), 'table people: it claims 7 rows and has 2'],
  [
    'a last id that is too low',
    (s) => header(s, posts, 0, 2),
    'table posts: row 3 exists, the highest id given out is 2',
  ],
  ['row 0', (s) => column(s, '3/versions').set(0, 1), 'table likes: row 0 exists'],
  [
    'a row that lost its version',
    (s) => column(s, '2/versions').set(2, 0),
    'table posts: removed row 2 still has a record',
  ],
  [
    'a column of a removed row',
    (s) => column(s, '1/column/1').set(3, 9),
    'table people: removed row 3 still has a value in age',
  ],
  [
    'a reference to a row that never was',
    (s) => column(s, '2/column/1').set(1, 99),
    'table posts: row 1: author is 99, the highest id there is 3',
  ],
  [
    'two rows with one record',
    (s) => column(s, '2/references').set(2, column(s, '2/references').get(1)),
    `table posts: row 2: its record at 1024 is no block of its own`,
  ],
  [
    'a record reference into the void',
    (s) => column(s, '2/references').set(2, 9_999_999),
    'table posts: row 2: its record at 79999992 is no block of its own',
  ],
  [
    'a record without a row',
    (s) => column(s, '2/references').set(2, 0),
    'table posts: 1 records belong to no row',
  ],
  [
    'a record that cannot be read',
    (s) => s.table(posts).arena!.bytes.fill(0xc1, 1028, 1030),
    'table posts: row 1: its record cannot be read: ',
  ],
  [
    'an index whose keys cannot be read',
    (s) => s.table(people).arena!.bytes.fill(0xc1, 1028, 1030),
    'index people.byHandle: it cannot be compared with the rows: ',
  ],
  [
    'an arena that is out of step',
    (s) => (words(s, '2/arena')[256] = 0xffff),
    'table posts: its records are damaged: ',
  ],
  [
    'a hash index that lacks a row',
    (s) => hashes(s, byBadge).remove(hashOf(s, byBadge, 2), 2),
    'index people.byBadge: row 2 is missing',
  ],
  [
    'a hash index that lacks a row, in its count',
    (s) => hashes(s, byBadge).remove(hashOf(s, byBadge, 2), 2),
    'index people.byBadge: it claims 1 entries, the rows make 2',
  ],
  [
    'a hash index that names a removed row',
    (s) => hashes(s, byBadge).add(77, 3),
    'index people.byBadge: it names row 3, which does not exist',
  ],
  [
    'a hash index that names a row under a foreign hash',
    (s) => hashes(s, byPair).add(77, 1),
    "index likes.byPair: it names row 1 under another key's hash",
  ],
  [
    'two rows with one key',
    (s) => {
      const hash = hashOf(s, byBadge, 1)
      hashes(s, byBadge).remove(hashOf(s, byBadge, 2), 2)
      hashes(s, byBadge).add(hash, 2)
      column(s, '1/column/6').set(2, 1)
    },
    'index people.byBadge: row 2 has the same key as row 1',
  ],
  [
    'a hash table that miscounts',
    (s) => column(s, `${byPair}/directory`).set(2, 5),
    'index likes.byPair: the table claims 5 entries and holds 1',
  ],
  [
    'a list that lacks a row',
    (s) => lists(s, replies).remove(1, 3),
    'index posts.replies: its lists hold 1 rows, the rows make 2',
  ],
  [
    'a list that names a row which does not exist',
    (s) => lists(s, '1/index/byReferrer').append(1, 3),
    'index people.byReferrer: list 1 names row 3, which does not exist',
  ],
  [
    'a list that names the row of another owner',
    (s) => lists(s, replies).append(2, 3),
    'index posts.replies: list 2 names row 3 of another owner',
  ],
  [
    'a row that should not be listed',
    (s) => column(s, '2/column/3', 8).set(1, 5),
    'index posts.byAuthor: list 1 names row 1 of another owner',
  ],
  [
    'a list whose page is broken',
    (s) => column(s, `${replies}/pages`).set(17, 0),
    'index posts.replies: list 1: page 4 claims 0 ids in class 0',
  ],
  [
    'a page that no list has',
    (s) => column(s, `${replies}/pages`).set(0, 9),
    'index posts.replies: its pages take 5 units of space up to 9',
  ],
  [
    'a word that lacks a row',
    (s) => lists(s, byWords).remove(termOf(s, 'two'), 2),
    'index posts.byWords: row 2 is missing under "two"',
  ],
  [
    'a word that nothing has',
    (s) => lists(s, byWords).remove(termOf(s, 'two'), 2),
    'index posts.byWords: "two" is kept, and nothing has it',
  ],
  [
    'a word that names a row which does not have it',
    (s) => lists(s, byWords).append(termOf(s, 'two'), 3),
    'index posts.byWords: "two" names row 3, which does not have it',
  ],
  [
    'a word that names a row which never was',
    (s) => lists(s, byWords).append(termOf(s, 'two'), 99),
    'index posts.byWords: "two" names row 99, which does not exist',
  ],
  [
    'a word that is not found by its beginning',
    (s) => lists(s, byWords).remove(termOf(s, 'th*'), termOf(s, 'three')),
    'index posts.byWords: "three" is missing under "th*"',
  ],
  [
    'a beginning that names another word',
    (s) => lists(s, byWords).append(termOf(s, 'th*'), termOf(s, 'two')),
    'index posts.byWords: "th*" names "two", which does not begin so',
  ],
  [
    'a beginning that names a word which is not there',
    (s) => lists(s, byWords).append(termOf(s, 'th*'), 99),
    'index posts.byWords: "th*" names term 99, which does not exist',
  ],
  [
    'a list of rows without a word',
    (s) => lists(s, byWords).append(99, 3),
    'index posts.byWords: list 99 names 1 rows for no term',
  ],
  [
    'a row that is found by a word and should be left out',
    (s) => column(s, '2/column/3', 8).set(1, 5),
    'index posts.byWords: "one" names row 1, which does not have it',
  ],
  [
    'a word with other letters than its hash',
    (s) => s.memory.region(`${byWords}/texts`, 0).bytes.write('z', 1028),
    'index posts.byWords: term 1 is "zne" and stands under another one\'s hash',
  ],
  [
    'a word that lost its letters',
    (s) => column(s, `${byWords}/terms`).set(4 + termOf(s, 'two'), 3),
    'index posts.byWords: term 4: its text at 24 is no block of its own',
  ],
  [
    'letters that belong to no word',
    (s) => hashes(s, byWords).remove(dictionary(s, byWords).hashOf('two'), termOf(s, 'two')),
    'index posts.byWords: 1 texts belong to no term',
  ],
  [
    'a word that is neither there nor free',
    (s) => hashes(s, byWords).remove(dictionary(s, byWords).hashOf('two'), termOf(s, 'two')),
    'index posts.byWords: term 4 is neither there nor free',
  ],
  [
    'a word that is there and free',
    (s) => column(s, `${byWords}/terms`).set(1, termOf(s, 'two')),
    'index posts.byWords: term 4 is on the list of free ones and is not free',
  ],
  [
    'a highest number of words that is too low',
    (s) => column(s, `${byWords}/terms`).set(0, 3),
    'index posts.byWords: term 5 is above the highest, 3',
  ],
  [
    'an arena of words that is out of step',
    (s) => (words(s, `${byWords}/texts`)[256] = 0xffff),
    'index posts.byWords: its terms are damaged: ',
  ],
  [
    'two words with one list',
    (s) => {
      const heads = column(s, `${byWords}/heads`)
      heads.set(termOf(s, 'o*'), heads.get(termOf(s, 'on*')))
    },
    'index posts.byWords: page 5 is in two places',
  ],
  [
    'a counter',
    (s) => column(s, '2/column/4').set(1, 5),
    'counter posts.replies: row 1 says 5, the rows make 2',
  ],
  [
    'a counter of a row that never was',
    (s) => column(s, '2/column/5').set(12_345, 1),
    'counter posts.likes: row 12345 says 1, the rows make 0',
  ],
  [
    'a counter that lacks the room for what it must count',
    (s) => column(s, '3/column/2').set(1, 100_000),
    'counter posts.likes: row 100000 says 0, but row 1 refers to it',
  ],
]

describe('check', () => {
  it('finds nothing where nothing is wrong, and tells what it looks at', () => {
    const labels: string[] = []
    expect(checkTables(filled().tables, (label) => labels.push(label))).toEqual([])
    expect(labels.slice(0, 4)).toEqual([
      'people',
      'index people.byHandle',
      'index people.byBadge',
      'index people.byReferrer',
    ])
    expect(labels).toContain('posts.likes')
  })

  for (const [name, damage, sentence] of damages) {
    it(`finds ${name}`, () => {
      const store = filled()
      damage(store)
      const sentences = checkTables(store.tables)
      expect(
        sentences.some((found) => found.startsWith(sentence)),
        sentences.join('\n'),
      ).toBe(true)
    })
  }

  it('says at most 100 sentences', () => {
    const store = filled()
    for (let row = 1; row < 500; row++) column(store, '2/column/4').set(row, 7)
    expect(checkTables(store.tables).length).toBe(100)
  })

  it('finds any single word of an index or a column that is changed', () => {
    const store = filled()
    const keys = store.memory.regions().map(({ key }) => key)
    const missed: string[] = []
    for (const key of keys) {
      // What records hold, and how often they were written, is said in no other place.
      if (key.endsWith('/arena') || key.endsWith('/versions')) continue
      const memory = words(store, key)
      for (let word = 0; word < memory.length; word++) {
        const value = memory[word]!
        if (value === 0) continue
        memory[word] = value ^ 1
        if (checkTables(store.tables).length === 0) missed.push(`${key} ${word}`)
        memory[word] = value
      }
    }
    expect(missed).toEqual(EXPECTED_MISSES)
    expect(checkTables(store.tables)).toEqual([])
  })
})

/**
 * The seed of the hashes, read when the tables are made; and a last id that was given to a removed
 * row.
 */
const EXPECTED_MISSES = ['tables 0', 'tables 4']
