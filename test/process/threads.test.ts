// Threads as units of isolation: what dies alone, what is replaced, and what a client notices.

import { expect, test } from 'vitest'
import { PREFIX } from '../../src/api/app.ts'
import { ProgramTree } from '../support/program-tree.ts'
import { Programs, eventually } from '../support/program.ts'
import type { Server } from '../support/program.ts'

const ADMIN_TOKEN = 'operator-token-of-the-tests-0123456789'

interface Figures {
  readonly number: number
  readonly role: string
  readonly state: string
  readonly generation: number
  readonly restarts: number
}

/** The changed program, serving. */
async function serveTree(programs: Programs, ...more: string[]): Promise<Server> {
  const tree = await ProgramTree.create(programs.at('tree'))
  return programs.serve(['--log-level', 'silent', ...more], {
    main: tree.main,
    environment: { SHASHIN_ADMIN_TOKEN: ADMIN_TOKEN },
  })
}

async function call(
  server: Server,
  method: string,
  path: string,
  { token, body }: { token?: string; body?: unknown } = {},
): Promise<Response> {
  return fetch(server.url + path, {
    method,
    headers: {
      connection: 'close',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

async function threadsOf(server: Server): Promise<readonly Figures[]> {
  const answer = await call(server, 'GET', `${PREFIX}/admin/threads`, { token: ADMIN_TOKEN })
  expect(answer.status, await answer.clone().text()).toBe(200)
  return ((await answer.json()) as { items: Figures[] }).items
}

async function signUp(server: Server, handle: string): Promise<string> {
  const body = { handle, password: `password of ${handle}` }
  const answer = await call(server, 'POST', `${PREFIX}/users`, { body })
  expect(answer.status).toBe(201)
  return ((await answer.json()) as { token: string }).token
}

/** Until the supervisor has as many serving threads as it should, and one that is ready. */
async function untilWhole(server: Server, count: number): Promise<readonly Figures[]> {
  let threads: readonly Figures[] = []
  await eventually('all threads are back', async () => {
    threads = await threadsOf(server)
    const states = threads.filter(({ role }) => role === 'http').map(({ state }) => state)
    return states.toSorted().join(' ') === ['ready', ...Array(count).fill('serving')].join(' ')
  })
  return threads
}

test('threads are told by role, state, code and restarts', async () => {
  await using programs = await Programs.create()
  const server = await serveTree(programs, '--http-threads', '2')
  const threads = await untilWhole(server, 2)
  expect(threads.map(({ role }) => role)).toEqual(['supervisor', 'store', 'http', 'http', 'http'])
  expect(new Set(threads.map(({ number }) => number)).size).toBe(5)
  for (const { generation, restarts } of threads) {
    expect({ generation, restarts }).toEqual({ generation: 1, restarts: 0 })
  }
  const unasked = await call(server, 'GET', `${PREFIX}/admin/threads`)
  expect(unasked.status).toBe(401)
})

for (const [what, path, words] of [
  ['throws where nobody catches it', '/test/throw', 'thrown where nobody catches it'],
  ['never ends', '/test/loop', 'it has not answered for'],
] as const) {
  test(`a request that ${what} costs its own thread, which is replaced`, async () => {
    await using programs = await Programs.create()
    const server = await serveTree(programs)
    const token = await signUp(server, 'hanako')
    const before = await untilWhole(server, 1)
    await expect(call(server, 'GET', path)).rejects.toThrow('fetch failed')
    await server.says(words)
    const after = await untilWhole(server, 1)
    const numbers = (threads: readonly Figures[], role: string): number[] =>
      threads.filter((thread) => thread.role === role).map(({ number }) => number)
    expect(numbers(after, 'store')).toEqual(numbers(before, 'store'))
    expect(numbers(after, 'http')).not.toEqual(numbers(before, 'http'))
    expect(after.find(({ role }) => role === 'http')!.restarts).toBe(1)
    const me = await call(server, 'GET', `${PREFIX}/me`, { token })
    expect(me.status).toBe(200)
    server.kill('SIGTERM')
    expect(await server.end).toMatchObject({ code: 0, signal: null })
  })
}

test('a store thread that breaks an invariant is rebuilt from disk', async () => {
  await using programs = await Programs.create()
  const server = await serveTree(programs)
  const token = await signUp(server, 'hanako')
  for (let round = 1; round <= 2; round++) {
    const change = { token, body: { name: `Hanako ${round}` } }
    expect((await call(server, 'PATCH', `${PREFIX}/me`, change)).status).toBe(200)
    const broken = { token, body: { name: 'break an invariant' } }
    const answer = await call(server, 'PATCH', `${PREFIX}/me`, broken)
    expect(answer.status).toBe(503)
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await answer.json()).toMatchObject({ code: expect.stringMatching(/^STORE_/) })
    // Health is told all the time; reads and writes come back.
    expect((await call(server, 'GET', '/healthz')).status).toBe(200)
    await eventually('the store is back', async () => {
      const store = (await threadsOf(server)).find(({ role }) => role === 'store')
      return store?.restarts === round && store.state === 'ready'
    })
    let me: Response
    do me = await call(server, 'GET', `${PREFIX}/me`, { token })
    while (me.status === 503)
    expect(await me.json()).toMatchObject({ name: `Hanako ${round}` })
  }
  expect(server.stderr).toContain('broken by a test; the store is recovered from disk')
  server.kill('SIGTERM')
  expect(await server.end).toMatchObject({ code: 0, signal: null })
  const { code, stdout } = await programs.run(['check', ...programs.storeFlags()])
  expect({ code, stdout }).toMatchObject({ code: 0 })
})

test('a store that breaks the same invariant again and again ends the process', async () => {
  await using programs = await Programs.create()
  const server = await serveTree(programs)
  const token = await signUp(server, 'hanako')
  const body = { name: 'break an invariant' }
  while (!server.hasEnded) {
    await call(server, 'PATCH', `${PREFIX}/me`, { token, body }).catch(() => undefined)
  }
  expect(await server.end).toMatchObject({ code: 1, signal: null })
  const again = await programs.serve(['--log-level', 'silent'])
  expect((await call(again, 'GET', `${PREFIX}/me`, { token })).status).toBe(200)
})
