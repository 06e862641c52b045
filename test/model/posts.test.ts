// Posts, photos and likes in the model: publishing, deleting, and what is left afterwards.

import { expect } from 'vitest'
import { isLiked } from '../../src/model/likes.ts'
import { fileOfName } from '../../src/model/media.ts'
import { isMediaVisible, isVisible } from '../../src/model/visibility.ts'
import { files, likes, media, posts, users } from '../../src/model/schema.ts'
import { NOON, expectCode, networkTest, postsOfUser } from '../support/network.ts'

networkTest('a post shows photos of its author, in order', async (network) => {
  const anna = await network.signUp('anna')
  const photos = [await network.photo(anna), await network.photo(anna), await network.photo(anna)]
  const album = [photos[2]!, photos[0]!]
  const post = await network.run('publishPost', { author: anna, caption: ' Sea ', media: album })
  expect(network.view.get(posts, post)).toMatchObject({
    author: anna,
    caption: 'Sea',
    media: album,
    publishedAt: NOON,
    parent: 0,
    root: 0,
    depth: 0,
    likes: 0,
    comments: 0,
  })
  expect(network.view.value(users, anna, 'posts')).toBe(1)
  expect(network.view.value(media, photos[0]!, 'post')).toBe(post)
  expect(network.view.value(media, photos[1]!, 'post')).toBe(0)
})

networkTest('photos that a post cannot show are refused', async (network) => {
  const anna = await network.signUp('anna')
  const ben = await network.signUp('ben')
  const photo = await network.photo(anna)
  const publish = (ids: number[], author = anna): Promise<unknown> =>
    network.run('publishPost', { author, caption: '', media: ids })
  await expectCode(publish([]), 'MEDIA_COUNT_WRONG')
  await expectCode(publish(Array.from({ length: 11 }, () => photo)), 'MEDIA_COUNT_WRONG')
  await expectCode(publish([photo, photo]), 'MEDIA_REPEATED')
  await expectCode(publish([photo, 99]), 'MEDIA_NOT_FOUND')
  await expectCode(publish([0]), 'MEDIA_NOT_FOUND')
  await expectCode(publish([photo], ben), 'MEDIA_NOT_FOUND')
  await expectCode(publish([photo], 99), 'USER_NOT_FOUND')
  await publish([photo])
  await expectCode(publish([photo]), 'MEDIA_ATTACHED')
  expect(network.view.rowCount(posts)).toBe(1)
})

networkTest('a post may have ten photos', async (network) => {
  const anna = await network.signUp('anna')
  const album: number[] = []
  for (let count = 0; count < 10; count++) album.push(await network.photo(anna))
  const post = await network.run('publishPost', { author: anna, caption: '', media: album })
  expect(network.view.get(posts, post)?.media).toEqual(album)
})

networkTest('a deleted post is nowhere, and neither is what hung on it', async (network) => {
  const anna = await network.signUp('anna')
  const ben = await network.signUp('ben')
  const post = await network.post(anna, 'secret')
  const kept = await network.post(anna)
  const comment = await network.comment(ben, post)
  await network.run('like', { user: ben, post })
  await expectCode(network.run('deletePost', { post, user: ben }), 'NOT_YOURS')
  await network.run('deletePost', { post, user: anna })

  expect(isVisible(network.view, post, 0)).toBe(false)
  expect(isVisible(network.view, comment, 0)).toBe(false)
  expect(network.view.get(posts, post)).toMatchObject({ caption: '', media: [] })
  expect(network.view.value(users, anna, 'posts')).toBe(1)
  expect(postsOfUser(network.view, anna, 10)).toEqual([kept])
  await expectCode(network.run('deletePost', { post, user: anna }), 'POST_NOT_FOUND')
  await expectCode(network.run('like', { user: ben, post }), 'POST_NOT_FOUND')
  await expectCode(network.run('unlike', { user: ben, post }), 'POST_NOT_FOUND')
  await expectCode(network.comment(ben, post), 'POST_NOT_FOUND')
  await expectCode(network.run('like', { user: ben, post: comment }), 'POST_NOT_FOUND')
  await expectCode(network.run('deletePost', { post: comment, user: ben }), 'POST_NOT_FOUND')
})

networkTest('a file is known while a photo shows it', async (network) => {
  const anna = await network.signUp('anna')
  const ben = await network.signUp('ben')
  const ids = [await network.photo(anna, 'same'), await network.photo(ben, 'same')]
  const [ofAnna, ofBen] = ids
  expect(network.view.rowCount(files)).toBe(1)
  expect(fileOfName(network.view, 'same.webp')).toMatchObject({ uses: 2, size: 1000 })

  const publish = (author: number, photo: number): Promise<number> =>
    network.run('publishPost', { author, caption: '', media: [photo] })
  const first = await publish(anna, ofAnna!)
  const second = await publish(ben, ofBen!)
  await network.run('deletePost', { post: first, user: anna })
  expect(network.view.has(media, ofAnna!)).toBe(false)
  expect(fileOfName(network.view, 'same.webp')).toMatchObject({ uses: 1 })
  await network.run('deletePost', { post: second, user: ben })
  expect(fileOfName(network.view, 'same.webp')).toBeUndefined()
  expect(network.view.rowCount(files)).toBe(0)
  await network.photo(anna, 'same')
  expect(fileOfName(network.view, 'same.webp')).toMatchObject({ uses: 1 })
})

networkTest('a photo is its owner’s until a post shows it', async (network) => {
  const anna = await network.signUp('anna')
  const ben = await network.signUp('ben')
  const photo = await network.photo(anna)
  expect(isMediaVisible(network.view, photo, anna)).toBe(true)
  expect(isMediaVisible(network.view, photo, ben)).toBe(false)
  expect(isMediaVisible(network.view, photo, 0)).toBe(false)
  await network.run('publishPost', { author: anna, caption: '', media: [photo] })
  expect(isMediaVisible(network.view, photo, 0)).toBe(true)
  expect(isMediaVisible(network.view, 99, anna)).toBe(false)
  await expectCode(network.photo(99), 'USER_NOT_FOUND')
})

networkTest('a like counts once, and comments are liked as posts are', async (network) => {
  const anna = await network.signUp('anna')
  const ben = await network.signUp('ben')
  const post = await network.post(anna)
  const comment = await network.comment(anna, post)
  for (const liked of [post, comment]) {
    await network.run('like', { user: ben, post: liked })
    const { lastLsn } = network.store.stats()
    await network.run('like', { user: ben, post: liked })
    expect(network.store.stats().lastLsn).toBe(lastLsn)
    await network.run('like', { user: anna, post: liked })
    expect(network.view.value(posts, liked, 'likes')).toBe(2)
    expect(isLiked(network.view, ben, liked)).toBe(true)
    await network.run('unlike', { user: ben, post: liked })
    await network.run('unlike', { user: ben, post: liked })
    expect(network.view.value(posts, liked, 'likes')).toBe(1)
    expect(isLiked(network.view, ben, liked)).toBe(false)
  }
  expect(network.view.rowCount(likes)).toBe(2)
  await expectCode(network.run('like', { user: ben, post: 99 }), 'POST_NOT_FOUND')
  await expectCode(network.run('like', { user: 99, post }), 'USER_NOT_FOUND')
})
