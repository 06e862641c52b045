// The route of search: what an answer looks like for each type, paging, and bad questions.

import { expect, test } from 'vitest'
import { Api, expectError } from '../support/api.ts'
import type { Answer } from '../support/api.ts'

async function ask(
  api: Api,
  query: Readonly<Record<string, string>>,
  token?: string,
): Promise<Answer> {
  return api.call('GET', `/search?${new URLSearchParams(query).toString()}`, { token })
}

test('each type is answered as it looks everywhere', async () => {
  await using api = await Api.create()
  const { network } = api
  const anna = await api.signUp('anna')
  const post = await network.post(anna.id, '夕焼け and #sunset')
  const comment = await network.comment(anna.id, post, post, 'Quelle soirée')

  const posts = await ask(api, { q: '夕焼け' }, anna.token)
  expect(posts.status).toBe(200)
  expect(posts.body.next).toBeNull()
  const shown = await api.call('GET', `/posts/${post}`, { token: anna.token })
  expect(posts.body.items).toEqual([shown.body])

  const comments = await ask(api, { q: 'soiree', type: 'comments' })
  expect(comments.body.items).toMatchObject([
    { id: String(comment), post: String(post), text: 'Quelle soirée', author: { handle: 'anna' } },
  ])

  const users = await ask(api, { q: '@an', type: 'users' })
  const user = await api.call('GET', '/users/anna')
  expect(users.body.items).toEqual([user.body])

  const tags = await ask(api, { q: '#sun', type: 'tags' })
  expect(tags.body).toEqual({ items: [{ name: 'sunset', posts: 1 }], next: null })

  for (const type of ['posts', 'comments', 'users', 'tags']) {
    const nothing = await ask(api, { q: 'nothing', type })
    expect([nothing.status, nothing.body]).toEqual([200, { items: [], next: null }])
  }
})

test('pages go on from their cursor', async () => {
  await using api = await Api.create()
  const anna = await api.signUp('anna')
  const ids: string[] = []
  for (let count = 0; count < 5; count++) {
    ids.push(String(await api.network.post(anna.id, `wave ${count}`)))
  }
  const found: string[] = []
  let before: string | null = null
  do {
    const query: Record<string, string> = { q: 'wave', limit: '2' }
    if (before !== null) query['before'] = before
    const { body } = await ask(api, query)
    found.push(...body.items.map(({ id }: { id: string }) => id))
    before = body.next
  } while (before !== null)
  expect(found).toEqual(ids.toReversed())
})

test('bad questions are refused with a sentence', async () => {
  await using api = await Api.create()
  expectError(await ask(api, { q: '' }), 422, 'QUERY_EMPTY')
  expectError(await ask(api, { q: '!?', type: 'users' }), 422, 'QUERY_EMPTY')
  expectError(await ask(api, { q: 'x'.repeat(201) }), 422, 'QUERY_TOO_LONG')
  expectError(await ask(api, {}), 400, 'REQUEST_INVALID')
  expectError(await ask(api, { q: 'x', type: 'photos' }), 400, 'REQUEST_INVALID')
  expectError(await ask(api, { q: 'x', limit: '51' }), 400, 'REQUEST_INVALID')
  expectError(await ask(api, { q: 'x', before: '0' }), 400, 'REQUEST_INVALID')
  expectError(await ask(api, { q: 'x' }, 'no token'), 401, 'TOKEN_INVALID')
})
