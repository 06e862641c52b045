// The account as a whole over HTTP: its end, and what others see of it afterwards.

import { expect, test } from 'vitest'
import { posts } from '../../src/model/schema.ts'
import { Api, expectError } from '../support/api.ts'
import type { Answer } from '../support/api.ts'

function remove(api: Api, token: string, body: unknown = {}): Promise<Answer> {
  return api.call('DELETE', '/me', { token, body })
}

/** Lets everything run that can, until it holds. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}

test('an account that is deleted is gone, and what it made follows', async () => {
  await using api = await Api.create()
  const anna = await api.signUp('anna')
  const ben = await api.signUp('ben')
  const post = await api.network.post(anna.id)
  const bensPost = await api.network.post(ben.id)
  await api.network.comment(anna.id, bensPost)
  await api.call('PUT', `/users/ben/follow`, { token: anna.token })

  const answer = await remove(api, anna.token, { password: 'password of anna' })
  expect(answer.status).toBe(204)
  expect(answer.headers['x-shashin-lsn']).toMatch(/^\d+$/)
  expectError(await api.call('GET', '/me', { token: anna.token }), 401, 'TOKEN_INVALID')
  expectError(await api.call('GET', '/users/anna'), 404, 'USER_NOT_FOUND')
  expectError(await api.call('GET', `/posts/${post}`), 404, 'POST_NOT_FOUND')
  const body = { handle: 'anna', password: 'password of anna' }
  expectError(await api.call('POST', '/sessions', { body }), 401, 'CREDENTIALS_WRONG')

  await until(() => api.network.view.value(posts, post, 'isGone') !== 0)
  const shown = await api.call('GET', '/users/ben')
  expect(shown.body).toMatchObject({ followers: 0 })
  const again = await api.signUp('anna')
  expect((await api.call('GET', '/users/anna')).body).toMatchObject({ id: String(again.id) })
})

test('the account stays without the password', async () => {
  await using api = await Api.create()
  const { token } = await api.signUp('anna')
  for (const password of [undefined, '', 'not the password']) {
    expectError(await remove(api, token, { password }), 401, 'CREDENTIALS_WRONG')
  }
  expectError(await api.call('DELETE', '/me', { body: {} }), 401, 'TOKEN_MISSING')
  expectError(await remove(api, token, { password: 1 }), 400, 'REQUEST_INVALID')
  expect((await api.call('GET', '/me', { token })).status).toBe(200)
})

test('what others see is the same before and after the erasing', async () => {
  await using api = await Api.create()
  const { network } = api
  const anna = await api.signUp('anna')
  const ben = await api.signUp('ben')
  const post = await network.post(ben.id, 'With @anna')
  const answered = await network.comment(anna.id, post, post, 'Her words')
  await network.comment(ben.id, post, answered, 'An answer')
  await network.comment(anna.id, post, post, 'Nobody answers')
  await api.call('PUT', `/posts/${post}/like`, { token: anna.token })
  await api.call('PUT', '/users/ben/follow', { token: anna.token })
  const seen = async (): Promise<unknown> => {
    const paths = [
      `/posts/${post}/comments`,
      `/posts/${post}/likes`,
      '/users/ben/followers',
      '/users/ben/following',
      '/notifications',
      '/feed',
      '/users/anna',
    ]
    const bodies: unknown[] = []
    for (const path of paths) {
      const { body } = await api.call('GET', path, { token: ben.token })
      bodies.push('request_id' in body ? body.code : body)
    }
    return bodies
  }
  const job = await network.run('deleteAccount', { user: anna.id, session: 0 })
  const before = await seen()
  expect(JSON.stringify(before)).not.toContain('"handle":"anna"')
  expect(JSON.stringify(before)).not.toContain('Her words')
  expect(JSON.stringify(before)).not.toContain('Nobody answers')
  expect(JSON.stringify(before)).toContain('An answer')
  while (!(await network.run('eraseStep', { job })).isDone);
  const after = await seen()
  expect(withoutCounts(after)).toEqual(withoutCounts(before))
})

/** Counters follow row by row. */
function withoutCounts(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, inner: unknown) =>
      ['likes', 'comments', 'followers', 'following', 'child_count'].includes(key) ? 0 : inner,
    ),
  )
}
