// A thread that runs the real product as generations over one real store, of its own tree and of a
// copy of it, and says what has come of it.

import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { Datastore } from '../../src/engine/datastore.ts'
import { InvariantError } from '../../src/std/assert.ts'
import { Generations } from '../../src/threads/generations.ts'
import { releaseOf } from '../../src/threads/releases.ts'
import type * as Api from '../../src/api/app.ts'
import type { ApiParts } from '../../src/api/parts.ts'
import type * as Pool from '../../src/media/image-pool.ts'
import type * as Refusals from '../../src/model/refusal.ts'
import type * as Schema from '../../src/model/schema.ts'
import type * as Transactions from '../../src/model/transactions.ts'
import type { Release } from '../../src/threads/releases.ts'

export interface ProductFindings {
  /** Statuses of requests to each generation. */
  readonly statuses: readonly (readonly number[])[]
  readonly health: readonly unknown[]
  /** What the newer generation reads of a user who has signed up with the older. */
  readonly handle: unknown
  /** Whether a broken invariant of a generation's code is one of the thread. */
  readonly isInvariantShared: boolean
  readonly isRefusalShared: boolean
  /** Programs of image workers. */
  readonly programs: readonly string[]
  readonly count: number
}

const { own, copy, directory } = workerData as Record<'own' | 'copy' | 'directory', string>
const generations = new Generations(join(own, 'src'))

async function loadAll(generation: number, release: Release) {
  const load = <T>(entry: string): Promise<T> => generations.load<T>(entry, generation, release)
  const [api, schema, model, refusals, pool] = await Promise.all([
    load<typeof Api>('api/app.ts'),
    load<typeof Schema>('model/schema.ts'),
    load<typeof Transactions>('model/transactions.ts'),
    load<typeof Refusals>('model/refusal.ts'),
    load<typeof Pool>('media/image-pool.ts'),
  ])
  return { api, schema, model, refusals, pool }
}

async function findOut(): Promise<ProductFindings> {
  const first = await loadAll(2, await releaseOf(own))
  const second = await loadAll(3, await releaseOf(copy))
  await using store = await Datastore.open({
    tables: first.schema.tables,
    transactions: first.model.transactions,
    dataDirectory: join(directory, 'data'),
    snapshotDirectory: join(directory, 'snapshots'),
    durability: 'os',
    regionSizeMax: 64 * 1024 * 1024,
  })
  const unasked = (): never => {
    throw new InvariantError('nobody asks for this here')
  }
  let fatal: Error | undefined
  const parts: ApiParts = {
    store,
    admin: {
      snapshot: unasked,
      stats: unasked,
      log: unasked,
      trouble: unasked,
      threads: unasked,
      deploy: unasked,
    },
    media: { accept: unasked, read: unasked, sizeOf: unasked },
    settings: {},
    fatal: (error) => {
      fatal = error
    },
  }
  const statuses: number[][] = []
  const health: unknown[] = []
  let handle: unknown
  for (const { api } of [first, second]) {
    const app = await api.buildApp(parts)
    const post = { handle: 'ada', password: 'a long password' }
    const url = (path: string): string => api.PREFIX + path
    const signUp = await app.inject({ method: 'POST', url: url('/users'), payload: post })
    const user = await app.inject({ url: url('/users/ada') })
    const healthy = await app.inject({ url: '/healthz' })
    const lost = await app.inject({ url: url('/nowhere') })
    await app.inject({ url: '/readyz' }).catch(() => undefined)
    statuses.push([signUp, user, healthy, lost].map(({ statusCode }) => statusCode))
    health.push(healthy.json())
    handle = user.json<{ user?: { handle: string }; handle?: string }>()
    await app.close()
  }
  return {
    statuses,
    health,
    handle,
    isInvariantShared: fatal instanceof InvariantError,
    isRefusalShared: first.refusals.Refusal === second.refusals.Refusal,
    programs: [first, second].map(({ pool }) => pool.IMAGE_POOL_SETTINGS.program),
    count: generations.count,
  }
}

parentPort!.postMessage(await findOut(), [])
