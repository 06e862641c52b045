// The rules of the network, broken one by one: each is told in a sentence that names the row.

import { expect, test } from 'vitest'
import { checkNetwork } from '../../src/model/check.ts'
import * as schema from '../../src/model/schema.ts'
import { transactions } from '../../src/model/transactions.ts'
import { Network } from '../support/network.ts'
import type { Transaction } from '../../src/engine/transaction.ts'

const { collectionItems, files, followRequests, follows, media } = schema
const { blocks, posts, sessions, taggings, tags, users } = schema

type Plant = (tx: Transaction) => void

// Ids of the network below.
const ANNA = 1
const BEN = 2
const CLEO = 3

let plant: Plant = () => {}
const planting = { ...transactions, plant: (tx: Transaction) => plant(tx) }

/** Anna has a post (1) with photo 1, Ben answers it (2) and is answered (3); Cleo is private. */
async function little(): Promise<Network> {
  const network = await Network.create()
  await network.close()
  await network.open({ transactions: planting })
  for (const handle of ['anna', 'ben', 'cleo']) await network.signUp(handle)
  const post = await network.post(ANNA, 'Sea #sea')
  const answer = await network.comment(BEN, post)
  await network.comment(ANNA, post, answer)
  await network.run('updateProfile', { user: CLEO, isPrivate: true })
  await network.run('updateProfile', { user: BEN, avatar: await network.photo(BEN) })
  return network
}

const FAULTS: readonly (readonly [sentence: string, plant: Plant])[] = [
  ['post 2 has parent 0 and root 1', (tx) => tx.update(posts, 2, { parent: 0 })],
  ['post 1 starts a thread at depth 4', (tx) => tx.update(posts, 1, { depth: 4 })],
  ['post 3 has root 2, its parent 1', (tx) => tx.update(posts, 3, { root: 2 })],
  ['post 3 has depth 7 instead of 2', (tx) => tx.update(posts, 3, { depth: 7 })],
  [
    'post 3 is deleted and still says or shows something',
    (tx) => tx.update(posts, 3, { deletedAt: 1 }),
  ],
  ['post 3 is gone and was not deleted', (tx) => tx.update(posts, 3, { isGone: true })],
  [
    'post 2 is gone, and 1 answers hang below it',
    (tx) => tx.update(posts, 2, { isGone: true, deletedAt: 1, caption: '' }),
  ],
  [
    "post 1 shows photo 2, which is not its author's",
    (tx) => tx.update(posts, 1, { media: [1, 2] }),
  ],
  ['post 1 shows photo 1, which is said to be elsewhere', (tx) => tx.update(media, 1, { post: 0 })],
  ['photo 2 is in a post and in a profile', (tx) => tx.update(media, 2, { post: 1 })],
  [
    'photo 1 is said to be in post 2, which does not show it',
    (tx) => tx.update(media, 1, { post: 2 }),
  ],
  [
    'photo 2 is said to be in the profile of user 2, which does not show it',
    (tx) => tx.update(users, BEN, { avatar: 0 }),
  ],
  [
    'user 1 shows photo 2, which is said to be elsewhere',
    (tx) => tx.update(users, 1, { avatar: 2 }),
  ],
  [
    'photo 1 has file 0, which is not there',
    (tx) => {
      tx.update(media, 1, { file: 0 })
      tx.remove(files, 1)
    },
  ],
  [
    'file 3 is shown by no photo',
    (tx) => void tx.insert(files, { name: 'x.webp', contentType: 'image/webp', size: 1 }),
  ],
  ['tag 2 is that of no post', (tx) => void tx.insert(tags, { name: 'sky', key: 'sky' })],
  [
    'tagging 2 is of post 2, which cannot have tags',
    (tx) => void tx.insert(taggings, { tag: 1, post: 2 }),
  ],
  ['tagging 1 is of tag 1, which is not there', (tx) => tx.remove(tags, 1)],
  [
    'collection item 1 is of collection 0, which is not there',
    (tx) => void tx.insert(collectionItems, { post: 1 }),
  ],
  [
    'follow 1 is of user 1 by itself',
    (tx) => void tx.insert(follows, { follower: ANNA, followee: ANNA }),
  ],
  [
    'follow 1 goes across a block between users 1 and 2',
    (tx) => {
      tx.insert(follows, { follower: ANNA, followee: BEN })
      tx.insert(blocks, { blocker: BEN, blocked: ANNA })
    },
  ],
  [
    'follow request 1 is of user 3 by itself',
    (tx) => void tx.insert(followRequests, { requester: CLEO, target: CLEO }),
  ],
  [
    'follow request 1 goes across a block',
    (tx) => {
      tx.insert(followRequests, { requester: ANNA, target: CLEO })
      tx.insert(blocks, { blocker: CLEO, blocked: ANNA })
    },
  ],
  [
    'follow request 1 asks user 2, who is public',
    (tx) => void tx.insert(followRequests, { requester: ANNA, target: BEN }),
  ],
  [
    'follow request 1 asks user 3, who is followed already',
    (tx) => {
      tx.insert(followRequests, { requester: ANNA, target: CLEO })
      tx.insert(follows, { follower: ANNA, followee: CLEO })
    },
  ],
  ['session 1 is of user 1, who is not there', (tx) => tx.update(users, ANNA, { deletedAt: 1 })],
]

test('a sound network has nothing to tell', async () => {
  await using network = await little()
  expect(checkNetwork(network.view)).toEqual([])
})

test.each(FAULTS)('%s', async (sentence, fault) => {
  await using network = await little()
  plant = fault
  await network.run('plant' as never, null as never)
  const told = checkNetwork(network.view)
  expect(told).toContain(sentence)
  // One row may contradict another from both sides.
  expect(told.length).toBeLessThanOrEqual(2)
})

test('it stops at a hundred sentences', async () => {
  await using network = await little()
  plant = (tx) => {
    for (let count = 0; count < 150; count++) tx.insert(sessions, { tokenHash: `${count}` })
  }
  await network.run('plant' as never, null as never)
  expect(checkNetwork(network.view)).toHaveLength(100)
})
