// More rows in one table than a Map can hold entries: 17 million, in a table of one small column.

import { expect, it } from 'vitest'
import { checkTables } from '../../src/engine/check.ts'
import { defineTable, flag, storedSchema } from '../../src/engine/schema.ts'
import { Memory } from '../../src/engine/memory/memory.ts'
import { ReferenceSet } from '../../src/engine/memory/arena.ts'
import { Tables } from '../../src/engine/tables.ts'
import { EffectWriter } from '../../src/engine/effects.ts'
import { StoreTransaction } from '../../src/engine/transaction.ts'
import { TablesView } from '../../src/engine/view.ts'
import { STORE_ID } from '../support/small-store.ts'

const ROW_COUNT = 17_000_000
const MAP_COUNT_MAX = 2 ** 24
const ROWS_A_TRANSACTION = 100_000
const REGION_SIZE_MAX = 256 * 2 ** 20

it('17 million rows of one table are inserted, counted, read, changed, removed and checked', () => {
  const marks = defineTable({ id: 1, name: 'marks', columns: { odd: flag(1) } })
  const tables = new Tables(
    new Memory(undefined, REGION_SIZE_MAX),
    STORE_ID,
    storedSchema([marks], 0),
  )
  const view = new TablesView(tables)
  const effects = new EffectWriter()
  const tx = new StoreTransaction(tables, effects)
  for (let row = 1; row <= ROW_COUNT;) {
    tx.begin('mark', 0, effects)
    for (let count = 0; count < ROWS_A_TRANSACTION; count++) {
      if (tx.insert(marks, { odd: row % 2 === 1 }) !== row++) throw new Error(`row ${row - 1}`)
    }
    tx.commit()
    effects.clear()
  }
  expect(ROW_COUNT).toBeGreaterThan(MAP_COUNT_MAX)
  expect([view.rowCount(marks), view.lastId(marks)]).toEqual([ROW_COUNT, ROW_COUNT])
  for (const row of [1, MAP_COUNT_MAX, MAP_COUNT_MAX + 1, ROW_COUNT]) {
    expect(view.get(marks, row)).toEqual({ id: row, odd: row % 2 === 1 })
  }
  expect(view.get(marks, ROW_COUNT + 1)).toBeUndefined()
  tx.begin('change', 0, effects)
  tx.update(marks, MAP_COUNT_MAX + 2, { odd: true })
  tx.remove(marks, MAP_COUNT_MAX + 1)
  tx.commit()
  expect(view.get(marks, MAP_COUNT_MAX + 2)!.odd).toBe(true)
  expect(view.rowCount(marks)).toBe(ROW_COUNT - 1)
  expect(checkTables(tables)).toEqual([])
})

it('the set of references that check keeps holds more than a Set can', () => {
  const references = new ReferenceSet(2 * ROW_COUNT)
  for (let reference = 0; reference < 2 * ROW_COUNT; reference += 2) references.add(reference)
  expect(references.count).toBe(ROW_COUNT)
  expect([references.take(2 * MAP_COUNT_MAX), references.take(2 * MAP_COUNT_MAX)]).toEqual([
    true,
    false,
  ])
  expect([references.take(1), references.take(2 ** 40)]).toEqual([false, false])
  expect(references.count).toBe(ROW_COUNT - 1)
})
