// A little store that has lived for a while, closed, on a forgetful disk, for a test that is about
// to damage it.

import { crc32 } from 'node:zlib'
import { expect } from 'vitest'
import { ForgetfulDisk } from './forgetful-disk.ts'
import { everything } from './little-network.ts'
import { LOG, SNAPSHOTS, openOn } from './simulated-store.ts'
import type { SimulatedOptions, SimulatedStore } from './simulated-store.ts'

export interface Grown {
  readonly disk: ForgetfulDisk
  /** Everything that a reader can see in it. */
  readonly state: unknown
  readonly lastLsn: number
}

/**
 * A store with one person and posts "post 1", "post 2", …; after those in `snapshotsAfter` a
 * snapshot is taken.
 */
export async function grownStore(
  postCount: number,
  snapshotsAfter: readonly number[] = [],
  options: SimulatedOptions = {},
): Promise<Grown> {
  const disk = new ForgetfulDisk(['/'])
  const store = await openOn(disk, options)
  await store.transact('join', { handle: 'hanako' })
  for (let post = 1; post <= postCount; post++) {
    await store.transact('post', { author: 1, text: `post ${post}` })
    if (snapshotsAfter.includes(post)) await store.snapshot()
  }
  const state = everything(store.view)
  const { lastLsn } = store.stats()
  await store.close()
  return { disk, state, lastLsn }
}

export function pathsIn(disk: ForgetfulDisk, directory: string, ending: string): string[] {
  return disk.paths().filter((path) => path.startsWith(`${directory}/`) && path.endsWith(ending))
}

export function segmentsOf(disk: ForgetfulDisk): string[] {
  return pathsIn(disk, LOG, '.log')
}

export function manifestsOf(disk: ForgetfulDisk): string[] {
  return pathsIn(disk, SNAPSHOTS, '.manifest')
}

/** Changes the bytes of a file, durably. */
export function alter(
  disk: ForgetfulDisk,
  path: string,
  change: (bytes: Buffer) => Buffer | void,
): void {
  const bytes = disk.contents(path)
  disk.place(path, change(bytes) ?? bytes)
}

export function flipBit(disk: ForgetfulDisk, path: string, offset: number): void {
  alter(disk, path, (bytes) => {
    bytes[offset]! ^= 1
  })
}

/** Writes another version number into a header whose last four of `size` bytes are its checksum. */
export function changeVersion(
  disk: ForgetfulDisk,
  path: string,
  offset: number,
  size: number,
): void {
  alter(disk, path, (bytes) => {
    bytes.writeUInt32LE(99, offset + 8)
    bytes.writeUInt32LE(crc32(bytes.subarray(offset, offset + size - 4)), offset + size - 4)
  })
}

/** The code and the sentence with which opening is refused. */
export async function refusalOn(
  disk: ForgetfulDisk,
  options: SimulatedOptions = {},
): Promise<string> {
  const paths = disk.paths()
  try {
    const store = await openOn(disk, options)
    await store.close()
    return 'it opens'
  } catch (error) {
    expect(error).toMatchObject({ name: 'DatastoreError' })
    // What is refused is left as it was, for a human to look at.
    expect(disk.paths()).toEqual(paths)
    const { code, message } = error as { code: string; message: string }
    return `${code}: ${message}`
  }
}

/** Opens, compares everything with `state`, and closes. Returns the lines that were reported. */
export async function expectState(
  disk: ForgetfulDisk,
  state: unknown,
  options: SimulatedOptions = {},
): Promise<string[]> {
  const lines: string[] = []
  const store: SimulatedStore = await openOn(disk, {
    report: (line) => void lines.push(line),
    ...options,
  })
  expect(everything(store.view)).toEqual(state)
  expect(store.check()).toEqual([])
  await store.transact('join', { handle: 'afterwards' })
  await store.close()
  return lines
}
