// What a failed command says, and with which status the program ends. One place, so that every
// failure reads alike: whole sentences on standard error, the code of the error table first where
// there is one.
//
//   0  done, or --help and --version
//   1  the work failed: a full disk, a server that does not answer
//   2  called wrongly, or the files and directories are not as they must be
//
// A mistake of ours (an invariant that does not hold, a TypeError) is not explained away: it passes
// on with its stack.

import { exitOf } from '../config.ts'
import { DatastoreError } from '../engine/errors.ts'
import { InvariantError } from '../std/assert.ts'
import { sentence } from './terminal.ts'

export interface Failure {
  readonly status: 0 | 1 | 2
  readonly sentences: readonly string[]
}

/**
 * What the operating system says about a file, in words; all of them but a full disk are the
 * caller's to mend.
 */
const FILE_WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or directory',
  EACCES: 'this user may not do that',
  EPERM: 'this user may not do that',
  ENOTDIR: 'a part of the path is a file, not a directory',
  EISDIR: 'it is a directory, not a file',
  EROFS: 'the file system is mounted read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
}
/** System calls whose names are no verbs of everyday. */
const SYSTEM_VERBS: Readonly<Record<string, string>> = { '': 'use', access: 'open', mkdir: 'make' }
const DISK_FULL = new Set(['ENOSPC', 'EDQUOT'])

/** Undefined when it is a mistake of ours: throw it again. */
export function failureOf(error: unknown): Failure | undefined {
  const end = exitOf(error)
  if (end !== undefined) {
    return { status: end.status, sentences: end.sentence === undefined ? [] : [end.sentence] }
  }
  if (error instanceof DatastoreError) {
    const { code, message, advice } = error
    const sentences = [`${code}: ${sentence(message)}`]
    return {
      status: 2,
      sentences: advice === undefined ? sentences : [...sentences, sentence(advice)],
    }
  }
  if (!(error instanceof Error) || isOurMistake(error)) return undefined
  const { code = '', path, syscall = '' } = error as NodeJS.ErrnoException
  const words = FILE_WORDS[code]
  if (words === undefined) return { status: 1, sentences: [sentence(error.message)] }
  const place = path === undefined ? '' : ` ${path}`
  const failed = `Cannot ${SYSTEM_VERBS[syscall] ?? syscall}${place}: ${words}.`
  return { status: DISK_FULL.has(code) ? 1 : 2, sentences: [failed] }
}

function isOurMistake(error: Error): boolean {
  return [InvariantError, TypeError, RangeError, ReferenceError].some(
    (kind) => error instanceof kind,
  )
}
