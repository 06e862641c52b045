// Every command but `serve` as a process: what it prints where, and with which status it ends. All
// of them work on copies of one small store, which a real server has made and closed.
//
// Standard output holds data and nothing else; remarks and failures are whole sentences on standard
// error.

import { existsSync } from 'node:fs'
import { cp, open, readFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PREFIX } from '../../src/api/app.ts'
import { COMMANDS } from '../../src/config.ts'
import { cameraJpeg } from '../support/pictures.ts'
import { Programs, saying } from '../support/program.ts'
import type { End, RunOptions } from '../support/program.ts'

const SEGMENT = 'data/log/0000000000000001.log'

/** Of the store that all tests begin with: users, sessions, media, files, post, comments … */
const ROW_COUNT = 10
const LAST_LSN = 8
const SNAPSHOT_LSN = 5

let programs: Programs
let copyCount = 0

/** A copy of the store; returns the name of its directory. */
async function copyOfStore(): Promise<string> {
  const name = `copy-${++copyCount}`
  await cp(programs.at('store'), programs.at(name), { recursive: true })
  return name
}

function run(
  store: string,
  [command = '', ...args]: string[],
  options: RunOptions = {},
): Promise<End> {
  return programs.run([command, ...programs.storeFlags(store), ...args], options)
}

/** Turns one bit of a file around. */
async function damage(store: string, file: string, offset: number): Promise<void> {
  const handle = await open(programs.at(store, file), 'r+')
  const bytes = Buffer.alloc(1)
  await handle.read(bytes, 0, 1, offset)
  bytes[0]! ^= 0x10
  await handle.write(bytes, 0, 1, offset)
  await handle.close()
}

/**
 * Expects sentences: a capital or a code at the beginning of each line, and a full stop at its end.
 */
function expectSentences(text: string): void {
  for (const line of text.trimEnd().split('\n')) {
    expect(line).toMatch(/^(?:[A-Z]|--\w)/)
    expect(line).toMatch(/[.?]$/)
  }
}

function refusal(stderr: string | RegExp, code = 2): object {
  const said = typeof stderr === 'string' ? stderr : (expect.stringMatching(stderr) as string)
  return { code, signal: null, stdout: '', stderr: said }
}

beforeAll(async () => {
  programs = await Programs.create()
  const server = await programs.serve([...programs.storeFlags('store'), '--log-level', 'silent'])
  const call = async (
    path: string,
    token: string,
    body: FormData | object,
  ): Promise<Record<string, string>> => {
    const isForm = body instanceof FormData
    const response = await fetch(`${server.url}${PREFIX}${path}`, {
      method: 'POST',
      headers: {
        ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
        ...(isForm ? {} : { 'content-type': 'application/json' }),
      },
      body: isForm ? body : JSON.stringify(body),
    })
    expect(response.status).toBe(201)
    return (await response.json()) as Record<string, string>
  }
  const { token = '' } = await call('/users', '', { handle: 'hanako', password: 'password' })
  const form = new FormData()
  form.append('file', new Blob([new Uint8Array(await cameraJpeg(64, 48))]), 'a.jpg')
  const media = await call('/media', token, form)
  const post = await call('/posts', token, { caption: 'line\u2028separator', media: [media['id']] })
  await call(`/posts/${post['id']}/comments`, token, { text: 'one' })
  server.kill('SIGUSR2')
  await server.says(`Snapshot ${SNAPSHOT_LSN} is taken: `)
  await call(`/posts/${post['id']}/comments`, token, { text: 'two' })
  await call(`/posts/${post['id']}/comments`, token, { text: 'three' })
  await call('/users', '', { handle: 'jiro', password: 'password' })
  server.kill('SIGTERM')
  expect((await server.end).code).toBe(0)
})

afterAll(() => programs[Symbol.asyncDispose]())

describe('the program', () => {
  test('without a command it prints its help, and that it was called wrongly', async () => {
    const end = await programs.run([])
    expect(end).toMatchObject({ code: 2, stdout: '' })
    expect(end.stderr).toMatch(/^Usage: shashin \[options\] \[command\]\n/)
  })
  test('--version', async () => {
    const { version } = JSON.parse(
      await readFile(join(import.meta.dirname, '../../package.json'), 'utf8'),
    ) as { version: string }
    expect(await programs.run(['--version'])).toEqual({
      code: 0,
      signal: null,
      stdout: `${version}\n`,
      stderr: '',
    })
  })
  test.each(['', ...COMMANDS])('%s --help', async (command) => {
    const end = await programs.run(command === '' ? ['--help'] : [command, '--help'])
    expect(end).toMatchObject({ code: 0, stderr: '' })
    expect(end.stdout).toContain(`Usage: shashin ${command}`)
    expect(end.stdout).toContain(command === '' ? 'Commands:' : '--snapshots <directory>')
  })
  test.each([
    ['exprot', "Unknown command 'exprot': did you mean export?\n"],
    ['dance', "Unknown command 'dance': --help lists what is accepted.\n"],
  ])('the unknown command %s', async (command, stderr) => {
    expect(await programs.run([command])).toEqual(refusal(stderr))
  })
  test.each(['check', 'stats', 'snapshot', 'export', 'restore --to-lsn 1 --into r'])(
    '%s where there is no store makes none',
    async (command) => {
      const end = await run('nowhere', command.split(' '))
      expect(end).toEqual(
        refusal(
          'STORE_NOT_FOUND: There is no store in the directory nowhere/data.\n' +
            'Name its directory with --data; `serve` and `import` make one.\n',
        ),
      )
      expect(existsSync(programs.at('nowhere'))).toBe(false)
    },
  )
  test.each(['check', 'export', 'import', 'restore --to-lsn 1 --into r'])(
    '%s leaves a running server alone',
    async (command) => {
      const store = await copyOfStore()
      const server = await programs.serve([...programs.storeFlags(store), '--log-level', 'silent'])
      const end = await run(store, command.split(' '))
      expect(end).toEqual(
        refusal(
          `DIRECTORY_IN_USE: The directory ${store}/data is in use by process ${server.pid}.\n` +
            'Stop that process first, or name another directory.\n',
        ),
      )
      server.kill('SIGTERM')
      expect((await server.end).code).toBe(0)
    },
  )
})

describe('check', () => {
  test('a good store is OK', async () => {
    const store = await copyOfStore()
    expect(await run(store, ['check'])).toEqual({
      code: 0,
      signal: null,
      stdout: `OK: ${ROW_COUNT} rows at lsn ${LAST_LSN}.\n`,
      stderr: '',
    })
    const json = await run(store, ['check', '--json'])
    expect(json).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(json.stdout)).toMatchObject({
      ok: true,
      problems: [],
      rows: ROW_COUNT,
      lastLsn: LAST_LSN,
      snapshotLsn: SNAPSHOT_LSN,
      replayed: LAST_LSN - SNAPSHOT_LSN,
    })
  })
  test('a damaged snapshot page is found, named, and done without', async () => {
    const store = await copyOfStore()
    await damage(store, 'snapshots/0000000000000005.pages', 70_000)
    const found = saying(
      /Snapshot 5 is damaged: \d+\.pages, offset 69632: page 1: checksum \d+ expected, \d+ found\./,
    )
    const end = await run(store, ['check'])
    expect(end.code).toBe(1)
    expect(end.stdout).toMatch(found)
    expectSentences(end.stderr)
    const json = await run(store, ['check', '--json'])
    expect(json.code).toBe(1)
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, snapshotLsn: 0, rows: ROW_COUNT })
  })
  test('a damaged segment is refused with place and advice', async () => {
    const store = await copyOfStore()
    const frames = (await findings(store, SEGMENT)).filter(({ kind }) => kind === 'frame')
    await damage(store, SEGMENT, Number(frames[1]?.['offset']) + 100)
    const end = await run(store, ['check'])
    expect(end).toEqual(
      refusal(
        saying(
          /LOG_DAMAGED: 0000000000000001\.log, offset \d+: .*\./,
          /Bring the missing bytes back .*: shashin restore --to-lsn \d+ --into DIR\./,
        ),
      ),
    )
  })
  test('a torn tail is cut, kept aside, and told', async () => {
    const store = await copyOfStore()
    const server = await programs.serve([...programs.storeFlags(store), '--log-level', 'silent'])
    server.kill('SIGKILL')
    await server.end
    const { offset } = (await findings(store, SEGMENT)).at(-1) as { offset: number }
    const segment = await open(programs.at(store, SEGMENT), 'r+')
    await segment.write(Buffer.from('half a frame'), 0, 12, offset)
    await segment.close()
    expect((await findings(store, SEGMENT)).at(-1)).toMatchObject({
      kind: 'torn',
      offset,
      size: 16,
    })
    const end = await run(store, ['check'])
    expect(end).toMatchObject({ code: 0, stdout: `OK: ${ROW_COUNT} rows at lsn ${LAST_LSN}.\n` })
    expect(end.stderr).toContain('16 bytes')
    expectSentences(end.stderr)
    expect((await findings(store, SEGMENT)).at(-1)).toMatchObject({ kind: 'end', offset })
  })
})

async function inspect(store: string, file: string, ...args: string[]): Promise<End> {
  return programs.run([
    'inspect',
    join(store, file),
    '--snapshots',
    join(store, 'snapshots'),
    ...args,
  ])
}

/** What `inspect --json` prints, one object a line. */
async function findings(store: string, file: string): Promise<Record<string, unknown>[]> {
  const { stdout } = await inspect(store, file, '--json')
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe('inspect', () => {
  test('a segment: header, frames, transactions with their effects, seal', async () => {
    const end = await inspect('store', SEGMENT)
    expect(end).toMatchObject({ code: 0, stderr: '' })
    expect(end.stdout).toMatch(
      /^segment +directory=\S+ storeId=[0-9a-f]{32} firstLsn=1 createdAt=20/,
    )
    expect(end.stdout).toMatch(/^transaction lsn=2 label=signUp time=20\S+Z size=\d+$/m)
    expect(end.stdout).toMatch(
      /^ {2}insert {4}table=users row=1 createdAt=20\S+Z .*handle=hanako /m,
    )
    const lines = await findings('store', SEGMENT)
    const labels = lines.flatMap(({ kind, label }) => (kind === 'transaction' ? [label] : []))
    expect(labels).toEqual([
      'engine:schema',
      'signUp',
      'createMedia',
      'publishPost',
      'publishComment',
      'publishComment',
      'publishComment',
      'signUp',
    ])
    expect(lines.slice(-2)).toMatchObject([
      { kind: 'seal', firstLsn: LAST_LSN + 1, durableLsn: LAST_LSN },
      { kind: 'end', nextLsn: LAST_LSN + 1, because: 'nothing but zeros follows' },
    ])
  })
  test('a segment of a running server', async () => {
    const store = await copyOfStore()
    const server = await programs.serve([...programs.storeFlags(store), '--log-level', 'silent'])
    expect((await findings(store, SEGMENT)).at(-1)).toMatchObject({ kind: 'end' })
    expect(server.hasEnded).toBe(false)
  })
  test('a manifest, its pages, the watermark', async () => {
    const [manifest] = await findings('store', 'snapshots/0000000000000005.manifest')
    expect(manifest).toMatchObject({ kind: 'manifest', formatVersion: 1, lsn: SNAPSHOT_LSN })
    const [pages] = await findings('store', 'snapshots/0000000000000005.pages')
    expect(pages).toMatchObject({ kind: 'pages', formatVersion: 1, lsn: SNAPSHOT_LSN })
    const [watermark] = await findings('store', 'data/watermark')
    expect(watermark).toMatchObject({ kind: 'watermark', durableLsn: LAST_LSN, isSealed: true })
    for (const file of ['snapshots/0000000000000005.manifest', 'data/watermark']) {
      expect(await inspect('store', file)).toMatchObject({ code: 0, stderr: '' })
    }
  })
  test('damage is a fault with its place, and status 1', async () => {
    const store = await copyOfStore()
    await damage(store, SEGMENT, 8_300)
    await damage(store, 'snapshots/0000000000000005.manifest', 200)
    await damage(store, 'snapshots/0000000000000005.pages', 20)
    await damage(store, 'data/watermark', 20)
    for (const file of [
      SEGMENT,
      'snapshots/0000000000000005.manifest',
      'snapshots/0000000000000005.pages',
      'data/watermark',
    ]) {
      const end = await inspect(store, file)
      expect(end, file).toMatchObject({ code: 1, stderr: '' })
      expect(end.stdout).toMatch(/^fault {7}.*fault=.*(?:expected|found)/m)
      expect((await findings(store, file)).at(-1)).toMatchObject({ kind: 'fault' })
    }
  })
  test('a file that is none of a store, one that is not there', async () => {
    expect(await inspect('store', 'data/media')).toEqual(
      refusal(
        'INSPECT_UNKNOWN: The file store/data/media is none of a store, by its name.\n' +
          'Inspect takes a .log, .manifest or .pages file, or the watermark.\n',
      ),
    )
    for (const file of ['data/log/0000000000000099.log', 'nowhere/watermark', '9.manifest']) {
      expect(await inspect('store', file)).toEqual(
        refusal(`Cannot open store/${file}: there is no such file or directory.\n`),
      )
    }
    expect(await programs.run(['inspect'])).toEqual(
      refusal("Missing required argument 'file': --help lists what is accepted.\n"),
    )
  })
})

describe('snapshot', () => {
  test('of a store that nobody has open', async () => {
    const store = await copyOfStore()
    const end = await run(store, ['snapshot'])
    expect(end.code).toBe(0)
    expect(end.stdout).toMatch(/^Snapshot 8 is taken: \d+ pages, \d\.\d MB, \d+ ms\.\n$/)
    expect(end.stderr).toMatch(
      /^Recovered 10 rows in \d\.\d\d s: snapshot 5, 3 transactions replayed, at lsn 8\.\n$/,
    )
    const json = await run(store, ['snapshot', '--json'])
    expect(JSON.parse(json.stdout)).toEqual({ lsn: 8, taken: false })
    expect((await run(store, ['snapshot'])).stdout).toBe(
      'Snapshot 8 is there already: nothing has changed since.\n',
    )
    expect((await run(store, ['check'])).stdout).toBe('OK: 10 rows at lsn 8.\n')
  })
  test('by the server that has it open', async () => {
    const store = await copyOfStore()
    const server = await programs.serve([...programs.storeFlags(store), '--log-level', 'silent'])
    expect(await run(store, ['snapshot'])).toEqual({
      code: 0,
      signal: null,
      stdout: `Snapshot 8 is taken by process ${server.pid}.\n`,
      stderr: `Process ${server.pid} is asked for a snapshot.\n`,
    })
    expect(server.stderr).toMatch(/^Snapshot 8 is taken: /m)
    const json = await run(store, ['snapshot', '--json'])
    expect(json).toMatchObject({ code: 0, stdout: '{"lsn":8,"taken":false}\n', stderr: '' })
  })
  test('a command that has the store open survives being asked for one', async () => {
    const importing = programs.start(['import', ...programs.storeFlags('importing')], {
      holdsInput: true,
    })
    await importing.says('There was no store: a new one is made.')
    importing.kill('SIGUSR2')
    importing.child.stdin.end((await run('store', ['export'])).stdout)
    expect(await importing.end).toMatchObject({ code: 0, signal: null })
  })
})

describe('restore', () => {
  test('--to-lsn, and the copy is a store of its own with all photos', async () => {
    const end = await run('store', ['restore', '--to-lsn', '6', '--into', 'six'])
    expect(end).toMatchObject({ code: 0, stderr: '' })
    expect(end.stdout).toMatch(
      saying(
        /Restored 7 rows as of lsn 6, 20\S+Z\./,
        'Start it with: shashin serve --data six/data --snapshots six/snapshots',
      ),
    )
    expect((await run('six', ['check'])).stdout).toBe('OK: 7 rows at lsn 6.\n')
    const media = async (store: string): Promise<string[]> =>
      (await readdir(programs.at(store, 'data/media'), { recursive: true })).toSorted()
    expect(await media('six')).toEqual(await media('store'))
    const server = await programs.serve([...programs.storeFlags('six'), '--log-level', 'silent'])
    expect((await fetch(`${server.url}${PREFIX}/users/hanako`)).status).toBe(200)
    expect((await fetch(`${server.url}${PREFIX}/users/jiro`)).status).toBe(404)
  })
  test('--to-time', async () => {
    const transactions = (await findings('store', SEGMENT)).filter(
      ({ kind }) => kind === 'transaction',
    )
    const time = transactions[3]!['time'] as number
    const flags = ['--to-time', new Date(time).toISOString(), '--into', 'four', '--json']
    const end = await run('store', ['restore', ...flags])
    expect(end).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(end.stdout)).toMatchObject({
      lsn: 4,
      time,
      rows: 5,
      data: 'four/data',
      snapshots: 'four/snapshots',
    })
  })
  test.each([
    [
      ['--into', 'r', '--to-lsn', '99'],
      'LOG_GAP: Lsn 99 is not in the log, which ends with lsn 8.\n' +
        'The newest state that can be restored is lsn 8.\n',
    ],
    [
      ['--into', 'r', '--to-time', '2020-01-31'],
      'LOG_GAP: Nothing is held from before 2020-01-31T00:00:00.000Z.\n' +
        'The log and the snapshots that are kept begin later: `inspect` shows what they hold.\n',
    ],
    [
      ['--into', 'store', '--to-lsn', '2'],
      'DIRECTORY_UNWRITABLE: The directory store is not empty.\n' +
        'Name a directory that does not exist yet.\n',
    ],
    [
      ['--into', 'r', '--to-lsn', '0'],
      '--to-lsn was given "0", but it takes a whole number from 1.\n',
    ],
    [
      ['--into', 'r', '--to-time', 'soon'],
      '--to-time was given "soon", but it takes a time like 2026-01-31T12:00:00Z.\n',
    ],
    [['--into', 'r'], 'Restore takes either --to-lsn or --to-time.\n'],
    [
      ['--into', 'r', '--to-lsn', '1', '--to-time', '2026-01-01'],
      'Restore takes either --to-lsn or --to-time.\n',
    ],
    [
      ['--to-lsn', '1'],
      "Required option '--into <directory>' not specified: --help lists what is accepted.\n",
    ],
  ])('%j is refused', async (args, stderr) => {
    expect(await run('store', ['restore', ...args])).toEqual(refusal(stderr))
    expect(existsSync(programs.at('r'))).toBe(false)
  })
  test('a log that is damaged later is restored up to the damage', async () => {
    const store = await copyOfStore()
    await rm(programs.at(store, 'snapshots'), { recursive: true })
    const frames = (await findings(store, SEGMENT)).filter(({ kind }) => kind === 'frame')
    await damage(store, SEGMENT, (frames.at(-2)!['offset'] as number) + 50)
    const refused = await run(store, ['check'])
    const advised = /shashin restore --to-lsn (\d+) --into DIR/.exec(refused.stderr)![1]!
    const end = await run(store, ['restore', '--to-lsn', advised, '--into', 'mended'])
    expect(end.code).toBe(0)
    expect((await run('mended', ['check'])).stdout).toContain(`at lsn ${advised}.`)
  })
})

describe('export and import', () => {
  test('through a file, and what comes out again is the same', async () => {
    const exported = await run('store', ['export', 'store.jsonl'])
    expect(exported).toEqual({
      code: 0,
      signal: null,
      stdout: '',
      stderr: 'Exported 10 rows at lsn 8.\n',
    })
    const imported = await run('twin', ['import', 'store.jsonl'])
    expect(imported).toMatchObject({ code: 0, stdout: '' })
    expect(imported.stderr).toMatch(
      /^There was no store: a new one is made\.\nImported 10 rows in \d\.\d s, snapshot \d+\.\n$/,
    )
    expect((await run('twin', ['check'])).stdout).toMatch(/^OK: 10 rows at lsn \d+\.\n$/)
    const again = await run('twin', ['export', '-'])
    const rowsOf = (text: string): string[] => text.split('\n').slice(1, -2)
    expect(rowsOf(again.stdout)).toEqual(rowsOf(await readFile(programs.at('store.jsonl'), 'utf8')))
    expect(again.stdout).toContain('line\u2028separator')
    expect(await readdir(programs.path)).not.toContain('store.jsonl.partial')
  })
  test('through a pipe', async () => {
    const exported = await run('store', ['export'])
    expect(exported.stderr).toBe('Exported 10 rows at lsn 8.\n')
    for (const line of exported.stdout.trimEnd().split('\n')) JSON.parse(line)
    const imported = await run('piped', ['import'], { input: exported.stdout })
    expect(imported.code).toBe(0)
    expect((await run('piped', ['check'])).code).toBe(0)
  })
  test('a reader of the pipe that goes away is no failure', async () => {
    const exporting = programs.start(['export', ...programs.storeFlags('store')])
    exporting.child.stdout.destroy()
    expect(await exporting.end).toMatchObject({ code: 0, signal: null })
  })
  test.each([
    [
      'cut in the middle',
      (text: string) => text.slice(0, text.length / 2),
      /^IMPORT_INVALID: Line \d+: it is not JSON\.$/m,
    ],
    [
      'without its last line',
      (text: string) => text.split('\n').slice(0, -2).join('\n'),
      /^IMPORT_INVALID: Line 11: the export ends before its last line\.$/m,
    ],
    [
      'changed',
      (text: string) => text.replace('hanako', 'hanaka'),
      /^IMPORT_INVALID: Line 12: SHA-256 [0-9a-f]{64} expected, found [0-9a-f]{64}\.$/m,
    ],
    ['empty', () => '', /^IMPORT_INVALID: The export is empty\.$/m],
    [
      'something else',
      () => '{"a":1}\n',
      /^IMPORT_INVALID: Line 1: this is no export of Shashin\.$/m,
    ],
    [
      'of another format',
      (text: string) => text.replace('"format":1', '"format":7'),
      /^IMPORT_INVALID: Line 1: format 7 is unknown, this program reads 1\.$/m,
    ],
  ])('an export that is %s is refused', async (name, change, stderr) => {
    const { stdout } = await run('store', ['export'])
    const store = `refused-${name.replaceAll(' ', '-')}`
    const end = await run(store, ['import'], { input: change(stdout) })
    expect(end).toEqual(refusal(stderr))
    expectSentences(end.stderr)
    // Nothing of so small an export is taken before its last line is seen: one may begin again.
    expect(await run(store, ['import'], { input: stdout })).toMatchObject({ code: 0 })
  })
  test('of a larger one a part may be there, and it says so', async () => {
    const { stdout } = await run('store', ['export'])
    const lines = stdout.split('\n')
    const row = lines.find(
      (line) => line.startsWith('{"table":"follows"') || line.includes('"hanako"'),
    )!
    const many = Array.from({ length: 1_200 }, (_, index) =>
      row.replace('"id":1,', `"id":${index + 1},`).replaceAll('"hanako"', `"hanako_${index}"`),
    )
    const end = await run('part', ['import'], { input: [lines[0], ...many].join('\n') })
    expect(end).toEqual(
      refusal(
        saying(
          'There was no store: a new one is made.',
          'A part of the rows is in part/data now: ' +
            'delete part/data and part/snapshots before you try again.',
          /IMPORT_INVALID: .*/,
        ),
      ),
    )
    const twice = await run('part', ['import'], { input: stdout })
    expect(twice).toEqual(
      refusal(
        saying(
          /Recovered .*/,
          'IMPORT_INVALID: The store has 1000 rows: not empty.',
          'Import into a new data directory.',
        ),
      ),
    )
  })
  test('an input that is not there, or is a directory, leaves nothing behind', async () => {
    expect(await run('new', ['import', 'nowhere.jsonl'])).toEqual(
      refusal('Cannot open nowhere.jsonl: there is no such file or directory.\n'),
    )
    expect(await run('new', ['import', 'store'])).toEqual(
      refusal('Cannot read store: it is a directory, not a file.\n'),
    )
    expect(existsSync(programs.at('new'))).toBe(false)
  })
  test('an output that cannot be made', async () => {
    expect(await run('store', ['export', 'nowhere/a.jsonl'])).toEqual(
      refusal('Cannot open nowhere/a.jsonl.partial: there is no such file or directory.\n'),
    )
    expect(await run('store', ['export', 'store'])).toEqual(
      refusal('Cannot open store: it is a directory, not a file.\n'),
    )
  })
  test.skipIf(!existsSync('/dev/full'))('a full disk is told, with status 1', async () => {
    expect(await run('store', ['export', '/dev/full'])).toEqual(
      refusal('Cannot write: the disk is full.\n', 1),
    )
    expect(existsSync('/dev/full')).toBe(true)
  })
  test('what fails leaves no file', async () => {
    const store = await copyOfStore()
    await damage(store, SEGMENT, 8_300)
    expect(await run(store, ['export', 'damaged.jsonl'])).toEqual(refusal(/^LOG_DAMAGED: /))
    expect((await readdir(programs.path)).join()).not.toContain('damaged')
  })
})

describe('stats', () => {
  test('of a store that nobody has open', async () => {
    const end = await run('store', ['stats'])
    expect(end).toMatchObject({ code: 0, stderr: '' })
    expect(end.stdout).toMatch(/^log +1 file, 4\.2 MB$/m)
    expect(end.stdout).toMatch(/^lsn +1 first in the log, 5 newest snapshot, 8 last$/m)
    expect(end.stdout).toMatch(/^users +2 +2 +\d/m)
    const json = await run('store', ['stats', '--json'])
    expect(JSON.parse(json.stdout)).toMatchObject({
      runningAs: null,
      media: { files: 2 },
      state: { rows: ROW_COUNT, lastLsn: LAST_LSN, snapshotLsn: SNAPSHOT_LSN },
    })
  })
  test('of a running server: what files tell', async () => {
    const store = await copyOfStore()
    const server = await programs.serve([...programs.storeFlags(store), '--log-level', 'silent'])
    const end = await run(store, ['stats'])
    expect(end.code).toBe(0)
    expect(end.stdout).toMatch(/^log .*\nsnapshots .*\nmedia .*\n$/)
    expect(end.stderr).toMatch(new RegExp(`^Process ${server.pid} has the store open`))
    expectSentences(end.stderr)
    const json = await run(store, ['stats', '--json'])
    expect(JSON.parse(json.stdout)).toMatchObject({ runningAs: server.pid, state: null })
  })
})
