// The API of a network in a temporary directory, spoken to without a socket: real store, real
// photos, real answers.

import { join } from 'node:path'
import { expect } from 'vitest'
import { buildApp, PREFIX } from '../../src/api/app.ts'
import { Photos } from '../../src/media/photos.ts'
import { Network } from './network.ts'
import type { FastifyInstance } from 'fastify'
import type { ApiParts } from '../../src/api/parts.ts'

// What an answer holds is what tests are about.
// oxlint-disable-next-line typescript/no-explicit-any
type Loose = any

export interface Answer {
  readonly status: number
  readonly body: Loose
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: Buffer
}

export interface Asking {
  readonly token?: string | undefined
  readonly body?: unknown
  /** Instead of a body as JSON. */
  readonly payload?: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
}

export const ADMIN_TOKEN = 'operator-token-of-the-tests-0123456789'

type Store = ApiParts['store']

/** The store, but for some of what it does. */
export function storeThat(store: Store, differs: Partial<Store>): Store {
  return {
    get lastLsn() {
      return store.lastLsn
    },
    read: store.read.bind(store),
    readNow: store.readNow.bind(store),
    transact: store.transact.bind(store),
    ...differs,
  }
}

export class Api implements AsyncDisposable {
  readonly network: Network
  readonly app: FastifyInstance
  readonly photos: Photos
  /** What `fatal` was called with. */
  readonly fatalities: readonly Error[]

  private constructor(parts: {
    network: Network
    app: FastifyInstance
    photos: Photos
    fatalities: Error[]
  }) {
    this.network = parts.network
    this.app = parts.app
    this.photos = parts.photos
    this.fatalities = parts.fatalities
  }

  /** `more` replaces parts, for what cannot be provoked otherwise. */
  static async create(more: (parts: ApiParts) => Partial<ApiParts> = () => ({})): Promise<Api> {
    const network = await Network.create()
    const photos = await Photos.open(join(network.path, 'data', 'media'))
    const fatalities: Error[] = []
    const { store } = network
    const parts: ApiParts = {
      store,
      admin: {
        snapshot: () => store.snapshot(),
        stats: async () => store.stats(),
        log: (question) => store.history(question),
        trouble: async () => store.poison?.message,
        threads: async () => [],
        deploy: async () => ({ change: 'none' }),
      },
      media: photos,
      settings: { adminToken: ADMIN_TOKEN },
      clock: network.clock,
      fatal: (error) => fatalities.push(error),
    }
    const app = await buildApp({ ...parts, ...more(parts) })
    return new Api({ network, app, photos, fatalities })
  }

  /** `path` is below the prefix, unless it begins with "//": then it is from the root. */
  async call(method: string, path: string, asking: Asking = {}): Promise<Answer> {
    const { token, body, payload, headers = {} } = asking
    const response = await this.app.inject({
      method: method as 'GET',
      url: path.startsWith('//') ? path.slice(1) : PREFIX + path,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
      ...(payload === undefined ? {} : { payload }),
    })
    const isSent = method !== 'HEAD'
    const isJson = isSent && (response.headers['content-type'] ?? '').includes('json')
    return {
      status: response.statusCode,
      body: isJson ? response.json() : response.body,
      headers: response.headers as Record<string, string>,
      bytes: response.rawPayload,
    }
  }

  /** A user who has signed up: an id, a handle, a token. */
  async signUp(handle: string): Promise<{ id: number; handle: string; token: string }> {
    const body = { handle, password: `password of ${handle}` }
    const answer = await this.call('POST', '/users', { body })
    expect(answer.status, JSON.stringify(answer.body)).toBe(201)
    return { id: Number(answer.body.user.id), handle, token: answer.body.token }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.app.close()
    await this.photos.close()
    await this.network[Symbol.asyncDispose]()
  }
}

/** Expects a refusal in the shape that all errors have. */
export function expectError(answer: Answer, status: number, code: string): void {
  expect(answer.body).toMatchObject({ code, status })
  expect(answer.status).toBe(status)
  expect(answer.headers['content-type']).toBe('application/json')
  expect(answer.body).toEqual({
    error: expect.stringMatching(/^[A-Z].*[.…]$/) as string,
    code,
    type: 'about:blank',
    title: expect.any(String) as string,
    status,
    detail: expect.any(String) as string,
    request_id: answer.headers['x-request-id'],
  })
}
