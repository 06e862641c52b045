// Hot: bench `search` shows it.
//
// A cursor in a posting list, which only moves from newer ids to older ones. It leaps: pages whose
// oldest id is still too new are passed at a step each, and within a page it searches. Pages are
// described in posting-lists.ts.
//
// It is of use as long as nobody changes the list. A reader in another thread may follow pages that
// name each other in a circle: invariant (1) of posting-lists.ts is asserted on the way.

import { assert } from '../std/assert.ts'
import type { Column } from './memory/column.ts'

/** Words of a page before its ids. */
export const PAGE_HEADER_COUNT = 2

/** Counts work, so that somebody can bound it. */
export interface Steps {
  count: number
}

/** Walks ids from newer to older ones. */
export interface Seeker {
  /** How many ids there are to come, roughly. */
  readonly estimate: number
  /**
   * The newest id that is at most `idMax`, 0 when there is none. Each call gives an `idMax` that is
   * not above the one before.
   */
  seek(idMax: number): number
}

/** Pages of a long list that are asked how much they hold. */
const ESTIMATE_STEPS_MAX = 16

export class PostingCursor implements Seeker {
  readonly #pages: Column
  readonly #steps: Steps
  #page: number
  /** Ids of the page that are still to come, and the newest that was returned. */
  #count: number
  #id: number

  /** Starts before the newest id of the list whose newest page that is; 0 for an empty list. */
  constructor(pages: Column, page: number, steps: Steps) {
    this.#pages = pages
    this.#steps = steps
    this.#page = page
    this.#count = page === 0 ? 0 : pages.get(page * 4 + 1) & 0xffff
    this.#id = Infinity
  }

  /** Exact for a short list; of a long one, what its newest pages hold. */
  get estimate(): number {
    const pages = this.#pages
    let estimate = this.#count
    let page = this.#page
    for (let step = 0; step < ESTIMATE_STEPS_MAX && page !== 0; step++) {
      page = pages.get(page * 4)
      if (page !== 0) estimate += pages.get(page * 4 + 1) & 0xffff
    }
    return estimate
  }

  seek(idMax: number): number {
    if (this.#id <= idMax) return this.#id
    const pages = this.#pages
    let page = this.#page
    let oldest = Infinity
    let stepCount = 1
    while (page !== 0) {
      const first = pages.get(page * 4 + PAGE_HEADER_COUNT)
      if (first <= idMax) break
      assert(first < oldest, 'ids descend from page to older page')
      oldest = first
      page = pages.get(page * 4)
      stepCount++
    }
    this.#steps.count += stepCount
    if (page === 0) {
      this.#page = 0
      this.#count = 0
      return (this.#id = 0)
    }
    const ids = page * 4 + PAGE_HEADER_COUNT
    let high = page === this.#page ? this.#count : pages.get(page * 4 + 1) & 0xffff
    let low = 0
    // Of the ids before `high`, those before `low` are at most idMax, and the oldest id is.
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if (pages.get(ids + middle) <= idMax) low = middle
      else high = middle
    }
    this.#page = page
    this.#count = low + 1
    const id = pages.get(ids + low)
    assert(id <= idMax, 'ids ascend in a page')
    return (this.#id = id)
  }
}

/** Several lists as if they were one: a heap of their cursors, the newest id on top. */
export class PostingUnion implements Seeker {
  readonly #cursors: PostingCursor[]
  /** Where each cursor is; Infinity before its first step. */
  readonly #ids: number[]

  constructor(cursors: readonly PostingCursor[]) {
    this.#cursors = [...cursors]
    this.#ids = cursors.map(() => Infinity)
  }

  get estimate(): number {
    return this.#cursors.reduce((sum, { estimate }) => sum + estimate, 0)
  }

  seek(idMax: number): number {
    const cursors = this.#cursors
    const ids = this.#ids
    while (ids.length > 0 && ids[0]! > idMax) {
      const id = cursors[0]!.seek(idMax)
      if (id === 0) {
        const lastCursor = cursors.pop()!
        const lastId = ids.pop()!
        if (ids.length === 0) break
        cursors[0] = lastCursor
        ids[0] = lastId
      } else {
        ids[0] = id
      }
      this.#sink()
    }
    return ids[0] ?? 0
  }

  #sink(): void {
    const cursors = this.#cursors
    const ids = this.#ids
    const cursor = cursors[0]!
    const id = ids[0]!
    let hole = 0
    for (;;) {
      let child = hole * 2 + 1
      if (child >= ids.length) break
      if (child + 1 < ids.length && ids[child + 1]! > ids[child]!) child++
      if (ids[child]! <= id) break
      ids[hole] = ids[child]!
      cursors[hole] = cursors[child]!
      hole = child
    }
    ids[hole] = id
    cursors[hole] = cursor
  }
}
