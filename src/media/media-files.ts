// Media files: bytes on disk under the name of their hash. What is kept is synced, file and
// directory, before `keep` returns, so that a transaction may name it.
//
//   media/incoming/RANDOM        being received or written; whatever lies there at start is removed
//   media/ab/abcdef….webp        SHA-256 of the bytes in hexadecimal, and what they are
//
// A crash after `keep` and before the transaction leaves a file that no row names. It does no harm:
// the same bytes will have the same name. All 256 directories are made and synced at start, so that
// none is ever newer than the name in it.
//
// Names come from hashes, never from a client: nothing here joins a path from what somebody sent.

import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MediaRefusal } from './media-refusal.ts'

const NAME = /^[0-9a-f]{64}\.[a-z]{3,4}$/

export interface ReceivedFile {
  readonly path: string
  /** Bytes. */
  readonly size: number
  /** SHA-256 in hexadecimal. */
  readonly hash: string
}

export class MediaFiles {
  readonly #directory: string
  readonly #incoming: string

  private constructor(directory: string, incoming: string) {
    this.#directory = directory
    this.#incoming = incoming
  }

  /** Makes what is missing and removes what a crash left half done. */
  static async open(directory: string): Promise<MediaFiles> {
    const incoming = join(directory, 'incoming')
    await mkdir(directory, { recursive: true })
    await rm(incoming, { recursive: true, force: true })
    const present = new Set(await readdir(directory))
    for (let first = 0; first < 256; first++) {
      const name = first.toString(16).padStart(2, '0')
      if (!present.has(name)) await mkdir(join(directory, name))
    }
    await mkdir(incoming)
    await syncDirectory(directory)
    await syncDirectory(join(directory, '..'))
    return new MediaFiles(directory, incoming)
  }

  /** Over a directory that `open` has made before: others may be at work in it. */
  static over(directory: string): MediaFiles {
    return new MediaFiles(directory, join(directory, 'incoming'))
  }

  /** A path that nobody else uses, for a file that somebody else will write. */
  temporaryPath(): string {
    return join(this.#incoming, randomUUID())
  }

  /**
   * Writes a stream to a temporary file. Refuses with FILE_TOO_LARGE; then, and when the stream
   * fails, it is gone.
   */
  async receive(stream: AsyncIterable<Uint8Array>, sizeMax: number): Promise<ReceivedFile> {
    const path = this.temporaryPath()
    const hash = createHash('sha256')
    let size = 0
    try {
      await using file = await open(path, 'wx')
      for await (const chunk of stream) {
        size += chunk.length
        if (size > sizeMax) {
          throw new MediaRefusal('FILE_TOO_LARGE', `A photo has at most ${sizeMax} bytes.`)
        }
        hash.update(chunk)
        for (let done = 0; done < chunk.length;) {
          done += (await file.write(chunk, done)).bytesWritten
        }
      }
    } catch (error) {
      await this.discard(path)
      throw error
    }
    return { path, size, hash: hash.digest('hex') }
  }

  /** Size and hash of a file that somebody else wrote. */
  async measure(path: string): Promise<ReceivedFile> {
    const hash = createHash('sha256')
    let size = 0
    await using file = await open(path, 'r')
    for await (const chunk of file.createReadStream({ autoClose: false })) {
      size += (chunk as Buffer).length
      hash.update(chunk as Buffer)
    }
    return { path, size, hash: hash.digest('hex') }
  }

  /**
   * Syncs a temporary file and gives it its name, which is returned. Replacing the same bytes is
   * harmless.
   */
  async keep({ path, hash }: ReceivedFile, extension: string): Promise<string> {
    const name = `${hash}.${extension}`
    {
      await using file = await open(path, 'r+')
      await file.sync()
    }
    await rename(path, this.pathOf(name))
    await syncDirectory(join(this.#directory, name.slice(0, 2)))
    return name
  }

  /** Removes a temporary file, if it is still there. */
  async discard(path: string): Promise<void> {
    await rm(path, { force: true })
  }

  /** Bytes of a file that was kept; undefined when there is none of that name. */
  async sizeOf(name: string): Promise<number | undefined> {
    if (!NAME.test(name)) return undefined
    try {
      return (await stat(this.pathOf(name))).size
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  /** Where the file of that name lies. Throws RangeError when it is no name of ours. */
  pathOf(name: string): string {
    if (!NAME.test(name)) throw new RangeError('a media file is named by its hash')
    return join(this.#directory, name.slice(0, 2), name)
  }
}

async function syncDirectory(path: string): Promise<void> {
  // Windows cannot open a directory to sync it; NTFS journals names by itself.
  if (process.platform === 'win32') return
  await using directory = await open(path, 'r')
  await directory.sync()
}
