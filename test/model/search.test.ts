// Search: what is found by which words, who finds it, and how pages go on.

import { expect } from 'vitest'
import { SEARCH_COUNT_MAX } from '../../src/model/limits.ts'
import { SEARCH_TYPES, search } from '../../src/model/search.ts'
import { posts } from '../../src/model/schema.ts'
import { isListed } from '../../src/model/visibility.ts'
import { networkTest } from '../support/network.ts'
import { Random } from '../../src/std/random.ts'
import type { SearchQuery, SearchType } from '../../src/model/search.ts'
import type { Network } from '../support/network.ts'

function page(network: Network, text: string, more: Partial<SearchQuery> = {}) {
  return search(network.view, { viewer: 0, type: 'posts', count: 50, ...more, text })
}

function find(
  network: Network,
  text: string,
  type: SearchType = 'posts',
  viewer = 0,
): readonly number[] {
  return page(network, text, { type, viewer }).ids
}

/** All pages of a search. */
function all(network: Network, text: string, more: Partial<SearchQuery>): number[][] {
  const pages: number[][] = []
  let before: number | undefined
  for (;;) {
    const { ids, next } = page(network, text, { ...more, before })
    pages.push([...ids])
    if (next === 0) return pages
    expect(next).toBeLessThan(before ?? 2 ** 32)
    before = next
  }
}

networkTest('posts are found by all words, newest first, in any script', async (network) => {
  const anna = await network.signUp('anna')
  const captions = [
    'Golden hour at the sea',
    'The SEA, in gold',
    'Café Müller',
    '東京の夕焼け',
    '京都',
  ]
  const ids: number[] = []
  for (const caption of captions) ids.push(await network.post(anna, caption))
  const [hour, sea, cafe, tokyo, kyoto] = ids
  expect(find(network, 'sea')).toEqual([sea, hour])
  expect(find(network, 'the golden ')).toEqual([hour])
  expect(find(network, 'the gold')).toEqual([sea, hour])
  expect(find(network, 'gold* sea ')).toEqual([sea, hour])
  expect(find(network, 'gold sea ')).toEqual([sea])
  expect(find(network, 'cafe muller')).toEqual([cafe])
  expect(find(network, 'CAFÉ MÜL')).toEqual([cafe])
  expect(find(network, '夕焼け')).toEqual([tokyo])
  expect(find(network, '京')).toEqual([kyoto, tokyo])
  expect(find(network, '東京')).toEqual([tokyo])
  expect(find(network, '焼東')).toEqual([])
  expect(find(network, 'sea mountain')).toEqual([])
})

networkTest('comments are found apart from posts', async (network) => {
  const anna = await network.signUp('anna')
  const post = await network.post(anna, 'A lighthouse')
  const comment = await network.comment(anna, post, post, 'What a lighthouse!')
  expect(find(network, 'lighthouse')).toEqual([post])
  expect(find(network, 'lighthouse', 'comments')).toEqual([comment])
  await network.run('deletePost', { post: comment, user: anna })
  expect(find(network, 'lighthouse', 'comments')).toEqual([])
})

networkTest('a tag is found as the tag, a word as the word', async (network) => {
  const anna = await network.signUp('anna')
  const tagged = await network.post(anna, 'Waves #Golden_Hour #海')
  const said = await network.post(anna, 'A golden hour by the 海')
  const comment = await network.comment(anna, said, said, '#golden_hour indeed')
  expect(find(network, '#golden_hour')).toEqual([tagged])
  expect(find(network, '＃GOLDEN_HOUR waves')).toEqual([tagged])
  expect(find(network, '#golden_hour boats')).toEqual([])
  expect(find(network, '#golden')).toEqual([])
  expect(find(network, '#海')).toEqual([tagged])
  expect(find(network, '海')).toEqual([said, tagged])
  expect(find(network, 'golden hour')).toEqual([said, tagged])
  expect(find(network, '#golden_hour', 'comments')).toEqual([comment])
})

networkTest('a handle means what that person has posted', async (network) => {
  const [anna, ben] = [await network.signUp('anna'), await network.signUp('Ben.K')]
  const first = await network.post(anna, 'My boat')
  const second = await network.post(ben, 'A boat')
  const third = await network.post(ben, 'A #ship')
  const comment = await network.comment(ben, first, first, 'Nice boat')
  expect(find(network, '@ben.k')).toEqual([third, second])
  expect(find(network, '@BEN.K boat')).toEqual([second])
  expect(find(network, '@ben.k bo')).toEqual([second])
  expect(find(network, 'bo* @ben.k')).toEqual([second])
  expect(find(network, '@ben.k #ship')).toEqual([third])
  expect(find(network, '@ben.k @Ben.K')).toEqual([third, second])
  expect(find(network, '@ben.k @anna boat')).toEqual([])
  expect(find(network, '@nobody boat')).toEqual([])
  expect(find(network, '@ben.k', 'comments')).toEqual([comment])
  await network.run('block', { blocker: ben, blocked: anna })
  expect(find(network, '@ben.k', 'posts', anna)).toEqual([])
  expect(find(network, 'boat', 'posts', anna)).toEqual([first])
})

networkTest('an edit moves a post to its new words', async (network) => {
  const anna = await network.signUp('anna')
  const post = await network.post(anna, 'A red kite #bird')
  await network.run('editPost', { post, user: anna, caption: 'A red fox #mammal' })
  expect([find(network, 'kite'), find(network, '#bird')]).toEqual([[], []])
  expect([find(network, 'red fox'), find(network, '#mammal')]).toEqual([[post], [post]])
  expect(find(network, 'bird', 'tags')).toEqual([])
})

networkTest('nobody finds what they may not see', async (network) => {
  const [anna, ben, mod] = [
    await network.signUp('anna'),
    await network.signUp('ben'),
    await network.signUp('mod'),
  ]
  await network.run('setRole', { user: mod, role: 'moderator' })
  const open = await network.post(anna, 'secret garden')
  const media = async (): Promise<number[]> => [await network.photo(anna)]
  const input = { author: anna, caption: 'secret place #hidden' }
  const close = await network.run('publishPost', {
    ...input,
    media: await media(),
    visibility: 'followers',
  })
  const own = await network.run('publishPost', {
    ...input,
    media: await media(),
    visibility: 'private',
  })
  const comment = await network.comment(anna, own, own, 'secret words')
  const secret = (viewer: number): (readonly number[])[] => [
    find(network, 'secret', 'posts', viewer),
    find(network, 'secret', 'comments', viewer),
  ]
  expect(secret(0)).toEqual([[open], []])
  expect(secret(ben)).toEqual([[open], []])
  expect(secret(mod)).toEqual([[open], []])
  expect(secret(anna)).toEqual([[own, close, open], [comment]])
  expect(find(network, 'hidden', 'tags', ben)).toEqual([])
  expect(find(network, 'hidden', 'tags', anna).length).toBe(1)
  await network.run('follow', { follower: ben, followee: anna })
  expect(secret(ben)).toEqual([[close, open], []])
  expect(find(network, 'hidden', 'tags', ben).length).toBe(1)
  await network.run('mute', { muter: ben, muted: anna })
  expect(secret(ben)).toEqual([[], []])
  expect(find(network, '@anna secret', 'posts', ben)).toEqual([close, open])
  await network.run('unmute', { muter: ben, muted: anna })
  await network.run('updateProfile', { user: anna, isPrivate: true })
  expect(secret(0)).toEqual([[], []])
  expect(secret(ben)).toEqual([[close, open], []])
  await network.run('block', { blocker: anna, blocked: ben })
  expect(secret(ben)).toEqual([[], []])
  await network.run('updateProfile', { user: anna, isPrivate: false })
  await network.run('removePost', { post: open, moderator: mod, reason: 'Not here.' })
  expect([secret(0), secret(mod)]).toEqual([
    [[], []],
    [[], []],
  ])
  await network.run('liftRemoval', { post: open, moderator: mod })
  expect(secret(0)).toEqual([[open], []])
  await network.run('deletePost', { post: open, user: anna })
  expect([secret(0), secret(anna)]).toEqual([
    [[], []],
    [[own, close], [comment]],
  ])
})

networkTest(
  'people are found by handle and name, the one of that handle first',
  async (network) => {
    const ada = await network.signUp('ada')
    const later = await network.signUp('Ada_Lovelace')
    const other = await network.signUp('countess')
    await network.run('updateProfile', { user: other, name: 'Ada King' })
    const people = (text: string, viewer = 0): readonly number[] =>
      find(network, text, 'users', viewer)
    expect(people('ada')).toEqual([ada, other, later])
    expect(people('@ada')).toEqual([ada, later])
    expect(people('@ADA_L')).toEqual([later])
    expect(people('a')).toEqual([other, later, ada])
    expect(people('king countess')).toEqual([other])
    expect(people('lovelace')).toEqual([later])
    expect(people('@king')).toEqual([])
    expect(page(network, 'ada', { type: 'users', count: 1 }).ids).toEqual([ada])
    expect(all(network, 'ada', { type: 'users', count: 1 }).flat()).toEqual([ada, other, later])
    await network.run('block', { blocker: ada, blocked: other })
    expect(people('ada', other)).toEqual([other, later])
    expect(people('ada', ada)).toEqual([ada, later])
    const mod = await network.signUp('mod')
    await network.run('setRole', { user: mod, role: 'moderator' })
    await network.run('suspendUser', { user: later, moderator: mod, reason: 'Not here.' })
    expect([people('lovelace'), people('Ada_Lovelace'), people('ada')]).toEqual([
      [],
      [],
      [ada, other],
    ])
    await network.run('liftSuspension', { user: later, moderator: mod })
    expect(people('lovelace')).toEqual([later])
  },
)

networkTest('tags are found by their words and beginnings, the very one first', async (network) => {
  const anna = await network.signUp('anna')
  for (const tag of ['Sea', 'seaside', 'golden_hour', 'goldenhour', 'blue_sea', '東京駅']) {
    await network.post(anna, `#${tag}`)
  }
  const [sea, seaside, golden, goldenhour, blue, tokyo] = [1, 2, 3, 4, 5, 6]
  const found = (text: string): readonly number[] => find(network, text, 'tags')
  expect(found('sea')).toEqual([sea, blue, seaside])
  expect(found('#sea')).toEqual([sea, seaside])
  expect(found('golden hour')).toEqual([goldenhour, golden])
  expect(found('#golden')).toEqual([goldenhour, golden])
  expect(found('s')).toEqual([blue, seaside, sea])
  expect(found('京駅')).toEqual([tokyo])
  expect(found('nothing')).toEqual([])
})

networkTest('a query that asks for nothing, or for too much, is refused', async (network) => {
  const refused = (text: string, type: SearchType): string => {
    try {
      page(network, text, { type })
      return 'found'
    } catch (error) {
      return (error as { code: string }).code
    }
  }
  for (const type of SEARCH_TYPES) {
    for (const text of ['', '   ', '…!', '*', '#', '@', '🌸', '\ud83d']) {
      expect(refused(text, type), text).toBe('QUERY_EMPTY')
    }
    expect(refused('x'.repeat(SEARCH_COUNT_MAX), type)).toBe('found')
    expect(refused('𠮷'.repeat(SEARCH_COUNT_MAX), type)).toBe('found')
    expect(refused('x'.repeat(SEARCH_COUNT_MAX + 1), type)).toBe('QUERY_TOO_LONG')
    expect(refused('x'.repeat(1_000_000), type)).toBe('QUERY_TOO_LONG')
  }
  expect(() => page(network, 'x'.repeat(201))).toThrow('at most 200 characters; this one has 201.')
})

networkTest('pages go on without a gap, over whatever may not be seen', async (network) => {
  const [anna, ben] = [await network.signUp('anna'), await network.signUp('ben')]
  const random = new Random(7)
  const ids: number[] = []
  for (let count = 0; count < 300; count++) {
    const caption = `wave ${random.once(2) ? 'big' : 'small'} ${count}`
    const author = random.once(3) ? ben : anna
    const visibility = random.once(4) ? 'private' : 'public'
    const media = [await network.photo(author)]
    ids.push(await network.run('publishPost', { author, caption, media, visibility }))
  }
  for (const viewer of [0, anna, ben]) {
    const seen = ids.filter((id) => isListed(network.view, id, viewer)).toReversed()
    const big = seen.filter((id) => network.view.get(posts, id)!.caption.includes('big'))
    expect(all(network, 'wave', { viewer, count: 7 }).flat()).toEqual(seen)
    expect(all(network, 'wave bi', { viewer, count: 50 }).flat()).toEqual(big)
    const byBen = seen.filter((id) => network.view.value(posts, id, 'author') === ben)
    expect(all(network, '@ben wave ', { viewer, count: 10 }).flat()).toEqual(byBen)
  }
})

networkTest('a page without items says that there may be more', async (network) => {
  const anna = await network.signUp('anna')
  const first = await network.post(anna, 'rare')
  for (let count = 0; count < 1_200; count++) {
    const media = [await network.photo(anna)]
    const input = { author: anna, caption: 'rare', media, visibility: 'private' as const }
    await network.run('publishPost', input)
  }
  const pages = all(network, 'rare', { count: 5 })
  expect(pages.length).toBeGreaterThan(1)
  expect(pages.at(-1)).toEqual([first])
  expect(pages.slice(0, -1).flat()).toEqual([])
})

networkTest('long captions of one person are looked through a page at a time', async (network) => {
  const anna = await network.signUp('anna')
  const first = await network.post(anna, 'the end #found')
  const long = '写真'.repeat(1_000)
  for (let count = 0; count < 60; count++) await network.post(anna, `${count} ${long} #found`)
  for (const text of ['@anna end', '@anna #found the', 'the #found']) {
    const pages = all(network, text, { count: 5 })
    expect(pages.flat()).toEqual([first])
  }
  expect(all(network, '@anna end', { count: 5 }).length).toBeGreaterThan(2)
  const tagged = all(network, '@anna 写真 #found ', { count: 50 })
  expect(tagged.flat().length).toBe(60)
  expect(tagged.length).toBeGreaterThan(2)
})
