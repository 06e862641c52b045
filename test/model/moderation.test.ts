// Moderation: who may do what to whom, what it hides, and that it is written down.

import { expect } from 'vitest'
import { usersInState } from '../../src/model/moderation.ts'
import { reportsInState } from '../../src/model/reports.ts'
import { posts, reports, sessions, users } from '../../src/model/schema.ts'
import { isListed, isUserVisible, isVisible } from '../../src/model/visibility.ts'
import { NOON, expectCode, networkTest } from '../support/network.ts'
import type { Role } from '../../src/model/users.ts'
import type { Network } from '../support/network.ts'

async function withRole(network: Network, handle: string, role: Role): Promise<number> {
  const user = await network.signUp(handle)
  await network.run('setRole', { user, role })
  return user
}

/** What moderators did, newest first. */
function acts(network: Network): unknown[] {
  const ids = reportsInState(network.view, 'resolved', 50)
  return ids.map((id) => {
    const { handledBy, user, post, reason, note } = network.view.get(reports, id)!
    return { handledBy, user, post, reason, note }
  })
}

networkTest(
  'suspension ends log-ins, hides the account, and is taken back whole',
  async (network) => {
    const moderator = await withRole(network, 'saburo', 'moderator')
    const hanako = await network.signUp('hanako')
    const jiro = await network.signUp('jiro')
    const post = await network.post(hanako)
    await network.run('suspendUser', { user: hanako, moderator, reason: ' Spam ' })
    const { view } = network
    expect(view.get(users, hanako)).toMatchObject({ suspendedAt: NOON, suspension: 'Spam' })
    expect(view.newest(sessions.indexes.byUser, hanako, 10)).toEqual([])
    expect(isUserVisible(view, hanako, jiro)).toBe(false)
    expect(isUserVisible(view, hanako, moderator)).toBe(true)
    expect(isVisible(view, post, jiro)).toBe(false)
    const logIn = network.run('logIn', { user: hanako, tokenHash: 'x'.repeat(43) })
    await expect(logIn).rejects.toMatchObject({
      code: 'ACCOUNT_SUSPENDED',
      message: expect.stringContaining('Spam') as string,
    })

    await network.run('liftSuspension', { user: hanako, moderator })
    expect(view.get(users, hanako)).toMatchObject({ suspendedAt: 0, suspension: '' })
    expect(isVisible(view, post, jiro)).toBe(true)
    expect(acts(network)).toEqual([
      { handledBy: moderator, user: hanako, post: 0, reason: 'suspension_lifted', note: '' },
      { handledBy: moderator, user: hanako, post: 0, reason: 'suspension', note: 'Spam' },
    ])
  },
)

networkTest('moderators stand above users, admins above moderators', async (network) => {
  const moderator = await withRole(network, 'moderator', 'moderator')
  const other = await withRole(network, 'other', 'moderator')
  const admin = await withRole(network, 'admin', 'admin')
  const second = await withRole(network, 'second', 'admin')
  const suspend = (by: number, user: number): Promise<unknown> =>
    network.run('suspendUser', { user, moderator: by, reason: 'Because' })
  const lift = (by: number, user: number): Promise<unknown> =>
    network.run('liftSuspension', { user, moderator: by })
  await expectCode(suspend(moderator, other), 'RANK_TOO_LOW')
  await expectCode(suspend(moderator, admin), 'RANK_TOO_LOW')
  await expectCode(suspend(moderator, moderator), 'MODERATE_SELF')
  await expectCode(suspend(admin, admin), 'MODERATE_SELF')
  await expectCode(suspend(admin, 99), 'USER_NOT_FOUND')
  await suspend(admin, other)
  await expectCode(lift(moderator, other), 'RANK_TOO_LOW')
  await lift(second, other)
  await suspend(second, admin)
  // The operator is nobody's equal.
  await suspend(0, second)
  expect(usersInState(network.view, 'suspended', 10).ids).toEqual([second, admin])
})

networkTest('an act needs a reason, and twice is once', async (network) => {
  const hanako = await network.signUp('hanako')
  const post = await network.post(hanako)
  const input = { user: hanako, moderator: 0 }
  await expectCode(network.run('suspendUser', { ...input, reason: ' \n' }), 'TEXT_EMPTY')
  const long = 'x'.repeat(1_001)
  await expectCode(network.run('suspendUser', { ...input, reason: long }), 'TEXT_TOO_LONG')
  await expectCode(network.run('removePost', { post, moderator: 0, reason: '' }), 'TEXT_EMPTY')
  await network.run('liftSuspension', input)
  await network.run('liftRemoval', { post, moderator: 0 })
  expect(acts(network)).toEqual([])
  for (let count = 0; count < 2; count++) {
    network.clock.time += 1
    await network.run('suspendUser', { ...input, reason: 'Spam' })
    await network.run('removePost', { post, moderator: 0, reason: 'Spam' })
  }
  expect(acts(network)).toHaveLength(2)
  expect(network.view.value(users, hanako, 'suspendedAt')).toBe(NOON + 1)
  await network.run('suspendUser', { ...input, reason: 'Hate' })
  expect(network.view.get(users, hanako)).toMatchObject({
    suspendedAt: NOON + 1,
    suspension: 'Hate',
  })
})

networkTest('a removed post is its author’s and the moderators’', async (network) => {
  const moderator = await withRole(network, 'saburo', 'moderator')
  const hanako = await network.signUp('hanako')
  const jiro = await network.signUp('jiro')
  const post = await network.post(hanako)
  const comment = await network.comment(jiro, post)
  await network.run('removePost', { post: comment, moderator, reason: 'Rude' })
  const { view } = network
  expect(isListed(view, comment, hanako)).toBe(false)
  expect(isListed(view, comment, jiro)).toBe(true)
  await network.run('removePost', { post, moderator, reason: 'Spam' })
  expect(view.get(posts, post)).toMatchObject({
    removedAt: NOON,
    removal: 'Spam',
    caption: 'Hello',
  })
  expect(isVisible(view, post, jiro)).toBe(false)
  expect(isVisible(view, post, hanako)).toBe(true)
  expect(isVisible(view, post, moderator)).toBe(true)
  expect(isListed(view, post, moderator)).toBe(false)
  await network.run('liftRemoval', { post, moderator })
  expect(view.get(posts, post)).toMatchObject({ removedAt: 0, removal: '' })
  expect(isVisible(view, post, jiro)).toBe(true)
  expect(acts(network)).toEqual([
    { handledBy: moderator, user: hanako, post, reason: 'removal_lifted', note: '' },
    { handledBy: moderator, user: hanako, post, reason: 'removal', note: 'Spam' },
    { handledBy: moderator, user: jiro, post: comment, reason: 'removal', note: 'Rude' },
  ])
})

networkTest('moderators do not judge what they have published', async (network) => {
  const moderator = await withRole(network, 'saburo', 'moderator')
  const post = await network.post(moderator)
  const input = { post, moderator }
  await expectCode(network.run('removePost', { ...input, reason: 'Spam' }), 'MODERATE_SELF')
  await network.run('removePost', { post, moderator: 0, reason: 'Spam' })
  await expectCode(network.run('liftRemoval', input), 'MODERATE_SELF')
  expect(network.view.value(posts, post, 'removedAt')).toBe(NOON)
})

networkTest('what is not there is not removed', async (network) => {
  const hanako = await network.signUp('hanako')
  const post = await network.post(hanako)
  await network.run('deletePost', { post, user: hanako })
  for (const id of [post, 99, 0]) {
    const remove = network.run('removePost', { post: id, moderator: 0, reason: 'Spam' })
    await expectCode(remove, 'POST_NOT_FOUND')
    await expectCode(network.run('liftRemoval', { post: id, moderator: 0 }), 'POST_NOT_FOUND')
  }
})

networkTest('users are listed by their state, a page at a time', async (network) => {
  const one = await network.signUp('one')
  const two = await withRole(network, 'two', 'moderator')
  const three = await network.signUp('three')
  const four = await network.signUp('four')
  await network.run('suspendUser', { user: three, moderator: 0, reason: 'Spam' })
  const { view } = network
  expect(usersInState(view, 'all', 3)).toEqual({ ids: [four, three, two], next: two })
  expect(usersInState(view, 'all', 3, two)).toEqual({ ids: [one], next: null })
  expect(usersInState(view, 'active', 9)).toEqual({ ids: [four, two, one], next: null })
  expect(usersInState(view, 'suspended', 9)).toEqual({ ids: [three], next: null })
  expect(usersInState(view, 'team', 9)).toEqual({ ids: [two], next: null })
  expect(usersInState(view, 'deleted', 9)).toEqual({ ids: [], next: null })
})
