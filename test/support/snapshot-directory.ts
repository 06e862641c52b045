// A directory of snapshots on the real disk, for one test, and what is done to it from outside.

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { NodeDisk } from '../../src/engine/disk.ts'
import { Memory } from '../../src/engine/memory/memory.ts'
import { openSnapshots } from '../../src/engine/snapshot/snapshots.ts'
import { fillPages } from './scribbled-memory.ts'
import type {
  LoadOutcome,
  Snapshots,
  SnapshotsOptions,
  TakeRequest,
} from '../../src/engine/snapshot/snapshots.ts'

export const STORE_ID = '00112233445566778899aabbccddeeff'
export const SIZE_MAX = 2 ** 32
export const TIME = 1_790_000_000_000

export class SnapshotDirectory {
  readonly path: string
  /** What was reported by the snapshots opened here. */
  readonly lines: string[]

  constructor(path: string) {
    this.path = path
    this.lines = []
  }

  static async make(): Promise<SnapshotDirectory> {
    return new SnapshotDirectory(await mkdtemp(join(tmpdir(), 'snapshots-')))
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true })
  }

  open(options: Partial<SnapshotsOptions> = {}): Promise<Snapshots> {
    return openSnapshots({
      disk: new NodeDisk(),
      directory: this.path,
      report: (line) => this.lines.push(line),
      clock: { now: () => TIME },
      ...options,
    })
  }

  /** What the newest snapshot loads as, by a process that has not seen it before. */
  async reloaded(maxLsn?: number): Promise<Memory> {
    const { loaded, skipped } = await load(await this.open({ readOnly: true }), maxLsn)
    expect(skipped).toEqual([])
    return loaded!.memory
  }

  names(): Promise<string[]> {
    return readdir(this.path)
  }

  /** The names that end with `kind`, sorted. */
  async namesOf(kind: string): Promise<string[]> {
    return (await this.names()).filter((name) => name.endsWith(kind)).toSorted()
  }

  async flipBit(name: string, offset: number, bit = 0): Promise<void> {
    const path = join(this.path, name)
    const bytes = await readFile(path)
    bytes[offset]! ^= 1 << bit
    await writeFile(path, bytes)
  }
}

export function load(snapshots: Snapshots, maxLsn?: number): Promise<LoadOutcome> {
  return snapshots.load({ storeId: STORE_ID, memory: () => new Memory(), maxLsn })
}

export function takeRequest(
  memory: Memory,
  lsn: number,
  more: Partial<TakeRequest> = {},
): TakeRequest {
  const durable = async (): Promise<void> => {}
  return { memory, lsn, storeId: STORE_ID, schema: { tables: ['a'] }, layout: 1, durable, ...more }
}

/** Three regions, 40 pages of them written to. */
export function filledMemory(): Memory {
  const memory = new Memory()
  fillPages(memory.region('1/arena', SIZE_MAX), 0, 20, 1)
  fillPages(memory.region('1/column', SIZE_MAX), 10, 10, 2)
  fillPages(memory.region('2/column', SIZE_MAX / 2), 0, 10, 3)
  return memory
}

/** "0000000000000007.pages" */
export function fileName(lsn: number, kind: string): string {
  return `${String(lsn).padStart(16, '0')}.${kind}`
}
