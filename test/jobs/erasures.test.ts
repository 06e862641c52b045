// Erasures: what is left undone is found and done, whoever began it.

import { expect, test } from 'vitest'
import { DatastoreError } from '../../src/engine/errors.ts'
import { Erasures } from '../../src/jobs/erasures.ts'
import { enqueueJob } from '../../src/model/jobs.ts'
import { posts } from '../../src/model/schema.ts'
import { transactions } from '../../src/model/transactions.ts'
import { storeThat } from '../support/api.ts'
import { Network } from '../support/network.ts'
import type { Transaction } from '../../src/engine/transaction.ts'

/** Lets everything run that can, until it holds. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}

/** A deleted account of which nothing has been erased yet. */
async function withDeletedAccount(network: Network, handle = 'anna') {
  const user = await network.signUp(handle)
  const post = await network.post(user)
  const job = await network.run('deleteAccount', { user, session: 0 })
  const isErased = (): boolean => network.view.value(posts, post, 'deletedAt') !== 0
  return { user, post, job, isErased }
}

const noFailure = (error: unknown): never => {
  throw error
}

test('what was begun before a restart is found and ended', async () => {
  await using network = await Network.create()
  const { isErased } = await withDeletedAccount(network)
  const other = await withDeletedAccount(network, 'ben')
  await network.close()
  await network.open()
  expect(isErased()).toBe(false)
  const erasures = new Erasures(network.store, noFailure, { firstMs: 0 })
  erasures.start()
  await until(() => isErased() && other.isErased())
  await erasures.close()
})

test('many jobs of other kinds hide none', async () => {
  await using network = await Network.create()
  await network.close()
  const wantMail = (tx: Transaction): void => {
    for (let job = 0; job < 1_100; job++) enqueueJob(tx, { kind: 'mail', input: null })
  }
  await network.open({ transactions: { ...transactions, wantMail } as never })
  await network.store.transact('wantMail' as never, {} as never)
  const { isErased } = await withDeletedAccount(network)
  const erasures = new Erasures(network.store, noFailure)
  await erasures.work()
  expect(isErased()).toBe(true)
  await erasures.close()
})

test('what is begun while it rests is done at once', async () => {
  await using network = await Network.create()
  const erasures = new Erasures(network.store, noFailure, { firstMs: 3_600_000 })
  erasures.start()
  const { job, isErased } = await withDeletedAccount(network)
  erasures.begin(job)
  await until(isErased)
  await erasures.close()
})

test('a store that is away for a while is asked again', async () => {
  await using network = await Network.create()
  const { isErased } = await withDeletedAccount(network)
  const failures: unknown[] = []
  let away = 3
  const store = storeThat(network.store, {
    transact: (name, input, options) =>
      away-- > 0
        ? Promise.reject(new DatastoreError('STORE_UNAVAILABLE', 'away', { advice: 'wait' }))
        : network.store.transact(name, input, options),
  })
  const erasures = new Erasures(store, (error) => failures.push(error), {
    firstMs: 0,
    retryMs: 0,
  })
  erasures.start()
  await until(isErased)
  await erasures.close()
  expect(failures).toHaveLength(3)
})

test('one that cannot be done does not keep the others from their end', async () => {
  await using network = await Network.create()
  const first = await withDeletedAccount(network)
  const second = await withDeletedAccount(network, 'ben')
  const store = storeThat(network.store, {
    transact: (name, input, options) =>
      (input as { job: number }).job === first.job
        ? Promise.reject(new Error('this one never works'))
        : network.store.transact(name, input, options),
  })
  const erasures = new Erasures(store, noFailure)
  await expect(erasures.work()).rejects.toThrow('this one never works')
  expect([first.isErased(), second.isErased()]).toEqual([false, true])
  await erasures.close()
})

test('closed, it begins nothing more', async () => {
  await using network = await Network.create()
  const { job, isErased } = await withDeletedAccount(network)
  const erasures = new Erasures(network.store, noFailure)
  erasures.start()
  await erasures.close()
  erasures.begin(job)
  await erasures.work()
  expect(isErased()).toBe(false)
})
