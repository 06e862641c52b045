// Identities in the model: who comes in by one, what becomes of a newcomer, and the last way in.

import { expect } from 'vitest'
import { identitiesOf, identityOf } from '../../src/model/identities.ts'
import { IDENTITY_COUNT_MAX } from '../../src/model/limits.ts'
import { identities, sessions, users } from '../../src/model/schema.ts'
import { NOON, expectCode, networkTest } from '../support/network.ts'
import type { Network } from '../support/network.ts'

const KEY = 'https://id.example.org subject-1'

function enter(network: Network, more: { key?: string; wish?: string; email?: string } = {}) {
  const newcomer = { key: KEY, wish: 'anna', name: 'Anna', email: '', random: 'abcde' }
  return network.run('enterByIdentity', { ...newcomer, ...more })
}

async function handleFor(network: Network, wish: string): Promise<string> {
  const key = `i ${network.view.rowCount(identities)}`
  const { user } = await enter(network, { key, wish })
  return network.view.get(users, user)!.handle
}

const logIn = (network: Network, identity: number, grantedAt: number, letter = 'x') =>
  network.run('logInByIdentity', {
    identity,
    grantedAt,
    tokenHash: letter.repeat(43),
    name: 'A browser',
  })

networkTest('a newcomer becomes a user, and comes back as the same one', async (network) => {
  const first = await enter(network)
  expect(first).toMatchObject({ isNew: true })
  expect(network.view.get(users, first.user)).toMatchObject({
    handle: 'anna',
    name: 'Anna',
    passwordHash: '',
    email: '',
    createdAt: NOON,
  })
  const again = await enter(network, { wish: 'somebody else' })
  expect(again).toEqual({ user: first.user, identity: first.identity, isNew: false })
  expect(identityOf(network.view, KEY)).toBe(first.identity)
  expect((await enter(network, { key: `${KEY}2` })).user).not.toBe(first.user)
})

networkTest('a handle is made of what the provider says, and is free', async (network) => {
  await network.signUp('ben')
  for (const [wish, handle] of [
    ['Ben', 'Ben2'],
    ['ben', 'ben3'],
    ['Änna Müller', 'Anna_Muller'],
    ['carla@example.org', 'carla'],
    ['..dots..in..it..', 'dots.in.it'],
    ['名前', 'user'],
    ['', 'user2'],
    ['x'.repeat(1_000), 'x'.repeat(24)],
  ] as const) {
    expect(await handleFor(network, wish)).toBe(handle)
  }
})

networkTest('when all numbers are taken, chance decides, once', async (network) => {
  for (let number = 0; number < 99; number++) await handleFor(network, 'anna')
  expect(await handleFor(network, 'anna')).toBe('anna_abcde')
  await expectCode(enter(network), 'HANDLE_TAKEN')
})

networkTest('an address is taken over that leads to nobody else', async (network) => {
  const { user } = await enter(network, { email: 'Anna@Example.org' })
  expect(network.view.get(users, user)).toMatchObject({
    email: 'Anna@Example.org',
    emailKey: 'anna@example.org',
    emailConfirmedAt: NOON,
  })
  for (const email of ['ANNA@example.org', 'no address', 'x'.repeat(300)]) {
    const other = await enter(network, { key: `i ${email}`, email })
    expect(other.user).not.toBe(user)
    expect(network.view.get(users, other.user)).toMatchObject({ email: '', emailConfirmedAt: 0 })
  }
})

networkTest('a grant is good once and for five minutes', async (network) => {
  const { user, identity } = await enter(network)
  network.clock.time = NOON + 5 * 60_000
  const session = await logIn(network, identity, NOON)
  expect(network.view.get(sessions, session)).toMatchObject({ user, name: 'A browser' })
  await expectCode(logIn(network, identity, NOON, 'y'), 'OIDC_GRANT_INVALID')
  await expectCode(logIn(network, identity, NOON - 1, 'y'), 'OIDC_GRANT_INVALID')
  await logIn(network, identity, NOON + 1, 'y')
  network.clock.time += 2
  await expectCode(logIn(network, identity, NOON + 1, 'z'), 'OIDC_GRANT_INVALID')
  await expectCode(logIn(network, 99, NOON + 3, 'z'), 'OIDC_GRANT_INVALID')
  await expectCode(logIn(network, 0, NOON + 3, 'z'), 'OIDC_GRANT_INVALID')
})

networkTest('a grant of an identity that is gone is none', async (network) => {
  const { user, identity } = await enter(network)
  await network.run('deleteAccount', { user, session: 0 })
  await expectCode(logIn(network, identity, NOON), 'OIDC_GRANT_INVALID')
  expect((await enter(network)).user).not.toBe(user)
})

networkTest('what is linked leads into the account, and to nobody else', async (network) => {
  const anna = await network.signUp('anna')
  const ben = await network.signUp('ben')
  const sessionOf = (user: number) => network.view.newest(sessions.indexes.byUser, user, 1)[0]!
  const link = { user: anna, session: 0, current: sessionOf(anna), key: KEY }
  const identity = await network.run('linkIdentity', link)
  expect(await network.run('linkIdentity', link)).toBe(identity)
  expect(await enter(network)).toMatchObject({ user: anna, isNew: false })
  const bens = { ...link, user: ben, current: sessionOf(ben) }
  await expectCode(network.run('linkIdentity', bens), 'IDENTITY_TAKEN')
  await expectCode(network.run('linkIdentity', { ...link, user: ben }), 'SESSION_NOT_FOUND')
  await network.run('logOut', { session: sessionOf(anna) })
  await expectCode(network.run('linkIdentity', link), 'SESSION_NOT_FOUND')

  for (let count = 0; count < IDENTITY_COUNT_MAX; count++) {
    await network.run('linkIdentity', { ...bens, key: `i ${count}` })
  }
  await expectCode(network.run('linkIdentity', { ...bens, key: 'one more' }), 'IDENTITIES_TOO_MANY')
})

networkTest('linking without a password takes a fresh log-in', async (network) => {
  const { user, identity } = await enter(network)
  const session = await logIn(network, identity, NOON)
  const link = { user, session, current: session, key: 'another' }
  network.clock.time += 10 * 60_000 + 1
  await expectCode(network.run('linkIdentity', link), 'LOG_IN_STALE')
  network.clock.time -= 1
  await network.run('linkIdentity', link)
})

networkTest('the last way in stays', async (network) => {
  const { user, identity } = await enter(network)
  await expectCode(network.run('removeIdentity', { user, identity }), 'LAST_WAY_IN')
  const session = await logIn(network, identity, NOON)
  const link = { user, session: 0, current: session, key: 'another' }
  const other = await network.run('linkIdentity', link)
  await network.run('removeIdentity', { user, identity })
  expect(identitiesOf(network.view, user)).toEqual([other])
  const ben = await network.signUp('ben')
  const theirs = { user: ben, identity: other }
  await expectCode(network.run('removeIdentity', theirs), 'IDENTITY_NOT_FOUND')
  await expectCode(network.run('removeIdentity', { user, identity: 0 }), 'IDENTITY_NOT_FOUND')
  await network.run('changePassword', {
    user,
    session: 0,
    current: session,
    passwordHash: '$argon2id$',
  })
  await network.run('removeIdentity', { user, identity: other })
  expect(identitiesOf(network.view, user)).toEqual([])
})
