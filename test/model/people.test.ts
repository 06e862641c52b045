// Lists of people: who is left out for whom, and pages that lose nobody while they are short.

import { expect, test } from 'vitest'
import {
  blockedOf,
  followeesOf,
  followersOf,
  mutedOf,
  requestersOf,
} from '../../src/model/people.ts'
import { blocks, follows, users } from '../../src/model/schema.ts'
import { arrange } from '../support/arranged.ts'
import { Network, networkTest } from '../support/network.ts'
import type { PeopleQuery } from '../../src/model/people.ts'
import type { ShownPage } from '../../src/model/shown-rows.ts'
import type { View } from '../../src/engine/view.ts'

type List = (view: View, query: PeopleQuery) => ShownPage

/** All pages, one after the other. */
function pagesOf(
  view: View,
  list: List,
  query: { user: number; viewer: number },
  count = 50,
): number[][] {
  const pages: number[][] = []
  let before: number | undefined
  do {
    const { ids, next } = list(view, { ...query, count, before })
    pages.push([...ids])
    if (next !== 0) expect(next).toBeLessThan(before ?? 2 ** 32)
    before = next
  } while (before !== 0)
  return pages
}

const everybodyIn = (view: View, list: List, user: number, viewer: number): number[] =>
  pagesOf(view, list, { user, viewer }).flat()

networkTest('followers and followees are listed, newest follow first', async (network) => {
  const [anna, ben, cleo, dora] = [
    await network.signUp('anna'),
    await network.signUp('ben'),
    await network.signUp('cleo'),
    await network.signUp('dora'),
  ]
  for (const follower of [cleo, ben, dora])
    await network.run('follow', { follower, followee: anna })
  for (const followee of [dora, cleo]) await network.run('follow', { follower: anna, followee })
  const { view } = network
  for (const viewer of [0, anna, ben]) {
    expect(everybodyIn(view, followersOf, anna, viewer)).toEqual([dora, ben, cleo])
    expect(everybodyIn(view, followeesOf, anna, viewer)).toEqual([cleo, dora])
  }
  expect(pagesOf(view, followersOf, { user: anna, viewer: 0 }, 1)).toEqual([[dora], [ben], [cleo]])
  expect(pagesOf(view, followersOf, { user: anna, viewer: 0 }, 2)).toEqual([[dora, ben], [cleo]])
  expect(pagesOf(view, followersOf, { user: anna, viewer: 0 }, 3)).toEqual([[dora, ben, cleo]])
  expect(pagesOf(view, followersOf, { user: ben, viewer: 0 })).toEqual([[]])
})

networkTest('lists of a private account are for itself and its followers', async (network) => {
  const [anna, ben, cleo] = [
    await network.signUp('anna'),
    await network.signUp('ben'),
    await network.signUp('cleo'),
  ]
  await network.run('follow', { follower: ben, followee: anna })
  await network.run('follow', { follower: anna, followee: cleo })
  await network.run('updateProfile', { user: anna, isPrivate: true })
  await network.run('setRole', { user: cleo, role: 'moderator' })
  const { view } = network
  for (const viewer of [anna, ben]) {
    expect(everybodyIn(view, followersOf, anna, viewer)).toEqual([ben])
    expect(everybodyIn(view, followeesOf, anna, viewer)).toEqual([cleo])
  }
  for (const viewer of [0, cleo]) {
    expect(everybodyIn(view, followersOf, anna, viewer)).toEqual([])
    expect(everybodyIn(view, followeesOf, anna, viewer)).toEqual([])
  }
  // In the list of another, a private account stands like any other.
  expect(everybodyIn(view, followersOf, cleo, 0)).toEqual([anna])
})

networkTest('who is hidden from the viewer is left out', async (network) => {
  const [anna, ben, cleo, dora, emil] = [
    await network.signUp('anna'),
    await network.signUp('ben'),
    await network.signUp('cleo'),
    await network.signUp('dora'),
    await network.signUp('emil'),
  ]
  for (const follower of [ben, cleo, dora, emil]) {
    await network.run('follow', { follower, followee: anna })
  }
  await network.run('block', { blocker: ben, blocked: cleo })
  await network.run('mute', { muter: ben, muted: emil })
  await network.run('suspendUser', { user: dora, moderator: 0, reason: 'Spam' })
  const { view } = network
  expect(everybodyIn(view, followersOf, anna, 0)).toEqual([emil, cleo, ben])
  expect(everybodyIn(view, followersOf, anna, anna)).toEqual([emil, cleo, ben])
  expect(everybodyIn(view, followersOf, anna, ben)).toEqual([emil, ben])
  expect(everybodyIn(view, followersOf, anna, cleo)).toEqual([emil, cleo])
})

networkTest('requests, blocks and mutes are listed for their owner', async (network) => {
  const [anna, ben, cleo, dora] = [
    await network.signUp('anna'),
    await network.signUp('ben'),
    await network.signUp('cleo'),
    await network.signUp('dora'),
  ]
  await network.run('updateProfile', { user: anna, isPrivate: true })
  for (const follower of [ben, cleo, dora])
    await network.run('follow', { follower, followee: anna })
  expect(everybodyIn(network.view, requestersOf, anna, anna)).toEqual([dora, cleo, ben])
  await network.run('grantFollow', { requester: cleo, target: anna })
  for (const muted of [cleo, dora]) await network.run('mute', { muter: anna, muted })
  for (const blocked of [dora, ben]) await network.run('block', { blocker: anna, blocked })
  expect(everybodyIn(network.view, requestersOf, anna, anna)).toEqual([])
  expect(everybodyIn(network.view, blockedOf, anna, anna)).toEqual([ben, dora])
  expect(everybodyIn(network.view, mutedOf, anna, anna)).toEqual([dora, cleo])
  await network.run('suspendUser', { user: ben, moderator: 0, reason: 'Spam' })
  expect(everybodyIn(network.view, blockedOf, anna, anna)).toEqual([dora])
  await network.run('liftSuspension', { user: ben, moderator: 0 })
  expect(everybodyIn(network.view, blockedOf, anna, anna)).toEqual([ben, dora])
})

test('a page looks at so many rows, and the next one goes on behind them', async () => {
  await using network = await Network.create()
  const anna = await network.signUp('anna')
  const ben = await network.signUp('ben')
  const shown = await arrange(network, (tx) => {
    const people: number[] = []
    for (let count = 0; count < 1_500; count++) {
      const follower = tx.insert(users, { handle: `u${count}`, handleKey: `u${count}` })
      tx.insert(follows, { follower, followee: anna })
      if (count === 10 || count === 1_490) people.unshift(follower)
      else tx.insert(blocks, { blocker: follower, blocked: ben })
    }
    return people
  })
  for (const count of [1, 7, 50]) {
    const pages = pagesOf(network.view, followersOf, { user: anna, viewer: ben }, count)
    expect(pages.flat()).toEqual(shown)
    expect(pages.length).toBeLessThan(7)
    expect(pages.filter((page) => page.length === 0).length).toBeGreaterThan(0)
  }
})

test('a cursor outlives its row, and what comes later is not in the pages behind it', async () => {
  await using network = await Network.create()
  const anna = await network.signUp('anna')
  const fans: number[] = []
  for (let count = 0; count < 6; count++) {
    const follower = await network.signUp(`fan${count}`)
    await network.run('follow', { follower, followee: anna })
    fans.unshift(follower)
  }
  const query = { user: anna, viewer: 0, count: 2 }
  const first = followersOf(network.view, query)
  expect(first.ids).toEqual(fans.slice(0, 2))
  await network.run('unfollow', { follower: fans[1]!, followee: anna })
  await network.run('unfollow', { follower: fans[2]!, followee: anna })
  await network.run('follow', { follower: fans[1]!, followee: anna })
  const second = followersOf(network.view, { ...query, before: first.next })
  expect(second.ids).toEqual(fans.slice(3, 5))
  const third = followersOf(network.view, { ...query, before: second.next })
  expect(third).toEqual({ ids: fans.slice(5), next: 0 })
})
