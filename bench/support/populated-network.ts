// A network with people in it, for benches over HTTP: an invented one (`shashin demo`), written
// straight into a store, which is closed again, so that a server can open it. Everybody has a
// token. Its photos are names without bytes: no bench asks for those.

import { join } from 'node:path'
import { createToken } from '../../src/api/authentication.ts'
import { DEMO_DAYS, DemoClock, inventNetwork } from '../../src/commands/demo-network.ts'
import { Datastore } from '../../src/engine/datastore.ts'
import { tables } from '../../src/model/schema.ts'
import { transactions } from '../../src/model/transactions.ts'
import type { DemoSize } from '../../src/commands/demo-network.ts'
import type { Random } from '../../src/std/random.ts'

export interface PopulatedNetwork {
  readonly tokens: readonly string[]
  readonly postIds: readonly number[]
}

const DAY_MS = 86_400_000
const PHOTO_COUNT = 100

export async function populate(
  directory: string,
  size: DemoSize,
  random: Random,
): Promise<PopulatedNetwork> {
  const clock = new DemoClock(Date.now() - DEMO_DAYS * DAY_MS)
  await using store = await Datastore.open({
    tables,
    transactions,
    clock,
    dataDirectory: join(directory, 'data'),
    snapshotDirectory: join(directory, 'snapshots'),
    durability: 'os',
  })
  const tokens: string[] = []
  const { posts } = await inventNetwork({
    store,
    clock,
    random,
    size,
    photos: Array.from({ length: PHOTO_COUNT }, (_, index) => ({
      width: 1600,
      height: 1200,
      original: `${index}.jpg`,
      file: { name: `${index}.webp`, contentType: 'image/webp', size: 100_000 },
    })),
    passwordHash: '',
    tokenHash: () => {
      const { token, tokenHash } = createToken()
      tokens.push(token)
      return tokenHash
    },
    progress: () => {},
  })
  return { tokens, postIds: posts }
}
