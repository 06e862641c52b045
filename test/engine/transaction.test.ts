// Transactions: what each operation does and refuses, and that undo leaves nothing behind.

import { describe, expect, it } from 'vitest'
import { checkTables } from '../../src/engine/check.ts'
import { SmallStore, likes, people, posts, stateOf } from '../support/small-store.ts'
import type { Transaction } from '../../src/engine/transaction.ts'

/** Three people, posts and replies, and a like. */
function filled(): SmallStore {
  const store = new SmallStore()
  store.transact((tx) => {
    tx.insert(people, { handle: 'aki', badge: 7, age: 30, tags: ['a', 1], rating: 0.5 })
    tx.insert(people, { handle: 'ben', referrer: 1, settings: { dark: true } })
    tx.insert(people, { handle: 'chi', referrer: 1, portrait: Buffer.from('jpeg'), isAdmin: true })
    tx.insert(posts, { author: 1, caption: 'first' })
    tx.insert(posts, { author: 2, parent: 1, caption: 'reply' })
    tx.insert(posts, { author: 3, parent: 1, caption: 'another' })
    tx.insert(likes, { user: 2, post: 1 })
  })
  return store
}

function demandSound(store: SmallStore): void {
  expect(checkTables(store.tables)).toEqual([])
  const replica = new SmallStore()
  store.replayInto(replica)
  expect(stateOf(replica.tables)).toEqual(stateOf(store.tables))
  expect(checkTables(replica.tables)).toEqual([])
}

/** What `run` throws; the store must be as before. */
function refusalOf(store: SmallStore, run: (tx: Transaction) => void): unknown {
  const before = stateOf(store.tables)
  const { size } = store.effects
  let thrown: unknown
  try {
    store.transact(run)
  } catch (error) {
    thrown = error
  }
  expect(stateOf(store.tables)).toEqual(before)
  expect(store.effects.size).toBe(size)
  demandSound(store)
  return thrown
}

describe('a transaction', () => {
  it('reads back every kind of field, and empty values for fields that it left out', () => {
    const store = filled()
    expect(store.view.get(people, 1)).toEqual({
      id: 1,
      age: 30,
      rating: 0.5,
      joinedAt: 0,
      isAdmin: false,
      referrer: 0,
      badge: 7,
      posts: 1,
      referred: 2,
      handle: 'aki',
      tags: ['a', 1],
      portrait: new Uint8Array(0),
      settings: null,
    })
    expect(store.view.get(people, 2)!.settings).toEqual({ dark: true })
    const { portrait, isAdmin } = store.view.get(people, 3)!
    expect([Buffer.from(portrait).toString(), isAdmin]).toEqual(['jpeg', true])
    expect(store.view.get(posts, 1)).toMatchObject({ replies: 2, likes: 1 })
    demandSound(store)
  })

  it('finds rows by every kind of index', () => {
    const { view } = filled()
    expect([
      view.find(people.indexes.byHandle, 'chi'),
      view.find(people.indexes.byBadge, 7),
    ]).toEqual([3, 1])
    expect(view.find(people.indexes.byHandle, '')).toBe(0)
    expect(view.findPair(likes.indexes.byPair, 2, 1)).toBe(1)
    expect(view.findPair(likes.indexes.byPair, 1, 2)).toBe(0)
    expect(view.newest(posts.indexes.replies, 1, 10)).toEqual([3, 2])
    expect(view.newest(posts.indexes.byAuthor, 2, 10)).toEqual([])
    expect(view.after(people.indexes.byReferrer, 1, 2, 10)).toEqual([3])
    expect(view.mergeNewest(people.indexes.byReferrer, [1, 2, 3], 10)).toEqual([3, 2])
  })

  it('gives a row a new version with every write, and none when nothing changes', () => {
    const store = filled()
    const versions: number[] = []
    for (const values of [{ age: 31 }, { age: 31 }, {}, { handle: 'aki' }, { referrer: 0 }]) {
      store.transact((tx) => tx.update(people, 1, values))
      versions.push(store.view.version(people, 1))
    }
    expect(versions).toEqual([2, 2, 2, 3, 3])
    demandSound(store)
  })

  it('moves a row between the lists, keys and counters of what it changes', () => {
    const store = filled()
    store.transact((tx) => {
      tx.update(posts, 3, { parent: 2 })
      tx.update(people, 1, { handle: 'akiko', badge: 8 })
    })
    const { view } = store
    expect([view.value(posts, 1, 'replies'), view.value(posts, 2, 'replies')]).toEqual([1, 1])
    expect(view.newest(posts.indexes.replies, 2, 10)).toEqual([3])
    expect([
      view.find(people.indexes.byHandle, 'aki'),
      view.find(people.indexes.byBadge, 7),
    ]).toEqual([0, 0])
    expect(view.find(people.indexes.byHandle, 'akiko')).toBe(1)
    demandSound(store)
  })

  it('counts a row once when it changes whom it is counted for and whether, in one update', () => {
    const store = filled()
    store.transact((tx) => tx.update(posts, 3, { parent: 2, removedAt: 5 }))
    store.transact((tx) => tx.update(posts, 3, { parent: 1, removedAt: 0, author: 1 }))
    expect(store.view.value(posts, 1, 'replies')).toBe(2)
    demandSound(store)
  })

  it('keeps fields that an update gives as undefined', () => {
    const store = filled()
    const values = { handle: 'zoe', tags: undefined, age: undefined } as unknown as {
      handle: string
    }
    store.transact((tx) => tx.update(people, 1, values))
    expect(store.view.get(people, 1)).toMatchObject({ handle: 'zoe', tags: ['a', 1], age: 30 })
  })

  it('may insert, update and remove one row, and leaves its id given out', () => {
    const store = filled()
    store.transact((tx) => {
      const row = tx.insert(people, { handle: 'dan', badge: 9 })
      tx.update(people, row, { handle: 'daniel', referrer: 2 })
      tx.remove(people, row)
      expect(tx.get(people, row)).toBeUndefined()
    })
    expect([store.view.lastId(people), store.view.rowCount(people)]).toEqual([4, 3])
    expect(store.transact((tx) => tx.insert(people, { handle: 'dan', badge: 9 }))).toBe(5)
    demandSound(store)
  })

  it('inserts at an id above all others, for imports', () => {
    const store = filled()
    store.transact((tx) => tx.insertAt(people, 40, { handle: 'dan' }))
    expect(store.transact((tx) => tx.insert(people, {}))).toBe(41)
    demandSound(store)
    for (const row of [1, 12, 41]) {
      expect(refusalOf(store, (tx) => tx.insertAt(people, row, {}))).toBeInstanceOf(RangeError)
    }
    const reused = (tx: Transaction): void => {
      tx.remove(people, 40)
      tx.insertAt(people, 40, { handle: 'eve' })
    }
    expect(refusalOf(store, reused)).toBeInstanceOf(RangeError)
  })

  it('goes on after a refused write that its function has caught', () => {
    const store = filled()
    store.transact((tx) => {
      expect(() => tx.insert(people, { handle: 'aki', age: 5 })).toThrow('byHandle: row 1 already')
      expect(() => tx.insert(people, { handle: 'new', age: -5 })).toThrow(RangeError)
      expect(() => tx.update(people, 2, { age: 9, badge: 7 })).toThrow('byBadge: row 1 already')
      tx.insert(people, { handle: 'dan' })
    })
    expect(store.view.get(people, 4)).toMatchObject({ handle: 'dan', age: 0 })
    demandSound(store)
  })

  it('forgets the fields that it had written of a row before one was refused', () => {
    const store = filled()
    store.transact((tx) => {
      expect(() => tx.insert(likes, { user: 2, post: 2, at: Number.NaN })).toThrow(RangeError)
      // Not the pair 2, 1, which is taken.
      expect(tx.insert(likes, { post: 1 })).toBe(2)
    })
    expect(store.view.get(likes, 2)).toEqual({ id: 2, user: 0, post: 1, at: 0 })
    demandSound(store)
  })

  it('writes nothing to the log when it writes nothing', () => {
    const store = filled()
    const { size } = store.effects
    store.transact((tx) => tx.update(people, 1, { age: 30 }))
    expect(store.effects.size).toBe(size)
  })

  it('is of no use once it has ended', () => {
    const store = filled()
    let kept: Transaction | undefined
    store.transact((tx) => (kept = tx))
    expect(() => kept!.insert(people, {})).toThrow('only while it runs')
  })

  it('keeps no half of a row that grew over its table', () => {
    const store = filled()
    const row = 300_000
    const refused = refusalOf(store, (tx) =>
      tx.insertAt(people, row, { age: 1, rating: Number.NaN, handle: 'far' }),
    )
    expect(refused).toBeInstanceOf(RangeError)
  })
})

describe('a transaction is refused, and undone whole,', () => {
  const long = 'ü'.repeat(21)
  const bad = (values: object) => (tx: Transaction) => {
    tx.remove(likes, 1)
    tx.insert(people, { handle: 'dan', referrer: 1 })
    tx.update(people, 1, values)
  }
  const cases: [string, (tx: Transaction) => void, unknown][] = [
    ['for a text key that another row has', bad({ handle: 'ben' }), { code: 'DUPLICATE_KEY' }],
    [
      'for a number key that another has',
      (tx) => tx.insert(people, { badge: 7 }),
      { code: 'DUPLICATE_KEY' },
    ],
    [
      'for a pair that another has',
      (tx) => tx.insert(likes, { user: 2, post: 1 }),
      { code: 'DUPLICATE_KEY' },
    ],
    ['for a negative number', bad({ age: -1 }), { name: 'RangeError' }],
    ['for a fraction', bad({ age: 1.5 }), { name: 'RangeError' }],
    ['for a number past 32 bits', bad({ age: 2 ** 32 }), { name: 'RangeError' }],
    ['for a text as a number', bad({ age: '5' }), { name: 'TypeError' }],
    ['for an infinite float', bad({ rating: Infinity }), { name: 'RangeError' }],
    ['for a time that is none', bad({ joinedAt: Number.NaN }), { name: 'RangeError' }],
    ['for a flag that is a number', bad({ isAdmin: 1 }), { name: 'TypeError' }],
    ['for a text over its size in bytes', bad({ handle: long }), { name: 'RangeError' }],
    ['for a text that is null', bad({ handle: null }), { name: 'TypeError' }],
    ['for half a surrogate pair', bad({ handle: 'a\ud800' }), { name: 'RangeError' }],
    ['for half a pair in a list', bad({ tags: ['\udc00'] }), { name: 'RangeError' }],
    ['for too long a list', bad({ tags: [1, 2, 3, 4, 5, 6] }), { name: 'RangeError' }],
    ['for a list of objects', bad({ tags: [{}] }), { name: 'TypeError' }],
    ['for a list that is none', bad({ tags: 'a' }), { name: 'TypeError' }],
    ['for too many bytes', bad({ portrait: Buffer.alloc(301) }), { name: 'RangeError' }],
    ['for bytes that are none', bad({ portrait: 'a' }), { name: 'TypeError' }],
    ['for JSON that goes round', bad({ settings: circle() }), { name: 'TypeError' }],
    ['for a row that is not there', (tx) => tx.update(people, 9, {}), { code: 'ROW_NOT_FOUND' }],
    ['for removing none', (tx) => tx.remove(people, 0), { code: 'ROW_NOT_FOUND' }],
    ['for a negative id', (tx) => tx.remove(people, -1), { code: 'ROW_NOT_FOUND' }],
    ['for a fractional id', (tx) => tx.remove(people, 1.5), { code: 'ROW_NOT_FOUND' }],
    ['for no id', (tx) => tx.update(people, Number.NaN, { age: 3 }), { code: 'ROW_NOT_FOUND' }],
    ['when it is too large', tooLarge, { code: 'TRANSACTION_TOO_LARGE' }],
    [
      'when one row is too large',
      (tx) => tx.update(posts, 1, { caption: huge() }),
      { code: 'TRANSACTION_TOO_LARGE' },
    ],
    ['when its function throws', (tx) => bad({ age: 1 })(tx) ?? fail(), { message: 'no' }],
  ]
  for (const [name, run, expected] of cases) {
    it(name, () => expect(refusalOf(filled(), run)).toMatchObject(expected as object))
  }

  it('in the middle of rows that it removed, changed and changed again', () => {
    const store = filled()
    const thrown = refusalOf(store, (tx) => {
      tx.update(posts, 2, { caption: 'x', author: 3 })
      tx.update(posts, 2, { caption: 'a longer caption than before', parent: 0 })
      tx.remove(posts, 2)
      tx.update(posts, 3, { removedAt: 9 })
      tx.remove(posts, 3)
      tx.remove(people, 1)
      tx.insert(people, { handle: 'aki', badge: 7 })
      fail()
    })
    expect(thrown).toMatchObject({ message: 'no' })
  })
})

function circle(): object {
  const round: { self?: object } = {}
  round.self = round
  return round
}

function huge(): string {
  return 'x'.repeat(16 * 2 ** 20)
}

function tooLarge(tx: Transaction): void {
  const caption = 'x'.repeat(2 ** 20)
  for (let count = 0; count < 17; count++) tx.insert(posts, { author: 1, caption })
}

function fail(): never {
  throw new Error('no')
}
