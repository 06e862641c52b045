// What the engine says when the world is not as it must be: one class, one code for each case.
//
// A DatastoreError is the disk's, the operator's or the caller's, never our own mistake (that is an
// InvariantError). Its message is a whole sentence with both numbers and the place; `advice` says
// what a human can do about it. The codes are part of the public face: docs/operations.md explains
// each of them, and a test compares both ways.

/** Every code with the case in which it happens. */
export const DATASTORE_ERRORS = {
  LOG_DAMAGED:
    'A segment holds bytes that no crash can leave: they were changed after they had been written.',
  LOG_GAP: 'Transactions between two segments, or before the first one, are missing.',
  LOG_FOREIGN: 'A segment or the watermark belongs to another store.',
  LOG_FORMAT_UNKNOWN: 'A segment or the watermark was written by a newer version of this program.',
  LOG_BEHIND_WATERMARK:
    'The log ends before a transaction that was acknowledged, as its watermark says.',
  LOG_BEHIND_SNAPSHOT: 'The log ends before the last transaction of the newest snapshot.',
  SNAPSHOT_DAMAGED:
    'No snapshot can be loaded, and the log does not reach back to the first transaction.',
  SNAPSHOT_FOREIGN: 'A snapshot belongs to another store.',
  SNAPSHOT_FORMAT_UNKNOWN: 'A snapshot was written by a newer version of this program.',
  DIRECTORY_IN_USE: 'Another running process has the data directory open.',
  STORE_NOT_FOUND: 'There is no store where a command is to look at one.',
  DIRECTORY_UNWRITABLE: 'The data or snapshot directory cannot be made, read or written.',
  SCHEMA_CONFLICT: 'The declared tables contradict the stored rows, so that a migration is needed.',
  MEMORY_REFUSED:
    'Memory that another thread has left cannot be gone on with: the store is to be recovered.',
  EFFECT_INVALID: 'A transaction of the log does not fit the tables that the log itself declared.',
  DUPLICATE_KEY: 'A transaction would give two rows the same key of a unique or pair index.',
  ROW_NOT_FOUND: 'A transaction changes or removes a row that does not exist.',
  IMPORT_INVALID: 'A portable export is not complete, was changed, or does not fit this program.',
  INSPECT_UNKNOWN: 'A file is none of a store, by its name.',
  TRANSACTION_TOO_LARGE: 'The effects of one transaction are larger than a frame may be.',
  STORE_POISONED:
    'A write or sync of the log has failed; nothing is written until the process restarts.',
  STORE_CLOSED: 'The store is closed, or closing.',
  STORE_UNAVAILABLE: 'The writer of the store has ended, or holds all readers up for too long.',
  STORE_BUSY: 'More commands wait for the store than may wait.',
  STORE_TIMEOUT: 'The store has not answered a command in time.',
  STORE_READ_ONLY: 'The disk is nearly full: reads go on, writes are refused.',
  STORAGE_FAILED: 'The operating system refused to read or write a file.',
} as const

export type DatastoreErrorCode = keyof typeof DATASTORE_ERRORS

export interface DatastoreErrorDetails {
  /** Path of the file that the sentence is about. */
  readonly file?: string | undefined
  /** Bytes from the beginning of that file. */
  readonly offset?: number | undefined
  readonly lsn?: number | undefined
  /** A whole sentence: what a human can do. */
  readonly advice?: string | undefined
  readonly cause?: unknown
}

export class DatastoreError extends Error {
  readonly code: DatastoreErrorCode
  readonly file: string | undefined
  readonly offset: number | undefined
  readonly lsn: number | undefined
  readonly advice: string | undefined

  constructor(code: DatastoreErrorCode, message: string, details: DatastoreErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'DatastoreError'
    this.code = code
    this.file = details.file
    this.offset = details.offset
    this.lsn = details.lsn
    this.advice = details.advice
  }
}

/** What the operating system has thrown, as STORAGE_FAILED; anything else as it is. */
export function storageFailed(deed: string, error: unknown, file?: string): unknown {
  const { code, message } = error as NodeJS.ErrnoException
  if (typeof code !== 'string' || !/^E[A-Z0-9]+$/.test(code)) return error
  return new DatastoreError('STORAGE_FAILED', `${deed} failed: ${message}`, { file, cause: error })
}
