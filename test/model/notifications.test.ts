// Notifications: who is told of what, who is not, and what takes it back.

import { expect } from 'vitest'
import { NOTIFICATION_COUNT_MAX } from '../../src/model/limits.ts'
import { notificationsOf } from '../../src/model/notification-groups.ts'
import { notifications } from '../../src/model/schema.ts'
import { networkTest } from '../support/network.ts'
import type { Network } from '../support/network.ts'

const DAY_MS = 24 * 60 * 60 * 1000

/** What somebody is told, newest first: "like 3 by 2,4". */
function told(network: Network, user: number): string[] {
  const { groups } = notificationsOf(network.view, user, { count: 50 })
  return groups.map(({ kind, post, actors }) => {
    const about = post === 0 ? '' : ` ${post}`
    return `${kind}${about}${actors.length === 0 ? '' : ` by ${actors.join(',')}`}`
  })
}

async function people(network: Network): Promise<[number, number, number]> {
  return [
    await network.signUp('hanako'),
    await network.signUp('jiro'),
    await network.signUp('saburo'),
  ]
}

networkTest('a like is told to the author, and taken back with it', async (network) => {
  const [hanako, jiro] = await people(network)
  const post = await network.post(hanako)
  await network.run('like', { user: hanako, post })
  expect(told(network, hanako)).toEqual([])
  await network.run('like', { user: jiro, post })
  expect(told(network, hanako)).toEqual([`like ${post} by ${jiro}`])
  await network.run('unlike', { user: jiro, post })
  expect(told(network, hanako)).toEqual([])
})

networkTest('like, unlike, like is told once, and a day later again', async (network) => {
  const [hanako, jiro] = await people(network)
  const post = await network.post(hanako)
  for (let count = 0; count < 3; count++) {
    await network.run('like', { user: jiro, post })
    await network.run('like', { user: jiro, post })
    await network.run('unlike', { user: jiro, post })
  }
  await network.run('like', { user: jiro, post })
  const [first] = notificationsOf(network.view, hanako, { count: 9 }).groups
  await network.run('readNotifications', { user: hanako, upTo: first!.id })
  await network.run('unlike', { user: jiro, post })
  await network.run('like', { user: jiro, post })
  const again = notificationsOf(network.view, hanako, { count: 9 }).groups
  expect(again).toEqual([{ ...first, isUnread: false }])
  expect(network.view.rowCount(notifications)).toBe(1)

  await network.run('unlike', { user: jiro, post })
  network.clock.time += DAY_MS
  await network.run('like', { user: jiro, post })
  const later = notificationsOf(network.view, hanako, { count: 9 }).groups
  expect(later).toMatchObject([{ actors: [jiro], count: 1, isUnread: true }])
  expect(network.view.rowCount(notifications)).toBe(1)
})

networkTest('a comment is told to whom it answers', async (network) => {
  const [hanako, jiro, saburo] = await people(network)
  const post = await network.post(hanako)
  const comment = await network.comment(jiro, post)
  const reply = await network.comment(saburo, post, comment)
  const own = await network.comment(saburo, post, reply)
  expect(told(network, hanako)).toEqual([`comment ${comment} by ${jiro}`])
  expect(told(network, jiro)).toEqual([`reply ${reply} by ${saburo}`])
  expect(told(network, saburo)).toEqual([])
  await network.run('deletePost', { post: own, user: saburo })
  await network.run('deletePost', { post: comment, user: jiro })
  expect(told(network, hanako)).toEqual([])
  expect(told(network, jiro)).toEqual([`reply ${reply} by ${saburo}`])
  await network.run('deletePost', { post, user: hanako })
  expect(told(network, jiro)).toEqual([])
})

networkTest('a mention is told once, whatever else it is', async (network) => {
  const [hanako, jiro, saburo] = await people(network)
  const post = await network.post(hanako, 'With @jiro, @jiro and @hanako')
  expect(told(network, jiro)).toEqual([`mention ${post} by ${hanako}`])
  const comment = await network.comment(jiro, post, post, 'Hi @hanako and @saburo')
  expect(told(network, hanako)).toEqual([`comment ${comment} by ${jiro}`])
  expect(told(network, saburo)).toEqual([`mention ${comment} by ${jiro}`])
})

networkTest('an edit tells those whom it mentions anew, and nobody else', async (network) => {
  const [hanako, jiro, saburo] = await people(network)
  const post = await network.post(hanako, 'With @jiro')
  const edit = (caption: string): Promise<unknown> =>
    network.run('editPost', { post, user: hanako, caption })
  await edit('With @jiro and @saburo')
  expect(told(network, jiro)).toEqual([`mention ${post} by ${hanako}`])
  expect(told(network, saburo)).toEqual([`mention ${post} by ${hanako}`])
  await edit('With @saburo')
  expect(told(network, jiro)).toEqual([])
  await edit('With @saburo and @jiro')
  expect(told(network, jiro)).toEqual([`mention ${post} by ${hanako}`])
  expect(network.view.rowCount(notifications)).toBe(2)
})

networkTest('a post that comes to light tells those whom it mentions, once', async (network) => {
  const [hanako, jiro] = await people(network)
  const media = [await network.photo(hanako)]
  const input = { author: hanako, caption: 'With @jiro', media, visibility: 'private' } as const
  const post = await network.run('publishPost', input)
  expect(network.view.rowCount(notifications)).toBe(0)
  for (const visibility of ['followers', 'public', 'private', 'public'] as const) {
    await network.run('editPost', { post, user: hanako, visibility })
    const isSeen = visibility === 'public'
    expect(told(network, jiro)).toEqual(isSeen ? [`mention ${post} by ${hanako}`] : [])
  }
  expect(network.view.rowCount(notifications)).toBe(1)
})

networkTest('follows are told, requests and what becomes of them', async (network) => {
  const [hanako, jiro, saburo] = await people(network)
  await network.run('follow', { follower: jiro, followee: hanako })
  expect(told(network, hanako)).toEqual([`follow by ${jiro}`])
  await network.run('unfollow', { follower: jiro, followee: hanako })
  expect(told(network, hanako)).toEqual([])
  await network.run('follow', { follower: jiro, followee: hanako })
  expect(network.view.rowCount(notifications)).toBe(1)

  await network.run('updateProfile', { user: hanako, isPrivate: true })
  await network.run('follow', { follower: saburo, followee: hanako })
  expect(told(network, hanako)).toEqual([`request by ${saburo}`, `follow by ${jiro}`])
  await network.run('grantFollow', { requester: saburo, target: hanako })
  expect(told(network, hanako)).toEqual([`follow by ${jiro}`])
  expect(told(network, saburo)).toEqual([`grant by ${hanako}`])
  await network.run('unfollow', { follower: saburo, followee: hanako })
  expect(told(network, saburo)).toEqual([])
  await network.run('follow', { follower: saburo, followee: hanako })
  await network.run('refuseFollow', { requester: saburo, target: hanako })
  expect(told(network, hanako)).toEqual([`follow by ${jiro}`])
  expect(told(network, saburo)).toEqual([])
})

networkTest('making an account public tells everybody who waited', async (network) => {
  const [hanako, jiro, saburo] = await people(network)
  await network.run('updateProfile', { user: hanako, isPrivate: true })
  for (const follower of [jiro, saburo]) {
    await network.run('follow', { follower, followee: hanako })
  }
  await network.run('updateProfile', { user: hanako, isPrivate: false })
  for (const follower of [jiro, saburo]) {
    expect(told(network, follower)).toEqual([`grant by ${hanako}`])
  }
})

networkTest('nobody hears of people they have muted, or behind a block', async (network) => {
  const [hanako, jiro, saburo] = await people(network)
  const post = await network.post(hanako)
  await network.run('mute', { muter: hanako, muted: jiro })
  await network.run('like', { user: jiro, post })
  const comment = await network.comment(jiro, post)
  expect(network.view.rowCount(notifications)).toBe(0)
  await network.run('unmute', { muter: hanako, muted: jiro })
  expect(told(network, hanako)).toEqual([])

  await network.run('like', { user: saburo, post })
  await network.run('like', { user: hanako, post: comment })
  expect(told(network, hanako)).toEqual([`like ${post} by ${saburo}`])
  await network.run('mute', { muter: hanako, muted: saburo })
  expect(told(network, hanako)).toEqual([])
  await network.run('unmute', { muter: hanako, muted: saburo })
  expect(told(network, hanako)).toHaveLength(1)
  expect(told(network, jiro)).toEqual([`like ${comment} by ${hanako}`])
  await network.run('block', { blocker: jiro, blocked: hanako })
  expect(told(network, jiro)).toEqual([])
  await network.run('block', { blocker: saburo, blocked: hanako })
  expect(told(network, hanako)).toEqual([])
  const third = await network.comment(saburo, await network.post(saburo), undefined, 'Hi @hanako')
  expect(third).toBeGreaterThan(0)
  expect(told(network, hanako)).toEqual([])
})

networkTest('nobody is told of what they may not see', async (network) => {
  const [hanako, jiro, saburo] = await people(network)
  const media = [await network.photo(hanako)]
  const secret = { author: hanako, caption: 'Hi @jiro', media, visibility: 'private' } as const
  await network.run('publishPost', secret)
  const forFollowers = { ...secret, media: [await network.photo(hanako)], visibility: 'followers' }
  await network.run('follow', { follower: saburo, followee: hanako })
  const caption = 'Hi @jiro and @saburo'
  const seen = await network.run('publishPost', {
    ...forFollowers,
    visibility: 'followers',
    caption,
  })
  expect(told(network, jiro)).toEqual([])
  expect(told(network, saburo)).toEqual([`mention ${seen} by ${hanako}`])
  await network.run('unfollow', { follower: saburo, followee: hanako })
  expect(told(network, saburo)).toEqual([])
})

networkTest('a suspended actor is not heard of, until that is lifted', async (network) => {
  const [hanako, jiro] = await people(network)
  const post = await network.post(hanako)
  await network.run('like', { user: jiro, post })
  await network.run('suspendUser', { user: jiro, moderator: 0, reason: 'Spam' })
  expect(told(network, hanako)).toEqual([])
  await network.run('liftSuspension', { user: jiro, moderator: 0 })
  expect(told(network, hanako)).toEqual([`like ${post} by ${jiro}`])
})

networkTest('a removal is told to the author with its reason, and taken back', async (network) => {
  const [hanako, jiro] = await people(network)
  const post = await network.post(hanako)
  await network.run('removePost', { post, moderator: jiro, reason: 'Not yours' })
  await network.run('removePost', { post, moderator: jiro, reason: 'Not yours' })
  expect(told(network, hanako)).toEqual([`moderation ${post}`])
  const [group] = notificationsOf(network.view, hanako, { count: 9 }).groups
  expect(network.view.get(notifications, group!.id)).toMatchObject({
    text: 'Not yours',
    actor: 0,
  })
  await network.run('liftRemoval', { post, moderator: jiro })
  expect(told(network, hanako)).toEqual([])
  await network.run('removePost', { post, moderator: jiro, reason: 'Really not' })
  expect(told(network, hanako)).toHaveLength(1)
})

networkTest('the oldest go when there are too many', async (network) => {
  const [hanako, jiro] = await people(network)
  const post = await network.post(hanako)
  const many = Array.from({ length: NOTIFICATION_COUNT_MAX + 60 }, () => 0)
  await Promise.all(many.map(() => network.comment(jiro, post)))
  const rows = network.view.newest(notifications.indexes.byUser, hanako, 10_000)
  expect(rows.length).toBeGreaterThanOrEqual(NOTIFICATION_COUNT_MAX)
  expect(rows.length).toBeLessThan(NOTIFICATION_COUNT_MAX + 16)
  expect(rows.at(-1)).toBeGreaterThan(40)
  let count = 0
  let cursor = undefined
  do {
    const page = notificationsOf(network.view, hanako, { count: 50, cursor })
    count += page.groups.length
    cursor = page.next ?? undefined
  } while (cursor !== undefined)
  expect(count).toBe(NOTIFICATION_COUNT_MAX)
})
