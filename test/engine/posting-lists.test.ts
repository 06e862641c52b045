// Posting lists against sorted arrays, for every page size; and their invariants, read from the raw
// words.

import { describe, expect, it } from 'vitest'
import { InvariantError } from '../../src/std/assert.ts'
import { Column } from '../../src/engine/memory/column.ts'
import { Memory } from '../../src/engine/memory/memory.ts'
import { PostingLists } from '../../src/engine/posting-lists.ts'
import { seededTest } from '../support/seeded.ts'
import type { Random } from '../../src/std/random.ts'

const PAGE_COUNTS = [2, 6, 14, 30, 62, 126, 254, 510, 1022, 2046]
const FIRST_PAGE_WORD = 16

class World {
  readonly heads: Column
  readonly pages: Column
  readonly lists: PostingLists
  /** Ids of each list, ascending. */
  readonly expected: number[][]

  constructor(listCount: number, pageCountMax?: number, size = 2 ** 20) {
    const memory = new Memory(undefined, size)
    this.heads = new Column(memory.region('heads', size), 4)
    this.pages = new Column(memory.region('pages', size), 4)
    this.lists = new PostingLists(this.heads, this.pages, pageCountMax)
    this.expected = Array.from({ length: listCount + 1 }, () => [])
  }

  add(list: number, id: number): void {
    this.lists.append(list, id)
    const ids = this.expected[list]!
    if (ids.includes(id)) return
    ids.push(id)
    ids.sort((a, b) => a - b)
  }

  remove(list: number, id: number): void {
    const ids = this.expected[list]!
    const position = ids.indexOf(id)
    expect(this.lists.remove(list, id)).toBe(position !== -1)
    if (position !== -1) ids.splice(position, 1)
  }

  /** Compares every list and every question with the oracle. */
  compare(random: Random, idMax: number): void {
    const { lists, expected } = this
    for (let list = 1; list < expected.length; list++) {
      const ids = expected[list]!
      expect(lists.check(list)).toEqual(ids)
      expect(lists.count(list)).toBe(ids.length)
      expect(lists.newestId(list)).toBe(ids.at(-1) ?? 0)
      const id = random.between(0, idMax + 1)
      const count = random.pick([0, 1, 3, 20, 5000])
      const newestFirst = ids.toReversed()
      expect(lists.has(list, id)).toBe(ids.includes(id))
      expect(lists.newest(list, count)).toEqual(newestFirst.slice(0, count))
      const before = newestFirst.filter((other) => other < id).slice(0, count)
      expect(lists.newest(list, count, id)).toEqual(before)
      expect(lists.after(list, id, count)).toEqual(
        ids.filter((other) => other > id).slice(0, count),
      )
    }
    const chosen = Array.from({ length: random.below(5) }, () =>
      random.between(1, expected.length - 1),
    )
    const all = [...new Set(chosen.flatMap((list) => expected[list]!))].toSorted((a, b) => b - a)
    const id = random.between(0, idMax + 1)
    const count = random.pick([1, 5, 5000])
    expect(lists.mergeNewest(chosen, count)).toEqual(all.slice(0, count))
    const before = all.filter((other) => other < id).slice(0, count)
    expect(lists.mergeNewest(chosen, count, id)).toEqual(before)
  }

  /** Walks all words: every page is in one list or on one free list, and what is unused is 0. */
  demandNoPageLost(): void {
    const { heads, pages } = this
    const seen = new Map<number, number>()
    const visit = (page: number, count: number): void => {
      const pageClass = pages.get(page * 4 + 1) >>> 16
      expect(seen.has(page)).toBe(false)
      seen.set(page, pageClass)
      for (let word = 2 + count; word < 4 * 2 ** pageClass; word++) {
        expect(pages.get(page * 4 + word)).toBe(0)
      }
    }
    for (let list = 1; list < this.expected.length; list++) {
      for (let page = heads.get(list); page !== 0; page = pages.get(page * 4)) {
        const count = pages.get(page * 4 + 1) & 0xffff
        expect(count).toBeGreaterThan(0)
        visit(page, count)
      }
    }
    for (let pageClass = 0; pageClass < 10; pageClass++) {
      for (let page = pages.get(2 + pageClass); page !== 0; page = pages.get(page * 4)) {
        expect(pages.get(page * 4 + 1)).toBe(pageClass << 16)
        visit(page, 0)
      }
    }
    expect(this.lists.checkSpace()).toBeUndefined()
    let expectedPage = FIRST_PAGE_WORD / 4
    for (const page of [...seen.keys()].toSorted((a, b) => a - b)) {
      expect(page).toBe(expectedPage)
      expectedPage += 2 ** seen.get(page)!
    }
    if (seen.size > 0) expect(pages.get(0)).toBe(expectedPage)
  }
}

function play(world: World, random: Random, steps: number, idMax: number): void {
  let newest = 0
  for (let step = 0; step < steps; step++) {
    const list = random.between(1, world.expected.length - 1)
    const ids = world.expected[list]!
    const dice = random.below(10)
    if (dice < 5 && newest < idMax) world.add(list, (newest += random.between(1, 2)))
    else if (dice < 7) world.add(list, random.between(1, Math.max(1, newest)))
    else if (ids.length > 0 && dice < 9) world.remove(list, random.pick(ids))
    else world.remove(list, random.between(1, idMax))
  }
}

describe('posting lists', () => {
  seededTest('equal sorted arrays at every page size from 2 to 2046', (random) => {
    for (let pageCountMax = 2; pageCountMax <= 2046; pageCountMax++) {
      const world = new World(2, pageCountMax, 2 ** 17)
      play(world, random, 24, 30)
      world.compare(random, 30)
    }
  })

  seededTest('equal sorted arrays through thousands of additions and removals', (random) => {
    for (const pageCountMax of PAGE_COUNTS) {
      const world = new World(2, pageCountMax)
      for (let round = 0; round < 4; round++) {
        play(world, random, 700, 4000)
        world.compare(random, 4000)
      }
      world.demandNoPageLost()
      for (const list of [1, 2]) {
        while (world.expected[list]!.length > 0)
          world.remove(list, random.pick(world.expected[list]!))
      }
      world.compare(random, 4000)
      world.demandNoPageLost()
      expect([world.heads.get(1), world.heads.get(2)]).toEqual([0, 0])
    }
  })

  seededTest(
    'stay right when ids come in descending order, splitting page after page',
    (random) => {
      for (const pageCountMax of [2, 14, 2046]) {
        const world = new World(1, pageCountMax)
        for (let id = 5000; id > 0; id -= random.between(1, 3)) world.add(1, id)
        for (let turn = 0; turn < 4; turn++) world.compare(random, 5000)
        world.demandNoPageLost()
      }
    },
  )

  it('give freed pages to the next taker: no growth under turnover', () => {
    const { lists, pages } = new World(2, 126)
    for (let id = 1; id <= 1000; id++) lists.append(1, id)
    for (let id = 1; id <= 1000; id++) lists.remove(1, id)
    const top = pages.get(0)
    for (let round = 1; round < 10; round++) {
      for (let id = 1; id <= 1000; id++) lists.append(2, round * 1000 + id)
      for (let id = 1000; id > 0; id--) lists.remove(2, round * 1000 + id)
    }
    expect(pages.get(0)).toBe(top)
  })

  it('cost 16 bytes for two ids, and little more than 4 bytes an id when long', () => {
    const { lists, pages } = new World(2)
    const wordsTaken = (): number => (pages.get(0) || 4) * 4 - FIRST_PAGE_WORD
    lists.append(1, 7)
    lists.append(1, 9)
    expect(wordsTaken()).toBe(4)
    for (let id = 10; id < 100_010; id++) lists.append(2, id)
    expect(wordsTaken() * 4).toBeLessThan(100_000 * 4 * 1.02 + 4096)
  })

  it('skip a page at a step: a cursor deep in a long list reads few ids', () => {
    const { lists } = new World(1)
    for (let id = 1; id <= 100_000; id++) lists.append(1, id)
    expect(lists.newest(1, 3, 50_001)).toEqual([50_000, 49_999, 49_998])
    expect(lists.after(1, 99_998, 5)).toEqual([99_999, 100_000])
    expect(lists.mergeNewest([1, 1, 1], 2, 10)).toEqual([9, 8])
  })

  it('number themselves by create, from 1', () => {
    const { lists } = new World(3)
    const [first, second] = [lists.create(), lists.create()]
    lists.append(second, 5)
    expect([first, second, lists.newest(first, 1), lists.newest(second, 1)]).toEqual([
      1,
      2,
      [],
      [5],
    ])
  })

  it('refuse a page size below 2 or over 2046, and columns of another width', () => {
    expect(() => new World(1, 1)).toThrow(InvariantError)
    expect(() => new World(1, 2047)).toThrow(InvariantError)
    const memory = new Memory(undefined, 2 ** 16)
    const wide = new Column(memory.region('wide', 2 ** 16), 8)
    expect(() => new PostingLists(wide, wide)).toThrow(InvariantError)
  })

  it('are seen by a second reader of the same columns that were made before they grew', () => {
    const { lists, heads, pages } = new World(1)
    const reader = new PostingLists(new Column(heads.region, 4), new Column(pages.region, 4))
    for (let id = 1; id <= 50_000; id++) lists.append(1, id)
    expect(reader.newest(1, 2)).toEqual([50_000, 49_999])
    expect(reader.count(1)).toBe(50_000)
  })
})

seededTest('hundreds of lists, which may share ids, merge as if sorted', (random) => {
  const world = new World(300, random.pick(PAGE_COUNTS))
  const idMax = random.pick([400, 4_000])
  for (let list = 1; list <= 300; list++) {
    // Some are empty, some are long, some end long ago.
    const end = random.between(1, idMax)
    for (let count = random.pick([0, 1, 3, 40]); count > 0; count--) {
      world.add(list, random.between(1, end))
    }
  }
  for (let round = 0; round < 60; round++) {
    const chosen = Array.from({ length: random.pick([6, 50, 400]) }, () => random.between(0, 301))
    const held = new Set(chosen.flatMap((list) => world.expected[list] ?? []))
    const all = [...held].toSorted((a, b) => b - a)
    const count = random.pick([0, 1, 2, 5, 21, 51, 256, 257, 5_000])
    const id = random.between(0, idMax + 1)
    expect(world.lists.mergeNewest(chosen, count)).toEqual(all.slice(0, count))
    const before = all.filter((other) => other < id).slice(0, count)
    expect(world.lists.mergeNewest(chosen, count, id)).toEqual(before)
  }
})

describe('check of a posting list says', () => {
  const broken: [string, (world: World, word: number) => void, RegExp][] = [
    ['when a page claims no ids', ({ pages }, word) => pages.set(word + 1, 0), /claims 0 ids/],
    ['when a page claims too many', ({ pages }, word) => pages.set(word + 1, 3), /claims 3 ids/],
    ['when its class is none', ({ pages }, word) => pages.set(word + 1, 99 << 16), /in class 99/],
    ['when ids do not ascend', ({ pages }, word) => pages.set(word + 2, 9), /holds 9 before 8/],
    ['when an id is 0', ({ pages }, word) => pages.set(word + 2, 0), /holds 0 before 8/],
    ['when pages go round', ({ pages }, word) => pages.set(word, word / 4), /holds 8 before 7/],
  ]
  for (const [name, damage, sentence] of broken) {
    it(name, () => {
      const world = new World(1, 2)
      world.add(1, 7)
      world.add(1, 8)
      damage(world, world.heads.get(1) * 4)
      expect(world.lists.check(1)).toMatch(sentence)
    })
  }
})
