// The lock: one process a data directory. A file named `lock` says who has the directory, in words
// that can be checked: process id, the time when that process started and the boot it belongs to,
// so that neither a crash nor a reused process id leaves a directory locked. Node has no flock, and
// a lock that the kernel drops is no use on a network file system either.
//
//   no file                    ─▶ create it (the file system lets one win) ─▶ ours
//   file, its process lives    ─▶ refuse: DIRECTORY_IN_USE
//   file, its process is gone  ─▶ move it aside (one wins), look that it is what was read,
//                                 remove it, begin again
//
// The file has no value after a crash, so nothing here is synced.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatastoreError } from './errors.ts'
import type { Disk } from './disk.ts'

/** Who asks for locks, and who still lives. */
export interface Processes {
  /** One line that names this process and no other, ever. */
  self(): string
  isAlive(identity: string): boolean
}

const FILE_NAME = 'lock'
const ATTEMPT_COUNT_MAX = 5
const EMPTY_WAIT_MS = 100

/** Processes of this machine. An identity is "pid started boot". */
export const machineProcesses: Processes = {
  self: () => `${process.pid} ${startOf(process.pid)} ${bootId()}`,
  isAlive(identity) {
    const [pid, started, boot] = identity.split(' ')
    const number = Number(pid)
    if (!Number.isInteger(number) || number <= 0 || boot !== bootId()) return false
    try {
      process.kill(number, 0)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    }
    return startOf(number) === started
  },
}

export class DirectoryLock {
  readonly #disk: Disk
  readonly #path: string

  private constructor(disk: Disk, path: string) {
    this.#disk = disk
    this.#path = path
  }

  /** Takes the lock of a directory. Throws DIRECTORY_IN_USE. */
  static async acquire(
    disk: Disk,
    directory: string,
    processes: Processes = machineProcesses,
  ): Promise<DirectoryLock> {
    const path = join(directory, FILE_NAME)
    const self = processes.self()
    for (let attempt = 0; attempt < ATTEMPT_COUNT_MAX; attempt++) {
      if (await create(disk, path, self)) return new DirectoryLock(disk, path)
      const holder = await lockHolder(disk, directory)
      if (holder === undefined) continue
      if (processes.isAlive(holder)) throw inUse(directory, holder)
      await takeAside(disk, path, holder)
    }
    throw inUse(directory, 'another process that is starting')
  }

  async release(): Promise<void> {
    await this.#disk.remove(this.#path)
  }
}

/** The identity in a directory's lock file, undefined when there is none. */
export async function lockHolder(disk: Disk, directory: string): Promise<string | undefined> {
  const path = join(directory, FILE_NAME)
  const holder = await readText(disk, path)
  if (holder !== '') return holder
  // Made a moment ago and not written yet, or its writer died in between.
  await new Promise((resolve) => setTimeout(resolve, EMPTY_WAIT_MS))
  return readText(disk, path)
}

async function create(disk: Disk, path: string, self: string): Promise<boolean> {
  try {
    const file = await disk.open(path, 'create')
    try {
      const bytes = Buffer.from(self)
      file.write(bytes, 0, bytes.length, 0)
    } finally {
      file.close()
    }
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function readText(disk: Disk, path: string): Promise<string | undefined> {
  try {
    const file = await disk.open(path, 'read')
    try {
      const bytes = Buffer.alloc(256)
      const size = file.read(bytes, 0, bytes.length, 0)
      return bytes.toString('utf8', 0, size)
    } finally {
      file.close()
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Removes a dead process's lock, and only that: what another process has put there meanwhile goes
 * back.
 */
async function takeAside(disk: Disk, path: string, holder: string): Promise<void> {
  const aside = `${path}.${process.pid}`
  try {
    await disk.rename(path, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  if ((await readText(disk, aside)) === holder) await disk.remove(aside)
  else await disk.rename(aside, path)
}

function inUse(directory: string, holder: string): DatastoreError {
  const pid = /^\d+/.exec(holder)?.[0]
  return new DatastoreError(
    'DIRECTORY_IN_USE',
    `the directory ${directory} is in use by ${pid === undefined ? holder : `process ${pid}`}`,
    {
      file: join(directory, FILE_NAME),
      advice: 'stop that process first, or name another directory',
    },
  )
}

/**
 * When a process started, in a form that is only compared; empty where the system does not tell.
 */
function startOf(pid: number): string {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return line.slice(line.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return ''
  }
}
