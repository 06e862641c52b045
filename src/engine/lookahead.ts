// Hot: bench `engine` shows it, "boot from log alone".
//
// Replay waits for memory more than for anything else: an insert appends to lists and counts for
// rows that lie anywhere. So before it applies some transactions, it looks at what the first insert
// of each is going to change. Looking is a tight loop, one kind of memory after the other, in which
// the processor waits for a dozen places at once; applying them then finds everything near.

import { HEADER_SIZE, INSERT, INSERT_SIZE } from './effects.ts'
import { PostingIndex } from './indexes/posting-index.ts'
import type { Column } from './memory/column.ts'
import type { PostingLists } from './posting-lists.ts'
import type { Table } from './table.ts'
import type { Tables } from './tables.ts'

/** Transactions that are looked at together: what they touch must stay in the nearest cache. */
export const AHEAD_COUNT = 64

/** The owners of the rows that are going to be inserted, by one column of theirs. */
interface Owners {
  /** Where the owner stands among the values of an insert. */
  readonly offset: number
  readonly ids: Uint32Array
  readonly lists: readonly PostingLists[]
  readonly counters: readonly Column[]
}

interface TableAhead {
  readonly table: Table
  readonly owners: readonly Owners[]
  /** Bytes of the values of an insert. */
  readonly valuesSize: number
  /** Inserts noted. */
  count: number
}

export class Lookahead {
  readonly #tables: Tables
  /** By table id. */
  #ahead: (TableAhead | undefined)[]
  /** Of no meaning: what has been seen has to go somewhere. */
  touched: number

  constructor(tables: Tables) {
    this.#tables = tables
    this.#ahead = []
    this.touched = 0
  }

  /** Looks at what `count` transactions of a payload from `offset` on will change. */
  look(payload: Buffer, view: DataView, offset: number, count: number): void {
    let start = offset
    for (let index = 0; index < count && start + HEADER_SIZE <= payload.length; index++) {
      const effect = start + HEADER_SIZE + payload[start + 12]!
      if (payload[effect] === INSERT && effect + INSERT_SIZE <= payload.length) {
        this.#note(view, view.getUint16(effect + 1, true), effect + INSERT_SIZE)
      }
      start += view.getUint32(start, true)
    }
    for (const ahead of this.#ahead) {
      if (ahead === undefined || ahead.count === 0) continue
      for (const { ids, lists, counters } of ahead.owners) {
        for (const counter of counters) this.touched += counter.peek(ids, ahead.count)
        for (const list of lists) this.touched += list.peek(ids, ahead.count)
      }
      ahead.count = 0
    }
  }

  #note(view: DataView, tableId: number, values: number): void {
    const table = this.#tables.byId(tableId)
    if (table === undefined) return
    let ahead = this.#ahead[tableId]
    if (ahead?.table !== table) this.#ahead[tableId] = ahead = aheadOf(table)
    const { owners } = ahead
    if (ahead.count === AHEAD_COUNT || values + ahead.valuesSize > view.byteLength) return
    for (let index = 0; index < owners.length; index++) {
      const { offset, ids } = owners[index]!
      ids[ahead.count] = view.getUint32(values + offset, true)
    }
    ahead.count++
  }
}

function aheadOf(table: Table): TableAhead {
  const owners: Owners[] = []
  let offset = 0
  for (const { column } of table.dataColumns) {
    const lists = table.indexes.flatMap((index) =>
      index instanceof PostingIndex && index.owner === column ? [index.lists] : [],
    )
    const counters = table.counters.flatMap(({ by, target }) => (by === column ? [target] : []))
    if (lists.length + counters.length > 0) {
      owners.push({ offset, ids: new Uint32Array(AHEAD_COUNT), lists, counters })
    }
    offset += column.width
  }
  return { table, owners, valuesSize: offset, count: 0 }
}
