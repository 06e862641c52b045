// Threads as they are read: how deep and how far one answer goes, in which order, what stands in
// place of what may not be seen, and that reading on from page to page gives everything once.

import { expect } from 'vitest'
import { START, commentTree, isCursorOf } from '../../src/model/comment-tree.ts'
import { posts } from '../../src/model/schema.ts'
import { isVisible, standingOf } from '../../src/model/visibility.ts'
import { Network, networkTest } from '../support/network.ts'
import { seededTest } from '../support/seeded.ts'
import type { CommentOrder, CommentPage, ThreadQuery } from '../../src/model/comment-tree.ts'
import type { Random } from '../../src/std/random.ts'

const DEEP_COUNT = 10_000

function tree(
  network: Network,
  parent: number,
  query: Partial<ThreadQuery> = {},
  viewer = 0,
): CommentPage {
  return commentTree(network.view, parent, viewer, { order: 'old', depth: 2, count: 20, ...query })
}

function idsOf({ nodes }: CommentPage): number[] {
  return nodes.map(({ id }) => id)
}

/** `12(14 15…)`: a comment, its answers, and that there are more of these. */
function outline({ nodes, next }: CommentPage): string {
  const items = nodes.map(({ id, standing, children }) => {
    const below = outline(children)
    return `${id}${standing === 'shown' ? '' : `:${standing}`}${below === '' ? '' : `(${below})`}`
  })
  return items.join(' ') + (next === null ? '' : '…')
}

/** All direct answers, page by page, and what happens between two pages. */
async function readOn(
  network: Network,
  parent: number,
  query: Partial<ThreadQuery>,
  between: () => Promise<unknown> = async () => undefined,
): Promise<number[]> {
  const found: number[] = []
  let cursor = START
  for (;;) {
    const page = tree(network, parent, { ...query, cursor })
    found.push(...idsOf(page))
    if (page.next === null) return found
    expect(isCursorOf(query.order ?? 'old', page.next)).toBe(true)
    cursor = page.next
    await between()
  }
}

async function likeBy(network: Network, people: readonly number[], post: number): Promise<void> {
  await Promise.all(people.map((user) => network.run('like', { user, post })))
}

networkTest('an answer holds as many levels as were asked for', async (network) => {
  const anna = await network.signUp('anna')
  const post = await network.post(anna)
  const a = await network.comment(anna, post)
  const b = await network.comment(anna, post, a)
  const c = await network.comment(anna, post, b)
  const d = await network.comment(anna, post, c)
  const e = await network.comment(anna, post, d)
  expect(outline(tree(network, post, { depth: 1 }))).toBe(`${a}(…)`)
  expect(outline(tree(network, post, { depth: 2 }))).toBe(`${a}(${b}(…))`)
  expect(outline(tree(network, post, { depth: 4 }))).toBe(`${a}(${b}(${c}(${d}(…))))`)
  // Where a list was not begun, its parent is where to go on.
  expect(outline(tree(network, d, { cursor: START }))).toBe(`${e}`)
})

networkTest(
  'each comment brings its first three answers and a cursor for more',
  async (network) => {
    const anna = await network.signUp('anna')
    const post = await network.post(anna)
    const a = await network.comment(anna, post)
    const below: number[] = []
    for (let count = 0; count < 5; count++) below.push(await network.comment(anna, post, a))
    for (const order of ['old', 'new', 'top'] as const) {
      const sorted = order === 'old' ? below : below.toReversed()
      const { children } = tree(network, post, { order }).nodes[0]!
      expect(idsOf(children)).toEqual(sorted.slice(0, 3))
      const rest = tree(network, a, { order, cursor: children.next! })
      expect(idsOf(rest)).toEqual(sorted.slice(3))
      expect(rest.next).toBeNull()
    }
  },
)

networkTest('the best are those with most likes, then the newest', async (network) => {
  const people: number[] = []
  for (const handle of ['a', 'b', 'c', 'd']) people.push(await network.signUp(handle))
  const post = await network.post(people[0]!)
  const ids: number[] = []
  for (let count = 0; count < 6; count++) ids.push(await network.comment(people[0]!, post))
  const [first, second, third, fourth, fifth, sixth] = ids as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  await likeBy(network, people.slice(0, 2), first)
  await likeBy(network, people, fourth)
  await likeBy(network, people.slice(1, 3), fifth)
  const sorted = [fourth, fifth, first, sixth, third, second]
  expect(idsOf(tree(network, post, { order: 'top' }))).toEqual(sorted)
  for (const count of [1, 2, 5, 6]) {
    expect(await readOn(network, post, { order: 'top', count })).toEqual(sorted)
  }
})

networkTest('what is said and liked meanwhile moves nothing in the best', async (network) => {
  const people: number[] = []
  for (let count = 0; count < 6; count++) people.push(await network.signUp(`user${count}`))
  const post = await network.post(people[0]!)
  const ids: number[] = []
  for (let count = 0; count < 12; count++) ids.push(await network.comment(people[0]!, post))
  for (const [index, id] of ids.entries()) await likeBy(network, people.slice(0, index % 4), id)
  const sorted = idsOf(tree(network, post, { order: 'top' }))
  let step = 0
  const found = await readOn(network, post, { order: 'top', count: 2 }, async () => {
    // The last are liked most, and somebody says something new.
    await likeBy(network, people, sorted.at(-1 - step)!)
    await likeBy(network, people, sorted[step]!)
    await likeBy(network, people, await network.comment(people[0]!, post))
    step++
  })
  expect(found).toEqual(sorted)
  expect(idsOf(tree(network, post, { order: 'top', count: 50 }))).not.toEqual(sorted)
})

networkTest('of the best, the newest two thousand come first', async (network) => {
  const anna = await network.signUp('anna')
  const post = await network.post(anna)
  const waiting = Array.from({ length: 2_040 }, () => network.comment(anna, post))
  const ids = (await Promise.all(waiting)).toSorted((a, b) => b - a)
  await likeBy(network, [anna], ids[1_900]!)
  await likeBy(network, [anna], ids[2_010]!)
  const sorted = [ids[1_900]!, ...ids.filter((id) => id !== ids[1_900])]
  expect(await readOn(network, post, { order: 'top', count: 50 })).toEqual(sorted)
})

networkTest('a place is kept for what may not be seen, if something is below', async (network) => {
  const [anna, ben, cleo] = [
    await network.signUp('anna'),
    await network.signUp('ben'),
    await network.signUp('cleo'),
  ]
  const post = await network.post(anna)
  const a = await network.comment(ben, post)
  const b = await network.comment(cleo, post, a)
  const alone = await network.comment(ben, post)
  const c = await network.comment(ben, post)
  const d = await network.comment(ben, post, c)
  await network.run('block', { blocker: cleo, blocked: ben })
  expect(outline(tree(network, post))).toBe(`${a}(${b}) ${alone} ${c}(${d})`)
  expect(outline(tree(network, post, {}, cleo))).toBe(`${a}:blocked(${b})`)
  // It is the same for whom somebody has blocked.
  expect(outline(tree(network, post, {}, ben))).toBe(`${a} ${alone} ${c}(${d})`)
  const e = await network.comment(anna, post, d)
  expect(outline(tree(network, post, { depth: 3 }, cleo))).toBe(
    `${a}:blocked(${b}) ${c}:blocked(${d}:blocked(${e}))`,
  )

  await network.run('removePost', { post: a, moderator: 0, reason: 'Rude' })
  await network.run('removePost', { post: alone, moderator: 0, reason: 'Rude' })
  await network.run('deletePost', { post: c, user: ben })
  expect(outline(tree(network, post))).toBe(`${a}:removed(${b}) ${c}:deleted(${d}(…))`)
  expect(outline(tree(network, post, { depth: 1 }, ben))).toBe(`${a}(…) ${alone} ${c}:deleted(…)`)
  await network.run('suspendUser', { user: cleo, moderator: 0, reason: 'Rude' })
  expect(outline(tree(network, post, { depth: 1 }))).toBe(`${c}:deleted(…)`)
})

networkTest('pages are full though much in between may not be seen', async (network) => {
  const [anna, ben, cleo] = [
    await network.signUp('anna'),
    await network.signUp('ben'),
    await network.signUp('cleo'),
  ]
  const post = await network.post(anna)
  const seen: number[] = []
  for (let count = 0; count < 90; count++) {
    const author = count % 30 === 7 ? anna : ben
    const id = await network.comment(author, post)
    if (author === anna) seen.push(id)
  }
  await network.run('block', { blocker: cleo, blocked: ben })
  for (const order of ['old', 'new', 'top'] as const) {
    const page = tree(network, post, { order, count: 3 }, cleo)
    expect(idsOf(page)).toEqual(order === 'old' ? seen : seen.toReversed())
    expect(page.next).toBeNull()
    const first = tree(network, post, { order, count: 1 }, cleo)
    expect(first.next).not.toBeNull()
  }
})

networkTest('a wide and deep thread gives no more than a bounded answer', async (network) => {
  const anna = await network.signUp('anna')
  const post = await network.post(anna)
  const ids: number[] = []
  for (let count = 0; count < 50; count++) ids.push(await network.comment(anna, post))
  for (let level = 0; level < 3; level++) {
    const parents = ids.slice(level === 0 ? 0 : -150)
    for (const parent of parents) {
      const wide = Array.from({ length: 3 }, () => network.comment(anna, post, parent))
      ids.push(...(await Promise.all(wide)))
    }
  }
  for (const order of ['old', 'new', 'top'] as const) {
    const page = tree(network, post, { order, depth: 4, count: 50 })
    expect(countOf(page)).toBe(300)
    // What there was no room for is what lies deepest, and each list says how to go on.
    expect(page.nodes.every(({ children }) => children.nodes.length === 3)).toBe(true)
    expect(nextsOf(page).every((next) => isCursorOf(order, next))).toBe(true)
  }
})

function countOf({ nodes }: CommentPage): number {
  return nodes.reduce((sum, { children }) => sum + 1 + countOf(children), 0)
}

function nextsOf({ nodes, next }: CommentPage): string[] {
  const below = nodes.flatMap(({ children }) => nextsOf(children))
  return next === null ? below : [next, ...below]
}

networkTest('a chain of ten thousand comments is read to its end', async (network) => {
  const anna = await network.signUp('anna')
  const post = await network.post(anna)
  const ids = [post]
  for (let count = 0; count < DEEP_COUNT; count++) {
    ids.push(await network.comment(anna, post, ids.at(-1)))
  }
  expect(network.view.value(posts, ids.at(-1)!, 'depth')).toBe(DEEP_COUNT)
  let at = post
  const found = [post]
  for (;;) {
    let page = tree(network, at, { order: 'top', depth: 4 })
    if (page.nodes.length === 0) break
    for (; page.nodes.length > 0; page = page.nodes[0]!.children) found.push(page.nodes[0]!.id)
    at = found.at(-1)!
  }
  expect(found).toEqual(ids)

  // Tombstones all the way down: whether something lives below is not looked for to the end.
  for (const id of ids.slice(1, -1)) await network.run('deletePost', { post: id, user: anna })
  expect(outline(tree(network, post, { depth: 1 }))).toBe(`${ids[1]}:deleted(…)`)
  await network.run('deletePost', { post: ids.at(-1)!, user: anna })
  expect(tree(network, post)).toEqual({ nodes: [], next: null })
})

networkTest('a cursor is one of its order', async () => {
  const known: [CommentOrder, string, boolean][] = [
    ['old', '0', true],
    ['new', '17', true],
    ['old', '017', false],
    ['old', '9-1-0-0-4', false],
    ['top', '0', true],
    ['top', '17', false],
    ['top', '9-1-0-3-4', true],
    ['top', '9-1-0-3-4-5', false],
    ['top', '0-0-0-0-0', false],
    ['new', 'x', false],
    ['new', '', false],
    ['new', '99999999999', false],
  ]
  for (const [order, cursor, expected] of known) {
    expect(isCursorOf(order, cursor), `${order} ${cursor}`).toBe(expected)
  }
})

seededTest('a thread that is read on holds once what was there all the time', async (random) => {
  await using network = await Network.create()
  const people: number[] = []
  for (let count = 0; count < 6; count++) people.push(await network.signUp(`user${count}`))
  const post = await network.post(people[0]!)
  const comments: number[] = []
  for (let count = 0; count < 60; count++) await change(network, random, post, people, comments)
  for (const order of ['old', 'new', 'top'] as const) {
    const before = new Set(await readOn(network, post, { order, count: 50 }))
    const found = await readOn(network, post, { order, count: random.between(1, 5) }, () =>
      change(network, random, post, people, comments),
    )
    const after = new Set(await readOn(network, post, { order, count: 50 }))
    expect(new Set(found).size, `${order}: each once`).toBe(found.length)
    for (const id of before) {
      if (after.has(id)) expect(found, `${order}: ${id} is not missing`).toContain(id)
    }
  }
})

seededTest('a thread that is read whole is what plain objects say', async (random) => {
  await using network = await Network.create()
  const people: number[] = []
  for (let count = 0; count < 5; count++) people.push(await network.signUp(`user${count}`))
  const post = await network.post(people[0]!)
  const comments: number[] = []
  for (let count = 0; count < 120; count++) {
    await change(network, random, post, people, comments)
    const pair = { blocker: random.pick(people), blocked: random.pick(people) }
    if (random.once(20)) await attempt(() => network.run('block', pair))
    if (random.once(20) && comments.length > 0) {
      const removed = comments.splice(random.below(comments.length), 1)[0]!
      await network.run('removePost', { post: removed, moderator: 0, reason: 'Rude' })
    }
  }
  for (const viewer of [0, ...people]) {
    if (!isVisible(network.view, post, viewer)) continue
    for (const order of ['old', 'new', 'top'] as const) {
      const query = { order, depth: random.between(1, 4), count: random.between(1, 9) }
      const expected = plainTree(network, post, viewer, order)
      expect(wholeTree(network, post, viewer, query)).toEqual(expected)
    }
  }
})

type Plain = { readonly id: number; readonly standing: string; readonly below: Plain[] }

/** Every comment, by following every cursor. */
function wholeTree(
  network: Network,
  parent: number,
  viewer: number,
  query: Pick<ThreadQuery, 'order' | 'depth' | 'count'>,
  first: CommentPage = tree(network, parent, query, viewer),
): Plain[] {
  const nodes = [...first.nodes]
  for (let { next } = first; next !== null;) {
    const page = tree(network, parent, { ...query, cursor: next }, viewer)
    nodes.push(...page.nodes)
    next = page.next
  }
  return nodes.map(({ id, standing, children }) => ({
    id,
    standing,
    below: wholeTree(network, id, viewer, query, children),
  }))
}

function plainTree(network: Network, parent: number, viewer: number, order: CommentOrder): Plain[] {
  const { view } = network
  const ids = Array.from({ length: view.lastId(posts) }, (_, index) => index + 1)
  const rows = ids.map((id) => view.get(posts, id)!)
  const answers = rows.filter((row) => row.parent === parent && !row.isGone)
  const byId = answers.toSorted((a, b) => (order === 'old' ? a.id - b.id : b.id - a.id))
  const sorted = order === 'top' ? byId.toSorted((a, b) => b.likes - a.likes) : byId
  return sorted.flatMap(({ id }) => {
    const standing = standingOf(view, id, viewer)
    const below = plainTree(network, id, viewer, order)
    return standing === 'shown' || below.length > 0 ? [{ id, standing, below }] : []
  })
}

/** One thing that happens in a thread, or is refused. */
async function change(
  network: Network,
  random: Random,
  post: number,
  people: readonly number[],
  comments: number[],
): Promise<void> {
  const user = random.pick(people)
  const comment = comments.length === 0 ? post : random.pick(comments)
  const answer = async (parent: number): Promise<void> => {
    comments.push(await network.comment(user, post, parent))
  }
  const erase = async (): Promise<void> => {
    const author = network.view.value(posts, comment, 'author')
    await network.run('deletePost', { post: comment, user: author })
    comments.splice(comments.indexOf(comment), 1)
  }
  const changes = [
    () => answer(post),
    () => answer(comment),
    () => answer(comment),
    () => network.run('like', { user, post: comment }),
    () => network.run('like', { user, post: comment }),
    comment === post ? () => answer(post) : erase,
  ]
  await attempt(random.pick(changes))
}

/** What the network refuses changes nothing, and is no subject here. */
async function attempt(work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if ((error as Error).name !== 'Refusal') throw error
  }
}
