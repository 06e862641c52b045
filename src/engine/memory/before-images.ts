// Hot: bench `engine` shows it.
//
// Room for before-images: the copies of pages that a running snapshot has not taken yet and that a
// transaction is about to change (region.ts). All regions of a thread share it.
//
// Such copies come in bursts, hundreds in the first batch after a snapshot has begun. To copy a
// page into memory that the process already has takes 5 µs. Into new memory it takes 25 to 200 µs,
// for the operating system has to find and clear it piece by piece, and a batch would wait for
// that. So the room is made before a snapshot begins, by the thread pool, and given up after it.
// What is needed beyond it is made on the spot.
//
// It is shared memory though no other thread sees it: the collector does not count that. Ordinary
// buffers of this size make it collect at once, for 4 to 12 ms (bench `engine`, "longest stall").

import { randomFill } from 'node:crypto'
import { promisify } from 'node:util'

const IMAGE_SIZE = 65_536
const SLAB_IMAGE_COUNT = 16

const fill = promisify<Buffer, Buffer>(randomFill)

class BeforeImages {
  #free: Buffer[]

  constructor() {
    this.#free = []
  }

  /** Images that can be taken without new memory. */
  get freeCount(): number {
    return this.#free.length
  }

  /** A buffer of the size of a page, holding anything. */
  take(): Buffer {
    if (this.#free.length === 0) this.#divide(newSlab())
    return this.#free.pop()!
  }

  /** Gives one back. */
  give(image: Buffer): void {
    this.#free.push(image)
  }

  /** Makes room for at least `count` images. */
  async reserve(count: number): Promise<void> {
    while (this.#free.length < count) {
      const slab = newSlab()
      // What it is filled with does not matter, but that another thread does it: filling is what
      // takes the memory.
      await fill(slab)
      this.#divide(slab)
    }
  }

  /** Gives the room up. Images in use are not concerned. */
  release(): void {
    this.#free = []
  }

  #divide(slab: Buffer): void {
    for (let offset = 0; offset < slab.length; offset += IMAGE_SIZE) {
      this.#free.push(slab.subarray(offset, offset + IMAGE_SIZE))
    }
  }
}

/** Resizable ones are not filled with zeros piece by piece when they are made. */
function newSlab(): Buffer {
  const size = SLAB_IMAGE_COUNT * IMAGE_SIZE
  return Buffer.from(new SharedArrayBuffer(size, { maxByteLength: size }), 0, size)
}

/** The room of this thread. */
export const beforeImages = new BeforeImages()
