// Watching code: what is told of real files and real links, and what is not.
//
// Files change while a test waits for what is told; what is not told shows in that the next thing
// told is the next change.

import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { rename, rm, symlink } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CodeWatch, unwatchable } from '../../src/threads/code-watch.ts'
import { changeBetween, CodeError, releaseOf } from '../../src/threads/releases.ts'
import { CodeTree } from '../support/code-tree.ts'
import type { Release } from '../../src/threads/releases.ts'

let tree: CodeTree
let root: string

beforeEach(async () => {
  tree = await CodeTree.create()
  root = await tree.release('1')
})
afterEach(() => tree[Symbol.asyncDispose]())

/** What a watch tells, in order. */
class Told implements AsyncDisposable {
  readonly #all: (Release | CodeError)[] = []
  #taken = 0
  #wake: () => void = () => undefined
  #watch: CodeWatch | undefined

  static async of(path: string, quietMs = 20, running?: Release): Promise<Told> {
    const told = new Told()
    const note = (one: Release | CodeError): void => {
      told.#all.push(one)
      told.#wake()
    }
    told.#watch = await CodeWatch.open(
      path,
      running ?? (await releaseOf(path)),
      { changed: note, failed: note },
      { quietMs },
    )
    return told
  }

  get count(): number {
    return this.#all.length
  }

  async next(): Promise<Release | CodeError> {
    while (this.#all.length === this.#taken) {
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
    return this.#all[this.#taken++]!
  }

  async change(): Promise<Release> {
    const next = await this.next()
    if (next instanceof CodeError) throw next
    return next
  }

  async failure(): Promise<CodeError> {
    const next = await this.next()
    if (next instanceof CodeError) return next
    throw new Error('a change was told, no failure')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch?.close()
  }
}

describe('a directory', () => {
  test('tells what a file has become: changed, added, removed, in a new directory', async () => {
    await using told = await Told.of(root)
    const before = await releaseOf(root)
    await tree.write('1/src/model/words.ts', "export const words = 'two'\n")
    const changed = await told.change()
    expect(changeBetween(before, changed)).toEqual({
      kind: 'product',
      reason: 'product code: src/model/words.ts',
    })
    await tree.write('1/src/live/events.ts', 'export const events = 1\n')
    const added = await told.change()
    expect(added.files.has('src/live/events.ts')).toBe(true)
    await tree.write('1/src/live/events.ts', 'export const events = 2\n')
    expect(changeBetween(added, await told.change()).kind).toBe('product')
    await rm(tree.at('1/src/live'), { recursive: true })
    expect(changeBetween(changed, await told.change()).kind).toBe('none')
    await tree.write('1/package-lock.json', '{}')
    expect(changeBetween(changed, await told.change()).kind).toBe('threads')
  })

  test('tells a burst once', async () => {
    await using told = await Told.of(root)
    // Nobody looks in between: this thread is at it.
    mkdirSync(tree.at('1/src/live'))
    for (let index = 0; index < 200; index++) {
      writeFileSync(tree.at(`1/src/live/event-${index}.ts`), `export const event = ${index}\n`)
    }
    const burst = await told.change()
    expect(burst.files.size).toBeGreaterThan(200)
    await tree.write('1/src/model/words.ts', "export const words = 'after'\n")
    await told.change()
    expect(told.count).toBe(2)
  })

  test('waits for writers that come back before it is quiet', async () => {
    // Quiet for as long as a machine that stalls may take between two of these writes.
    await using told = await Told.of(root, 1_500)
    for (let index = 0; index < 20; index++) {
      await tree.write('1/src/model/words.ts', `export const words = '${index}'\n`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    const found = await told.change()
    expect(found.digests).toEqual((await releaseOf(root)).digests)
    expect(told.count).toBe(1)
  })

  test('tells nothing of a file saved without a change, nor of what editors leave', async () => {
    await using told = await Told.of(root)
    await tree.write('1/src/model/words.ts', "export const words = 'one'\n")
    for (const name of ['.words.ts.swp', 'words.ts~', '#words.ts#', '4913', 'words.ts.tmp']) {
      await tree.write(`1/src/model/${name}`, 'half a file')
    }
    await symlink('nobody@nowhere', tree.at('1/src/model/.#words.ts'))
    await tree.write('1/src/commands/export.ts', 'export const exported = 2\n')
    await tree.write('1/src/model/words.ts', "export const words = 'two'\n")
    const found = await told.change()
    expect([...found.files.keys()].filter((name) => name.startsWith('src/model/'))).toEqual([
      'src/model/late.ts',
      'src/model/words.ts',
    ])
    expect(told.count).toBe(1)
  })

  test('sees a file that an editor has replaced, twice', async () => {
    await using told = await Told.of(root)
    for (const word of ['two', 'three']) {
      const before = await releaseOf(root)
      writeFileSync(tree.at('1/src/model/words.ts.tmp'), `export const words = '${word}'\n`)
      renameSync(tree.at('1/src/model/words.ts.tmp'), tree.at('1/src/model/words.ts'))
      const { reason } = changeBetween(before, await told.change())
      expect(reason).toBe('product code: src/model/words.ts')
    }
  })

  test('tells at once what has changed before it was watched', async () => {
    const running = await releaseOf(root)
    await tree.write('1/src/std/assert.ts', 'export const assert = 2\n')
    await using told = await Told.of(root, 20, running)
    expect(changeBetween(running, await told.change()).kind).toBe('threads')
  })

  test('that goes and comes back is told both times', async () => {
    await using told = await Told.of(root)
    await rename(tree.at('1/src'), tree.at('aside'))
    expect((await told.failure()).message).toBe(
      `There is no code at ${root}: it has no directory src.`,
    )
    await rename(tree.at('aside'), tree.at('1/src'))
    expect((await told.change()).root).toBe(root)
    await tree.write('1/package.json', '{ "version"')
    expect((await told.failure()).message).toMatch(/^package\.json in \S+ is no JSON: .+\.$/)
    await tree.write('1/package.json', '{ "version": "1.0.1" }')
    expect((await told.change()).version).toBe('1.0.1')
  })
})

describe('a link', () => {
  beforeEach(async () => {
    await tree.point('current', '1')
    await tree.release('2', { 'src/model/words.ts': "export const words = 'two'\n" })
    await tree.release('3', { 'src/engine/errors.ts': 'export const errors = 3\n' })
  })

  test('tells what it has been pointed to, and the way back', async () => {
    await using told = await Told.of(tree.at('current'))
    let running = await releaseOf(root)
    const kinds: string[] = []
    for (const name of ['2', '3', '1', '2']) {
      await tree.point('current', name)
      const found = await told.change()
      expect(found.root).toBe(tree.at(name))
      kinds.push(changeBetween(running, found).kind)
      running = found
    }
    expect(kinds).toEqual(['product', 'threads', 'threads', 'product'])
  })

  test('has the new directory watched, and the old one no more', async () => {
    await using told = await Told.of(tree.at('current'))
    await tree.point('current', '2')
    await told.change()
    await tree.write('1/src/model/words.ts', "export const words = 'nobody looks'\n")
    await tree.write('2/src/model/words.ts', "export const words = 'three'\n")
    const found = await told.change()
    expect(found.root).toBe(tree.at('2'))
    expect(told.count).toBe(2)
  })

  test('over another link is followed at each of them', async () => {
    await tree.point('outer', 'current')
    await using told = await Told.of(tree.at('outer'))
    await tree.point('current', '2')
    expect((await told.change()).root).toBe(tree.at('2'))
    await tree.point('outer', '3')
    expect((await told.change()).root).toBe(tree.at('3'))
  })

  test('to nothing is told, and so is the directory that appears there', async () => {
    await using told = await Told.of(tree.at('current'))
    await tree.point('current', '4')
    expect((await told.failure()).message).toBe(
      `There is no code at ${tree.at('current')}: no such directory, or a link to none.`,
    )
    await rename(tree.at('2'), tree.at('4'))
    expect((await told.change()).root).toBe(tree.at('4'))
  })

  test('to a copy is told: the old directory may go', async () => {
    await using told = await Told.of(tree.at('current'))
    const running = await releaseOf(root)
    await tree.release('copy', { 'node_modules/greeting/index.js': '' })
    await tree.point('current', 'copy')
    expect(changeBetween(running, await told.change())).toEqual({
      kind: 'product',
      reason: `the same code lies at ${tree.at('copy')}`,
    })
  })
})

describe('a watch', () => {
  test('of nothing is refused in one sentence', async () => {
    await expect(Told.of(tree.at('nowhere'), 20, await releaseOf(root))).rejects.toThrow(
      `There is no code at ${tree.at('nowhere')}: no such directory, or a link to none.`,
    )
    await symlink('nothing', tree.at('dangling'))
    await expect(Told.of(tree.at('dangling'), 20, await releaseOf(root))).rejects.toThrow(CodeError)
  })

  test('that is closed tells nothing, whenever it is closed', async () => {
    for (let turn = 0; turn < 10; turn++) {
      const told = await Told.of(root, 1)
      await tree.write('1/src/model/words.ts', `export const words = '${turn}'\n`)
      for (let step = 0; step < turn; step++) await releaseOf(root)
      await told[Symbol.asyncDispose]()
      const { count } = told
      await releaseOf(root)
      expect(told.count).toBe(count)
    }
  })

  test('says which limit of the system is reached', () => {
    const full = Object.assign(new Error('System limit reached'), { code: 'ENOSPC' })
    expect(unwatchable('/srv/current', full).message).toBe(
      'The code at /srv/current cannot be watched: the system watches as many files as it may; ' +
        'raise fs.inotify.max_user_watches with sysctl.',
    )
  })
})
