// Effects: encoded transactions, read back, cut at every byte, changed at every byte, and replayed.

import { describe, expect, it } from 'vitest'
import { InvariantError } from '../../src/std/assert.ts'
import { DatastoreError } from '../../src/engine/errors.ts'
import {
  EffectWriter,
  TRANSACTION_SIZE_MAX,
  transactionHeader,
  visitEffects,
} from '../../src/engine/effects.ts'
import { Replayer } from '../../src/engine/recovery.ts'
import { storedSchema } from '../../src/engine/schema.ts'
import { SmallStore, likes, people, posts, smallTables, stateOf } from '../support/small-store.ts'
import type { EffectVisitor } from '../../src/engine/effects.ts'

/** A store with one transaction of every kind of effect; `payload` is its bytes. */
function story(): { store: SmallStore; payload: Buffer } {
  const store = new SmallStore()
  store.transact((tx) => {
    tx.insert(people, { handle: 'aki', age: 3, rating: 0.25, isAdmin: true })
    tx.insert(likes, { user: 1, at: 5 })
    tx.update(people, 1, { isAdmin: false, rating: 7, handle: 'ben' })
    tx.update(people, 1, { isAdmin: true })
    tx.remove(likes, 1)
    store.tx.declareSchema(storedSchema(smallTables, 0))
  })
  return { store, payload: Buffer.from(store.effects.payload()) }
}

function visitAll(payload: Buffer, store: SmallStore): string[] {
  const seen: string[] = []
  const visitor: EffectVisitor = {
    table: (id) => store.tables.byId(id),
    insert: (table, row, _view, _values, _payload, start, end) =>
      seen.push(`insert ${table.name} ${row} ${end - start > 0}`),
    update: (table, row, positions, values, _payload, start, end) =>
      seen.push(
        `update ${table.name} ${row} ${positions.join()}=${values.join()} ${end - start > 0}`,
      ),
    remove: (table, row) => seen.push(`remove ${table.name} ${row}`),
    schema: ({ tables }) => seen.push(`schema ${tables?.length}`),
  }
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
  for (let offset = 0; offset < payload.length;)
    offset = visitEffects(payload, view, offset, visitor)
  return seen
}

describe('effects', () => {
  it('are read back in order, with what they hold', () => {
    const { store, payload } = story()
    expect(visitAll(payload, store)).toEqual([
      'insert people 1 true',
      'insert likes 1 false',
      'update people 1 1,3=7,0 true',
      'update people 1 3=1 false',
      'remove likes 1',
      'schema 3',
    ])
  })

  it('stand behind a header with size, time and a label in UTF-8', () => {
    const store = new SmallStore()
    store.transact((tx) => tx.insert(likes, {}), 'いいね', 1_700_000_000_123)
    store.transact((tx) => tx.insert(likes, {}), '', 0.5)
    const payload = store.effects.payload()
    const first = transactionHeader(payload, 0)
    expect(first).toMatchObject({ time: 1_700_000_000_123, label: 'いいね' })
    const second = transactionHeader(payload, first.size)
    expect(second).toEqual({ time: 0.5, label: '', size: payload.length - first.size })
  })

  it('cut short anywhere are refused, with a sentence', () => {
    const { store, payload } = story()
    for (let size = 1; size < payload.length; size++) {
      const cut = Buffer.from(payload.subarray(0, size))
      expect(() => visitAll(cut, store)).toThrow(DatastoreError)
      if (size < 17) continue
      // The same with a size that agrees: valid only where an effect ends.
      cut.writeUInt32LE(size, 0)
      try {
        visitAll(cut, store)
      } catch (error) {
        expect(error).toMatchObject({ code: 'EFFECT_INVALID' })
      }
    }
  })

  it('changed in any byte are refused or read as something else, and never overrun', () => {
    const { store, payload } = story()
    for (let offset = 0; offset < payload.length; offset++) {
      for (const value of [0, 1, 0x7f, 0xff, payload[offset]! ^ 0x80]) {
        const changed = Buffer.from(payload)
        changed[offset] = value
        try {
          visitAll(changed, store)
        } catch (error) {
          expect(error).toMatchObject({ code: 'EFFECT_INVALID' })
        }
      }
    }
  })
})

describe('the writer of effects', () => {
  it('drops what is abandoned, and holds many transactions beyond its first buffer', () => {
    const store = new SmallStore()
    const caption = 'x'.repeat(5000)
    for (let count = 0; count < 100; count++) {
      store.transact((tx) => tx.insert(posts, { caption }))
      expect(() =>
        store.transact((tx) => {
          tx.insert(posts, { caption })
          throw new Error('no')
        }),
      ).toThrow('no')
    }
    const replica = new SmallStore()
    store.replayInto(replica)
    expect(stateOf(replica.tables)).toEqual(stateOf(store.tables))
    store.effects.clear()
    expect([store.effects.size, store.effects.payload().length]).toEqual([0, 0])
  })

  it('refuses a transaction over 16 MiB and goes on with the next', () => {
    const store = new SmallStore()
    const most = 'x'.repeat(TRANSACTION_SIZE_MAX - 200)
    store.transact((tx) => tx.insert(posts, { caption: most }))
    expect(store.effects.size).toBeLessThanOrEqual(TRANSACTION_SIZE_MAX)
    const twice = (): void =>
      store.transact((tx) => {
        tx.insert(posts, { caption: most })
        tx.insert(posts, { caption: most })
      })
    expect(twice).toThrow('divide it')
    expect(store.transact((tx) => tx.insert(posts, { caption: 'small' }))).toBe(2)
    expect(store.view.get(posts, 1)!.caption.length).toBe(most.length)
  })

  it('refuses a label of 256 bytes', () => {
    expect(() => new EffectWriter().begin('é'.repeat(128), 0)).toThrow(InvariantError)
  })
})

describe('a replay', () => {
  it('stops after the LSN that it is given, and notes where', () => {
    const store = new SmallStore()
    for (let count = 0; count < 5; count++)
      store.transact((tx) => tx.insert(likes, {}), 'like', count)
    const replica = new SmallStore()
    replica.memory.lastLsn = 10
    const replayer = new Replayer(replica.tables)
    const payload = Buffer.from(store.effects.payload())
    replayer.apply({ firstLsn: 11, count: 5, payload }, 13)
    expect([replayer.count, replayer.lastTime, replica.memory.lastLsn]).toEqual([3, 2, 13])
    expect(replica.view.rowCount(likes)).toBe(3)
  })

  it('refuses what cannot have happened', () => {
    const { payload } = story()
    const twice = Buffer.concat([payload, payload])
    const apply = (bytes: Buffer, count: number): void =>
      new Replayer(new SmallStore().tables).apply({ firstLsn: 1, count, payload: bytes })
    expect(() => apply(twice, 2)).toThrow('row 1 of people is inserted twice')
    expect(() => apply(twice, 1)).toThrow('bytes too many')
    const store = new SmallStore()
    store.transact((tx) => [tx.insert(likes, {}), tx.remove(likes, 1)])
    const inserted = Buffer.from(store.effects.payload())
    store.effects.clear()
    store.transact((tx) => tx.insert(likes, {}))
    store.effects.clear()
    store.transact((tx) => tx.remove(likes, 2))
    const removed = Buffer.from(store.effects.payload())
    expect(() => apply(inserted, 1)).not.toThrow()
    expect(() => apply(Buffer.concat([inserted, removed]), 2)).toThrow('there is no row 2')
  })
})
