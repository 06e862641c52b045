// Sessions in the model: log-ins that go on while they are used, access tokens with scopes, and
// when either is worth nothing.

import { expect } from 'vitest'
import { ACCESS_TOKEN_COUNT_MAX, SESSION_COUNT_MAX } from '../../src/model/limits.ts'
import { sessions, users } from '../../src/model/schema.ts'
import { bearerOf, sessionsOf } from '../../src/model/sessions.ts'
import { NOON, expectCode, networkTest } from '../support/network.ts'
import type { Bearer } from '../../src/model/sessions.ts'
import type { Network } from '../support/network.ts'

const DAY = 24 * 60 * 60 * 1000

const hash = (text: string): string => text.padEnd(43, '.')

function bearer(network: Network, text: string): Bearer | undefined {
  return bearerOf(network.view, hash(text), network.clock.time)
}

networkTest('a session ends once', async (network) => {
  const user = await network.signUp('anna')
  const session = await network.run('logIn', { user, tokenHash: hash('b') })
  expect(bearer(network, 'b')).toEqual({
    session,
    user,
    role: 'user',
    scopes: undefined,
    isSeenAnew: false,
  })
  await network.run('logOut', { session })
  expect(bearer(network, 'b')).toBeUndefined()
  await expectCode(network.run('logOut', { session }), 'SESSION_NOT_FOUND')
  await expectCode(network.run('logIn', { user: 99, tokenHash: hash('c') }), 'USER_NOT_FOUND')
})

networkTest('a log-in goes on while it is used, and ends when it is not', async (network) => {
  const user = await network.signUp('anna')
  const session = await network.run('logIn', { user, tokenHash: hash('b') })
  network.clock.time = NOON + DAY - 1
  expect(bearer(network, 'b')?.isSeenAnew).toBe(false)
  await network.run('seeSession', { session })
  expect(network.view.value(sessions, session, 'seenAt')).toBe(NOON)

  network.clock.time = NOON + DAY
  expect(bearer(network, 'b')?.isSeenAnew).toBe(true)
  await network.run('seeSession', { session })
  expect(network.view.get(sessions, session)).toMatchObject({
    seenAt: NOON + DAY,
    expiresAt: NOON + 91 * DAY,
  })
  expect(bearer(network, 'b')?.isSeenAnew).toBe(false)

  network.clock.time = NOON + 91 * DAY - 1
  expect(bearer(network, 'b')).toBeDefined()
  expect(sessionsOf(network.view, user, 'log-in', network.clock.time)).toEqual([session])
  network.clock.time = NOON + 91 * DAY
  expect(bearer(network, 'b')).toBeUndefined()
  expect(sessionsOf(network.view, user, 'log-in', network.clock.time)).toEqual([])
  // What is over goes with the next log-in.
  await network.run('logIn', { user, tokenHash: hash('c') })
  expect(sessionsOf(network.view, user, 'log-in')).toHaveLength(1)
  await network.run('seeSession', { session })
})

networkTest('how long a log-in lasts is a setting', async (network) => {
  const user = await network.signUp('anna')
  await network.run('changeInstanceSettings', { sessionDays: 1 })
  await network.run('logIn', { user, tokenHash: hash('b') })
  network.clock.time += DAY
  expect(bearer(network, 'b')).toBeUndefined()
})

networkTest('one log-in too many ends the one that was not seen for longest', async (network) => {
  const user = await network.signUp('anna')
  const ids: number[] = []
  for (let index = 1; index < SESSION_COUNT_MAX; index++) {
    ids.push(await network.run('logIn', { user, tokenHash: hash(`token ${index}`) }))
  }
  expect(sessionsOf(network.view, user, 'log-in')).toHaveLength(SESSION_COUNT_MAX)
  network.clock.time += 2 * DAY
  const [first = 0] = sessionsOf(network.view, user, 'log-in').toReversed()
  await network.run('seeSession', { session: first })
  await network.run('logIn', { user, tokenHash: hash('the last') })
  const left = sessionsOf(network.view, user, 'log-in')
  expect(left).toHaveLength(SESSION_COUNT_MAX)
  expect(left).toContain(first)
  expect(left.filter((id) => ids.includes(id))).toHaveLength(ids.length - 1)
})

networkTest('a name is what can be shown of what a browser says', async (network) => {
  const user = await network.signUp('anna')
  const nameOf = async (text: string, name: string): Promise<string | undefined> => {
    const session = await network.run('logIn', { user, tokenHash: hash(text), name })
    return network.view.get(sessions, session)?.name
  }
  expect(await nameOf('a', 'Firefox\u0007/1.0\n')).toBe('Firefox /1.0')
  expect(await nameOf('b', '📷'.repeat(1000))).toBe('📷'.repeat(100))
  expect(await nameOf('c', '\ud800')).toBe('\ufffd')
  expect(await nameOf('d', '')).toBe('')
})

networkTest('log-ins are ended by their user, one or all others', async (network) => {
  const anna = await network.signUp('anna')
  const ben = await network.signUp('ben')
  const [a1, a2, a3] = [
    await network.run('logIn', { user: anna, tokenHash: hash('a1') }),
    await network.run('logIn', { user: anna, tokenHash: hash('a2') }),
    await network.run('logIn', { user: anna, tokenHash: hash('a3') }),
  ]
  const input = { user: anna, tokenHash: hash('t'), name: 'cron', scopes: ['read'] as const }
  const token = await network.run('createAccessToken', input)
  await expectCode(network.run('endLogIn', { user: ben, session: a1 }), 'SESSION_NOT_FOUND')
  await expectCode(network.run('endLogIn', { user: anna, session: token }), 'SESSION_NOT_FOUND')
  await expectCode(network.run('endLogIn', { user: anna, session: 0 }), 'SESSION_NOT_FOUND')
  await network.run('endLogIn', { user: anna, session: a1 })
  expect(bearer(network, 'a1')).toBeUndefined()
  await network.run('endOtherLogIns', { user: anna, session: a3 })
  expect(bearer(network, 'a2')).toBeUndefined()
  expect(bearer(network, 'a3')?.session).toBe(a3)
  expect(bearer(network, 't')?.session).toBe(token)
  expect(sessionsOf(network.view, ben, 'log-in')).toHaveLength(1)
  await expectCode(network.run('endLogIn', { user: anna, session: a2 }), 'SESSION_NOT_FOUND')
})

networkTest('an access token says what it may do, and until when', async (network) => {
  const user = await network.signUp('anna')
  const input = { user, tokenHash: hash('t'), name: ' cron ', scopes: ['write', 'read'] as const }
  const token = await network.run('createAccessToken', { ...input, expiresInMs: 10 * DAY })
  expect(bearer(network, 't')).toMatchObject({ scopes: ['read', 'write'] })
  expect(network.view.get(sessions, token)).toMatchObject({ name: 'cron', kind: 1 })
  network.clock.time += 5 * DAY
  await network.run('seeSession', { session: token })
  expect(network.view.get(sessions, token)).toMatchObject({
    seenAt: NOON + 5 * DAY,
    expiresAt: NOON + 10 * DAY,
  })
  network.clock.time += 5 * DAY
  expect(bearer(network, 't')).toBeUndefined()

  const forever = { user, tokenHash: hash('f'), name: 'f', scopes: [] }
  const other = await network.run('createAccessToken', forever)
  network.clock.time += 10_000 * DAY
  expect(bearer(network, 'f')).toMatchObject({ session: other, scopes: [] })
  await network.run('removeAccessToken', { user, token: other })
  expect(bearer(network, 'f')).toBeUndefined()
})

networkTest(
  'access tokens are refused without a name, and beyond their number',
  async (network) => {
    const user = await network.signUp('anna')
    const make = (text: string, more = {}): Promise<number> =>
      network.run('createAccessToken', {
        user,
        tokenHash: hash(text),
        name: 'x',
        scopes: ['read'],
        ...more,
      })
    await expectCode(make('a', { name: ' ' }), 'TEXT_EMPTY')
    await expectCode(make('a', { name: 'x'.repeat(61) }), 'TEXT_TOO_LONG')
    await expectCode(make('a', { user: 99 }), 'USER_NOT_FOUND')
    for (let index = 0; index < ACCESS_TOKEN_COUNT_MAX; index++) {
      await make(`t${index}`, { expiresInMs: DAY })
    }
    await expectCode(make('a'), 'TOKENS_TOO_MANY')
    network.clock.time += DAY
    const token = await make('a')
    expect(sessionsOf(network.view, user, 'access')).toEqual([token])
    const ben = await network.signUp('ben')
    await expectCode(network.run('removeAccessToken', { user: ben, token }), 'TOKEN_NOT_FOUND')
    const [logIn = 0] = sessionsOf(network.view, user, 'log-in')
    await expectCode(network.run('removeAccessToken', { user, token: logIn }), 'TOKEN_NOT_FOUND')
  },
)

networkTest('tokens of the suspended are worth nothing, and they are told why', async (network) => {
  const user = await network.signUp('anna')
  const moderator = await network.signUp('mod')
  await network.run('setRole', { user: moderator, role: 'moderator' })
  await network.run('suspendUser', { user, moderator, reason: 'spam' })
  expect(bearer(network, 'token of anna')).toBeUndefined()
  await expect(network.run('logIn', { user, tokenHash: hash('b') })).rejects.toMatchObject({
    code: 'ACCOUNT_SUSPENDED',
    message: expect.stringContaining('spam') as string,
  })
  await network.run('liftSuspension', { user, moderator })
  await network.run('logIn', { user, tokenHash: hash('b') })
  expect(bearer(network, 'b')?.user).toBe(user)
  expect(network.view.value(users, user, 'suspendedAt')).toBe(0)
})
