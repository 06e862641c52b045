// `datastoreTest`: a test of anything that writes. After its body the store must pass `check`, and
// must be the same store again when it is opened from the log alone, and when it is opened from a
// snapshot.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Datastore } from '../../src/engine/datastore.ts'
import { everything, littleTables, littleTransactions } from './little-network.ts'
import type { DatastoreOptions } from '../../src/engine/datastore.ts'

export type LittleStore = Datastore<typeof littleTransactions>
export type LittleOptions = Partial<DatastoreOptions<typeof littleTransactions>>

/** One directory with a store in it, opened and closed by the test as it likes. */
export class StoreDirectory {
  readonly path: string
  #store: LittleStore | undefined
  readonly lines: string[]

  constructor(path: string) {
    this.path = path
    this.#store = undefined
    this.lines = []
  }

  get options(): DatastoreOptions<typeof littleTransactions> {
    return {
      tables: littleTables,
      transactions: littleTransactions,
      dataDirectory: join(this.path, 'data'),
      snapshotDirectory: join(this.path, 'snapshots'),
      keepLog: true,
      segmentSize: 1024 * 1024,
      regionSizeMax: 256 * 1024 * 1024,
      report: (line) => this.lines.push(line),
    }
  }

  /** The open store. */
  get store(): LittleStore {
    if (this.#store === undefined) throw new Error('the store is not open')
    return this.#store
  }

  async open(more: LittleOptions = {}): Promise<LittleStore> {
    await this.close()
    this.#store = await Datastore.open({ ...this.options, ...more })
    return this.#store
  }

  async close(): Promise<void> {
    await this.#store?.close()
    this.#store = undefined
  }
}

/**
 * Runs `body` on a store in a new directory, then verifies it after a restart from log and from
 * snapshot.
 */
export function datastoreTest(
  name: string,
  body: (directory: StoreDirectory) => Promise<void>,
  options: LittleOptions = {},
  timeout = 30_000,
): void {
  test(
    name,
    async () => {
      const directory = new StoreDirectory(await mkdtemp(join(tmpdir(), 'shashin-')))
      try {
        await directory.open(options)
        await body(directory)
        await verifyRestarts(directory)
      } finally {
        await directory.close().catch(() => undefined)
        await rm(directory.path, { recursive: true, force: true })
      }
    },
    timeout,
  )
}

async function verifyRestarts(directory: StoreDirectory): Promise<void> {
  const { store } = directory
  expect(store.check()).toEqual([])
  const before = everything(store.view)
  const { lastLsn } = store.stats()
  await directory.close()

  await rm(join(directory.path, 'snapshots'), { recursive: true, force: true })
  const fromLog = await directory.open()
  expect(fromLog.recovery).toMatchObject({ snapshotLsn: 0, lastLsn, replayed: lastLsn })
  expect(everything(fromLog.view)).toEqual(before)
  expect(fromLog.check()).toEqual([])

  await fromLog.snapshot()
  await directory.close()
  const fromSnapshot = await directory.open()
  expect(fromSnapshot.recovery).toMatchObject({ snapshotLsn: lastLsn, lastLsn, replayed: 0 })
  expect(everything(fromSnapshot.view)).toEqual(before)
  expect(fromSnapshot.check()).toEqual([])
}
