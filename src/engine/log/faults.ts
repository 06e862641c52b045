// The sentences with which the log refuses: which file, which place, expected and found, and what a
// human can do.

import { basename } from 'node:path'
import { InvariantError } from '../../std/assert.ts'
import { DatastoreError } from '../errors.ts'
import type { HeaderFault } from './segment.ts'

/**
 * "0000000000000421.log, offset 8192: <fault>", with the advice that fits damage before transaction
 * `lsn`.
 */
export function damage(file: string, offset: number, fault: string, lsn: number): DatastoreError {
  return new DatastoreError('LOG_DAMAGED', `${basename(file)}, offset ${offset}: ${fault}`, {
    file,
    offset,
    lsn,
    advice: adviceBefore(lsn),
  })
}

/**
 * Why the header of a segment, or a slot of the watermark, is refused. `lsn` is the first one that
 * it would hold.
 */
export function headerRefusal(
  file: string,
  lsn: number,
  { fault, unknownVersion }: HeaderFault,
): DatastoreError {
  if (unknownVersion === undefined) return damage(file, 0, fault, lsn)
  return new DatastoreError('LOG_FORMAT_UNKNOWN', `${basename(file)}: ${fault}`, {
    file,
    lsn,
    advice: 'Start the version of this program that wrote it, or a newer one.',
  })
}

/** The segment of `file` does not continue the one before it. */
export function brokenChain(
  file: string,
  lsn: number,
  expected: number,
  found: number,
): DatastoreError {
  return damage(
    file,
    0,
    `the chain is broken: the segment before ends with frame ${expected}, not ${found}`,
    lsn,
  )
}

export function foreign(file: string, expected: string, found: string): DatastoreError {
  return new DatastoreError(
    'LOG_FOREIGN',
    `${basename(file)} belongs to another store: id ${expected} expected, ${found} found`,
    {
      file,
      advice: 'Move the file away, or put the files that belong together into one directory.',
    },
  )
}

/** The log ends at `lastLsn`, though `witness` knows that `lsn` was durable. */
export function behind(
  code: 'LOG_BEHIND_WATERMARK' | 'LOG_BEHIND_SNAPSHOT',
  file: string,
  lastLsn: number,
  witness: string,
  lsn: number,
): DatastoreError {
  return new DatastoreError(
    code,
    `the log ends with lsn ${lastLsn}, but ${witness} says that lsn ${lsn} was durable`,
    { file, lsn: lastLsn + 1, advice: adviceBefore(lastLsn + 1) },
  )
}

/** Transactions from `fromLsn` on are not there. */
export function gap(file: string, fromLsn: number, sentence: string): DatastoreError {
  return new DatastoreError('LOG_GAP', sentence, {
    file,
    lsn: fromLsn,
    advice: adviceBefore(fromLsn),
  })
}

/** The operating system has refused. Our own errors pass as they are. */
export function storageFailure(file: string, deed: string, cause: unknown): Error {
  if (cause instanceof DatastoreError || cause instanceof InvariantError) return cause
  const { message } = cause as Error
  return new DatastoreError('STORAGE_FAILED', `${file}: ${deed} failed: ${message}`, {
    file,
    cause,
  })
}

export function poisoned(cause: Error): DatastoreError {
  return new DatastoreError('STORE_POISONED', `writing has ended: ${cause.message}`, {
    cause,
    advice: 'Restart: recovery rebuilds the state from disk.',
  })
}

function adviceBefore(lsn: number): string {
  const copy = 'Bring the missing bytes back from a copy of the data directory'
  if (lsn <= 1) return `${copy}.`
  return `${copy}, or give up what follows: shashin restore --to-lsn ${lsn - 1} --into DIR`
}
