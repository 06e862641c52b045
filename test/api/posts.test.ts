// Routes of posts and timelines: publishing, showing, liking, deleting, paging, and doing it twice.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Api, expectError } from '../support/api.ts'
import { NOON } from '../support/network.ts'
import type { Answer } from '../support/api.ts'

interface Person {
  readonly id: number
  readonly token: string
}

let api: Api
let anna: Person
let ben: Person

beforeAll(async () => {
  api = await Api.create()
  anna = await api.signUp('anna')
  ben = await api.signUp('ben')
})
afterAll(() => api[Symbol.asyncDispose]())

/** Publishes with photos of the author that are names only. */
async function publish(by: Person, caption = 'Hello', key?: string): Promise<Answer> {
  const media = [String(await api.network.photo(by.id))]
  const headers = key === undefined ? {} : { 'idempotency-key': key }
  return api.call('POST', '/posts', { token: by.token, body: { caption, media }, headers })
}

function idsOf(answer: Answer): string[] {
  expect(answer.status).toBe(200)
  return answer.body.items.map(({ id }: { id: string }) => id)
}

describe('publishing', () => {
  test('answers with the post as everybody sees it', async () => {
    const photo = await api.network.photo(anna.id, 'a-name')
    const body = { caption: ' Sea ', media: [String(photo)] }
    const answer = await api.call('POST', '/posts', { token: anna.token, body })
    expect(answer.status).toBe(201)
    expect(answer.headers['x-shashin-lsn']).toMatch(/^\d+$/)
    expect(answer.body).toEqual({
      id: expect.stringMatching(/^\d+$/) as string,
      author: { id: String(anna.id), handle: 'anna', name: '', avatar: null },
      caption: 'Sea',
      media: [
        {
          id: String(photo),
          url: '/media/a-name.webp',
          width: 40,
          height: 30,
          content_type: 'image/webp',
          size: 1000,
          alt: '',
          focus: [0, 0],
          created_at: new Date(NOON).toISOString(),
        },
      ],
      mentions: [],
      tags: [],
      visibility: 'public',
      commenters: 'everybody',
      created_at: '2026-01-02T12:00:00.000Z',
      edited_at: null,
      removed: false,
      removal: null,
      parent: null,
      root: null,
      likes: 0,
      comments: 0,
      viewer: { liked: false, bookmarked: false },
    })
    const shown = await api.call('GET', `/posts/${answer.body.id}`)
    expect(shown.body).toEqual(answer.body)
  })

  test('refuses what is no post', async () => {
    const photo = String(await api.network.photo(anna.id))
    const { token } = anna
    const many = Array.from({ length: 11 }, () => photo)
    for (const [body, status, code] of [
      [{ caption: 'x', media: [] }, 422, 'MEDIA_COUNT_WRONG'],
      [{ media: many }, 422, 'MEDIA_COUNT_WRONG'],
      [{ media: [photo, photo] }, 422, 'MEDIA_REPEATED'],
      [{ media: ['999'] }, 404, 'MEDIA_NOT_FOUND'],
      [{ media: ['9999999999'] }, 404, 'MEDIA_NOT_FOUND'],
      [{ media: [photo], caption: 'x'.repeat(2_201) }, 422, 'TEXT_TOO_LONG'],
      [{ media: [photo], caption: 'a\u0007' }, 422, 'TEXT_INVALID'],
      [{ caption: 'x' }, 400, 'REQUEST_INVALID'],
      [{ media: photo }, 400, 'REQUEST_INVALID'],
      [{ media: [Number(photo)] }, 400, 'REQUEST_INVALID'],
      [{ media: ['-1'] }, 400, 'REQUEST_INVALID'],
      [{ media: ['1e3'] }, 400, 'REQUEST_INVALID'],
      [{ media: Array.from({ length: 101 }, () => photo) }, 400, 'REQUEST_INVALID'],
    ] as const) {
      expectError(await api.call('POST', '/posts', { token, body }), status, code)
    }
    const body = { media: [photo] }
    expectError(await api.call('POST', '/posts', { body }), 401, 'TOKEN_MISSING')
    const { token: other } = ben
    expectError(await api.call('POST', '/posts', { token: other, body }), 404, 'MEDIA_NOT_FOUND')
    expect((await api.call('POST', '/posts', { token, body })).status).toBe(201)
    expectError(await api.call('POST', '/posts', { token, body }), 409, 'MEDIA_ATTACHED')
  })

  test('the same key publishes once, and belongs to one user', async () => {
    const { token } = anna
    const media = [String(await api.network.photo(anna.id))]
    const headers = { 'idempotency-key': 'a-key' }
    const asking = { token, body: { caption: 'once', media }, headers }
    const first = await api.call('POST', '/posts', asking)
    const second = await api.call('POST', '/posts', asking)
    expect(second.status).toBe(201)
    expect(second.body).toEqual(first.body)
    const other = await publish(ben, 'mine', 'a-key')
    expect(other.status).toBe(201)
    expect(other.body.id).not.toBe(first.body.id)
    await api.call('DELETE', `/posts/${first.body.id}`, { token })
    expectError(await api.call('POST', '/posts', asking), 404, 'POST_NOT_FOUND')
    for (const key of ['', 'a b', 'x'.repeat(129), 'ä']) {
      expectError(await publish(anna, 'x', key), 400, 'IDEMPOTENCY_KEY_INVALID')
    }
  })
})

describe('one post', () => {
  test('that is none is not found, and an id that is none is refused', async () => {
    for (const id of ['999', '4294967295', '9999999999']) {
      expectError(await api.call('GET', `/posts/${id}`), 404, 'POST_NOT_FOUND')
    }
    for (const id of ['0', '-1', 'x', '1.5', '01', '%20', '1e1', '12345678901']) {
      expectError(await api.call('GET', `/posts/${id}`), 400, 'REQUEST_INVALID')
    }
  })

  test('is liked and unliked, and says so to whoever did', async () => {
    const { id } = (await publish(anna)).body
    const path = `/posts/${id}/like`
    for (let time = 0; time < 2; time++) {
      const liked = await api.call('PUT', path, { token: ben.token })
      expect(liked).toMatchObject({ status: 200, body: { likes: 1, viewer: { liked: true } } })
    }
    const seen = await api.call('GET', `/posts/${id}`, { token: anna.token })
    expect(seen.body).toMatchObject({ likes: 1, viewer: { liked: false } })
    for (let time = 0; time < 2; time++) {
      const unliked = await api.call('DELETE', path, { token: ben.token })
      expect(unliked).toMatchObject({ status: 200, body: { likes: 0, viewer: { liked: false } } })
    }
    expectError(await api.call('PUT', path), 401, 'TOKEN_MISSING')
    expectError(
      await api.call('PUT', '/posts/999/like', { token: anna.token }),
      404,
      'POST_NOT_FOUND',
    )
    expectError(
      await api.call('PUT', '/posts/x/like', { token: anna.token }),
      400,
      'REQUEST_INVALID',
    )
  })

  test('is deleted by its author and by nobody else', async () => {
    const { id, media } = (await publish(anna)).body
    const path = `/posts/${id}`
    expectError(await api.call('DELETE', path), 401, 'TOKEN_MISSING')
    expectError(await api.call('DELETE', path, { token: ben.token }), 403, 'NOT_YOURS')
    // Some clients send a content type with every request.
    const headers = { 'content-type': 'application/json' }
    const gone = await api.call('DELETE', path, { token: anna.token, headers })
    expect(gone).toMatchObject({ status: 204, body: '' })
    for (const method of ['GET', 'DELETE']) {
      const answer = await api.call(method, path, { token: anna.token })
      expectError(answer, 404, 'POST_NOT_FOUND')
    }
    expectError(await api.call('GET', `${path}/comments`), 404, 'POST_NOT_FOUND')
    expectError(await api.call('GET', `/media/${media[0].id}`), 404, 'MEDIA_NOT_FOUND')
    expectError(await api.call('GET', `/${media[0].url}`), 404, 'MEDIA_NOT_FOUND')
  })
})

describe('timelines', () => {
  test('home and a user’s posts are paged newest first, without a gap', async () => {
    const cleo = await api.signUp('cleo')
    const dora = await api.signUp('dora')
    expect((await api.call('GET', '/feed', { token: cleo.token })).body).toEqual({
      items: [],
      next: null,
    })
    const ids: string[] = []
    for (let index = 0; index < 7; index++) {
      ids.unshift((await publish(index % 2 === 0 ? cleo : dora, `post ${index}`)).body.id)
    }
    await api.call('PUT', '/users/dora/follow', { token: cleo.token })
    const found: string[] = []
    let before = ''
    for (;;) {
      const answer = await api.call('GET', `/feed?limit=3${before}`, { token: cleo.token })
      found.push(...idsOf(answer))
      if (answer.body.next === null) break
      expect(answer.body.items).toHaveLength(3)
      before = `&before=${answer.body.next}`
      // What is published meanwhile is on the first page, not on this one.
      await publish(dora)
    }
    expect(found).toEqual(ids)
    const own = await api.call('GET', '/users/cleo/posts?limit=4')
    expect(idsOf(own)).toEqual(ids.filter((_, index) => index % 2 === 0))
    expect(own.body.next).toBeNull()
    const [first] = idsOf(await api.call('GET', '/users/cleo/posts?limit=1'))
    expect(first).toBe(ids[0])
  })

  test('home is for users, and pages have bounds', async () => {
    expectError(await api.call('GET', '/feed'), 401, 'TOKEN_MISSING')
    for (const query of ['limit=0', 'limit=51', 'limit=1.5', 'before=x', 'before=0']) {
      const answer = await api.call('GET', `/feed?${query}`, { token: anna.token })
      expectError(answer, 400, 'REQUEST_INVALID')
    }
    expectError(await api.call('GET', '/users/nobody/posts'), 404, 'USER_NOT_FOUND')
    const far = await api.call('GET', '/feed?before=4294967294', { token: anna.token })
    expect(far.status).toBe(200)
  })
})
