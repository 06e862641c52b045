// A disk as one process sees it. When the process is killed, none of its operations reaches the
// disk any more, and none of those under way ever ends for it; what it had given to the kernel
// stays there for the next process.

import type { Disk, DiskFile, OpenMode } from '../../src/engine/disk.ts'

export class ProcessDisk implements Disk {
  readonly #disk: Disk
  #isKilled: boolean

  constructor(disk: Disk) {
    this.#disk = disk
    this.#isKilled = false
  }

  kill(): void {
    this.#isKilled = true
  }

  makeDirectory(path: string): Promise<void> {
    return this.run(() => this.#disk.makeDirectory(path))
  }

  list(path: string): Promise<string[]> {
    return this.run(() => this.#disk.list(path))
  }

  exists(path: string): Promise<boolean> {
    return this.run(() => this.#disk.exists(path))
  }

  remove(path: string): Promise<void> {
    return this.run(() => this.#disk.remove(path))
  }

  rename(from: string, to: string): Promise<void> {
    return this.run(() => this.#disk.rename(from, to))
  }

  syncDirectory(path: string): Promise<void> {
    return this.run(() => this.#disk.syncDirectory(path))
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    return new ProcessFile(this, await this.run(() => this.#disk.open(path, mode)))
  }

  freeSize(path: string): Promise<number> {
    return this.run(() => this.#disk.freeSize(path))
  }

  /** In the thread. */
  do<T>(work: () => T): T {
    if (this.#isKilled) throw new Error('a killed process does nothing')
    return work()
  }

  /** In the pool: never ends for a process that is killed meanwhile. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    try {
      if (!this.#isKilled) return await work()
    } finally {
      if (this.#isKilled) await new Promise<never>(() => {})
    }
    throw new Error('unreachable')
  }
}

class ProcessFile implements DiskFile {
  readonly #process: ProcessDisk
  readonly #file: DiskFile

  constructor(process: ProcessDisk, file: DiskFile) {
    this.#process = process
    this.#file = file
  }

  get path(): string {
    return this.#file.path
  }

  size(): number {
    return this.#process.do(() => this.#file.size())
  }

  read(target: Uint8Array, offset: number, size: number, position: number): number {
    return this.#process.do(() => this.#file.read(target, offset, size, position))
  }

  readAsync(target: Uint8Array, offset: number, size: number, position: number): Promise<number> {
    return this.#process.run(() => this.#file.readAsync(target, offset, size, position))
  }

  write(source: Uint8Array, offset: number, size: number, position: number): void {
    this.#process.do(() => this.#file.write(source, offset, size, position))
  }

  writeAsync(source: Uint8Array, offset: number, size: number, position: number): Promise<void> {
    return this.#process.run(() => this.#file.writeAsync(source, offset, size, position))
  }

  writeDurable(source: Uint8Array, offset: number, size: number, position: number): void {
    this.#process.do(() => this.#file.writeDurable(source, offset, size, position))
  }

  writeDurableAsync(
    source: Uint8Array,
    offset: number,
    size: number,
    position: number,
  ): Promise<void> {
    return this.#process.run(() => this.#file.writeDurableAsync(source, offset, size, position))
  }

  sync(): void {
    this.#process.do(() => this.#file.sync())
  }

  syncAsync(): Promise<void> {
    return this.#process.run(() => this.#file.syncAsync())
  }

  truncate(size: number): Promise<void> {
    return this.#process.run(() => this.#file.truncate(size))
  }

  close(): void {
    this.#process.do(() => this.#file.close())
  }
}
