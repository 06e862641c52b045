// Hot: bench `engine` shows it.
//
// A column is a region seen as one fixed-width array: index in, number out. Rows use the row id as
// index; posting lists and hash tables use columns of 32-bit words as their raw memory. What was
// never written is 0, so reading past the end is 0 too, and a new column needs no filling.
//
// One class serves the three widths, so that calls stay monomorphic; the view of the other widths
// is empty.

import { assert } from '../../std/assert.ts'
import { DIRTY, PAGE_SHIFT } from './region.ts'
import type { Region } from './region.ts'

export type ColumnWidth = 1 | 4 | 8

export class Column {
  readonly region: Region
  readonly width: ColumnWidth
  /**
   * The values that fit without growth, for code that is compiled for one column (row.ts): past
   * their end it asks `get`. Stale after growth.
   */
  values: Uint8Array | Uint32Array | Float64Array
  /** Values a page, as a shift. */
  readonly #pageShift: number
  #count: number
  #u8: Uint8Array
  #u32: Uint32Array
  #f64: Float64Array
  #states: Uint8Array

  constructor(region: Region, width: ColumnWidth) {
    this.region = region
    this.width = width
    this.#pageShift = PAGE_SHIFT - (width === 1 ? 0 : width === 4 ? 2 : 3)
    this.#count = 0
    this.#u8 = new Uint8Array(0)
    this.#u32 = new Uint32Array(0)
    this.#f64 = new Float64Array(0)
    this.#states = region.states
    this.values = this.#u8
    this.#refresh()
  }

  /** Values that fit without growth. */
  get capacity(): number {
    return this.#count
  }

  get(index: number): number {
    if (index >= this.#count) {
      this.#refresh()
      if (index >= this.#count) return 0
    }
    if (this.width === 4) return this.#u32[index]!
    if (this.width === 8) return this.#f64[index]!
    return this.#u8[index]!
  }

  /**
   * Looks at `count` values, so that they are near when they are needed: the waits for memory
   * overlap. Returns their sum, which somebody must keep, else nobody looks.
   */
  peek(indexes: Uint32Array, count: number): number {
    const { values } = this
    let sum = 0
    for (let index = 0; index < count; index++) sum += values[indexes[index]!] ?? 0
    return sum
  }

  /** Store thread only. */
  set(index: number, value: number): void {
    if (index >= this.#count) this.#grow(index)
    const page =
      index < 2 ** 32 ? index >>> this.#pageShift : Math.floor(index / 2 ** this.#pageShift)
    if (this.#states[page] !== DIRTY) this.region.touch(page)
    if (this.width === 4) this.#u32[index] = value
    else if (this.width === 8) this.#f64[index] = value
    else this.#u8[index] = value
  }

  /** Copies `count` values upwards or downwards within the column; the ranges may overlap. */
  move(target: number, source: number, count: number): void {
    if (count === 0) return
    if (target + count > this.#count) this.#grow(target + count - 1)
    const first = Math.floor(target / 2 ** this.#pageShift)
    const last = Math.floor((target + count - 1) / 2 ** this.#pageShift)
    for (let page = first; page <= last; page++) {
      if (this.#states[page] !== DIRTY) this.region.touch(page)
    }
    if (this.width === 4) this.#u32.copyWithin(target, source, source + count)
    else if (this.width === 8) this.#f64.copyWithin(target, source, source + count)
    else this.#u8.copyWithin(target, source, source + count)
  }

  #grow(index: number): void {
    assert(Number.isSafeInteger(index) && index >= 0, 'an index is a natural number')
    this.region.grow((index + 1) * this.width)
    this.#refresh()
    assert(index < this.#count, 'a grown column holds the index it grew for')
  }

  #refresh(): void {
    const region = this.region
    region.refresh()
    const count = region.bytes.length / this.width
    if (count === this.#count) return
    const shared = region.shared
    if (this.width === 1) this.values = this.#u8 = new Uint8Array(shared, 0, count)
    else if (this.width === 4) this.values = this.#u32 = new Uint32Array(shared, 0, count)
    else this.values = this.#f64 = new Float64Array(shared, 0, count)
    this.#states = region.states
    this.#count = count
  }
}
