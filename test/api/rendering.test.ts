// Rendering: what is put together from kept fragments is what serialising plain objects gives, byte
// for byte, whatever happened to the network meanwhile, and whoever asks.

import { expect } from 'vitest'
import { Fragments } from '../../src/api/render/fragments.ts'
import { pageText } from '../../src/api/render/answer.ts'
import { renderComment, renderThread } from '../../src/api/render/comment.ts'
import { renderPost, renderPosts } from '../../src/api/render/post.ts'
import { renderMe, renderUser, renderUsers } from '../../src/api/render/user.ts'
import { isListed, isVisible } from '../../src/model/visibility.ts'
import { media, posts, users } from '../../src/model/schema.ts'
import { homeTimeline } from '../../src/model/timelines.ts'
import { Network } from '../support/network.ts'
import {
  Serialiser,
  plainComment,
  plainMe,
  plainPost,
  plainThread,
  plainUser,
} from '../support/plain-rendering.ts'
import { seededTest } from '../support/seeded.ts'
import type { Rendering } from '../../src/api/render/fragments.ts'
import type { View } from '../../src/engine/view.ts'
import type { Random } from '../../src/std/random.ts'

/** Texts that a serialiser may get wrong, in JSON and in memory. */
const TEXTS = [
  '',
  'Sea',
  '"\\/',
  'a\nb\t',
  '<&>',
  'é',
  '海と山',
  '👩‍👩‍👧',
  '\u2028',
  '{"likes":9}',
  'x'.repeat(60),
  'With @user1, @user2 and @nobody. #Sea #夏 #sea',
]
const CHANGES = 60
const QUESTIONS = 12

interface Question {
  readonly schema: 'post' | 'posts' | 'comment' | 'thread' | 'user' | 'users' | 'me'
  readonly render: (rendering: Rendering) => string
  readonly plain: (view: View) => object
}

seededTest('kept fragments give what plain objects give, after every change', async (random) => {
  await using network = await Network.create()
  await using serialiser = new Serialiser()
  const caches = {
    kept: new Fragments(),
    // Some ten fragments: they come and go all the time.
    few: new Fragments(12_000),
    none: new Fragments(0),
  }
  for (let count = 0; count < 4; count++) await network.signUp(`user${count}`)
  for (let change = 0; change < CHANGES; change++) {
    await changeNetwork(network, random)
    for (let count = 0; count < QUESTIONS; count++) {
      const { schema, render, plain } = question(network.view, random)
      const expected = await serialiser.serialise(schema, plain(network.view))
      for (const [name, fragments] of Object.entries(caches)) {
        expect(await fragments.render(network.store, render), name).toBe(expected)
      }
    }
  }
  expect(caches.few.size).toBeLessThanOrEqual(12_000)
  expect(caches.few.size).toBeGreaterThan(0)
  expect(caches.none.size).toBe(0)
})

/** One transaction that succeeds or is refused. */
async function changeNetwork(network: Network, random: Random): Promise<void> {
  const { view } = network
  const user = random.between(1, view.lastId(users))
  const other = random.between(1, view.lastId(users))
  const post = random.between(1, Math.max(1, view.lastId(posts)))
  const ownPost = { post, user: view.value(posts, post, 'author') }
  const photo = random.between(1, Math.max(1, view.lastId(media)))
  const owner = view.value(media, photo, 'owner')
  const text = random.pick(TEXTS)
  network.clock.time += random.below(10_000)
  const changes: (() => Promise<unknown>)[] = [
    () => network.signUp(`user${view.lastId(users)}`),
    () => network.run('updateProfile', { user, name: text.slice(0, 20).replaceAll(/\s/g, ' ') }),
    () => network.run('updateProfile', { user, bio: text }),
    () => network.run('updateProfile', { user, fields: [{ name: 'Says', value: text }] }),
    () => network.run('updateProfile', { user: owner, avatar: photo }),
    () => network.run('updateProfile', { user: owner, header: photo, avatar: null }),
    () => network.run('updateProfile', { user, isPrivate: random.once(2) }),
    () => network.run('mute', { muter: user, muted: other }),
    () => network.run('setRole', { user, role: random.pick(['user', 'moderator', 'admin']) }),
    () => network.run('follow', { follower: user, followee: other }),
    () => network.run('unfollow', { follower: user, followee: other }),
    () => network.run('like', { user, post }),
    () => network.run('like', { user: other, post }),
    () => network.run('unlike', { user, post }),
    () => network.run('addBookmark', { user, post }),
    () => network.run('addBookmark', { user: other, post }),
    () => network.run('removeBookmark', { user, post }),
    () => network.run('editPost', { ...ownPost, caption: text }),
    () => network.run('editPost', { ...ownPost, visibility: 'followers', commenters: 'nobody' }),
    () => network.run('editPost', { ...ownPost, visibility: 'public' }),
    () => network.run('editMedia', { media: photo, user: owner, alt: text, focus: [0.5, -1] }),
    () => network.comment(user, post, post, text),
    () => network.comment(other, post, post, text),
    () => network.run('deletePost', { post, user: view.value(posts, post, 'author') }),
    () => publish(network, random, user, text),
    () => publish(network, random, other, text),
  ]
  await random
    .pick(changes)()
    .catch((error: unknown) => {
      // What the network refuses changes nothing, and is no subject here.
      if ((error as Error).name !== 'Refusal') throw error
    })
}

async function publish(
  network: Network,
  random: Random,
  author: number,
  caption: string,
): Promise<void> {
  const photos: number[] = []
  for (let count = random.between(1, 3); count > 0; count--) {
    // The same file may be shown by several.
    photos.push(await network.photo(author, random.pick(['a', 'b', 'c', 'd'])))
  }
  await network.run('publishPost', { author, caption, media: photos })
}

/** Of the posts that somebody's home timeline shows, those that lists show the viewer, too. */
function shownOf(view: View, user: number, viewer: number): readonly number[] {
  const { posts: home } = homeTimeline(view, { viewer: user, count: 20 })
  return home.filter((id) => isListed(view, id, viewer))
}

/** Something that anybody may ask now. */
function question(view: View, random: Random): Question {
  const viewer = random.below(view.lastId(users) + 1)
  const user = random.between(1, view.lastId(users))
  const post = random.between(1, Math.max(1, view.lastId(posts)))
  const everybody = Array.from({ length: view.lastId(users) }, (_, index) => index + 1)
  const questions: Question[] = [
    {
      schema: 'posts',
      render: (on) => pageText(renderPosts(on, shownOf(on.view, user, viewer), viewer), '7'),
      plain: (of) => ({
        items: shownOf(of, user, viewer).map((id) => plainPost(of, id, viewer)),
        next: '7',
      }),
    },
    {
      schema: 'user',
      render: (on) => renderUser(on, user, viewer),
      plain: (of) => plainUser(of, user, viewer),
    },
    {
      schema: 'users',
      render: (on) => pageText(renderUsers(on, everybody, viewer), null),
      plain: (of) => ({ items: everybody.map((id) => plainUser(of, id, viewer)), next: null }),
    },
    { schema: 'me', render: (on) => renderMe(on, user), plain: (of) => plainMe(of, user) },
  ]
  if (isVisible(view, post, viewer)) {
    questions.push(
      {
        schema: 'post',
        render: (on) => renderPost(on, post, viewer),
        plain: (of) => plainPost(of, post, viewer),
      },
      {
        schema: 'thread',
        render: (on) => renderThread(on, post, viewer, { order: 'old', depth: 2, count: 2 }),
        plain: (of) => plainThread(of, post, viewer, 2),
      },
    )
    if (view.value(posts, post, 'root') !== 0) {
      questions.push({
        schema: 'comment',
        render: (on) => renderComment(on, post, viewer),
        plain: (of) => plainComment(of, post, viewer),
      })
    }
  }
  return random.pick(questions)
}
