// The server as a process: how it begins, which signals it obeys, how it ends, and what it says
// when it cannot.

import { readFile, readdir, writeFile } from 'node:fs/promises'
import { createServer, connect } from 'node:net'
import { Agent, request } from 'node:http'
import { expect, test } from 'vitest'
import { PREFIX } from '../../src/api/app.ts'
import { cameraJpeg, formOf } from '../support/pictures.ts'
import { Programs, eventually, saying } from '../support/program.ts'
import type { AddressInfo } from 'node:net'
import type { Server } from '../support/program.ts'

const QUIET = ['--log-level', 'silent']

/** Signs up, and returns a token. */
async function signUp(server: Server, handle = 'hanako'): Promise<string> {
  const response = await fetch(`${server.url}${PREFIX}/users`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ handle, password: `password of ${handle}` }),
  })
  expect(response.status).toBe(201)
  const { token } = (await response.json()) as { token: string }
  return token
}

interface Upload {
  /** Status and body. */
  readonly answer: Promise<readonly [status: number, body: string]>
  /** Sends the second half. */
  complete(): void
}

/** A photo of which one half is sent; returns when that half has reached the server's disk. */
async function halfUpload(programs: Programs, server: Server, token: string): Promise<Upload> {
  const form = formOf(await cameraJpeg(320, 240))
  const middle = form.payload.length / 2
  const sending = request(`${server.url}${PREFIX}/media`, {
    method: 'POST',
    headers: {
      ...form.headers,
      authorization: `Bearer ${token}`,
      'content-length': form.payload.length,
    },
    agent: false,
  })
  const answer = new Promise<readonly [number, string]>((resolve, reject) => {
    sending.on('error', reject)
    sending.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('end', () => resolve([response.statusCode!, text]))
    })
  })
  // Looked at only when the test comes to it.
  answer.catch(() => undefined)
  sending.write(form.payload.subarray(0, middle))
  const incoming = programs.at('data', 'media', 'incoming')
  await eventually('the photo arrives', async () => (await readdir(incoming)).length > 0)
  return { answer, complete: () => sending.end(form.payload.subarray(middle)) }
}

test.each([
  ['SIGTERM', ['SIGTERM']],
  ['SIGINT', ['SIGINT']],
  ['Ctrl-C that arrives twice', ['SIGINT', 'SIGTERM']],
] as const)('%s: what is under way is answered, the log is sealed', async (_, signals) => {
  await using programs = await Programs.create()
  const server = await programs.serve()
  const token = await signUp(server)
  const upload = await halfUpload(programs, server, token)
  // An idle connection that is kept alive holds nobody up.
  await fetch(`${server.url}/healthz`)

  for (const signal of signals) server.kill(signal)
  await server.says('Ending: requests under way are answered, then the log is sealed.')
  await eventually('nobody else is let in', () => isRefused(server.url))
  expect(server.hasEnded).toBe(false)
  upload.complete()
  const [status, body] = await upload.answer
  expect(status, body).toBe(201)

  const end = await server.end
  expect(end).toMatchObject({ code: 0, signal: null })
  expect(end.stderr.trimEnd().split('\n').at(-1)).toBe('Ended.')
  expect(await readdir(programs.at('data'))).not.toContain('lock')
  // Standard output is the log, one JSON object a line.
  const lines = end.stdout.trimEnd().split('\n')
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toContain(
    'request completed',
  )
  const inspected = await programs.run(['inspect', 'data/log/0000000000000001.log'])
  expect(inspected.code).toBe(0)
  expect(inspected.stdout.trimEnd().split('\n').at(-2)).toMatch(/^seal /)

  const again = await programs.serve(QUIET)
  expect(again.stderr).toMatch(
    saying(
      /Recovered 4 rows in [\d.]+ s: no snapshot, 3 transactions replayed, at lsn 3\./,
      /Shashin listens on http:\/\/127\.0\.0\.1:\d+/,
    ),
  )
  const { id } = JSON.parse(body) as { id: string }
  const shown = await fetch(`${again.url}${PREFIX}/media/${id}`, {
    headers: { authorization: `Bearer ${token}` },
  })
  expect(shown.status).toBe(200)
})

test('a second Ctrl-C, later, ends it at once, and the next start recovers', async () => {
  await using programs = await Programs.create()
  const server = await programs.serve(QUIET)
  await halfUpload(programs, server, await signUp(server))
  await eventually('it has ended', () => {
    if (!server.hasEnded) server.kill('SIGINT')
    return server.hasEnded
  })
  const end = await server.end
  expect(end).toMatchObject({ code: 1, signal: null })
  expect(end.stderr).toContain('\nEnded at once: the next start recovers from disk.\n')

  const again = await programs.serve(QUIET)
  expect(again.stderr).toMatch(/^Recovered 2 rows .* at lsn 2\.$/m)
  expect(await readdir(programs.at('data', 'media', 'incoming'))).toEqual([])
})

test('signals that come while the store is being opened are obeyed when it is open', async () => {
  await using programs = await Programs.create()
  const server = programs.start(['serve', '--port', '0', ...programs.storeFlags(), ...QUIET])
  const data = programs.at('data')
  await eventually('it has begun', async () =>
    (await readdir(data).catch(() => [] as string[])).includes('lock'),
  )
  server.kill('SIGUSR2')
  server.kill('SIGTERM')
  const end = await server.end
  expect(end).toMatchObject({ code: 0, signal: null })
  expect(end.stderr).toContain('Snapshot 1 is taken: ')
  expect(end.stderr).toMatch(/\nEnded\.\n$/)
})

test('SIGUSR2 takes a snapshot, unless nothing has changed', async () => {
  await using programs = await Programs.create()
  const server = await programs.serve(QUIET)
  await signUp(server)
  server.kill('SIGUSR2')
  await server.says('Snapshot 2 is taken: ')
  expect(server.stderr).toMatch(/^Snapshot 2 is taken: \d+ pages, \d+ ms\.$/m)
  server.kill('SIGUSR2')
  await server.says('Snapshot 2 is there already.')
  expect((await readdir(programs.at('snapshots'))).toSorted()).toEqual([
    '0000000000000002.manifest',
    '0000000000000002.pages',
  ])
})

test('who reads its output may go away', async () => {
  await using programs = await Programs.create()
  const server = await programs.serve()
  server.child.stdout.destroy()
  for (let turn = 0; turn < 5; turn++) {
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
  }
  expect(server.hasEnded).toBe(false)
})

test('a log that cannot be written ends the server, and nothing acknowledged is lost', async () => {
  await using programs = await Programs.create()
  // The system refuses what would make a file larger than the first segment is made at first, as if
  // the disk were full.
  const server = await programs.serve(QUIET, { fileBlocksMax: 8_200 })
  const token = await signUp(server)
  const bio = '写'.repeat(500)
  let acked = 0
  const write = async (number: number): Promise<boolean> => {
    const response = await fetch(`${server.url}${PREFIX}/me`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ name: `Turn ${number}`, bio }),
    }).catch(() => undefined)
    if (response?.status === 200) acked = number
    return response?.status !== 200
  }
  for (let number = 1; !(await write(number)); number++) expect(number).toBeLessThan(10_000)
  const end = await server.end
  expect(end).toMatchObject({ code: 1, signal: null })
  expect(end.stderr).toMatch(/^The server ends: .*; the next start recovers from disk\.$/m)

  const again = await programs.serve(QUIET)
  const me = await fetch(`${again.url}${PREFIX}/me`, {
    headers: { authorization: `Bearer ${token}` },
  })
  const { name } = (await me.json()) as { name: string }
  expect([`Turn ${acked}`, `Turn ${acked + 1}`]).toContain(name)
})

test('connections beyond the limit of open files are refused, which is told', async () => {
  await using programs = await Programs.create()
  const server = await programs.serve([...QUIET, '--http-threads', '1'], { openFilesMax: 400 })
  const { port } = new URL(server.url)
  const agent = new Agent({ keepAlive: true })
  const health = (): Promise<number> =>
    new Promise((resolve, reject) => {
      const asking = request(`${server.url}/healthz`, { agent }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode!))
      })
      asking.on('error', reject).end()
    })
  expect(await health()).toBe(200)
  const sockets = Array.from({ length: 400 }, () =>
    connect(Number(port), '127.0.0.1').on('error', () => undefined),
  )
  await server.says('connections and refuses more')
  expect(await health(), 'on the connection that there was').toBe(200)
  for (const socket of sockets) socket.destroy()
  await eventually('there is room again', async () => {
    const answer = await fetch(`${server.url}/healthz`).catch(() => undefined)
    return answer?.status === 200
  })
  agent.destroy()
})

test('a port that is taken, an address of another machine', async () => {
  await using programs = await Programs.create()
  const other = createServer().listen(0, '127.0.0.1')
  try {
    await eventually('it listens', () => other.listening)
    const { port } = other.address() as AddressInfo
    const flags = programs.storeFlags()
    const taken = await programs.run(['serve', '--port', `${port}`, ...flags])
    expect(taken).toMatchObject({ code: 2, stdout: '' })
    expect(taken.stderr).toContain(
      `\nCannot listen on 127.0.0.1, port ${port}: another program listens there.\n`,
    )
    // The store was closed in good order.
    expect((await programs.run(['check', ...flags])).stdout).toBe('OK: 0 rows at lsn 1.\n')
    const host = ['--host', '192.0.2.1']
    const elsewhere = await programs.run(['serve', '--port', '0', ...host, ...flags])
    expect(elsewhere).toMatchObject({ code: 2, stdout: '' })
    expect(elsewhere.stderr).toContain(
      '\nCannot listen on 192.0.2.1, port 0: this machine has no such address.\n',
    )
  } finally {
    other.close()
  }
})

test('a directory in use, one that cannot be made', async () => {
  await using programs = await Programs.create()
  const server = await programs.serve(QUIET)
  const flags = programs.storeFlags()
  expect(await programs.run(['serve', '--port', '0', ...flags])).toMatchObject({
    code: 2,
    stdout: '',
    stderr:
      `DIRECTORY_IN_USE: The directory data is in use by process ${server.pid}.\n` +
      'Stop that process first, or name another directory.\n',
  })
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200)

  // Nobody can make a directory below a file, root neither.
  await writeFile(programs.at('file'), '')
  for (const place of [
    ['--data', 'file/data', '--snapshots', 'other'],
    ['--data', 'new', '--snapshots', 'file'],
  ]) {
    const refused = await programs.run(['serve', '--port', '0', ...place])
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toMatch(
      saying(
        /DIRECTORY_UNWRITABLE: The directory file\S* cannot be written: .*\./,
        'A file is in the way: name another directory.',
      ),
    )
  }
})

test.each([
  [['--prot', '80'], {}, "Unknown option '--prot': did you mean --port?\n"],
  [['--nonsense'], {}, "Unknown option '--nonsense': --help lists what is accepted.\n"],
  [
    ['--port', '70000'],
    {},
    '--port was given "70000", but it takes a whole number from 0 to 65535.\n',
  ],
  [
    [],
    { SHASHIN_DURABILITY: 'none' },
    'SHASHIN_DURABILITY was given "none", but it takes sync, interval or os.\n',
  ],
  [['extra'], {}, 'Too many arguments for \'serve\': it takes 0, but was given "extra".\n'],
])('serve %j %j is refused', async (args, environment, stderr) => {
  await using programs = await Programs.create()
  const end = await programs.run(['serve', ...args], { environment })
  expect(end).toEqual({ code: 2, signal: null, stdout: '', stderr })
  expect(await readdir(programs.path)).toEqual([])
})

/** True when no new connection is taken. */
function isRefused(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname)
    socket.on('connect', () => resolve(false)).on('error', () => resolve(true))
    socket.on('close', () => socket.destroy())
    setImmediate(() => socket.end())
  })
}

test('a lock whose process is gone is taken over', async () => {
  await using programs = await Programs.create()
  const server = await programs.serve(QUIET)
  server.kill('SIGKILL')
  await server.end
  expect(await readFile(programs.at('data', 'lock'), 'utf8')).toContain(`${server.pid} `)
  const again = await programs.serve(QUIET)
  expect(await readFile(programs.at('data', 'lock'), 'utf8')).toContain(`${again.pid} `)
})
