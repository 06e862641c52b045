// Errors on their way between threads. The structured clone of an error keeps its message and loses
// its class and its code; so errors cross as plain data and become errors again on the other side,
// of the classes that the code there has. Product code is loaded in generations (generations.ts),
// each with a Refusal of its own: who asks says which.

import { InvariantError } from '../std/assert.ts'
import { DatastoreError } from '../engine/errors.ts'
import type { DatastoreErrorCode } from '../engine/errors.ts'

export interface PlainError {
  /** Name of its class. */
  readonly name: string
  readonly message: string
  readonly code?: string
  readonly stack?: string
  readonly file?: string
  readonly offset?: number
  readonly lsn?: number
  readonly advice?: string
}

/** Makes a refusal of the product out of its code and sentence. */
export type ReviveRefusal = (code: string, sentence: string) => Error

const DETAILS = ['file', 'offset', 'lsn', 'advice'] as const

export function plainError(error: unknown): PlainError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) }
  const details: Record<string, unknown> = {}
  const source = error as unknown as Readonly<Record<string, unknown>>
  for (const key of DETAILS) if (source[key] !== undefined) details[key] = source[key]
  return {
    name: error.name,
    message: error.message,
    ...(typeof source['code'] === 'string' ? { code: source['code'] } : {}),
    ...(error.stack === undefined ? {} : { stack: error.stack }),
    ...details,
  }
}

/** `refusal` is only needed where commands are answered; without it a refusal is a plain error. */
export function reviveError(plain: PlainError, refusal?: ReviveRefusal): Error {
  const { name, message, code, stack } = plain
  if (name === 'Refusal' && refusal !== undefined && code !== undefined) {
    return refusal(code, message)
  }
  let error: Error
  if (name === 'DatastoreError') {
    error = new DatastoreError(code as DatastoreErrorCode, message, plain)
  } else if (name === 'InvariantError') {
    error = new InvariantError(message)
  } else if (name === 'RangeError') {
    error = new RangeError(message)
  } else if (name === 'TypeError') {
    error = new TypeError(message)
  } else if (name === 'SyntaxError') {
    error = new SyntaxError(message)
  } else {
    error = new Error(message)
    error.name = name
  }
  if (stack !== undefined) error.stack = stack
  if (code !== undefined && !('code' in error)) Object.assign(error, { code })
  return error
}
