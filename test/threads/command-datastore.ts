// A store thread for tests of the command channel, with a real datastore: it says when it is ready,
// and closes its store at a hand-over. A thread of its own.

import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { Datastore } from '../../src/engine/datastore.ts'
import { machineProcesses } from '../../src/engine/lock.ts'
import { CommandServer } from '../../src/threads/command-server.ts'
import { plainError } from '../../src/threads/plain-errors.ts'
import { littleTables, littleTransactions } from '../support/little-network.ts'
import type { MessagePort } from 'node:worker_threads'
import type { StoreAsk } from './command-store.ts'

export interface DatastoreTask {
  readonly directory: string
  /** Another one for each thread of a test. */
  readonly number: number
}

type Names = Extract<keyof typeof littleTransactions, string>

async function serve(supervisor: MessagePort, { directory, number }: DatastoreTask): Promise<void> {
  const store = await Datastore.open({
    tables: littleTables,
    transactions: littleTransactions,
    dataDirectory: join(directory, 'data'),
    snapshotDirectory: join(directory, 'snapshots'),
    // One thread at a time: whoever has left a lock is gone.
    processes: { self: () => `${machineProcesses.self()} thread ${number}`, isAlive: () => false },
  })
  const servers: CommandServer[] = []
  const handOver = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.handOver()))
    await store.close()
    supervisor.postMessage('handed over', [])
  }
  supervisor.on('message', (ask: StoreAsk) => {
    if (ask === 'hand over') {
      void handOver()
      return
    }
    const server = new CommandServer(
      ask.port,
      (name, input, { key }) =>
        store.transact(name as Names, input as never, key === undefined ? {} : { key }),
      plainError,
    )
    servers.push(server)
  })
  supervisor.postMessage('ready', [])
}

if (parentPort !== null) await serve(parentPort, workerData as DatastoreTask)
