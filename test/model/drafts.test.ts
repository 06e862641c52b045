// Drafts in the model: what one keeps, whose it is, its bounds, and how it becomes a post.

import { expect } from 'vitest'
import { demandOwnDraft, draftsOf } from '../../src/model/drafts.ts'
import { DRAFT_COUNT_MAX } from '../../src/model/limits.ts'
import { drafts, media, posts } from '../../src/model/schema.ts'
import { NOON, expectCode, networkTest } from '../support/network.ts'

networkTest('a draft keeps what it was given, and is replaced as a whole', async (network) => {
  const anna = await network.signUp('anna')
  const photos = [await network.photo(anna), await network.photo(anna)]
  const draft = await network.run('createDraft', { owner: anna, content: {} })
  network.clock.time += 1_000
  const content = {
    caption: 'Sea \ud800',
    media: photos,
    visibility: 'followers',
    commenters: 'nobody',
  } as const
  await network.run('saveDraft', { draft, user: anna, content })
  expect(demandOwnDraft(network.view, draft, anna)).toEqual({
    id: draft,
    content: { ...content, caption: 'Sea \ufffd' },
    media: photos,
    createdAt: NOON,
    updatedAt: NOON + 1_000,
  })
  await network.run('saveDraft', { draft, user: anna, content: { caption: '' } })
  expect(demandOwnDraft(network.view, draft, anna).content).toEqual({ caption: '', media: [] })
})

networkTest('a draft is its owner’s alone', async (network) => {
  const [anna, ben] = [await network.signUp('anna'), await network.signUp('ben')]
  await network.run('setRole', { user: ben, role: 'admin' })
  const draft = await network.run('createDraft', { owner: anna, content: {} })
  expect(draftsOf(network.view, anna, 10)).toEqual([draft])
  expect(draftsOf(network.view, ben, 10)).toEqual([])
  for (const by of [
    { draft, user: ben },
    { draft: 99, user: anna },
  ]) {
    expect(() => demandOwnDraft(network.view, by.draft, by.user)).toThrow('no such draft')
    await expectCode(network.run('saveDraft', { ...by, content: {} }), 'DRAFT_NOT_FOUND')
    await expectCode(network.run('deleteDraft', by), 'DRAFT_NOT_FOUND')
    await expectCode(network.run('publishDraft', by), 'DRAFT_NOT_FOUND')
  }
  await expectCode(network.run('createDraft', { owner: 99, content: {} }), 'USER_NOT_FOUND')
  await network.run('deleteDraft', { draft, user: anna })
  expect(network.view.rowCount(drafts)).toBe(0)
})

networkTest('a draft shows photos of its owner that nothing else shows', async (network) => {
  const [anna, ben] = [await network.signUp('anna'), await network.signUp('ben')]
  const photos = [await network.photo(anna), await network.photo(anna), await network.photo(anna)]
  const foreign = await network.photo(ben)
  const create = (ids: number[]): Promise<number> =>
    network.run('createDraft', { owner: anna, content: { media: ids } })
  await expectCode(create([foreign]), 'MEDIA_NOT_FOUND')
  await expectCode(create([99]), 'MEDIA_NOT_FOUND')
  await expectCode(create([photos[0]!, photos[0]!]), 'MEDIA_REPEATED')
  await expectCode(create(Array.from({ length: 11 }, () => 99)), 'MEDIA_COUNT_WRONG')
  const draft = await create(photos)
  await network.run('deleteMedia', { media: photos[0]!, user: anna })
  await network.run('publishPost', { author: anna, caption: '', media: [photos[1]!] })
  expect(demandOwnDraft(network.view, draft, anna).media).toEqual([photos[2]])
  await expectCode(network.run('publishDraft', { draft, user: anna }), 'MEDIA_NOT_FOUND')
  expect(network.view.has(drafts, draft)).toBe(true)
})

networkTest('a draft is published once, and is none then', async (network) => {
  const anna = await network.signUp('anna')
  const photo = await network.photo(anna)
  const content = { caption: 'A #sea', media: [photo], visibility: 'private' } as const
  const draft = await network.run('createDraft', { owner: anna, content })
  network.clock.time += 1_000
  const post = await network.run('publishDraft', { draft, user: anna })
  expect(network.view.get(posts, post)).toMatchObject({
    author: anna,
    caption: 'A #sea',
    media: [photo],
    publishedAt: NOON + 1_000,
  })
  expect(network.view.value(media, photo, 'post')).toBe(post)
  expect(network.view.rowCount(drafts)).toBe(0)
  await expectCode(network.run('publishDraft', { draft, user: anna }), 'DRAFT_NOT_FOUND')
})

networkTest('what a post must be is asked when a draft is published', async (network) => {
  const anna = await network.signUp('anna')
  const photo = await network.photo(anna)
  const content = { caption: 'x'.repeat(2_300) }
  const draft = await network.run('createDraft', { owner: anna, content })
  const publish = (): Promise<number> => network.run('publishDraft', { draft, user: anna })
  await expectCode(publish(), 'TEXT_TOO_LONG')
  await network.run('saveDraft', { draft, user: anna, content: { caption: 'x' } })
  await expectCode(publish(), 'MEDIA_COUNT_WRONG')
  await network.run('saveDraft', { draft, user: anna, content: { media: [photo] } })
  await publish()
})

networkTest('there are so many drafts, of such a size', async (network) => {
  const anna = await network.signUp('anna')
  const create = (caption: string): Promise<number> =>
    network.run('createDraft', { owner: anna, content: { caption } })
  await expectCode(create('x'.repeat(16_384)), 'DRAFT_TOO_LARGE')
  await expectCode(create('海'.repeat(5_461)), 'DRAFT_TOO_LARGE')
  const draft = await create('海'.repeat(5_000))
  for (let count = 1; count < DRAFT_COUNT_MAX; count++) await create('x')
  await expectCode(create('x'), 'DRAFTS_TOO_MANY')
  await network.run('deleteDraft', { draft, user: anna })
  await create('x')
})
