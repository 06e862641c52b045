// A disk that keeps every promise of the `Disk` seam and nothing more: what was not synced, a crash
// may take.
//
// It lies in memory. For every file it knows the durable bytes and the unsynced versions of each
// sector of 512 bytes (forgetful-file.ts), for every directory the names whose making, renaming or
// removal was not synced. A crash may keep any subset of them, and `crashes` enumerates all the
// disks that it can leave, or a sample when they are too many.
//
//   const disk = new ForgetfulDisk()
//   disk.onMoment = () => states.push(...disk.crashes(random, 16))   // whenever a crash differs
//   disk.failAt(17, 'EIO', 'once')               // the 17th operation from now
//   disk.capacity = 1_000_000                    // ENOSPC behind it
//   disk.pause = () => later.promise             // asynchronous operations end when told
//
// Directories themselves are durable once made, as `makeDirectory` promises.

import { dirname, join, normalize } from 'node:path'
import { ForgetfulFile, SECTOR_SIZE } from './forgetful-file.ts'
import type { Random } from '../../src/std/random.ts'
import type { Disk, DiskFile, OpenMode } from '../../src/engine/disk.ts'
import type { Choose, SyncMark } from './forgetful-file.ts'

export type Errno = 'EIO' | 'ENOSPC' | 'EDQUOT' | 'EROFS' | 'EFBIG'

/** What has no effect on the bytes of the disk; a failure for good leaves it alone. */
const HARMLESS = ['list', 'exists', 'freeSize', 'size', 'read', 'open', 'close'] as const
const HARMFUL = [
  'makeDirectory',
  'remove',
  'rename',
  'syncDirectory',
  'create',
  'write',
  'writeDurable',
  'sync',
  'truncate',
] as const

export type OperationKind = (typeof HARMLESS)[number] | (typeof HARMFUL)[number]

export interface Operation {
  readonly kind: OperationKind
  readonly path: string
  /** Bytes and place of a read or write. */
  readonly size: number
  readonly position: number
}

/** A change of a directory that was not synced. */
type NameChange =
  | { readonly path: string; readonly file: ForgetfulFile | undefined }
  | { readonly path: string; readonly file: ForgetfulFile; readonly from: string }

const FREE_SIZE = 2 ** 40
const NEVER = Infinity

export class ForgetfulDisk implements Disk {
  readonly #directories: Set<string>
  /** Names as they are seen now. */
  readonly #files: Map<string, ForgetfulFile>
  readonly #durableNames: Map<string, ForgetfulFile>
  #nameChanges: NameChange[]
  #failure: { at: number; errno: Errno; forGood: boolean }
  /** Bytes of all files together. */
  capacity: number
  operationCount: number
  /** Every operation, if set to an array. */
  operations: Operation[] | undefined
  /** Called whenever a crash may leave something that it could not leave before. */
  onMoment: (() => void) | undefined
  /** Awaited by asynchronous operations between what they do and their end. */
  pause: ((operation: Operation) => Promise<void>) | undefined

  constructor(directories: Iterable<string> = [], files: Iterable<[string, ForgetfulFile]> = []) {
    this.#directories = new Set(directories)
    this.#files = new Map(files)
    this.#durableNames = new Map(this.#files)
    this.#nameChanges = []
    this.#failure = { at: NEVER, errno: 'EIO', forGood: false }
    this.capacity = NEVER
    this.operationCount = 0
    this.operations = undefined
    this.onMoment = undefined
    this.pause = undefined
  }

  /**
   * Lets the `index`th operation from now fail (1: the next one), and for good also every later one
   * that writes.
   */
  failAt(index: number, errno: Errno, duration: 'once' | 'for good'): void {
    this.#failure = { at: this.operationCount + index, errno, forGood: duration === 'for good' }
  }

  /** Ends all failures: the next process may have better luck. */
  heal(): void {
    this.#failure.at = NEVER
  }

  /** How many states a crash may leave now; Infinity when they cannot be counted. */
  get crashStateCount(): number {
    return this.#choiceCounts().reduce((product, count) => product * count, 1)
  }

  /**
   * Disks that a crash may leave, each to be used on its own: all of them if they are at most
   * `countMax`, else that many by chance, with the one that kept nothing and the one that kept
   * everything among them.
   */
  *crashes(random: Random, countMax: number): Generator<ForgetfulDisk, void, void> {
    const counts = this.#choiceCounts()
    if (this.crashStateCount <= countMax) {
      const choices = counts.map(() => 0)
      for (;;) {
        let next = 0
        yield this.#crash(() => choices[next++]!)
        let index = 0
        while (index < counts.length && ++choices[index]! === counts[index]) choices[index++] = 0
        if (index === counts.length) return
      }
    }
    yield this.#crash(() => 0)
    yield this.#crash((count) => count - 1)
    for (let state = 2; state < countMax; state++) yield this.crash(random)
  }

  /** One disk that a crash may leave. */
  crash(random: Random): ForgetfulDisk {
    // Even chances alone would hardly ever keep, or lose, nearly everything.
    const kept = random.pick([1, 8, 15])
    return this.#crash((count) => (random.below(16) < kept ? 1 + random.below(count - 1) : 0))
  }

  /** Paths of all files that are seen now. */
  paths(): string[] {
    return [...this.#files.keys()].toSorted()
  }

  /** A copy of the bytes of a file that are seen now. */
  contents(path: string): Buffer {
    return this.#find('read', path).contents()
  }

  /** Puts a file there, durable at once, for a test that wants a damaged one. */
  place(path: string, bytes: Uint8Array): void {
    const file = new ForgetfulFile(Buffer.from(bytes))
    this.#files.set(normalize(path), file)
    this.#durableNames.set(normalize(path), file)
  }

  /** Takes a file away, durably at once. */
  displace(path: string): void {
    this.#files.delete(normalize(path))
    this.#durableNames.delete(normalize(path))
  }

  async makeDirectory(path: string): Promise<void> {
    await this.begin('makeDirectory', path)()
    for (let above = normalize(path); above !== dirname(above); above = dirname(above)) {
      this.#directories.add(above)
    }
  }

  async list(path: string): Promise<string[]> {
    await this.begin('list', path)()
    this.#requireDirectory('list', path)
    return this.paths()
      .filter((file) => dirname(file) === normalize(path))
      .map((file) => file.slice(normalize(path).length + 1))
  }

  async exists(path: string): Promise<boolean> {
    await this.begin('exists', path)()
    return this.#files.has(normalize(path)) || this.#directories.has(normalize(path))
  }

  async remove(path: string): Promise<void> {
    const end = this.begin('remove', path)
    this.#find('remove', path)
    this.#changeName({ path: normalize(path), file: undefined })
    await end()
  }

  async rename(from: string, to: string): Promise<void> {
    const end = this.begin('rename', from)
    const file = this.#find('rename', from)
    if (dirname(normalize(from)) !== dirname(normalize(to))) throw failure('EXDEV', 'rename', from)
    this.#changeName({ path: normalize(to), file, from: normalize(from) })
    await end()
  }

  async syncDirectory(path: string): Promise<void> {
    const end = this.begin('syncDirectory', path)
    this.#requireDirectory('syncDirectory', path)
    const covered = this.#nameChanges.filter((change) => dirname(change.path) === normalize(path))
    this.onMoment?.()
    await end()
    for (const change of covered) applyName(this.#durableNames, change)
    this.#nameChanges = this.#nameChanges.filter((change) => !covered.includes(change))
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    const end = this.begin(mode === 'create' ? 'create' : 'open', path)
    this.#requireDirectory('open', dirname(path))
    let file = this.#files.get(normalize(path))
    if (mode === 'create') {
      if (file !== undefined) throw failure('EEXIST', 'open', path)
      file = new ForgetfulFile()
      this.#changeName({ path: normalize(path), file })
    }
    await end()
    if (file === undefined) throw failure('ENOENT', 'open', path)
    return new ForgetfulHandle(this, file, path, mode)
  }

  async freeSize(path: string): Promise<number> {
    await this.begin('freeSize', path)()
    return this.freeBytes
  }

  get freeBytes(): number {
    let size = 0
    for (const file of this.#files.values()) size += file.size
    return Math.min(FREE_SIZE, Math.max(this.capacity - size, 0))
  }

  /**
   * Counts an operation, and throws if it is to fail; `failed` does before what a failing one does
   * all the same. Returns what an asynchronous operation awaits at its end.
   */
  begin(
    kind: OperationKind,
    path: string,
    size = 0,
    position = 0,
    failed?: (errno: Errno) => void,
  ): () => Promise<void> {
    const operation = { kind, path, size, position }
    this.operationCount++
    this.operations?.push(operation)
    const { at, errno, forGood } = this.#failure
    const isHarmful = HARMFUL.some((harmful) => harmful === kind)
    if (this.operationCount === at || (forGood && isHarmful && this.operationCount > at)) {
      failed?.(errno)
      throw failure(errno, kind, path)
    }
    return async () => this.pause?.(operation)
  }

  #changeName(change: NameChange): void {
    applyName(this.#files, change)
    this.#nameChanges.push(change)
    this.onMoment?.()
  }

  #find(kind: OperationKind, path: string): ForgetfulFile {
    const file = this.#files.get(normalize(path))
    if (file === undefined) throw failure('ENOENT', kind, path)
    return file
  }

  #requireDirectory(kind: string, path: string): void {
    if (!this.#directories.has(normalize(path))) throw failure('ENOENT', kind, path)
  }

  /** Files that may still have a name after a crash. */
  #allFiles(): Set<ForgetfulFile> {
    const files = new Set(this.#durableNames.values())
    for (const { file } of this.#nameChanges) if (file !== undefined) files.add(file)
    return files
  }

  #choiceCounts(): number[] {
    const counts = this.#nameChanges.map(() => 2)
    for (const file of this.#allFiles()) counts.push(...file.choiceCounts())
    return counts
  }

  #crash(choose: Choose): ForgetfulDisk {
    const names = new Map(this.#durableNames)
    for (const change of this.#nameChanges) if (choose(2) === 1) applyName(names, change)
    const left = new Map<ForgetfulFile, ForgetfulFile>()
    for (const file of this.#allFiles()) left.set(file, file.afterCrash(choose))
    const files = [...names].map(([path, file]): [string, ForgetfulFile] => [path, left.get(file)!])
    return new ForgetfulDisk(this.#directories, files)
  }
}

class ForgetfulHandle implements DiskFile {
  readonly #disk: ForgetfulDisk
  readonly #file: ForgetfulFile
  readonly #mode: OpenMode
  readonly path: string
  #isOpen: boolean

  constructor(disk: ForgetfulDisk, file: ForgetfulFile, path: string, mode: OpenMode) {
    this.#disk = disk
    this.#file = file
    this.#mode = mode
    this.path = path
    this.#isOpen = true
  }

  size(): number {
    this.#begin('size')
    return this.#file.size
  }

  read(target: Uint8Array, offset: number, size: number, position: number): number {
    this.#begin('read', size, position)
    return this.#file.read(target, offset, size, position)
  }

  async readAsync(
    target: Uint8Array,
    offset: number,
    size: number,
    position: number,
  ): Promise<number> {
    const end = this.#begin('read', size, position)
    const count = this.#file.read(target, offset, size, position)
    await end()
    return count
  }

  write(source: Uint8Array, offset: number, size: number, position: number): void {
    this.#write('write', source, offset, size, position)
  }

  async writeAsync(
    source: Uint8Array,
    offset: number,
    size: number,
    position: number,
  ): Promise<void> {
    await this.#write('write', source, offset, size, position)()
  }

  writeDurable(source: Uint8Array, offset: number, size: number, position: number): void {
    this.#write('writeDurable', source, offset, size, position)
    this.#file.makeDurable(this.#file.mark(position, position + size))
  }

  async writeDurableAsync(
    source: Uint8Array,
    offset: number,
    size: number,
    position: number,
  ): Promise<void> {
    const end = this.#write('writeDurable', source, offset, size, position)
    const mark = this.#file.mark(position, position + size)
    await end()
    this.#file.makeDurable(mark)
  }

  sync(): void {
    this.#file.makeDurable(this.#beginSync().mark)
  }

  async syncAsync(): Promise<void> {
    const { mark, end } = this.#beginSync()
    await end()
    this.#file.makeDurable(mark)
  }

  async truncate(size: number): Promise<void> {
    const end = this.#begin('truncate', size)
    this.#requireWritable('truncate')
    this.#file.truncate(size)
    this.#disk.onMoment?.()
    await end()
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#disk.begin('close', this.path)
  }

  #begin(
    kind: OperationKind,
    size = 0,
    position = 0,
    failed?: (errno: Errno) => void,
  ): () => Promise<void> {
    if (!this.#isOpen) throw failure('EBADF', kind, this.path)
    return this.#disk.begin(kind, this.path, size, position, failed)
  }

  #beginSync(): { mark: SyncMark; end: () => Promise<void> } {
    const mark = this.#file.mark()
    const end = this.#begin('sync', 0, 0, () => this.#file.lose(mark))
    this.#disk.onMoment?.()
    return { mark, end }
  }

  #write(
    kind: 'write' | 'writeDurable',
    source: Uint8Array,
    offset: number,
    size: number,
    position: number,
  ): () => Promise<void> {
    const file = this.#file
    const end = this.#begin(kind, size, position, (errno) => {
      // A full disk takes a part; a broken one takes all into its cache, and then cannot bring it
      // to the medium.
      if (errno === 'EROFS') return
      const half = Math.floor(size / 2 / SECTOR_SIZE) * SECTOR_SIZE
      file.write(source, offset, errno === 'EIO' ? size : half, position)
      if (errno === 'EIO') file.lose(file.mark(position, position + size))
    })
    this.#requireWritable(kind)
    const fitting = Math.max(file.size, Math.min(position + size, file.size + this.#disk.freeBytes))
    const taken = Math.min(size, Math.max(fitting - position, 0))
    file.write(source, offset, taken, position)
    this.#disk.onMoment?.()
    if (taken < size) throw failure('ENOSPC', kind, this.path)
    return end
  }

  #requireWritable(kind: OperationKind): void {
    if (this.#mode === 'read') throw failure('EBADF', kind, this.path)
  }
}

function applyName(names: Map<string, ForgetfulFile>, change: NameChange): void {
  if ('from' in change) names.delete(change.from)
  if (change.file === undefined) names.delete(change.path)
  else names.set(change.path, change.file)
}

function failure(code: string, kind: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${kind} '${join(path)}'`), { code })
}
