// Proof that it is really them: what a token alone must not be able to do (delete the account,
// change who can log in) takes the password again. Who has none has another way in, and shows by a
// fresh log-in that it still opens; how fresh is a rule of the model, which is told the session.

import { userOf } from './authentication.ts'
import { RequestRefusal } from './errors.ts'
import { PASSWORD_SIZE_MAX } from '../model/limits.ts'
import { users } from '../model/schema.ts'
import type { FastifyRequest } from 'fastify'
import type { Proof } from '../model/proof.ts'
import type { ApiParts } from './parts.ts'
import type { Passwords } from './passwords.ts'

export interface ProofParts extends ApiParts {
  readonly passwords: Passwords
}

/**
 * Who asks, proven by the password (`session` is 0), or to be proven by the age of the session.
 * Refuses with CREDENTIALS_WRONG, PASSWORDS_BUSY.
 */
export async function proofOf(
  { store, passwords }: ProofParts,
  request: FastifyRequest,
  password: string | undefined,
): Promise<Proof> {
  const { user, session } = userOf(request)
  const known = await store.read((view) => view.get(users, user)?.passwordHash)
  if (known === '') return { user, session }
  const isRight =
    password !== undefined &&
    password.length <= PASSWORD_SIZE_MAX &&
    (await passwords.verify(password, known))
  if (!isRight) throw new RequestRefusal('CREDENTIALS_WRONG', 'The password is wrong.')
  return { user, session: 0 }
}
