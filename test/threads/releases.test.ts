// Releases: what a tree of code is taken for, and what a change of each of its files costs.

import { globSync, readFileSync } from 'node:fs'
import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { changeBetween, isCore, releaseOf } from '../../src/threads/releases.ts'
import { CodeTree } from '../support/code-tree.ts'

let tree: CodeTree
let root: string

beforeEach(async () => {
  tree = await CodeTree.create()
  root = await tree.release('1')
})
afterEach(() => tree[Symbol.asyncDispose]())

describe('a release', () => {
  test('is found through a link, with versions and digests', async () => {
    const link = await tree.point('current', '1')
    const release = await releaseOf(link)
    expect(release).toMatchObject({
      root,
      sourceRoot: join(root, 'src'),
      version: '1.0.0',
      runtime: '26.0.0',
      protocolVersion: 1,
      layoutVersion: 1,
    })
    expect(structuredClone(release)).toEqual(release)
  })

  test('holds the modules of the product in memory, and nothing else', async () => {
    const { files } = await releaseOf(root)
    const held = [...files].filter(([, { bytes }]) => bytes !== undefined).map(([name]) => name)
    expect(held).toEqual([
      'package.json',
      'src/api/app.ts',
      'src/api/echo.ts',
      'src/media/worker.ts',
      'src/model/late.ts',
      'src/model/words.ts',
    ])
    const { bytes } = files.get('src/model/words.ts')!
    expect(Buffer.from(bytes!).toString()).toBe("export const words = 'one'\n")
    // Shared, not copied, when it is sent to threads.
    expect(bytes!.buffer).toBeInstanceOf(SharedArrayBuffer)
  })

  test('knows what the main thread loads, by following imports that load something', async () => {
    expect((await releaseOf(root)).supervisorFiles).toEqual([
      'src/commands/serve.ts',
      'src/commands/server.ts',
      'src/config.ts',
      'src/main.ts',
      'src/threads/supervisor.ts',
      'src/threads/words.ts',
    ])
  })

  test('is the same wherever it lies, and in whichever order it was written', async () => {
    const first = await releaseOf(root)
    const second = await releaseOf(await tree.release('2'))
    expect(second.digests).toEqual(first.digests)
    expect([...second.files.keys()]).toEqual([...second.files.keys()].toSorted())
  })

  test('of the project itself is understood', async () => {
    const release = await releaseOf(join(import.meta.dirname, '../..'))
    expect(release.protocolVersion).toBeGreaterThan(0)
    expect(release.layoutVersion).toBeGreaterThan(0)
    expect(release.runtime).toMatch(/^\d+\.\d+\.\d+$/)
    expect(release.supervisorFiles).toContain('src/commands/server.ts')
    expect(release.files.has('src/api/app.ts')).toBe(true)
    expect(release.files.has('src/commands/export.ts')).toBe(false)
  })

  test('of the project itself has no thread that loads product code beside generations', () => {
    const src = join(import.meta.dirname, '../../src')
    const loading =
      /^(?:import(?!\s+type\b)[^'"]*?from|import|export[^'"]*?from)\s*'\.\.\/([^']+)'/gm
    for (const file of globSync('threads/**/*.ts', { cwd: src })) {
      for (const [, name] of readFileSync(join(src, file), 'utf8').matchAll(loading)) {
        expect(isCore(`src/${name}`), `${file} imports ${name}`).toBe(true)
      }
    }
  })

  test.each([
    ['nowhere', 'There is no code at ROOT/nowhere: no such directory, or a link to none.'],
    ['1/node_modules', 'There is no code at ROOT/1/node_modules: it has no directory src.'],
    ['bare', 'There is no code at ROOT/bare: it has no package.json.'],
    ['linked', 'src/model/link.ts is a link in ROOT/linked: a release holds its files itself.'],
  ])('is not %s', async (name, sentence) => {
    await tree.write('bare/src/a.ts', '')
    await tree.release('linked')
    await symlink('words.ts', tree.at('linked/src/model/link.ts'))
    await expect(releaseOf(tree.at(name))).rejects.toThrow(sentence.replace('ROOT', tree.path))
  })
})

describe('a change of', () => {
  test.each([
    ['src/model/words.ts', 'product'],
    ['src/api/app.ts', 'product'],
    ['src/media/worker.ts', 'product'],
    ['src/web/page.html', 'product'],
    ['package.json', 'product'],
    ['src/engine/errors.ts', 'threads'],
    ['src/std/assert.ts', 'threads'],
    ['src/api/connections.ts', 'threads'],
    ['src/threads/http-thread.ts', 'threads'],
    ['package-lock.json', 'threads'],
    ['src/main.ts', 'restart'],
    ['src/config.ts', 'restart'],
    ['src/commands/server.ts', 'restart'],
    ['src/threads/supervisor.ts', 'restart'],
    ['src/threads/words.ts', 'restart'],
    ['src/commands/export.ts', 'none'],
    ['README.md', 'none'],
  ])('%s means: %s', async (name, kind) => {
    const running = await releaseOf(root)
    const isJson = name.endsWith('.json')
    await tree.write(join('1', name), isJson ? '{ "other": 1 }' : '// Other code.\n')
    const change = changeBetween(running, await releaseOf(root))
    expect(change.kind).toBe(kind)
    if (kind !== 'none') expect(change.reason).toContain(name)
  })

  test.each([
    ['src/threads/protocol.ts', 'export const PROTOCOL_VERSION = 2\n', 'PROTOCOL_VERSION is 2'],
    ['src/engine/recovery.ts', 'export const LAYOUT_VERSION = 2\n', 'LAYOUT_VERSION is 2'],
    [
      'package-lock.json',
      '{ "packages": { "node_modules/node": { "version": "27.0.0" } } }',
      'the version of Node is 27.0.0',
    ],
  ])('the number in %s means: restart', async (name, text, reason) => {
    const running = await releaseOf(root)
    const found = await releaseOf(await tree.release('2', { [name]: text }))
    expect(changeBetween(running, found).kind).toBe('restart')
    expect(changeBetween(running, found).reason).toContain(`${reason} in the new code`)
  })

  test('several parts means what the dearest of them means', async () => {
    const running = await releaseOf(root)
    await tree.write('1/src/model/words.ts', '')
    await tree.write('1/src/model/more.ts', '')
    expect(changeBetween(running, await releaseOf(root))).toEqual({
      kind: 'product',
      reason: 'product code: src/model/words.ts, src/model/more.ts',
    })
    await tree.write('1/src/std/assert.ts', '')
    expect(changeBetween(running, await releaseOf(root))).toEqual({
      kind: 'threads',
      reason: 'every thread has loaded src/std/assert.ts',
    })
    await tree.write('1/src/threads/supervisor.ts', '')
    expect(changeBetween(running, await releaseOf(root))).toEqual({
      kind: 'restart',
      reason: 'the main thread has loaded src/threads/supervisor.ts',
    })
  })

  test('many files names some of them', async () => {
    const running = await releaseOf(root)
    for (const name of ['a', 'b', 'c', 'd', 'e']) await tree.write(`1/src/live/${name}.ts`, '')
    const { reason } = changeBetween(running, await releaseOf(root))
    expect(reason).toBe('product code: src/live/a.ts, src/live/b.ts, src/live/c.ts and 2 more')
  })
})
