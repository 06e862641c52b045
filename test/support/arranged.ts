// Rows as a test wants them, past the rules of the network: a state that would take thousands of
// transactions, or that a part of the network leads to which is not the test's subject.

import { transactions } from '../../src/model/transactions.ts'
import type { Transaction } from '../../src/engine/transaction.ts'
import type { Network } from './network.ts'

type Change<T> = (tx: Transaction) => T

const withArrange = {
  ...transactions,
  arrange: (tx: Transaction, change: Change<unknown>): unknown => change(tx),
}

/** Runs `change` as one transaction. The store is another one afterwards, with the same rows. */
export async function arrange<T>(network: Network, change: Change<T>): Promise<T> {
  await network.close()
  await network.open({ transactions: withArrange })
  const { output } = await network.store.transact('arrange' as never, change as never)
  return output
}
