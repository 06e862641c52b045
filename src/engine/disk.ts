// Hot: bench `engine` shows it.
//
// The one seam for all file access of the engine. Nobody else in this layer imports node:fs, so
// that a test can put a double in its place which forgets unsynced bytes, tears writes, fills up
// and fails on command.
//
// What the seam promises, and all that a caller may rely on after a crash:
//
//   OPERATION        ONCE IT HAS RETURNED, A CRASH MAY STILL
//   write            lose any of its 512-byte sectors, keep others, in any combination
//   sync             lose nothing that was written to this file before, nor the file's size
//   writeDurable     lose nothing of these bytes; earlier writes to the file are as they were
//   truncate         undo it, until a sync
//   open to create,  undo it: until the directory is synced the name may be missing, or as before,
//   rename, remove   even when the file itself is synced
//   syncDirectory    lose no name of this directory
//   makeDirectory    lose nothing: it syncs what it makes
//
// Operations on names are asynchronous: to remove a file of gigabytes takes longer than any pause
// that the store thread may make. Operations on bytes come in two forms, in the thread and in the
// thread pool, and the caller knows which one its work can bear: a write to a fast disk is over
// before a message to the pool has arrived.
//
// Both forms do the whole of what they are asked for; short reads and writes are continued here.
// `read` returns less than asked only at the end of the file. Buffers may be views of a
// SharedArrayBuffer. Every failure is the error of Node (`code`: 'EIO', 'ENOSPC', …), thrown or as
// a rejected promise; nothing is ever tried again here.

import * as fs from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * `read`: an existing file, to be read. `write`: an existing one, for both. `create`: a new one,
 * for both.
 */
export type OpenMode = 'read' | 'write' | 'create'

export interface Disk {
  /** Makes a directory and those above it, where they are missing, and syncs them. */
  makeDirectory(path: string): Promise<void>
  /** Names in a directory, sorted. Fails with ENOENT when there is no such directory. */
  list(path: string): Promise<string[]>
  exists(path: string): Promise<boolean>
  /** Removes a file. */
  remove(path: string): Promise<void>
  /** Replaces `to` if it exists. */
  rename(from: string, to: string): Promise<void>
  syncDirectory(path: string): Promise<void>
  /** Fails with ENOENT, or with EEXIST for `create`. */
  open(path: string, mode: OpenMode): Promise<DiskFile>
  /** Bytes that this user may still write to the file system that holds `path`. */
  freeSize(path: string): Promise<number>
}

/**
 * An open file. `offset` and `size` are a range of the buffer, `position` is the place in the file,
 * all in bytes.
 */
export interface DiskFile {
  readonly path: string
  size(): number
  /** Returns the bytes read: fewer than `size` only at the end of the file. */
  read(target: Uint8Array, offset: number, size: number, position: number): number
  readAsync(target: Uint8Array, offset: number, size: number, position: number): Promise<number>
  write(source: Uint8Array, offset: number, size: number, position: number): void
  writeAsync(source: Uint8Array, offset: number, size: number, position: number): Promise<void>
  /** A write and the sync of just these bytes, in one call of the system where it has one. */
  writeDurable(source: Uint8Array, offset: number, size: number, position: number): void
  writeDurableAsync(
    source: Uint8Array,
    offset: number,
    size: number,
    position: number,
  ): Promise<void>
  sync(): void
  syncAsync(): Promise<void>
  /** Cuts the file, or extends it by zeros that take no space. */
  truncate(size: number): Promise<void>
  /** No operation may be under way. A second call does nothing. */
  close(): void
}

// On Linux one write to a descriptor opened with O_DSYNC is a write and an fdatasync in one call.
// macOS has the flag, but there it does not reach the medium, which only fdatasync does (Node makes
// it F_FULLFSYNC).
const HAS_DURABLE_WRITES = process.platform === 'linux'
// Windows cannot open a directory to sync it; NTFS journals names by itself.
const CAN_SYNC_DIRECTORIES = process.platform !== 'win32'

const OPEN_FLAGS: Readonly<Record<OpenMode, number>> = {
  read: fs.constants.O_RDONLY,
  write: fs.constants.O_RDWR,
  create: fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL,
}
const CLOSED = -1

/** The real one. */
export class NodeDisk implements Disk {
  async makeDirectory(path: string): Promise<void> {
    const firstMade = await fs.promises.mkdir(path, { recursive: true })
    if (firstMade === undefined) return
    // The entry of each new directory lies in the one above it.
    const top = dirname(firstMade)
    for (let above = dirname(path); ; above = dirname(above)) {
      await this.syncDirectory(above)
      if (join(above) === join(top) || above === dirname(above)) return
    }
  }

  async list(path: string): Promise<string[]> {
    return (await fs.promises.readdir(path)).toSorted()
  }

  async exists(path: string): Promise<boolean> {
    try {
      await fs.promises.stat(path)
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw error
    }
  }

  async remove(path: string): Promise<void> {
    await fs.promises.unlink(path)
  }

  async rename(from: string, to: string): Promise<void> {
    await fs.promises.rename(from, to)
  }

  async syncDirectory(path: string): Promise<void> {
    if (!CAN_SYNC_DIRECTORIES) return
    const directory = await fs.promises.open(path, 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  }

  open(path: string, mode: OpenMode): Promise<DiskFile> {
    return new Promise((resolve, reject) =>
      fs.open(path, OPEN_FLAGS[mode], 0o644, (error, descriptor) =>
        error === null ? resolve(new NodeFile(path, descriptor)) : reject(error),
      ),
    )
  }

  async freeSize(path: string): Promise<number> {
    const { bavail, bsize } = await fs.promises.statfs(path)
    return bavail * bsize
  }
}

class NodeFile implements DiskFile {
  readonly path: string
  #descriptor: number
  /** Opened by the first durable write: most files never see one. */
  #durableDescriptor: number

  constructor(path: string, descriptor: number) {
    this.path = path
    this.#descriptor = descriptor
    this.#durableDescriptor = CLOSED
  }

  size(): number {
    return fs.fstatSync(this.#descriptor).size
  }

  read(target: Uint8Array, offset: number, size: number, position: number): number {
    let done = 0
    while (done < size) {
      const count = fs.readSync(
        this.#descriptor,
        target,
        offset + done,
        size - done,
        position + done,
      )
      if (count === 0) break
      done += count
    }
    return done
  }

  readAsync(target: Uint8Array, offset: number, size: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const descriptor = this.#descriptor
      let done = 0
      const next = (error: Error | null, count: number): void => {
        done += count
        if (error !== null) reject(error)
        else if (count === 0 || done === size) resolve(done)
        else fs.read(descriptor, target, offset + done, size - done, position + done, next)
      }
      fs.read(descriptor, target, offset, size, position, next)
    })
  }

  write(source: Uint8Array, offset: number, size: number, position: number): void {
    writeFully(this.#descriptor, source, offset, size, position)
  }

  writeAsync(source: Uint8Array, offset: number, size: number, position: number): Promise<void> {
    return writeFullyAsync(this.#descriptor, source, offset, size, position)
  }

  writeDurable(source: Uint8Array, offset: number, size: number, position: number): void {
    if (HAS_DURABLE_WRITES) {
      writeFully(this.#openDurable(), source, offset, size, position)
    } else {
      writeFully(this.#descriptor, source, offset, size, position)
      fs.fdatasyncSync(this.#descriptor)
    }
  }

  async writeDurableAsync(
    source: Uint8Array,
    offset: number,
    size: number,
    position: number,
  ): Promise<void> {
    if (HAS_DURABLE_WRITES) {
      return writeFullyAsync(this.#openDurable(), source, offset, size, position)
    }
    await writeFullyAsync(this.#descriptor, source, offset, size, position)
    await this.syncAsync()
  }

  sync(): void {
    fs.fdatasyncSync(this.#descriptor)
  }

  syncAsync(): Promise<void> {
    return new Promise((resolve, reject) =>
      fs.fdatasync(this.#descriptor, (error) => (error === null ? resolve() : reject(error))),
    )
  }

  truncate(size: number): Promise<void> {
    return new Promise((resolve, reject) =>
      fs.ftruncate(this.#descriptor, size, (error) => (error === null ? resolve() : reject(error))),
    )
  }

  close(): void {
    const descriptors = [this.#descriptor, this.#durableDescriptor]
    this.#descriptor = CLOSED
    this.#durableDescriptor = CLOSED
    for (const descriptor of descriptors) if (descriptor !== CLOSED) fs.closeSync(descriptor)
  }

  #openDurable(): number {
    if (this.#durableDescriptor === CLOSED) {
      this.#durableDescriptor = fs.openSync(this.path, fs.constants.O_WRONLY | fs.constants.O_DSYNC)
    }
    return this.#durableDescriptor
  }
}

function writeFully(
  descriptor: number,
  source: Uint8Array,
  offset: number,
  size: number,
  position: number,
): void {
  let done = 0
  while (done < size) {
    done += fs.writeSync(descriptor, source, offset + done, size - done, position + done)
  }
}

function writeFullyAsync(
  descriptor: number,
  source: Uint8Array,
  offset: number,
  size: number,
  position: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let done = 0
    const next = (error: Error | null, count: number): void => {
      done += count
      if (error !== null) reject(error)
      else if (done === size) resolve()
      else fs.write(descriptor, source, offset + done, size - done, position + done, next)
    }
    fs.write(descriptor, source, offset, size, position, next)
  })
}
