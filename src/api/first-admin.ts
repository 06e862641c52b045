// The first admin as the environment names one (SHASHIN_ADMIN_HANDLE, SHASHIN_ADMIN_PASSWORD): made
// at the first start, when nobody has ever had an account, and never again. So it does no harm to
// leave both in a container's environment, and changing them later changes nothing.

import { Passwords } from './passwords.ts'
import { Refusal } from '../model/refusal.ts'
import { isFresh } from '../model/sign-up.ts'
import { demandHandle, demandPassword } from '../model/users.ts'
import type { Store } from '../engine/store.ts'
import type { transactions } from '../model/transactions.ts'

export interface FirstAdmin {
  readonly handle: string
  readonly password: string
}

/**
 * Whether there was nobody, and is an admin now. Rejects with HANDLE_INVALID or PASSWORD_UNFIT.
 */
export async function createFirstAdmin(
  store: Pick<Store<typeof transactions>, 'read' | 'transact'>,
  { handle, password }: FirstAdmin,
): Promise<boolean> {
  if (!(await store.read(isFresh))) return false
  await naming('SHASHIN_ADMIN_HANDLE', () => store.read((view) => demandHandle(view, handle)))
  await naming('SHASHIN_ADMIN_PASSWORD', async () => demandPassword(password))
  const passwordHash = await new Passwords().hash(password)
  await store.transact('createUser', { handle, passwordHash, role: 'admin' })
  return true
}

/** A refusal says where the operator has to look. */
async function naming(variable: string, demand: () => Promise<void>): Promise<void> {
  try {
    await demand()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    throw new Refusal(error.code, `${variable} is not accepted: ${error.message}`)
  }
}
