// Log-in by OpenID Connect, at a real provider: the whole way there and back, and what is refused.

import { createServer } from 'node:http'
import { Secret, TOTP } from 'otpauth'
import { expect, test } from 'vitest'
import { buildApp } from '../../src/api/app.ts'
import { users } from '../../src/model/schema.ts'
import { userOfHandle } from '../../src/model/users.ts'
import { Api, expectError } from '../support/api.ts'
import { CLIENT_ID, CLIENT_SECRET, LoopbackProvider, PUBLIC_URL } from '../support/oidc-provider.ts'
import type { ApiParts } from '../../src/api/parts.ts'
import type { Answer } from '../support/api.ts'
import type { AddressInfo } from 'node:net'

/** An API and its provider, and a browser that keeps the cookies of the API. */
class Journey implements AsyncDisposable {
  readonly api: Api
  readonly provider: LoopbackProvider
  cookie: string

  private constructor(api: Api, provider: LoopbackProvider) {
    this.api = api
    this.provider = provider
    this.cookie = ''
  }

  static async start(more: object = {}): Promise<Journey> {
    const provider = await LoopbackProvider.start()
    const { issuer } = provider
    const oidc = { issuer, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, name: 'Loopback' }
    const api = await Api.create(({ settings }) => ({
      settings: { ...settings, publicUrl: PUBLIC_URL, oidc, ...more },
    }))
    return new Journey(api, provider)
  }

  async call(method: string, path: string, asking: Parameters<Api['call']>[2] = {}) {
    const headers = { ...asking.headers, cookie: this.cookie }
    const answer = await this.api.call(method, path, { ...asking, headers })
    const set = answer.headers['set-cookie']
    if (set !== undefined) this.cookie = set.slice(0, set.indexOf(';'))
    return answer
  }

  /** From GET /oidc to where the provider sends the browser, as a path below the prefix. */
  async toProvider(name: string, query = ''): Promise<string> {
    const begun = await this.call('GET', `/oidc${query}`)
    expect(begun.status, JSON.stringify(begun.body)).toBe(303)
    return pathOf(await this.provider.logIn(begun.headers['location']!, name))
  }

  /** All the way to the answer of the callback. */
  async come(name: string, query = ''): Promise<Answer> {
    return this.call('GET', await this.toProvider(name, query))
  }

  async logIn(name: string): Promise<Answer> {
    const came = await this.come(name)
    expect(came.status, JSON.stringify(came.body)).toBe(200)
    return this.call('POST', '/oidc/sessions', { body: {} })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.api[Symbol.asyncDispose]()
    await this.provider[Symbol.asyncDispose]()
  }
}

function pathOf(back: URL): string {
  expect(back.origin).toBe(PUBLIC_URL)
  return back.pathname.replace('/api/shashin/v1', '') + back.search
}

test('who comes for the first time becomes a user, and is the same one the next time', async () => {
  await using journey = await Journey.start()
  const { api, provider } = journey
  provider.people.set('subject-1', {
    preferred_username: 'Änna Müller',
    name: 'Änna Müller',
    email: 'Anna@Example.org',
    email_verified: true,
  })
  const begun = await journey.call('GET', '/oidc')
  const address = new URL(begun.headers['location']!)
  expect(address.origin).toBe(provider.issuer)
  expect(Object.fromEntries(address.searchParams)).toMatchObject({
    response_type: 'code',
    scope: 'openid profile email',
    code_challenge_method: 'S256',
    state: expect.any(String) as string,
    nonce: expect.any(String) as string,
  })
  expect(begun.headers['set-cookie']).toMatch(
    /^shashin-oidc=[\w-]+; Path=\/api\/shashin\/v1\/oidc; Max-Age=900; HttpOnly; SameSite=Lax$/,
  )
  expect(begun.headers['cache-control']).toBe('no-store')

  const came = await journey.come('subject-1')
  expect(came.body).toEqual({ state: 'ready', second_factor: false })
  expect(came.headers['x-shashin-lsn']).toMatch(/^\d+$/)
  const loggedIn = await journey.call('POST', '/oidc/sessions', { body: {} })
  expect(loggedIn.status).toBe(201)
  const { token } = loggedIn.body
  const me = await api.call('GET', '/me', { token })
  expect(me.body).toMatchObject({ handle: 'Anna_Muller', name: 'Änna Müller' })
  const user = Number(me.body.id)
  expect(api.network.view.get(users, user)).toMatchObject({
    email: 'Anna@Example.org',
    emailKey: 'anna@example.org',
    emailConfirmedAt: api.network.clock.time,
    passwordHash: '',
  })

  // The provider calls them something else now: it is the subject that counts.
  provider.people.set('subject-1', { preferred_username: 'somebody' })
  journey.cookie = ''
  api.network.clock.time += 1
  const again = await journey.logIn('subject-1')
  expect((await api.call('GET', '/me', { token: again.body.token })).body.id).toBe(me.body.id)
  const listed = await api.call('GET', '/me/identities', { token })
  expect(listed.body).toEqual({
    items: [
      {
        id: '1',
        issuer: provider.issuer,
        subject: 'subject-1',
        created_at: '2026-01-02T12:00:00.000Z',
      },
    ],
    next: null,
  })
})

test('a browser goes back to the page it came from, with nothing in the address', async () => {
  await using journey = await Journey.start()
  const path = await journey.toProvider('anna', '?back=/p/7%3Fa%3D1')
  const headers = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }
  const came = await journey.call('GET', path, { headers })
  expect(came.status).toBe(303)
  expect(came.headers['location']).toBe('/p/7?a=1#oidc=ready')
  const loggedIn = await journey.call('POST', '/oidc/sessions', { body: {} })
  expect(loggedIn.status).toBe(201)
})

test('a log-in that the browser is to keep sets its cookie, and answers no token', async () => {
  await using journey = await Journey.start()
  await journey.come('anna')
  const headers = { 'sec-fetch-site': 'same-origin', cookie: journey.cookie }
  const asking = { body: { cookie: true }, headers }
  const kept = await journey.api.call('POST', '/oidc/sessions', asking)
  expect(kept.status).toBe(201)
  expect(kept.body).toEqual({})
  expect([kept.headers['set-cookie']].flat().join(' ')).toMatch(/shashin=[\w-]{43};/)
})

test('the way back is a path of this site', async () => {
  await using journey = await Journey.start()
  for (const back of ['https://evil.example', '//evil.example', '/\\evil.example', 'p', '/ä']) {
    const answer = await journey.call('GET', `/oidc?back=${encodeURIComponent(back)}`)
    expectError(answer, 400, 'REQUEST_INVALID')
  }
})

test('the way there and back may lead through other threads', async () => {
  let parts: ApiParts | undefined
  await using provider = await LoopbackProvider.start()
  const { issuer } = provider
  await using first = await Api.create((given) => {
    const oidc = { issuer, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, name: 'Loopback' }
    parts = { ...given, settings: { ...given.settings, publicUrl: PUBLIC_URL, oidc } }
    return parts
  })
  // Apps over one store, as http threads are.
  const [second, third] = [await buildApp(parts!), await buildApp(parts!)]
  const begun = await first.call('GET', '/oidc')
  const cookieOf = (headers: Readonly<Record<string, unknown>>): string =>
    String(headers['set-cookie']).replace(/;.*/, '')
  const back = await provider.logIn(begun.headers['location']!, 'anna')
  const came = await second.inject({
    url: back.pathname + back.search,
    headers: { cookie: cookieOf(begun.headers) },
  })
  expect(came.statusCode).toBe(200)
  const asking = {
    method: 'POST' as const,
    url: '/api/shashin/v1/oidc/sessions',
    headers: { cookie: cookieOf(came.headers) },
    payload: {},
  }
  expect((await third.inject(asking)).statusCode).toBe(201)
  expect((await second.inject(asking)).json()).toMatchObject({ code: 'OIDC_GRANT_INVALID' })
  await second.close()
  await third.close()
})

test('a callback is good once', async () => {
  await using journey = await Journey.start()
  const path = await journey.toProvider('anna')
  const asked = journey.cookie
  expect((await journey.call('GET', path)).status).toBe(200)
  // The browser has lost its cookie; whoever has a copy of it meets the provider.
  expectError(await journey.call('GET', path), 401, 'OIDC_REFUSED')
  journey.cookie = asked
  expectError(await journey.call('GET', path), 401, 'OIDC_REFUSED')
})

test('a callback without our question, or with another, is refused', async () => {
  await using journey = await Journey.start()
  const path = await journey.toProvider('anna')
  const own = journey.cookie
  const other = (await journey.call('GET', '/oidc')).headers['set-cookie']!.split(';')[0]!
  for (const cookie of ['', 'shashin-oidc=', 'shashin-oidc=AAAA', `${own}A`, other]) {
    journey.cookie = cookie
    expectError(await journey.call('GET', path), 401, 'OIDC_REFUSED')
  }
  const wrongState = path.replace(/state=[^&]+/, 'state=of-somebody-else')
  journey.cookie = own
  expectError(await journey.call('GET', wrongState), 401, 'OIDC_REFUSED')
  journey.cookie = own
  expectError(await journey.call('GET', '/oidc/callback'), 401, 'OIDC_REFUSED')
  journey.cookie = own
  const no = await journey.call('GET', '/oidc/callback?error=access_denied')
  expectError(no, 401, 'OIDC_REFUSED')
  expect(journey.api.network.view.rowCount(users)).toBe(0)
})

test('a browser is told by its page what went wrong', async () => {
  await using journey = await Journey.start()
  await journey.call('GET', '/oidc?back=/log-in')
  const headers = { accept: 'text/html' }
  const answer = await journey.call('GET', '/oidc/callback?error=access_denied', { headers })
  expect(answer.status).toBe(303)
  expect(answer.headers['location']).toBe('/log-in#oidc=OIDC_REFUSED')
})

test('a journey that takes too long is over', async () => {
  await using journey = await Journey.start()
  const { clock } = journey.api.network
  const path = await journey.toProvider('anna')
  clock.time += 15 * 60_000 + 1
  expectError(await journey.call('GET', path), 401, 'OIDC_REFUSED')

  await journey.come('anna')
  clock.time += 5 * 60_000 + 1
  const late = await journey.call('POST', '/oidc/sessions', { body: {} })
  expectError(late, 401, 'OIDC_GRANT_INVALID')
})

test('a grant is good once', async () => {
  await using journey = await Journey.start()
  await journey.come('anna')
  const granted = journey.cookie
  expect((await journey.call('POST', '/oidc/sessions', { body: {} })).status).toBe(201)
  for (const cookie of [granted, '', 'shashin-oidc=nonsense']) {
    journey.cookie = cookie
    const again = await journey.call('POST', '/oidc/sessions', { body: {} })
    expectError(again, 401, 'OIDC_GRANT_INVALID')
  }
  // A question is no grant.
  await journey.call('GET', '/oidc')
  const question = await journey.call('POST', '/oidc/sessions', { body: {} })
  expectError(question, 401, 'OIDC_GRANT_INVALID')
})

test('the second factor is asked for here, too', async () => {
  await using journey = await Journey.start()
  const { api } = journey
  const { token } = (await journey.logIn('anna')).body
  const begun = await api.call('POST', '/me/second-factor', { token, body: {} })
  expect(begun.status, JSON.stringify(begun.body)).toBe(201)
  const totp = new TOTP({ secret: Secret.fromBase32(begun.body.secret) })
  const codeNow = () => totp.generate({ timestamp: api.network.clock.time })
  await api.call('PUT', '/me/second-factor', { token, body: { code: codeNow() } })

  api.network.clock.time += 60_000
  const came = await journey.come('anna')
  expect(came.body).toEqual({ state: 'ready', second_factor: true })
  const without = await journey.call('POST', '/oidc/sessions', { body: {} })
  expectError(without, 401, 'SECOND_FACTOR_NEEDED')
  const wrong = await journey.call('POST', '/oidc/sessions', { body: { code: 'nonsense' } })
  expectError(wrong, 401, 'SECOND_FACTOR_WRONG')
  const right = await journey.call('POST', '/oidc/sessions', { body: { code: codeNow() } })
  expect(right.status).toBe(201)
})

test('sign-up by a provider keeps to who may sign up', async () => {
  await using journey = await Journey.start()
  const { network } = journey.api
  await network.run('changeInstanceSettings', { signUp: 'closed' })
  expectError(await journey.come('anna'), 403, 'SIGN_UP_CLOSED')
  await network.run('changeInstanceSettings', { signUp: 'invite' })
  expectError(await journey.come('anna'), 403, 'INVITE_NEEDED')
  await network.run('changeInstanceSettings', { signUp: 'open' })
  expect((await journey.logIn('anna')).status).toBe(201)
  // Who has an account already comes in, whatever the mode.
  await network.run('changeInstanceSettings', { signUp: 'closed' })
  network.clock.time += 1
  expect((await journey.come('anna')).status).toBe(200)
})

test('a log-in elsewhere is linked, used, and removed', async () => {
  await using journey = await Journey.start()
  const { api, provider } = journey
  const { token, id } = await api.signUp('anna')
  const unproven = await journey.call('POST', '/me/identities', { token, body: {} })
  expectError(unproven, 401, 'CREDENTIALS_WRONG')
  const asking = { token, body: { password: 'password of anna', back: '/settings' } }
  const begun = await journey.call('POST', '/me/identities', asking)
  expect(begun.status).toBe(200)
  const path = pathOf(await provider.logIn(begun.body.url, 'subject-1'))
  const linked = await journey.call('GET', path, { headers: { accept: 'text/html' } })
  expect(linked.headers['location']).toBe('/settings#oidc=linked')
  const loggedIn = await journey.logIn('subject-1')
  expect((await api.call('GET', '/me', { token: loggedIn.body.token })).body.id).toBe(String(id))

  const listed = await api.call('GET', '/me/identities', { token })
  const [identity] = listed.body.items
  expect(identity).toMatchObject({ subject: 'subject-1' })
  const ben = await api.signUp('ben')
  const theirs = `/me/identities/${identity.id}`
  expectError(await api.call('DELETE', theirs, { token: ben.token }), 404, 'IDENTITY_NOT_FOUND')
  expect((await api.call('DELETE', theirs, { token })).status).toBe(204)
  expectError(await api.call('DELETE', theirs, { token }), 404, 'IDENTITY_NOT_FOUND')
  expect((await api.call('GET', '/me/identities', { token })).body.items).toEqual([])
})

test('what belongs to somebody is linked to nobody else, and the last way in stays', async () => {
  await using journey = await Journey.start()
  const { api, provider } = journey
  const first = await journey.logIn('subject-1')
  const ben = await api.signUp('ben')
  const asking = { token: ben.token, body: { password: 'password of ben' } }
  const begun = await journey.call('POST', '/me/identities', asking)
  const path = pathOf(await provider.logIn(begun.body.url, 'subject-1'))
  expectError(await journey.call('GET', path), 409, 'IDENTITY_TAKEN')

  const last = await api.call('DELETE', '/me/identities/1', { token: first.body.token })
  expectError(last, 409, 'LAST_WAY_IN')
})

test('who has no password proves by a fresh log-in that it is really them', async () => {
  await using journey = await Journey.start()
  const { api } = journey
  const { token } = (await journey.logIn('anna')).body
  const user = userOfHandle(api.network.view, 'user')
  api.network.clock.time += 10 * 60_000 + 1
  const stale = await api.call('DELETE', '/me', { token, body: {} })
  expectError(stale, 403, 'LOG_IN_STALE')
  const fresh = (await journey.logIn('anna')).body
  const gone = await api.call('DELETE', '/me', { token: fresh.token, body: {} })
  expect(gone.status).toBe(204)
  expect(api.network.view.value(users, user, 'deletedAt')).not.toBe(0)
  // Whoever comes back is somebody new.
  api.network.clock.time += 1
  const back = await journey.logIn('anna')
  const me = await api.call('GET', '/me', { token: back.body.token })
  expect(Number(me.body.id)).toBeGreaterThan(user)
})

test('a provider that does not answer is one clear 503, until it does', async () => {
  await using journey = await Journey.start()
  const path = await journey.toProvider('anna')
  await journey.provider.stop()
  const answer = await journey.call('GET', path)
  expectError(answer, 503, 'OIDC_UNAVAILABLE')
  expect(answer.headers['retry-after']).toBe('30')

  await using other = await Journey.start()
  await other.provider.stop()
  expectError(await other.call('GET', '/oidc'), 503, 'OIDC_UNAVAILABLE')
  expectError(await other.call('GET', '/oidc'), 503, 'OIDC_UNAVAILABLE')
})

test('what answers there and is no provider is unavailable as well', async () => {
  const answers = [
    { status: 500, body: 'no' },
    { status: 200, body: '<html>' },
    { status: 200, body: '{"issuer":"https://somebody-else.example"}' },
    { status: 200, body: '{}' },
  ]
  let answer = answers[0]!
  const server = createServer((_request, response) => {
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await using journey = await Journey.start({
    oidc: { issuer, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, name: 'None' },
  })
  for (answer of answers) {
    expectError(await journey.call('GET', '/oidc'), 503, 'OIDC_UNAVAILABLE')
  }
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

test('without a provider there is none', async () => {
  await using api = await Api.create()
  const { token } = await api.signUp('anna')
  expectError(await api.call('GET', '/oidc'), 404, 'OIDC_OFF')
  expectError(await api.call('GET', '/oidc/callback'), 404, 'OIDC_OFF')
  expectError(await api.call('POST', '/oidc/sessions', { body: {} }), 404, 'OIDC_OFF')
  const asking = { token, body: { password: 'password of anna' } }
  expectError(await api.call('POST', '/me/identities', asking), 404, 'OIDC_OFF')
  expect((await api.call('GET', '/me/identities', { token })).body.items).toEqual([])
})
