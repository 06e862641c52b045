// Visibility over HTTP: whatever shows a user, a post, a comment or a photo answers as the one
// place says that decides it, for every relation of who asks. That place is tested for itself
// (test/model/visibility.test.ts).

import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  VISIBILITIES,
  arePostsVisible,
  isListed,
  isMediaVisible,
  isUserVisible,
  isVisible,
  standingOf,
} from '../../src/model/visibility.ts'
import { posts } from '../../src/model/schema.ts'
import { Api, expectError } from '../support/api.ts'
import type { Network } from '../support/network.ts'
import type { Answer } from '../support/api.ts'
import type { View } from '../../src/engine/view.ts'

const RELATIONS = [
  'stranger',
  'follower',
  'requested',
  'blocked',
  'blocker',
  'muter',
  'moderator',
] as const
const ACCOUNTS = ['open', 'closed', 'suspended'] as const

interface Person {
  readonly id: number
  readonly handle: string
  readonly token?: string
}

interface Posted {
  readonly post: number
  readonly photo: number
  readonly comment: number
}

let api: Api
const authors: Person[] = []
const viewers: Person[] = [{ id: 0, handle: 'anybody' }]
const postedBy = new Map<number, Posted[]>()
let elsewhere: number

beforeAll(async () => {
  api = await Api.create()
  const { network } = api
  for (const handle of ACCOUNTS) authors.push(await api.signUp(handle))
  for (const handle of RELATIONS) viewers.push(await api.signUp(handle))
  elsewhere = await network.post(await network.signUp('somebody'))
  for (const { id: user } of authors) await relate(network, user)
  for (const { id: author } of authors) postedBy.set(author, await publish(network, author))
  await network.run('setRole', { user: idOf('moderator'), role: 'moderator' })
  await network.run('suspendUser', { user: authors[2]!.id, moderator: 0, reason: 'Spam' })
  viewers.push(...authors.slice(0, 2))
})
afterAll(() => api[Symbol.asyncDispose]())

const idOf = (handle: string): number => viewers.find((viewer) => viewer.handle === handle)!.id

/** Every viewer to one author; the second author becomes private on the way. */
async function relate(network: Network, user: number): Promise<void> {
  await network.run('follow', { follower: idOf('follower'), followee: user })
  if (user === authors[1]!.id) await network.run('updateProfile', { user, isPrivate: true })
  if (user === authors[1]!.id) {
    await network.run('follow', { follower: idOf('requested'), followee: user })
  }
  await network.run('block', { blocker: user, blocked: idOf('blocked') })
  await network.run('block', { blocker: idOf('blocker'), blocked: user })
  await network.run('mute', { muter: idOf('muter'), muted: user })
}

/** A post of each visibility, and one that is removed, each with a comment somewhere else. */
async function publish(network: Network, author: number): Promise<Posted[]> {
  const posted: Posted[] = []
  for (const visibility of ['public', 'followers', 'private', 'removed'] as const) {
    const photo = await network.photo(author)
    const sight = visibility === 'removed' ? 'public' : visibility
    const input = { author, caption: '', media: [photo], visibility: sight }
    const post = await network.run('publishPost', input)
    expect(network.view.value(posts, post, 'visibility')).toBe(VISIBILITIES.indexOf(sight))
    const comment = await network.comment(author, elsewhere)
    if (visibility === 'removed') {
      for (const each of [post, comment]) {
        await network.run('removePost', { post: each, moderator: 0, reason: 'Spam' })
      }
    }
    posted.push({ post, photo, comment })
  }
  return posted
}

/** Asks as everybody about everything of every author. */
async function forEach(
  body: (parts: {
    readonly view: View
    readonly author: Person
    readonly viewer: Person
    readonly ask: (path: string) => Promise<Answer>
  }) => Promise<void>,
): Promise<void> {
  for (const author of authors) {
    for (const viewer of viewers) {
      const ask = (path: string): Promise<Answer> => api.call('GET', path, { token: viewer.token })
      await body({ view: api.network.view, author, viewer, ask })
    }
  }
}

function expectSeen(answer: Answer, isSeen: boolean, code: string): void {
  if (isSeen) expect(answer.status).toBe(200)
  else expectError(answer, 404, code)
}

const idsOf = (answer: Answer): number[] =>
  answer.body.items.map(({ id }: { id: string }) => Number(id))

test('users, their posts and the lists of people', () =>
  forEach(async ({ view, author, viewer, ask }) => {
    const isSeen = isUserVisible(view, author.id, viewer.id)
    expectSeen(await ask(`/users/${author.handle}`), isSeen, 'USER_NOT_FOUND')
    const listed = await ask(`/users/${author.handle}/posts`)
    expectSeen(listed, isSeen, 'USER_NOT_FOUND')
    const followers = await ask(`/users/${author.handle}/followers`)
    expectSeen(followers, isSeen, 'USER_NOT_FOUND')
    if (!isSeen) return
    const expected = postedBy.get(author.id)!.map(({ post }) => post)
    expect(idsOf(listed)).toEqual(
      expected.filter((post) => isListed(view, post, viewer.id)).toReversed(),
    )
    const isOpen = arePostsVisible(view, author.id, viewer.id)
    expect(idsOf(followers)).toEqual(isOpen ? [idOf('follower')] : [])
  }))

test('posts, comments and photos by their ids', () =>
  forEach(async ({ view, author, viewer, ask }) => {
    for (const { post, photo, comment } of postedBy.get(author.id)!) {
      for (const id of [post, comment]) {
        const isSeen = isVisible(view, id, viewer.id)
        expectSeen(await ask(`/posts/${id}`), isSeen, 'POST_NOT_FOUND')
      }
      const isSeen = isVisible(view, post, viewer.id)
      expectSeen(await ask(`/posts/${post}/comments`), isSeen, 'POST_NOT_FOUND')
      expectSeen(await ask(`/posts/${post}/likes`), isSeen, 'POST_NOT_FOUND')
      const isPhotoSeen = isMediaVisible(view, photo, viewer.id)
      expectSeen(await ask(`/media/${photo}`), isPhotoSeen, 'MEDIA_NOT_FOUND')
    }
  }))

test('comments in a thread', () =>
  forEach(async ({ view, author, viewer, ask }) => {
    const { body } = await ask(`/posts/${elsewhere}/comments?limit=50`)
    const shown: number[] = body.items
      .filter(({ author: by }: { author: { id: string } | null }) => by?.id === String(author.id))
      .map(({ id }: { id: string }) => Number(id))
    const comments = postedBy.get(author.id)!.map(({ comment }) => comment)
    const expected = comments.filter((id) => standingOf(view, id, viewer.id) === 'shown')
    expect(shown.toSorted((one, other) => one - other)).toEqual(expected)
    expect(expected).toEqual(comments.filter((id) => isListed(view, id, viewer.id)))
  }))

test('feeds show what lists show, and nothing else', () =>
  forEach(async ({ view, viewer, ask }) => {
    const all = [...postedBy.values()].flat().map(({ post }) => post)
    for (const path of ['/feed/public?limit=50', ...(viewer.id === 0 ? [] : ['/feed?limit=50'])]) {
      const answer = await ask(path)
      expect(answer.status).toBe(200)
      const shown = idsOf(answer)
      for (const post of shown) expect(isListed(view, post, viewer.id)).toBe(true)
      const isStranger = path.startsWith('/feed/public') && viewer.handle === 'stranger'
      if (isStranger) expect(shown).toContain(postedBy.get(authors[0]!.id)![0]!.post)
      if (viewer.handle === 'muter') expect(shown.some((post) => all.includes(post))).toBe(false)
    }
  }))
