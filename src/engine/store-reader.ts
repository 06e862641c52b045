// Reading a store from another thread: its memory is shared, its tables are made anew there from
// the same schema, and the seqlock tells whether what was read hangs together.
//
//   store thread                            another thread
//   Datastore ── handle() ── message ─────▶ new StoreReader(handle)
//       │                                       │ read: seqlock ─▶ query ─▶ seqlock
//       ▼                                       ▼
//   ┌──────────────────── shared memory ───────────────────┐
//   │ regions    seqlock    lastLsn    durableLsn and turn │
//   └──────────────────────────────────────────────────────┘
//
// A query may run several times, and on torn memory: it is synchronous, bounded, free of side
// effects, and returns plain values. Whatever it makes of torn memory is discarded. What is read is
// never locked, and the writer does not know who reads.
//
// With `durable`, an answer waits until the LSN that it has seen is on disk. All waiting reads of a
// StoreReader share one waiter in shared memory, which the writer wakes with each batch that has
// become durable; nobody polls. A waiting read does not keep its thread alive.
//
// The schema of a reader must be at least as new as the rows: before the writer writes anything
// under a newer one, each reader adopts the new handle (`onSchema` of Datastore).

import { DatastoreError } from './errors.ts'
import { Memory } from './memory/memory.ts'
import { Tables } from './tables.ts'
import { TablesView } from './view.ts'
import type { MemoryHandle } from './memory/memory.ts'
import type { StoredSchema } from './schema.ts'
import type { View } from './view.ts'

/** What another thread needs to read a store. It can be sent by message. */
export interface StoreHandle {
  /** 32 hexadecimal digits. */
  readonly storeId: string
  readonly memory: MemoryHandle
  readonly schema: StoredSchema
}

interface Waiter {
  readonly lsn: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * To be called when the thread of a Datastore has ended without closing it: it may have ended
 * within a batch. Reads of that memory throw STORE_UNAVAILABLE from then on, in all threads.
 */
export function condemnStore(handle: StoreHandle): void {
  new Memory({ ...handle.memory, regions: [] }).condemn()
}

export class StoreReader {
  readonly #reads: 'latest' | 'durable'
  #memory: Memory
  #view: TablesView
  /** LSN of the state that the newest query saw. */
  #seenLsn: number
  /** Who waits for an LSN of this memory to be durable, in no order. */
  #waiters: Waiter[]
  #isWaiting: boolean
  /** Of the memories before. */
  #retriesBefore: number

  constructor(handle: StoreHandle, reads: 'latest' | 'durable') {
    this.#reads = reads
    this.#memory = new Memory(handle.memory, undefined, 'read')
    this.#view = viewOf(this.#memory, handle)
    this.#seenLsn = 0
    this.#waiters = []
    this.#isWaiting = false
    this.#retriesBefore = 0
  }

  /** Newest transaction in memory. */
  get lastLsn(): number {
    return this.#memory.lastLsn
  }

  /** Newest transaction on disk. */
  get durableLsn(): number {
    return this.#memory.durableLsn
  }

  /** How often a read had to look once more, since this reader was made. */
  get retries(): number {
    return this.#retriesBefore + this.#memory.seqlock.retries
  }

  /**
   * Runs a query on one consistent state. With `durable`, resolves or rejects once what it saw is
   * on disk. Rejects with what the query throws, with STORE_UNAVAILABLE when the writer has ended
   * or is stuck, and with the error that `abandon` is called with.
   */
  async read<T>(query: (view: View) => T): Promise<T> {
    if (this.#reads === 'latest') return this.readNow(query)
    let result: T
    try {
      result = this.readNow(query)
    } catch (error) {
      if (error instanceof DatastoreError && error.code === 'STORE_UNAVAILABLE') throw error
      // What is not there may have been removed just now: saying so waits too.
      await this.#durable(this.#seenLsn)
      throw error
    }
    await this.#durable(this.#seenLsn)
    return result
  }

  /**
   * Runs a query on one consistent state at once, whether that is on disk or not. Throws what it
   * throws, and STORE_UNAVAILABLE.
   */
  readNow<T>(query: (view: View) => T): T {
    const memory = this.#memory
    const view = this.#view
    return memory.seqlock.read(() => {
      this.#seenLsn = memory.lastLsn
      return query(view)
    })
  }

  /**
   * Goes on with another schema over the same memory, or with the memory of another Datastore. What
   * waits for the old one to be durable rejects then with STORE_UNAVAILABLE.
   */
  adopt(handle: StoreHandle): void {
    const memory = new Memory(handle.memory, undefined, 'read')
    const view = viewOf(memory, handle)
    const before = this.#memory
    if (memory.identity !== before.identity) {
      this.abandon(new DatastoreError('STORE_UNAVAILABLE', 'the store was opened anew'))
    }
    this.#retriesBefore += before.seqlock.retries
    this.#memory = memory
    this.#view = view
  }

  /** Rejects all who wait for durability: the writer has ended. */
  abandon(error: Error): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const { reject } of waiters) reject(error)
    // Else what waits for them would stay until the next batch, which may never come.
    if (this.#isWaiting) this.#memory.wakeDurable()
  }

  #durable(lsn: number): Promise<void> | undefined {
    if (this.#memory.durableLsn >= lsn) return undefined
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiters.push({ lsn, resolve, reject })
    if (!this.#isWaiting) void this.#wait()
    return promise
  }

  /** Answers those who wait, until nobody does. */
  async #wait(): Promise<void> {
    this.#isWaiting = true
    while (this.#waiters.length > 0) {
      const memory = this.#memory
      // In this order: what moves the LSN after this look changes the turn.
      const turn = memory.durableTurn
      const { durableLsn } = memory
      const waiters = this.#waiters
      this.#waiters = waiters.filter(({ lsn }) => lsn > durableLsn)
      for (const { lsn, resolve } of waiters) if (lsn <= durableLsn) resolve()
      if (memory.seqlock.isCondemned) {
        this.abandon(new DatastoreError('STORE_UNAVAILABLE', 'the writer of the store has ended'))
      }
      if (this.#waiters.length > 0) await memory.nextDurableTurn(turn)
    }
    this.#isWaiting = false
  }
}

function viewOf(memory: Memory, { storeId, schema }: StoreHandle): TablesView {
  return new TablesView(new Tables(memory, storeId, schema))
}
