// Free space: the store goes read-only while the disk is nearly full, so that the error which ends
// writing for good (ENOSPC inside an append) stays rare. Above the floor again, writes go on by
// themselves.

import type { Disk } from './disk.ts'

const CHECK_EVERY_MS = 1000

export class FreeSpaceWatch {
  readonly #disk: Disk
  readonly #directories: readonly string[]
  readonly #floor: number
  readonly #report: (line: string) => void
  readonly #timer: NodeJS.Timeout | undefined
  #freeSize: number
  #isLow: boolean

  /** `floor` in bytes; 0 switches the watch off. */
  constructor(
    disk: Disk,
    directories: readonly string[],
    floor: number,
    report: (line: string) => void,
  ) {
    this.#disk = disk
    this.#directories = directories
    this.#floor = floor
    this.#report = report
    this.#freeSize = Infinity
    this.#isLow = false
    this.#timer =
      floor > 0 ? setInterval(() => void this.look(), CHECK_EVERY_MS).unref() : undefined
  }

  /** True while less than the floor is free: writes are to be refused. */
  get isLow(): boolean {
    return this.#isLow
  }

  /** Bytes free at the last look, on the fuller of the directories' disks. */
  get freeSize(): number {
    return this.#freeSize
  }

  /**
   * Looks now. A disk that cannot say how full it is counts as having space: appending will tell.
   */
  async look(): Promise<void> {
    if (this.#floor === 0) return
    const sizes = await Promise.all(
      this.#directories.map((directory) => this.#disk.freeSize(directory).catch(() => Infinity)),
    )
    this.#freeSize = Math.min(...sizes)
    const isLow = this.#freeSize < this.#floor
    if (isLow === this.#isLow) return
    this.#isLow = isLow
    const [found, floor] = [this.#freeSize, this.#floor].map((size) => Math.round(size / 1e6))
    const free = `${found} MB are free, the floor is ${floor} MB`
    this.#report(isLow ? `read-only: ${free}; writes are refused` : `writing again: ${free}`)
  }

  close(): void {
    clearInterval(this.#timer)
  }
}
