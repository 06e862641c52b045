// Routes that change a post: who sees it and who comments, its text and history, its photos'
// descriptions.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Api, expectError } from '../support/api.ts'
import { NOON } from '../support/network.ts'
import type { Answer } from '../support/api.ts'

let api: Api
let anna: { id: number; token: string }
let ben: { id: number; token: string }

beforeAll(async () => {
  api = await Api.create()
  anna = await api.signUp('anna')
  ben = await api.signUp('ben')
})
afterAll(() => api[Symbol.asyncDispose]())

async function publish(more: object = {}): Promise<Answer> {
  const media = [String(await api.network.photo(anna.id))]
  const body = { caption: 'Hello', media, ...more }
  return api.call('POST', '/posts', { token: anna.token, body })
}

function patch(path: string, body: unknown, { token } = anna): Promise<Answer> {
  return api.call('PATCH', path, { token, body })
}

describe('publishing', () => {
  test('takes an audience, and photos with what is said of them', async () => {
    const photos = [await api.network.photo(anna.id), await api.network.photo(anna.id)]
    const answer = await publish({
      caption: 'With @Ben, @nobody and @anna. #Sea #夏 #sea',
      media: [String(photos[0]), { id: String(photos[1]), alt: 'A gull', focus: [0.25, -1] }],
      visibility: 'followers',
      commenters: 'nobody',
    })
    expect(answer.status, JSON.stringify(answer.body)).toBe(201)
    expect(answer.body).toMatchObject({
      visibility: 'followers',
      commenters: 'nobody',
      mentions: [
        { id: String(ben.id), handle: 'ben' },
        { id: String(anna.id), handle: 'anna' },
      ],
      tags: ['Sea', '夏'],
      media: [
        { alt: '', focus: [0, 0] },
        { id: String(photos[1]), alt: 'A gull', focus: [0.25, -1] },
      ],
      edited_at: null,
      removed: false,
      removal: null,
    })
    const path = `/posts/${answer.body.id}`
    expectError(await api.call('GET', path, { token: ben.token }), 404, 'POST_NOT_FOUND')
  })

  test('takes nothing else, and nothing in the name of others', async () => {
    for (const wrong of [
      { visibility: 'friends' },
      { visibility: '' },
      { commenters: 'some' },
      { media: [{ alt: 'x' }] },
      { media: [{ id: '1', focus: [0] }] },
      { media: [{ id: '1', focus: [2, 0] }] },
      { media: [{ id: '1', focus: [0, 0, 0] }] },
      { media: [{ id: '1', focus: ['0', 0] }] },
      { media: [{ id: '1', alt: 1 }] },
    ]) {
      expectError(await publish(wrong), 400, 'REQUEST_INVALID')
    }
    const answer = await publish({ author: ben.id, user: ben.id, mentions: [1], isGone: true })
    expect(answer).toMatchObject({ status: 201, body: { author: { handle: 'anna' } } })
    const { id } = answer.body
    const change = { caption: 'x', user: ben.id, post: 1, author: ben.id }
    expectError(await patch(`/posts/${id}`, change, ben), 403, 'NOT_YOURS')
    expect((await patch(`/posts/${id}`, change)).body).toMatchObject({ id, caption: 'x' })
  })
})

describe('a post', () => {
  test('is edited by its author, and shows that it was', async () => {
    const { id } = (await publish({ caption: 'Sae #a' })).body
    api.network.clock.time = NOON + 60_000
    const path = `/posts/${id}`
    const edited = await patch(path, { caption: 'Sea #b @ben' })
    expect(edited.headers['x-shashin-lsn']).toMatch(/^\d+$/)
    expect(edited).toMatchObject({
      status: 200,
      body: {
        caption: 'Sea #b @ben',
        tags: ['b'],
        mentions: [{ handle: 'ben' }],
        edited_at: new Date(NOON + 60_000).toISOString(),
        created_at: new Date(NOON).toISOString(),
      },
    })
    expect((await api.call('GET', path, { token: anna.token })).body).toEqual(edited.body)
    const history = await api.call('GET', `${path}/history`)
    expect(history).toMatchObject({
      status: 200,
      body: {
        items: [
          { caption: 'Sea #b @ben', created_at: new Date(NOON + 60_000).toISOString() },
          { caption: 'Sae #a', created_at: new Date(NOON).toISOString() },
        ],
        next: null,
      },
    })
    const hidden = await patch(path, { visibility: 'private' })
    expect(hidden.body).toMatchObject({ visibility: 'private', caption: 'Sea #b @ben' })
    expectError(await api.call('GET', `${path}/history`), 404, 'POST_NOT_FOUND')
    const own = await api.call('GET', `${path}/history`, { token: anna.token })
    expect(own.body.items).toHaveLength(2)
  })

  test('is edited within its rules', async () => {
    const { id } = (await publish()).body
    const path = `/posts/${id}`
    expectError(await api.call('PATCH', path, { body: {} }), 401, 'TOKEN_MISSING')
    expectError(await patch(path, { caption: 'x' }, ben), 403, 'NOT_YOURS')
    expectError(await patch('/posts/999', { caption: 'x' }), 404, 'POST_NOT_FOUND')
    expectError(await patch(path, { caption: 'x'.repeat(2_201) }), 422, 'TEXT_TOO_LONG')
    expectError(await patch(path, { caption: 1 }), 400, 'REQUEST_INVALID')
    expectError(await patch(path, { visibility: 'all' }), 400, 'REQUEST_INVALID')
    expectError(await patch(path, []), 400, 'REQUEST_INVALID')
    expect((await patch(path, {})).body).toMatchObject({ edited_at: null })
    await api.network.run('removePost', { post: Number(id), moderator: 0, reason: 'No' })
    expectError(await patch(path, { caption: 'x' }), 409, 'POST_REMOVED')
    const seen = await api.call('GET', path, { token: anna.token })
    expect(seen.body).toMatchObject({ removed: true, removal: 'No', caption: 'Hello' })
  })

  test('that is a comment has its text edited by either name', async () => {
    const post = (await publish({ visibility: 'followers', commenters: 'followers' })).body
    const said = await api.call('POST', `/posts/${post.id}/comments`, {
      token: anna.token,
      body: { text: 'Oh #sea' },
    })
    const path = `/posts/${said.body.id}`
    const edited = await patch(path, { text: 'Ah #sea' })
    expect(edited.body).toMatchObject({
      caption: 'Ah #sea',
      tags: [],
      visibility: 'followers',
      commenters: 'followers',
    })
    expect((await patch(path, { caption: 'Eh' })).body).toMatchObject({ caption: 'Eh' })
    expectError(await patch(path, { text: '' }), 422, 'TEXT_EMPTY')
    expectError(await patch(path, { visibility: 'private' }), 422, 'POST_UNFIT')
    // A comment says what its thread says.
    await patch(`/posts/${post.id}`, { commenters: 'nobody' })
    const seen = await api.call('GET', path, { token: anna.token })
    expect(seen.body).toMatchObject({ commenters: 'nobody' })
  })

  test('names those whom it mentions as long as they are there', async () => {
    const dora = await api.signUp('dora')
    const { id } = (await publish({ caption: 'Hi @dora' })).body
    const mentions = async (): Promise<unknown> =>
      (await api.call('GET', `/posts/${id}`)).body.mentions
    expect(await mentions()).toEqual([{ id: String(dora.id), handle: 'dora' }])
    await api.network.run('suspendUser', { user: dora.id, moderator: 0, reason: 'Spam' })
    expect(await mentions()).toEqual([])
    await api.network.run('liftSuspension', { user: dora.id, moderator: 0 })
    expect(await mentions()).toHaveLength(1)
  })
})

describe('a photo', () => {
  test('is described by its owner, and its posts show that at once', async () => {
    const post = (await publish()).body
    const [{ id }] = post.media
    const path = `/media/${id}`
    const described = await patch(path, { alt: ' A boat ', focus: [-1, 0.5], owner: 2, user: 2 })
    expect(described).toMatchObject({ status: 200, body: { alt: 'A boat', focus: [-1, 0.5] } })
    expect((await patch(path, { focus: [0, 0] })).body).toMatchObject({ alt: 'A boat' })
    const shown = await api.call('GET', `/posts/${post.id}`)
    expect(shown.body.media).toMatchObject([{ id, alt: 'A boat', focus: [0, 0] }])
    expectError(await patch(path, { alt: 'x' }, ben), 403, 'NOT_YOURS')
    expectError(await patch('/media/999', { alt: 'x' }), 404, 'MEDIA_NOT_FOUND')
    expectError(await patch(path, { alt: 'x'.repeat(1_501) }), 422, 'TEXT_TOO_LONG')
    expectError(await patch(path, { focus: [1.1, 0] }), 400, 'REQUEST_INVALID')
    expectError(await patch(path, { focus: '0,0' }), 400, 'REQUEST_INVALID')
    expectError(await api.call('PATCH', path, { body: {} }), 401, 'TOKEN_MISSING')
    const kept = await api.call('DELETE', path, { token: anna.token })
    expectError(kept, 409, 'MEDIA_ATTACHED')
  })

  test('that waits is listed to its owner', async () => {
    const cleo = await api.signUp('cleo')
    const { token } = cleo
    const ids = [await api.network.photo(cleo.id), await api.network.photo(cleo.id)]
    const first = await api.call('GET', '/media?limit=1', { token })
    expect(first).toMatchObject({
      status: 200,
      body: { items: [{ id: String(ids[1]), alt: '', focus: [0, 0] }], next: String(ids[1]) },
    })
    const second = await api.call('GET', `/media?before=${first.body.next}`, { token })
    expect(second.body).toMatchObject({ items: [{ id: String(ids[0]) }], next: null })
    await api.call('POST', '/posts', { token, body: { media: [String(ids[0])] } })
    const rest = await api.call('GET', '/media', { token })
    expect(rest.body).toMatchObject({ items: [{ id: String(ids[1]) }], next: null })
    expectError(await api.call('GET', '/media'), 401, 'TOKEN_MISSING')
  })

  test('is deleted while it waits', async () => {
    const path = `/media/${await api.network.photo(anna.id)}`
    expectError(await api.call('DELETE', path, { token: ben.token }), 404, 'MEDIA_NOT_FOUND')
    expectError(await api.call('DELETE', path), 401, 'TOKEN_MISSING')
    const gone = await api.call('DELETE', path, { token: anna.token })
    expect(gone).toMatchObject({ status: 204, body: '' })
    expectError(await api.call('GET', path, { token: anna.token }), 404, 'MEDIA_NOT_FOUND')
  })
})
