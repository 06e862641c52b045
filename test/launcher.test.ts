// The launcher: arguments, environment, signals and exit status reach the runtime and come back,
// whether it replaces its own process or, under an older Node, stays as the parent.

import { spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
let folder: string

/** Says what it was given; answers signals; ends as its first argument says. */
const MAIN = `
const { UV_THREADPOOL_SIZE: pool, MALLOC_ARENA_MAX: arenas } = process.env
const [what, value]: string[] = process.argv.slice(2)
for (const signal of ['SIGTERM', 'SIGINT', 'SIGUSR2', 'SIGHUP'] as const) {
  process.on(signal, () => {
    console.log(signal)
    if (signal !== 'SIGUSR2') process.exit(0)
  })
}
console.log(JSON.stringify({ node: process.version, pool, arenas, args: process.argv.slice(2) }))
if (what === 'exit') process.exit(Number(value))
if (what === 'die') process.kill(process.pid, 'SIGKILL')
setInterval(() => {}, 1000)
`

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'shashin-launcher-'))
  for (const part of ['bin', 'src']) mkdirSync(join(folder, part))
  copyFileSync(join(root, 'bin/shashin.js'), join(folder, 'bin/shashin.js'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(folder, 'src/main.ts'), MAIN)
  writeFileSync(join(folder, 'older-node.cjs'), 'delete process.execve')
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface End {
  readonly code: number | null
  readonly signal: string | null
  readonly lines: readonly string[]
}

/** Sends one signal after each line of output, in order. */
function launch(
  before: readonly string[],
  args: readonly string[],
  signals: readonly NodeJS.Signals[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<End> {
  const launcher = join(folder, 'bin/shashin.js')
  const child = spawn(process.execPath, [...before, launcher, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], ...environment },
  })
  const waiting = [...signals]
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    for (const _ of chunk.matchAll(/\n/g)) {
      const signal = waiting.shift()
      if (signal !== undefined) child.kill(signal)
    }
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      resolve({ code, signal, lines: text.trim().split('\n') })
    })
  })
}

describe.each([
  ['replacing its process', []],
  ['as the parent', ['--require', './older-node.cjs']],
])('%s', (_, options) => {
  const before = (): string[] => options.map((word) => word.replace('./', `${folder}/`))

  test('arguments and settings reach the pinned runtime, and its status comes back', async () => {
    const end = await launch(before(), ['exit', '7', '--port', '1'])
    expect(end).toMatchObject({ code: 7, signal: null })
    expect(JSON.parse(end.lines[0]!)).toEqual({
      node: process.version,
      pool: '8',
      arenas: '2',
      args: ['exit', '7', '--port', '1'],
    })
  })

  test('a setting that is already there wins', async () => {
    const end = await launch(before(), ['exit', '0'], [], { UV_THREADPOOL_SIZE: '1' })
    expect(JSON.parse(end.lines[0]!)).toMatchObject({ pool: '1', arenas: '2' })
  })

  test.each<NodeJS.Signals>(['SIGTERM', 'SIGINT', 'SIGHUP'])(
    '%s ends it in good order',
    async (name) => {
      const end = await launch(before(), [], ['SIGUSR2', name])
      expect(end).toMatchObject({ code: 0, signal: null })
      expect(end.lines.slice(1)).toEqual(['SIGUSR2', name])
    },
  )

  test('a runtime that is killed is reported as killed', async () => {
    expect(await launch(before(), ['die'])).toMatchObject({ code: null, signal: 'SIGKILL' })
  })
})
