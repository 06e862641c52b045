// Tar files: the system's own tar reads what is written here.

import { execFile } from 'node:child_process'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { InvariantError } from '../../src/std/assert.ts'
import { tarOf } from '../../src/std/tar.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import type { TarEntry } from '../../src/std/tar.ts'

const TIME = Date.UTC(2026, 0, 2, 12)

function entry(name: string, text: string, more: Partial<TarEntry> = {}): TarEntry {
  const bytes = Buffer.from(text)
  return { name, size: bytes.length, time: TIME, bytes: [bytes], ...more }
}

async function* of(...entries: readonly TarEntry[]): AsyncGenerator<TarEntry> {
  yield* entries
}

async function bytesOf(...entries: readonly TarEntry[]): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of tarOf(of(...entries))) pieces.push(piece)
  return Buffer.concat(pieces)
}

test('what is written is what tar extracts', async () => {
  await using directory = await temporaryDirectory()
  const texts = new Map([
    ['empty', ''],
    ['a.txt', 'ä\n'],
    ['media/full-block', 'x'.repeat(512)],
    ['media/more', 'y'.repeat(70_001)],
    ['n'.repeat(100), 'the longest name'],
  ])
  const bytes = await bytesOf(...[...texts].map(([name, text]) => entry(name, text)))
  expect(bytes.length % 512).toBe(0)
  await writeFile(join(directory.path, 'it.tar'), bytes)
  await promisify(execFile)('tar', ['-xf', 'it.tar'], { cwd: directory.path })
  for (const [name, text] of texts) {
    expect(await readFile(join(directory.path, name), 'utf8')).toBe(text)
  }
  const { mtimeMs, mode } = await stat(join(directory.path, 'a.txt'))
  expect(mtimeMs).toBe(TIME)
  expect(mode & 0o777 & ~0o022).toBe(0o644)
})

test('no entries are a tar file, too', async () => {
  expect(await bytesOf()).toEqual(Buffer.alloc(1024))
})

test('bytes come in pieces, and none is asked for before the one before it is taken', async () => {
  let taken = 0
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (; taken < 3;) {
      taken++
      yield Buffer.alloc(1_000, taken)
    }
  }
  const writing = tarOf(of(entry('it', '', { size: 3_000, bytes: pieces() })))
  await writing.next()
  expect(taken).toBe(0)
  await writing.next()
  expect(taken).toBe(1)
  await writing.return(undefined)
  expect(taken).toBe(1)
})

test('an entry with more or fewer bytes than it says ends the file with an error', async () => {
  for (const size of [2, 4]) {
    await expect(bytesOf(entry('it', 'abc', { size }))).rejects.toThrow(
      `it has 3 bytes, its header says ${size}`,
    )
  }
})

test('names and sizes that do not fit are a mistake of ours', async () => {
  for (const name of ['', 'n'.repeat(101), 'ä', 'a b', 'a\n']) {
    await expect(bytesOf(entry(name, ''))).rejects.toThrow(InvariantError)
  }
  for (const size of [-1, 8 ** 11]) {
    await expect(bytesOf(entry('it', '', { size }))).rejects.toThrow(InvariantError)
  }
})
