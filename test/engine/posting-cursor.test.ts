// Cursors in posting lists beside sorted arrays, for small and large pages, alone and together.

import { expect, it } from 'vitest'
import { InvariantError } from '../../src/std/assert.ts'
import { Column } from '../../src/engine/memory/column.ts'
import { Memory } from '../../src/engine/memory/memory.ts'
import { PostingUnion } from '../../src/engine/posting-cursor.ts'
import { PostingLists } from '../../src/engine/posting-lists.ts'
import { seededTest } from '../support/seeded.ts'
import type { Seeker } from '../../src/engine/posting-cursor.ts'
import type { Random } from '../../src/std/random.ts'

const ID_MAX = 3_000

function column(name: string): Column {
  return new Column(new Memory(undefined, 2 ** 22).region(name, 2 ** 22), 4)
}

/** Seeks downwards in leaps of any size, and compares each step with the ids. */
function compare(random: Random, seeker: Seeker, ids: readonly number[]): void {
  let idMax = random.once(3) ? Infinity : random.between(0, ID_MAX + 1)
  for (;;) {
    const expected = ids.findLast((id) => id <= Math.min(idMax, ID_MAX + 1)) ?? 0
    const found = seeker.seek(Math.min(idMax, ID_MAX + 1))
    expect(found).toBe(expected)
    if (found === 0) return
    idMax = random.once(5) ? idMax : found - random.pick([0, 1, 1, 2, random.below(ID_MAX / 4)])
    if (idMax <= 0) return
  }
}

seededTest('a cursor finds what a sorted array holds, and so do several together', (random) => {
  for (const pageCountMax of [2, 6, 62, 1022]) {
    const lists = new PostingLists(column('heads'), column('pages'), pageCountMax)
    const all = Array.from({ length: 6 }, (_, list) => {
      const count = random.pick([0, 1, 2, 3, 40, 900])
      const ids = new Set(Array.from({ length: count }, () => random.between(1, ID_MAX)))
      for (const id of ids) lists.append(list + 1, id)
      return [...ids].toSorted((one, other) => one - other)
    })
    const steps = { count: 0 }
    for (let turn = 0; turn < 20; turn++) {
      const list = random.between(1, 6)
      compare(random, lists.cursor(list, steps), all[list - 1]!)
      const chosen = Array.from({ length: random.between(1, 5) }, () => random.between(1, 6))
      const union = new PostingUnion(chosen.map((each) => lists.cursor(each, steps)))
      const ids = new Set(chosen.flatMap((each) => all[each - 1]!))
      compare(
        random,
        union,
        [...ids].toSorted((one, other) => one - other),
      )
    }
    expect(steps.count).toBeGreaterThan(20)
    for (const [list, ids] of all.entries()) {
      if (ids.length < 10) expect(lists.cursor(list + 1, steps).estimate).toBe(ids.length)
    }
  }
})

it('a cursor that is led in a circle ends', () => {
  const pages = column('pages')
  const lists = new PostingLists(column('heads'), pages, 2)
  for (let id = 1; id <= 6; id++) lists.append(1, id * 10)
  // The oldest page, of ids 10 and 20, names the newest as the one before it.
  pages.set(16, 6)
  expect(lists.newest(1, 6).slice(0, 6)).toEqual([60, 50, 40, 30, 20, 10])
  expect(() => lists.cursor(1, { count: 0 }).seek(5)).toThrow(InvariantError)
})
