// Deploys into the living process: new code answers, old requests end, nothing is lost, and what is
// broken is told and not used.

import { mkdir, rename, symlink } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { expect, test } from 'vitest'
import { PREFIX } from '../../src/api/app.ts'
import { ProgramTree } from '../support/program-tree.ts'
import { Programs, eventually } from '../support/program.ts'
import type { Server } from '../support/program.ts'

const ADMIN_TOKEN = 'operator-token-of-the-tests-0123456789'
const ENVIRONMENT = { SHASHIN_ADMIN_TOKEN: ADMIN_TOKEN }

/** The answer of a server as text, or the error of the connection. */
function get(server: Server, path: string, agent: Agent | false = false): Promise<string> {
  return new Promise((resolve, reject) => {
    const asking = request(server.url + path, { agent }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('end', () => resolve(text))
    })
    asking.on('error', reject)
    asking.end()
  })
}

async function versionOf(server: Server, agent?: Agent): Promise<number> {
  return (JSON.parse(await get(server, '/test/version', agent)) as { version: number }).version
}

/** A new connection may meet a thread that is about to stop listening: then it is made anew. */
function untilVersion(server: Server, version: number): Promise<void> {
  return eventually(`version ${version} answers`, async () => {
    const answer = await versionOf(server).catch((error: NodeJS.ErrnoException) => error.code)
    expect([1, 2, 3, 'ECONNRESET']).toContain(answer)
    return answer === version
  })
}

async function deploy(server: Server): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(`${server.url}${PREFIX}/admin/deploy`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
  })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

async function signUp(server: Server, handle: string): Promise<string> {
  const answer = await fetch(`${server.url}${PREFIX}/users`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ handle, password: `password of ${handle}` }),
  })
  expect(answer.status).toBe(201)
  return ((await answer.json()) as { token: string }).token
}

async function serve(programs: Programs, tree: ProgramTree, ...more: string[]): Promise<Server> {
  return programs.serve(['--log-level', 'silent', ...more], {
    main: tree.main,
    environment: ENVIRONMENT,
  })
}

test('product code that changes is used in place, on the same connection', async () => {
  await using programs = await Programs.create()
  const tree = await ProgramTree.create(programs.at('tree'))
  const server = await serve(programs, tree, '--watch', tree.path)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  expect(await versionOf(server, agent)).toBe(1)
  const [socket] = Object.values(agent.freeSockets).flat()
  for (const version of [2, 3]) {
    await tree.setVersion(version)
    await eventually('it answers', async () => (await versionOf(server, agent)) === version)
  }
  const [later] = Object.values(agent.freeSockets).flat()
  expect(later, 'the connection has not been made anew').toBe(socket)
  agent.destroy()
  await server.says('Generation 3 is at work, in place')
})

test('a request by hand and SIGHUP look for new code; without any, nothing happens', async () => {
  await using programs = await Programs.create()
  const tree = await ProgramTree.create(programs.at('tree'))
  const server = await serve(programs, tree)
  expect(await deploy(server)).toMatchObject({ status: 200, body: { change: 'none' } })
  await tree.setVersion(2)
  expect(await deploy(server)).toMatchObject({
    status: 200,
    body: { change: 'product', generation: 2 },
  })
  expect(await versionOf(server)).toBe(2)
  await tree.setVersion(3)
  server.kill('SIGHUP')
  await untilVersion(server, 3)
})

test('broken code is told once, with its place, and the old code goes on', async () => {
  await using programs = await Programs.create()
  const tree = await ProgramTree.create(programs.at('tree'))
  const server = await serve(programs, tree)
  await tree.change('src/api/health.ts', '// Routes for whoever', 'const = // Routes for whoever')
  const answer = await deploy(server)
  expect(answer).toMatchObject({ status: 409, body: { code: 'DEPLOY_REFUSED' } })
  expect(answer.body['detail']).toMatch(/src\/api\/health\.ts, line 1: /)
  expect(server.stderr.match(/The new code is not used/g)).toHaveLength(1)
  expect(await versionOf(server)).toBe(1)

  await tree.change('src/api/health.ts', 'const = // Routes', '// Routes')
  await tree.change('src/api/health.ts', '\n  done()\n', "\n  throw new Error('not today')\n")
  expect((await deploy(server)).body['detail']).toMatch(/not today/)
  expect(await versionOf(server)).toBe(1)

  await tree.change('src/api/health.ts', "\n  throw new Error('not today')\n", '\n  done()\n')
  await tree.setVersion(2)
  expect(await deploy(server)).toMatchObject({ status: 200 })
  expect(await versionOf(server)).toBe(2)
})

test('code of the threads and the engine is used by new threads over the same memory', async () => {
  await using programs = await Programs.create()
  const tree = await ProgramTree.create(programs.at('tree'))
  const server = await serve(programs, tree)
  const token = await signUp(server, 'hanako')
  await tree.change('src/engine/view.ts', '// Hot: bench', '// Very hot: bench')
  await tree.setVersion(2)
  expect(await deploy(server)).toMatchObject({ status: 200, body: { change: 'threads' } })
  await untilVersion(server, 2)
  const me = await fetch(`${server.url}${PREFIX}/me`, {
    headers: { authorization: `Bearer ${token}` },
  })
  expect(me.status).toBe(200)
  expect(server.stderr.match(/Recovered|There was no store/g), 'no second recovery').toHaveLength(1)
  await signUp(server, 'taro')
  server.kill('SIGTERM')
  expect(await server.end).toMatchObject({ code: 0, signal: null })
})

test('code of the supervisor needs a restart, and says so', async () => {
  await using programs = await Programs.create()
  const tree = await ProgramTree.create(programs.at('tree'))
  const server = await serve(programs, tree)
  await tree.change('src/threads/supervisor.ts', '// The supervisor:', '// This is the supervisor:')
  const answer = await deploy(server)
  expect(answer).toMatchObject({ status: 409, body: { code: 'DEPLOY_REFUSED' } })
  expect(answer.body['detail']).toMatch(/restart/)
})

test('a schema with more goes live; one that changes what rows hold is refused', async () => {
  await using programs = await Programs.create()
  const tree = await ProgramTree.create(programs.at('tree'))
  const server = await serve(programs, tree)
  const token = await signUp(server, 'hanako')
  const me = async (): Promise<Response> =>
    fetch(`${server.url}${PREFIX}/me`, { headers: { authorization: `Bearer ${token}` } })

  await tree.change(
    'src/model/schema.ts',
    '    passwordHash: text(14, { sizeMax: 255 }),\n',
    '    passwordHash: text(14, { sizeMax: 255 }),\n    motto: text(15, { sizeMax: 100 }),\n',
  )
  await tree.change(
    'src/model/sign-up.ts',
    '{ handle, name, passwordHash, email, role }',
    "{ handle, name, passwordHash, email, role, motto: 'new' }",
  )
  await tree.setVersion(2)
  expect(await deploy(server)).toMatchObject({ status: 200, body: { change: 'product' } })
  await signUp(server, 'taro')
  expect((await me()).status, 'rows of the old layout').toBe(200)
  const taro = await fetch(`${server.url}${PREFIX}/users/taro`)
  expect(taro.status, 'rows of the new layout').toBe(200)

  await tree.change(
    'src/model/schema.ts',
    '    createdAt: timeMs(1),\n    /** A position',
    '    createdAt: number(1),\n    /** A position',
  )
  const refused = await deploy(server)
  expect(refused).toMatchObject({ status: 409, body: { code: 'DEPLOY_REFUSED' } })
  expect(refused.body['detail']).toMatch(/users/)
  expect(await versionOf(server)).toBe(2)
  expect((await me()).status).toBe(200)
  server.kill('SIGTERM')
  expect(await server.end).toMatchObject({ code: 0, signal: null })
})

test('a release is used when the link is pointed to it', async () => {
  await using programs = await Programs.create()
  await mkdir(programs.at('releases'))
  const first = await ProgramTree.create(programs.at('releases', '1'))
  const link = programs.at('current')
  await symlink(first.path, link)
  const server = await programs.serve(['--log-level', 'silent', '--watch', link], {
    main: `${link}/src/main.ts`,
    environment: ENVIRONMENT,
  })
  expect(await versionOf(server)).toBe(1)
  const second = await ProgramTree.create(programs.at('releases', '2'))
  await second.setVersion(2)
  await symlink(second.path, `${link}.new`)
  await rename(`${link}.new`, link)
  await untilVersion(server, 2)
})

test('a stream that is open goes on through a deploy', async () => {
  await using programs = await Programs.create()
  const tree = await ProgramTree.create(programs.at('tree'))
  const server = await serve(programs, tree)
  const stream = await fetch(`${server.url}/test/stream`)
  const reader = stream.body!.getReader()
  const next = async (): Promise<boolean> => (await reader.read()).done
  expect(await next()).toBe(false)
  await tree.setVersion(2)
  expect(await deploy(server)).toMatchObject({ status: 200 })
  for (let count = 0; count < 5; count++) expect(await next()).toBe(false)
  await reader.cancel()
})
