// Deploys and deaths under load: a hundred connections, reads and writes, while the code changes
// every three seconds, and while threads are killed. The oracle is what clients were answered.

import { readFile, readdir } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import autocannon from 'autocannon'
import { expect, test } from 'vitest'
import { PREFIX } from '../../src/api/app.ts'
import { BusyClients, commentsOf } from '../support/busy-clients.ts'
import { cameraJpeg, formOf } from '../support/pictures.ts'
import { ProgramTree } from '../support/program-tree.ts'
import { Programs, eventually } from '../support/program.ts'
import type { Load } from '../support/busy-clients.ts'
import type { Server } from '../support/program.ts'

const ADMIN_TOKEN = 'operator-token-of-the-tests-0123456789'
const LOAD_S = 30
const DEPLOY_EVERY_MS = 3000
/** Of the deploys, that many from the first. */
const BROKEN_DEPLOY = 4
interface Place {
  readonly server: Server
  readonly tree: ProgramTree
  readonly load: Pick<Load, 'url' | 'token' | 'post'>
}

/** A server with a user, and a post that takes comments. */
async function start(programs: Programs, ...more: string[]): Promise<Place> {
  const tree = await ProgramTree.create(programs.at('tree'))
  const server = await programs.serve(['--log-level', 'silent', ...more], {
    main: tree.main,
    environment: { SHASHIN_ADMIN_TOKEN: ADMIN_TOKEN },
  })
  const { url } = server
  const json = { 'content-type': 'application/json' }
  const call = async (path: string, headers: object, body: string | Buffer): Promise<unknown> => {
    const answer = await fetch(url + PREFIX + path, {
      method: 'POST',
      headers: { ...headers },
      body: typeof body === 'string' ? body : new Uint8Array(body),
    })
    expect(answer.status).toBe(201)
    return answer.json()
  }
  const person = { handle: 'hanako', password: 'password of hanako' }
  const { token } = (await call('/users', json, JSON.stringify(person))) as { token: string }
  const authorization = `Bearer ${token}`
  const form = formOf(await cameraJpeg(320, 240))
  const media = await call('/media', { ...form.headers, authorization }, form.payload)
  const album = JSON.stringify({ caption: 'busy', media: [(media as { id: string }).id] })
  const post = (await call('/posts', { ...json, authorization }, album)) as { id: string }
  return { server, tree, load: { url, token, post: post.id } }
}

/** A stream that must not be cut; `end` returns how many pieces came. */
async function openStream(server: Server): Promise<{ end: () => Promise<number> }> {
  const stop = new AbortController()
  const answer = await fetch(`${server.url}/test/stream`, { signal: stop.signal })
  let count = 0
  let isCut = false
  const reading = (async () => {
    try {
      for await (const piece of answer.body!) count += piece.length > 0 ? 1 : 0
      isCut = true
    } catch {
      isCut = !stop.signal.aborted
    }
  })()
  return {
    end: async () => {
      stop.abort()
      await reading
      expect(isCut, 'the stream was not cut').toBe(false)
      return count
    },
  }
}

/** Until so many http threads serve, and another one is ready. */
function untilWhole({ url }: Server, count: number): Promise<void> {
  return eventually('all threads are back', async () => {
    const answer = await fetch(`${url}${PREFIX}/admin/threads`, {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, connection: 'close' },
    }).catch(() => undefined)
    if (answer?.status !== 200) return false
    const { items } = (await answer.json()) as { items: { role: string; state: string }[] }
    const states = items.filter(({ role }) => role === 'http').map(({ state }) => state)
    return states.toSorted().join(' ') === ['ready', ...Array(count).fill('serving')].join(' ')
  })
}

/** Sends a photo that nobody has sent before; the status of the answer. */
async function upload({ url, token }: Place['load']): Promise<number> {
  const form = formOf(await cameraJpeg(320 + Math.floor(Math.random() * 1000), 240))
  const answer = await fetch(`${url}${PREFIX}/media`, {
    method: 'POST',
    headers: { ...form.headers, authorization: `Bearer ${token}` },
    body: new Uint8Array(form.payload),
  })
  await answer.arrayBuffer()
  return answer.status
}

/** Ids of the processes that a process has started, by any of its threads. */
async function childrenOf(pid: number): Promise<number[]> {
  const tasks = await readdir(`/proc/${pid}/task`)
  const texts = tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, 'utf8'))
  return (await Promise.all(texts)).join(' ').split(' ').filter(Boolean).map(Number)
}

async function expectAllPresent(server: Server, load: { post: string }, acked: string[]) {
  const present = await commentsOf(server.url, load.post)
  expect(acked.filter((text) => !present.has(text))).toEqual([])
}

test(
  'thirty seconds of deploys, one of them broken, fail no request and lose no write',
  { timeout: 120_000 },
  async () => {
    await using programs = await Programs.create()
    const { server, tree, load } = await start(programs, '--watch', programs.at('tree'))
    const stream = await openStream(server)
    const clients = new BusyClients({ ...load, keepingReaders: 0, freshReaders: 10, writers: 30 })
    const reading = autocannon({
      url: `${load.url}${PREFIX}/posts/${load.post}`,
      connections: 60,
      duration: LOAD_S,
    })
    const endAt = performance.now() + LOAD_S * 1000
    let version = 1
    for (let count = 1; performance.now() < endAt - DEPLOY_EVERY_MS; count++) {
      await setTimeout(DEPLOY_EVERY_MS)
      if (count === BROKEN_DEPLOY) {
        await tree.change('src/api/health.ts', '\n  done()', '\n  this is no code\n  done()')
        await server.says('The new code is not used: src/api/health.ts')
        await tree.change('src/api/health.ts', '\n  this is no code\n  done()', '\n  done()')
      } else {
        await tree.setVersion(++version)
      }
    }
    const read = await reading
    await eventually('the last version answers', () => clients.versions.has(version))
    await clients.end()
    await stream.end()

    expect(clients.failures).toEqual([])
    const { errors, timeouts, non2xx, resets } = read
    expect({ errors, timeouts, non2xx, resets }).toEqual({
      errors: 0,
      timeouts: 0,
      non2xx: 0,
      resets: 0,
    })
    expect(read['2xx']).toBeGreaterThan(1000)
    expect(clients.acked.length).toBeGreaterThan(100)
    expect([...clients.versions.keys()].toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: version }, (_, index) => index + 1),
    )
    await expectAllPresent(server, load, clients.acked)
    server.kill('SIGTERM')
    expect(await server.end).toMatchObject({ code: 0, signal: null })
  },
)

test(
  'threads that die under load take their own requests along and nothing that was acknowledged',
  { timeout: 120_000 },
  async () => {
    await using programs = await Programs.create()
    const { server, load } = await start(programs, '--http-threads', '2')
    const clients = new BusyClients({
      ...load,
      keepingReaders: 10,
      freshReaders: 5,
      writers: 10,
      // Of a thread that dies, and while the store is being recovered.
      tolerates: (failure) => /: 503 |ECONNRESET|socket hang up|EPIPE/.test(failure),
    })
    const answersGrow = async (): Promise<void> => {
      const before = clients.acked.length
      await eventually('writes go on', () => clients.acked.length > before + 20)
    }
    await answersGrow()
    for (const deadly of ['/test/throw', '/test/loop', '/test/throw']) {
      await fetch(server.url + deadly).catch(() => undefined)
      await answersGrow()
      await untilWhole(server, 2)
    }
    expect(await upload(load), 'a photo').toBe(201)
    const [child] = await childrenOf(server.pid)
    expect(child, 'a child that decodes photos').toBeDefined()
    const unlucky = upload(load)
    process.kill(child!, 'SIGKILL')
    // It has lost its child, or was faster than the signal.
    expect([201, 422, 503]).toContain(await unlucky)
    expect(await upload(load), 'a photo later').toBe(201)
    await answersGrow()
    const broken = await fetch(`${server.url}${PREFIX}/me`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${load.token}` },
      body: JSON.stringify({ name: 'break an invariant' }),
    })
    expect(broken.status).toBe(503)
    await answersGrow()
    await clients.end()
    expect(clients.failures).toEqual([])
    await expectAllPresent(server, load, clients.acked)
    server.kill('SIGTERM')
    expect(await server.end).toMatchObject({ code: 0, signal: null })
    const { code } = await programs.run(['check', ...programs.storeFlags()])
    expect(code).toBe(0)
  },
)

test(
  'new threads over the same memory lose no write and no kept connection',
  { timeout: 120_000 },
  async () => {
    await using programs = await Programs.create()
    const { server, tree, load } = await start(programs)
    const clients = new BusyClients({ ...load, keepingReaders: 20, freshReaders: 0, writers: 20 })
    for (let version = 2; version <= 4; version++) {
      const before = clients.acked.length
      await eventually('writes go on', () => clients.acked.length > before + 50)
      await tree.change('src/engine/view.ts', '// Hot: bench', '// Hot: the bench')
      await tree.change('src/engine/view.ts', '// Hot: the bench', `// Hot ${version}: bench`)
      await tree.setVersion(version)
      const answer = await fetch(`${server.url}${PREFIX}/admin/deploy`, {
        method: 'POST',
        headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
      })
      expect(await answer.json()).toMatchObject({ change: 'threads', generation: version })
      await tree.change('src/engine/view.ts', `// Hot ${version}: bench`, '// Hot: bench')
      await eventually('it answers', () => clients.versions.has(version))
    }
    await clients.end()
    expect(clients.failures).toEqual([])
    await expectAllPresent(server, load, clients.acked)
    server.kill('SIGTERM')
    expect(await server.end).toMatchObject({ code: 0, signal: null })
  },
)
