// A network with people in it, for benches over HTTP: written straight into a store, which is
// closed again, so that a server can open it. Everybody has a token and follows others, has posts
// of one photo, and the posts have comments, some of which answer others.

import { join } from 'node:path'
import { createToken } from '../../src/api/authentication.ts'
import { Datastore } from '../../src/engine/datastore.ts'
import { tables } from '../../src/model/schema.ts'
import { transactions } from '../../src/model/transactions.ts'
import type { Random } from '../../src/std/random.ts'

export interface PopulatedNetwork {
  readonly tokens: readonly string[]
  readonly postIds: readonly number[]
}

export interface Population {
  readonly users: number
  readonly followsEach: number
  readonly postsEach: number
  readonly commentsEach: number
}

export async function populate(
  directory: string,
  population: Population,
  random: Random,
): Promise<PopulatedNetwork> {
  await using store = await Datastore.open({
    tables,
    transactions,
    dataDirectory: join(directory, 'data'),
    snapshotDirectory: join(directory, 'snapshots'),
    durability: 'os',
  })
  const { users, followsEach, postsEach, commentsEach } = population
  const tokens: string[] = []
  const people: number[] = []
  for (let index = 0; index < users; index++) {
    const { token, tokenHash } = createToken()
    const input = { handle: `user${index}`, name: `User ${index}`, passwordHash: '', tokenHash }
    people.push((await store.transact('signUp', input)).output)
    tokens.push(token)
  }
  const someone = (): number => random.pick(people)
  const edges = people.flatMap((follower) =>
    Array.from({ length: followsEach }, () => ({ follower, followee: someone() })),
  )
  await Promise.all(
    edges
      .filter(({ follower, followee }) => follower !== followee)
      .map((edge) => store.transact('follow', edge)),
  )
  const postIds: number[] = []
  for (let round = 0; round < postsEach; round++) {
    const published = people.map((author) => publish(store, author, `${round}-${author}`))
    postIds.push(...(await Promise.all(published)))
  }
  for (let round = 0; round < commentsEach; round++) {
    const said = postIds.map(async (post) => {
      const text = `Comment ${round}: ${'what a photo this is. '.repeat(5)}`
      const parent = round % 3 === 2 ? last.get(post)! : post
      const input = { author: someone(), post, parent, text }
      last.set(post, (await store.transact('publishComment', input)).output)
    })
    await Promise.all(said)
  }
  return { tokens, postIds }
}

/** The newest comment of a post. */
const last = new Map<number, number>()

async function publish(
  store: Datastore<typeof transactions>,
  author: number,
  name: string,
): Promise<number> {
  const file = { name: `${name}.webp`, contentType: 'image/webp', size: 100_000 }
  const photo = { owner: author, width: 1600, height: 1200, original: `${name}.jpg`, file }
  const { output: id } = await store.transact('createMedia', photo)
  const caption = `Photo ${name}: ${'light and shadow, '.repeat(4)}`
  return (await store.transact('publishPost', { author, caption, media: [id] })).output
}
