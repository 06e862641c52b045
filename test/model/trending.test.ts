// What is trending in the model: what scores, how it ages, and that a ranking can be made again.

import { expect } from 'vitest'
import { indexBehind, momentOf, rankPosts, rankTags } from '../../src/model/trending.ts'
import { tags } from '../../src/model/schema.ts'
import { NOON, networkTest } from '../support/network.ts'
import type { Network } from '../support/network.ts'

const HOUR_MS = 60 * 60 * 1000

function ranked(network: Network): number[] {
  const moment = momentOf(network.view, network.clock.time)
  return rankPosts(network.view, moment).map(({ post }) => post)
}

function rankedTags(network: Network): unknown[] {
  return rankTags(network.view, network.clock.time).map(({ tag, people, posts }) => {
    return `${network.view.get(tags, tag)!.key}: ${people} in ${posts}`
  })
}

networkTest('posts are ranked by likes, comments and age', async (network) => {
  const [anna, ben, cleo] = [
    await network.signUp('anna'),
    await network.signUp('ben'),
    await network.signUp('cleo'),
  ]
  const quiet = await network.post(anna)
  const liked = await network.post(anna)
  const discussed = await network.post(anna)
  expect(ranked(network)).toEqual([discussed, liked, quiet])
  for (const user of [ben, cleo, anna]) await network.run('like', { user, post: liked })
  await network.comment(ben, discussed)
  expect(ranked(network)).toEqual([liked, discussed, quiet])
  await network.comment(cleo, discussed)
  expect(ranked(network)).toEqual([discussed, liked, quiet])

  // Four likes are as good as some hours, and as nothing after days.
  network.clock.time += 12 * HOUR_MS
  const later = await network.post(anna)
  expect(ranked(network)).toEqual([discussed, liked, later, quiet])
  network.clock.time += 36 * HOUR_MS
  const newest = await network.post(anna)
  expect(ranked(network)).toEqual([newest, discussed, liked, later, quiet])
  network.clock.time = NOON + 7 * 24 * HOUR_MS
  expect(ranked(network)).toEqual([newest, later])
})

networkTest('only what is public and there is ranked', async (network) => {
  const anna = await network.signUp('anna')
  const shown = await network.post(anna)
  for (const visibility of ['followers', 'private'] as const) {
    const media = [await network.photo(anna)]
    await network.run('publishPost', { author: anna, caption: '', media, visibility })
  }
  const deleted = await network.post(anna)
  await network.run('deletePost', { post: deleted, user: anna })
  const removed = await network.post(anna)
  await network.run('removePost', { post: removed, moderator: 0, reason: 'Rude' })
  await network.comment(anna, shown)
  expect(ranked(network)).toEqual([shown])
})

networkTest('a ranking of the past is made again, whatever came since', async (network) => {
  const people: number[] = []
  for (let count = 0; count < 5; count++) people.push(await network.signUp(`user${count}`))
  const ids: number[] = []
  for (let count = 0; count < 8; count++) {
    ids.push(await network.post(people[count % 5]!))
    network.clock.time += HOUR_MS
  }
  for (const [index, post] of ids.entries()) {
    for (const user of people.slice(0, index % 4)) await network.run('like', { user, post })
    if (index % 3 === 0) await network.comment(people[0]!, post)
  }
  const moment = momentOf(network.view, network.clock.time)
  const before = rankPosts(network.view, moment)
  const last = before.at(-1)!.post
  for (const user of people) await network.run('like', { user, post: last })
  for (const user of people) await network.comment(user, last)
  await network.post(people[0]!)
  expect(rankPosts(network.view, moment)).toEqual(before)
  expect(ranked(network)).not.toEqual(before.map(({ post }) => post))

  expect(before.map((place) => indexBehind(before, place))).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  const gone = before.filter((_, index) => index !== 3)
  expect(indexBehind(gone, before[3]!)).toBe(3)
  expect(indexBehind(before, { post: 1, score: 0 })).toBe(8)
  expect(indexBehind(before, { post: 1, score: 1e12 })).toBe(0)
})

networkTest('tags are ranked by how many people use them of late', async (network) => {
  const [anna, ben, cleo] = [
    await network.signUp('anna'),
    await network.signUp('ben'),
    await network.signUp('cleo'),
  ]
  for (let count = 0; count < 5; count++) await network.post(anna, '#mine')
  await network.post(ben, '#sea #sun')
  await network.post(cleo, '#Sea')
  const media = [await network.photo(cleo)]
  await network.run('publishPost', {
    author: cleo,
    caption: '#secret',
    media,
    visibility: 'private',
  })
  expect(rankedTags(network)).toEqual(['sea: 2 in 2', 'sun: 1 in 1', 'mine: 1 in 5'])
  await network.run('blockTerm', { kind: 'tag', term: '#sun', moderator: 0 })
  expect(rankedTags(network)).toEqual(['sea: 2 in 2', 'mine: 1 in 5'])
  network.clock.time += 20 * HOUR_MS
  await network.post(anna, '#new')
  expect(rankedTags(network)).toEqual(['new: 1 in 1', 'sea: 2 in 2', 'mine: 1 in 5'])
  network.clock.time += 60 * HOUR_MS
  expect(rankedTags(network)).toEqual(['new: 1 in 1'])
})
