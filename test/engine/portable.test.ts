// Export and import: a store goes through text and is the same store, and text that was cut or
// changed is refused with nothing left of it.

import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { NodeDisk } from '../../src/engine/disk.ts'
import { exportLines } from '../../src/engine/portable.ts'
import { openState } from '../../src/engine/state.ts'
import { datastoreTest } from '../support/datastore-test.ts'
import { ForgetfulDisk } from '../support/forgetful-disk.ts'
import { everything, littleTables } from '../support/little-network.ts'
import { StoryClock, tellStory } from '../support/little-story.ts'
import { DATA, SNAPSHOTS, openOn } from '../support/simulated-store.ts'
import type { Disk } from '../../src/engine/disk.ts'
import type { SimulatedStore } from '../support/simulated-store.ts'

type Line = Record<string, unknown>

/** All lines of an export of the store in these directories, which is closed. */
async function exported(
  disk: Disk,
  dataDirectory = DATA,
  snapshotDirectory = SNAPSHOTS,
): Promise<string[]> {
  const state = await openState({ disk, dataDirectory, snapshotDirectory })
  const text = [...exportLines(state.tables, state.storeId, state.lastTime)].join('')
  await state.log.close()
  return text.split('\n').slice(0, -1)
}

async function story(): Promise<{ lines: string[]; state: unknown }> {
  const disk = new ForgetfulDisk(['/'])
  const clock = new StoryClock()
  const store = await openOn(disk, { clock })
  await tellStory(store, clock)
  await store.transact('join', { handle: 'keyed' }, { key: 'a key' })
  const state = everything(store.view)
  await store.close()
  return { lines: await exported(disk), state }
}

async function* oneByOne(lines: Iterable<string>): AsyncGenerator<string> {
  yield* lines
}

function importInto(store: SimulatedStore, lines: Iterable<string>): Promise<number> {
  return store.importLines(oneByOne(lines))
}

/** Versions tell caches how often a row has changed: they begin anew. */
function withoutVersions(state: unknown): unknown {
  return JSON.parse(JSON.stringify(state, (key, value: unknown) => (key === 'version' ? 1 : value)))
}

/** The lines with the right sum at their end. */
function sealed(lines: readonly string[]): string[] {
  const text = lines.map((line) => `${line}\n`).join('')
  const sha256 = createHash('sha256').update(text).digest('hex')
  return [...lines, JSON.stringify({ end: true, rows: lines.length - 1, sha256 })]
}

function changed(line: string, change: Line): string {
  return JSON.stringify({ ...(JSON.parse(line) as Line), ...change })
}

test('the same rows, indexes, counters and highest ids come out', async () => {
  const { lines, state } = await story()
  const disk = new ForgetfulDisk(['/'])
  const store = await openOn(disk)
  const progress: number[] = []
  const rows = await store.importLines(oneByOne(lines), (count) => void progress.push(count))
  expect(rows).toBe(lines.length - 2)
  expect(progress.at(-1)).toBe(rows)
  expect(withoutVersions(everything(store.view))).toEqual(withoutVersions(state))
  expect(store.check()).toEqual([])
  // Ids of removed rows are not given out again, and keys are remembered.
  expect((await store.transact('join', { handle: 'x' }, { key: 'a key' })).output).toBe(4)
  expect((await store.transact('like', { person: 3, post: 1 })).output).toBe(4)
  await store.close()
  const again = await exported(disk)
  expect(again.some((line) => line.includes('きれい'))).toBe(false)
  expect(again.some((line) => line.includes('sakura, again'))).toBe(true)
})

datastoreTest('on a real disk, in pieces of any size', async (directory) => {
  const { output: author } = await directory.store.transact('join', { handle: 'hanako' })
  for (let batch = 0; batch < 3; batch++) {
    await directory.store.transact('bulk', { author, count: 900, size: 300 })
  }
  const state = everything(directory.store.view)
  await directory.close()
  const { dataDirectory, snapshotDirectory } = directory.options
  const lines = await exported(new NodeDisk(), dataDirectory, snapshotDirectory)
  const store = await openOn(new ForgetfulDisk(['/']), { regionSizeMax: 2 ** 26 })
  await importInto(store, lines)
  expect(withoutVersions(everything(store.view))).toEqual(withoutVersions(state))
  await store.close()
  await directory.open()
})

describe('is refused', () => {
  async function expectRefused(lines: Iterable<string>, sentence: RegExp): Promise<void> {
    const store = await openOn(new ForgetfulDisk(['/']))
    const { lastLsn } = store.stats()
    await expect(importInto(store, lines)).rejects.toMatchObject({
      code: 'IMPORT_INVALID',
      message: expect.stringMatching(sentence) as string,
    })
    expect(store.poison).toBe(undefined)
    expect(store.stats()).toMatchObject({ rows: 0, lastLsn })
    await store.close()
  }

  test('when it was cut, at any line', async () => {
    const { lines } = await story()
    for (let count = 1; count < lines.length; count++) {
      await expectRefused(lines.slice(0, count), /the export ends before its last line/)
    }
    await expectRefused([], /the export is empty/)
  })

  test('when a line was lost, doubled, moved or changed', async () => {
    const { lines } = await story()
    for (let index = 1; index < lines.length - 1; index++) {
      const line = lines[index]!
      await expectRefused(lines.toSpliced(index, 1), /counts \d+ rows, \d+ were read/)
      await expectRefused(lines.toSpliced(index, 0, line), /counts \d+ rows, \d+ were read/)
      await expectRefused(lines.with(index, changed(line, { id: 999 })), /SHA-256/)
      if (index === lines.length - 2) return
      await expectRefused(lines.toSpliced(index, 1).toSpliced(-1, 0, line), /SHA-256/)
    }
  })

  test.each<[string, (lines: string[]) => string[], RegExp]>([
    ['another file', () => ['{"name":"other"}'], /^line 1: this is no export of Shashin/],
    ['no text', () => ['\0\0'], /^line 1: it is not JSON/],
    ['a number', () => ['1'], /^line 1: it is not an object/],
    ['a later format', ([head]) => [changed(head!, { format: 2 })], /^line 1: format 2 is unknown/],
    ['a head without tables', ([head]) => [changed(head!, { tables: null })], /names no tables/],
    [
      'a highest id that is none',
      ([head]) => sealed([changed(head!, { tables: { posts: 'many' } })]),
      /^line 1: "many" is not the highest id of table posts/,
    ],
    [
      'a table that the program does not know',
      ([head, row]) => [head!, changed(row!, { table: 'planets' })],
      /^line 2: table "planets" is not declared/,
    ],
    [
      'a field that the program does not know',
      ([head, row]) => [head!, changed(row!, { row: { colour: 1 } })],
      /^line 2: field "colour" of people is not declared/,
    ],
    ['an id that is none', ([head, row]) => [head!, changed(row!, { id: -1 })], /-1 is no row id/],
    [
      'the same row twice',
      ([head, row]) => sealed([head!, row!, row!]),
      /^table people: row 1 is there already/,
    ],
    ['something behind the end', (lines) => [...lines, '{}'], /there are lines after the end/],
  ])('%s', async (_, change, sentence) => {
    const { lines } = await story()
    // What stands behind the end is seen when everything before it is in.
    if (!sentence.test('there are lines after the end'))
      await expectRefused(change(lines), sentence)
    else {
      await using store = await openOn(new ForgetfulDisk(['/']))
      await expect(importInto(store, change(lines))).rejects.toThrow(sentence)
    }
  })

  test('by a store that has rows', async () => {
    const { lines } = await story()
    await using store = await openOn(new ForgetfulDisk(['/']))
    await store.transact('join', { handle: 'hanako' })
    const before = everything(store.view)
    await expect(importInto(store, lines)).rejects.toMatchObject({ code: 'IMPORT_INVALID' })
    expect(everything(store.view)).toEqual(before)
  })
})

test('the tables of an export say what is in it', async () => {
  const { lines } = await story()
  const head = JSON.parse(lines[0]!) as { tables: Record<string, number>; lsn: number }
  expect(Object.keys(head.tables)).toEqual(
    expect.arrayContaining(littleTables.map(({ name }) => name)),
  )
  expect(head.tables).toMatchObject({ people: 4, posts: 4, likes: 3 })
})
