// Profiles in the model: texts, fields, photos, the private flag.

import { expect } from 'vitest'
import { PROFILE_FIELD_COUNT_MAX } from '../../src/model/limits.ts'
import { files, media, users } from '../../src/model/schema.ts'
import { expectCode, networkTest } from '../support/network.ts'

networkTest('fields are replaced as a whole, and are texts like others', async (network) => {
  const user = await network.signUp('anna')
  expect(network.view.get(users, user)!.fields ?? []).toEqual([])
  const fields = [
    { name: ' Camera ', value: 'Pentax 67' },
    { name: 'Camera', value: 'ä' },
  ]
  await network.run('updateProfile', { user, fields })
  const kept = [{ name: 'Camera', value: 'Pentax 67' }, fields[1]]
  expect(network.view.get(users, user)!.fields).toEqual(kept)
  await network.run('updateProfile', { user, name: 'Anna' })
  expect(network.view.get(users, user)!.fields).toEqual(kept)
  await network.run('updateProfile', { user, fields: [] })
  expect(network.view.get(users, user)!.fields).toEqual([])
})

networkTest('fields that do not fit are refused, and change nothing', async (network) => {
  const user = await network.signUp('anna')
  const update = (...fields: { name: string; value: string }[]): Promise<void> =>
    network.run('updateProfile', { user, name: 'Changed', fields })
  const good = { name: 'a', value: 'b' }
  const tooMany = Array.from({ length: PROFILE_FIELD_COUNT_MAX + 1 }, () => good)
  await expectCode(update(...tooMany), 'PROFILE_FIELDS_TOO_MANY')
  await expectCode(update({ name: '', value: 'b' }), 'TEXT_EMPTY')
  await expectCode(update({ name: 'a', value: ' ' }), 'TEXT_EMPTY')
  await expectCode(update({ name: 'a'.repeat(41), value: 'b' }), 'TEXT_TOO_LONG')
  await expectCode(update({ name: 'a', value: 'b'.repeat(201) }), 'TEXT_TOO_LONG')
  await expectCode(update({ name: 'a', value: 'b\nc' }), 'TEXT_INVALID')
  expect(network.view.get(users, user)!.name).toBe('')
  await update(...tooMany.slice(1))
})

networkTest('blocked words are blocked in all texts of a profile', async (network) => {
  const user = await network.signUp('anna')
  await network.run('blockTerm', { kind: 'word', term: 'badword', moderator: 0 })
  for (const change of [
    { name: 'Badword' },
    { bio: 'a badword!' },
    { fields: [{ name: 'badword', value: 'x' }] },
    { fields: [{ name: 'x', value: 'badword' }] },
  ]) {
    await expectCode(network.run('updateProfile', { user, ...change }), 'TERM_BLOCKED')
  }
})

networkTest('a photo of a profile goes when another one takes its place', async (network) => {
  const user = await network.signUp('anna')
  const first = await network.photo(user, 'first')
  const second = await network.photo(user, 'second')
  await network.run('updateProfile', { user, avatar: first })
  expect(network.view.get(media, first)).toMatchObject({ profile: user, post: 0 })
  // The same once more changes nothing.
  await network.run('updateProfile', { user, avatar: first })
  expect(network.view.get(users, user)!.avatar).toBe(first)

  await network.run('updateProfile', { user, avatar: second })
  expect(network.view.get(users, user)!.avatar).toBe(second)
  expect(network.view.has(media, first)).toBe(false)
  expect(network.view.find(files.indexes.byName, 'first.webp')).toBe(0)

  await network.run('updateProfile', { user, avatar: null })
  await network.run('updateProfile', { user, avatar: null, header: null })
  expect(network.view.get(users, user)).toMatchObject({ avatar: 0, header: 0 })
  expect(network.view.rowCount(media)).toBe(0)
  expect(network.view.rowCount(files)).toBe(0)
})

networkTest('avatar and header change places', async (network) => {
  const user = await network.signUp('anna')
  const [one, other] = [await network.photo(user), await network.photo(user)]
  await network.run('updateProfile', { user, avatar: one, header: other })
  await network.run('updateProfile', { user, avatar: other, header: one })
  expect(network.view.get(users, user)).toMatchObject({ avatar: other, header: one })
  expect(network.view.rowCount(media)).toBe(2)
  await network.run('updateProfile', { user, avatar: one, header: null })
  expect(network.view.get(users, user)).toMatchObject({ avatar: one, header: 0 })
  expect(network.view.has(media, other)).toBe(false)
})

networkTest(
  'a photo that shows something else is no avatar, nor the other way',
  async (network) => {
    const user = await network.signUp('anna')
    const other = await network.signUp('ben')
    const [own, theirs] = [await network.photo(user), await network.photo(other)]
    const posted = await network.photo(user)
    await network.run('publishPost', { author: user, caption: '', media: [posted] })
    const update = (avatar: number): Promise<void> => network.run('updateProfile', { user, avatar })
    await expectCode(update(posted), 'MEDIA_ATTACHED')
    await expectCode(update(theirs), 'MEDIA_NOT_FOUND')
    await expectCode(update(99), 'MEDIA_NOT_FOUND')
    await expectCode(update(0), 'MEDIA_NOT_FOUND')
    await update(own)
    await expectCode(network.run('updateProfile', { user, header: own }), 'MEDIA_REPEATED')
    await expectCode(
      network.run('publishPost', { author: user, caption: '', media: [own] }),
      'MEDIA_ATTACHED',
    )
    // Two people may show the same picture: each has a photo of their own.
    const same = await network.photo(other, 'same')
    await network.run('updateProfile', { user, avatar: await network.photo(user, 'same') })
    await network.run('updateProfile', { user: other, avatar: same })
    await network.run('updateProfile', { user, avatar: null })
    expect(network.view.find(files.indexes.byName, 'same.webp')).not.toBe(0)
  },
)

networkTest('who is suspended changes nothing', async (network) => {
  const user = await network.signUp('anna')
  await network.run('suspendUser', { user, moderator: 0, reason: 'Spam' })
  await expectCode(network.run('updateProfile', { user, name: 'Anna' }), 'USER_NOT_FOUND')
})
