// A server of the bench of rendering, as a process of its own: the API over a store, without the
// threads around it. The routes run in a thread of the same name as that of the yardstick
// (bare-server.ts) and of the whole server, and read as there.
//
//   rendering-server.ts DIRECTORY SIZE   the bytes of fragments that it keeps
//
// It says its port to its parent.

import { once } from 'node:events'
import { join } from 'node:path'
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import { buildApp } from '../../src/api/app.ts'
import { Fragments } from '../../src/api/render/fragments.ts'
import { Datastore } from '../../src/engine/datastore.ts'
import { StoreReader } from '../../src/engine/store-reader.ts'
import { tables } from '../../src/model/schema.ts'
import { transactions } from '../../src/model/transactions.ts'
import type { AddressInfo } from 'node:net'
import type { ApiParts } from '../../src/api/parts.ts'
import type { StoreHandle } from '../../src/engine/store-reader.ts'

interface ThreadData {
  readonly handle: StoreHandle
  readonly fragmentsSize: number
}

if (isMainThread) {
  process.on('disconnect', () => process.exit(0))
  const [directory = '', fragmentsSize] = process.argv.slice(2)
  const store = await Datastore.open({
    tables,
    transactions,
    dataDirectory: join(directory, 'data'),
    snapshotDirectory: join(directory, 'snapshots'),
    durability: 'os',
  })
  const data: ThreadData = { handle: store.handle(), fragmentsSize: Number(fragmentsSize) }
  const worker = new Worker(new URL(import.meta.url), { name: 'http 1', workerData: data })
  const [port] = (await once(worker, 'message')) as [number]
  process.send?.(port)
} else {
  parentPort!.postMessage(await serve(workerData as ThreadData), [])
}

/** Returns its port. */
async function serve({ handle, fragmentsSize }: ThreadData): Promise<number> {
  const reader = new StoreReader(handle, 'latest')
  const nothing = (): never => {
    throw new Error('nobody asks for this here')
  }
  const parts: ApiParts = {
    store: {
      get lastLsn() {
        return reader.lastLsn
      },
      read: (query) => reader.read(query),
      readNow: (query) => reader.readNow(query),
      // That a session is in use is to be noted once, and is not measured.
      transact: () => new Promise(() => undefined),
    },
    admin: {
      snapshot: nothing,
      stats: nothing,
      log: nothing,
      trouble: nothing,
      threads: nothing,
      deploy: nothing,
    },
    media: { accept: nothing, read: nothing, sizeOf: nothing },
    settings: {},
    fatal: (error) => {
      throw error
    },
  }
  const app = await buildApp(parts, new Fragments(fragmentsSize))
  await app.listen({ host: '127.0.0.1', port: 0 })
  return (app.server.address() as AddressInfo).port
}
