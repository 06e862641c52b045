// Generations of code side by side, in real threads over real files.

import { execFileSync } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { releaseOf } from '../../src/threads/releases.ts'
import { CodeThread } from '../support/code-thread.ts'
import { CodeTree } from '../support/code-tree.ts'
import type { Module } from '../support/code-thread.ts'

const APP = 'api/app.ts'

let tree: CodeTree
let root: string
let thread: CodeThread

beforeEach(async () => {
  tree = await CodeTree.create()
  root = await tree.release('1')
  thread = new CodeThread(join(root, 'src'))
})
afterEach(async () => {
  await thread[Symbol.asyncDispose]()
  await tree[Symbol.asyncDispose]()
})

const app = (generation: number, source?: Module['source']): Module => ({
  entry: APP,
  generation,
  source,
})

async function change(name: string, text: string): Promise<void> {
  await tree.write(join('1', name), text)
}

describe('two generations', () => {
  test('answer side by side, each with its own code down to the last module', async () => {
    expect(await thread.value(app(1), 'answer')).toBe('app says one')
    await change('src/model/words.ts', "export const words = 'two'\n")
    expect(await thread.value(app(2), 'answer')).toBe('app says two')
    expect(await thread.value(app(1), 'answer')).toBe('app says one')
  })

  test('carry their number through circles of imports', async () => {
    expect(await thread.value(app(7), 'urls')).toEqual([
      expect.stringMatching(/\/src\/api\/app\.ts\?generation=7$/),
      expect.stringMatching(/\/src\/api\/echo\.ts\?generation=7$/),
    ])
  })

  test('carry their number through imports that come later', async () => {
    await thread.value(app(1), 'answer')
    await change('src/model/late.ts', "export const late = 'late two'\n")
    // Nobody has digests here: what lies there when it is imported is taken.
    expect(await thread.value(app(1), 'late')).toBe('late two')
    await change('src/model/late.ts', "export const late = 'late three'\n")
    expect(await thread.value(app(2), 'late')).toBe('late three')
    expect(await thread.value(app(1), 'late')).toBe('late two')
  })

  test('share engine, std and packages with each other and with the thread', async () => {
    const plain = { entry: 'engine/errors.ts', generation: 0 }
    const same = async (one: Module, other: Module, name: string): Promise<unknown> =>
      (await thread.ask({ ...one, name, same: other })).value
    expect(await same(app(1), app(2), 'EngineError')).toBe(true)
    expect(await same(app(2), plain, 'EngineError')).toBe(true)
    expect(await same(app(1), app(2), 'assert')).toBe(true)
    expect(await same(app(1), app(2), 'answer')).toBe(false)
  })

  test('know paths without a number, which a child process can be started with', async () => {
    const path = (await thread.value(app(3), 'workerPath')) as string
    expect(path).toBe(join(root, 'src/media/worker.ts'))
    expect(execFileSync(process.execPath, [path], { encoding: 'utf8' })).toBe('one\n')
    expect(await thread.value(app(3), 'fileName')).toBe(join(root, 'src/api/app.ts'))
  })

  test('are counted, several modules of one as one', async () => {
    const words = { entry: 'model/words.ts', generation: 1 }
    expect((await thread.ask({ ...app(1), name: 'name' })).count).toBe(1)
    expect((await thread.ask({ ...words, name: 'words' })).count).toBe(1)
    expect((await thread.ask({ ...app(2), name: 'name' })).count).toBe(2)
  })

  test('do not mix: one number has one root', async () => {
    await thread.value(app(1), 'answer')
    const words = { entry: 'model/words.ts', generation: 1 }
    const source = { sourceRoot: join(await tree.release('2'), 'src') }
    expect(await thread.failure({ ...words, source })).toMatchObject({ name: 'InvariantError' })
  })
})

describe('broken code', () => {
  const cases: readonly (readonly [string, string, string, number | undefined, RegExp])[] = [
    [
      'a mistake that TypeScript sees',
      'src/model/words.ts',
      "\nexport const words = 'x'\nconst broken: = 1\n",
      3,
      /^src\/model\/words\.ts, line 3: Unexpected token/,
    ],
    [
      'a mistake that only the engine of JavaScript sees',
      'src/model/words.ts',
      "export const words: string = 'x'\nlet a = 1\n\nlet a = 2\n",
      4,
      /^src\/model\/words\.ts, line 4: Identifier 'a' has already been declared$/,
    ],
    [
      'a throw while it is loaded',
      'src/model/words.ts',
      "export const words = 'x'\nfunction fail() {\n  throw new TypeError('no way')\n}\nfail()\n",
      3,
      /^src\/model\/words\.ts, line 3: TypeError: no way$/,
    ],
    [
      'a throw inside the engine, by its first caller in the product',
      'src/model/words.ts',
      "import { fail } from '../engine/errors.ts'\nexport const words = 'x'\n\nfail()\n",
      4,
      /^src\/model\/words\.ts, line 4: odd$/,
    ],
    [
      'a throw of no error',
      'src/api/app.ts',
      "throw 'a tantrum'\n",
      undefined,
      /^src\/api\/app\.ts: throws a tantrum$/,
    ],
    [
      'an import of what is not exported',
      'src/api/echo.ts',
      "import {\n  name,\n  nothing,\n} from './app.ts'\nexport const echo = nothing\n",
      3,
      /^src\/api\/echo\.ts, line 3: .*'nothing'/,
    ],
    [
      'an import of a file that is not there',
      'src/api/echo.ts',
      "// An echo.\nimport { gone } from './gone.ts'\nexport const echo = gone\n",
      2,
      /^src\/api\/echo\.ts, line 2: Cannot find module '.*gone\.ts'$/,
    ],
    [
      'an import of a package that is not there',
      'src/api/echo.ts',
      "// An echo.\n\nimport { gone } from 'gone'\nexport const echo = gone\n",
      3,
      /^src\/api\/echo\.ts, line 3: Cannot find package 'gone'$/,
    ],
  ]

  test.each(cases)('%s: says where, and the old goes on', async (...row) => {
    const [, name, text, line, sentence] = row
    expect(await thread.value(app(1), 'answer')).toBe('app says one')
    await change(name, text)
    const failure = await thread.failure(app(2))
    expect(failure).toMatchObject({ name: 'CodeError', file: name, line })
    expect(failure.message).toMatch(sentence)
    expect(failure.message).not.toContain('generation=')
    expect(failure.message.split(name)).toHaveLength(2)
    expect(await thread.value(app(1), 'answer')).toBe('app says one')
  })

  test('stays broken under its number, and is whole under the next one', async () => {
    await change('src/model/words.ts', 'export const word = 1\n')
    const failure = await thread.failure(app(2))
    await change('src/model/words.ts', "export const words = 'mended'\n")
    expect(await thread.failure(app(2))).toEqual(failure)
    expect(await thread.failure({ entry: 'model/words.ts', generation: 2 })).toEqual(failure)
    const answer = await thread.ask({ ...app(3), name: 'answer' })
    expect(answer).toMatchObject({ value: 'app says mended', count: 2 })
  })

  test('a directory without code is one sentence', async () => {
    const failure = await thread.failure(app(2, { sourceRoot: tree.at('nowhere/src') }))
    expect(failure).toMatchObject({ name: 'CodeError' })
    expect(failure.message).toContain(`There is no code at ${tree.at('nowhere/src')}`)
  })
})

describe('code of another release', () => {
  const two = { 'src/model/words.ts': "export const words = 'two'\n" }

  test('runs on the engine and the packages of the thread', async () => {
    const source = await releaseOf(await tree.release('2', two))
    await thread.value(app(1), 'answer')
    expect(await thread.value(app(2, source), 'answer')).toBe('app says two')
    expect(await thread.value(app(2, source), 'greeting')).toBe('the package of release 1')
    expect(await thread.value(app(2, source), 'fileName')).toBe(tree.at('2/src/api/app.ts'))
    const same = await thread.ask({ ...app(2, source), name: 'EngineError', same: app(1) })
    expect(same.value).toBe(true)
  })

  test('is that of its directory, whatever a link says later', async () => {
    const link = await tree.point('current', '1')
    const before = { sourceRoot: join(link, 'src') }
    expect(await thread.value(app(1, before), 'answer')).toBe('app says one')
    await tree.release('2', two)
    await tree.point('current', '2')
    expect(await thread.value(app(2, { sourceRoot: join(link, 'src') }), 'answer')).toBe(
      'app says two',
    )
    expect(await thread.value(app(1), 'late')).toBe('late one')
    expect(await thread.value(app(2), 'fileName')).toBe(tree.at('2/src/api/app.ts'))
  })

  test('needs no packages of its own, and outlives its directory', async () => {
    const source = await releaseOf(await tree.release('2', two))
    await rm(tree.at('2/node_modules'), { recursive: true })
    expect(await thread.value(app(2, source), 'answer')).toBe('app says two')
    await rm(tree.at('2'), { recursive: true })
    expect(await thread.value(app(2, source), 'answer')).toBe('app says two')
  })
})

describe('code that is held in memory', () => {
  test('is the same in all threads, whatever happens to its directory meanwhile', async () => {
    await using other = new CodeThread(join(root, 'src'))
    const release = await releaseOf(root)
    expect(await thread.value(app(1, release), 'answer')).toBe('app says one')
    await change('src/model/words.ts', 'export const broken: = 1\n')
    expect(await other.value(app(1, release), 'answer')).toBe('app says one')
    const broken = await releaseOf(root)
    for (const each of [thread, other]) {
      const { message } = await each.failure(app(2, broken))
      expect(message).toMatch(/^src\/model\/words\.ts, line 1: /)
    }
    // A thread that takes the place of another has what the others have.
    await using late = new CodeThread(join(root, 'src'))
    expect(await late.value(app(1, release), 'answer')).toBe('app says one')
  })

  test('is the same when it is imported late', async () => {
    const release = await releaseOf(root)
    await thread.value(app(1, release), 'answer')
    await change('src/model/late.ts', "export const late = 'late two'\n")
    expect(await thread.value(app(1, release), 'late')).toBe('late one')
    expect(await thread.value(app(2, await releaseOf(root)), 'late')).toBe('late two')
  })

  test('is loaded when its directory is gone', async () => {
    const two = { 'src/model/words.ts': "export const words = 'two'\n" }
    const release = await releaseOf(await tree.release('2', two))
    await rm(tree.at('2'), { recursive: true })
    expect(await thread.value(app(1, release), 'answer')).toBe('app says two')
    expect(await thread.value(app(1, release), 'late')).toBe('late one')
  })

  test('says where it is broken, from memory', async () => {
    const broken = {
      'src/model/words.ts': "export const words = 'x'\nlet a = 1\nlet a = 2\n",
      'src/api/echo.ts': "\nimport { gone } from './gone.ts'\nexport const echo = gone\n",
    }
    const release = await releaseOf(await tree.release('2', broken))
    await rm(tree.at('2'), { recursive: true })
    const words = await thread.failure({ entry: 'model/words.ts', generation: 1, source: release })
    expect(words).toMatchObject({ file: 'src/model/words.ts', line: 3 })
    const echo = await thread.failure({ entry: 'api/echo.ts', generation: 2, source: release })
    expect(echo).toMatchObject({ file: 'src/api/echo.ts', line: 2 })
  })

  test('takes nothing from the disk that came later', async () => {
    const missing = { 'src/api/echo.ts': "import { it } from './new.ts'\nexport const echo = it\n" }
    const release = await releaseOf(await tree.release('2', missing))
    await tree.write('2/src/api/new.ts', 'export const it = 1\n')
    const { message } = await thread.failure(app(1, release))
    expect(message).toBe('src/api/new.ts was not there when the code was looked at.')
  })
})
