// The export over HTTP: asked for, downloaded as a tar file, and its bounds.

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { Api, expectError } from '../support/api.ts'
import { cameraJpeg, formOf, picture } from '../support/pictures.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import type { Answer } from '../support/api.ts'

function download(api: Api, token: string): Promise<Answer> {
  return api.call('GET', '/me/export/download', { token })
}

async function uploadPhoto(api: Api, token: string, bytes: Buffer): Promise<string> {
  const answer = await api.call('POST', '/media', { token, ...formOf(bytes) })
  expect(answer.status).toBe(201)
  return answer.body.id
}

test('what is downloaded is the account, with its photos as they were uploaded', async () => {
  await using api = await Api.create()
  await using directory = await temporaryDirectory()
  const { token, id } = await api.signUp('anna')
  const originals = [await cameraJpeg(), await picture('png')]
  const ids: string[] = []
  for (const bytes of originals) ids.push(await uploadPhoto(api, token, bytes))
  const body = { caption: 'Höhe', media: ids }
  expect((await api.call('POST', '/posts', { token, body })).status).toBe(201)

  expectError(await api.call('GET', '/me/export', { token }), 404, 'EXPORT_NOT_FOUND')
  expectError(await download(api, token), 404, 'EXPORT_NOT_FOUND')
  const asked = await api.call('POST', '/me/export', { token })
  expect(asked.status).toBe(201)
  expect(asked.headers['x-shashin-lsn']).toMatch(/^\d+$/)
  expect(asked.body).toEqual({
    id: expect.stringMatching(/^\d+$/) as string,
    created_at: '2026-01-02T12:00:00.000Z',
    expires_at: '2026-01-03T12:00:00.000Z',
    downloads_left: 5,
  })

  const answer = await download(api, token)
  expect(answer.status).toBe(200)
  expect(answer.headers).toMatchObject({
    'content-type': 'application/x-tar',
    'content-disposition': 'attachment; filename="shashin-anna-2026-01-02.tar"',
    'cache-control': 'no-store',
  })
  const state = await api.call('GET', '/me/export', { token })
  expect(state.body).toEqual({ ...asked.body, downloads_left: 4 })

  await writeFile(join(directory.path, 'it.tar'), answer.bytes)
  await promisify(execFile)('tar', ['-xf', 'it.tar'], { cwd: directory.path })
  const read = (name: string): Promise<Buffer> => readFile(join(directory.path, name))
  expect((await read('README.txt')).toString()).toContain('account-00001.jsonl')
  const text = (await read('account-00001.jsonl')).toString()
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; text?: string })
  expect(lines[0]).toMatchObject({ type: 'profile', id: String(id), handle: 'anna' })
  expect(lines.find(({ type }) => type === 'post')?.text).toBe('Höhe')
  expect((await readdir(join(directory.path, 'media'))).toSorted()).toEqual([
    `${ids[0]}.jpg`,
    `${ids[1]}.png`,
  ])
  const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
  expect(hashOf(await read(`media/${ids[0]}.jpg`))).toBe(hashOf(originals[0]!))
  expect(hashOf(await read(`media/${ids[1]}.png`))).toBe(hashOf(originals[1]!))
})

test('a large account is several files of lines, in order', async () => {
  await using api = await Api.create()
  await using directory = await temporaryDirectory()
  const { token, id } = await api.signUp('anna')
  for (let count = 0; count < 150; count++) {
    await api.network.post(id, `${count} ${'x'.repeat(2_190)}`)
  }
  await api.call('POST', '/me/export', { token })
  const { bytes } = await download(api, token)
  await writeFile(join(directory.path, 'it.tar'), bytes)
  await promisify(execFile)('tar', ['-xf', 'it.tar'], { cwd: directory.path })
  const names = (await readdir(directory.path)).filter((name) => name.endsWith('.jsonl')).toSorted()
  expect(names.length).toBeGreaterThan(1)
  const texts: string[] = []
  for (const name of names) texts.push(await readFile(join(directory.path, name), 'utf8'))
  const captions = texts
    .join('')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; text: string })
    .filter(({ type }) => type === 'post')
    .map((line) => Number.parseInt(line.text, 10))
  expect(captions).toEqual(Array.from({ length: 150 }, (_, index) => index))
})

test('after as many downloads as there may be it is over for a day', async () => {
  await using api = await Api.create()
  const { token } = await api.signUp('anna')
  await api.call('POST', '/me/export', { token })
  for (let count = 0; count < 5; count++) {
    expect((await download(api, token)).status).toBe(200)
  }
  expectError(await download(api, token), 404, 'EXPORT_NOT_FOUND')
  const again = await api.call('POST', '/me/export', { token })
  expectError(again, 429, 'EXPORT_TOO_SOON')
  expect(again.headers['retry-after']).toBe('3600')
})

test('looking at the headers is no download', async () => {
  await using api = await Api.create()
  const { token } = await api.signUp('anna')
  await api.call('POST', '/me/export', { token })
  const url = '/api/shashin/v1/me/export/download'
  const headers = { authorization: `Bearer ${token}` }
  expect((await api.app.inject({ method: 'HEAD', url, headers })).statusCode).not.toBe(200)
  const state = await api.call('GET', '/me/export', { token })
  expect(state.body.downloads_left).toBe(5)
})

test('few are sent at a time, and who has gone leaves room', async () => {
  const streams: PassThrough[] = []
  await using api = await Api.create(({ media }) => ({
    media: {
      accept: (stream) => media.accept(stream),
      read: () => {
        const stream = new PassThrough()
        streams.push(stream)
        return stream
      },
      sizeOf: async () => 1,
    },
  }))
  const { token, id } = await api.signUp('anna')
  await api.network.photo(id)
  await api.call('POST', '/me/export', { token })
  const underWay = Array.from({ length: 4 }, () => download(api, token))
  while (streams.length < 4) await new Promise((resolve) => setImmediate(resolve))
  const busy = await download(api, token)
  const counted = (await api.call('GET', '/me/export', { token })).body.downloads_left
  for (const stream of streams) stream.end('x')
  expectError(busy, 429, 'EXPORT_BUSY')
  expect(busy.headers['retry-after']).toBe('60')
  // It was not counted either.
  expect(counted).toBe(1)
  for (const answer of await Promise.all(underWay)) expect(answer.status).toBe(200)
  const next = download(api, token)
  while (streams.length < 5) await new Promise((resolve) => setImmediate(resolve))
  streams[4]!.end('x')
  expect((await next).status).toBe(200)
})

test('who reads slowly is read for slowly, and who hangs up is not read for', async () => {
  let reads = 0
  const photo = Buffer.alloc(1_000_000)
  await using api = await Api.create(({ media }) => ({
    media: {
      accept: (stream) => media.accept(stream),
      read: () => {
        reads++
        const stream = new PassThrough()
        stream.end(photo)
        return stream
      },
      sizeOf: async () => photo.length,
    },
  }))
  const { token, id } = await api.signUp('anna')
  const photoCount = 60
  for (let count = 0; count < photoCount; count++) await api.network.photo(id)
  await api.call('POST', '/me/export', { token })
  const address = await api.app.listen({ host: '127.0.0.1', port: 0 })
  const controller = new AbortController()
  const begin = async (): Promise<void> => {
    const response = await fetch(`${address}/api/shashin/v1/me/export/download`, {
      headers: { authorization: `Bearer ${token}` },
      signal: controller.signal,
    })
    expect(response.status).toBe(200)
    await response.body!.getReader().read()
  }
  const atOnceMax = 4
  for (let count = 0; count < atOnceMax; count++) await begin()
  // Nothing is taken any more: all come to rest long before the end.
  let before = -1
  while (before !== reads) {
    before = reads
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
  expect(reads).toBeLessThan((atOnceMax * photoCount) / 2)
  expectError(await download(api, token), 429, 'EXPORT_BUSY')
  controller.abort()
  // Their places are free again as soon as the server has noticed.
  let answer = await download(api, token)
  while (answer.status === 429) {
    await new Promise((resolve) => setImmediate(resolve))
    answer = await download(api, token)
  }
  expect(answer.status).toBe(200)
})

test('nobody downloads what is not theirs', async () => {
  await using api = await Api.create()
  for (const [method, path] of [
    ['POST', '/me/export'],
    ['GET', '/me/export'],
    ['GET', '/me/export/download'],
  ] as const) {
    expectError(await api.call(method, path), 401, 'TOKEN_MISSING')
  }
  const anna = await api.signUp('anna')
  const ben = await api.signUp('ben')
  await api.call('POST', '/me/export', { token: anna.token })
  expectError(await download(api, ben.token), 404, 'EXPORT_NOT_FOUND')
})
