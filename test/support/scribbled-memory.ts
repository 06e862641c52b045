// A memory that is written to at random places, as a store would write to it, and copies of it to compare with.
//
// All chance comes from a seed, so that a failing run is repeated by its seed.

import { PAGE_SIZE } from '../../src/engine/memory/region.ts'
import type { Memory } from '../../src/engine/memory/memory.ts'
import type { Region } from '../../src/engine/memory/region.ts'

/** Regions larger than this do not grow. */
const SIZE_MAX = 48 * PAGE_SIZE

/** Numbers from 0 up to 1, the same ones for the same seed (mulberry32). */
export function seededChance(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Writes one byte the way columns do: the region is told before. */
export function writeByte(region: Region, offset: number, value: number): void {
  region.grow(offset + 1)
  region.touch(Math.floor(offset / PAGE_SIZE))
  region.bytes[offset] = value
}

/** Fills `pageCount` pages from `page` on with bytes that are not zero. */
export function fillPages(region: Region, page: number, pageCount: number, value: number): void {
  region.grow((page + pageCount) * PAGE_SIZE)
  for (let index = page; index < page + pageCount; index++) region.touch(index)
  region.bytes.fill(1 + (value % 255), page * PAGE_SIZE, (page + pageCount) * PAGE_SIZE)
}

/** Changes `count` random bytes of random regions; now and then a region grows by pages that nobody touches. */
export function scribble(memory: Memory, chance: () => number, count: number): void {
  const regions = memory.regions()
  for (let index = 0; index < count; index++) {
    const region = regions[Math.floor(chance() * regions.length)]!
    if (chance() < 0.02 && region.size < SIZE_MAX) {
      region.grow(region.size + Math.floor(chance() * 3) * PAGE_SIZE)
    }
    const offset = Math.floor(chance() * region.size)
    writeByte(region, offset, Math.floor(chance() * 256))
  }
}

/** A copy of all bytes, by region key. */
export function copyOf(memory: Memory): Map<string, Buffer> {
  return new Map(
    memory.regions().map((region) => {
      region.refresh()
      return [region.key, Buffer.from(region.bytes)]
    }),
  )
}

/** A sentence about the first difference, or undefined when the memory has exactly these bytes. */
export function differenceFrom(copy: Map<string, Buffer>, memory: Memory): string | undefined {
  const keys = memory.regions().map(({ key }) => key)
  if (keys.join() !== [...copy.keys()].join()) {
    return `regions ${[...copy.keys()].join()} expected, ${keys.join()} found`
  }
  for (const { key, bytes } of memory.regions()) {
    const expected = copy.get(key)!
    if (expected.equals(bytes)) continue
    if (expected.length !== bytes.length) {
      return `region ${key}: ${expected.length} bytes expected, ${bytes.length} found`
    }
    const offset = expected.findIndex((byte, index) => byte !== bytes[index])
    return `region ${key}, offset ${offset}: ${expected[offset]} expected, ${bytes[offset]} found`
  }
  return undefined
}
