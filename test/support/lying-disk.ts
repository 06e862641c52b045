// A disk that lies in one way, for mutants of the store's durability: the store above believes that
// something was synced, and it was not, or not yet.

import type { Disk, DiskFile } from '../../src/engine/disk.ts'

/**
 * What is not said is done honestly. Each process gets a lie of its own, which may remember things.
 */
export interface Lie {
  /** Whether a plain write is done. */
  write?: (path: string) => boolean
  /** What becomes of a durable write. `late`: it is synced after it was told to be. */
  writeDurable?: (path: string) => 'durable' | 'written' | 'late' | 'first sector' | 'tried again'
  /** Whether a file is synced. */
  sync?: (path: string) => boolean | 'tried again'
  /** Whether a directory is synced. */
  syncDirectory?: (path: string) => boolean
}

const SECTOR_SIZE = 512

export function lyingDisk(disk: Disk, lie: Lie): Disk {
  return {
    makeDirectory: (path) => disk.makeDirectory(path),
    list: (path) => disk.list(path),
    exists: (path) => disk.exists(path),
    remove: (path) => disk.remove(path),
    rename: (from, to) => disk.rename(from, to),
    freeSize: (path) => disk.freeSize(path),
    async syncDirectory(path) {
      if (lie.syncDirectory?.(path) ?? true) await disk.syncDirectory(path)
    },
    open: async (path, mode) => new LyingFile(await disk.open(path, mode), lie),
  }
}

class LyingFile implements DiskFile {
  readonly #file: DiskFile
  readonly #lie: Lie

  constructor(file: DiskFile, lie: Lie) {
    this.#file = file
    this.#lie = lie
  }

  get path(): string {
    return this.#file.path
  }

  size(): number {
    return this.#file.size()
  }

  read(target: Uint8Array, offset: number, size: number, position: number): number {
    return this.#file.read(target, offset, size, position)
  }

  readAsync(target: Uint8Array, offset: number, size: number, position: number): Promise<number> {
    return this.#file.readAsync(target, offset, size, position)
  }

  write(source: Uint8Array, offset: number, size: number, position: number): void {
    if (this.#lie.write?.(this.path) ?? true) this.#file.write(source, offset, size, position)
  }

  async writeAsync(
    source: Uint8Array,
    offset: number,
    size: number,
    position: number,
  ): Promise<void> {
    if (!(this.#lie.write?.(this.path) ?? true)) return
    await this.#file.writeAsync(source, offset, size, position)
  }

  writeDurable(source: Uint8Array, offset: number, size: number, position: number): void {
    const file = this.#file
    const kind = this.#lie.writeDurable?.(this.path) ?? 'durable'
    if (kind === 'durable') return file.writeDurable(source, offset, size, position)
    if (kind === 'tried again') {
      try {
        file.writeDurable(source, offset, size, position)
      } catch {
        file.sync()
      }
      return
    }
    file.write(source, offset, size, position)
    if (kind === 'late') setImmediate(() => ignoringErrors(() => file.sync()))
    if (kind === 'first sector') {
      file.writeDurable(source, offset, Math.min(size, SECTOR_SIZE), position)
    }
  }

  async writeDurableAsync(
    source: Uint8Array,
    offset: number,
    size: number,
    position: number,
  ): Promise<void> {
    this.writeDurable(source, offset, size, position)
  }

  sync(): void {
    this.#file.sync()
  }

  async syncAsync(): Promise<void> {
    const kind = this.#lie.sync?.(this.path) ?? true
    if (kind === false) return
    try {
      await this.#file.syncAsync()
    } catch (error) {
      if (kind !== 'tried again') throw error
      await this.#file.syncAsync()
    }
  }

  truncate(size: number): Promise<void> {
    return this.#file.truncate(size)
  }

  close(): void {
    this.#file.close()
  }
}

function ignoringErrors(work: () => void): void {
  try {
    work()
  } catch {
    // The process is gone, and the sync with it.
  }
}
