// Every code of the engine is provoked by some test, under its name.

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DATASTORE_ERRORS, DatastoreError, storageFailed } from '../../src/engine/errors.ts'

const TESTS = join(import.meta.dirname, '..')

const texts = globSync('**/*.test.ts', { cwd: TESTS })
  .filter((path) => !path.endsWith('errors.test.ts') && !path.endsWith('tidy.test.ts'))
  .map((path) => readFileSync(join(TESTS, path), 'utf8'))

test.each(Object.keys(DATASTORE_ERRORS))('%s is provoked by a test', (code) => {
  expect(texts.some((text) => new RegExp(`\\b${code}\\b`).test(text))).toBe(true)
})

test('what the system throws is told as a failure of the storage, all else as it is', () => {
  const cause = Object.assign(new Error('EIO: i/o error, write'), { code: 'EIO' })
  expect(storageFailed('opening', cause, '/data')).toMatchObject({
    code: 'STORAGE_FAILED',
    message: 'opening failed: EIO: i/o error, write',
    file: '/data',
    cause,
  })
  const others = [
    new DatastoreError('LOG_GAP', 'a sentence'),
    new RangeError('a mistake'),
    Object.assign(new Error('a mistake'), { code: 'ERR_INVALID_ARG_TYPE' }),
  ]
  for (const other of others) expect(storageFailed('opening', other)).toBe(other)
})
