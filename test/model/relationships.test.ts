// Follows, requests to follow, blocks and mutes in the model: who may, what ends what, and how many
// there may be.

import { expect } from 'vitest'
import { hasRequested } from '../../src/model/follow-requests.ts'
import { isFollowing } from '../../src/model/follows.ts'
import {
  BLOCK_COUNT_MAX,
  FOLLOWING_COUNT_MAX,
  MUTE_COUNT_MAX,
  REQUESTS_RECEIVED_COUNT_MAX,
} from '../../src/model/limits.ts'
import { blocks, followRequests, follows, mutes, sessions, users } from '../../src/model/schema.ts'
import { hasBlocked, hasMuted, isBlockBetween } from '../../src/model/visibility.ts'
import { arrange } from '../support/arranged.ts'
import { expectCode, networkTest } from '../support/network.ts'
import type { Network } from '../support/network.ts'

async function three(network: Network): Promise<[number, number, number]> {
  const anna = await network.signUp('anna')
  const ben = await network.signUp('ben')
  return [anna, ben, await network.signUp('cleo')]
}

const makePrivate = (network: Network, user: number, isPrivate = true): Promise<void> =>
  network.run('updateProfile', { user, isPrivate })

const suspend = (network: Network, user: number): Promise<void> =>
  network.run('suspendUser', { user, moderator: 0, reason: 'Spam' })

/** Followers, followees, requests received, requests made. */
function countsOf({ view }: Network, user: number): readonly number[] {
  const row = view.get(users, user)!
  return [row.followers, row.following, row.followRequests, row.requesting]
}

networkTest('a public account is followed at once', async (network) => {
  const [anna, ben] = await three(network)
  for (let time = 0; time < 2; time++) {
    await network.run('follow', { follower: anna, followee: ben })
    expect(isFollowing(network.view, anna, ben)).toBe(true)
    expect(isFollowing(network.view, ben, anna)).toBe(false)
    expect(network.view.rowCount(follows)).toBe(1)
  }
  for (let time = 0; time < 2; time++) {
    await network.run('unfollow', { follower: anna, followee: ben })
    expect(network.view.rowCount(follows)).toBe(0)
  }
})

networkTest('a private account is asked, and grants', async (network) => {
  const [anna, ben] = await three(network)
  await makePrivate(network, ben)
  for (let time = 0; time < 2; time++) {
    await network.run('follow', { follower: anna, followee: ben })
    expect(isFollowing(network.view, anna, ben)).toBe(false)
    expect(hasRequested(network.view, anna, ben)).toBe(true)
    expect(hasRequested(network.view, ben, anna)).toBe(false)
    expect(countsOf(network, ben)).toEqual([0, 0, 1, 0])
    expect(countsOf(network, anna)).toEqual([0, 0, 0, 1])
  }
  for (let time = 0; time < 2; time++) {
    await network.run('grantFollow', { requester: anna, target: ben })
    expect(isFollowing(network.view, anna, ben)).toBe(true)
    expect(countsOf(network, ben)).toEqual([1, 0, 0, 0])
    expect(countsOf(network, anna)).toEqual([0, 1, 0, 0])
  }
  // Who follows already asks for nothing.
  await network.run('follow', { follower: anna, followee: ben })
  expect(network.view.rowCount(followRequests)).toBe(0)
})

networkTest('a request is refused by the one and withdrawn by the other', async (network) => {
  const [anna, ben] = await three(network)
  await makePrivate(network, ben)
  const request = { requester: anna, target: ben }
  for (const end of [
    () => network.run('refuseFollow', request),
    () => network.run('unfollow', { follower: anna, followee: ben }),
  ]) {
    await network.run('follow', { follower: anna, followee: ben })
    await end()
    await end()
    expect(hasRequested(network.view, anna, ben)).toBe(false)
    expect(isFollowing(network.view, anna, ben)).toBe(false)
    await expectCode(network.run('grantFollow', request), 'REQUEST_NOT_FOUND')
  }
  // Nobody grants in the name of another.
  await network.run('follow', { follower: anna, followee: ben })
  await expectCode(
    network.run('grantFollow', { requester: ben, target: anna }),
    'REQUEST_NOT_FOUND',
  )
})

networkTest('who follows stays when an account becomes private', async (network) => {
  const [anna, ben] = await three(network)
  await network.run('follow', { follower: anna, followee: ben })
  await makePrivate(network, ben)
  expect(isFollowing(network.view, anna, ben)).toBe(true)
})

networkTest('an account that becomes public grants what waits', async (network) => {
  const [anna, ben, cleo] = await three(network)
  await makePrivate(network, cleo)
  await network.run('follow', { follower: anna, followee: cleo })
  await network.run('follow', { follower: ben, followee: cleo })
  await network.run('updateProfile', { user: cleo, name: 'Cleo' })
  expect(countsOf(network, cleo)).toEqual([0, 0, 2, 0])
  await makePrivate(network, cleo, false)
  expect(countsOf(network, cleo)).toEqual([2, 0, 0, 0])
  expect(isFollowing(network.view, anna, cleo)).toBe(true)
  expect(isFollowing(network.view, ben, cleo)).toBe(true)
})

networkTest('a follower is removed, and may come again', async (network) => {
  const [anna, ben] = await three(network)
  await network.run('follow', { follower: anna, followee: ben })
  await network.run('follow', { follower: ben, followee: anna })
  for (let time = 0; time < 2; time++) {
    await network.run('removeFollower', { follower: anna, followee: ben })
    expect(isFollowing(network.view, anna, ben)).toBe(false)
    expect(isFollowing(network.view, ben, anna)).toBe(true)
  }
  await network.run('follow', { follower: anna, followee: ben })
})

networkTest('a block ends what there is between two, and lets nothing come', async (network) => {
  const [anna, ben, cleo] = await three(network)
  await makePrivate(network, anna)
  await network.run('follow', { follower: anna, followee: ben })
  await network.run('follow', { follower: ben, followee: anna })
  await network.run('follow', { follower: cleo, followee: anna })
  for (let time = 0; time < 2; time++) {
    await network.run('block', { blocker: anna, blocked: ben })
    expect(network.view.rowCount(blocks)).toBe(1)
    expect(hasBlocked(network.view, anna, ben)).toBe(true)
    expect(hasBlocked(network.view, ben, anna)).toBe(false)
    expect(isBlockBetween(network.view, ben, anna)).toBe(true)
    expect(isBlockBetween(network.view, cleo, anna)).toBe(false)
    expect(countsOf(network, anna)).toEqual([0, 0, 1, 0])
    expect(countsOf(network, ben)).toEqual([0, 0, 0, 0])
  }
  await expectCode(network.run('follow', { follower: ben, followee: anna }), 'USER_NOT_FOUND')
  await expectCode(network.run('follow', { follower: anna, followee: ben }), 'USER_BLOCKED')
  // To whom one is not there, one cannot do a thing.
  await expectCode(network.run('block', { blocker: ben, blocked: anna }), 'USER_NOT_FOUND')
  await expectCode(network.run('mute', { muter: ben, muted: anna }), 'USER_NOT_FOUND')

  for (let time = 0; time < 2; time++) {
    await network.run('unblock', { blocker: anna, blocked: ben })
    expect(network.view.rowCount(blocks)).toBe(0)
    expect(countsOf(network, anna)).toEqual([0, 0, 1, 0])
  }
  await network.run('follow', { follower: anna, followee: ben })
})

networkTest('a moderator has no way round a block', async (network) => {
  const [anna, ben] = await three(network)
  await network.run('setRole', { user: ben, role: 'moderator' })
  await network.run('block', { blocker: anna, blocked: ben })
  await expectCode(network.run('follow', { follower: ben, followee: anna }), 'USER_NOT_FOUND')
  const post = await network.post(anna)
  await expectCode(network.run('like', { user: ben, post }), 'POST_NOT_FOUND')
  await expectCode(network.comment(ben, post), 'POST_NOT_FOUND')
  // Both may have blocked each other: either block hides, until both have ended.
  await network.run('block', { blocker: ben, blocked: anna })
  await network.run('unblock', { blocker: ben, blocked: anna })
  expect(isBlockBetween(network.view, anna, ben)).toBe(true)
  await network.run('unblock', { blocker: anna, blocked: ben })
  expect(isBlockBetween(network.view, anna, ben)).toBe(false)
})

networkTest('a mute changes nothing but itself', async (network) => {
  const [anna, ben] = await three(network)
  await network.run('follow', { follower: anna, followee: ben })
  for (let time = 0; time < 2; time++) {
    await network.run('mute', { muter: anna, muted: ben })
    expect(network.view.rowCount(mutes)).toBe(1)
    expect(hasMuted(network.view, anna, ben)).toBe(true)
    expect(hasMuted(network.view, ben, anna)).toBe(false)
    expect(hasMuted(network.view, 0, ben)).toBe(false)
    expect(isFollowing(network.view, anna, ben)).toBe(true)
  }
  for (let time = 0; time < 2; time++) {
    await network.run('unmute', { muter: anna, muted: ben })
    expect(hasMuted(network.view, anna, ben)).toBe(false)
  }
})

networkTest('nobody does any of it to themselves', async (network) => {
  const [anna] = await three(network)
  await expectCode(network.run('follow', { follower: anna, followee: anna }), 'FOLLOW_SELF')
  await expectCode(network.run('block', { blocker: anna, blocked: anna }), 'BLOCK_SELF')
  await expectCode(network.run('mute', { muter: anna, muted: anna }), 'MUTE_SELF')
  await network.run('unfollow', { follower: anna, followee: anna })
  await network.run('removeFollower', { follower: anna, followee: anna })
})

networkTest('nobody does any of it to who is not there, or as such', async (network) => {
  const [anna, ben, cleo] = await three(network)
  await network.run('follow', { follower: ben, followee: anna })
  await suspend(network, ben)
  const session = network.view.newest(sessions.indexes.byUser, cleo, 1)[0]!
  await network.run('deleteAccount', { user: cleo, session })
  const nobody = 99
  for (const gone of [ben, cleo, nobody]) {
    for (const [one, other] of [
      [anna, gone],
      [gone, anna],
    ] as const) {
      const follow = { follower: one, followee: other }
      const request = { requester: other, target: one }
      for (const attempt of [
        () => network.run('follow', follow),
        () => network.run('unfollow', follow),
        () => network.run('removeFollower', { follower: other, followee: one }),
        () => network.run('grantFollow', request),
        () => network.run('refuseFollow', request),
        () => network.run('block', { blocker: one, blocked: other }),
        () => network.run('unblock', { blocker: one, blocked: other }),
        () => network.run('mute', { muter: one, muted: other }),
        () => network.run('unmute', { muter: one, muted: other }),
      ]) {
        await expectCode(attempt(), 'USER_NOT_FOUND')
      }
    }
  }
  // What there was comes back with somebody who was suspended.
  await network.run('liftSuspension', { user: ben, moderator: 0 })
  expect(isFollowing(network.view, ben, anna)).toBe(true)
})

networkTest('one follows, and asks to follow, no more than so many', async (network) => {
  const [anna, ben, cleo] = await three(network)
  await makePrivate(network, cleo)
  await network.run('follow', { follower: anna, followee: cleo })
  await arrange(network, (tx) => {
    // Follows of nobody count.
    for (let count = 0; count < FOLLOWING_COUNT_MAX - 1; count++) {
      tx.insert(follows, { follower: anna, createdAt: tx.now })
    }
  })
  await expect(network.run('follow', { follower: anna, followee: ben })).rejects.toMatchObject({
    code: 'FOLLOWING_TOO_MANY',
    message: 'You follow 4999 people and ask to follow 1; 5000 is the most.',
  })
  await makePrivate(network, ben)
  const follow = { follower: anna, followee: ben }
  await expectCode(network.run('follow', follow), 'FOLLOWING_TOO_MANY')
  // Asking again for what one has asked for is no further request, and a grant goes through.
  await network.run('follow', { follower: anna, followee: cleo })
  await network.run('grantFollow', { requester: anna, target: cleo })
  await expectCode(network.run('follow', follow), 'FOLLOWING_TOO_MANY')
  await network.run('unfollow', { follower: anna, followee: cleo })
  await network.run('follow', follow)
})

networkTest('a private account has so many requests waiting, granted at once', async (network) => {
  const [anna, ben] = await three(network)
  await makePrivate(network, ben)
  await arrange(network, (tx) => {
    for (let count = 0; count < REQUESTS_RECEIVED_COUNT_MAX; count++) {
      const requester = tx.insert(users, { handle: `u${count}`, handleKey: `u${count}` })
      tx.insert(followRequests, { requester, target: ben, createdAt: tx.now })
    }
  })
  await expectCode(network.run('follow', { follower: anna, followee: ben }), 'REQUESTS_TOO_MANY')
  await makePrivate(network, ben, false)
  expect(countsOf(network, ben)).toEqual([REQUESTS_RECEIVED_COUNT_MAX, 0, 0, 0])
  await network.run('follow', { follower: anna, followee: ben })
})

networkTest('blocks and mutes are so many at most', async (network) => {
  const [anna, ben] = await three(network)
  await arrange(network, (tx) => {
    for (let count = 0; count < BLOCK_COUNT_MAX; count++) tx.insert(blocks, { blocker: anna })
    for (let count = 0; count < MUTE_COUNT_MAX; count++) tx.insert(mutes, { muter: anna })
  })
  await expectCode(network.run('block', { blocker: anna, blocked: ben }), 'BLOCKS_TOO_MANY')
  await expectCode(network.run('mute', { muter: anna, muted: ben }), 'MUTES_TOO_MANY')
})

networkTest('what one has said one may take back, wherever it stands', async (network) => {
  const [anna, ben, cleo] = await three(network)
  const post = await network.post(anna)
  const comment = await network.comment(ben, post)
  const other = await network.comment(cleo, post)
  await network.run('block', { blocker: anna, blocked: ben })
  await expectCode(network.run('deletePost', { post: other, user: ben }), 'POST_NOT_FOUND')
  await expectCode(network.run('deletePost', { post: comment, user: cleo }), 'POST_NOT_FOUND')
  await network.run('deletePost', { post: comment, user: ben })
  await expectCode(network.run('deletePost', { post: comment, user: ben }), 'POST_NOT_FOUND')
})
