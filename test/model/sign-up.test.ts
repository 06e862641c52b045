// Who may sign up: modes, invites, the first admin; and the settings of the network that say so.

import { describe, expect, test } from 'vitest'
import { instanceSettings } from '../../src/model/instance-settings.ts'
import { allInvites, invitesOf } from '../../src/model/invites.ts'
import { INVITE_COUNT_MAX } from '../../src/model/limits.ts'
import { invites, settings, users } from '../../src/model/schema.ts'
import { isFresh } from '../../src/model/sign-up.ts'
import { roleOf } from '../../src/model/users.ts'
import { NOON, expectCode, networkTest } from '../support/network.ts'
import type { SignUp } from '../../src/model/sign-up.ts'
import type { Network } from '../support/network.ts'

const HOUR = 60 * 60 * 1000

const hash = (text: string): string => text.padEnd(43, '.')

function signUp(network: Network, handle: string, more: Partial<SignUp> = {}): Promise<number> {
  const tokenHash = hash(`token of ${handle}`)
  return network.run('signUp', { handle, name: '', passwordHash: 'x', tokenHash, ...more })
}

function invite(network: Network, creator: number, code: string, usesMax = 1): Promise<number> {
  return network.run('createInvite', {
    creator,
    codeHash: hash(code),
    usesMax,
    expiresInMs: HOUR,
  })
}

/** A network with an admin, and that mode. */
async function closedTo(network: Network, mode: 'open' | 'invite' | 'closed'): Promise<number> {
  const admin = await signUp(network, 'admin', { isSetup: true })
  await network.run('changeInstanceSettings', { signUp: mode })
  return admin
}

describe('settings', () => {
  networkTest('have defaults, and change one by one', async (network) => {
    const byDefault = {
      name: 'Shashin',
      description: '',
      signUp: 'open',
      inviters: 'moderators',
      sessionDays: 90,
    }
    expect(instanceSettings(network.view)).toEqual(byDefault)
    await network.run('changeInstanceSettings', { name: ' Nihon ', signUp: 'invite' })
    await network.run('changeInstanceSettings', { description: 'one\r\ntwo', sessionDays: 7 })
    expect(instanceSettings(network.view)).toEqual({
      ...byDefault,
      name: 'Nihon',
      description: 'one\ntwo',
      signUp: 'invite',
      sessionDays: 7,
    })
    expect(network.view.rowCount(settings)).toBe(1)
    await expectCode(network.run('changeInstanceSettings', { name: '' }), 'TEXT_EMPTY')
    await expectCode(network.run('changeInstanceSettings', { name: 'a\nb' }), 'TEXT_INVALID')
    const long = network.run('changeInstanceSettings', { description: 'x'.repeat(2001) })
    await expectCode(long, 'TEXT_TOO_LONG')
    for (const bad of [{ signUp: 'never' }, { sessionDays: 0 }, { sessionDays: 1.5 }]) {
      await expect(network.run('changeInstanceSettings', bad as object)).rejects.toThrow(RangeError)
    }
  })

  networkTest('that make no sense any more count as not set', async (network) => {
    await network.run('changeInstanceSettings', { name: 'Nihon' })
    const values = { name: 7, signUp: 'perhaps', sessionDays: 'x', more: true }
    const before = instanceSettings(network.view)
    const odd = { get: () => ({ values }) } as unknown as typeof network.view
    expect(instanceSettings(odd)).toEqual({ ...before, name: 'Shashin' })
  })
})

networkTest('closed, nobody signs up, with an invite neither', async (network) => {
  const admin = await closedTo(network, 'closed')
  await invite(network, admin, 'code')
  await expectCode(signUp(network, 'anna'), 'SIGN_UP_CLOSED')
  await expectCode(signUp(network, 'anna', { inviteHash: hash('code') }), 'SIGN_UP_CLOSED')
  expect(network.view.rowCount(users)).toBe(1)
})

networkTest('by invite, an invite is good as often as it says', async (network) => {
  const admin = await closedTo(network, 'invite')
  const id = await invite(network, admin, 'code', 2)
  const inviteHash = hash('code')
  await expectCode(signUp(network, 'anna'), 'INVITE_NEEDED')
  await expectCode(signUp(network, 'anna', { inviteHash: hash('cod') }), 'INVITE_INVALID')
  await expectCode(signUp(network, 'a b', { inviteHash }), 'HANDLE_INVALID')
  expect(network.view.value(invites, id, 'uses')).toBe(0)
  await signUp(network, 'anna', { inviteHash })
  await signUp(network, 'ben', { inviteHash })
  await expectCode(signUp(network, 'cleo', { inviteHash }), 'INVITE_INVALID')
  expect(network.view.get(invites, id)).toMatchObject({ uses: 2, usesMax: 2, createdAt: NOON })
})

networkTest('where it is open, an invite counts, and a wrong one is told', async (network) => {
  const admin = await closedTo(network, 'open')
  const id = await invite(network, admin, 'code')
  await signUp(network, 'anna')
  await signUp(network, 'ben', { inviteHash: hash('code') })
  expect(network.view.value(invites, id, 'uses')).toBe(1)
  await expectCode(signUp(network, 'cleo', { inviteHash: hash('code') }), 'INVITE_INVALID')
})

networkTest('an invite is good as long as its time, and its maker, last', async (network) => {
  const admin = await closedTo(network, 'invite')
  const moderator = await signUp(network, 'mod', {
    inviteHash: await invite(network, admin, 'first').then(() => hash('first')),
  })
  await expectCode(invite(network, moderator, 'mine'), 'INVITES_RESERVED')
  await network.run('setRole', { user: moderator, role: 'moderator' })
  const mine = await invite(network, moderator, 'mine', 10)
  const inviteHash = hash('mine')
  await signUp(network, 'a', { inviteHash })
  await network.run('setRole', { user: moderator, role: 'user' })
  await expectCode(signUp(network, 'b', { inviteHash }), 'INVITE_INVALID')
  await network.run('changeInstanceSettings', { inviters: 'everybody' })
  await signUp(network, 'b', { inviteHash })
  await network.run('suspendUser', { user: moderator, moderator: admin, reason: 'spam' })
  await expectCode(signUp(network, 'c', { inviteHash }), 'INVITE_INVALID')
  await expectCode(invite(network, moderator, 'more'), 'ACCOUNT_SUSPENDED')
  await network.run('liftSuspension', { user: moderator, moderator: admin })
  await signUp(network, 'c', { inviteHash })
  network.clock.time += HOUR
  await expectCode(signUp(network, 'd', { inviteHash }), 'INVITE_INVALID')
  expect(network.view.value(invites, mine, 'uses')).toBe(3)
})

networkTest('invites are taken back by who made them, or a moderator', async (network) => {
  const admin = await closedTo(network, 'open')
  const [anna, ben] = [await signUp(network, 'anna'), await signUp(network, 'ben')]
  await network.run('changeInstanceSettings', { inviters: 'everybody' })
  const ids = [await invite(network, anna, 'a'), await invite(network, anna, 'b')]
  expect(invitesOf(network.view, anna, 10)).toEqual(ids.toReversed())
  const [first = 0, second = 0] = ids
  await expectCode(network.run('removeInvite', { user: ben, invite: first }), 'INVITE_NOT_FOUND')
  await expectCode(network.run('removeInvite', { user: ben, invite: 0 }), 'INVITE_NOT_FOUND')
  await expectCode(network.run('removeInvite', { user: admin, invite: 99 }), 'INVITE_NOT_FOUND')
  await network.run('removeInvite', { user: anna, invite: first })
  await network.run('removeInvite', { user: admin, invite: second })
  await expectCode(network.run('removeInvite', { user: anna, invite: first }), 'INVITE_NOT_FOUND')
  expect(network.view.rowCount(invites)).toBe(0)
})

networkTest('invites are bounded; those that are spent make room', async (network) => {
  const admin = await closedTo(network, 'open')
  for (let index = 0; index < INVITE_COUNT_MAX; index++) {
    await invite(network, admin, `code ${index}`)
  }
  await expectCode(invite(network, admin, 'more'), 'INVITES_TOO_MANY')
  await signUp(network, 'anna', { inviteHash: hash('code 7') })
  await invite(network, admin, 'more')
  expect(network.view.rowCount(invites)).toBe(INVITE_COUNT_MAX)
  await expectCode(invite(network, 99, 'x'), 'USER_NOT_FOUND')
})

networkTest('all invites are listed, page by page, over the gaps', async (network) => {
  const admin = await closedTo(network, 'open')
  const pages = (count: number): number[][] => {
    const found: number[][] = []
    for (let before: number | undefined; before !== 0;) {
      const { ids, next } = allInvites(network.view, count, before)
      found.push([...ids])
      before = next
    }
    return found
  }
  expect(pages(2)).toEqual([[]])
  for (let index = 1; index <= 7; index++) await invite(network, admin, `code ${index}`)
  for (const gone of [1, 4, 7]) await network.run('removeInvite', { user: admin, invite: gone })
  expect(pages(2)).toEqual([[6, 5], [3, 2], []])
  expect(pages(50)).toEqual([[6, 5, 3, 2]])
  expect(allInvites(network.view, 2, 4_000_000_000).ids).toEqual([6, 5])
  expect(allInvites(network.view, 2, 1)).toEqual({ ids: [], next: 0 })
})

networkTest('the code of the first start makes one admin, whatever the mode', async (network) => {
  await network.run('changeInstanceSettings', { signUp: 'closed' })
  expect(isFresh(network.view)).toBe(true)
  const admin = await signUp(network, 'anna', { isSetup: true })
  expect(roleOf(network.view, admin)).toBe('admin')
  expect(isFresh(network.view)).toBe(false)
  await expectCode(signUp(network, 'ben', { isSetup: true }), 'INVITE_INVALID')
})

networkTest('the code of the first start is good after others have signed up', async (network) => {
  await signUp(network, 'early')
  const admin = await signUp(network, 'anna', { isSetup: true })
  expect(roleOf(network.view, admin)).toBe('admin')
})

networkTest('the operator makes users of any role in any mode', async (network) => {
  await network.run('changeInstanceSettings', { signUp: 'closed' })
  const input = { handle: 'Anna', passwordHash: 'x', role: 'moderator' as const }
  const user = await network.run('createUser', input)
  expect(network.view.get(users, user)).toMatchObject({ handle: 'Anna', handleKey: 'anna' })
  expect(roleOf(network.view, user)).toBe('moderator')
  await expectCode(network.run('createUser', input), 'HANDLE_TAKEN')
  await expectCode(network.run('createUser', { ...input, handle: 'a b' }), 'HANDLE_INVALID')
})

test('a network with very many users has had its first start', () => {
  const view = { lastId: () => 10_001 } as unknown as Network['view']
  expect(isFresh(view)).toBe(false)
})
