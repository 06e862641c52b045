// Photos in the model: describing and deleting them, and how many may wait.

import { expect } from 'vitest'
import { MEDIA_WAITING_COUNT_MAX } from '../../src/model/limits.ts'
import { files, media } from '../../src/model/schema.ts'
import { arrange } from '../support/arranged.ts'
import { expectCode, networkTest } from '../support/network.ts'
import type { Network } from '../support/network.ts'

async function two(network: Network): Promise<[anna: number, ben: number]> {
  return [await network.signUp('anna'), await network.signUp('ben')]
}

networkTest('a photo is described by its owner alone', async (network) => {
  const [anna, ben] = await two(network)
  const photo = await network.photo(anna)
  const describe = (user: number, alt: string): Promise<unknown> =>
    network.run('editMedia', { media: photo, user, alt })
  await expectCode(describe(ben, 'x'), 'MEDIA_NOT_FOUND')
  await network.run('publishPost', { author: anna, caption: '', media: [photo] })
  await expectCode(describe(ben, 'x'), 'NOT_YOURS')
  await expectCode(describe(anna, 'x'.repeat(1_501)), 'TEXT_TOO_LONG')
  await describe(anna, ' A boat\nat sea ')
  await network.run('editMedia', { media: photo, user: anna, focus: [1, -1] })
  expect(network.view.get(media, photo)).toMatchObject({
    alt: 'A boat\nat sea',
    focusX: 1,
    focusY: -1,
  })
  await network.run('blockTerm', { kind: 'word', term: 'spam', moderator: 0 })
  await expectCode(describe(anna, 'spam'), 'TERM_BLOCKED')
  await expectCode(network.run('editMedia', { media: 99, user: anna, alt: 'x' }), 'MEDIA_NOT_FOUND')
})

networkTest('a photo is deleted while nothing shows it, its file with it', async (network) => {
  const [anna, ben] = await two(network)
  const photo = await network.photo(anna)
  await expectCode(network.run('deleteMedia', { media: photo, user: ben }), 'MEDIA_NOT_FOUND')
  await network.run('deleteMedia', { media: photo, user: anna })
  expect(network.view.rowCount(files)).toBe(0)
  await expectCode(network.run('deleteMedia', { media: photo, user: anna }), 'MEDIA_NOT_FOUND')

  const shown = await network.photo(anna)
  await network.run('publishPost', { author: anna, caption: '', media: [shown] })
  await expectCode(network.run('deleteMedia', { media: shown, user: ben }), 'NOT_YOURS')
  await expectCode(network.run('deleteMedia', { media: shown, user: anna }), 'MEDIA_ATTACHED')
})

networkTest('a photo of a profile is for no post, and not deleted', async (network) => {
  const anna = await network.signUp('anna')
  const photo = await network.photo(anna)
  await network.run('updateProfile', { user: anna, avatar: photo })
  await expectCode(network.run('deleteMedia', { media: photo, user: anna }), 'MEDIA_ATTACHED')
  await expectCode(
    network.run('publishPost', { author: anna, caption: '', media: [photo] }),
    'MEDIA_ATTACHED',
  )
})

networkTest('so many photos may wait, and those that are shown do not', async (network) => {
  const [anna, ben] = await two(network)
  const first = await network.photo(anna)
  const second = await network.photo(anna)
  await arrange(network, (tx) => {
    const { file } = tx.get(media, first)!
    for (let count = 2; count < MEDIA_WAITING_COUNT_MAX; count++) {
      tx.insert(media, { owner: anna, file })
    }
  })
  await expectCode(network.photo(anna), 'MEDIA_TOO_MANY')
  await network.photo(ben)
  await network.run('publishPost', { author: anna, caption: '', media: [first] })
  const third = await network.photo(anna)
  await expectCode(network.photo(anna), 'MEDIA_TOO_MANY')
  await network.run('updateProfile', { user: anna, avatar: second })
  await network.photo(anna)
  await expectCode(network.photo(anna), 'MEDIA_TOO_MANY')
  await network.run('deleteMedia', { media: third, user: anna })
  await network.photo(anna)
})
