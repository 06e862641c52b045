// Names of snapshot files: order, parsing, and attempts that must not collide.

import { expect, it } from 'vitest'
import {
  compareStems,
  manifestName,
  pagesName,
  parseFileName,
  partialName,
  unusedStem,
} from '../../../src/engine/snapshot/file-names.ts'

it('a name comes back as the stem and kind that it was made of', () => {
  for (const stem of [
    { lsn: 0, attempt: 1 },
    { lsn: 18_293, attempt: 2 },
    { lsn: 2 ** 53 - 1, attempt: 12 },
  ]) {
    expect(parseFileName(manifestName(stem))).toEqual({
      name: manifestName(stem),
      stem,
      kind: 'manifest',
    })
    expect(parseFileName(pagesName(stem))).toEqual({ name: pagesName(stem), stem, kind: 'pages' })
    expect(parseFileName(partialName(stem))).toEqual({
      name: partialName(stem),
      stem,
      kind: 'partial',
    })
  }
  expect(manifestName({ lsn: 18_293, attempt: 1 })).toBe('0000000000018293.manifest')
  expect(pagesName({ lsn: 18_293, attempt: 2 })).toBe('0000000000018293-2.pages')
})

it('a name that is not one of ours is nobody to us', () => {
  const names = [
    'notes.txt',
    '1.pages',
    '0000000000000001.log',
    '0000000000000001-1.pages',
    '0000000000000001-0.pages',
  ]
  names.push(
    '0000000000000001.pages.old',
    '../0000000000000001.pages',
    '9999999999999999.pages',
    '',
  )
  for (const name of names) expect(parseFileName(name), name).toBe(undefined)
})

it('a stem is used once, and a later attempt counts as newer', () => {
  const names = [
    '0000000000000007.pages',
    '0000000000000007-3.manifest.partial',
    '0000000000000008-9.pages',
    'x',
  ]
  expect(unusedStem(6, names)).toEqual({ lsn: 6, attempt: 1 })
  expect(unusedStem(7, names)).toEqual({ lsn: 7, attempt: 4 })
  expect(compareStems({ lsn: 7, attempt: 4 }, { lsn: 7, attempt: 3 })).toBeGreaterThan(0)
  expect(compareStems({ lsn: 7, attempt: 4 }, { lsn: 8, attempt: 1 })).toBeLessThan(0)
})
