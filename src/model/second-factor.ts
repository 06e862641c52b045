// The second factor: codes of six digits that a phone computes from a secret and the time (TOTP,
// RFC 6238), and recovery codes for when the phone is gone.
//
//   off ── begin ──▶ off, a secret is pending ── its first code ──▶ on ── a code ──▶ off
//                    begin again: another one
//
// A secret that waits for its first code asks nobody for anything: whoever gives up half-way is not
// locked out. Which codes are good is told in second-factor-codes.ts.

import { RECOVERY_CODE_COUNT } from './limits.ts'
import { warnByMail } from './mail-tokens.ts'
import { demandFreshLogIn } from './proof.ts'
import { Refusal } from './refusal.ts'
import { users } from './schema.ts'
import { demandSecondFactor, stepOf } from './second-factor-codes.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'
import type { Proof } from './proof.ts'
import type { SecondFactorUse } from './second-factor-codes.ts'

export interface SecondFactorState {
  readonly isOn: boolean
  readonly recoveryCodesLeft: number
}

/**
 * Hands out a secret, in place of one that still waits for its code. Refuses with USER_NOT_FOUND,
 * LOG_IN_STALE, SECOND_FACTOR_ON.
 */
export function beginSecondFactor(
  tx: Transaction,
  input: Proof & { readonly secret: string },
): void {
  const { user, secret } = input
  demandFreshLogIn(tx, user, input.session)
  if (tx.get(users, user)!.totpSecret !== '') throw new Refusal('SECOND_FACTOR_ON')
  tx.update(users, user, { totpPending: secret })
}

/**
 * Turns it on with the first code of the secret that waits. `recoveryHashes` are those of new
 * codes. Refuses with USER_NOT_FOUND, SECOND_FACTOR_ON, SECOND_FACTOR_OFF, SECOND_FACTOR_WRONG.
 */
export function turnOnSecondFactor(
  tx: Transaction,
  input: { user: number; code: string; recoveryHashes: readonly string[] },
): void {
  const { user, code, recoveryHashes } = input
  const row = tx.get(users, user)
  if (row === undefined) throw new Refusal('USER_NOT_FOUND')
  if (row.totpSecret !== '') throw new Refusal('SECOND_FACTOR_ON')
  if (row.totpPending === '') throw new Refusal('SECOND_FACTOR_OFF')
  const totpStep = stepOf(row.totpPending, code, tx.now)
  if (totpStep === 0) throw new Refusal('SECOND_FACTOR_WRONG')
  tx.update(users, user, {
    totpSecret: row.totpPending,
    totpPending: '',
    totpStep,
    recoveryHashes: recoveryHashes.slice(0, RECOVERY_CODE_COUNT),
  })
  warnByMail(tx, user, 'second-factor-on')
}

/**
 * Turns it off. Refuses with USER_NOT_FOUND, LOG_IN_STALE, SECOND_FACTOR_OFF, SECOND_FACTOR_NEEDED,
 * SECOND_FACTOR_WRONG.
 */
export function turnOffSecondFactor(
  tx: Transaction,
  input: Proof & { readonly code: string },
): void {
  const { user, code } = input
  demandFreshLogIn(tx, user, input.session)
  const use = demandSecondFactor(tx, user, code)
  if (use === undefined) throw new Refusal('SECOND_FACTOR_OFF')
  // The last step stays: the code that turned it off does not turn it on again.
  tx.update(users, user, { totpSecret: '', totpPending: '', recoveryHashes: [], ...stepIn(use) })
  warnByMail(tx, user, 'second-factor-off')
}

/**
 * Recovery codes in place of those that there were. Refuses like `turnOffSecondFactor`.
 */
export function renewRecoveryCodes(
  tx: Transaction,
  input: Proof & { readonly code: string; readonly recoveryHashes: readonly string[] },
): void {
  const { user, code } = input
  demandFreshLogIn(tx, user, input.session)
  const use = demandSecondFactor(tx, user, code)
  if (use === undefined) throw new Refusal('SECOND_FACTOR_OFF')
  const recoveryHashes = input.recoveryHashes.slice(0, RECOVERY_CODE_COUNT)
  tx.update(users, user, { ...stepIn(use), recoveryHashes })
}

export function secondFactorOf(view: View, user: number): SecondFactorState {
  const row = view.get(users, user)
  if (row === undefined || row.totpSecret === '') return { isOn: false, recoveryCodesLeft: 0 }
  return { isOn: true, recoveryCodesLeft: row.recoveryHashes.length }
}

function stepIn(use: SecondFactorUse): { readonly totpStep?: number } {
  return 'totpStep' in use ? { totpStep: use.totpStep } : {}
}
