// The check of notifications and moderation: each rule, on a row that breaks it.

import { expect, test } from 'vitest'
import { checkModeration } from '../../src/model/moderation-check.ts'
import { blockedTerms, markers, notifications, reports } from '../../src/model/schema.ts'
import { transactions } from '../../src/model/transactions.ts'
import { Network } from '../support/network.ts'
import type { NewRow } from '../../src/engine/schema.ts'
import type { Transaction } from '../../src/engine/transaction.ts'
import type { AnyTable } from '../../src/engine/view.ts'

/** Adds a row as it is, whatever the rules. */
async function plant<T extends AnyTable>(
  network: Network,
  table: T,
  row: NewRow<T>,
): Promise<void> {
  await network.close()
  const planted = (tx: Transaction): number => tx.insert(table, row)
  await network.open({ transactions: { ...transactions, planted } as never })
  await network.store.transact('planted' as never, undefined as never)
}

/** Two users, of whom the second has liked the post of the first. */
async function likedPost(): Promise<Network> {
  const network = await Network.create()
  const hanako = await network.signUp('hanako')
  const jiro = await network.signUp('jiro')
  const post = await network.post(hanako)
  await network.run('like', { user: jiro, post })
  await network.run('fileReport', { reporter: jiro, post, reason: 'spam', comment: '' })
  await network.run('removePost', { post, moderator: jiro, reason: 'Spam' })
  await network.run('blockTerm', { kind: 'tag', term: 'spam', moderator: 0 })
  await network.run('readNotifications', { user: hanako, upTo: 9 })
  return network
}

function faults(network: Network): string[] {
  const sentences: string[] = []
  checkModeration(network.view, (sentence) => sentences.push(sentence))
  return sentences
}

const [LIKE, FOLLOW, MODERATION] = [1, 5, 8]

test('what the network does breaks no rule', async () => {
  await using network = await likedPost()
  expect(faults(network)).toEqual([])
})

test.each([
  [{ user: 1, kind: 0, actor: 2, post: 1 }, 'notification 3 is of kind 0, which there is not'],
  [{ user: 1, kind: 9, actor: 2, post: 1 }, 'notification 3 is of kind 9, which there is not'],
  [
    { user: 1, kind: LIKE, actor: 1, post: 1 },
    'notification 3 tells user 1 what the same user did',
  ],
  [{ user: 1, kind: LIKE, actor: 0, post: 1 }, 'notification 3 of kind like is by user 0'],
  [{ user: 1, kind: MODERATION, actor: 2 }, 'notification 3 of kind moderation is by user 2'],
  [{ user: 1, kind: LIKE, actor: 2 }, 'notification 3 of kind like is about post 0'],
  [{ user: 1, kind: FOLLOW, actor: 2, post: 1 }, 'notification 3 of kind follow is about post 1'],
])('a notification %j is a fault', async (row, sentence) => {
  await using network = await likedPost()
  await plant(network, notifications, row)
  expect(faults(network)).toEqual([sentence])
})

test('a marker ahead of all notifications is a fault', async () => {
  await using network = await likedPost()
  await plant(network, markers, { user: 2, notification: 7 })
  expect(faults(network)).toEqual(['marker 2 is at notification 7, and the last one was 2'])
})

test.each([
  [{ user: 1 }, 'is in state 0, which there is not'],
  [{ user: 1, state: 1, handledAt: 5 }, 'is open, and was handled at 5'],
  [{ user: 1, state: 2 }, 'is resolved, and was handled at 0'],
  [{ user: 2, post: 1, state: 1 }, 'is of user 2, and of a post of user 1'],
])('a report %j is a fault', async (row, fault) => {
  await using network = await likedPost()
  await plant(network, reports, row)
  expect(faults(network)).toEqual([`report 4 ${fault}`])
})

test('a term under a key of another kind is a fault', async () => {
  await using network = await likedPost()
  await plant(network, blockedTerms, { kind: 1, key: 'tag sea' })
  expect(faults(network)).toEqual(['blocked term 2 of kind 1 is found by "tag sea"'])
})
