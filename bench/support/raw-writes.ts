// What the disk itself gives: durable writes a second of a given size, one after the other, by the
// plainest program there is. Three ways, because file systems tell them apart:
//
//   append      write at the end of a growing file, then fdatasync: the file's size is written too
//   overwrite   write into space that exists, then fdatasync
//   O_DSYNC     the same as one call of the system
//
// Positions go up by the size of a write, as in a log.

import {
  closeSync,
  constants,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

const PREPARED_SIZE = 32 * 1024 * 1024

export class RawWrites implements Disposable {
  readonly #bytes: Buffer
  readonly #growing: number
  readonly #prepared: number
  readonly #durable: number
  #end: number
  #position: number

  constructor(directory: string, size: number) {
    this.#bytes = Buffer.alloc(size, 'durable')
    this.#growing = openSync(join(directory, 'raw-append'), 'w')
    const path = join(directory, 'raw-overwrite')
    this.#prepared = openSync(path, 'w')
    writeSync(this.#prepared, Buffer.alloc(PREPARED_SIZE))
    fsyncSync(this.#prepared)
    this.#durable = openSync(path, constants.O_WRONLY | constants.O_DSYNC)
    this.#end = 0
    this.#position = 0
  }

  /** Writes a second, measured for `ms`. */
  append(ms: number): number {
    ftruncateSync(this.#growing, 0)
    fsyncSync(this.#growing)
    this.#end = 0
    return perSecond(ms, () => {
      writeSync(this.#growing, this.#bytes, 0, this.#bytes.length, this.#end)
      fdatasyncSync(this.#growing)
      this.#end += this.#bytes.length
    })
  }

  overwrite(ms: number): number {
    return perSecond(ms, () => {
      writeSync(this.#prepared, this.#bytes, 0, this.#bytes.length, this.#next())
      fdatasyncSync(this.#prepared)
    })
  }

  overwriteDsync(ms: number): number {
    return perSecond(ms, () => {
      writeSync(this.#durable, this.#bytes, 0, this.#bytes.length, this.#next())
    })
  }

  [Symbol.dispose](): void {
    for (const descriptor of [this.#growing, this.#prepared, this.#durable]) closeSync(descriptor)
  }

  #next(): number {
    const position = this.#position
    const after = position + this.#bytes.length
    this.#position = after + this.#bytes.length > PREPARED_SIZE ? 0 : after
    return position
  }
}

function perSecond(ms: number, work: () => void): number {
  const startedAt = performance.now()
  let elapsed = 0
  let count = 0
  while (elapsed < ms) {
    work()
    count++
    elapsed = performance.now() - startedAt
  }
  return (count / elapsed) * 1000
}
