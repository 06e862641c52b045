// The export of an account in the model: what is in it, what is not, and how often it may be had.

import { expect } from 'vitest'
import { demandExport, exportPage, exportedPhotos } from '../../src/model/account-export.ts'
import { EXPORT_DOWNLOAD_COUNT_MAX, EXPORT_PERIOD_MS } from '../../src/model/limits.ts'
import { NOON, expectCode, networkTest } from '../support/network.ts'
import type { ExportCursor } from '../../src/model/account-export.ts'
import type { Network } from '../support/network.ts'

// What a line holds is what tests are about.
// oxlint-disable-next-line typescript/no-explicit-any
type Line = any

const NOON_TEXT = '2026-01-02T12:00:00.000Z'

/** All lines, read in pages of some size, and how many pages there were. */
function linesOf(network: Network, user: number, count = 2): { lines: Line[]; pages: number } {
  const lines: Line[] = []
  let cursor: ExportCursor | undefined
  for (let pages = 1; ; pages++) {
    const page = exportPage(network.view, user, cursor, count)
    expect(page.items.length).toBeLessThanOrEqual(count)
    lines.push(...page.items)
    cursor = page.next
    if (cursor === undefined) return { lines, pages }
  }
}

networkTest('everything that somebody made is in it', async (network) => {
  const anna = await network.signUp('anna')
  const ben = await network.signUp('ben')
  await network.run('updateProfile', { user: anna, name: 'Anna', bio: 'A bio' })
  await network.run('follow', { follower: anna, followee: ben })
  await network.run('follow', { follower: ben, followee: anna })
  const post = await network.post(anna, 'My post')
  const bensPost = await network.post(ben, 'His own words')
  const comment = await network.comment(anna, bensPost, bensPost, 'My comment')
  await network.comment(ben, post, post, 'His comment')
  await network.run('like', { user: anna, post: bensPost })
  const photo = await network.photo(anna)
  const { lines } = linesOf(network, anna)
  expect(lines[0]).toMatchObject({
    type: 'profile',
    id: String(anna),
    handle: 'anna',
    name: 'Anna',
    bio: 'A bio',
    created_at: NOON_TEXT,
  })
  const of = (type: string): Line[] => lines.filter((line) => line.type === type)
  expect(of('session')).toHaveLength(1)
  expect(of('following')).toEqual([{ type: 'following', user: 'ben', created_at: NOON_TEXT }])
  expect(of('follower')).toEqual([{ type: 'follower', user: 'ben', created_at: NOON_TEXT }])
  expect(of('post')).toMatchObject([
    { id: String(post), text: 'My post', visibility: 'public', likes: 0, edited_at: null },
  ])
  expect(of('comment')).toMatchObject([
    { id: String(comment), text: 'My comment', post: String(bensPost), parent: String(bensPost) },
  ])
  expect(of('like')).toMatchObject([{ post: String(bensPost) }])
  expect(of('photo')).toMatchObject([
    { post: String(post) },
    { id: String(photo), post: null, file: `media/${photo}.jpg` },
  ])
  const text = JSON.stringify(lines)
  for (const secret of ['His', 'none', 'token of']) expect(text).not.toContain(secret)
})

networkTest(
  'what was deleted is not in it, and who is out of sight has no name',
  async (network) => {
    const anna = await network.signUp('anna')
    const ben = await network.signUp('ben')
    await network.run('follow', { follower: anna, followee: ben })
    await network.run('mute', { muter: anna, muted: ben })
    const post = await network.post(anna, 'Regretted')
    await network.run('deletePost', { post, user: anna })
    await network.run('deleteAccount', { user: ben, session: 0 })
    const { lines } = linesOf(network, anna)
    expect(lines.filter(({ type }) => type === 'post')).toEqual([])
    expect(lines.filter(({ type }) => type === 'mute')).toMatchObject([{ user: null }])
  },
)

networkTest('pages of any size make the same list', async (network) => {
  const anna = await network.signUp('anna')
  const ben = await network.signUp('ben')
  for (let count = 0; count < 7; count++) {
    const post = await network.post(ben)
    await network.run('like', { user: anna, post })
    await network.post(anna, `Post ${count}`)
  }
  const whole = linesOf(network, anna, 1_000).lines
  for (const count of [1, 2, 3, 7]) {
    expect(linesOf(network, anna, count).lines).toEqual(whole)
  }
  const photos = exportedPhotos(network.view, anna, 0, 100)
  expect(photos).toHaveLength(7)
  expect(exportedPhotos(network.view, anna, photos[2]!.id, 2)).toEqual(photos.slice(3, 5))
})

networkTest('an export is good for a day and some downloads, then for another', async (network) => {
  const user = await network.signUp('anna')
  await expectCode(network.run('beginDownload', { user }), 'EXPORT_NOT_FOUND')
  const first = await network.run('requestExport', { user })
  expect(await network.run('requestExport', { user })).toBe(first)
  for (let left = EXPORT_DOWNLOAD_COUNT_MAX; left > 0; left--) {
    expect(demandExport(network.view, user, network.clock.time)).toEqual({
      id: first,
      createdAt: NOON,
      expiresAt: NOON + EXPORT_PERIOD_MS,
      downloadsLeft: left,
    })
    expect(await network.run('beginDownload', { user })).toBe(first)
  }
  await expectCode(network.run('beginDownload', { user }), 'EXPORT_NOT_FOUND')
  await expectCode(network.run('requestExport', { user }), 'EXPORT_TOO_SOON')
  network.clock.time = NOON + EXPORT_PERIOD_MS - 1
  await expectCode(network.run('requestExport', { user }), 'EXPORT_TOO_SOON')
  network.clock.time++
  const second = await network.run('requestExport', { user })
  expect(second).not.toBe(first)
  network.clock.time += EXPORT_PERIOD_MS
  await expectCode(network.run('beginDownload', { user }), 'EXPORT_NOT_FOUND')
})

networkTest('each has their own, and an account that ends is told no further', async (network) => {
  const anna = await network.signUp('anna')
  const ben = await network.signUp('ben')
  await network.run('requestExport', { user: anna })
  await expectCode(network.run('beginDownload', { user: ben }), 'EXPORT_NOT_FOUND')
  await network.run('deleteAccount', { user: anna, session: 0 })
  await expectCode(network.run('beginDownload', { user: anna }), 'USER_NOT_FOUND')
  await expectCode(network.run('requestExport', { user: anna }), 'USER_NOT_FOUND')
  expect(() => exportPage(network.view, anna, undefined, 10)).toThrow('There is no such user.')
  expect(() => exportedPhotos(network.view, anna, 0, 10)).toThrow('There is no such user.')
})
