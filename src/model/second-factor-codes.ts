// Codes of the second factor: which are good, and what using one changes.
//
// A code of six digits is computed from a secret and the time (TOTP, RFC 6238). It is good for its
// step of 30 s and one step on either side, for phones whose clock is off, and it is good once:
// whoever has looked over a shoulder comes too late. A recovery code is good once, too, and is kept
// as a hash: it is random enough that a plain one will do.
//
// Codes are compared in the transaction that uses them up, so two log-ins at once cannot share one.

import { hash } from 'node:crypto'
import { Secret, TOTP } from 'otpauth'
import { Refusal } from './refusal.ts'
import { users } from './schema.ts'
import type { Transaction } from '../engine/transaction.ts'

/** Steps on either side of the present one whose codes are good. */
const STEP_WINDOW = 1

/** What using a code changes in its user's row. */
export type SecondFactorUse = { readonly totpStep: number } | { recoveryHashes: readonly string[] }

/**
 * Part of what needs the second factor: whether the code is good, and what using it changes in the
 * user's row, to be written by that transaction; undefined while the second factor is off. Refuses
 * with SECOND_FACTOR_NEEDED when there is no code, SECOND_FACTOR_WRONG.
 */
export function demandSecondFactor(
  tx: Transaction,
  user: number,
  code: string | undefined,
): SecondFactorUse | undefined {
  const row = tx.get(users, user)
  if (row === undefined || row.totpSecret === '') return undefined
  if (code === undefined || code === '') throw new Refusal('SECOND_FACTOR_NEEDED')
  const totpStep = stepOf(row.totpSecret, code, tx.now)
  if (totpStep > row.totpStep) return { totpStep }
  const used = totpStep === 0 ? row.recoveryHashes.indexOf(recoveryHashOf(code)) : -1
  if (used === -1) throw new Refusal('SECOND_FACTOR_WRONG')
  return { recoveryHashes: row.recoveryHashes.filter((_, index) => index !== used) }
}

/** What the store knows of a recovery code, however it is typed. */
export function recoveryHashOf(code: string): string {
  return hash('sha256', code.toLowerCase().replaceAll(/[\s-]/g, ''), 'base64url')
}

/** What a phone takes over, as the text of a QR code. */
export function keyAddressOf(secret: string, issuer: string, handle: string): string {
  return totpOf(secret, issuer, handle).toString()
}

/** Time step whose code it is, 0 when it is that of none that is good now. */
export function stepOf(secret: string, code: string, now: number): number {
  const token = code.replaceAll(/\s/g, '')
  if (!/^\d{6}$/.test(token)) return 0
  const totp = totpOf(secret)
  const delta = totp.validate({ token, timestamp: now, window: STEP_WINDOW })
  return delta === null ? 0 : totp.counter({ timestamp: now }) + delta
}

function totpOf(secret: string, issuer = '', label = ''): TOTP {
  return new TOTP({ issuer, label, secret: Secret.fromBase32(secret) })
}
