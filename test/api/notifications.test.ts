// The routes of notifications: what they answer, paging, the unread count, the read marker.

import { expect, test } from 'vitest'
import { ADMIN_TOKEN, Api, expectError } from '../support/api.ts'

test('a notification names who did what, and shows what it is about', async () => {
  await using api = await Api.create()
  const hanako = await api.signUp('hanako')
  const { token } = await api.signUp('jiro')
  const post = await api.network.post(hanako.id, 'Sea')
  await api.call('PUT', `/posts/${post}/like`, { token })
  const comment = await api.network.comment(2, post, post, 'Nice, @hanako')
  const { body, status } = await api.call('GET', '/notifications', { token: hanako.token })
  expect(status).toBe(200)
  const actors = [expect.objectContaining({ id: '2', handle: 'jiro' })]
  const common = { created_at: '2026-01-02T12:00:00.000Z', unread: true, count: 1, text: null }
  expect(body).toEqual({
    items: [
      {
        ...common,
        id: '2',
        kind: 'comment',
        actors,
        post: expect.objectContaining({ id: String(comment), root: String(post) }),
      },
      {
        ...common,
        id: '1',
        kind: 'like',
        actors,
        post: expect.objectContaining({ id: String(post), caption: 'Sea', root: null }),
      },
    ],
    next: null,
    unread: 2,
  })
  expect((await api.call('GET', '/notifications', { token })).body).toEqual({
    items: [],
    next: null,
    unread: 0,
  })
})

test('a moderator’s reason reaches the author, without a name', async () => {
  await using api = await Api.create()
  const hanako = await api.signUp('hanako')
  const post = await api.network.post(hanako.id)
  await api.call('PUT', `/admin/posts/${post}/removal`, {
    token: ADMIN_TOKEN,
    body: { reason: 'Not your photo' },
  })
  const { body } = await api.call('GET', '/notifications', { token: hanako.token })
  expect(body.items).toMatchObject([
    { kind: 'moderation', text: 'Not your photo', actors: [], count: 1, post: { id: '1' } },
  ])
})

test('reading goes page by page, by kinds, and up to a marker', async () => {
  await using api = await Api.create()
  const hanako = await api.signUp('hanako')
  const jiro = await api.signUp('jiro')
  const { token } = hanako
  const get = (query = ''): ReturnType<Api['call']> =>
    api.call('GET', `/notifications${query}`, { token })
  const post = await api.network.post(hanako.id)
  for (let count = 0; count < 5; count++) await api.network.comment(jiro.id, post)
  await api.call('PUT', '/users/hanako/follow', { token: jiro.token })
  const first = await get('?limit=4')
  expect(first.body.items.map(({ id }: { id: string }) => id)).toEqual(['6', '5', '4', '3'])
  expect(first.body).toMatchObject({ next: '3-6', unread: 6 })
  const second = await get(`?limit=4&before=${first.body.next}`)
  expect(second.body.items.map(({ id }: { id: string }) => id)).toEqual(['2', '1'])
  expect(second.body.next).toBeNull()
  const follows = await get('?kinds=follow,request')
  expect(follows.body.items).toMatchObject([{ kind: 'follow', post: null }])

  const body = { up_to: '4' }
  const read = await api.call('POST', '/notifications/read', { token, body })
  expect(read.status).toBe(200)
  expect(read.body).toEqual({ unread: 2 })
  expect(read.headers['x-shashin-lsn']).toMatch(/^\d+$/)
  expect((await api.call('GET', '/notifications/unread', { token })).body).toEqual({ unread: 2 })
  const flags = (await get()).body.items.map(({ unread }: { unread: boolean }) => unread)
  expect(flags).toEqual([true, true, false, false, false, false])
})

test('what no notification is asked for by is refused', async () => {
  await using api = await Api.create()
  const { token } = await api.signUp('hanako')
  for (const query of ['limit=0', 'limit=51', 'before=7', 'before=a-b', 'kinds=', 'kinds=poke']) {
    const answer = await api.call('GET', `/notifications?${query}`, { token })
    expectError(answer, 400, 'REQUEST_INVALID')
  }
  for (const body of [{}, { up_to: 7 }, { up_to: '0' }, { up_to: 'x' }]) {
    const answer = await api.call('POST', '/notifications/read', { token, body })
    expectError(answer, 400, 'REQUEST_INVALID')
  }
  const far = await api.call('GET', '/notifications?before=4294967295-4294967295', { token })
  expect(far.body.items).toEqual([])
  for (const path of ['/notifications', '/notifications/unread']) {
    expectError(await api.call('GET', path), 401, 'TOKEN_MISSING')
    expectError(await api.call('GET', path, { token: ADMIN_TOKEN }), 401, 'TOKEN_INVALID')
  }
})
