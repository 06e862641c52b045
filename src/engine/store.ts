// What the rest of the program sees of the datastore: read, and transact by name. The datastore
// implements it in its own thread; a message port can implement it anywhere else.

import type { Json } from './schema.ts'
import type { Transaction } from './transaction.ts'
import type { View } from './view.ts'

/**
 * A transaction: synchronous, deterministic given the store, its input and `tx.now`. It says no by
 * throwing before its first write; whatever it throws, all its writes are taken back.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- inputs are typed by the registry
export type TransactionFunction = (tx: Transaction, input: any) => Json | void

/** All transactions of a product by name: the only ways to write. */
export type Registry = Readonly<Record<string, TransactionFunction>>

export type InputOf<F extends TransactionFunction> = Parameters<F>[1]
export type OutputOf<F extends TransactionFunction> = ReturnType<F>

export interface Committed<Output> {
  readonly output: Output
  /** LSN after which the output holds; that of the transaction when it wrote. */
  readonly lsn: number
}

export interface TransactOptions {
  /** Idempotency key, at most 255 bytes: a second call with it returns the first call's output. */
  readonly key?: string
  /**
   * Aborted when nobody waits for the output any more. What has not been run by then is not run,
   * where the store is in another thread; the promise rejects with the signal's reason.
   */
  readonly signal?: AbortSignal
}

export interface Store<R extends Registry> {
  /** Newest transaction that a read sees. Throws STORE_UNAVAILABLE. */
  readonly lastLsn: number
  /**
   * Runs a query on one consistent state. It must be synchronous and free of side effects, and
   * return plain values. With `reads: "durable"` the answer comes once everything it may have seen
   * is on disk.
   */
  read<T>(query: (view: View) => T): Promise<T>
  /**
   * The same at once, whether what it sees is on disk or not: for what decides and tells nothing.
   * Throws what the query throws, and STORE_UNAVAILABLE.
   */
  readNow<T>(query: (view: View) => T): T
  /**
   * Runs a transaction; the promise resolves when it is durable. Rejects with what the transaction
   * threw, or with DatastoreError: DUPLICATE_KEY, ROW_NOT_FOUND, TRANSACTION_TOO_LARGE,
   * STORE_READ_ONLY, STORE_POISONED, STORE_CLOSED.
   */
  transact<N extends Extract<keyof R, string>>(
    name: N,
    input: InputOf<R[N]>,
    options?: TransactOptions,
  ): Promise<Committed<OutputOf<R[N]>>>
}
