// Columns against plain arrays: widths, growth, moves, views of two threads, dirty pages.

import { describe, expect, it } from 'vitest'
import { InvariantError } from '../../../src/std/assert.ts'
import { Column } from '../../../src/engine/memory/column.ts'
import { CLEAN, DIRTY, PAGE_SIZE, Region } from '../../../src/engine/memory/region.ts'
import { seededTest } from '../../support/seeded.ts'
import type { ColumnWidth } from '../../../src/engine/memory/column.ts'

const GIB = 2 ** 30
const WIDTHS: readonly ColumnWidth[] = [1, 4, 8]
const HIGHEST = { 1: 255, 4: 2 ** 32 - 1, 8: Number.MAX_VALUE }

function column(width: ColumnWidth, size = 2 ** 22): Column {
  return new Column(Region.create('c', size), width)
}

function dirtyPages({ states }: Region): number[] {
  return [...states.keys()].filter((page) => states[page] === DIRTY)
}

function clean(region: Region): void {
  for (let page = 0; page < region.pageCount; page++) region.states[page] = CLEAN
}

describe('a column', () => {
  for (const width of WIDTHS) {
    it(`of ${width} bytes holds its range, and 0 where nothing was written`, () => {
      const values = column(width)
      values.set(3, HIGHEST[width])
      values.set(values.capacity + 10, 1)
      expect([values.get(2), values.get(3), values.get(1e9)]).toEqual([0, HIGHEST[width], 0])
      expect(values.get(PAGE_SIZE / width + 10)).toBe(1)
    })

    it(`of ${width} bytes marks the page that it writes, and no other`, () => {
      const values = column(width)
      values.region.grow(8 * PAGE_SIZE)
      const perPage = PAGE_SIZE / width
      for (const page of [0, 3, 6]) {
        for (const index of [page * perPage, (page + 1) * perPage - 1]) {
          clean(values.region)
          values.set(index, 1)
          expect(dirtyPages(values.region)).toEqual([page])
        }
      }
    })

    it(`of ${width} bytes marks every page that a move writes`, () => {
      const values = column(width)
      const perPage = PAGE_SIZE / width
      values.set(8 * perPage - 1, 1)
      clean(values.region)
      values.move(2 * perPage - 1, 5 * perPage, perPage + 2)
      expect(dirtyPages(values.region)).toEqual([1, 2, 3])
      clean(values.region)
      values.move(4 * perPage, 0, 0)
      expect(dirtyPages(values.region)).toEqual([])
    })

    seededTest(`of ${width} bytes equals an array under random writes and moves`, (random) => {
      const values = column(width)
      const reader = new Column(values.region, width)
      const expected: number[] = []
      for (let step = 0; step < 2000; step++) {
        if (random.once(5)) {
          const [target, source] = [random.below(30_000), random.below(30_000)]
          const count = random.below(3000)
          const moved = Array.from({ length: count }, (_, index) => expected[source + index] ?? 0)
          // A move reads only what the column has room for: its users never move what they have not
          // written.
          if (source + count > values.capacity) continue
          values.move(target, source, count)
          moved.forEach((value, index) => (expected[target + index] = value))
        } else {
          const index = random.below(random.pick([100, 40_000, 90_000]))
          values.set(index, (expected[index] = random.below(256)))
        }
      }
      for (let index = 0; index < 100_000; index++) {
        const value = expected[index] ?? 0
        if (values.get(index) !== value || reader.get(index) !== value) {
          expect([index, values.get(index), reader.get(index)]).toEqual([index, value, value])
        }
      }
    })
  }

  it('reads 0 at what is no index', () => {
    const values = column(4)
    values.set(0, 7)
    values.set(1, 7)
    for (const index of [Number.NaN, -1, 0.5, Infinity, 2 ** 53])
      expect(values.get(index) || 0).toBe(0)
  })

  it('refuses to grow for what is no index', () => {
    for (const index of [Infinity, 1e6 + 0.5]) {
      expect(() => column(4).set(index, 1)).toThrow(InvariantError)
    }
  })

  it('marks the right page beyond 2^32 values', () => {
    const values = column(4, 32 * GIB)
    const index = 2 ** 32 + 5 * (PAGE_SIZE / 4)
    values.region.grow((index + 2) * 4)
    values.set(index, 7)
    expect(values.get(index)).toBe(7)
    expect(dirtyPages(values.region)).toEqual([index / (PAGE_SIZE / 4)])
    clean(values.region)
    values.move(index + 1, index, 1)
    expect(values.get(index + 1)).toBe(7)
    expect(dirtyPages(values.region)).toEqual([index / (PAGE_SIZE / 4)])
  })
})
