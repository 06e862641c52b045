// Which snapshots are kept, and in which order files are deleted.

import { expect, it } from 'vitest'
import { keptEntries, soundEntries, unusedFiles } from '../../../src/engine/snapshot/retention.ts'
import type { Entry } from '../../../src/engine/snapshot/retention.ts'

function entry(lsn: number, pagesLsns?: number[], damage?: string): Entry {
  const pagesNames = pagesLsns && new Set(pagesLsns.map((pagesLsn) => `${name(pagesLsn)}.pages`))
  return { stem: { lsn, attempt: 1 }, pagesNames, damage }
}

function name(lsn: number): string {
  return String(lsn).padStart(16, '0')
}

it('the newest sound snapshots are kept, damaged ones do not count', () => {
  const entries = [entry(1, []), entry(5, []), entry(3, [], 'bits'), entry(2, []), entry(4, [])]
  expect(soundEntries(entries).map(({ stem }) => stem.lsn)).toEqual([5, 4, 2, 1])
  expect(keptEntries(entries, 3).map(({ stem }) => stem.lsn)).toEqual([5, 4, 2])
})

it('files that no manifest names are unused, those of others are not looked at', () => {
  const names = ['notes.txt', `${name(1)}.pages`, `${name(2)}.pages`, `${name(3)}.manifest.partial`]
  names.push(`${name(2)}.manifest`, `${name(3)}.manifest`, `${name(3)}.pages`)
  expect(unusedFiles(names, [entry(2, [2])])).toEqual({
    manifestNames: [`${name(3)}.manifest.partial`, `${name(3)}.manifest`],
    pagesNames: [`${name(1)}.pages`, `${name(3)}.pages`],
  })
})

it('a manifest that cannot be read keeps every pages file that is not newer', () => {
  const names = [1, 2, 3].map((lsn) => `${name(lsn)}.pages`)
  const entries = [entry(2, undefined, 'bits')]
  expect(unusedFiles(names, entries)).toEqual({
    manifestNames: [],
    pagesNames: [`${name(3)}.pages`],
  })
})
