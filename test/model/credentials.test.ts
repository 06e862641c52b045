// Addresses and passwords in the model: what has to be confirmed, what a link in a mail proves,
// what ends when a password changes.

import { expect, test } from 'vitest'
import { checkNetwork } from '../../src/model/check.ts'
import { emailStateOf, fitEmail, userOfEmail } from '../../src/model/emails.ts'
import { invites, jobs, mailTokens, users } from '../../src/model/schema.ts'
import { bearerOf } from '../../src/model/sessions.ts'
import { userOfName } from '../../src/model/passwords.ts'
import { expectCode, networkTest } from '../support/network.ts'
import type { Transaction } from '../../src/engine/transaction.ts'
import type { EmailState } from '../../src/model/emails.ts'
import type { Network } from '../support/network.ts'

const HOUR = 60 * 60 * 1000

const hash = (text: string): string => text.padEnd(43, '.')
const mail = (text: string): { token: string; tokenHash: string } => ({
  token: text,
  tokenHash: hash(text),
})

function setEmail(network: Network, user: number, email: string, token: string): Promise<void> {
  return network.run('changeEmail', { user, session: 0, email, ...mail(token) })
}

function confirm(network: Network, token: string): Promise<number> {
  return network.run('confirmEmail', { tokenHash: hash(token) })
}

function askReset(network: Network, emailOrHandle: string, token: string): Promise<void> {
  return network.run('requestPasswordReset', { emailOrHandle, ...mail(token) })
}

function stateOf(network: Network, user: number): EmailState {
  return emailStateOf(network.view, user, network.clock.time)
}

/** What mails are to go out, oldest first. */
function mails(network: Network): unknown[] {
  const ids = Array.from({ length: network.view.lastId(jobs) }, (_, index) => index + 1)
  return network.view.getMany(jobs, ids).map(({ kind, input }) => {
    expect(kind).toBe('mail')
    return input
  })
}

networkTest('an address is confirmed by the link in its mail, once', async (network) => {
  const user = await network.signUp('Anna')
  await setEmail(network, user, ' Anna@Example.org ', 'a')
  expect(stateOf(network, user)).toEqual({
    email: 'Anna@Example.org',
    isConfirmed: false,
    pending: '',
  })
  expect(userOfEmail(network.view, 'anna@example.org')).toBe(0)
  expect(mails(network)).toEqual([
    { template: 'confirm-email', to: 'Anna@Example.org', handle: 'Anna', token: 'a' },
  ])
  await expectCode(confirm(network, 'b'), 'MAIL_TOKEN_INVALID')
  expect(await confirm(network, 'a')).toBe(user)
  expect(stateOf(network, user)).toMatchObject({ isConfirmed: true, pending: '' })
  expect(userOfEmail(network.view, 'ANNA@example.ORG')).toBe(user)
  expect(userOfName(network.view, 'anna@example.org')).toBe(user)
  await expectCode(confirm(network, 'a'), 'MAIL_TOKEN_INVALID')
  expect(network.view.rowCount(mailTokens)).toBe(0)
})

networkTest('a sign-up may bring an address', async (network) => {
  const user = await network.run('signUp', {
    handle: 'anna',
    name: '',
    passwordHash: 'x',
    tokenHash: hash('t'),
    email: 'anna@example.org',
    mailToken: mail('a'),
  })
  expect(stateOf(network, user)).toMatchObject({ email: 'anna@example.org', isConfirmed: false })
  await confirm(network, 'a')
  expect(stateOf(network, user).isConfirmed).toBe(true)
  await expectCode(
    network.run('signUp', {
      handle: 'ben',
      name: '',
      passwordHash: 'x',
      tokenHash: hash('u'),
      email: 'ben',
      mailToken: mail('b'),
    }),
    'EMAIL_INVALID',
  )
})

networkTest('a confirmed address stays until the next one is confirmed', async (network) => {
  const user = await network.signUp('anna')
  await setEmail(network, user, 'old@example.org', 'a')
  await confirm(network, 'a')
  await setEmail(network, user, 'new@example.org', 'b')
  expect(stateOf(network, user)).toEqual({
    email: 'old@example.org',
    isConfirmed: true,
    pending: 'new@example.org',
  })
  // Only the newest wish counts.
  await setEmail(network, user, 'newer@example.org', 'c')
  await expectCode(confirm(network, 'b'), 'MAIL_TOKEN_INVALID')
  await confirm(network, 'c')
  expect(stateOf(network, user)).toMatchObject({ email: 'newer@example.org', pending: '' })
  expect(userOfEmail(network.view, 'old@example.org')).toBe(0)
  expect(mails(network).at(-1)).toEqual({
    template: 'email-changed',
    to: 'old@example.org',
    handle: 'anna',
  })
  await setEmail(network, user, 'newest@example.org', 'd')
  await setEmail(network, user, 'newer@example.org', 'e')
  expect(stateOf(network, user).pending).toBe('')
  await expectCode(confirm(network, 'd'), 'MAIL_TOKEN_INVALID')

  await setEmail(network, user, '', 'f')
  expect(stateOf(network, user)).toEqual({ email: '', isConfirmed: false, pending: '' })
  expect(userOfEmail(network.view, 'newer@example.org')).toBe(0)
  expect(mails(network).at(-1)).toMatchObject({ template: 'email-removed' })
})

networkTest('two want one address: it is theirs who confirms it first', async (network) => {
  const [anna, ben] = [await network.signUp('anna'), await network.signUp('ben')]
  await setEmail(network, anna, 'us@example.org', 'a')
  await setEmail(network, ben, 'US@example.org', 'b')
  await confirm(network, 'b')
  await expectCode(confirm(network, 'a'), 'EMAIL_TAKEN')
  expect(userOfEmail(network.view, 'us@example.org')).toBe(ben)
})

networkTest('mails are bounded, and links end', async (network) => {
  const user = await network.signUp('anna')
  for (let index = 0; index < 5; index++) {
    await setEmail(network, user, 'anna@example.org', `t${index}`)
  }
  await expectCode(setEmail(network, user, 'anna@example.org', 'x'), 'MAILS_TOO_MANY')
  network.clock.time += 24 * HOUR
  await expectCode(confirm(network, 't4'), 'MAIL_TOKEN_INVALID')
  await setEmail(network, user, 'anna@example.org', 'y')
  expect(network.view.rowCount(mailTokens)).toBe(1)
  await confirm(network, 'y')
})

networkTest('an address needs the password or a fresh log-in', async (network) => {
  const user = await network.signUp('anna')
  const input = { user, email: 'anna@example.org', ...mail('a') }
  network.clock.time += HOUR
  await expectCode(network.run('changeEmail', { ...input, session: 1 }), 'LOG_IN_STALE')
  await expectCode(network.run('changeEmail', { ...input, user: 99, session: 0 }), 'USER_NOT_FOUND')
  const session = await network.run('logIn', { user, tokenHash: hash('b') })
  await network.run('changeEmail', { ...input, session })
})

networkTest('a changed password ends the other log-ins and no access token', async (network) => {
  const user = await network.signUp('anna')
  await setEmail(network, user, 'anna@example.org', 'a')
  await confirm(network, 'a')
  await askReset(network, 'anna', 'r')
  const current = await network.run('logIn', { user, tokenHash: hash('current') })
  const access = { user, tokenHash: hash('access'), name: 'cron', scopes: ['read'] as const }
  await network.run('createAccessToken', access)
  await network.run('changePassword', { user, session: 0, current, passwordHash: 'new' })
  const isGood = (text: string): boolean =>
    bearerOf(network.view, hash(text), network.clock.time) !== undefined
  expect(['current', 'access', 'token of anna'].map(isGood)).toEqual([true, true, false])
  expect(network.view.get(users, user)?.passwordHash).toBe('new')
  expect(mails(network).at(-1)).toEqual({
    template: 'password-changed',
    to: 'anna@example.org',
    handle: 'anna',
  })
  const late = network.run('resetPassword', { tokenHash: hash('r'), passwordHash: 'late' })
  await expectCode(late, 'MAIL_TOKEN_INVALID')
  await network.run('setPassword', { user, passwordHash: 'by the operator' })
  expect(['current', 'access'].map(isGood)).toEqual([false, false])
  await expectCode(network.run('setPassword', { user: 99, passwordHash: 'x' }), 'USER_NOT_FOUND')
})

networkTest('a reset by mail sets a password, once, and ends everything', async (network) => {
  const user = await network.signUp('anna')
  await setEmail(network, user, 'anna@example.org', 'a')
  await confirm(network, 'a')
  const access = { user, tokenHash: hash('access'), name: 'cron', scopes: ['read'] as const }
  await network.run('createAccessToken', access)
  await askReset(network, 'Anna@Example.org', 'r1')
  await askReset(network, 'ANNA', 'r2')
  expect(mails(network).slice(-2)).toMatchObject([
    { template: 'reset-password', to: 'anna@example.org', token: 'r1' },
    { template: 'reset-password', to: 'anna@example.org', token: 'r2' },
  ])
  await expectCode(confirm(network, 'r1'), 'MAIL_TOKEN_INVALID')
  await network.run('resetPassword', { tokenHash: hash('r1'), passwordHash: 'new' })
  expect(network.view.get(users, user)?.passwordHash).toBe('new')
  for (const text of ['access', 'token of anna']) {
    expect(bearerOf(network.view, hash(text), network.clock.time)).toBeUndefined()
  }
  for (const text of ['r1', 'r2', 'a']) {
    const again = network.run('resetPassword', { tokenHash: hash(text), passwordHash: 'x' })
    await expectCode(again, 'MAIL_TOKEN_INVALID')
  }
})

networkTest(
  'a reset that is asked for nobody writes as much and leaves nothing',
  async (network) => {
    const anna = await network.signUp('anna')
    await setEmail(network, anna, 'anna@example.org', 'a')
    const before = mails(network).length
    for (const name of ['', 'nobody', 'nobody@example.org', 'x'.repeat(500), 'anna']) {
      const { lastLsn } = network.store.stats()
      await askReset(network, name, `for ${name.slice(0, 20)}`)
      expect(network.store.stats().lastLsn).toBe(lastLsn + 1)
    }
    expect(mails(network)).toHaveLength(before)
    expect(network.view.rowCount(mailTokens)).toBe(1)
    // An address that is not confirmed may be somebody else's.
    await expectCode(
      network.run('resetPassword', { tokenHash: hash('for anna'), passwordHash: 'x' }),
      'MAIL_TOKEN_INVALID',
    )
  },
)

networkTest('resets are bounded, end, and are bound to their address', async (network) => {
  const user = await network.signUp('anna')
  await setEmail(network, user, 'anna@example.org', 'a')
  await confirm(network, 'a')
  for (const text of ['r1', 'r2', 'r3', 'r4']) await askReset(network, 'anna', text)
  expect(network.view.rowCount(mailTokens)).toBe(3)
  const reset = (text: string): Promise<void> =>
    network.run('resetPassword', { tokenHash: hash(text), passwordHash: 'x' })
  await expectCode(reset('r4'), 'MAIL_TOKEN_INVALID')
  network.clock.time += HOUR
  await expectCode(reset('r1'), 'MAIL_TOKEN_INVALID')
  await askReset(network, 'anna', 'r5')
  expect(network.view.rowCount(mailTokens)).toBe(1)
  await setEmail(network, user, 'other@example.org', 'b')
  await confirm(network, 'b')
  await expectCode(reset('r5'), 'MAIL_TOKEN_INVALID')
  await askReset(network, 'anna', 'r6')
  const moderator = await network.signUp('mod')
  await network.run('setRole', { user: moderator, role: 'admin' })
  await network.run('suspendUser', { user, moderator, reason: 'spam' })
  await expectCode(reset('r6'), 'MAIL_TOKEN_INVALID')
})

networkTest(
  'who is found by an address that is not theirs is told by the check',
  async (network) => {
    const user = await network.signUp('anna')
    await setEmail(network, user, 'Anna@Example.org', 'a')
    expect(checkNetwork(network.view)).toEqual([])
    await confirm(network, 'a')
    const creator = await network.run('createUser', {
      handle: 'mod',
      passwordHash: 'x',
      role: 'moderator',
    })
    const invite = { creator, codeHash: hash('code'), usesMax: 1, expiresInMs: HOUR }
    await network.run('createInvite', invite)
    expect(checkNetwork(network.view)).toEqual([])

    const write = (uses: number, emailConfirmedAt: number): Promise<unknown> => {
      const registry = {
        write(tx: Transaction): void {
          tx.update(users, user, { emailConfirmedAt })
          tx.update(invites, 1, { uses })
        },
      }
      return network.store.transact('write' as 'logOut', { session: 0 }, { registry })
    }
    await write(2, 0)
    expect(checkNetwork(network.view)).toEqual([
      'user 1 is found by the address "anna@example.org" instead of ""',
      'invite 1 was used 2 times and is good for 1',
    ])
    await write(1, network.clock.time)
  },
)

test('what is an address, and what is none', () => {
  for (const good of [
    'a@b',
    'anna+tag@example.org',
    "o'neil@sub.example.co.jp",
    '花子@例え.jp',
    `${'x'.repeat(64)}@${'y'.repeat(60)}.org`,
  ]) {
    expect(fitEmail(good)).toBe(good)
  }
  for (const bad of [
    '',
    '@',
    'anna',
    'anna@',
    '@example.org',
    'a@b@c',
    'a b@example.org',
    'a@exa mple.org',
    'a@-example.org',
    'a@example-.org',
    'a@example..org',
    'a@.org',
    'a@example.org.',
    `a@${'y'.repeat(64)}.org`,
    'a@example.org\r\nBcc: b@example.org',
    'a\u0000@example.org',
    '"a"@example.org',
    'a,b@example.org',
    `${'x'.repeat(65)}@example.org`,
    `a@${'y'.repeat(250)}.org`,
    '花'.repeat(60) + `@${'例'.repeat(30)}.jp`,
  ]) {
    expect(() => fitEmail(bad), bad).toThrow(/no e-mail address/)
  }
})
