// The routes of moderation and of reports: who may call them, what they answer, what others see.

import { expect, test } from 'vitest'
import { ADMIN_TOKEN, Api, expectError } from '../support/api.ts'

interface Person {
  readonly id: number
  readonly handle: string
  readonly token: string
}

async function withRole(api: Api, handle: string, role: string): Promise<Person> {
  const person = await api.signUp(handle)
  const path = `/admin/users/${handle}/role`
  const answer = await api.call('PUT', path, { token: ADMIN_TOKEN, body: { role } })
  expect(answer.status).toBe(200)
  return person
}

test('a report is made, looked at and settled', async () => {
  await using api = await Api.create()
  const hanako = await api.signUp('hanako')
  const jiro = await api.signUp('jiro')
  const { token } = await withRole(api, 'saburo', 'moderator')
  const post = await api.network.post(hanako.id, 'Buy this')
  const body = { post: String(post), reason: 'spam', comment: 'Again' }
  const filed = await api.call('POST', '/reports', { token: jiro.token, body })
  expect(filed.status).toBe(201)
  expect(filed.headers['x-shashin-lsn']).toMatch(/^\d+$/)
  expect(filed.body).toEqual({
    id: '1',
    state: 'open',
    reason: 'spam',
    comment: 'Again',
    created_at: '2026-01-02T12:00:00.000Z',
  })
  const again = await api.call('POST', '/reports', { token: jiro.token, body })
  expect(again.body).toEqual(filed.body)

  const queue = await api.call('GET', '/admin/reports', { token })
  expect(queue.body).toEqual({
    items: [
      {
        ...filed.body,
        note: '',
        handled_at: null,
        handled_by: null,
        reporter: expect.objectContaining({ handle: 'jiro', role: 'user' }) as unknown,
        user: expect.objectContaining({ handle: 'hanako', suspended: false }) as unknown,
        post: {
          id: String(post),
          root: null,
          caption: 'Buy this',
          media: [expect.objectContaining({ width: 40 })],
          created_at: '2026-01-02T12:00:00.000Z',
          removed: null,
          deleted: false,
        },
      },
    ],
    next: null,
  })
  const settled = await api.call('PUT', '/admin/reports/1', {
    token,
    // What the schema does not name is ignored.
    body: { state: 'resolved', note: 'Told her', moderator: 1, report: 2 },
  })
  expect(settled.body).toMatchObject({
    state: 'resolved',
    note: 'Told her',
    handled_by: { handle: 'saburo' },
    handled_at: '2026-01-02T12:00:00.000Z',
  })
  expect((await api.call('GET', '/admin/reports', { token })).body.items).toEqual([])
  const resolved = await api.call('GET', '/admin/reports?state=resolved', { token })
  expect(resolved.body.items).toHaveLength(1)
})

test('reports of people name them by handle, and a key makes one', async () => {
  await using api = await Api.create()
  await api.signUp('hanako')
  const { token } = await api.signUp('jiro')
  const headers = { 'idempotency-key': 'once' }
  const body = { user: 'HANAKO', reason: 'impersonation' }
  const first = await api.call('POST', '/reports', { token, body, headers })
  expect(first.status).toBe(201)
  const settle = { token: ADMIN_TOKEN, body: { state: 'dismissed' } }
  const path = `/admin/reports/${first.body.id}`
  expect((await api.call('PUT', path, settle)).body.handled_by).toBeNull()
  const repeated = await api.call('POST', '/reports', { token, body, headers })
  expect(repeated.body).toEqual({ ...first.body, state: 'dismissed' })
  const page = await api.call('GET', '/admin/reports?state=dismissed&limit=1', {
    token: ADMIN_TOKEN,
  })
  expect(page.body).toMatchObject({ items: [{ post: null }], next: null })
})

test('what no report can be about is refused', async () => {
  await using api = await Api.create()
  const { token } = await api.signUp('jiro')
  const report = (body: unknown): ReturnType<Api['call']> =>
    api.call('POST', '/reports', { token, body })
  expectError(await report({ reason: 'spam' }), 400, 'REQUEST_INVALID')
  expectError(await report({ user: 'jiro', reason: 'boredom' }), 400, 'REQUEST_INVALID')
  expectError(await report({ user: 'jiro', reason: 'spam' }), 422, 'REPORT_SELF')
  expectError(await report({ user: 'nobody', reason: 'spam' }), 404, 'USER_NOT_FOUND')
  expectError(await report({ post: '99', reason: 'spam' }), 404, 'POST_NOT_FOUND')
  expectError(await report({ post: '4294967295', reason: 'spam' }), 404, 'POST_NOT_FOUND')
  const anonymous = await api.call('POST', '/reports', { body: { user: 'jiro', reason: 'spam' } })
  expectError(anonymous, 401, 'TOKEN_MISSING')
  const missing = { token: ADMIN_TOKEN, body: { state: 'open' } }
  expectError(await api.call('PUT', '/admin/reports/99', missing), 404, 'REPORT_NOT_FOUND')
})

test('the routes of moderators are for moderators, admins and the operator', async () => {
  await using api = await Api.create()
  const user = await api.signUp('hanako')
  const moderator = await withRole(api, 'saburo', 'moderator')
  const admin = await withRole(api, 'shiro', 'admin')
  const paths = ['/admin/reports', '/admin/users', '/admin/blocked-terms']
  for (const path of paths) {
    expectError(await api.call('GET', path), 401, 'TOKEN_MISSING')
    const refused = await api.call('GET', path, { token: user.token })
    expectError(refused, 403, 'MODERATOR_REQUIRED')
    for (const token of [moderator.token, admin.token, ADMIN_TOKEN]) {
      expect((await api.call('GET', path, { token })).status).toBe(200)
    }
  }
  const audit = await api.call('GET', '/admin/audit', { token: moderator.token })
  expectError(audit, 403, 'ADMIN_REQUIRED')
})

test('somebody suspended is out at once, and told why at the next log-in', async () => {
  await using api = await Api.create()
  const hanako = await api.signUp('hanako')
  const { token } = await withRole(api, 'saburo', 'moderator')
  const path = '/admin/users/hanako/suspension'
  const suspended = await api.call('PUT', path, { token, body: { reason: 'Spam, again' } })
  expect(suspended.status).toBe(200)
  expect(suspended.body).toMatchObject({
    handle: 'hanako',
    suspended: true,
    suspension: { reason: 'Spam, again', at: '2026-01-02T12:00:00.000Z' },
  })
  expectError(await api.call('GET', '/me', { token: hanako.token }), 401, 'TOKEN_INVALID')
  expectError(await api.call('GET', '/users/hanako'), 404, 'USER_NOT_FOUND')
  expect((await api.call('GET', '/users/hanako', { token })).status).toBe(200)
  const body = { handle: 'hanako', password: 'password of hanako' }
  const refused = await api.call('POST', '/sessions', { body })
  expect(refused.status).toBe(403)
  expect(refused.body).toMatchObject({
    code: 'ACCOUNT_SUSPENDED',
    error: expect.stringContaining('Spam, again') as string,
  })
  const wrong = await api.call('POST', '/sessions', { body: { ...body, password: 'a guess' } })
  expectError(wrong, 401, 'CREDENTIALS_WRONG')

  const lifted = await api.call('DELETE', path, { token })
  expect(lifted.body).toMatchObject({ suspended: false, suspension: null })
  expect((await api.call('POST', '/sessions', { body })).status).toBe(201)
})

test('suspension knows ranks, and demands a reason', async () => {
  await using api = await Api.create()
  const moderator = await withRole(api, 'saburo', 'moderator')
  await withRole(api, 'shiro', 'admin')
  const suspend = (handle: string, token: string, reason = 'So'): ReturnType<Api['call']> =>
    api.call('PUT', `/admin/users/${handle}/suspension`, { token, body: { reason } })
  expectError(await suspend('shiro', moderator.token), 403, 'RANK_TOO_LOW')
  expectError(await suspend('saburo', moderator.token), 422, 'MODERATE_SELF')
  expectError(await suspend('nobody', moderator.token), 404, 'USER_NOT_FOUND')
  expectError(await suspend('shiro', ADMIN_TOKEN, ' '), 422, 'TEXT_EMPTY')
  expect((await suspend('shiro', ADMIN_TOKEN)).status).toBe(200)
  const lift = await api.call('DELETE', '/admin/users/shiro/suspension', {
    token: moderator.token,
  })
  expectError(lift, 403, 'RANK_TOO_LOW')
})

test('a removed post is gone for others, and comes back', async () => {
  await using api = await Api.create()
  const hanako = await api.signUp('hanako')
  const jiro = await api.signUp('jiro')
  const { token } = await withRole(api, 'saburo', 'moderator')
  const post = await api.network.post(hanako.id)
  const path = `/admin/posts/${post}/removal`
  const removed = await api.call('PUT', path, { token, body: { reason: 'Not yours' } })
  expect(removed.body).toMatchObject({ id: String(post), removed: { reason: 'Not yours' } })
  const asked = `/posts/${post}`
  expectError(await api.call('GET', asked, { token: jiro.token }), 404, 'POST_NOT_FOUND')
  for (const each of [hanako.token, token]) {
    expect((await api.call('GET', asked, { token: each })).status).toBe(200)
  }
  const lifted = await api.call('DELETE', path, { token })
  expect(lifted.body).toMatchObject({ id: String(post), removed: null })
  expect((await api.call('GET', asked, { token: jiro.token })).status).toBe(200)
  const nothing = await api.call('PUT', '/admin/posts/99/removal', { token, body: { reason: 'x' } })
  expectError(nothing, 404, 'POST_NOT_FOUND')
  expectError(await api.call('DELETE', '/admin/posts/99/removal', { token }), 404, 'POST_NOT_FOUND')
})

test('moderators list users by state, without what is secret', async () => {
  await using api = await Api.create()
  for (const handle of ['hanako', 'jiro', 'saburo']) await api.signUp(handle)
  const token = ADMIN_TOKEN
  await api.call('PUT', '/admin/users/jiro/suspension', { token, body: { reason: 'Spam' } })
  const first = await api.call('GET', '/admin/users?limit=2', { token })
  expect(first.body.items.map(({ handle }: { handle: string }) => handle)).toEqual([
    'saburo',
    'jiro',
  ])
  const second = await api.call('GET', `/admin/users?limit=2&before=${first.body.next}`, { token })
  expect(second.body).toMatchObject({ items: [{ handle: 'hanako', role: 'user' }], next: null })
  const suspended = await api.call('GET', '/admin/users?state=suspended', { token })
  expect(suspended.body.items).toMatchObject([{ handle: 'jiro', suspension: { reason: 'Spam' } }])
  expect(first.bytes.toString()).not.toMatch(/hash|argon|email|secret/i)
  expectError(await api.call('GET', '/admin/users?state=bored', { token }), 400, 'REQUEST_INVALID')
})

test('words and tags are blocked and unblocked', async () => {
  await using api = await Api.create()
  const token = ADMIN_TOKEN
  const block = (kind: string, term: string): ReturnType<Api['call']> =>
    api.call('POST', '/admin/blocked-terms', { token, body: { kind, term } })
  const word = await block('word', 'Spam')
  expect(word.status).toBe(201)
  expect(word.body).toEqual({
    id: '1',
    kind: 'word',
    term: 'spam',
    created_at: '2026-01-02T12:00:00.000Z',
  })
  expect((await block('word', 'SPAM')).body).toEqual(word.body)
  const tag = await block('tag', '#Follow4Follow')
  expect(tag.body).toMatchObject({ kind: 'tag', term: '#follow4follow' })
  expectError(await block('word', 'two words'), 422, 'TERM_INVALID')
  const words = await api.call('GET', '/admin/blocked-terms', { token })
  expect(words.body).toEqual({ items: [word.body], next: null })
  const tags = await api.call('GET', '/admin/blocked-terms?kind=tag', { token })
  expect(tags.body.items).toEqual([tag.body])
  const path = `/admin/blocked-terms/${word.body.id}`
  expect((await api.call('DELETE', path, { token })).status).toBe(204)
  expectError(await api.call('DELETE', path, { token }), 404, 'TERM_NOT_FOUND')
})
