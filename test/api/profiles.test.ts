// Routes of profiles: one's own, those of others, photos, and who gets to see what of them.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Api, expectError } from '../support/api.ts'
import type { Answer } from '../support/api.ts'

let api: Api
let anna: { id: number; handle: string; token: string }
let ben: { id: number; handle: string; token: string }

beforeAll(async () => {
  api = await Api.create()
  anna = await api.signUp('anna')
  ben = await api.signUp('Ben_9')
})
afterAll(() => api[Symbol.asyncDispose]())

const patch = (body: unknown, { token } = ben): Promise<Answer> =>
  api.call('PATCH', '/me', { token, body })

describe('profiles', () => {
  test('are changed by their owner, field by field', async () => {
    const fields = [{ name: 'Camera', value: 'Pentax 67' }]
    const changed = await patch({ name: 'Ben', bio: 'a\nb', fields })
    expect(changed).toMatchObject({ status: 200, body: { name: 'Ben', bio: 'a\nb', fields } })
    expect(changed.headers['x-shashin-lsn']).toMatch(/^\d+$/)
    await patch({
      bio: '',
      handle: 'thief',
      id: '1',
      user: anna.id,
      suspended: true,
      role: 'admin',
    })
    const shown = await api.call('GET', '/users/BEN_9', {})
    expect(shown.body).toMatchObject({ id: String(ben.id), handle: 'Ben_9', name: 'Ben', bio: '' })
    expect(shown.body).toMatchObject({ fields, private: false, suspended: false })
    for (const secret of ['role', 'follow_requests', 'email']) {
      expect(shown.body).not.toHaveProperty(secret)
    }
    expect(JSON.stringify(shown.body)).not.toContain('argon2')
    const me = await api.call('GET', '/me', { token: ben.token })
    expect(me.body).toMatchObject({ ...shown.body, role: 'user', follow_requests: 0 })
  })

  test('refuse what does not fit', async () => {
    const field = { name: 'a', value: 'b' }
    expectError(await patch({ bio: 'x'.repeat(501) }), 422, 'TEXT_TOO_LONG')
    expectError(await patch({ name: 'a\nb' }), 422, 'TEXT_INVALID')
    const five = [field, field, field, field, field]
    expectError(await patch({ fields: five }), 422, 'PROFILE_FIELDS_TOO_MANY')
    expectError(await patch({ fields: [{ name: '', value: 'b' }] }), 422, 'TEXT_EMPTY')
    expectError(await patch({ avatar: '999' }), 404, 'MEDIA_NOT_FOUND')
    expectError(await patch({ avatar: '4294967295' }), 404, 'MEDIA_NOT_FOUND')
    for (const body of [
      { name: 5 },
      { name: null },
      { bio: ['a'] },
      { fields: {} },
      { fields: [{ name: 'a' }] },
      { fields: Array.from({ length: 101 }, () => field) },
      { private: 'yes' },
      { private: null },
      { avatar: 7 },
      { avatar: '0' },
      { header: 'x' },
    ]) {
      expectError(await patch(body), 400, 'REQUEST_INVALID')
    }
    expectError(await api.call('PATCH', '/me', { body: {} }), 401, 'TOKEN_MISSING')
    expectError(await api.call('GET', '/me'), 401, 'TOKEN_MISSING')
  })
})

describe('photos of a profile', () => {
  test('are shown, and beside what their owner makes', async () => {
    const [avatar, header] = [await api.network.photo(ben.id), await api.network.photo(ben.id)]
    const changed = await patch({ avatar: String(avatar), header: String(header) })
    expect(changed.body).toMatchObject({
      avatar: { id: String(avatar), url: expect.stringMatching(/^\/media\//) as string },
      header: { id: String(header), width: 40, height: 30 },
    })
    const post = await api.network.post(ben.id)
    const shown = await api.call('GET', `/posts/${post}`)
    expect(shown.body.author).toMatchObject({ handle: 'Ben_9', avatar: changed.body.avatar.url })
    // What follows is what was rendered before, written anew.
    const next = await api.network.photo(ben.id)
    await patch({ avatar: String(next), header: null })
    const again = await api.call('GET', `/posts/${post}`)
    expect(again.body.author.avatar).not.toBe(shown.body.author.avatar)
    const user = await api.call('GET', '/users/ben_9')
    expect(user.body).toMatchObject({ avatar: { id: String(next) }, header: null })
    expectError(await api.call('GET', `/media/${avatar}`), 404, 'MEDIA_NOT_FOUND')
    expect(await api.call('GET', `/media/${next}`)).toMatchObject({ status: 200 })
    await patch({ avatar: null })
    const bare = await api.call('GET', `/posts/${post}`)
    expect(bare.body.author.avatar).toBeNull()
  })

  test('are refused when something else shows them', async () => {
    const photo = await api.network.photo(ben.id)
    const body = { caption: '', media: [String(photo)] }
    await api.call('POST', '/posts', { token: ben.token, body })
    expectError(await patch({ avatar: String(photo) }), 409, 'MEDIA_ATTACHED')
    expectError(await patch({ avatar: String(photo) }, anna), 404, 'MEDIA_NOT_FOUND')
    const free = String(await api.network.photo(ben.id))
    expectError(await patch({ avatar: free, header: free }), 422, 'MEDIA_REPEATED')
  })
})

describe('who sees a profile', () => {
  test('anybody sees that of a private account, and nothing that it posts', async () => {
    const cleo = await api.signUp('cleo')
    const post = await api.network.post(cleo.id)
    await patch({ private: true, bio: 'Hi' }, cleo)
    for (const token of [undefined, anna.token]) {
      const shown = await api.call('GET', '/users/cleo', { token })
      expect(shown).toMatchObject({ status: 200, body: { private: true, bio: 'Hi', posts: 1 } })
      const listed = await api.call('GET', '/users/cleo/posts', { token })
      expect(listed.body).toEqual({ items: [], next: null })
      expectError(await api.call('GET', `/posts/${post}`, { token }), 404, 'POST_NOT_FOUND')
    }
    const own = await api.call('GET', '/users/cleo/posts', { token: cleo.token })
    expect(own.body.items).toHaveLength(1)
  })

  test('moderators see one that is suspended, and nobody else does', async () => {
    const dora = await api.signUp('dora')
    const judge = await api.signUp('judge')
    await api.network.run('setRole', { user: judge.id, role: 'moderator' })
    await api.network.run('suspendUser', { user: dora.id, moderator: 0, reason: 'Spam' })
    for (const token of [undefined, anna.token]) {
      expectError(await api.call('GET', '/users/dora', { token }), 404, 'USER_NOT_FOUND')
    }
    const shown = await api.call('GET', '/users/dora', { token: judge.token })
    expect(shown).toMatchObject({ status: 200, body: { handle: 'dora', suspended: true } })
    expectError(await api.call('GET', '/me', { token: dora.token }), 401, 'TOKEN_INVALID')
  })
})
