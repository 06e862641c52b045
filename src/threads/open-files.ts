// How many connections an http thread may have. Each takes a file descriptor, and a process that
// has used up its own cannot even say so: the system accepts a connection and closes it. So there
// are never more than the limit of the process leaves room for, and who is turned away is told of.

import { readFileSync } from 'node:fs'

/** Of one http thread, whatever the limit: each idle connection takes 13 kB. */
const CONNECTIONS_MAX = 10_000
/** Files that are no connections: the store, photos on their way, children, packages. */
const OTHER_FILES = 256
const CONNECTIONS_MIN = 16

/** Files that this process may have open; Infinity where the system does not tell. */
export function openFilesLimit(): number {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return soft === undefined ? Infinity : Number(soft)
  } catch {
    return Infinity
  }
}

/** Of each of so many threads. */
export function connectionsMaxOf(filesLimit: number, threadCount: number): number {
  const share = Math.floor((filesLimit - OTHER_FILES) / threadCount)
  return Math.min(CONNECTIONS_MAX, Math.max(CONNECTIONS_MIN, share))
}
