// Publishing and editing in the model: who may see and comment, tags and mentions as the caption
// has them, and what is kept of what was said before.

import { expect } from 'vitest'
import { REVISION_COUNT_MAX } from '../../src/model/limits.ts'
import { versionsOf } from '../../src/model/revisions.ts'
import { media, posts, revisions, taggings, tags } from '../../src/model/schema.ts'
import { demandTag, tagTimeline } from '../../src/model/timelines.ts'
import { isListed } from '../../src/model/visibility.ts'
import { NOON, Network, expectCode, networkTest } from '../support/network.ts'
import { seededTest } from '../support/seeded.ts'

/** Posts that a tag is of. */
function postsOf(network: Network, tag: string, viewer = 0): readonly number[] {
  const row = demandTag(network.view, tag, viewer)
  return tagTimeline(network.view, row, { viewer, count: 50 }).posts
}

function captionsOf(network: Network, post: number): string[] {
  return versionsOf(network.view, post).map(({ caption }) => caption)
}

networkTest('a post is for everybody, unless its author says otherwise', async (network) => {
  const [anna, ben, cleo] = [
    await network.signUp('anna'),
    await network.signUp('ben'),
    await network.signUp('cleo'),
  ]
  await network.run('follow', { follower: ben, followee: anna })
  const publish = async (audience: object): Promise<number> => {
    const photo = await network.photo(anna)
    return network.run('publishPost', { author: anna, caption: '', media: [photo], ...audience })
  }
  const open = await publish({})
  const close = await publish({ visibility: 'followers', commenters: 'nobody' })
  const own = await publish({ visibility: 'private' })
  const seen = (viewer: number): boolean[] =>
    [open, close, own].map((post) => isListed(network.view, post, viewer))
  expect(seen(anna)).toEqual([true, true, true])
  expect(seen(ben)).toEqual([true, true, false])
  expect(seen(cleo)).toEqual([true, false, false])
  await network.comment(ben, open)
  await expectCode(network.comment(ben, close), 'COMMENTS_CLOSED')
  await expectCode(network.comment(cleo, close), 'POST_NOT_FOUND')

  await network.run('editPost', { post: open, user: anna, visibility: 'private' })
  await network.run('editPost', { post: own, user: anna, visibility: 'followers' })
  await network.run('editPost', { post: close, user: anna, commenters: 'followers' })
  expect(seen(ben)).toEqual([false, true, true])
  await network.comment(ben, close)
  expect(network.view.get(posts, close)).toMatchObject({ editedAt: 0, revisions: 0 })
})

networkTest('photos are described when they are published, or before', async (network) => {
  const anna = await network.signUp('anna')
  const photos = [await network.photo(anna), await network.photo(anna), await network.photo(anna)]
  await network.run('editMedia', { media: photos[0]!, user: anna, alt: ' A boat ', focus: [-0, 1] })
  await network.run('publishPost', {
    author: anna,
    caption: '',
    media: photos,
    descriptions: [{}, { alt: 'A gull', focus: [0.5, -0.5] }],
  })
  const row = (index: number): unknown => network.view.get(media, photos[index]!)
  expect(row(0)).toMatchObject({ alt: 'A boat', focusX: 0, focusY: 1 })
  expect(row(1)).toMatchObject({ alt: 'A gull', focusX: 0.5, focusY: -0.5 })
  expect(row(2)).toMatchObject({ alt: '', focusX: 0, focusY: 0 })
  const photo = await network.photo(anna)
  const descriptions = [{ alt: 'x'.repeat(1_501) }]
  await expectCode(
    network.run('publishPost', { author: anna, caption: '', media: [photo], descriptions }),
    'TEXT_TOO_LONG',
  )
  expect(network.view.value(media, photo, 'post')).toBe(0)
})

networkTest('a post is found by its tags, whatever their letters, once each', async (network) => {
  const anna = await network.signUp('anna')
  const first = await network.post(anna, '#Sea #SEA #ｓｅａ and #Sky')
  const second = await network.post(anna, 'By the #sea')
  expect(postsOf(network, 'sea')).toEqual([second, first])
  expect(postsOf(network, 'SKY')).toEqual([first])
  expect(network.view.rowCount(tags)).toBe(2)
  expect(network.view.get(tags, demandTag(network.view, 'sea', 0))).toMatchObject({
    name: 'Sea',
    posts: 2,
  })
  // A comment has none.
  await network.comment(anna, first, first, '#wave')
  expect(() => demandTag(network.view, 'wave', 0)).toThrow('no such tag')

  const many = Array.from({ length: 40 }, (_, index) => `#t${index}`).join(' ')
  await network.post(anna, many)
  expect(postsOf(network, 't29')).toHaveLength(1)
  expect(() => demandTag(network.view, 't30', 0)).toThrow('no such tag')
})

networkTest('tags follow an edit, and go with the last post that has them', async (network) => {
  const anna = await network.signUp('anna')
  const post = await network.post(anna, '#sea #sky')
  const other = await network.post(anna, '#sea')
  await network.run('editPost', { post, user: anna, caption: '#sky #sun' })
  expect(postsOf(network, 'sea')).toEqual([other])
  expect(postsOf(network, 'sky')).toEqual([post])
  expect(postsOf(network, 'sun')).toEqual([post])
  await network.run('deletePost', { post, user: anna })
  expect(() => demandTag(network.view, 'sky', 0)).toThrow('no such tag')
  expect(postsOf(network, 'sea')).toEqual([other])
  await network.run('deletePost', { post: other, user: anna })
  expect(network.view.rowCount(tags)).toBe(0)
  expect(network.view.rowCount(taggings)).toBe(0)
})

networkTest('tags of posts that one may not see lead to none', async (network) => {
  const [anna, ben] = [await network.signUp('anna'), await network.signUp('ben')]
  const post = await network.post(anna, '#diary')
  await network.run('editPost', { post, user: anna, visibility: 'private' })
  expect(postsOf(network, 'diary', anna)).toEqual([post])
  expect(() => postsOf(network, 'diary', ben)).toThrow('no such tag')
})

networkTest('a text mentions those who are there and not blocked, in order', async (network) => {
  const anna = await network.signUp('anna')
  const people: Record<string, number> = {}
  for (const handle of ['Ben', 'cleo', 'dora', 'emil', 'finn']) {
    people[handle] = await network.signUp(handle)
  }
  const { Ben, cleo, dora, emil, finn } = people
  await network.run('block', { blocker: cleo!, blocked: anna })
  await network.run('block', { blocker: anna, blocked: dora! })
  await network.run('suspendUser', { user: emil!, moderator: 0, reason: 'Spam' })
  const text = '@finn @BEN @nobody @cleo @dora @emil @ben @anna'
  const post = await network.post(anna, text)
  expect(network.view.get(posts, post)?.mentions).toEqual([finn, Ben, anna])
  const edited = 'Now @finn alone'
  await network.run('editPost', { post, user: anna, caption: edited })
  expect(network.view.get(posts, post)?.mentions).toEqual([finn])

  const crowd: string[] = []
  for (let count = 0; count < 22; count++) {
    await network.signUp(`p${count}`)
    crowd.push(`@p${count}`)
  }
  const loud = await network.post(anna, crowd.join(' '))
  expect(network.view.get(posts, loud)?.mentions).toHaveLength(20)
  await network.run('deletePost', { post: loud, user: anna })
  expect(network.view.get(posts, loud)?.mentions).toEqual([])
})

networkTest('an edit keeps what was said, and when', async (network) => {
  const anna = await network.signUp('anna')
  const post = await network.post(anna, 'Sae')
  network.clock.time = NOON + 60_000
  await network.run('editPost', { post, user: anna, caption: ' Sea ' })
  network.clock.time = NOON + 120_000
  await network.run('editPost', { post, user: anna, caption: 'The sea', visibility: 'followers' })
  expect(versionsOf(network.view, post)).toEqual([
    { caption: 'The sea', writtenAt: NOON + 120_000 },
    { caption: 'Sea', writtenAt: NOON + 60_000 },
    { caption: 'Sae', writtenAt: NOON },
  ])
  const { lastLsn } = network.store.stats()
  await network.run('editPost', { post, user: anna, caption: 'The sea ' })
  await network.run('editPost', { post, user: anna })
  expect(network.store.stats().lastLsn).toBe(lastLsn)

  const comment = await network.comment(anna, post, post, 'Oh')
  await network.run('editPost', { post: comment, user: anna, caption: 'Ah' })
  expect(captionsOf(network, comment)).toEqual(['Ah', 'Oh'])
  expect(versionsOf(network.view, 99)).toEqual([])
})

networkTest('the oldest versions go, and all of them with the post', async (network) => {
  const anna = await network.signUp('anna')
  const post = await network.post(anna, '0')
  for (let edit = 1; edit <= REVISION_COUNT_MAX + 2; edit++) {
    await network.run('editPost', { post, user: anna, caption: String(edit) })
  }
  const versions = captionsOf(network, post)
  expect(versions).toHaveLength(REVISION_COUNT_MAX + 1)
  expect(versions[0]).toBe(String(REVISION_COUNT_MAX + 2))
  expect(versions.at(-1)).toBe('2')
  expect(network.view.value(posts, post, 'revisions')).toBe(REVISION_COUNT_MAX)
  await network.run('deletePost', { post, user: anna })
  expect(network.view.rowCount(revisions)).toBe(0)
})

networkTest('what may not be edited is refused', async (network) => {
  const [anna, ben] = [await network.signUp('anna'), await network.signUp('ben')]
  const post = await network.post(anna)
  const comment = await network.comment(anna, post)
  const edit = (id: number, change: object, user = anna): Promise<unknown> =>
    network.run('editPost', { post: id, user, ...change })
  await expectCode(edit(99, { caption: 'x' }), 'POST_NOT_FOUND')
  await expectCode(edit(post, { caption: 'x' }, ben), 'NOT_YOURS')
  await expectCode(edit(post, { caption: 'x'.repeat(2_201) }), 'TEXT_TOO_LONG')
  await expectCode(edit(comment, { caption: '  ' }), 'TEXT_EMPTY')
  await expectCode(edit(comment, { visibility: 'private' }), 'POST_UNFIT')
  await expectCode(edit(comment, { commenters: 'nobody' }), 'POST_UNFIT')
  await network.run('blockTerm', { kind: 'word', term: 'spam', moderator: 0 })
  await expectCode(edit(post, { caption: 'Spam!' }), 'TERM_BLOCKED')
  await expectCode(network.post(anna, '#spam'), 'TERM_BLOCKED')
  await edit(post, { caption: '' })

  await network.run('removePost', { post, moderator: 0, reason: 'no' })
  await expectCode(edit(post, { caption: 'x' }), 'POST_REMOVED')
  await expectCode(edit(post, { visibility: 'private' }), 'POST_REMOVED')
  const [photo] = network.view.get(posts, post)!.media
  await expectCode(
    network.run('editMedia', { media: photo!, user: anna, alt: 'x' }),
    'POST_REMOVED',
  )
  await network.run('deletePost', { post, user: anna })
  await expectCode(edit(post, { caption: 'x' }), 'POST_NOT_FOUND')
})

seededTest(
  'whatever is published, edited and deleted, tags and versions are right',
  async (random) => {
    await using network = await Network.create()
    const people = [await network.signUp('anna'), await network.signUp('ben')]
    const words = [
      '#sea',
      '#Sea',
      '#sky',
      '＃夏',
      '@anna',
      '@ben',
      '@cleo',
      '#1',
      'sea',
      '#sea#sun',
    ]
    const texts = new Map<number, string[]>()
    for (let step = 0; step < 60; step++) {
      const author = random.pick(people)
      const text = Array.from({ length: random.below(5) }, () => random.pick(words)).join(' ')
      const post = random.pick([...texts.keys(), 0])
      if (post === 0) {
        texts.set(await network.post(author, text), [text])
      } else if (random.once(4)) {
        await network.run('deletePost', { post, user: network.view.value(posts, post, 'author') })
        texts.delete(post)
      } else {
        const user = network.view.value(posts, post, 'author')
        await network.run('editPost', { post, user, caption: text })
        const versions = texts.get(post)!
        if (versions[0] !== text) versions.unshift(text)
      }
      const { view } = network
      const counts = new Map<string, number>()
      for (const [id, versions] of texts) {
        expect(captionsOf(network, id)).toEqual(versions)
        const mentioned = new Set(
          [...versions[0]!.matchAll(/@(?:anna|ben)/g)].map(([name]) => name),
        )
        expect(view.get(posts, id)!.mentions).toHaveLength(mentioned.size)
        for (const key of keysIn(versions[0]!)) counts.set(key, (counts.get(key) ?? 0) + 1)
      }
      expect(view.rowCount(tags)).toBe(counts.size)
      for (const [key, count] of counts) {
        const tag = view.find(tags.indexes.byKey, key)
        expect(view.value(tags, tag, 'posts')).toBe(count)
        const tagged = view.newest(taggings.indexes.byTag, tag, 100)
        for (const row of tagged) {
          expect(keysIn(texts.get(view.value(taggings, row, 'post'))![0]!)).toContain(key)
        }
      }
    }
    expect(network.store.check()).toEqual([])
  },
)

/** Keys of the tags of a text that is made of the words above. */
function keysIn(text: string): Set<string> {
  const keys =
    text
      .replaceAll('＃', '#')
      .toLowerCase()
      .match(/#(?:sea|sky|夏|sun)/g) ?? []
  return new Set(keys.map((key) => key.slice(1)))
}
