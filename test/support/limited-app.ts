// An app in a thread of its own that limits with others in shared memory: asks itself as often as
// it is told, as one address, and tells the statuses of its answers.

import { parentPort, workerData } from 'node:worker_threads'
import { buildApp } from '../../src/api/app.ts'
import { Refusal } from '../../src/model/refusal.ts'
import type { ApiParts, ApiSettings } from '../../src/api/parts.ts'

export interface AskingTask {
  readonly rateLimits: SharedArrayBuffer
  readonly limits: NonNullable<ApiSettings['limits']>
  /** Milliseconds since 1970, for good. */
  readonly time: number
  readonly url: string
  readonly count: number
}

function partsOf({ rateLimits, limits, time }: AskingTask): ApiParts {
  const absent = (): never => {
    throw new Refusal('USER_NOT_FOUND', 'There is nobody here.')
  }
  return {
    store: {
      lastLsn: 0,
      read: async () => absent(),
      readNow: absent,
      transact: async () => absent(),
    },
    admin: {
      snapshot: async () => absent(),
      stats: async () => absent(),
      log: async () => absent(),
      trouble: async () => undefined,
      threads: async () => [],
      deploy: async () => absent(),
    },
    media: { accept: async () => absent(), read: () => absent(), sizeOf: async () => absent() },
    settings: { limits },
    rateLimits,
    clock: { now: () => time },
    fatal: (error) => {
      throw error
    },
  }
}

async function ask(task: AskingTask): Promise<number[]> {
  const app = await buildApp(partsOf(task))
  const asked = Array.from({ length: task.count }, () => app.inject(task.url))
  const answers = await Promise.all(asked)
  await app.close()
  return answers.map(({ statusCode }) => statusCode)
}

if (workerData !== null) parentPort?.postMessage(await ask(workerData as AskingTask), [])
