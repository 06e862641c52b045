// Users and sessions in the model: handles, profiles, roles, tokens, and the rules of texts.

import { describe, expect, test } from 'vitest'
import { TEXT_LIMITS } from '../../src/model/limits.ts'
import { users } from '../../src/model/schema.ts'
import { bearerOf } from '../../src/model/sessions.ts'
import { fitText } from '../../src/model/text.ts'
import { demandPassword, roleOf, userOfHandle } from '../../src/model/users.ts'
import { NOON, expectCode, networkTest } from '../support/network.ts'

const hash = (letter: string): string => letter.repeat(43)

networkTest('a sign-up makes a user and a first session', async (network) => {
  const user = await network.run('signUp', {
    handle: 'Anna',
    name: '  Anna ',
    passwordHash: '$argon2id$',
    tokenHash: hash('a'),
  })
  expect(network.view.get(users, user)).toMatchObject({
    handle: 'Anna',
    handleKey: 'anna',
    name: 'Anna',
    bio: '',
    createdAt: NOON,
    posts: 0,
    followers: 0,
    following: 0,
  })
  expect(bearerOf(network.view, hash('a'), NOON)).toMatchObject({ user })
  expect(bearerOf(network.view, hash('b'), NOON)).toBeUndefined()
  expect(roleOf(network.view, user)).toBe('user')
})

networkTest('a handle is unique and found in any case', async (network) => {
  const anna = await network.signUp('Anna')
  await expectCode(network.signUp('aNNA'), 'HANDLE_TAKEN')
  expect(userOfHandle(network.view, 'ANNA')).toBe(anna)
  expect(userOfHandle(network.view, 'ann')).toBe(0)
  expect(userOfHandle(network.view, 'a'.repeat(1_000))).toBe(0)
})

networkTest('handles that are no handles are refused', async (network) => {
  const bads = ['', '.', '..', '.a', 'a.', 'a..b', 'ä', 'a b', 'a/b', 'a\n', 'a'.repeat(31)]
  for (const bad of bads) {
    await expectCode(network.signUp(bad), 'HANDLE_INVALID')
  }
  for (const good of ['a', 'a.b', '_', '0', 'a'.repeat(30)]) await network.signUp(good)
  expect(network.view.rowCount(users)).toBe(5)
})

networkTest('a profile changes only in what is given', async (network) => {
  const user = await network.signUp('anna')
  await network.run('updateProfile', { user, name: 'Anna', bio: 'one\r\ntwo' })
  await network.run('updateProfile', { user, name: 'Anna A.' })
  expect(network.view.get(users, user)).toMatchObject({ name: 'Anna A.', bio: 'one\ntwo' })
  await network.run('updateProfile', { user, bio: '' })
  await network.run('updateProfile', { user })
  expect(network.view.get(users, user)).toMatchObject({ name: 'Anna A.', bio: '' })
  await expectCode(network.run('updateProfile', { user, name: 'a\nb' }), 'TEXT_INVALID')
  await expectCode(network.run('updateProfile', { user: 99, name: 'a' }), 'USER_NOT_FOUND')
})

networkTest('a role is given and taken', async (network) => {
  const user = await network.signUp('anna')
  await network.run('setRole', { user, role: 'admin' })
  expect(roleOf(network.view, user)).toBe('admin')
  await network.run('setRole', { user, role: 'user' })
  expect(roleOf(network.view, user)).toBe('user')
  await expectCode(network.run('setRole', { user: 99, role: 'admin' }), 'USER_NOT_FOUND')
})

networkTest('a refusal leaves nothing behind', async (network) => {
  const { lastLsn } = network.store.stats()
  await expectCode(
    network.run('signUp', {
      handle: 'anna',
      name: 'x'.repeat(61),
      passwordHash: '',
      tokenHash: hash('a'),
    }),
    'TEXT_TOO_LONG',
  )
  expect(network.view.rowCount(users)).toBe(0)
  expect(network.store.stats().lastLsn).toBe(lastLsn)
})

describe('texts', () => {
  test('are trimmed, composed, well-formed, with line breaks of one kind', () => {
    expect(fitText(' a\r\nb\rc\td ', TEXT_LIMITS.caption)).toBe('a\nb\nc\td')
    expect(fitText('e\u0301', TEXT_LIMITS.name)).toBe('\u00e9')
    expect(fitText('a\ud800', TEXT_LIMITS.name)).toBe('a\ufffd')
  })
  test('are counted in characters, not in bytes', () => {
    const { countMax } = TEXT_LIMITS.caption
    expect(fitText('📷'.repeat(countMax), TEXT_LIMITS.caption)).toHaveLength(countMax * 2)
    expect(() => fitText('📷'.repeat(countMax + 1), TEXT_LIMITS.caption)).toThrow(
      /at most 2200 characters; this one has 2201/,
    )
    expect(() => fitText('x'.repeat(1_000_000), TEXT_LIMITS.caption)).toThrow(/has 1000000/)
  })
  test('hold no control characters, and some no line breaks', () => {
    for (const bad of ['a\u0000', 'a\u007fb', 'a\u0085b', '\u001b[2J']) {
      expect(() => fitText(bad, TEXT_LIMITS.caption)).toThrow(/control characters/)
    }
    expect(() => fitText('a\nb', TEXT_LIMITS.name)).toThrow(/no line breaks/)
  })
  test('may have to say something', () => {
    expect(fitText(' ', TEXT_LIMITS.caption)).toBe('')
    expect(() => fitText(' \n ', TEXT_LIMITS.comment)).toThrow(/needs some text/)
  })
})

test('a password has 8 to 200 characters', () => {
  expect(() => demandPassword('x'.repeat(7))).toThrow(/8 to 200 characters; this one has 7/)
  expect(() => demandPassword('x'.repeat(201))).toThrow(/has 201/)
  demandPassword('x'.repeat(8))
  demandPassword('x'.repeat(200))
})
