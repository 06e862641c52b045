// Regions: page states against what a snapshot must be handed, and growth.

import { describe, expect, it } from 'vitest'
import { InvariantError } from '../../../src/std/assert.ts'
import { CLEAN, DIRTY, PAGE_SIZE, PENDING, Region } from '../../../src/engine/memory/region.ts'
import { seededTest } from '../../support/seeded.ts'
import type { Random } from '../../../src/std/random.ts'

const MIB = 2 ** 20

function write(region: Region, page: number, value: number): void {
  if (page >= region.pageCount) region.grow((page + 1) * PAGE_SIZE)
  if (region.states[page] !== DIRTY) region.touch(page)
  region.bytes.fill(value, page * PAGE_SIZE, page * PAGE_SIZE + 8)
}

/** First byte of each page; pages are filled with one value. */
function firstBytes(region: Region): number[] {
  return Array.from({ length: region.pageCount }, (_, page) => region.bytes[page * PAGE_SIZE]!)
}

/** The pages that a snapshot which begins now has to take. */
function begin(region: Region, everyPage = false): number[] {
  expect(region.beginSnapshot(everyPage)).toBe(region.pageCount)
  return [...region.states.keys()].filter((page) => region.states[page] === PENDING)
}

describe('a region', () => {
  it('grows by doubling, then by 4 MiB, to a whole number of zeroed pages; never shrinks', () => {
    const region = Region.create('r', 64 * MIB)
    const sizes: number[] = []
    for (let step = 0; step < 9; step++) {
      region.grow(region.size + 1)
      sizes.push(region.size / PAGE_SIZE)
    }
    expect(sizes).toEqual([2, 4, 8, 16, 32, 64, 128, 192, 256])
    region.grow(5)
    expect(region.size / PAGE_SIZE).toBe(256)
    region.grow(40 * MIB + 1)
    expect(region.size).toBe(40 * MIB + PAGE_SIZE)
    expect(region.bytes.every((byte) => byte === 0)).toBe(true)
    expect(region.states.length).toBe(region.pageCount)
  })

  it('ends with its reserved address space, up to the last byte', () => {
    const region = Region.create('r', 3 * PAGE_SIZE)
    region.grow(3 * PAGE_SIZE)
    expect(region.pageCount).toBe(3)
    expect(() => region.grow(3 * PAGE_SIZE + 1)).toThrow(InvariantError)
    expect(region.pageCount).toBe(3)
    expect(() => Region.create('r', 100)).toThrow(InvariantError)
  })

  it('is the same bytes and states in another thread, which sees growth when it asks', () => {
    const region = Region.create('r', MIB)
    const replica = new Region(region.handle())
    write(region, 9, 7)
    expect(replica.bytes.length).toBe(PAGE_SIZE)
    replica.refresh()
    expect([replica.bytes[9 * PAGE_SIZE], replica.states[9], replica.key]).toEqual([7, DIRTY, 'r'])
    const { bytes } = replica
    replica.refresh()
    expect(replica.bytes).toBe(bytes)
  })

  it('hands a snapshot the bytes of its beginning, whatever is written meanwhile', () => {
    const region = Region.create('r', MIB)
    for (const page of [0, 1, 2]) write(region, page, 10 + page)
    expect(begin(region)).toEqual([0, 1, 2])
    expect(Array.from(region.states.slice(0, 4))).toEqual([PENDING, PENDING, PENDING, CLEAN])
    write(region, 1, 99)
    write(region, 1, 98)
    expect([...region.beforeImagePages()]).toEqual([1])
    const target = Buffer.alloc(3 * PAGE_SIZE)
    for (const page of [0, 1, 2]) region.takePage(page, target, page * PAGE_SIZE)
    expect([0, 1, 2].map((page) => target[page * PAGE_SIZE])).toEqual([10, 11, 12])
    expect(Array.from(region.states.slice(0, 3))).toEqual([CLEAN, DIRTY, CLEAN])
    expect(region.beforeImageCount).toBe(0)
    expect(begin(region)).toEqual([1])
  })

  it('refuses to hand out a page twice, or one that the snapshot does not want', () => {
    const region = Region.create('r', MIB)
    write(region, 0, 1)
    region.beginSnapshot(false)
    region.takePage(0, Buffer.alloc(PAGE_SIZE), 0)
    expect(() => region.takePage(0, Buffer.alloc(PAGE_SIZE), 0)).toThrow(InvariantError)
  })

  it('begins one snapshot at a time', () => {
    const region = Region.create('r', MIB)
    write(region, 0, 1)
    region.beginSnapshot(false)
    write(region, 0, 2)
    expect(() => region.beginSnapshot(false)).toThrow(InvariantError)
  })

  it('gives every page to a first snapshot, and what is marked to a later one', () => {
    const region = Region.create('r', MIB)
    region.grow(7 * PAGE_SIZE)
    const pages = begin(region, true)
    expect(pages.length).toBe(region.pageCount)
    for (const page of pages) region.takePage(page, Buffer.alloc(PAGE_SIZE), 0)
    region.markDirty(5)
    expect(begin(region)).toEqual([5])
    region.markDirty(5)
    expect(region.states[5]).toBe(PENDING)
  })
})

class Oracle {
  readonly region = Region.create('r', 4 * MIB)
  /** Content of each page as the newest finished snapshot has it. */
  stored: number[] = []
  #begun: number[] = []
  #pages: number[] = []
  #left: number[] = []
  #taken: number[] = []

  get isRunning(): boolean {
    return this.#pages.length > 0
  }

  begin(): void {
    this.#begun = firstBytes(this.region)
    this.#pages = begin(this.region, this.stored.length === 0)
    this.#left = [...this.#pages]
    this.#taken = [...this.stored]
    while (this.#taken.length < this.#begun.length) this.#taken.push(0)
  }

  take(random: Random): void {
    if (this.#left.length === 0) {
      expect(this.#taken).toEqual(this.#begun)
      this.stored = this.#taken
      this.#pages = []
      return
    }
    const [page] = this.#left.splice(random.below(this.#left.length), 1)
    const target = Buffer.alloc(PAGE_SIZE + 16)
    this.region.takePage(page!, target, 16)
    this.#taken[page!] = target[16]!
  }

  abandon(): void {
    for (const page of this.#pages) this.region.abandonPage(page)
    this.region.dropBeforeImages()
    this.#pages = []
    expect(this.region.beforeImageCount).toBe(0)
  }
}

seededTest('snapshots of random writes always add up to the state of their beginning', (random) => {
  const oracle = new Oracle()
  let finishedCount = 0
  for (let step = 0; step < 4000; step++) {
    const dice = random.below(20)
    if (dice < 8)
      write(oracle.region, random.below(random.pick([8, 30, 64])), random.between(1, 255))
    else if (!oracle.isRunning) oracle.begin()
    else if (random.once(150)) oracle.abandon()
    else {
      const { stored } = oracle
      oracle.take(random)
      if (oracle.stored !== stored) finishedCount++
    }
  }
  expect(finishedCount).toBeGreaterThan(10)
})
