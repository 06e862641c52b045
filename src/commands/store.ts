// How commands open the store of this network: settings in, a store out, with progress on the way.

import { Datastore } from '../engine/datastore.ts'
import { NodeDisk } from '../engine/disk.ts'
import { DatastoreError } from '../engine/errors.ts'
import { DirectoryLock } from '../engine/lock.ts'
import { logPaths, openState } from '../engine/state.ts'
import { tables } from '../model/schema.ts'
import { transactions } from '../model/transactions.ts'
import { storeOptions } from '../threads/store-options.ts'
import { ProgressLine, recoverySentence, say, tellRecovery } from './terminal.ts'
import type { Settings } from '../config.ts'
import type { DatastoreOptions } from '../engine/datastore.ts'
import type { State } from '../engine/state.ts'

export type Network = Datastore<typeof transactions>

/** Opens the store for reading and writing, and says what recovery did. */
export async function openNetwork(
  settings: Settings,
  more: Pick<DatastoreOptions<typeof transactions>, 'onPoison' | 'clock' | 'durability'> = {},
): Promise<Network> {
  const line = new ProgressLine()
  try {
    const store = await Datastore.open({
      tables,
      transactions,
      ...storeOptions(settings),
      report: say,
      progress: (progress) => tellRecovery(line, progress),
      ...more,
    })
    line.end()
    say(recoverySentence(store.recovery))
    return store
  } finally {
    line.end()
  }
}

/** Throws STORE_NOT_FOUND when there is nothing to look at. */
export async function demandStore(disk: NodeDisk, { data }: Settings): Promise<void> {
  if (await disk.exists(logPaths(data).directory)) return
  throw new DatastoreError('STORE_NOT_FOUND', `there is no store in the directory ${data}`, {
    file: data,
    advice: 'name its directory with --data; `serve` and `import` make one',
  })
}

/**
 * Loads the state of a store that is not running, lets `look` have it, and leaves everything as it
 * was.
 */
export async function withState<T>(
  settings: Settings,
  look: (state: State) => Promise<T>,
): Promise<T> {
  const disk = new NodeDisk()
  await demandStore(disk, settings)
  const lock = await DirectoryLock.acquire(disk, settings.data)
  const line = new ProgressLine()
  try {
    const state = await openState({
      disk,
      dataDirectory: settings.data,
      snapshotDirectory: settings.snapshots,
      report: say,
      progress: (progress) => tellRecovery(line, progress),
    })
    line.end()
    return await look(state)
  } finally {
    line.end()
    await lock.release()
  }
}
