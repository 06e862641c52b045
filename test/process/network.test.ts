// The network once as its users meet it: a real socket, a real JPEG, a server that is killed and
// comes back. What it answered before the kill it answers after it, byte for byte.

import { expect, test } from 'vitest'
import { PREFIX } from '../../src/api/app.ts'
import { cameraJpeg } from '../support/pictures.ts'
import { Programs } from '../support/program.ts'

// oxlint-disable-next-line typescript/no-explicit-any -- what it holds is what the test is about
type Loose = any

class Person {
  readonly handle: string
  readonly password: string
  token: string
  url: string

  constructor(handle: string, url: string) {
    this.handle = handle
    this.password = `password of ${handle}`
    this.token = ''
    this.url = url
  }

  /** A body that is a form or to become JSON. */
  async call(method: string, path: string, body?: FormData | object): Promise<Loose> {
    const isForm = body instanceof FormData
    const response = await fetch(this.url + PREFIX + path, {
      method,
      headers: {
        ...(this.token === '' ? {} : { authorization: `Bearer ${this.token}` }),
        ...(body === undefined || isForm ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
    })
    const answer = (await response.json()) as Loose
    expect(response.ok, `${method} ${path}: ${JSON.stringify(answer)}`).toBe(true)
    return answer
  }

  async signUp(): Promise<void> {
    const { handle, password } = this
    const { token } = await this.call('POST', '/users', { handle, password, name: `Ms ${handle}` })
    this.token = token
  }

  async logIn(): Promise<void> {
    this.token = ''
    const { handle, password } = this
    const { token } = await this.call('POST', '/sessions', { handle, password })
    this.token = token
  }
}

test('a small network lives through a kill, photos and all', async () => {
  await using programs = await Programs.create()
  const server = await programs.serve(['--log-level', 'silent'])
  const [hanako, jiro] = [new Person('hanako', server.url), new Person('jiro', server.url)]
  await hanako.signUp()
  await hanako.logIn()
  await jiro.signUp()

  const form = new FormData()
  form.append(
    'file',
    new Blob([new Uint8Array(await cameraJpeg())], { type: 'image/jpeg' }),
    'fuji.jpg',
  )
  const media = await hanako.call('POST', '/media', form)
  expect(media).toMatchObject({ width: 480, height: 640, content_type: 'image/webp' })
  const post = await hanako.call('POST', '/posts', { caption: 'Mt. Fuji #fuji', media: [media.id] })
  const comments = `/posts/${post.id}/comments`
  const first = await jiro.call('POST', comments, { text: 'Beautiful!' })
  const second = await hanako.call('POST', comments, { text: 'Thank you', parent: first.id })
  const third = await jiro.call('POST', comments, { text: 'どういたしまして', parent: second.id })
  expect([first.depth, second.depth, third.depth]).toEqual([1, 2, 3])
  await jiro.call('PUT', `/posts/${post.id}/like`)
  await hanako.call('PUT', `/posts/${first.id}/like`)
  await jiro.call('PUT', '/users/hanako/follow')

  const look = async (): Promise<Loose> => ({
    feed: await jiro.call('GET', '/feed'),
    profile: await jiro.call('GET', '/users/hanako'),
    post: await hanako.call('GET', `/posts/${post.id}`),
    thread: await hanako.call('GET', comments),
    deeper: await hanako.call('GET', `${comments}?parent=${second.id}`),
    me: await hanako.call('GET', '/me'),
    followers: await hanako.call('GET', '/users/hanako/followers'),
  })
  const bytesOf = async (): Promise<Buffer> => {
    const response = await fetch(jiro.url + media.url)
    expect(response.headers.get('content-type')).toBe('image/webp')
    return Buffer.from(await response.arrayBuffer())
  }
  const [before, photo] = [await look(), await bytesOf()]
  expect(photo.length).toBe(media.size)
  expect(photo.toString('latin1', 8, 12)).toBe('WEBP')
  expect(before.feed).toMatchObject({
    items: [
      { id: post.id, likes: 1, comments: 3, viewer: { liked: true }, media: [{ id: media.id }] },
    ],
    next: null,
  })
  expect(before.profile).toMatchObject({ posts: 1, followers: 1, viewer: { following: true } })
  expect(before.thread.items).toMatchObject([{ id: first.id, likes: 1, child_count: 1 }])
  expect(before.deeper.items).toMatchObject([{ id: third.id, text: 'どういたしまして' }])

  server.kill('SIGKILL')
  await server.end
  const again = await programs.serve(['--log-level', 'silent'])
  expect(again.stderr).toContain('no snapshot')
  hanako.url = jiro.url = again.url
  expect(await look()).toEqual(before)
  expect((await bytesOf()).equals(photo)).toBe(true)

  // And once more, from a snapshot.
  again.kill('SIGUSR2')
  await again.says('is taken')
  again.kill('SIGKILL')
  await again.end
  const last = await programs.serve(['--log-level', 'silent'])
  expect(last.stderr).toContain(', 0 transactions replayed')
  hanako.url = jiro.url = last.url
  expect(await look()).toEqual(before)
  expect((await bytesOf()).equals(photo)).toBe(true)
  await jiro.logIn()
  expect(await look()).toEqual(before)
})
