// Routes of photos: a real JPEG through the whole pipeline, its bytes back, and what is no photo.

import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { UPLOAD_SIZE_MAX } from '../../src/media/photo-limits.ts'
import { Api, expectError } from '../support/api.ts'
import { cameraJpeg, formOf, picture, plainPng } from '../support/pictures.ts'
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

function upload(bytes: Uint8Array, headers: Record<string, string> = {}): Promise<Answer> {
  const form = formOf(bytes)
  return api.call('POST', '/media', {
    token: anna.token,
    payload: form.payload,
    headers: { ...form.headers, ...headers },
  })
}

/** Files that lie in the directory for what is on its way. */
function incoming(): Promise<string[]> {
  return readdir(join(api.network.path, 'data', 'media', 'incoming'))
}

describe('a photo', () => {
  test('is uploaded, posted and served: upright, small, no trace of its camera', async () => {
    const bytes = await cameraJpeg(2400, 1800)
    const uploaded = await upload(bytes)
    expect(uploaded.status, JSON.stringify(uploaded.body)).toBe(201)
    expect(uploaded.headers['x-shashin-lsn']).toMatch(/^\d+$/)
    // It lay on its side.
    expect(uploaded.body).toMatchObject({ width: 1200, height: 1600, content_type: 'image/webp' })
    const { id, url } = uploaded.body

    const post = await api.call('POST', '/posts', { token: anna.token, body: { media: [id] } })
    expect(post.status).toBe(201)
    expect(post.body.media).toEqual([uploaded.body])

    const served = await api.call('GET', `/${url}`)
    expect(served.status).toBe(200)
    expect(served.headers).toMatchObject({
      'content-type': 'image/webp',
      'content-length': String(uploaded.body.size),
      'cache-control': 'public, max-age=31536000, immutable',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'",
    })
    expect(served.bytes).toHaveLength(uploaded.body.size)
    const metadata = await sharp(served.bytes).metadata()
    expect(metadata).toMatchObject({ format: 'webp', width: 1200, height: 1600 })
    expect(metadata.exif).toBeUndefined()
    expect(metadata.icc).toBeUndefined()
    expect(bytes.includes('SecretCameraMaker')).toBe(true)
    expect(served.bytes.includes('Secret')).toBe(false)

    const etag = served.headers['etag']!
    const again = await api.call('GET', `/${url}`, { headers: { 'if-none-match': etag } })
    expect(again).toMatchObject({ status: 304, body: '' })
    const head = await api.call('HEAD', `/${url}`)
    expect(head.status).toBe(200)
    expect(head.headers['content-length']).toBe(String(uploaded.body.size))
    expect(head.bytes).toHaveLength(0)
    expect(await incoming()).toEqual([])
  })

  test('may be a PNG, a WebP, a GIF or an AVIF, and is never enlarged', async () => {
    for (const format of ['png', 'webp', 'gif', 'avif'] as const) {
      const { status, body } = await upload(await picture(format, 33, 44))
      expect(status, format).toBe(201)
      expect(body).toMatchObject({ width: 33, height: 44, content_type: 'image/webp' })
    }
  })

  test('uploaded twice is two photos of one file; with a key it is one photo', async () => {
    const bytes = await picture('jpeg')
    const first = (await upload(bytes)).body
    const second = (await upload(bytes)).body
    expect(second.url).toBe(first.url)
    expect(second.id).not.toBe(first.id)
    const headers = { 'idempotency-key': 'upload-1' }
    const keyed = (await upload(bytes, headers)).body
    expect((await upload(bytes, headers)).body).toEqual(keyed)
  })

  test('belongs to its owner until a post shows it', async () => {
    const { id, url } = (await upload(await picture('jpeg', 50, 50))).body
    const see = (token?: string): Promise<Answer> => api.call('GET', `/media/${id}`, { token })
    expect(await see(anna.token)).toMatchObject({ status: 200, body: { id, url } })
    expectError(await see(ben.token), 404, 'MEDIA_NOT_FOUND')
    expectError(await see(), 404, 'MEDIA_NOT_FOUND')
    const stolen = await api.call('POST', '/posts', { token: ben.token, body: { media: [id] } })
    expectError(stolen, 404, 'MEDIA_NOT_FOUND')
    await api.call('POST', '/posts', { token: anna.token, body: { media: [id] } })
    expect(await see()).toMatchObject({ status: 200, body: { id } })
  })

  test('is gone from its address when its post is', async () => {
    const { id, url } = (await upload(await picture('jpeg', 51, 51))).body
    const post = await api.call('POST', '/posts', { token: anna.token, body: { media: [id] } })
    expect((await api.call('GET', `/${url}`)).status).toBe(200)
    await api.call('DELETE', `/posts/${post.body.id}`, { token: anna.token })
    expectError(await api.call('GET', `/${url}`), 404, 'MEDIA_NOT_FOUND')
  })
})

test('a file that the disk has lost is an error, and not kept for ever', async () => {
  const { url } = (await upload(await picture('jpeg', 52, 52))).body
  const name = url.slice('/media/'.length)
  await rm(join(api.network.path, 'data', 'media', name.slice(0, 2), name))
  const answer = await api.call('GET', `/${url}`)
  expectError(answer, 500, 'INTERNAL_ERROR')
  expect(answer.headers['cache-control']).toBe('no-store')
  expect(answer.headers['etag']).toBeUndefined()
})

describe('what is no photo', () => {
  test('is refused by what it is, and leaves nothing on the disk', async () => {
    const jpeg = await cameraJpeg()
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    for (const [name, bytes, status, code] of [
      ['a text', Buffer.from('no image at all'), 415, 'IMAGE_UNSUPPORTED'],
      ['nothing', Buffer.alloc(0), 415, 'IMAGE_UNSUPPORTED'],
      ['an SVG', svg, 415, 'IMAGE_UNSUPPORTED'],
      ['a PDF', Buffer.from('%PDF-1.7\n1 0 obj\n'), 415, 'IMAGE_UNSUPPORTED'],
      ['a TIFF', await picture('tiff'), 415, 'IMAGE_UNSUPPORTED'],
      ['half a JPEG', jpeg.subarray(0, jpeg.length >> 1), 422, 'IMAGE_DAMAGED'],
      ['a JPEG of 20 bytes', jpeg.subarray(0, 20), 422, 'IMAGE_DAMAGED'],
      ['half a PNG', (await picture('png')).subarray(0, 20_000), 422, 'IMAGE_DAMAGED'],
      ['half a WebP', (await picture('webp')).subarray(0, 5_000), 422, 'IMAGE_DAMAGED'],
      ['half a GIF', (await picture('gif')).subarray(0, 5_000), 422, 'IMAGE_DAMAGED'],
      ['81 megapixels', await plainPng(9_000, 9_000), 422, 'IMAGE_PIXELS_TOO_MANY'],
    ] as const) {
      const answer = await upload(bytes)
      expect(answer.status, `${name}: ${JSON.stringify(answer.body)}`).toBe(status)
      expectError(answer, status, code)
    }
    expect(await incoming()).toEqual([])
  })

  test('hangs on a photo in vain: the tail of a polyglot is left behind', async () => {
    const bytes = Buffer.concat([await picture('jpeg'), Buffer.from('<script>alert(1)</script>PK')])
    const { status, body } = await upload(bytes)
    expect(status).toBe(201)
    const served = await api.call('GET', `/${body.url}`)
    expect(served.bytes.includes('<script>')).toBe(false)
    expect(served.headers['content-type']).toBe('image/webp')
  })

  test('is too large', async () => {
    const answer = await upload(Buffer.alloc(UPLOAD_SIZE_MAX + 1))
    expectError(answer, 413, 'FILE_TOO_LARGE')
    expect(answer.headers['connection']).toBe('close')
    expect(await incoming()).toEqual([])
  })
})

describe('a form', () => {
  test('without a file in "file" is refused', async () => {
    const { token } = anna
    const bytes = await picture('jpeg', 20, 20)
    const other = formOf(bytes, 'picture')
    expectError(await api.call('POST', '/media', { token, ...other }), 400, 'FILE_MISSING')
    const empty = { ...formOf(bytes), payload: Buffer.from('------shashin-test-boundary--\r\n') }
    expectError(await api.call('POST', '/media', { token, ...empty }), 400, 'FILE_MISSING')
    const json = await api.call('POST', '/media', { token, body: { file: 'x' } })
    expectError(json, 415, 'MEDIA_TYPE_UNSUPPORTED')
    const raw = { headers: { 'content-type': 'image/jpeg' }, payload: bytes }
    const direct = await api.call('POST', '/media', { token, ...raw })
    expectError(direct, 415, 'MEDIA_TYPE_UNSUPPORTED')
    const without = { headers: { 'content-type': 'multipart/form-data' }, payload: 'x' }
    const answer = await api.call('POST', '/media', { token, ...without })
    expectError(answer, 400, 'MULTIPART_INVALID')
  })

  test('that is cut off is refused, and leaves nothing on the disk', async () => {
    const form = formOf(await picture('jpeg'))
    const cut = { ...form, payload: form.payload.subarray(0, 5_000) }
    const answer = await api.call('POST', '/media', { token: anna.token, ...cut })
    expectError(answer, 400, 'MULTIPART_INVALID')
    expect(await incoming()).toEqual([])
  })

  test('of nobody is not looked at', async () => {
    const form = formOf(await picture('jpeg', 20, 20))
    expectError(await api.call('POST', '/media', form), 401, 'TOKEN_MISSING')
  })
})

test('an address that names no file of ours finds nothing', async () => {
  for (const name of [
    `${'0'.repeat(64)}.webp`,
    'x',
    '..%2f..%2flog%2f0000000000000001.log',
    '%2e%2e%2fwatermark',
    'incoming',
    '%00',
  ]) {
    expectError(await api.call('GET', `//media/${name}`), 404, 'MEDIA_NOT_FOUND')
  }
  expectError(await api.call('GET', '/media/999'), 404, 'MEDIA_NOT_FOUND')
  expectError(await api.call('GET', '/media/x'), 400, 'REQUEST_INVALID')
})
