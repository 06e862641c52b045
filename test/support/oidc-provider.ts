// A real provider of OpenID Connect on loopback, and a browser that logs in there: it follows
// redirects, keeps cookies, and fills in the provider's own forms.

import { createServer } from 'node:http'
import { Provider } from 'oidc-provider'
import type { AddressInfo } from 'node:net'
import type { Server } from 'node:http'

export const CLIENT_ID = 'shashin'
export const CLIENT_SECRET = 'a-secret-of-the-tests-that-is-long-enough'
export const PUBLIC_URL = 'http://photos.example.org'
export const CALLBACK = `${PUBLIC_URL}/api/shashin/v1/oidc/callback`

export interface Person {
  readonly preferred_username?: string
  readonly name?: string
  readonly email?: string
  readonly email_verified?: boolean
}

/** What it tells those who run it in earnest is not for those who test. */
for (const level of ['info', 'warn'] as const) {
  const say = console[level].bind(console)
  console[level] = (...words) => {
    if (!String(words[0]).startsWith('oidc-provider ')) say(...words)
  }
}

export class LoopbackProvider implements AsyncDisposable {
  readonly issuer: string
  /** What is known of somebody, by the name of their log-in there, which is the subject. */
  readonly people: Map<string, Person>
  readonly #server: Server

  private constructor(server: Server, issuer: string) {
    this.#server = server
    this.issuer = issuer
    this.people = new Map()
  }

  static async start(): Promise<LoopbackProvider> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const loopback = new LoopbackProvider(server, issuer)
    const provider = new Provider(issuer, {
      clients: [{ client_id: CLIENT_ID, client_secret: CLIENT_SECRET, redirect_uris: [CALLBACK] }],
      cookies: { keys: ['a key of the tests'] },
      claims: {
        openid: ['sub'],
        email: ['email', 'email_verified'],
        profile: ['name', 'preferred_username'],
      },
      findAccount: (_context, sub) => ({
        accountId: sub,
        claims: () => ({ sub, ...loopback.people.get(sub) }),
      }),
      pkce: { required: () => true },
    })
    const serve = provider.callback()
    server.on('request', (request, response) => void serve(request, response))
    return loopback
  }

  /**
   * Logs somebody in at `url`, an address of the provider, and says where it sends the browser
   * then: back to us.
   */
  async logIn(url: string, name: string): Promise<URL> {
    const jar = new Map<string, string>()
    let next = new URL(url)
    let form: URLSearchParams | undefined
    for (let step = 0; step < 20; step++) {
      const response = await fetch(next, {
        redirect: 'manual',
        method: form === undefined ? 'GET' : 'POST',
        headers: { cookie: [...jar].map(([key, value]) => `${key}=${value}`).join('; ') },
        ...(form === undefined ? {} : { body: form }),
      })
      for (const cookie of response.headers.getSetCookie()) {
        const [, key = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
        if (value === '') jar.delete(key)
        else jar.set(key, value)
      }
      const page = await response.text()
      const location = response.headers.get('location')
      if (location !== null) {
        next = new URL(location, next)
        form = undefined
        if (next.origin !== this.issuer) return next
        continue
      }
      const [, prompt] = /name="prompt" value="(\w+)"/.exec(page) ?? []
      if (prompt === undefined) throw new Error(`no form at ${next.href}: ${page.slice(0, 500)}`)
      form = new URLSearchParams({ prompt, login: name, password: 'any' })
    }
    throw new Error('the provider never sends the browser back')
  }

  /** Nobody answers there any more. */
  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.stop()
  }
}
