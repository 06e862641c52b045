// Follows and timelines in the model: who sees whose posts, in which order, and from when on.

import { expect } from 'vitest'
import { isFollowing } from '../../src/model/follows.ts'
import { FOLLOWING_COUNT_MAX } from '../../src/model/limits.ts'
import { follows, users } from '../../src/model/schema.ts'
import { homeTimeline } from '../../src/model/timelines.ts'
import { expectCode, networkTest, postsOfUser } from '../support/network.ts'
import { Random } from '../../src/std/random.ts'
import type { Network } from '../support/network.ts'

function home(network: Network, viewer: number, count: number, before?: number): number[] {
  return [...homeTimeline(network.view, { viewer, count, before }).posts]
}

networkTest('a follow counts once, both ways, and ends', async (network) => {
  const anna = await network.signUp('anna')
  const ben = await network.signUp('ben')
  const pair = { follower: anna, followee: ben }
  await network.run('follow', pair)
  await network.run('follow', pair)
  expect(isFollowing(network.view, anna, ben)).toBe(true)
  expect(isFollowing(network.view, ben, anna)).toBe(false)
  expect(network.view.get(users, ben)).toMatchObject({ followers: 1, following: 0 })
  expect(network.view.get(users, anna)).toMatchObject({ followers: 0, following: 1 })
  await network.run('unfollow', pair)
  await network.run('unfollow', pair)
  expect(network.view.get(users, ben)).toMatchObject({ followers: 0 })
  expect(network.view.rowCount(follows)).toBe(0)
})

networkTest('nobody follows themselves, or nobody', async (network) => {
  const anna = await network.signUp('anna')
  await expectCode(network.run('follow', { follower: anna, followee: anna }), 'FOLLOW_SELF')
  await expectCode(network.run('follow', { follower: anna, followee: 9 }), 'USER_NOT_FOUND')
  await expectCode(network.run('follow', { follower: 9, followee: anna }), 'USER_NOT_FOUND')
  await expectCode(network.run('unfollow', { follower: anna, followee: 9 }), 'USER_NOT_FOUND')
})

networkTest('one follows a limited number of people', async (network) => {
  const anna = await network.signUp('anna')
  const waiting: Promise<unknown>[] = []
  for (let index = 0; index <= FOLLOWING_COUNT_MAX; index++) {
    waiting.push(network.signUp(`u${index}`))
  }
  await Promise.all(waiting)
  const others = Array.from({ length: FOLLOWING_COUNT_MAX + 1 }, (_, index) => index + anna + 1)
  await Promise.all(
    others.slice(1).map((followee) => network.run('follow', { follower: anna, followee })),
  )
  const [last] = others
  await expectCode(network.run('follow', { follower: anna, followee: last! }), 'FOLLOWING_TOO_MANY')
  const post = await network.post(others.at(-1)!)
  expect(home(network, anna, 10)).toEqual([post])
})

networkTest('home is what one posts and those whom one follows, at once', async (network) => {
  const anna = await network.signUp('anna')
  const ben = await network.signUp('ben')
  const cleo = await network.signUp('cleo')
  const first = await network.post(ben)
  const own = await network.post(anna)
  const third = await network.post(cleo)
  await network.comment(ben, own)
  expect(home(network, anna, 10)).toEqual([own])
  await network.run('follow', { follower: anna, followee: ben })
  expect(home(network, anna, 10)).toEqual([own, first])
  await network.run('follow', { follower: anna, followee: cleo })
  expect(home(network, anna, 10)).toEqual([third, own, first])
  expect(home(network, anna, 2)).toEqual([third, own])
  expect(home(network, anna, 2, own)).toEqual([first])
  await network.run('deletePost', { post: first, user: ben })
  expect(home(network, anna, 10)).toEqual([third, own])
  await network.run('unfollow', { follower: anna, followee: cleo })
  expect(home(network, anna, 10)).toEqual([own])
})

networkTest('a timeline agrees with sorting everything, page by page', async (network) => {
  const random = new Random(11)
  const people: number[] = []
  for (let index = 0; index < 8; index++) people.push(await network.signUp(`u${index}`))
  const edges = new Set<string>()
  const alive: { readonly id: number; readonly author: number }[] = []
  for (let step = 0; step < 400; step++) {
    const [one, other] = [random.pick(people), random.pick(people)]
    const choice = random.below(6)
    if (choice === 0 && one !== other) {
      await network.run('follow', { follower: one, followee: other })
      edges.add(`${one} ${other}`)
    } else if (choice === 1) {
      await network.run('unfollow', { follower: one, followee: other })
      edges.delete(`${one} ${other}`)
    } else if (choice === 2 && alive.length > 0) {
      const [gone] = alive.splice(random.below(alive.length), 1)
      await network.run('deletePost', { post: gone!.id, user: gone!.author })
    } else {
      alive.push({ id: await network.post(one), author: one })
    }
  }
  for (const user of people) {
    const authors = [user, ...people.filter((other) => edges.has(`${user} ${other}`))]
    const expected = alive
      .filter(({ author }) => authors.includes(author))
      .map(({ id }) => id)
      .toSorted((a, b) => b - a)
    const found: number[] = []
    for (;;) {
      const page = home(network, user, 7, found.at(-1))
      found.push(...page)
      if (page.length < 7) break
    }
    expect(found).toEqual(expected)
    const own = alive.filter(({ author }) => author === user).map(({ id }) => id)
    expect(postsOfUser(network.view, user, 1_000)).toEqual(own.toSorted((a, b) => b - a))
    expect(network.view.value(users, user, 'posts')).toBe(own.length)
  }
})
