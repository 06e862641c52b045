// A memory that is written to at random places, as a store would write to it, and copies of it to
// compare with.

import { PAGE_SIZE } from '../../src/engine/memory/region.ts'
import type { Memory } from '../../src/engine/memory/memory.ts'
import type { Region } from '../../src/engine/memory/region.ts'
import type { Random } from '../../src/std/random.ts'

/** Regions larger than this do not grow. */
const SIZE_MAX = 48 * PAGE_SIZE

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

/**
 * Changes `count` random bytes of random regions; now and then a region grows by pages that nobody
 * touches.
 */
export function scribble(memory: Memory, random: Random, count: number): void {
  const regions = memory.regions()
  for (let index = 0; index < count; index++) {
    const region = random.pick(regions)
    if (random.once(50) && region.size < SIZE_MAX) {
      region.grow(region.size + random.below(3) * PAGE_SIZE)
    }
    writeByte(region, random.below(region.size), random.below(256))
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
