// The first admin out of the environment: made once, where nobody is, with a password that works.

import { expect, test } from 'vitest'
import { createFirstAdmin } from '../../src/api/first-admin.ts'
import { Api } from '../support/api.ts'
import { expectCode } from '../support/network.ts'

test('is made where nobody has an account, and only there', async () => {
  await using api = await Api.create()
  const { store } = api.network
  const admin = { handle: 'Root', password: 'a long password' }
  const misspelt = createFirstAdmin(store, { ...admin, handle: 'ro ot' })
  await expectCode(misspelt, 'HANDLE_INVALID')
  await expect(misspelt).rejects.toThrow(/^SHASHIN_ADMIN_HANDLE is not accepted: A handle has/)
  const short = createFirstAdmin(store, { ...admin, password: 'short' })
  await expect(short).rejects.toThrow(/^SHASHIN_ADMIN_PASSWORD is not accepted: A password has/)
  expect(await createFirstAdmin(store, admin)).toBe(true)
  expect(await createFirstAdmin(store, { ...admin, handle: 'Other' })).toBe(false)

  const body = { handle: 'root', password: admin.password }
  const { token } = (await api.call('POST', '/sessions', { body })).body
  const me = await api.call('GET', '/me', { token })
  expect(me.body).toMatchObject({ handle: 'Root', role: 'admin' })
})

test('is not made where somebody was there before', async () => {
  await using api = await Api.create()
  await api.signUp('anna')
  const admin = { handle: 'root', password: 'a long password' }
  expect(await createFirstAdmin(api.network.store, admin)).toBe(false)
})
