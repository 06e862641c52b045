// Golden files: a log and snapshots of every format version, made once (test/golden/make.ts) and
// opened for ever. What they held when they were made is what they hold.

import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { copyGolden, openGolden, openLittle } from '../golden/make.ts'

const golden = join(import.meta.dirname, '../golden')
const formats = (await readdir(golden)).filter((name) => name.startsWith('format-')).toSorted()

async function withCopy(
  format: string,
  body: (directory: string, expected: string) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'shashin-golden-'))
  try {
    await body(directory, await copyGolden(format, directory))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

test('there are golden files', () => {
  expect(formats).toContain('format-1')
})

describe.each(formats)('%s', (format) => {
  test('opens from its newest snapshot and the rest of the log', async () => {
    await withCopy(format, async (directory, expected) => {
      const { lines, problems, snapshotLsn, lastLsn } = await openGolden(directory)
      expect(lines).toBe(expected)
      expect(problems).toEqual([])
      expect(snapshotLsn).toBeGreaterThan(0)
      expect(lastLsn).toBeGreaterThan(snapshotLsn)
    })
  })

  test('opens from its older snapshot', async () => {
    await withCopy(format, async (directory, expected) => {
      const snapshots = join(directory, 'snapshots')
      const manifests = (await readdir(snapshots)).filter((name) => name.endsWith('.manifest'))
      expect(manifests).toHaveLength(2)
      await rm(join(snapshots, manifests.toSorted()[1]!))
      const { lines, problems, snapshotLsn } = await openGolden(directory)
      expect(lines).toBe(expected)
      expect(problems).toEqual([])
      expect(snapshotLsn).toBe(Number.parseInt(manifests.toSorted()[0]!, 10))
    })
  })

  test('opens from its log alone', async () => {
    await withCopy(format, async (directory, expected) => {
      expect((await readdir(join(directory, 'data/log'))).length).toBeGreaterThan(2)
      await rm(join(directory, 'snapshots'), { recursive: true })
      const { lines, problems, snapshotLsn } = await openGolden(directory)
      expect(lines).toBe(expected)
      expect(problems).toEqual([])
      expect(snapshotLsn).toBe(0)
    })
  })

  test('is written on, and is the same when it is opened again', async () => {
    await withCopy(format, async (directory, expected) => {
      {
        await using store = await openLittle(directory)
        const { output } = await store.transact('join', { handle: 'newcomer' })
        // A retry of what was done then gets the answer of then.
        const again = await store.transact('join', { handle: 'hanako' }, { key: 'join hanako' })
        expect(again.output).toBe(1)
        expect(output).toBeGreaterThan(1)
        await store.snapshot()
      }
      const { lines, problems } = await openGolden(directory)
      expect(problems).toEqual([])
      const rowsOf = (text: string): string[] => text.split('\n').slice(1, -2)
      const added = rowsOf(lines).filter((line) => !rowsOf(expected).includes(line))
      expect(added).toHaveLength(1)
      expect(added[0]).toContain('"handle":"newcomer"')
    })
  })
})
