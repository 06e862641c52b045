// The second factor in the model: what turns it on and off, and that a code is good once.

import { TOTP, Secret } from 'otpauth'
import { expect } from 'vitest'
import { jobs, users } from '../../src/model/schema.ts'
import { keyAddressOf, recoveryHashOf } from '../../src/model/second-factor-codes.ts'
import { secondFactorOf } from '../../src/model/second-factor.ts'
import { bearerOf } from '../../src/model/sessions.ts'
import { NOON, expectCode, networkTest } from '../support/network.ts'
import type { SecondFactorState } from '../../src/model/second-factor.ts'
import type { Network } from '../support/network.ts'

const SECRET = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'
const STEP_MS = 30_000
const RECOVERY_CODES = ['aaaa-bbbb-cccc-dddd', 'eeee-ffff-gggg-hhhh'] as const
const recoveryHashes = RECOVERY_CODES.map(recoveryHashOf)

/** What a phone shows at that time. */
function codeAt(time: number, secret = SECRET): string {
  return new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: time })
}

function logIn(network: Network, user: number, code?: string): Promise<number> {
  const tokenHash = Math.random().toString(36).padEnd(43, '.')
  return network.run('logIn', { user, tokenHash, ...(code === undefined ? {} : { code }) })
}

async function withSecondFactor(network: Network, handle = 'anna'): Promise<number> {
  const user = await network.signUp(handle)
  await network.run('beginSecondFactor', { user, session: 0, secret: SECRET })
  await network.run('turnOnSecondFactor', { user, code: codeAt(NOON), recoveryHashes })
  network.clock.time = NOON + STEP_MS * 2
  return user
}

const OFF: SecondFactorState = { isOn: false, recoveryCodesLeft: 0 }

networkTest('a secret asks nobody for anything before its first code', async (network) => {
  const user = await network.signUp('anna')
  expect(secondFactorOf(network.view, user)).toEqual(OFF)
  await network.run('beginSecondFactor', { user, session: 0, secret: SECRET })
  expect(secondFactorOf(network.view, user)).toEqual(OFF)
  await logIn(network, user)

  const wrong = { user, code: '000000', recoveryHashes }
  await expectCode(network.run('turnOnSecondFactor', wrong), 'SECOND_FACTOR_WRONG')
  await network.run('turnOnSecondFactor', { user, code: codeAt(NOON), recoveryHashes })
  expect(secondFactorOf(network.view, user)).toEqual({ isOn: true, recoveryCodesLeft: 2 })
  expect(network.view.get(users, user)!.totpPending).toBe('')
  await expectCode(logIn(network, user), 'SECOND_FACTOR_NEEDED')
})

networkTest('a secret that is asked for again is the only one that counts', async (network) => {
  const user = await network.signUp('anna')
  const other = 'KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU'
  await network.run('beginSecondFactor', { user, session: 0, secret: SECRET })
  await network.run('beginSecondFactor', { user, session: 0, secret: other })
  const before = { user, code: codeAt(NOON), recoveryHashes }
  await expectCode(network.run('turnOnSecondFactor', before), 'SECOND_FACTOR_WRONG')
  await network.run('turnOnSecondFactor', { ...before, code: codeAt(NOON, other) })
})

networkTest('a code is good once, and so is everything before it', async (network) => {
  const user = await network.signUp('anna')
  await network.run('beginSecondFactor', { user, session: 0, secret: SECRET })
  await network.run('turnOnSecondFactor', { user, code: codeAt(NOON), recoveryHashes })
  await expectCode(logIn(network, user, codeAt(NOON)), 'SECOND_FACTOR_WRONG')
  await expectCode(logIn(network, user, codeAt(NOON - STEP_MS)), 'SECOND_FACTOR_WRONG')
  await logIn(network, user, codeAt(NOON + STEP_MS))
  await expectCode(logIn(network, user, codeAt(NOON + STEP_MS)), 'SECOND_FACTOR_WRONG')
})

networkTest('a clock may be off by one step and no more', async (network) => {
  const user = await withSecondFactor(network)
  const now = network.clock.time
  for (const steps of [-3, -2, 2, 3]) {
    await expectCode(logIn(network, user, codeAt(now + steps * STEP_MS)), 'SECOND_FACTOR_WRONG')
  }
  for (const steps of [-1, 0, 1]) await logIn(network, user, codeAt(now + steps * STEP_MS))
})

networkTest('a wrong code starts no session and uses up nothing', async (network) => {
  const user = await withSecondFactor(network)
  const code = codeAt(network.clock.time)
  const wrong = code === '123456' ? '654321' : '123456'
  for (const bad of [wrong, '12345', '1234567', 'abcdef', ' ', 'aaaa-bbbb-cccc-dddx']) {
    await expectCode(logIn(network, user, bad), 'SECOND_FACTOR_WRONG')
  }
  await expectCode(logIn(network, user, ''), 'SECOND_FACTOR_NEEDED')
  const spaced = `${code.slice(0, 3)} ${code.slice(3)}`
  const tokenHash = 'z'.repeat(43)
  await network.run('logIn', { user, tokenHash, code: spaced })
  expect(bearerOf(network.view, tokenHash, network.clock.time)).toMatchObject({ user })
})

networkTest('a recovery code is good once, however it is typed', async (network) => {
  const user = await withSecondFactor(network)
  await logIn(network, user, 'AAAA bbbb-CCCC dddd')
  expect(secondFactorOf(network.view, user).recoveryCodesLeft).toBe(1)
  await expectCode(logIn(network, user, RECOVERY_CODES[0]), 'SECOND_FACTOR_WRONG')
  await logIn(network, user, RECOVERY_CODES[1])
  expect(secondFactorOf(network.view, user)).toEqual({ isOn: true, recoveryCodesLeft: 0 })
})

networkTest('turning it off takes a code, and leaves nothing', async (network) => {
  const user = await withSecondFactor(network)
  const input = { user, session: 0 }
  await expectCode(
    network.run('turnOffSecondFactor', { ...input, code: '' }),
    'SECOND_FACTOR_NEEDED',
  )
  await expectCode(
    network.run('turnOffSecondFactor', { ...input, code: 'nonsense' }),
    'SECOND_FACTOR_WRONG',
  )
  const code = codeAt(network.clock.time)
  await network.run('turnOffSecondFactor', { ...input, code })
  expect(network.view.get(users, user)).toMatchObject({
    totpSecret: '',
    totpPending: '',
    recoveryHashes: [],
  })
  await logIn(network, user)
  await expectCode(network.run('turnOffSecondFactor', { ...input, code }), 'SECOND_FACTOR_OFF')
  // On again, with a recovery code this time.
  await network.run('beginSecondFactor', { ...input, secret: SECRET })
  await network.run('turnOnSecondFactor', { user, code, recoveryHashes })
  await network.run('turnOffSecondFactor', { ...input, code: RECOVERY_CODES[0] })
  expect(secondFactorOf(network.view, user)).toEqual(OFF)
})

networkTest('who reads the confirmed mailbox is told', async (network) => {
  const key = 'https://id.example.org anna'
  const newcomer = { key, wish: 'anna', name: '', email: 'anna@example.org', random: 'abcde' }
  const { user } = await network.run('enterByIdentity', newcomer)
  const current = await logIn(network, user)
  await network.run('beginSecondFactor', { user, session: 0, secret: SECRET })
  await network.run('turnOnSecondFactor', { user, code: codeAt(NOON), recoveryHashes })
  await network.run('turnOffSecondFactor', { user, session: 0, code: RECOVERY_CODES[0] })
  const identity = await network.run('linkIdentity', { user, session: 0, current, key: 'another' })
  await network.run('removeIdentity', { user, identity })
  const mails = network.view.after(jobs.indexes.byUser, user, 0, 10)
  const told = ['second-factor-on', 'second-factor-off', 'identity-linked', 'identity-removed']
  expect(network.view.getMany(jobs, mails).map(({ input }) => input)).toEqual(
    told.map((template) => ({ template, to: 'anna@example.org', handle: 'anna' })),
  )
})

networkTest('new recovery codes take the place of the old ones', async (network) => {
  const user = await withSecondFactor(network)
  const fresh = ['iiii-jjjj-kkkk-llll'].map(recoveryHashOf)
  const input = { user, session: 0, recoveryHashes: fresh }
  const other = await network.signUp('ben')
  await expectCode(
    network.run('renewRecoveryCodes', { ...input, user: other, code: '123456' }),
    'SECOND_FACTOR_OFF',
  )
  await expectCode(
    network.run('renewRecoveryCodes', { ...input, code: 'x' }),
    'SECOND_FACTOR_WRONG',
  )
  await network.run('renewRecoveryCodes', { ...input, code: RECOVERY_CODES[1] })
  await expectCode(logIn(network, user, RECOVERY_CODES[0]), 'SECOND_FACTOR_WRONG')
  const code = codeAt(network.clock.time)
  await network.run('renewRecoveryCodes', { ...input, code })
  await expectCode(logIn(network, user, code), 'SECOND_FACTOR_WRONG')
  await logIn(network, user, 'iiiijjjjkkkkllll')
})

networkTest('what is on is not begun, and what was not begun is not turned on', async (network) => {
  const user = await withSecondFactor(network)
  const begin = { user, session: 0, secret: SECRET }
  await expectCode(network.run('beginSecondFactor', begin), 'SECOND_FACTOR_ON')
  const turnOn = { user, code: codeAt(network.clock.time), recoveryHashes }
  await expectCode(network.run('turnOnSecondFactor', turnOn), 'SECOND_FACTOR_ON')
  const other = await network.signUp('ben')
  await expectCode(
    network.run('turnOnSecondFactor', { ...turnOn, user: other }),
    'SECOND_FACTOR_OFF',
  )
  await expectCode(network.run('turnOnSecondFactor', { ...turnOn, user: 99 }), 'USER_NOT_FOUND')
  await expectCode(network.run('beginSecondFactor', { ...begin, user: 99 }), 'USER_NOT_FOUND')
})

networkTest('without a password it takes a log-in of the last ten minutes', async (network) => {
  const user = await network.signUp('anna')
  const session = await logIn(network, user)
  const ben = await network.signUp('ben')
  const bens = await logIn(network, ben)
  const begin = { user, secret: SECRET }
  await expectCode(network.run('beginSecondFactor', { ...begin, session: bens }), 'LOG_IN_STALE')
  await expectCode(network.run('beginSecondFactor', { ...begin, session: 99 }), 'LOG_IN_STALE')
  network.clock.time = NOON + 10 * 60_000
  await network.run('beginSecondFactor', { ...begin, session })
  network.clock.time += 1
  await expectCode(network.run('beginSecondFactor', { ...begin, session }), 'LOG_IN_STALE')
})

networkTest('the key address is what phones read', async (network) => {
  await network.signUp('anna')
  expect(keyAddressOf(SECRET, 'Shashin', 'anna')).toBe(
    `otpauth://totp/Shashin:anna?issuer=Shashin&secret=${SECRET}&algorithm=SHA1&digits=6&period=30`,
  )
})
