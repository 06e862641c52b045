// Readers in other threads against a writer at full speed: whatever rows they look at together come
// from one state. Meanwhile regions grow, records are freed and their blocks reused for others of
// other sizes, one snapshot follows another, and now and then the schema grows.

import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect } from 'vitest'
import { Datastore } from '../../src/engine/datastore.ts'
import { ADOPTED, READS, STOP, TORN } from '../support/reader-thread.ts'
import { ACCOUNT_COUNT, entries, restlessTables } from '../support/restless-network.ts'
import { restlessTransactions } from '../support/restless-network.ts'
import { seededTest } from '../support/seeded.ts'
import type { StoreHandle } from '../../src/engine/store-reader.ts'
import type { ReaderReport, ReaderTask } from '../support/reader-thread.ts'
import type { Random } from '../../src/std/random.ts'

const READER_COUNT = 3
const READS_MIN = 8000
const BATCHES_MIN = 40
const BATCHES_MAX = 2000
const BATCH_COUNT = 200
/** Batches between two deploys. */
const DEPLOY_EVERY = 15

type RestlessStore = Datastore<typeof restlessTransactions>

seededTest('readers in other threads never keep a torn read', async (random) => {
  const counters = new Int32Array(new SharedArrayBuffer(16))
  const isDone = (batch: number): boolean => batch >= BATCHES_MIN && counters[READS]! >= READS_MIN
  const reports = await torture(random, counters, false, isDone)
  const retries = reports.reduce((sum, report) => sum + report.retries, 0)
  console.info(`${counters[READS]} reads, ${retries} of them again, ${counters[TORN]} torn`)
  expect(reports.flatMap(({ sentences }) => sentences)).toEqual([])
  expect(counters[TORN]).toBe(0)
})

seededTest('readers that do not heed the seqlock keep torn reads', async (random) => {
  const counters = new Int32Array(new SharedArrayBuffer(16))
  await torture(random, counters, true, () => counters[TORN]! > 0)
  expect(counters[TORN]).toBeGreaterThan(0)
})

/** Lets readers and a writer run until `isDone` says so. */
async function torture(
  random: Random,
  counters: Int32Array<SharedArrayBuffer>,
  unguarded: boolean,
  isDone: (batch: number) => boolean,
): Promise<ReaderReport[]> {
  const directory = await mkdtemp(join(tmpdir(), 'shashin-'))
  const readers: Worker[] = []
  let adoptedCount = 0
  const store = await open(directory, async (handle) => {
    for (const reader of readers) reader.postMessage(handle, [])
    adoptedCount += readers.length
    while (Atomics.load(counters, ADOPTED) < adoptedCount) await new Promise(setImmediate)
  })
  try {
    await store.transact('found', undefined)
    const { buffer: control } = counters
    for (let reader = 0; reader < READER_COUNT; reader++) {
      const handle = store.handle()
      readers.push(startReader({ handle, control, seed: random.word(), unguarded }))
    }
    const reported = readers.map(reportOf)
    let snapshot: Promise<unknown> | undefined
    for (let batch = 0; batch < BATCHES_MAX && !isDone(batch); batch++) {
      snapshot ??= store.snapshot().finally(() => (snapshot = undefined))
      const written = Array.from({ length: BATCH_COUNT }, () => write(store, random))
      if (batch % DEPLOY_EVERY === DEPLOY_EVERY - 1) {
        const tables = restlessTables((batch + 1) / DEPLOY_EVERY)
        await store.deploy({ tables, transactions: restlessTransactions })
      }
      await Promise.all(written)
    }
    Atomics.store(counters, STOP, 1)
    const reports = await Promise.all(reported)
    await snapshot
    expect(store.check()).toEqual([])
    return reports
  } finally {
    Atomics.store(counters, STOP, 1)
    await store.close()
    await rm(directory, { recursive: true })
  }
}

function open(
  directory: string,
  onSchema: (handle: StoreHandle) => Promise<void>,
): Promise<RestlessStore> {
  return Datastore.open({
    tables: restlessTables(0),
    transactions: restlessTransactions,
    dataDirectory: join(directory, 'data'),
    snapshotDirectory: join(directory, 'snapshots'),
    durability: 'os',
    onSchema,
    regionSizeMax: 2 ** 28,
  })
}

function startReader(task: ReaderTask): Worker {
  const program = new URL('../support/reader-thread.ts', import.meta.url)
  return new Worker(program, { workerData: task })
}

async function reportOf(reader: Worker): Promise<ReaderReport> {
  const [report] = (await once(reader, 'message')) as [ReaderReport]
  return report
}

function write(store: RestlessStore, random: Random): Promise<unknown> {
  const account = (): number => random.between(1, ACCOUNT_COUNT)
  const entry = random.between(1, store.view.lastId(entries) + 1)
  const count = random.once(50) ? random.below(3000) : random.below(30)
  switch (random.below(8)) {
    case 0:
    case 1:
      return store.transact('transfer', {
        from: account(),
        to: account(),
        amount: random.below(200),
      })
    case 2:
    case 3:
      return store.transact('write', { owner: account(), count })
    case 4:
    case 5:
      return store.transact('rewrite', { entry, owner: account(), count })
    case 6:
      return store.transact('erase', { entry })
    default:
      return store.transact('judge', { of: account(), on: account() })
  }
}
