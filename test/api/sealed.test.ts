// Sealed texts: only what was sealed with the key and for the purpose opens.

import { expect, test } from 'vitest'
import { Seal } from '../../src/api/sealed.ts'

const VALUE = { user: 7, back: '/ä' }

test('what is sealed opens, with another seal of the same secret as well', () => {
  const text = new Seal('secret', 'label').close('purpose', VALUE)
  expect(text).toMatch(/^[\w-]+$/)
  expect(new Seal('secret', 'label').open('purpose', text)).toEqual(VALUE)
})

test('the same is never sealed as the same text', () => {
  const seal = new Seal('secret', 'label')
  expect(seal.close('purpose', VALUE)).not.toBe(seal.close('purpose', VALUE))
})

test('another purpose, label or secret opens nothing', () => {
  const text = new Seal('secret', 'label').close('purpose', VALUE)
  expect(new Seal('secret', 'label').open('other', text)).toBeUndefined()
  expect(new Seal('secret', 'other').open('purpose', text)).toBeUndefined()
  expect(new Seal('other', 'label').open('purpose', text)).toBeUndefined()
})

test('no byte can be changed, left out or added', () => {
  const seal = new Seal('secret', 'label')
  const bytes = Buffer.from(seal.close('purpose', VALUE), 'base64url')
  for (let index = 0; index < bytes.length; index++) {
    const changed = Buffer.from(bytes)
    changed[index]! ^= 1
    expect(seal.open('purpose', changed.toString('base64url'))).toBeUndefined()
    const cut = bytes.subarray(0, index).toString('base64url')
    expect(seal.open('purpose', cut)).toBeUndefined()
  }
  const longer = Buffer.concat([bytes, Buffer.of(0)]).toString('base64url')
  expect(seal.open('purpose', longer)).toBeUndefined()
  expect(seal.open('purpose', 'no base64url at all: é')).toBeUndefined()
})
