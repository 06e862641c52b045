// A whole network in a temporary directory, for tests of the model and of the API: a real store,
// real files, a clock that stands still until the test moves it.
//
// `networkTest` is `datastoreTest` for the real tables: after its body the store must pass `check`,
// and must be the same again when it is opened from the log alone, and from a snapshot.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Datastore } from '../../src/engine/datastore.ts'
import {
  blocks,
  bookmarks,
  followRequests,
  follows,
  invites,
  likes,
  mailTokens,
  media,
  mutes,
  posts,
  revisions,
  sessions,
  tables,
  taggings,
  users,
} from '../../src/model/schema.ts'
import { checkNetwork } from '../../src/model/check.ts'
import { transactions } from '../../src/model/transactions.ts'
import type { DatastoreOptions } from '../../src/engine/datastore.ts'
import type { InputOf, OutputOf } from '../../src/engine/store.ts'
import type { View } from '../../src/engine/view.ts'

type Transactions = typeof transactions
export type NetworkStore = Datastore<Transactions>

/** Stands still. */
export class PausedClock {
  time: number

  constructor(time: number) {
    this.time = time
  }

  now(): number {
    return this.time
  }
}

export const NOON = Date.UTC(2026, 0, 2, 12, 0, 0, 0)

export class Network implements AsyncDisposable {
  readonly path: string
  readonly clock: PausedClock
  #store: NetworkStore | undefined
  #photoCount: number

  private constructor(path: string) {
    this.path = path
    this.clock = new PausedClock(NOON)
    this.#store = undefined
    this.#photoCount = 0
  }

  static async create(): Promise<Network> {
    const network = new Network(await mkdtemp(join(tmpdir(), 'shashin-network-')))
    await network.open()
    return network
  }

  get store(): NetworkStore {
    if (this.#store === undefined) throw new Error('the store is not open')
    return this.#store
  }

  get view(): View {
    return this.store.view
  }

  async open(more: Partial<DatastoreOptions<Transactions>> = {}): Promise<void> {
    this.#store = await Datastore.open({
      tables,
      transactions,
      dataDirectory: join(this.path, 'data'),
      snapshotDirectory: join(this.path, 'snapshots'),
      clock: this.clock,
      durability: 'os',
      keepLog: true,
      regionSizeMax: 256 * 1024 * 1024,
      ...more,
    })
  }

  async close(): Promise<void> {
    await this.#store?.close()
    this.#store = undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close().catch(() => undefined)
    await rm(this.path, { recursive: true, force: true })
  }

  /** Runs a transaction and returns its output. */
  async run<N extends keyof Transactions>(
    name: N,
    input: InputOf<Transactions[N]>,
  ): Promise<OutputOf<Transactions[N]>> {
    const { output } = await this.store.transact(name, input)
    return output
  }

  /** A user's id. */
  signUp(handle: string): Promise<number> {
    const tokenHash = `token of ${handle}`.padEnd(43, '.')
    return this.run('signUp', { handle, name: '', passwordHash: 'none', tokenHash })
  }

  /** A photo's id; its file is a name only. */
  photo(owner: number, name = `photo-${++this.#photoCount}`): Promise<number> {
    const file = { name: `${name}.webp`, contentType: 'image/webp', size: 1000 }
    return this.run('createMedia', { owner, width: 40, height: 30, original: 'o.jpg', file })
  }

  /** A post's id. */
  async post(author: number, caption = 'Hello'): Promise<number> {
    return this.run('publishPost', { author, caption, media: [await this.photo(author)] })
  }

  /** A comment's id. */
  comment(author: number, post: number, parent = post, text = 'Hi'): Promise<number> {
    return this.run('publishComment', { author, post, parent, text })
  }
}

/** Runs `body` on a new network, then verifies it after a restart from log and from snapshot. */
export function networkTest(name: string, body: (network: Network) => Promise<void>): void {
  test(name, async () => {
    await using network = await Network.create()
    await body(network)
    expect([...network.store.check(), ...checkNetwork(network.view)]).toEqual([])
    const before = everything(network.view)

    await network.close()
    await rm(join(network.path, 'snapshots'), { recursive: true, force: true })
    await network.open()
    expect(network.store.recovery.snapshotLsn).toBe(0)
    expect(everything(network.view)).toEqual(before)

    await network.store.snapshot()
    await network.close()
    await network.open()
    expect(network.store.recovery.replayed).toBe(0)
    expect(everything(network.view)).toEqual(before)
    expect([...network.store.check(), ...checkNetwork(network.view)]).toEqual([])
  })
}

/**
 * Everything that a reader could ever see, as plain data: two networks that agree on it are the
 * same.
 */
function everything(view: View): unknown {
  const all = Number.MAX_SAFE_INTEGER
  const rows = tables.map((table) => {
    const ids = Array.from({ length: view.lastId(table) }, (_, index) => index + 1)
    return { name: table.name, count: view.rowCount(table), rows: view.getMany(table, ids) }
  })
  const lists: unknown[] = []
  for (let user = 1; user <= view.lastId(users); user++) {
    for (const index of [posts.indexes.byAuthor, likes.indexes.byUser]) {
      lists.push(view.newest(index, user, all))
    }
    for (const index of [bookmarks.indexes.byUser, media.indexes.waiting]) {
      lists.push(view.newest(index, user, all))
    }
    for (const index of [follows.indexes.followers, follows.indexes.following]) {
      lists.push(view.newest(index, user, all))
    }
    for (const index of [followRequests.indexes.byTarget, followRequests.indexes.byRequester]) {
      lists.push(view.newest(index, user, all))
    }
    for (const index of [blocks.indexes.byBlocker, blocks.indexes.byBlocked]) {
      lists.push(view.newest(index, user, all))
    }
    lists.push(view.newest(mutes.indexes.byMuter, user, all))
    for (const index of [sessions.indexes.byUser, mailTokens.indexes.byUser]) {
      lists.push(view.newest(index, user, all))
    }
    lists.push(view.newest(invites.indexes.byCreator, user, all))
  }
  for (let post = 1; post <= view.lastId(posts); post++) {
    for (const index of [posts.indexes.thread, posts.indexes.replies, likes.indexes.byPost]) {
      lists.push(view.newest(index, post, all))
    }
    for (const index of [taggings.indexes.byPost, revisions.indexes.byPost]) {
      lists.push(view.newest(index, post, all))
    }
  }
  return { rows, lists }
}

/**
 * Direct answers to a post or comment, live ones and tombstones; `cursor` is the id of the last one
 * that the caller has. `new` begins with the newest, `old` with the oldest.
 */
export function repliesOf(
  view: View,
  parent: number,
  order: 'new' | 'old',
  count: number,
  cursor?: number,
): number[] {
  const index = posts.indexes.replies
  return order === 'new'
    ? view.newest(index, parent, count, cursor)
    : view.after(index, parent, cursor ?? 0, count)
}

/** Posts of one user, whoever may see them. */
export function postsOfUser(view: View, user: number, count: number, before?: number): number[] {
  return view.newest(posts.indexes.byAuthor, user, count, before)
}

/** Expects a promise to be rejected with that code, whatever its class. */
export async function expectCode(promise: Promise<unknown>, code: string): Promise<void> {
  await expect(promise).rejects.toMatchObject({ code })
}
