// Rows in and out of memory: every kind of value that is taken comes back the same, whatever the
// names of the fields.

import { describe, expect, it } from 'vitest'
import {
  defineTable,
  flag,
  float,
  json,
  list,
  number,
  text,
  timeMs,
} from '../../src/engine/schema.ts'
import * as schema from '../../src/engine/schema.ts'
import { seededTest } from '../support/seeded.ts'
import { SmallStore } from '../support/small-store.ts'
import type { Json } from '../../src/engine/schema.ts'
import type { Random } from '../../src/std/random.ts'

const table = defineTable({
  id: 1,
  name: 'things',
  columns: { number: number(1), float: float(2), timeMs: timeMs(3), flag: flag(4) },
  record: { text: text(5), list: list<string | number>(6), bytes: schema.bytes(7), json: json(8) },
})

const NUMBERS = [0, 1, 255, 65_536, 2 ** 31, 2 ** 32 - 1]
// The last one, minus zero, is kept by columns alone.
const FLOATS = [0, -1, 0.1, 5e-324, -1.7e308, 2 ** 53, 1e21, -0]
const TEXTS = [
  '',
  'a',
  'é',
  '日本',
  '🦊'.repeat(9),
  '\u0000',
  '\ufeffb',
  'x'.repeat(70_000),
  '\u{10ffff}',
]

function randomJson(random: Random, depth: number): Json {
  const dice = random.below(depth > 3 ? 5 : 7)
  if (dice === 0) return null
  if (dice === 1) return random.once(2)
  if (dice === 2) return random.pick(FLOATS.slice(0, -1))
  if (dice < 5) return random.pick(TEXTS)
  const items = Array.from({ length: random.below(4) }, () => randomJson(random, depth + 1))
  if (dice === 5) return items
  return Object.fromEntries(
    items.map((item, index) => [random.pick(['a', 'id', 'é'] as const) + index, item]),
  )
}

function store(): SmallStore {
  return new SmallStore(schema.storedSchema([table], 0))
}

seededTest('what is written comes back the same', (random) => {
  const { transact, view } = bound(store())
  for (let count = 0; count < 400; count++) {
    const items = Array.from({ length: random.pick([0, 1, 15, 16, 40]) }, () =>
      random.pick<string | number>([...TEXTS, ...FLOATS.slice(0, -1)]),
    )
    const values = {
      number: random.pick([...NUMBERS, random.word()]),
      float: random.pick([...FLOATS, random.word() / 7]),
      timeMs: random.pick([0, 1_700_000_000_123, -5, 0.5]),
      flag: random.once(2),
      text: random.pick(TEXTS) + random.pick(TEXTS),
      list: items,
      bytes: new Uint8Array(random.bytes(random.pick([0, 1, 31, 256, 70_000]))),
      json: randomJson(random, 0),
    }
    const id = transact((tx) => tx.insert(table, values))
    const { bytes, ...row } = view.get(table, id)!
    const { bytes: written, ...expected } = values
    expect(row).toEqual({ id, ...expected })
    expect(Buffer.from(written).equals(bytes)).toBe(true)
  }
})

function bound(small: SmallStore): Pick<SmallStore, 'transact' | 'view'> {
  return { transact: small.transact.bind(small), view: small.view }
}

describe('a row', () => {
  it('may be of fields with any name that is a word', () => {
    const names = [
      'class',
      'default',
      'await',
      'row',
      'record',
      'values',
      'sum',
      'c0',
      'v0',
      'read',
    ]
    const odd = defineTable({
      id: 1,
      name: 'odd',
      columns: Object.fromEntries(names.map((name, index) => [name, number(index + 1)])),
      record: Object.fromEntries(names.map((name, index) => [`${name}s`, text(index + 100)])),
    })
    const small = new SmallStore(schema.storedSchema([odd], 0))
    const values = Object.fromEntries(
      names.flatMap((name, at) => [
        [name, at],
        [`${name}s`, name],
      ]),
    )
    const id = small.transact((tx) => tx.insert(odd, values))
    expect(small.view.get(odd, id)).toEqual({ id, ...values })
  })

  it('of a table without any field is an id', () => {
    const bare = defineTable({ id: 1, name: 'bare', columns: {} })
    const small = new SmallStore(schema.storedSchema([bare], 0))
    small.transact((tx) => [tx.insert(bare, {}), tx.insert(bare, {})])
    expect(small.view.getMany(bare, [2, 1, 3])).toEqual([{ id: 2 }, { id: 1 }])
    small.transact((tx) => tx.remove(bare, 1))
    expect(small.view.rowCount(bare)).toBe(1)
  })

  it('of 255 columns is updated in all of them at once', () => {
    const columns = Object.fromEntries(
      Array.from({ length: 255 }, (_, at) => [`c${at}`, number(at + 1)]),
    )
    const wide = defineTable({ id: 1, name: 'wide', columns })
    const small = new SmallStore(schema.storedSchema([wide], 0))
    const values = Object.fromEntries(Object.keys(columns).map((name, at) => [name, at + 7]))
    small.transact((tx) => tx.insert(wide, {}))
    small.transact((tx) => tx.update(wide, 1, values))
    const replica = new SmallStore(schema.storedSchema([wide], 0))
    small.replayInto(replica)
    expect(replica.view.get(wide, 1)).toEqual({ id: 1, ...values })
  })

  it('refuses JSON that is none, and takes what JSON makes null', () => {
    const { transact, view } = bound(store())
    const odd = (value: unknown): Json => value as Json
    for (const value of [() => 1, Symbol('s')]) {
      expect(() => transact((tx) => tx.insert(table, { json: odd(value) }))).toThrow(TypeError)
    }
    expect(() => transact((tx) => tx.insert(table, { json: odd(1n) }))).toThrow(TypeError)
    const id = transact((tx) => tx.insert(table, { json: odd([Number.NaN, undefined]) }))
    expect(view.get(table, id)!.json).toEqual([null, null])
  })

  it('keeps half a surrogate pair in JSON, which escapes it', () => {
    const { transact, view } = bound(store())
    const id = transact((tx) => tx.insert(table, { json: '\ud800' }))
    expect(view.get(table, id)!.json).toBe('\ud800')
  })

  it('is read while others of its table are packed: no buffer is shared', () => {
    const { transact, view } = bound(store())
    transact((tx) => {
      const first = tx.insert(table, { text: 'first', bytes: Buffer.from('one') })
      const held = tx.get(table, first)!
      for (let count = 0; count < 3000; count++) tx.insert(table, { text: 'x'.repeat(count) })
      expect([held.text, Buffer.from(held.bytes).toString()]).toEqual(['first', 'one'])
      expect(tx.get(table, first)!.text).toBe('first')
    })
    expect(view.rowCount(table)).toBe(3001)
  })
})
