// The end of an account in the model: what goes at once, what goes step by step, what stays.

import { expect } from 'vitest'
import { ERASE_ROWS_MAX, unfinishedErasures } from '../../src/model/account-deletion.ts'
import { checkNetwork } from '../../src/model/check.ts'
import { JOB_STATES } from '../../src/model/jobs.ts'
import { recoveryHashOf } from '../../src/model/second-factor-codes.ts'
import {
  bookmarks,
  collectionItems,
  collections,
  drafts,
  files,
  followRequests,
  follows,
  identities,
  invites,
  jobs,
  likes,
  mailTokens,
  markers,
  media,
  mutes,
  notifications,
  posts,
  reports,
  sessions,
  users,
} from '../../src/model/schema.ts'
import { transactions } from '../../src/model/transactions.ts'
import { userOfHandle } from '../../src/model/users.ts'
import { isListed, isUserVisible, isVisible } from '../../src/model/visibility.ts'
import { NOON, expectCode, networkTest } from '../support/network.ts'
import type { Transaction } from '../../src/engine/transaction.ts'
import type { NewRow } from '../../src/engine/schema.ts'
import type { AnyTable } from '../../src/engine/view.ts'
import type { Network } from '../support/network.ts'

/** Rows as they are, whatever the rules: what is erased does not depend on how it came about. */
async function put<T extends AnyTable>(
  network: Network,
  table: T,
  ...rows: readonly NewRow<T>[]
): Promise<void> {
  await network.close()
  const plant = (tx: Transaction, input: { rows: readonly NewRow<T>[] }): void => {
    for (const row of input.rows) tx.insert(table, row)
  }
  await network.open({ transactions: { ...transactions, plant } as never })
  await network.store.transact('plant' as never, { rows } as never)
}

/** Steps until nothing is left; returns how many. */
async function erase(network: Network, job: number): Promise<number> {
  for (let step = 1; ; step++) {
    if ((await network.run('eraseStep', { job })).isDone) return step
  }
}

networkTest('an account is gone at once for everybody, and its handle is free', async (network) => {
  const anna = await network.signUp('Anna')
  const ben = await network.signUp('ben')
  await network.run('updateProfile', { user: anna, name: 'Anna', bio: 'A bio' })
  const post = await network.post(anna)
  const bensPost = await network.post(ben)
  const comment = await network.comment(anna, bensPost)
  const job = await network.run('deleteAccount', { user: anna, session: 0 })

  expect(network.view.get(users, anna)).toMatchObject({
    deletedAt: NOON,
    handle: '',
    handleKey: '',
    name: '',
    bio: '',
    passwordHash: '',
    email: '',
  })
  for (const viewer of [0, ben, anna]) {
    expect(isUserVisible(network.view, anna, viewer)).toBe(false)
    if (viewer === anna) continue
    expect(isListed(network.view, post, viewer)).toBe(false)
    expect(isVisible(network.view, comment, viewer)).toBe(false)
  }
  expect(userOfHandle(network.view, 'anna')).toBe(0)
  expect(network.view.newest(sessions.indexes.byUser, anna, 10)).toEqual([])
  const again = await network.signUp('anna')
  expect(again).not.toBe(anna)
  await expectCode(network.run('deleteAccount', { user: anna, session: 0 }), 'USER_NOT_FOUND')
  await erase(network, job)
  expect(userOfHandle(network.view, 'anna')).toBe(again)
})

networkTest('everything of the account goes, and nothing of others', async (network) => {
  const [anna, ben, cleo] = [
    await network.signUp('anna'),
    await network.signUp('ben'),
    await network.signUp('cleo'),
  ]
  await network.run('follow', { follower: anna, followee: ben })
  await network.run('follow', { follower: ben, followee: anna })
  await network.run('follow', { follower: ben, followee: cleo })
  const annasPost = await network.post(anna)
  const bensPost = await network.post(ben)
  await network.run('like', { user: anna, post: bensPost })
  await network.run('like', { user: cleo, post: bensPost })
  await network.run('like', { user: cleo, post: annasPost })
  await network.run('mute', { muter: ben, muted: anna })
  await network.run('mute', { muter: anna, muted: cleo })
  await network.photo(anna)
  const bensPhoto = await network.photo(ben)
  const at = { createdAt: NOON }
  await put(network, bookmarks, { user: anna, post: bensPost }, { user: ben, post: annasPost })
  await put(network, collections, { owner: anna, name: 'Mine' }, { owner: ben, name: 'His' })
  await put(network, collectionItems, { collection: 1, post: bensPost }, { collection: 2, post: 1 })
  await put(network, drafts, { owner: anna, content: { a: 1 } }, { owner: ben, content: {} })
  await put(network, followRequests, { requester: anna, target: cleo, ...at })
  await put(network, followRequests, { requester: cleo, target: anna, ...at })
  await put(network, invites, { creator: anna, codeHash: 'a' }, { creator: ben, codeHash: 'b' })
  await put(network, mailTokens, { user: anna, tokenHash: 'a', email: 'a@example.org' })
  await put(network, identities, { user: anna, key: 'i a' }, { user: ben, key: 'i b' })
  await put(network, jobs, { user: anna, state: 1, kind: 'mail', input: { to: 'a@example.org' } })
  await put(network, jobs, { user: ben, state: 1, kind: 'mail', input: { to: 'b@example.org' } })
  await put(network, markers, { user: anna, notification: 1 }, { user: ben, notification: 1 })
  await put(network, reports, { reporter: anna, user: ben, state: 1, comment: 'my words' })
  await put(network, reports, { reporter: ben, user: anna, state: 1, comment: 'his words' })

  const job = await network.run('deleteAccount', { user: anna, session: 0 })
  expect(network.view.find(identities.indexes.byKey, 'i a')).toBe(0)
  await erase(network, job)
  const { view } = network
  const left = (table: AnyTable): unknown[] =>
    view.getMany(
      table,
      Array.from({ length: view.lastId(table) }, (_, index) => index + 1),
    )
  expect(left(follows)).toMatchObject([{ follower: ben, followee: cleo }])
  expect(left(likes)).toMatchObject([
    { user: cleo, post: bensPost },
    { user: cleo, post: annasPost },
  ])
  expect(left(mutes)).toEqual([])
  expect(left(bookmarks)).toMatchObject([{ user: ben }])
  expect(left(collections)).toMatchObject([{ owner: ben }])
  expect(left(collectionItems)).toMatchObject([{ collection: 2 }])
  expect(left(drafts)).toMatchObject([{ owner: ben }])
  expect(left(followRequests)).toEqual([])
  expect(left(invites)).toMatchObject([{ creator: ben }])
  expect(left(mailTokens)).toEqual([])
  expect(left(identities)).toMatchObject([{ user: ben }])
  expect(left(markers)).toMatchObject([{ user: ben }])
  const told = left(notifications) as { user: number; actor: number }[]
  expect(told.filter(({ user, actor }) => user === anna || actor === anna)).toEqual([])
  expect(left(reports)).toMatchObject([
    { reporter: 0, user: ben, comment: '' },
    { reporter: ben, user: anna, comment: 'his words' },
  ])
  expect(left(jobs)).toMatchObject([{ kind: 'mail', user: ben }, { id: job }])
  expect(view.get(jobs, job)).toMatchObject({ finishedAt: NOON, output: null })
  expect(view.newest(media.indexes.byOwner, anna, 10)).toEqual([])
  expect(view.has(media, bensPhoto)).toBe(true)
  expect(view.rowCount(files)).toBe(2)
  expect(view.get(posts, annasPost)).toMatchObject({ isGone: true, caption: '', media: [] })
  expect(view.get(users, ben)).toMatchObject({ followers: 0, following: 1, posts: 1 })
  expect(view.value(posts, bensPost, 'likes')).toBe(1)
})

networkTest('the network is in order after each step', async (network) => {
  const anna = await network.signUp('anna')
  const ben = await network.signUp('ben')
  await network.run('updateProfile', { user: anna, isPrivate: true })
  await network.run('follow', { follower: ben, followee: anna })
  await network.post(anna, 'With #tags')
  const bensPost = await network.post(ben)
  await network.run('block', { blocker: anna, blocked: await network.signUp('cleo') })
  expect(network.view.rowCount(followRequests)).toBe(1)
  const likeCount = ERASE_ROWS_MAX + 1
  await put(network, posts, ...Array.from({ length: likeCount }, () => ({ author: ben })))
  await put(
    network,
    likes,
    ...Array.from({ length: likeCount }, (_, index) => ({
      user: anna,
      post: bensPost + 1 + index,
    })),
  )
  expect(checkNetwork(network.view)).toEqual([])
  const job = await network.run('deleteAccount', { user: anna, session: 0 })
  expect(checkNetwork(network.view)).toEqual([])
  while (!(await network.run('eraseStep', { job })).isDone) {
    expect(checkNetwork(network.view)).toEqual([])
  }
  expect(checkNetwork(network.view)).toEqual([])
  expect(network.view.rowCount(followRequests)).toBe(0)
  expect(network.view.value(users, anna, 'isPrivate')).toBe(0)
})

networkTest('comments go, or become tombstones where somebody has answered', async (network) => {
  const anna = await network.signUp('anna')
  const ben = await network.signUp('ben')
  const post = await network.post(ben)
  const alone = await network.comment(anna, post)
  const answered = await network.comment(anna, post, post, 'Answered')
  const answer = await network.comment(ben, post, answered)
  const below = await network.comment(anna, post, answer)
  await erase(network, await network.run('deleteAccount', { user: anna, session: 0 }))
  const { view } = network
  expect(view.get(posts, alone)).toMatchObject({ isGone: true, caption: '' })
  expect(view.get(posts, answered)).toMatchObject({ isGone: false, caption: '', deletedAt: NOON })
  expect(view.get(posts, below)).toMatchObject({ isGone: true })
  expect(view.get(posts, answer)).toMatchObject({ isGone: false, deletedAt: 0, caption: 'Hi' })
  // The tombstone goes with the last that it kept.
  await network.run('deletePost', { post: answer, user: ben })
  expect(view.get(posts, answered)).toMatchObject({ isGone: true })
})

networkTest('many rows take many bounded steps, which a restart does not end', async (network) => {
  const anna = await network.signUp('anna')
  const ben = await network.signUp('ben')
  const post = await network.post(ben)
  const comments = 1_200
  await put(
    network,
    posts,
    ...Array.from({ length: comments }, () => ({
      author: anna,
      parent: post,
      root: post,
      depth: 1,
      caption: 'One of many',
      publishedAt: NOON,
    })),
  )
  // Tombstones of every other one: they stay in the list that the steps walk along.
  const written = network.view.newest(posts.indexes.allByAuthor, anna, comments)
  await put(
    network,
    posts,
    ...written
      .filter((_, index) => index % 2 === 0)
      .map((parent) => ({ author: ben, parent, root: post, depth: 2, caption: 'Answer' })),
  )
  const likeCount = 1_800
  await put(
    network,
    likes,
    ...Array.from({ length: likeCount }, (_, index) => ({ user: anna, post: index + 1 })),
  )
  const job = await network.run('deleteAccount', { user: anna, session: 0 })
  const before = network.view.rowCount(likes)
  expect(await network.run('eraseStep', { job })).toEqual({ isDone: false })
  expect(before - network.view.rowCount(likes)).toBeLessThanOrEqual(ERASE_ROWS_MAX)

  await network.close()
  await network.open()
  expect(unfinishedErasures(network.view, 0, 10).jobs).toEqual([job])
  const steps = await erase(network, job)
  expect(steps).toBeGreaterThanOrEqual(3)
  expect(network.view.rowCount(likes)).toBe(0)
  const live = written.filter((id) => network.view.value(posts, id, 'deletedAt') === 0)
  expect(live).toEqual([])
  expect(network.view.value(posts, post, 'comments')).toBe(comments / 2)
  expect(unfinishedErasures(network.view, 0, 10).jobs).toEqual([])
  expect(await network.run('eraseStep', { job })).toEqual({ isDone: true })
})

networkTest('a large collection goes in steps, too', async (network) => {
  const anna = await network.signUp('anna')
  await put(network, collections, { owner: anna, name: 'Large' })
  const count = ERASE_ROWS_MAX + 5
  await put(network, posts, ...Array.from({ length: count }, () => ({ caption: 'Saved' })))
  const items = Array.from({ length: count }, (_, index) => ({ collection: 1, post: index + 1 }))
  await put(network, collectionItems, ...items)
  const job = await network.run('deleteAccount', { user: anna, session: 0 })
  expect(await erase(network, job)).toBe(2)
  expect(network.view.rowCount(collectionItems)).toBe(0)
  expect(network.view.rowCount(collections)).toBe(0)
})

networkTest('a job that is none of these is done, and is left alone', async (network) => {
  expect(await network.run('eraseStep', { job: 99 })).toEqual({ isDone: true })
  const ben = await network.signUp('ben')
  await put(network, jobs, { user: ben, state: 1, kind: 'mail' })
  expect(await network.run('eraseStep', { job: 1 })).toEqual({ isDone: true })
  expect(network.view.get(users, ben)!.handle).toBe('ben')
  expect(JOB_STATES[network.view.value(jobs, 1, 'state')]).toBe('waiting')
  expect(unfinishedErasures(network.view, 0, 10)).toEqual({ jobs: [], last: 1 })
})

networkTest(
  'with a second factor it takes a code, and a stale log-in is not enough',
  async (network) => {
    const user = await network.signUp('anna')
    const session = network.view.newest(sessions.indexes.byUser, user, 1)[0]!
    network.clock.time += 10 * 60_000 + 1
    await expectCode(network.run('deleteAccount', { user, session }), 'LOG_IN_STALE')
    await put(network, users, {
      handle: 'ben',
      handleKey: 'ben',
      totpSecret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
      recoveryHashes: [recoveryHashOf('aaaa')],
    })
    const ben = userOfHandle(network.view, 'ben')
    const input = { user: ben, session: 0 }
    await expectCode(network.run('deleteAccount', input), 'SECOND_FACTOR_NEEDED')
    await expectCode(network.run('deleteAccount', { ...input, code: 'b' }), 'SECOND_FACTOR_WRONG')
    await network.run('deleteAccount', { ...input, code: 'AAAA' })
    expect(network.view.get(users, ben)).toMatchObject({ totpSecret: '', recoveryHashes: [] })
  },
)
