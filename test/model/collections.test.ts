// Likes as lists, bookmarks and collections in the model: whose they are, who sees what of them,
// and their bounds.

import { expect } from 'vitest'
import { bookmarkedBy, isBookmarked } from '../../src/model/bookmarks.ts'
import { collectionsOf, postsOfCollection } from '../../src/model/collections.ts'
import { COLLECTION_COUNT_MAX, COLLECTION_POST_COUNT_MAX } from '../../src/model/limits.ts'
import { likedBy, likersOf } from '../../src/model/likes.ts'
import { bookmarks, collectionItems, collections, posts } from '../../src/model/schema.ts'
import { isCollectionVisible } from '../../src/model/visibility.ts'
import { arrange } from '../support/arranged.ts'
import { expectCode, networkTest } from '../support/network.ts'
import type { Network } from '../support/network.ts'
import type { RowsQuery, ShownPage } from '../../src/model/shown-rows.ts'

async function people<const H extends readonly string[]>(
  network: Network,
  ...handles: H
): Promise<{ [K in keyof H]: number }> {
  const ids: number[] = []
  for (const handle of handles) ids.push(await network.signUp(handle))
  return ids as { [K in keyof H]: number }
}

/** All pages of a list, each of so many. */
function pages(count: number, page: (query: RowsQuery) => ShownPage): number[][] {
  const found: number[][] = []
  let before: number | undefined
  for (;;) {
    const { ids, next } = page({ count, before })
    found.push([...ids])
    if (next === 0) return found
    before = next
  }
}

networkTest('who likes a post is listed, but for those who are hidden', async (network) => {
  const [anna, ben, cleo, dora, emil] = await people(network, 'anna', 'ben', 'cleo', 'dora', 'emil')
  const post = await network.post(anna)
  for (const user of [ben, cleo, dora, emil]) await network.run('like', { user, post })
  await network.run('block', { blocker: dora, blocked: anna })
  await network.run('suspendUser', { user: cleo, moderator: 0, reason: 'Spam' })
  const likers = (viewer: number, count: number): number[][] =>
    pages(count, (query) => likersOf(network.view, post, viewer, query))
  expect(likers(anna, 10)).toEqual([[emil, ben]])
  expect(likers(0, 10)).toEqual([[emil, dora, ben]])
  expect(likers(0, 2)).toEqual([[emil, dora], [ben]])
  expect(likers(0, 1).flat()).toEqual([emil, dora, ben])
  await expectCode(network.run('like', { user: cleo, post }), 'USER_NOT_FOUND')
})

networkTest('what one likes and bookmarks is listed while one sees it', async (network) => {
  const [anna, ben] = await people(network, 'anna', 'ben')
  const shown = await network.post(anna)
  const deleted = await network.post(anna)
  const hidden = await network.post(anna)
  const comment = await network.comment(anna, shown)
  const all = [shown, deleted, hidden, comment]
  for (const post of all) {
    await network.run('like', { user: ben, post })
    await network.run('addBookmark', { user: ben, post })
  }
  const lists = (): number[][] =>
    [likedBy, bookmarkedBy].map((list) => [...list(network.view, ben, { count: 10 }).ids])
  expect(lists()).toEqual([all.toReversed(), all.toReversed()])
  await network.run('deletePost', { post: deleted, user: anna })
  await network.run('editPost', { post: hidden, user: anna, visibility: 'private' })
  expect(lists()).toEqual([
    [comment, shown],
    [comment, shown],
  ])
  await network.run('editPost', { post: hidden, user: anna, visibility: 'public' })
  await network.run('unlike', { user: ben, post: shown })
  await network.run('removeBookmark', { user: ben, post: comment })
  expect(lists()).toEqual([
    [comment, hidden],
    [hidden, shown],
  ])
  expect(bookmarkedBy(network.view, anna, { count: 10 })).toEqual({ ids: [], next: 0 })
})

networkTest('a page goes on behind what is hidden, and ends', async (network) => {
  const [anna, ben] = await people(network, 'anna', 'ben')
  const shown = await network.post(anna)
  const other = await network.post(anna)
  await network.run('editPost', { post: other, user: anna, visibility: 'private' })
  await network.run('addBookmark', { user: ben, post: shown })
  await arrange(network, (tx) => {
    for (let count = 0; count < 1_500; count++) {
      tx.insert(posts, { author: anna, visibility: 3, publishedAt: 1 })
      tx.insert(bookmarks, { user: ben, post: tx.lastId(posts) })
    }
  })
  const found = pages(10, (query) => bookmarkedBy(network.view, ben, query))
  expect(found).toEqual([[], [shown]])
  expect(pages(1_000, (query) => bookmarkedBy(network.view, ben, query))).toEqual([[], [shown]])
})

networkTest('a bookmark is made once, of what one can reach', async (network) => {
  const [anna, ben] = await people(network, 'anna', 'ben')
  const post = await network.post(anna)
  await network.run('addBookmark', { user: ben, post })
  const { lastLsn } = network.store.stats()
  await network.run('addBookmark', { user: ben, post })
  await network.run('removeBookmark', { user: anna, post })
  expect(network.store.stats().lastLsn).toBe(lastLsn)
  expect(isBookmarked(network.view, ben, post)).toBe(true)
  expect(isBookmarked(network.view, anna, post)).toBe(false)
  await expectCode(network.run('addBookmark', { user: 99, post }), 'USER_NOT_FOUND')
  await expectCode(network.run('addBookmark', { user: ben, post: 99 }), 'POST_NOT_FOUND')
  await expectCode(network.run('removeBookmark', { user: ben, post: 99 }), 'POST_NOT_FOUND')
  await network.run('block', { blocker: anna, blocked: ben })
  await expectCode(network.run('addBookmark', { user: ben, post }), 'POST_NOT_FOUND')
})

networkTest('a collection holds posts of anybody, as each viewer sees them', async (network) => {
  const [anna, ben, cleo] = await people(network, 'anna', 'ben', 'cleo')
  await network.run('follow', { follower: anna, followee: ben })
  const own = await network.post(anna)
  const other = await network.post(ben)
  await network.run('editPost', { post: other, user: ben, visibility: 'followers' })
  const input = { owner: anna, name: ' Boats ', description: 'and ships' }
  const collection = await network.run('createCollection', input)
  for (const post of [own, other]) {
    await network.run('collectPost', { collection, post, user: anna })
    await network.run('collectPost', { collection, post, user: anna })
  }
  const row = network.view.get(collections, collection)
  expect(row).toMatchObject({ name: 'Boats', description: 'and ships', items: 2 })
  const seen = (viewer: number): readonly number[] =>
    postsOfCollection(network.view, collection, viewer, { count: 10 }).ids
  expect(seen(anna)).toEqual([other, own])
  expect(seen(cleo)).toEqual([own])

  // What one does not see any more can be taken out.
  await network.run('block', { blocker: ben, blocked: anna })
  expect(seen(anna)).toEqual([own])
  await network.run('uncollectPost', { collection, post: other, user: anna })
  await network.run('uncollectPost', { collection, post: other, user: anna })
  await network.run('uncollectPost', { collection, post: 99, user: anna })
  expect(network.view.value(collections, collection, 'items')).toBe(1)
  await expectCode(
    network.run('collectPost', { collection, post: other, user: anna }),
    'POST_NOT_FOUND',
  )
  const comment = await network.comment(anna, own)
  await expectCode(
    network.run('collectPost', { collection, post: comment, user: anna }),
    'POST_UNFIT',
  )
  await network.run('deleteCollection', { collection, user: anna })
  expect(network.view.rowCount(collectionItems)).toBe(0)
  expect(network.view.has(posts, own)).toBe(true)
})

networkTest('only its owner changes a collection, or sees a private one', async (network) => {
  const [anna, ben, moderator] = await people(network, 'anna', 'ben', 'mona')
  await network.run('setRole', { user: moderator, role: 'moderator' })
  const post = await network.post(anna)
  const open = await network.run('createCollection', { owner: anna, name: 'Open' })
  const own = await network.run('createCollection', { owner: anna, name: 'Own', isPrivate: true })
  const listed = (viewer: number): number[] => collectionsOf(network.view, anna, viewer)
  expect(listed(anna)).toEqual([own, open])
  expect(collectionsOf(network.view, anna, anna, own)).toEqual([open])
  expect(listed(ben)).toEqual([open])
  expect(listed(0)).toEqual([open])
  expect(isCollectionVisible(network.view, own, moderator)).toBe(false)

  for (const [collection, code] of [
    [open, 'NOT_YOURS'],
    [own, 'COLLECTION_NOT_FOUND'],
    [99, 'COLLECTION_NOT_FOUND'],
  ] as const) {
    const by = { collection, user: ben }
    await expectCode(network.run('editCollection', { ...by, name: 'x' }), code)
    await expectCode(network.run('deleteCollection', by), code)
    await expectCode(network.run('collectPost', { ...by, post }), code)
    await expectCode(network.run('uncollectPost', { ...by, post }), code)
  }
  await network.run('editCollection', { collection: own, user: anna, isPrivate: false })
  expect(listed(ben)).toEqual([own, open])
  await network.run('updateProfile', { user: anna, isPrivate: true })
  expect(listed(ben)).toEqual([])
  expect(isCollectionVisible(network.view, open, moderator)).toBe(true)
  await network.run('follow', { follower: ben, followee: anna })
  await network.run('grantFollow', { requester: ben, target: anna })
  expect(listed(ben)).toEqual([own, open])
  await network.run('block', { blocker: anna, blocked: ben })
  expect(listed(ben)).toEqual([])
})

networkTest('names of collections are texts like others', async (network) => {
  const [anna] = await people(network, 'anna')
  const create = (more: object): Promise<unknown> =>
    network.run('createCollection', { owner: anna, name: 'x', ...more })
  await expectCode(create({ name: ' ' }), 'TEXT_EMPTY')
  await expectCode(create({ name: 'x'.repeat(61) }), 'TEXT_TOO_LONG')
  await expectCode(create({ name: 'a\nb' }), 'TEXT_INVALID')
  await expectCode(create({ description: 'x'.repeat(501) }), 'TEXT_TOO_LONG')
  await expectCode(create({ owner: 99 }), 'USER_NOT_FOUND')
  await network.run('blockTerm', { kind: 'word', term: 'spam', moderator: 0 })
  await expectCode(create({ name: 'Spam' }), 'TERM_BLOCKED')
  await expectCode(create({ description: 'spam' }), 'TERM_BLOCKED')
})

networkTest('there are so many collections, and so many posts in one', async (network) => {
  const [anna] = await people(network, 'anna')
  const post = await network.post(anna)
  const deleted = await network.post(anna)
  await network.run('deletePost', { post: deleted, user: anna })
  const collection = await arrange(network, (tx) => {
    for (let count = 0; count < COLLECTION_COUNT_MAX; count++) {
      tx.insert(collections, { owner: anna, name: 'x' })
    }
    for (let count = 0; count < COLLECTION_POST_COUNT_MAX; count++) {
      tx.insert(posts, { author: anna, publishedAt: 1 })
      tx.insert(collectionItems, { collection: 1, post: tx.lastId(posts) })
    }
    return 1
  })
  await expectCode(
    network.run('createCollection', { owner: anna, name: 'x' }),
    'COLLECTIONS_TOO_MANY',
  )
  await expectCode(network.run('collectPost', { collection, post, user: anna }), 'COLLECTION_FULL')
  // The places of deleted posts are given away.
  await network.run('deletePost', { post: network.view.lastId(posts), user: anna })
  expect(network.view.value(collections, collection, 'items')).toBe(COLLECTION_POST_COUNT_MAX)
  await network.run('collectPost', { collection, post, user: anna })
  expect(network.view.value(collections, collection, 'items')).toBe(COLLECTION_POST_COUNT_MAX)
  await network.run('deleteCollection', { collection: 2, user: anna })
  await network.run('createCollection', { owner: anna, name: 'x' })
})
