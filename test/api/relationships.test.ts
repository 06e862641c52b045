// Routes of follows, requests, blocks and mutes, and the lists of people.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Api, expectError } from '../support/api.ts'
import type { Answer } from '../support/api.ts'

type Person = Awaited<ReturnType<Api['signUp']>>

let api: Api
let anna: Person
let ben: Person

beforeEach(async () => {
  api = await Api.create()
  anna = await api.signUp('anna')
  ben = await api.signUp('Ben_9')
})
afterEach(() => api[Symbol.asyncDispose]())

const call = (person: Person | undefined, method: string, path: string): Promise<Answer> =>
  api.call(method, path, { token: person?.token })

const makePrivate = (person: Person, value = true): Promise<Answer> =>
  api.call('PATCH', '/me', { token: person.token, body: { private: value } })

const NOTHING = {
  following: false,
  followed_by: false,
  requested: false,
  blocked: false,
  muted: false,
}

async function handlesOf(person: Person | undefined, path: string): Promise<string[]> {
  const { status, body } = await call(person, 'GET', path)
  expect(status).toBe(200)
  return body.items.map(({ handle }: { handle: string }) => handle)
}

describe('follows', () => {
  test('are seen by both, counted once, and undone', async () => {
    for (let time = 0; time < 2; time++) {
      const answer = await call(anna, 'PUT', '/users/ben_9/follow')
      expect(answer).toMatchObject({
        status: 200,
        body: { handle: 'Ben_9', followers: 1, viewer: { ...NOTHING, following: true } },
      })
      expect(answer.headers['x-shashin-lsn']).toMatch(/^\d+$/)
    }
    const seen = await call(ben, 'GET', '/users/anna')
    expect(seen.body).toMatchObject({ following: 1, viewer: { ...NOTHING, followed_by: true } })
    for (let time = 0; time < 2; time++) {
      const answer = await call(anna, 'DELETE', '/users/ben_9/follow')
      expect(answer).toMatchObject({ status: 200, body: { followers: 0, viewer: NOTHING } })
    }
  })

  test('are ended by who is followed, too', async () => {
    await call(anna, 'PUT', '/users/ben_9/follow')
    for (let time = 0; time < 2; time++) {
      const answer = await call(ben, 'DELETE', '/followers/ANNA')
      expect(answer).toMatchObject({ status: 200, body: { handle: 'anna', viewer: NOTHING } })
    }
    expect(await handlesOf(ben, '/users/ben_9/followers')).toEqual([])
  })

  test('are listed page by page, newest first', async () => {
    const fans: string[] = []
    for (let index = 0; index < 5; index++) {
      const fan = await api.signUp(`fan${index}`)
      await call(fan, 'PUT', '/users/anna/follow')
      fans.unshift(fan.handle)
    }
    const handles: string[] = []
    let path = '/users/anna/followers?limit=2'
    for (let pages = 1; ; pages++) {
      const { status, body } = await call(undefined, 'GET', path)
      expect(status).toBe(200)
      handles.push(...body.items.map(({ handle }: { handle: string }) => handle))
      expect(body.next === null).toBe(pages === 3)
      if (body.next === null) break
      path = `/users/anna/followers?limit=2&before=${body.next}`
    }
    expect(handles).toEqual(fans)
    const following = await call(undefined, 'GET', '/users/fan0/following')
    expect(following.body).toMatchObject({ items: [{ handle: 'anna' }], next: null })
    for (const list of ['/users/anna/followers', '/follow-requests', '/blocks', '/mutes']) {
      for (const query of ['limit=0', 'limit=51', 'limit=x', 'limit=1&limit=2', 'before=-1']) {
        expectError(await call(anna, 'GET', `${list}?${query}`), 400, 'REQUEST_INVALID')
      }
    }
    expectError(await call(undefined, 'GET', '/users/nobody/followers'), 404, 'USER_NOT_FOUND')
  })
})

describe('requests', () => {
  test('wait until they are granted', async () => {
    await makePrivate(ben)
    for (let time = 0; time < 2; time++) {
      const asked = await call(anna, 'PUT', '/users/ben_9/follow')
      expect(asked).toMatchObject({
        status: 200,
        body: { followers: 0, private: true, viewer: { ...NOTHING, requested: true } },
      })
    }
    expect(await handlesOf(ben, '/follow-requests')).toEqual(['anna'])
    expect(await handlesOf(anna, '/follow-requests')).toEqual([])
    expect((await call(ben, 'GET', '/me')).body).toMatchObject({ follow_requests: 1 })
    expect(await handlesOf(anna, '/users/ben_9/followers')).toEqual([])
    const { id } = (await api.call('GET', '/users/anna')).body
    for (let time = 0; time < 2; time++) {
      const granted = await call(ben, 'PUT', '/follow-requests/anna')
      expect(granted).toMatchObject({ status: 200, body: { id, viewer: { followed_by: true } } })
    }
    expect((await call(ben, 'GET', '/me')).body).toMatchObject({ follow_requests: 0, followers: 1 })
    expect(await handlesOf(anna, '/users/ben_9/followers')).toEqual(['anna'])
    expect(await handlesOf(undefined, '/users/ben_9/followers')).toEqual([])
  })

  test('are refused, withdrawn, and granted by going public', async () => {
    await makePrivate(ben)
    await call(anna, 'PUT', '/users/ben_9/follow')
    for (let time = 0; time < 2; time++) {
      const refused = await call(ben, 'DELETE', '/follow-requests/anna')
      expect(refused).toMatchObject({ status: 200, body: { viewer: NOTHING } })
    }
    const missing = await call(ben, 'PUT', '/follow-requests/anna')
    expectError(missing, 404, 'REQUEST_NOT_FOUND')
    await call(anna, 'PUT', '/users/ben_9/follow')
    const withdrawn = await call(anna, 'DELETE', '/users/ben_9/follow')
    expect(withdrawn).toMatchObject({ status: 200, body: { viewer: NOTHING } })
    await call(anna, 'PUT', '/users/ben_9/follow')
    await makePrivate(ben, false)
    const seen = await call(anna, 'GET', '/users/ben_9')
    expect(seen.body).toMatchObject({ followers: 1, viewer: { ...NOTHING, following: true } })
  })
})

describe('blocks', () => {
  test('end all there was, and hide who blocks from who is blocked', async () => {
    const post = await api.network.post(anna.id)
    const theirs = await api.network.post(ben.id)
    await call(anna, 'PUT', '/users/ben_9/follow')
    await call(ben, 'PUT', '/users/anna/follow')
    for (let time = 0; time < 2; time++) {
      const blocked = await call(anna, 'PUT', '/users/ben_9/block')
      expect(blocked).toMatchObject({
        status: 200,
        body: { followers: 0, following: 0, viewer: { ...NOTHING, blocked: true } },
      })
    }
    expect(await handlesOf(anna, '/blocks')).toEqual(['Ben_9'])
    expect(await handlesOf(ben, '/blocks')).toEqual([])
    // Who has blocked is not there; who is blocked is, and nothing that they publish.
    for (const [method, path] of [
      ['GET', '/users/anna'],
      ['GET', '/users/anna/posts'],
      ['GET', '/users/anna/followers'],
      ['PUT', '/users/anna/follow'],
      ['PUT', '/users/anna/block'],
      ['PUT', '/users/anna/mute'],
    ] as const) {
      expectError(await call(ben, method, path), 404, 'USER_NOT_FOUND')
    }
    expectError(await call(ben, 'GET', `/posts/${post}`), 404, 'POST_NOT_FOUND')
    expectError(await call(ben, 'PUT', `/posts/${post}/like`), 404, 'POST_NOT_FOUND')
    expectError(await call(anna, 'GET', `/posts/${theirs}`), 404, 'POST_NOT_FOUND')
    const seen = await call(anna, 'GET', '/users/ben_9')
    expect(seen).toMatchObject({ status: 200, body: { viewer: { blocked: true } } })
    expect((await call(anna, 'GET', '/users/ben_9/posts')).body.items).toEqual([])
    expectError(await call(anna, 'PUT', '/users/ben_9/follow'), 409, 'USER_BLOCKED')

    for (let time = 0; time < 2; time++) {
      const answer = await call(anna, 'DELETE', '/users/ben_9/block')
      expect(answer).toMatchObject({ status: 200, body: { viewer: NOTHING } })
    }
    expect((await call(ben, 'GET', '/users/anna')).body).toMatchObject({ viewer: NOTHING })
  })
})

describe('mutes', () => {
  test('are known to who mutes alone', async () => {
    await call(anna, 'PUT', '/users/ben_9/follow')
    for (let time = 0; time < 2; time++) {
      const answer = await call(anna, 'PUT', '/users/ben_9/mute')
      expect(answer).toMatchObject({
        status: 200,
        body: { viewer: { ...NOTHING, following: true, muted: true } },
      })
    }
    expect(await handlesOf(anna, '/mutes')).toEqual(['Ben_9'])
    const seen = await call(ben, 'GET', '/users/anna')
    expect(seen.body.viewer).toEqual({ ...NOTHING, followed_by: true })
    for (let time = 0; time < 2; time++) {
      const answer = await call(anna, 'DELETE', '/users/ben_9/mute')
      expect(answer.body.viewer).toEqual({ ...NOTHING, following: true })
    }
    expect(await handlesOf(anna, '/mutes')).toEqual([])
  })
})

describe('all of them', () => {
  const ways = [
    ['PUT', '/users/HANDLE/follow', 'FOLLOW_SELF'],
    ['DELETE', '/users/HANDLE/follow', undefined],
    ['PUT', '/users/HANDLE/block', 'BLOCK_SELF'],
    ['DELETE', '/users/HANDLE/block', undefined],
    ['PUT', '/users/HANDLE/mute', 'MUTE_SELF'],
    ['DELETE', '/users/HANDLE/mute', undefined],
    ['DELETE', '/followers/HANDLE', undefined],
    ['DELETE', '/follow-requests/HANDLE', undefined],
  ] as const

  test('refuse oneself, nobody, and the nameless', async () => {
    for (const [method, path, code] of ways) {
      const at = (handle: string): string => path.replace('HANDLE', handle)
      const self = await call(anna, method, at('anna'))
      if (code === undefined) expect(self).toMatchObject({ status: 200, body: { viewer: NOTHING } })
      else expectError(self, 422, code)
      expectError(await call(anna, method, at('nobody')), 404, 'USER_NOT_FOUND')
      expectError(await call(anna, method, at('%00')), 404, 'USER_NOT_FOUND')
      expectError(await call(undefined, method, at('anna')), 401, 'TOKEN_MISSING')
    }
    for (const list of ['/follow-requests', '/blocks', '/mutes']) {
      expectError(await call(undefined, 'GET', list), 401, 'TOKEN_MISSING')
    }
  })
})
