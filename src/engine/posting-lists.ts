// Hot: bench `engine` shows it.
//
// Posting lists: ids in ascending order, read newest first. The classic structure of a feed, an
// unrolled linked list: pages of ids, each knowing its count and the page before it.
//
//   heads[list] ──▶ ┌───────────────────────────┐
//                   │ previous │ count, class   │     newest page, class 2: up to 14 ids
//                   │ 41 57 58 60 …             │
//                   └────│──────────────────────┘
//                        ▼
//                   ┌───────────────────────────┐
//                   │ previous │ count, class   │     class 1: up to 6 ids
//                   │ 12 13 17 20 33 40         │
//                   └────│──────────────────────┘
//                        ▼
//                        0
//
// The first page holds 2 ids, each further one twice the page before it up to `pageCountMax`: most
// lists are short and cost 16 bytes, long ones cost 4 bytes an id and are skipped a thousand ids at
// a step. Appending is O(1). A cursor is the last id that a reader has seen: it stays valid
// whatever is added or removed, and the ids before it are found by skipping pages. Removed pages go
// to a free list of their class.
//
//   pages column, 32-bit words
//   word  0      top, in units of 4 words (0 means 4)
//         1      newest list made by `create`
//         2 … 11 free list heads, one for each class
//        16 …    pages; a page reference is its first word / 4
//   page  0      reference of the previous (older) page, 0 at the end; of a free page, the next one
//         1      count | class << 16
//         2 …    ids, ascending; unused ones are 0
//
// Invariants
//   (1) Ids ascend strictly, within a page and from page to page.
//   (2) No page is empty, except on a free list.
//   (3) Words after the last id of a page are 0.
//
// A reader in another thread may meet pages that are just being changed, which can name each other
// in a circle. Every walk asserts (1) or (2) on its way, so that it ends.

import { assert } from '../std/assert.ts'
import { PAGE_HEADER_COUNT, PostingCursor } from './posting-cursor.ts'
import type { Column } from './memory/column.ts'
import type { Steps } from './posting-cursor.ts'

const FIRST_PAGE_WORD = 16
const CLASS_COUNT_MAX = 10
const FREE_HEADS_WORD = 2

/** Ids that fit into a page of that class: 2, 6, 14, 30, … 2046. */
function capacityOf(pageClass: number): number {
  return 4 * 2 ** pageClass - PAGE_HEADER_COUNT
}

/** Where lists end, or go on before an id; by the index of the list. */
interface ListEnds {
  readonly ids: Uint32Array
  readonly pages: Uint32Array
  readonly positions: Uint32Array
}

/** More ids than that are not compared with each other: it is cheaper to merge all lists. */
const COMPARED_COUNT_MAX = 256

/**
 * The `count`-th largest of the different ids, below which no list can have one of the largest
 * `count`; 0 when there are fewer. They are kept in a heap, the smallest on top.
 */
function leastThatCounts(ids: Uint32Array, count: number): number {
  if (count < 1 || count > COMPARED_COUNT_MAX || count >= ids.length) return 0
  const heap = new Uint32Array(count)
  let size = 0
  for (let index = 0; index < ids.length; index++) {
    const id = ids[index]!
    if (id === 0 || (size === count && id <= heap[0]!) || heap.includes(id)) continue
    let hole = 0
    if (size < count) {
      for (hole = size++; hole > 0; hole = (hole - 1) >>> 1) {
        const parent = heap[(hole - 1) >>> 1]!
        if (parent <= id) break
        heap[hole] = parent
      }
    } else {
      for (;;) {
        let child = hole * 2 + 1
        if (child >= size) break
        if (child + 1 < size && heap[child + 1]! < heap[child]!) child++
        if (heap[child]! >= id) break
        heap[hole] = heap[child]!
        hole = child
      }
    }
    heap[hole] = id
  }
  return size === count ? heap[0]! : 0
}

export class PostingLists {
  readonly #heads: Column
  readonly #pages: Column
  readonly #classMax: number

  /**
   * `heads` and `pages` are columns of 32-bit words, empty or written by this class before. No page
   * holds more than `pageCountMax` ids, from 2 to 2046; rounded down to the nearest page size.
   */
  constructor(heads: Column, pages: Column, pageCountMax = 1022) {
    assert(heads.width === 4 && pages.width === 4, 'posting lists are made of 32-bit words')
    assert(pageCountMax >= 2 && pageCountMax <= 2046, 'a page holds 2 to 2046 ids')
    let classMax = 0
    while (classMax + 1 < CLASS_COUNT_MAX && capacityOf(classMax + 1) <= pageCountMax) classMax++
    this.#heads = heads
    this.#pages = pages
    this.#classMax = classMax
  }

  /**
   * Makes an empty list and returns its number. Not to be mixed with lists numbered by their
   * owner's row id.
   */
  create(): number {
    const list = this.#pages.get(1) + 1
    this.#pages.set(1, list)
    return list
  }

  /** Adds an id. O(1) when it is the list's newest; an older id is put where it belongs. */
  append(list: number, id: number): void {
    const pages = this.#pages
    const page = this.#heads.get(list)
    if (page === 0) {
      const first = this.#take(0)
      pages.set(first * 4 + 1, 1)
      pages.set(first * 4 + 2, id)
      this.#heads.set(list, first)
      return
    }
    const word = page * 4
    const meta = pages.get(word + 1)
    const count = meta & 0xffff
    if (pages.get(word + PAGE_HEADER_COUNT + count - 1) >= id) {
      this.#insert(list, id)
      return
    }
    const pageClass = meta >>> 16
    if (count < capacityOf(pageClass)) {
      pages.set(word + PAGE_HEADER_COUNT + count, id)
      pages.set(word + 1, meta + 1)
      return
    }
    const nextClass = Math.min(pageClass + 1, this.#classMax)
    const next = this.#take(nextClass)
    pages.set(next * 4, page)
    pages.set(next * 4 + 1, (nextClass << 16) | 1)
    pages.set(next * 4 + 2, id)
    this.#heads.set(list, next)
  }

  /**
   * Looks at the ends of `count` lists, which are going to change: the waits for memory overlap.
   * Returns a sum, which somebody must keep.
   */
  peek(lists: Uint32Array, count: number): number {
    const heads = this.#heads
    const pages = this.#pages
    const ends = new Uint32Array(count)
    let sum = heads.peek(lists, count)
    for (let index = 0; index < count; index++) ends[index] = heads.get(lists[index]!) * 4 + 1
    sum += pages.peek(ends, count)
    for (let index = 0; index < count; index++) {
      ends[index] = ends[index]! + (pages.get(ends[index]!) & 0xffff)
    }
    return sum + pages.peek(ends, count)
  }

  /**
   * Removes an id. Returns false when it is not in the list. Skips pages, then shifts within one.
   */
  remove(list: number, id: number): boolean {
    const pages = this.#pages
    let newer = 0
    let page = this.#heads.get(list)
    while (page !== 0 && pages.get(page * 4 + PAGE_HEADER_COUNT) > id) {
      newer = page
      page = pages.get(page * 4)
    }
    if (page === 0) return false
    const word = page * 4
    const meta = pages.get(word + 1)
    const count = meta & 0xffff
    const position = this.#position(page, count, id)
    if (position === count || pages.get(word + PAGE_HEADER_COUNT + position) !== id) return false
    if (count === 1) {
      const previous = pages.get(word)
      if (newer === 0) this.#heads.set(list, previous)
      else pages.set(newer * 4, previous)
      this.#free(page)
      return true
    }
    const first = word + PAGE_HEADER_COUNT + position
    pages.move(first, first + 1, count - position - 1)
    pages.set(word + PAGE_HEADER_COUNT + count - 1, 0)
    pages.set(word + 1, meta - 1)
    return true
  }

  /** True when the list holds that id. */
  has(list: number, id: number): boolean {
    const pages = this.#pages
    const page = this.#pageBefore(list, id + 1)
    if (page === 0) return false
    const count = pages.get(page * 4 + 1) & 0xffff
    const position = this.#position(page, count, id)
    return position < count && pages.get(page * 4 + PAGE_HEADER_COUNT + position) === id
  }

  /**
   * The newest `count` ids, newest first. With a cursor, the next `count` after it: only ids before
   * `beforeId`.
   */
  newest(list: number, count: number, beforeId = Infinity): number[] {
    const ids: number[] = []
    const pages = this.#pages
    let page = this.#pageBefore(list, beforeId)
    let bounded = beforeId !== Infinity
    while (page !== 0 && ids.length < count) {
      const first = page * 4 + PAGE_HEADER_COUNT
      const size = pages.get(page * 4 + 1) & 0xffff
      assert(size > 0, 'no page of a list is empty')
      let position = (bounded ? this.#position(page, size, beforeId) : size) - 1
      bounded = false
      for (; position >= 0 && ids.length < count; position--) ids.push(pages.get(first + position))
      page = pages.get(page * 4)
    }
    return ids
  }

  /**
   * The ids after `afterId`, oldest first, at most `count`: the ones a reader at `afterId` has yet
   * to see.
   */
  after(list: number, afterId: number, count: number): number[] {
    const pages = this.#pages
    const newer: number[] = []
    let page = this.#newestPage(list)
    let newest = Infinity
    while (page !== 0) {
      newer.push(page)
      const first = pages.get(page * 4 + PAGE_HEADER_COUNT)
      if (first <= afterId) break
      assert(first < newest, 'ids descend from page to older page')
      newest = first
      page = pages.get(page * 4)
    }
    const ids: number[] = []
    for (let index = newer.length - 1; index >= 0 && ids.length < count; index--) {
      const first = newer[index]! * 4 + PAGE_HEADER_COUNT
      const size = pages.get(newer[index]! * 4 + 1) & 0xffff
      for (let position = 0; position < size && ids.length < count; position++) {
        const id = pages.get(first + position)
        if (id > afterId) ids.push(id)
      }
    }
    return ids
  }

  /** A cursor before the newest id, which counts its steps. */
  cursor(list: number, steps: Steps): PostingCursor {
    return new PostingCursor(this.#pages, this.#newestPage(list), steps)
  }

  /** Lists have numbers below this. */
  get listLimit(): number {
    return this.#heads.capacity
  }

  /** The newest id of a list, 0 when it is empty. */
  newestId(list: number): number {
    const page = this.#newestPage(list)
    if (page === 0) return 0
    const count = this.#pages.get(page * 4 + 1) & 0xffff
    return this.#pages.get(page * 4 + PAGE_HEADER_COUNT + count - 1)
  }

  /** How many ids a list holds, by walking its pages. */
  count(list: number): number {
    const pages = this.#pages
    let count = 0
    let newest = Infinity
    for (let page = this.#newestPage(list); page !== 0; page = pages.get(page * 4)) {
      const first = pages.get(page * 4 + PAGE_HEADER_COUNT)
      assert(first < newest, 'ids descend from page to older page')
      newest = first
      count += pages.get(page * 4 + 1) & 0xffff
    }
    return count
  }

  /**
   * The newest `count` ids of several lists together, newest first, only those before `beforeId`,
   * each id once: a k-way merge over a binary heap of one cursor a list.
   *
   * Of thousands of lists, hardly any has one of the newest ids: those whose own newest is older
   * than `count` of the others' are out before the merge. What is left to do for each list is to
   * look where it ends, and these looks wait for memory together: half the time of merging them
   * all (bench `timeline`). Work: lists + count × log(count).
   */
  mergeNewest(lists: ArrayLike<number>, count: number, beforeId = Infinity): number[] {
    const pages = this.#pages
    const ends = this.#ends(lists, beforeId)
    const least = leastThatCounts(ends.ids, count)
    // The heap's entries: current id, its page, its position.
    const heapIds: number[] = []
    const heapPages: number[] = []
    const heapPositions: number[] = []
    for (let index = 0; index < lists.length; index++) {
      const id = ends.ids[index]!
      if (id === 0 || id < least) continue
      heapIds.push(id)
      heapPages.push(ends.pages[index]!)
      heapPositions.push(ends.positions[index]!)
    }
    const sink = (start: number): void => {
      const size = heapIds.length
      const id = heapIds[start]!
      const page = heapPages[start]!
      const position = heapPositions[start]!
      let hole = start
      for (;;) {
        let child = hole * 2 + 1
        if (child >= size) break
        if (child + 1 < size && heapIds[child + 1]! > heapIds[child]!) child++
        if (heapIds[child]! <= id) break
        heapIds[hole] = heapIds[child]!
        heapPages[hole] = heapPages[child]!
        heapPositions[hole] = heapPositions[child]!
        hole = child
      }
      heapIds[hole] = id
      heapPages[hole] = page
      heapPositions[hole] = position
    }
    for (let index = (heapIds.length >>> 1) - 1; index >= 0; index--) sink(index)
    const ids: number[] = []
    while (heapIds.length > 0 && ids.length < count) {
      const id = heapIds[0]!
      if (ids.length === 0 || ids[ids.length - 1] !== id) ids.push(id)
      let page = heapPages[0]!
      let position = heapPositions[0]! - 1
      if (position < 0) {
        page = pages.get(page * 4)
        position = page === 0 ? -1 : (pages.get(page * 4 + 1) & 0xffff) - 1
      }
      if (page === 0) {
        const lastId = heapIds.pop()!
        const lastPage = heapPages.pop()!
        const lastPosition = heapPositions.pop()!
        if (heapIds.length === 0) break
        heapIds[0] = lastId
        heapPages[0] = lastPage
        heapPositions[0] = lastPosition
      } else {
        const older = pages.get(page * 4 + PAGE_HEADER_COUNT + position)
        assert(older < id, 'ids ascend in a list')
        heapIds[0] = older
        heapPages[0] = page
        heapPositions[0] = position
      }
      sink(0)
    }
    return ids
  }

  /**
   * Walks a list. Returns its ids, oldest first, or a sentence about the first broken invariant.
   */
  check(list: number): number[] | string {
    const pages = this.#pages
    const ids: number[] = []
    let newest = Infinity
    for (let page = this.#newestPage(list); page !== 0; page = pages.get(page * 4)) {
      const meta = pages.get(page * 4 + 1)
      const count = meta & 0xffff
      const pageClass = meta >>> 16
      if (pageClass >= CLASS_COUNT_MAX || count === 0 || count > capacityOf(pageClass)) {
        return `page ${page} claims ${count} ids in class ${pageClass}`
      }
      for (let position = count - 1; position >= 0; position--) {
        const id = pages.get(page * 4 + PAGE_HEADER_COUNT + position)
        if (id >= newest || id === 0) return `page ${page} holds ${id} before ${newest}`
        newest = id
        ids.push(id)
      }
    }
    return ids.toReversed()
  }

  /**
   * Walks all pages, of all lists that are sound and of the free lists: together they fill the
   * space up to the top, each in one place. Returns a sentence when they do not.
   */
  checkSpace(): string | undefined {
    const pages = this.#pages
    const top = pages.get(0) || FIRST_PAGE_WORD / 4
    const seen = new Uint8Array(Math.ceil(top / 8))
    let taken = FIRST_PAGE_WORD / 4
    let twice = 0
    const walk = (first: number): void => {
      for (let page = first; page !== 0 && taken <= top; page = pages.get(page * 4)) {
        taken += 2 ** (pages.get(page * 4 + 1) >>> 16)
        const byte = seen[page >>> 3] ?? 0
        if ((byte & (1 << (page & 7))) !== 0) twice = page
        seen[page >>> 3] = byte | (1 << (page & 7))
      }
    }
    for (let list = 0; list < this.listLimit; list++) walk(this.#heads.get(list))
    for (let pageClass = 0; pageClass < CLASS_COUNT_MAX; pageClass++) {
      walk(pages.get(FREE_HEADS_WORD + pageClass))
    }
    if (twice !== 0) return `page ${twice} is in two places`
    return taken === top ? undefined : `its pages take ${taken} units of space up to ${top}`
  }

  /**
   * Puts an id that is not the newest where it belongs; splits a full page. Adding an id twice
   * changes nothing.
   */
  #insert(list: number, id: number): void {
    const pages = this.#pages
    let page = this.#heads.get(list)
    let newer = 0
    while (pages.get(page * 4 + PAGE_HEADER_COUNT) > id) {
      const previous = pages.get(page * 4)
      if (previous === 0) break
      newer = page
      page = previous
    }
    // `page` is the newest one that starts at or before the id, or the oldest page of all.
    const meta = pages.get(page * 4 + 1)
    const count = meta & 0xffff
    const pageClass = meta >>> 16
    const position = this.#position(page, count, id)
    const first = page * 4 + PAGE_HEADER_COUNT
    if (position < count && pages.get(first + position) === id) return
    if (count < capacityOf(pageClass)) {
      pages.move(first + position + 1, first + position, count - position)
      pages.set(first + position, id)
      pages.set(page * 4 + 1, meta + 1)
      return
    }
    // The upper half moves to a new page of the same class between this one and the newer one.
    const kept = count >>> 1
    const upper = this.#take(pageClass)
    for (let index = kept; index < count; index++) {
      pages.set(upper * 4 + PAGE_HEADER_COUNT + index - kept, pages.get(first + index))
      pages.set(first + index, 0)
    }
    pages.set(upper * 4, page)
    pages.set(upper * 4 + 1, (pageClass << 16) | (count - kept))
    pages.set(page * 4 + 1, (pageClass << 16) | kept)
    if (newer === 0) this.#heads.set(list, upper)
    else pages.set(newer * 4, upper)
    this.#insert(list, id)
  }

  /**
   * The first page of a list. What cannot be the number of a list is an empty one: it may come from
   * outside.
   */
  #newestPage(list: number): number {
    return list >>> 0 === list ? this.#heads.get(list) : 0
  }

  /**
   * The newest id before `beforeId` of each list, its page and its position there; 0 when there is
   * none. In rounds, one look at each list in each, so that the waits for memory overlap.
   */
  #ends(lists: ArrayLike<number>, beforeId: number): ListEnds {
    const { length: count } = lists
    const pages = this.#pages
    const ends = {
      ids: new Uint32Array(count),
      pages: new Uint32Array(count),
      positions: new Uint32Array(count),
    }
    for (let index = 0; index < count; index++) {
      ends.pages[index] = this.#newestPage(lists[index]!)
    }
    for (let index = 0; index < count; index++) {
      const page = ends.pages[index]!
      if (page !== 0) ends.positions[index] = (pages.get(page * 4 + 1) & 0xffff) - 1
    }
    for (let index = 0; index < count; index++) {
      const page = ends.pages[index]!
      if (page === 0) continue
      ends.ids[index] = pages.get(page * 4 + PAGE_HEADER_COUNT + ends.positions[index]!)
    }
    if (beforeId === Infinity) return ends
    for (let index = 0; index < count; index++) {
      if (ends.ids[index]! < beforeId) continue
      const page = this.#pageBefore(lists[index]!, beforeId)
      const size = page === 0 ? 0 : pages.get(page * 4 + 1) & 0xffff
      const position = page === 0 ? 0 : this.#position(page, size, beforeId) - 1
      ends.pages[index] = page
      ends.positions[index] = position
      ends.ids[index] = page === 0 ? 0 : pages.get(page * 4 + PAGE_HEADER_COUNT + position)
    }
    return ends
  }

  /** The newest page that starts before an id, 0 when there is none. */
  #pageBefore(list: number, beforeId: number): number {
    const pages = this.#pages
    let page = this.#newestPage(list)
    let newest = Infinity
    while (page !== 0) {
      const first = pages.get(page * 4 + PAGE_HEADER_COUNT)
      if (first < beforeId) break
      assert(first < newest, 'ids descend from page to older page')
      newest = first
      page = pages.get(page * 4)
    }
    return page
  }

  /** The first position in a page whose id is at least `id`; `count` when there is none. */
  #position(page: number, count: number, id: number): number {
    const pages = this.#pages
    const first = page * 4 + PAGE_HEADER_COUNT
    let low = 0
    let high = count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (pages.get(first + middle) < id) low = middle + 1
      else high = middle
    }
    return low
  }

  #take(pageClass: number): number {
    const pages = this.#pages
    const head = FREE_HEADS_WORD + pageClass
    const free = pages.get(head)
    if (free !== 0) {
      pages.set(head, pages.get(free * 4))
      pages.set(free * 4, 0)
      pages.set(free * 4 + 1, pageClass << 16)
      return free
    }
    const page = pages.get(0) || FIRST_PAGE_WORD / 4
    pages.set(0, page + 2 ** pageClass)
    pages.set(page * 4 + 1, pageClass << 16)
    return page
  }

  #free(page: number): void {
    const pages = this.#pages
    const pageClass = pages.get(page * 4 + 1) >>> 16
    const count = pages.get(page * 4 + 1) & 0xffff
    for (let index = 0; index < count; index++) pages.set(page * 4 + PAGE_HEADER_COUNT + index, 0)
    const head = FREE_HEADS_WORD + pageClass
    pages.set(page * 4, pages.get(head))
    pages.set(page * 4 + 1, pageClass << 16)
    pages.set(head, page)
  }
}
