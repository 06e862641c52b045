// Comments in the model: threads of any depth, their order, tombstones and what becomes of them.

import { expect } from 'vitest'
import { mayComment } from '../../src/model/comments.ts'
import { isVisible } from '../../src/model/visibility.ts'
import { posts } from '../../src/model/schema.ts'
import { expectCode, networkTest, repliesOf } from '../support/network.ts'
import { Random } from '../../src/std/random.ts'
import type { Commenters } from '../../src/model/comments.ts'
import type { Network } from '../support/network.ts'

const CHAIN_COUNT = 1_000

/** A post, and a chain of comments below it, each answering the one before. */
async function chain(network: Network, author: number, count: number): Promise<number[]> {
  const post = await network.post(author)
  const ids = [post]
  for (let index = 0; index < count; index++) {
    ids.push(await network.comment(author, post, ids.at(-1)))
  }
  return ids
}

function stateOf(network: Network, post: number): string {
  const row = network.view.get(posts, post)!
  if (row.deletedAt === 0) return 'live'
  return row.isGone ? 'gone' : 'tombstone'
}

networkTest('a comment knows its parent, its root and its depth', async (network) => {
  const anna = await network.signUp('anna')
  const [post, first, second] = await chain(network, anna, 2)
  expect(network.view.get(posts, second!)).toMatchObject({
    author: anna,
    parent: first,
    root: post,
    depth: 2,
    caption: 'Hi',
  })
  // Any comment of a thread may stand for the thread.
  const third = await network.run('publishComment', { author: anna, post: second!, text: 'x' })
  expect(network.view.get(posts, third)).toMatchObject({ parent: second, root: post, depth: 3 })
  expect(network.view.value(posts, post!, 'comments')).toBe(3)
  expect(network.view.value(posts, post!, 'replies')).toBe(1)
})

networkTest('a comment that does not fit its thread is refused', async (network) => {
  const anna = await network.signUp('anna')
  const [post, comment] = await chain(network, anna, 1)
  const other = await network.post(anna)
  const elsewhere = await network.comment(anna, other)
  await expectCode(network.comment(anna, post!, elsewhere), 'COMMENT_NOT_FOUND')
  await expectCode(network.comment(anna, post!, other), 'COMMENT_NOT_FOUND')
  await expectCode(network.comment(anna, post!, 99), 'COMMENT_NOT_FOUND')
  await expectCode(network.comment(anna, 99), 'POST_NOT_FOUND')
  await expectCode(network.comment(99, post!), 'USER_NOT_FOUND')
  await expectCode(network.comment(anna, post!, comment, '  '), 'TEXT_EMPTY')
  await expectCode(network.comment(anna, post!, comment, 'x'.repeat(2_201)), 'TEXT_TOO_LONG')
  expect(network.view.value(posts, post!, 'comments')).toBe(1)
})

networkTest('the author of a post says who may comment, and always may', async (network) => {
  const [anna, ben, cleo] = [
    await network.signUp('anna'),
    await network.signUp('ben'),
    await network.signUp('cleo'),
  ]
  await network.run('follow', { follower: ben, followee: anna })
  await network.run('setRole', { user: cleo, role: 'moderator' })
  const publish = async (commenters: Commenters): Promise<number> => {
    const media = [await network.photo(anna)]
    return network.run('publishPost', { author: anna, caption: '', media, commenters })
  }
  const forFollowers = await publish('followers')
  await network.comment(ben, forFollowers)
  const own = await network.comment(anna, forFollowers)
  await expectCode(network.comment(cleo, forFollowers), 'COMMENTS_CLOSED')
  // Below a comment, it is still up to who posted.
  await expectCode(network.comment(cleo, own), 'COMMENTS_CLOSED')
  expect(mayComment(network.view, forFollowers, ben)).toBe(true)
  expect(mayComment(network.view, forFollowers, 0)).toBe(false)

  const closed = await publish('nobody')
  await expectCode(network.comment(ben, closed), 'COMMENTS_CLOSED')
  await network.comment(anna, closed)
  await network.run('editPost', { post: closed, user: anna, commenters: 'everybody' })
  await network.comment(cleo, closed)
  expect(mayComment(network.view, closed, cleo)).toBe(true)
})

networkTest('nobody answers across a block, or what a moderator has removed', async (network) => {
  const [anna, ben, cleo] = [
    await network.signUp('anna'),
    await network.signUp('ben'),
    await network.signUp('cleo'),
  ]
  await network.run('setRole', { user: ben, role: 'admin' })
  const post = await network.post(anna)
  const said = await network.comment(cleo, post)
  const answer = await network.comment(anna, post, said)
  await network.run('block', { blocker: cleo, blocked: ben })
  await expectCode(network.comment(ben, post, said), 'COMMENT_NOT_FOUND')
  await expectCode(network.comment(ben, said), 'POST_NOT_FOUND')
  // What others say below it is there to be answered.
  await network.comment(ben, post, answer)
  await network.run('block', { blocker: anna, blocked: ben })
  await expectCode(network.comment(ben, post), 'POST_NOT_FOUND')
  await expectCode(network.comment(ben, answer), 'POST_NOT_FOUND')

  await network.run('removePost', { post: said, moderator: 0, reason: 'Rude' })
  await expectCode(network.comment(anna, post, said), 'COMMENT_NOT_FOUND')
  await network.run('suspendUser', { user: cleo, moderator: 0, reason: 'Rude' })
  await expectCode(network.comment(cleo, post), 'USER_NOT_FOUND')
})

networkTest('a comment mentions people, and has no blocked words', async (network) => {
  const anna = await network.signUp('anna')
  const ben = await network.signUp('ben')
  const post = await network.post(anna)
  const comment = await network.comment(anna, post, post, 'Look, @Ben and @nobody! @ben')
  expect(network.view.get(posts, comment)!.mentions).toEqual([ben])
  await network.run('blockTerm', { kind: 'word', term: 'rude', moderator: 0 })
  await expectCode(network.comment(anna, post, post, 'How rude!'), 'TERM_BLOCKED')
  await network.comment(anna, post, post, 'How crude!')
})

networkTest('answers are listed newest or oldest first, from a cursor on', async (network) => {
  const anna = await network.signUp('anna')
  const post = await network.post(anna)
  const ids: number[] = []
  for (let count = 0; count < 7; count++) ids.push(await network.comment(anna, post))
  await network.comment(anna, post, ids[3])
  const list = (order: 'new' | 'old', count: number, cursor?: number): number[] =>
    repliesOf(network.view, post, order, count, cursor)
  expect(list('old', 10)).toEqual(ids)
  expect(list('new', 10)).toEqual(ids.toReversed())
  expect(list('old', 3, ids[2])).toEqual(ids.slice(3, 6))
  expect(list('new', 3, ids[3])).toEqual([ids[2], ids[1], ids[0]])
  expect(list('old', 3, ids[6])).toEqual([])
})

networkTest('a comment with answers leaves a tombstone, one without goes', async (network) => {
  const anna = await network.signUp('anna')
  const [post, a, b, c] = await chain(network, anna, 3)
  const beside = await network.comment(anna, post!, a)
  await network.run('deletePost', { post: b!, user: anna })
  expect(stateOf(network, b!)).toBe('tombstone')
  expect(network.view.get(posts, b!)).toMatchObject({ caption: '' })
  expect(isVisible(network.view, b!, 0)).toBe(false)
  expect(network.view.value(posts, post!, 'comments')).toBe(3)
  expect(repliesOf(network.view, a!, 'old', 10)).toEqual([b, beside])
  await expectCode(network.comment(anna, post!, b), 'COMMENT_NOT_FOUND')
  await expectCode(network.run('like', { user: anna, post: b! }), 'POST_NOT_FOUND')

  // The last that hung below the tombstone takes it along, but not what lives.
  await network.run('deletePost', { post: c!, user: anna })
  expect([b!, c!].map((id) => stateOf(network, id))).toEqual(['gone', 'gone'])
  expect(stateOf(network, a!)).toBe('live')
  expect(repliesOf(network.view, a!, 'old', 10)).toEqual([beside])
  expect(network.view.value(posts, a!, 'replies')).toBe(1)
  expect(network.view.value(posts, post!, 'comments')).toBe(2)
})

networkTest(
  'a chain of a thousand comments is made and taken apart from the top',
  async (network) => {
    const anna = await network.signUp('anna')
    const ids = await chain(network, anna, CHAIN_COUNT)
    const post = ids[0]!
    expect(network.view.value(posts, ids.at(-1)!, 'depth')).toBe(CHAIN_COUNT)
    for (const id of ids) {
      const below = repliesOf(network.view, id, 'old', 10)
      expect(below).toEqual(id === ids.at(-1) ? [] : [ids[ids.indexOf(id) + 1]])
    }
    // From the top down: each leaves a tombstone, until the deepest takes them all along.
    for (const id of ids.slice(1, -1)) await network.run('deletePost', { post: id, user: anna })
    expect(network.view.value(posts, post, 'comments')).toBe(1)
    expect(stateOf(network, ids[1]!)).toBe('tombstone')
    await network.run('deletePost', { post: ids.at(-1)!, user: anna })
    expect(ids.slice(1).every((id) => stateOf(network, id) === 'gone')).toBe(true)
    expect(repliesOf(network.view, post, 'old', 10)).toEqual([])
    expect(network.view.value(posts, post, 'comments')).toBe(0)
    expect(network.view.value(posts, post, 'replies')).toBe(0)
  },
)

networkTest('a thread agrees with a tree of plain objects', async (network) => {
  const random = new Random(7)
  const anna = await network.signUp('anna')
  const post = await network.post(anna)
  const parents = new Map<number, number>()
  const live = new Set<number>()
  const hasLive = (id: number): boolean =>
    live.has(id) || [...parents].some(([child, parent]) => parent === id && hasLive(child))
  for (let step = 0; step < 300; step++) {
    if (live.size > 0 && random.once(2)) {
      const id = random.pick([...live])
      await network.run('deletePost', { post: id, user: anna })
      live.delete(id)
    } else {
      const parent = live.size === 0 || random.once(4) ? post : random.pick([...live])
      const id = await network.comment(anna, post, parent)
      parents.set(id, parent)
      live.add(id)
    }
  }
  for (const id of parents.keys()) {
    const expected = live.has(id) ? 'live' : hasLive(id) ? 'tombstone' : 'gone'
    expect(stateOf(network, id), `comment ${id}`).toBe(expected)
  }
  for (const parent of [post, ...parents.keys()]) {
    const expected = [...parents].filter(([id, of]) => of === parent && hasLive(id))
    const found = repliesOf(network.view, parent, 'old', 1_000)
    expect(found).toEqual(expected.map(([id]) => id).toSorted((a, b) => a - b))
  }
  expect(network.view.value(posts, post, 'comments')).toBe(live.size)
  expect(network.view.newest(posts.indexes.thread, post, 1_000)).toHaveLength(
    [...parents.keys()].filter(hasLive).length,
  )
})
