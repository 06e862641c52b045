// How the settings of the command line open a store.

import type { Settings } from '../config.ts'
import type { DatastoreOptions } from '../engine/datastore.ts'
import type { Registry } from '../engine/store.ts'

type StoreOptions = Pick<
  DatastoreOptions<Registry>,
  | 'dataDirectory'
  | 'snapshotDirectory'
  | 'durability'
  | 'reads'
  | 'snapshotEverySize'
  | 'snapshotEveryMs'
  | 'snapshotsKept'
  | 'keepLog'
  | 'segmentSize'
  | 'freeSpaceFloor'
>

export function storeOptions(settings: Settings): StoreOptions {
  const { snapshotEvery } = settings
  return {
    dataDirectory: settings.data,
    snapshotDirectory: settings.snapshots,
    durability: settings.durability,
    reads: settings.reads,
    snapshotEverySize: snapshotEvery.growthSize ?? 0,
    snapshotEveryMs: snapshotEvery.periodMs ?? 0,
    snapshotsKept: settings.snapshotsKept,
    keepLog: settings.keepLog === 'yes',
    segmentSize: settings.segmentSize,
    freeSpaceFloor: settings.freeSpaceFloorSize,
  }
}
