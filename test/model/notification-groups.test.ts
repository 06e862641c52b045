// Notification groups: how likes come together, pages, the unread count and the read marker.

import { expect } from 'vitest'
import {
  UNREAD_COUNT_BOUND,
  notificationsOf,
  unreadCountOf,
} from '../../src/model/notification-groups.ts'
import { readMark } from '../../src/model/notifications.ts'
import { markers } from '../../src/model/schema.ts'
import { networkTest } from '../support/network.ts'
import type { NotificationCursor, NotificationGroup } from '../../src/model/notification-groups.ts'
import type { Network } from '../support/network.ts'

async function signUps(network: Network, count: number): Promise<number[]> {
  const users: number[] = []
  for (let index = 0; index < count; index++) users.push(await network.signUp(`user${index}`))
  return users
}

function groupsOf(network: Network, user: number): readonly NotificationGroup[] {
  return notificationsOf(network.view, user, { count: 50 }).groups
}

networkTest('likes of one post are one group, with the newest few of them', async (network) => {
  const [hanako = 0, ...others] = await signUps(network, 6)
  const one = await network.post(hanako)
  const other = await network.post(hanako)
  for (const user of others) await network.run('like', { user, post: one })
  await network.run('like', { user: others[0]!, post: other })
  await network.run('follow', { follower: others[0]!, followee: hanako })
  await network.run('unlike', { user: others[3]!, post: one })
  expect(groupsOf(network, hanako)).toMatchObject([
    { kind: 'follow', post: 0, actors: [others[0]], count: 1, isUnread: true },
    { kind: 'like', post: other, actors: [others[0]], count: 1 },
    { kind: 'like', post: one, actors: [others[4], others[2], others[1]], count: 4 },
  ])
})

networkTest('pages have no gap and no repetition while groups grow', async (network) => {
  const [hanako = 0, ...others] = await signUps(network, 4)
  const posts: number[] = []
  for (let count = 0; count < 9; count++) posts.push(await network.post(hanako))
  for (const post of posts) {
    for (const user of others.slice(0, 2)) await network.run('like', { user, post })
  }
  const seen: number[] = []
  let cursor: NotificationCursor | undefined
  do {
    const page = notificationsOf(network.view, hanako, { count: 2, cursor })
    seen.push(...page.groups.map(({ post }) => post))
    cursor = page.next ?? undefined
    // What has been shown, what is to be shown, and something new.
    for (const post of [posts[8]!, posts[0]!]) {
      await network.run('like', { user: others[2]!, post })
    }
    await network.comment(others[0]!, posts[0]!)
  } while (cursor !== undefined)
  expect(seen).toEqual(posts.toReversed())
  expect(groupsOf(network, hanako).map(({ kind }) => kind)).toEqual([
    ...Array.from({ length: 5 }, () => 'comment'),
    ...Array.from({ length: 9 }, () => 'like'),
  ])
})

networkTest('kinds are chosen', async (network) => {
  const [hanako = 0, jiro = 0] = await signUps(network, 2)
  const post = await network.post(hanako)
  await network.run('like', { user: jiro, post })
  await network.comment(jiro, post)
  await network.run('follow', { follower: jiro, followee: hanako })
  const kinds = ['follow', 'like'] as const
  const { groups } = notificationsOf(network.view, hanako, { count: 9, kinds })
  expect(groups.map(({ kind }) => kind)).toEqual(['follow', 'like'])
  expect(notificationsOf(network.view, hanako, { count: 9, kinds: [] }).groups).toEqual([])
})

networkTest('the read marker goes forward, and no further than there is', async (network) => {
  const [hanako = 0, jiro = 0, saburo = 0] = await signUps(network, 3)
  const { view } = network
  const read = (user: number, upTo: number): Promise<unknown> =>
    network.run('readNotifications', { user, upTo })
  await read(hanako, 5)
  expect(view.rowCount(markers)).toBe(0)
  const post = await network.post(hanako)
  for (let count = 0; count < 3; count++) await network.comment(jiro, post)
  const [third, second] = groupsOf(network, hanako)
  expect(unreadCountOf(view, hanako)).toBe(3)
  await read(hanako, second!.id)
  expect(unreadCountOf(view, hanako)).toBe(1)
  expect(groupsOf(network, hanako).map(({ isUnread }) => isUnread)).toEqual([true, false, false])
  await read(hanako, 1)
  expect(readMark(view, hanako)).toBe(second!.id)
  await read(hanako, 1_000_000)
  expect(readMark(view, hanako)).toBe(third!.id)
  expect(unreadCountOf(view, hanako)).toBe(0)
  await network.run('like', { user: saburo, post })
  expect(unreadCountOf(view, hanako)).toBe(1)
  expect(unreadCountOf(view, jiro)).toBe(0)
  await read(99, 5)
})

networkTest('unread are groups that are shown, counted up to a bound', async (network) => {
  const [hanako = 0, jiro = 0, saburo = 0] = await signUps(network, 3)
  const post = await network.post(hanako)
  const { view } = network
  for (const user of [jiro, saburo]) await network.run('like', { user, post })
  expect(unreadCountOf(view, hanako)).toBe(1)
  const comment = await network.comment(jiro, post)
  expect(unreadCountOf(view, hanako)).toBe(2)
  await network.run('deletePost', { post: comment, user: jiro })
  expect(unreadCountOf(view, hanako)).toBe(1)
  const more = Array.from({ length: UNREAD_COUNT_BOUND }, () => network.comment(jiro, post))
  await Promise.all(more)
  expect(unreadCountOf(view, hanako)).toBe(UNREAD_COUNT_BOUND)
})
