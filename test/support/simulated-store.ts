// The little network's store on a simulated disk: made to be opened thousands of times, small in
// everything. Every open is a boot of its own: who had the lock before is dead.

import { Datastore } from '../../src/engine/datastore.ts'
import { littleTables, littleTransactions } from './little-network.ts'
import type { DatastoreOptions } from '../../src/engine/datastore.ts'
import type { Disk } from '../../src/engine/disk.ts'

export type LittleTransactions = typeof littleTransactions
export type SimulatedStore = Datastore<LittleTransactions>
export type SimulatedOptions = Partial<DatastoreOptions<LittleTransactions>>

export const DATA = '/data'
export const LOG = '/data/log'
export const SNAPSHOTS = '/snapshots'

let bootCount = 0

export function openOn(disk: Disk, more: SimulatedOptions = {}): Promise<SimulatedStore> {
  const self = `boot ${++bootCount}`
  return Datastore.open({
    tables: littleTables,
    transactions: littleTransactions,
    dataDirectory: DATA,
    snapshotDirectory: SNAPSHOTS,
    disk,
    processes: { self: () => self, isAlive: (identity) => identity === self },
    segmentSize: 16 * 1024,
    regionSizeMax: 1024 * 1024,
    ...more,
  })
}
