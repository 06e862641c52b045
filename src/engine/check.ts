// Check: recomputes every index and every counter from the rows and compares. One sentence for each
// difference.
//
// Per table: (1) versions and row count agree; (2) every live row's record is read, lies in a block
// of its own, and no block is without a row; (3) removed rows are erased; (4) references point to
// ids that were given out. Per index: (5) it holds every row that belongs to it, (6) and nothing
// else; (7) its own structure is sound. (8) Every counter is the number of the rows that it counts.

import { PairIndex } from './indexes/pair-index.ts'
import { PostingIndex } from './indexes/posting-index.ts'
import { UniqueIndex } from './indexes/unique-index.ts'
import { WordIndex } from './indexes/word-index.ts'
import { checkWords } from './check-words.ts'
import type { CounterIndex } from './indexes/counter-index.ts'
import type { Table } from './table.ts'
import type { Tables } from './tables.ts'

const SENTENCES_MAX = 100

/** Sentences about what is wrong, at most 100; empty when all is well. */
export function checkTables(
  tables: Tables,
  progress: (label: string) => void = () => {},
): string[] {
  const sentences: string[] = []
  const report = (sentence: string): void => {
    if (sentences.length < SENTENCES_MAX) sentences.push(sentence)
  }
  for (const table of tables.all()) {
    progress(table.name)
    checkRows(table, tables, (sentence) => report(`table ${table.name}: ${sentence}`))
    for (const index of table.indexes) {
      const label = `index ${table.name}.${index.stored.name}`
      progress(label)
      const say = (sentence: string): void => report(`${label}: ${sentence}`)
      if (index instanceof PostingIndex) checkPostings(table, index, say)
      else {
        try {
          if (index instanceof WordIndex) checkWords(table, index, say)
          else if (index instanceof UniqueIndex || index instanceof PairIndex) {
            checkHash(table, index, say)
          }
        } catch (error) {
          say(`it cannot be compared with the rows: ${(error as Error).message}`)
        }
      }
    }
    for (const counter of table.counters) {
      progress(counter.label)
      checkCounter(table, counter, (sentence) => report(`counter ${counter.label}: ${sentence}`))
    }
  }
  return sentences
}

function checkRows(table: Table, tables: Tables, report: (sentence: string) => void): void {
  const { arena, references, versions, lastId } = table
  const records = arena?.check()
  if (typeof records === 'string') {
    report(`its records are damaged: ${records}`)
    return
  }
  const targets = table.dataColumns.flatMap(({ stored, column }) => {
    const target = stored.kind === 'reference' ? tables.byName(stored.table!) : undefined
    return target === undefined ? [] : [{ name: stored.name, column, lastId: target.lastId }]
  })
  let liveCount = 0
  for (let row = 1; row <= lastId; row++) {
    const reference = references.get(row)
    if (versions.get(row) === 0) {
      if (reference !== 0) report(`removed row ${row} still has a record`)
      for (const { stored, column } of table.dataColumns) {
        if (column.get(row) !== 0) report(`removed row ${row} still has a value in ${stored.name}`)
      }
      continue
    }
    liveCount++
    for (const { name, column, lastId: targetMax } of targets) {
      if (column.get(row) > targetMax) {
        report(`row ${row}: ${name} is ${column.get(row)}, the highest id there is ${targetMax}`)
      }
    }
    if (records === undefined || reference === 0) continue
    if (!records.take(reference)) {
      report(`row ${row}: its record at ${reference * 8} is no block of its own`)
      continue
    }
    try {
      table.row.read(row)
    } catch (error) {
      report(`row ${row}: its record cannot be read: ${(error as Error).message}`)
    }
  }
  if (versions.get(0) !== 0) report('row 0 exists')
  for (let row = lastId + 1; row < versions.capacity; row++) {
    if (versions.get(row) !== 0) report(`row ${row} exists, the highest id given out is ${lastId}`)
  }
  if (liveCount !== table.rowCount) {
    report(`it claims ${table.rowCount} rows and has ${liveCount}`)
  }
  if (records !== undefined && records.count > 0) {
    report(`${records.count} records belong to no row`)
  }
}

function checkHash(
  table: Table,
  index: UniqueIndex | PairIndex,
  report: (sentence: string) => void,
): void {
  let expectedCount = 0
  const fault = index.table.check((hash, row) => {
    if (!table.has(row)) report(`it names row ${row}, which does not exist`)
    else if (index.hashOfRow(row) !== hash) report(`it names row ${row} under another key's hash`)
  })
  if (fault !== undefined) report(fault)
  for (let row = 1; row <= table.lastId; row++) {
    if (!table.has(row) || index.hashOfRow(row) === undefined) continue
    expectedCount++
    const found = index.findRow(row)
    if (found === 0) report(`row ${row} is missing`)
    else if (found !== row) report(`row ${row} has the same key as row ${found}`)
  }
  if (index.table.count !== expectedCount) {
    report(`it claims ${index.table.count} entries, the rows make ${expectedCount}`)
  }
}

function checkPostings(
  table: Table,
  index: PostingIndex,
  report: (sentence: string) => void,
): void {
  let expectedCount = 0
  for (let row = 1; row <= table.lastId; row++) {
    if (!table.has(row)) continue
    const owner = index.ownerOf(row)
    if (owner !== 0) expectedCount++
  }
  let foundCount = 0
  for (let owner = 1; owner < index.lists.listLimit; owner++) {
    const ids = index.lists.check(owner)
    if (typeof ids === 'string') {
      report(`list ${owner}: ${ids}`)
      continue
    }
    for (const row of ids) {
      if (!table.has(row)) report(`list ${owner} names row ${row}, which does not exist`)
      else if (index.ownerOf(row) !== owner)
        report(`list ${owner} names row ${row} of another owner`)
      else foundCount++
    }
  }
  if (foundCount !== expectedCount) {
    report(`its lists hold ${foundCount} rows, the rows make ${expectedCount}`)
  }
  const fault = index.lists.checkSpace()
  if (fault !== undefined) report(fault)
}

function checkCounter(
  table: Table,
  counter: CounterIndex,
  report: (sentence: string) => void,
): void {
  const { target } = counter
  const counts = new Uint32Array(target.capacity)
  for (let row = 1; row <= table.lastId; row++) {
    if (!table.has(row)) continue
    const owner = counter.ownerOf(row)
    if (owner >= counts.length) report(`row ${owner} says 0, but row ${row} refers to it`)
    else if (owner !== 0) counts[owner]!++
  }
  for (let owner = 0; owner < counts.length; owner++) {
    if (target.get(owner) !== counts[owner]) {
      report(`row ${owner} says ${target.get(owner)}, the rows make ${counts[owner]}`)
    }
  }
}
