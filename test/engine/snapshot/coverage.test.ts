// Which pages files hold what, and when one is given up because too little of it is used.

import { expect, it } from 'vitest'
import { Memory } from '../../../src/engine/memory/memory.ts'
import { DIRTY, PAGE_SIZE } from '../../../src/engine/memory/region.ts'
import {
  countUsedPages,
  FILE_COUNT_MAX,
  filesToRewrite,
  markPages,
} from '../../../src/engine/snapshot/coverage.ts'
import { PageTable } from '../../../src/engine/snapshot/page-table.ts'

function file(pageCount: number, name = 'a') {
  return { name, pageCount }
}

function used(...counts: number[]): Float64Array {
  return Float64Array.from([0, ...counts])
}

it('a file is given up when less than half of it is used, or when it is not trusted', () => {
  const files = [file(10), file(10), null, file(10, 'damaged'), file(10), file(10, 'damaged')]
  const counts = used(5, 4, 0, 9, 0, 0)
  expect(filesToRewrite(files, counts, new Set(['damaged']))).toEqual(new Set([2, 4]))
})

it('the least used files are given up until there is room for one more', () => {
  const files = Array.from({ length: FILE_COUNT_MAX + 1 }, () => file(100))
  const counts = used(...files.map((_, index) => 100 - (index % 40)))
  expect(filesToRewrite(files, counts, new Set())).toEqual(new Set([40, 39]))
  expect(filesToRewrite(files.slice(2), counts.slice(2), new Set())).toEqual(new Set())
})

it('pages of a given-up file are dirty, those of regions without a table are left alone', () => {
  const pageCount = 40_000
  const memory = new Memory()
  const region = memory.region('large', 2 ** 32)
  const other = memory.region('other', 2 ** 32)
  region.grow(pageCount * PAGE_SIZE)
  const table = new PageTable(pageCount)
  for (let page = 0; page < pageCount; page++) table.set(page, 1 + (page % 3), page, 0)
  const tables = new WeakMap([[region, table]])
  const coverage = {
    stem: { lsn: 1, attempt: 1 },
    memory,
    layout: 1,
    schemaText: 'null',
    files: [],
    tables,
  }
  const steps = [...markPages(coverage, new Set([2]))]
  expect(steps.length).toBeGreaterThan(2)
  const wrong = region.states.findIndex((state, page) => (state === DIRTY) !== (page % 3 === 1))
  expect([wrong, other.states[0]]).toEqual([-1, 0])

  const counts = new Float64Array(4)
  expect([...countUsedPages([table], counts)].length).toBeGreaterThan(2)
  expect([...counts]).toEqual([0, 13_334, 13_333, 13_333])
})
