// What a command client and a command server say to each other, over one MessagePort.
//
//   client ──▶ server   Commands: those of one tick, and which earlier ones are not wanted any more
//   server ──▶ client   Answers: those of one tick, and once, at a hand-over, where it has stopped
//
// A message holds columns, not a row for each command: the structured clone writes the names of an
// object's fields anew for each object. Through one port, 256 commands a message, columns pass at
// twice the rate of objects (bench `commands`, rows "wire").
//
// Commands are numbered 1, 2, 3 … by their client, over all store threads that it meets, and each
// message continues where the one before has ended. So one number says where a server has stopped.

import type { PlainError } from './plain-errors.ts'

/** The first five belong together by position. */
export interface Commands {
  /** Ascending, also from one message to the next; there may be gaps. */
  readonly numbers: number[]
  /** Generation of the code that asks. */
  readonly generations: number[]
  readonly names: string[]
  readonly inputs: unknown[]
  /** Idempotency keys. */
  readonly keys: (string | undefined)[]
  /** Commands of earlier messages that nobody waits for any more. */
  readonly cancelled: number[]
}

/** The first three belong together by position. */
export interface Answers {
  readonly numbers: number[]
  readonly outputs: unknown[]
  readonly lsns: number[]
  readonly failures: { readonly number: number; readonly error: PlainError }[]
  /** Cancelled commands that have not been run, and will not be. */
  readonly dropped: number[]
  /**
   * Said once: the server takes nothing any more. What it has taken, up to this number, it answers;
   * what comes after has not been run and will not be. 0: nothing was ever taken.
   */
  takenUpTo?: number
}

export function noCommands(): Commands {
  return { numbers: [], generations: [], names: [], inputs: [], keys: [], cancelled: [] }
}

export function noAnswers(): Answers {
  return { numbers: [], outputs: [], lsns: [], failures: [], dropped: [] }
}

/**
 * An input as it should be sent. The clone of a view takes all of the buffer that it looks at: a
 * Buffer of 32 bytes is cut from a pool, which would go along. Looks at the fields of plain objects
 * only, not deeper.
 */
export function packed(input: unknown): unknown {
  if (typeof input !== 'object' || input === null) return input
  if (input instanceof Uint8Array) return compact(input)
  if (Object.getPrototypeOf(input) !== Object.prototype) return input
  const fields = input as Readonly<Record<string, unknown>>
  let copy: Record<string, unknown> | undefined
  for (const name in fields) {
    const value = fields[name]
    if (!(value instanceof Uint8Array) || value.byteLength === value.buffer.byteLength) continue
    copy ??= { ...fields }
    copy[name] = compact(value)
  }
  return copy ?? input
}

function compact(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes)
}
