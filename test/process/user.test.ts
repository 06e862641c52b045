// Accounts by the operator: `shashin user` on a store that nobody has open, and how the first admin
// of a new network comes about.

import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PREFIX } from '../../src/api/app.ts'
import { Programs } from '../support/program.ts'
import type { End, RunOptions, Server } from '../support/program.ts'

const QUIET = ['--log-level', 'silent']

let programs: Programs
beforeAll(async () => {
  programs = await Programs.create()
})
afterAll(() => programs[Symbol.asyncDispose]())

function user(store: string, args: string, options: RunOptions = {}): Promise<End> {
  return programs.run(['user', ...args.split(' '), ...programs.storeFlags(store)], options)
}

async function post(server: Server, path: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(server.url + PREFIX + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: response.status, ...((await response.json()) as object) }
}

async function roleOf(server: Server, token: unknown): Promise<unknown> {
  const headers = { authorization: `Bearer ${String(token)}` }
  const response = await fetch(`${server.url}${PREFIX}/me`, { headers })
  return ((await response.json()) as { role: string }).role
}

async function end(server: Server): Promise<void> {
  server.kill('SIGTERM')
  expect((await server.end).code).toBe(0)
}

describe('shashin user', () => {
  test('makes accounts, lists them, and sets passwords that work', async () => {
    const made = await user('made', 'create Anna --admin')
    expect(made).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^[\w-]{20}\n$/) as string,
    })
    expect(made.stderr).toContain('The account Anna is made, and is an admin.\n')
    await writeFile(programs.at('secret'), 'out of a file\r\n')
    const ben = await user('made', 'create ben --password-file secret')
    expect(ben).toMatchObject({ code: 0, stdout: '' })
    const input = 'out of a pipe\n'
    const set = await user('made', 'set-password ANNA --password-file -', { input })
    expect(set).toMatchObject({ code: 0, stdout: '' })

    const list = await user('made', 'list')
    expect(list).toMatchObject({ code: 0, stderr: '' })
    expect(list.stdout).toMatch(
      /^Anna {28}admin {6}\d{4}-\d\d-\d\d\nben {29}user {7}\d{4}-\d\d-\d\d\n$/,
    )
    const lines = (await user('made', 'list --json')).stdout.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { id: 1, handle: 'Anna', role: 'admin', isSuspended: false },
      { id: 2, handle: 'ben', role: 'user', isSuspended: false },
    ])

    const server = await programs.serve([...programs.storeFlags('made'), ...QUIET])
    expect(server.stderr).not.toContain('Nobody has an account here yet')
    for (const body of [
      { handle: 'anna', password: 'out of a pipe' },
      { handle: 'ben', password: 'out of a file' },
    ]) {
      expect(await post(server, '/sessions', body)).toMatchObject({ status: 201 })
    }
    const running = await user('made', 'list')
    expect(running).toMatchObject({ code: 2, stdout: '' })
    expect(running.stderr).toMatch(/^DIRECTORY_IN_USE: /)
    await end(server)
  })

  test.each([
    ['frob', 'There is no "user frob": it takes create, set-password or list.\n'],
    ['list anna', '"user list" takes no handle, but was given "anna".\n'],
    ['create', '"user create" takes the handle of an account.\n'],
    ['list --admin', '"user list" takes no --admin.\n'],
    ['list --password-file x', '"user list" takes no --password-file.\n'],
    ['create anna --json', '"user create" takes no --json.\n'],
    ['create anna --password-file -', 'A password has 8 to 200 characters; this one has 5.\n'],
    ['create anna --password-file none', 'Cannot open none: there is no such file or directory.\n'],
  ])('%s is refused, and leaves no store', async (args, stderr) => {
    const refused = await user('refused', args, { input: 'short' })
    expect(refused).toEqual({ code: 2, signal: null, stdout: '', stderr })
    expect(existsSync(programs.at('refused'))).toBe(false)
  })

  test.each(['list', 'set-password anna'])('%s makes no store', async (args) => {
    const refused = await user('nowhere', args)
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toMatch(/^STORE_NOT_FOUND: /)
    expect(existsSync(programs.at('nowhere'))).toBe(false)
  })

  test('says what the network does not accept', async () => {
    await user('picky', 'create anna')
    for (const [args, sentence] of [
      ['create ANNA', 'This handle belongs to somebody else.\n'],
      ['create a..b', 'A handle has 1 to 30 letters'],
      ['set-password ben', 'There is no user ben.\n'],
    ] as const) {
      const refused = await user('picky', args)
      expect(refused).toMatchObject({ code: 2, stdout: '' })
      expect(refused.stderr).toContain(sentence)
    }
  })
})

describe('the first start', () => {
  test('prints a code that makes one admin', async () => {
    const server = await programs.serve([...programs.storeFlags('fresh'), ...QUIET])
    await server.says('Nobody has an account here yet: ')
    const [, invite = ''] = /with the invite ([\w-]{20}) becomes/.exec(server.stderr) ?? []
    const password = 'a long password'
    const early = await post(server, '/users', { handle: 'early', password })
    expect(await roleOf(server, early['token'])).toBe('user')
    const anna = await post(server, '/users', { handle: 'anna', password, invite })
    expect(await roleOf(server, anna['token'])).toBe('admin')
    const late = await post(server, '/users', { handle: 'late', password, invite })
    expect(late).toMatchObject({ status: 422, code: 'INVITE_INVALID' })
    await end(server)
    const again = await programs.serve([...programs.storeFlags('fresh'), ...QUIET])
    await end(again)
    expect((await again.end).stderr).not.toContain('invite')
  })

  test('makes the admin whom the environment names', async () => {
    const environment = { SHASHIN_ADMIN_HANDLE: 'root', SHASHIN_ADMIN_PASSWORD: 'a long password' }
    const flags = [...programs.storeFlags('named'), ...QUIET]
    const server = await programs.serve(flags, { environment })
    expect(server.stderr).toContain('The account root is made, and is the first admin.\n')
    const body = { handle: 'root', password: 'a long password' }
    const { token } = await post(server, '/sessions', body)
    expect(await roleOf(server, token)).toBe('admin')
    await end(server)
    expect((await server.end).stderr).not.toContain('Nobody has an account')
    const again = await programs.serve(flags, { environment })
    await end(again)
    expect((await again.end).stderr).not.toContain('first admin')
  })

  test('refuses half of a name, and a password that is none', async () => {
    for (const [environment, code, sentence] of [
      [
        { SHASHIN_ADMIN_HANDLE: 'root' },
        2,
        'SHASHIN_ADMIN_HANDLE needs SHASHIN_ADMIN_PASSWORD, too.\n',
      ],
      [
        { SHASHIN_ADMIN_PASSWORD: 'a long password' },
        2,
        'SHASHIN_ADMIN_PASSWORD needs SHASHIN_ADMIN_HANDLE, too.\n',
      ],
      [
        { SHASHIN_ADMIN_HANDLE: 'root', SHASHIN_ADMIN_PASSWORD: 'short' },
        1,
        'SHASHIN_ADMIN_PASSWORD is not accepted: A password has 8 to 200 characters; ' +
          'this one has 5.\n',
      ],
    ] as const) {
      const args = ['serve', '--port', '0', ...programs.storeFlags('half'), ...QUIET]
      const refused = await programs.run(args, { environment })
      expect(refused).toMatchObject({ code })
      expect(refused.stderr).toContain(sentence)
    }
  })
})
