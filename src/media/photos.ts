// Photos: the way of an uploaded file from the network to the disk.
//
//   stream ─▶ temporary file ─▶ child process ─▶ temporary WebP ─▶ both synced and named by hash
//             25 MB at most     decodes it                           a transaction may name them
//
// The upload is never whole in memory, and this process never looks inside it. The original is kept
// as it came, for variants of later versions, and never served; what is served is the re-encoded
// file.

import { createReadStream } from 'node:fs'
import { ImagePool } from './image-pool.ts'
import { MediaFiles } from './media-files.ts'
import { UPLOAD_SIZE_MAX } from './photo-limits.ts'
import type { Readable } from 'node:stream'
import type { ImagePoolSettings } from './image-pool.ts'

export interface Photo {
  readonly width: number
  readonly height: number
  /** Name of the uploaded file. */
  readonly original: string
  readonly file: { readonly name: string; readonly contentType: string; readonly size: number }
}

export class Photos implements AsyncDisposable {
  readonly #files: MediaFiles
  readonly #pool: ImagePool

  private constructor(files: MediaFiles, pool: ImagePool) {
    this.#files = files
    this.#pool = pool
  }

  /** `directory` is made where it is missing; the one above it must exist. */
  static async open(directory: string, pool: Partial<ImagePoolSettings> = {}): Promise<Photos> {
    return new Photos(await MediaFiles.open(directory), new ImagePool(pool))
  }

  /** Over a directory that `MediaFiles.open` has made. */
  static over(directory: string, pool: Partial<ImagePoolSettings> = {}): Photos {
    return new Photos(MediaFiles.over(directory), new ImagePool(pool))
  }

  /**
   * Receives, re-encodes and keeps a photo, durably. Rejects with MediaRefusal, or when the disk
   * fails.
   */
  async accept(stream: AsyncIterable<Uint8Array>): Promise<Photo> {
    const files = this.#files
    const uploaded = await files.receive(stream, UPLOAD_SIZE_MAX)
    const target = files.temporaryPath()
    try {
      const done = await this.#pool.process({ source: uploaded.path, target })
      const written = await files.measure(target)
      const original = await files.keep(uploaded, done.extension)
      const name = await files.keep(written, 'webp')
      return {
        width: done.width,
        height: done.height,
        original,
        file: { name, contentType: 'image/webp', size: written.size },
      }
    } finally {
      await files.discard(uploaded.path)
      await files.discard(target)
    }
  }

  /** Bytes of a file that `accept` named. */
  read(name: string): Readable {
    return createReadStream(this.#files.pathOf(name))
  }

  /** Bytes of such a file; undefined when it is not there. */
  sizeOf(name: string): Promise<number | undefined> {
    return this.#files.sizeOf(name)
  }

  /** Child processes that decode at this moment, or wait for work. */
  get childCount(): number {
    return this.#pool.processIds.length
  }

  /** Ends the child processes; photos on their way are refused. */
  close(): Promise<void> {
    return this.#pool.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
