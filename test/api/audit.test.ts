// The audit trail: what it tells of transactions, and what it never does.

import { expect, test } from 'vitest'
import { ADMIN_TOKEN, Api, expectError } from '../support/api.ts'
import type { HistoryPage } from '../../src/engine/history.ts'

const token = ADMIN_TOKEN

test('transactions are told in order, a page at a time', async () => {
  await using api = await Api.create()
  const hanako = await api.signUp('hanako')
  const post = await api.network.post(hanako.id)
  const first = await api.call('GET', '/admin/audit?from=1&limit=2', { token })
  expect(first.body).toMatchObject({
    items: [
      { lsn: 1, transaction: 'engine:schema', act: null, change_count: 1 },
      { lsn: 2, transaction: 'signUp', time: '2026-01-02T12:00:00.000Z' },
    ],
    next: '3',
    first_lsn: 1,
    last_lsn: 4,
  })
  const second = await api.call('GET', `/admin/audit?from=${first.body.next}`, { token })
  expect(second.body).toMatchObject({
    items: [{ transaction: 'createMedia' }, { transaction: 'publishPost' }],
    next: null,
  })
  const { changes } = second.body.items[1]
  expect(changes[0]).toEqual({
    change: 'insert',
    table: 'posts',
    row: String(post),
    columns: expect.arrayContaining(['author', 'publishedAt']) as unknown,
    texts: true,
    values: {},
  })
  const newest = await api.call('GET', '/admin/audit?limit=1', { token })
  expect(newest.body.items).toEqual([second.body.items[1]])
  const beyond = await api.call('GET', '/admin/audit?from=1000', { token })
  expect(beyond.body).toEqual({ items: [], next: null, first_lsn: 1, last_lsn: 4 })
  expectError(await api.call('GET', '/admin/audit?from=0', { token }), 400, 'REQUEST_INVALID')
  expectError(await api.call('GET', '/admin/audit?limit=51', { token }), 400, 'REQUEST_INVALID')
})

test('of moderation it says who did what to whom and why', async () => {
  await using api = await Api.create()
  const hanako = await api.signUp('hanako')
  const saburo = await api.signUp('saburo')
  await api.call('PUT', '/admin/users/saburo/role', { token, body: { role: 'moderator' } })
  const post = await api.network.post(hanako.id)
  const before = (await api.call('GET', '/admin/audit', { token })).body.last_lsn
  const by = saburo.token
  await api.call('PUT', `/admin/posts/${post}/removal`, { token: by, body: { reason: 'Spam' } })
  await api.call('PUT', '/admin/users/hanako/suspension', { token, body: { reason: 'Again' } })
  await api.call('DELETE', '/admin/users/hanako/suspension', { token: by })
  await api.call('POST', '/admin/blocked-terms', {
    token: by,
    body: { kind: 'word', term: 'spam' },
  })
  const { body } = await api.call('GET', `/admin/audit?from=${before + 1}`, { token })
  const moderator = String(saburo.id)
  const user = String(hanako.id)
  expect(body.items.map(({ act }: { act: unknown }) => act)).toEqual([
    { act: 'removal', moderator, user, post: String(post), reason: 'Spam' },
    { act: 'suspension', moderator: null, user, post: null, reason: 'Again' },
    { act: 'suspension_lifted', moderator, user, post: null, reason: '' },
    { act: 'term_blocked', moderator, user: null, post: null, reason: 'spam' },
  ])
  const values = body.items[1].changes.find(({ table }: { table: string }) => table === 'users')
  expect(values.values).toMatchObject({ suspension: 'Again' })
})

test('nothing secret is in it, whatever was written', async () => {
  await using api = await Api.create()
  const { token: own } = await api.signUp('hanako')
  await api.call('PATCH', '/me', { token: own, body: { name: 'Hanako the Great', bio: 'Secret' } })
  await api.network.post(1, 'A caption for friends')
  await api.call('PUT', '/admin/users/hanako/suspension', { token, body: { reason: 'Rude' } })
  const { bytes, body } = await api.call('GET', '/admin/audit?from=1&limit=50', { token })
  const text = bytes.toString()
  expect(text).not.toMatch(/argon2|Great|Secret|friends|webp|hanako/)
  expect(text).toMatch(/Rude/)
  for (const { changes } of body.items) {
    for (const { values } of changes) {
      const names = Object.keys(values)
      expect(names.filter((name) => /hash|email|totp|recovery/i.test(name))).toEqual([])
    }
  }
})

test('what the log has retired is said, with the oldest that it has', async () => {
  const page: HistoryPage = { firstLsn: 421, lastLsn: 500, entries: [], nextLsn: undefined }
  await using api = await Api.create(({ admin }) => ({
    admin: { ...admin, log: async () => page },
  }))
  const answer = await api.call('GET', '/admin/audit?from=7', { token })
  expectError(answer, 410, 'LOG_RETIRED')
  expect(answer.body.error).toContain('LSN 421')
})

test('transactions of a schema that is not known any more are told without changes', async () => {
  const entry = { lsn: 9, time: 0, label: 'like', size: 60, changes: undefined, changeCount: 0 }
  const page: HistoryPage = { firstLsn: 9, lastLsn: 9, entries: [entry], nextLsn: undefined }
  await using api = await Api.create(({ admin }) => ({
    admin: { ...admin, log: async () => page },
  }))
  const { body } = await api.call('GET', '/admin/audit?from=9', { token })
  expect(body.items).toEqual([
    {
      lsn: 9,
      time: '1970-01-01T00:00:00.000Z',
      transaction: 'like',
      size: 60,
      changes: null,
      change_count: 0,
      act: null,
    },
  ])
})
