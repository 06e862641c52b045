// The command channel between real threads: callers under load, store threads that are replaced or
// killed. What was run and what callers were told is compared by an oracle in shared memory.

import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MessageChannel, Worker } from 'node:worker_threads'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Datastore } from '../../src/engine/datastore.ts'
import { DatastoreError } from '../../src/engine/errors.ts'
import { Refusal } from '../../src/model/refusal.ts'
import { CommandClient } from '../../src/threads/command-client.ts'
import { reviveError } from '../../src/threads/plain-errors.ts'
import { littleTables, littleTransactions, posts } from '../support/little-network.ts'
import { seededTest } from '../support/seeded.ts'
import { outcomeOf } from './command-doubles.ts'
import { Oracle } from './command-oracle.ts'
import type { RefusalCode } from '../../src/model/refusal.ts'
import type { Random } from '../../src/std/random.ts'
import type { CallerAsk, CallerTask } from './command-caller.ts'
import type { DatastoreTask } from './command-datastore.ts'
import type { StoreAsk, StoreTask, fakeRegistry } from './command-store.ts'

const CALLER_COUNT = 3
const COMMAND_COUNT = 6000
const IN_FLIGHT = 50

/** A store thread that its test replaces. */
class StoreThread {
  readonly worker: Worker

  constructor(worker: Worker) {
    this.worker = worker
    onTestFinished(() => void worker.terminate())
  }

  static ofFake(task: StoreTask): StoreThread {
    return new StoreThread(
      new Worker(new URL('./command-store.ts', import.meta.url), { workerData: task }),
    )
  }

  static async ofDatastore(task: DatastoreTask): Promise<StoreThread> {
    const worker = new Worker(new URL('./command-datastore.ts', import.meta.url), {
      workerData: task,
    })
    const thread = new StoreThread(worker)
    await once(worker, 'message')
    return thread
  }

  /** The client's end of a new channel to it. */
  newPort(): MessageChannel['port1'] {
    const { port1, port2 } = new MessageChannel()
    this.worker.postMessage({ port: port2 } satisfies StoreAsk, [port2])
    return port1
  }

  async handOver(): Promise<void> {
    const handedOver = once(this.worker, 'message')
    const ask: StoreAsk = 'hand over'
    this.worker.postMessage(ask, [])
    expect(await handedOver).toEqual(['handed over'])
  }

  /** Between two instructions, wherever that is. */
  async kill(): Promise<void> {
    await this.worker.terminate()
  }
}

/** Callers that call by themselves until each has been told all its outcomes. */
class Callers {
  readonly #workers: readonly Worker[]
  readonly ended: Promise<unknown>

  constructor(oracle: Oracle, random: Random, abortOnceIn: number) {
    this.#workers = Array.from({ length: oracle.handle.callerCount }, (_, caller) => {
      const workerData: CallerTask = {
        oracle: oracle.handle,
        caller,
        inFlight: IN_FLIGHT,
        seed: random.word(),
        abortOnceIn,
      }
      return new Worker(new URL('./command-caller.ts', import.meta.url), { workerData })
    })
    onTestFinished(() => void Promise.all(this.#workers.map((worker) => worker.terminate())))
    this.ended = Promise.all(this.#workers.map((worker) => once(worker, 'exit')))
  }

  connect(store: StoreThread): void {
    for (const worker of this.#workers) {
      const port = store.newPort()
      worker.postMessage({ port } satisfies CallerAsk, [port])
    }
  }

  disconnect(planned: boolean): void {
    const ask: CallerAsk = { planned }
    for (const worker of this.#workers) worker.postMessage(ask, [])
  }
}

describe('many callers of one store', () => {
  seededTest(
    'do not notice that it is replaced: each command runs once, in order',
    async (random) => {
      const oracle = Oracle.create(CALLER_COUNT, COMMAND_COUNT)
      const callers = new Callers(oracle, random, 0)
      let store = StoreThread.ofFake({ oracle: oracle.handle })
      callers.connect(store)
      const all = CALLER_COUNT * COMMAND_COUNT
      for (let share = 1; share < 8; share++) {
        const next = StoreThread.ofFake({ oracle: oracle.handle })
        await Promise.all([oracle.until((all / 8) * share), once(next.worker, 'online')])
        const isToldFirst = random.once(2)
        if (isToldFirst) callers.disconnect(true)
        await store.handOver()
        if (!isToldFirst && random.once(2)) callers.disconnect(true)
        const before = store
        if (random.once(2)) await before.kill()
        callers.connect(next)
        store = next
        await before.kill()
      }
      await oracle.until(all)
      expect(oracle.complaints()).toEqual([])
      expect(oracle.tally()).toMatchObject({ answered: all })
      expect(await callers.ended).toEqual(Array.from({ length: CALLER_COUNT }, () => [0]))
    },
  )

  seededTest('are told what is so when it dies, and go on with the next', async (random) => {
    const oracle = Oracle.create(CALLER_COUNT, COMMAND_COUNT)
    const callers = new Callers(oracle, random, 20)
    let store = StoreThread.ofFake({ oracle: oracle.handle })
    callers.connect(store)
    const all = CALLER_COUNT * COMMAND_COUNT
    for (let share = 1; share < 8; share++) {
      const next = StoreThread.ofFake({ oracle: oracle.handle })
      const moment = Math.floor((all / 8) * (share + random.below(100) / 200))
      await Promise.all([oracle.until(moment), once(next.worker, 'online')])
      // A third dies within a hand-over.
      if (random.once(3)) {
        callers.disconnect(true)
        store.worker.postMessage('hand over' satisfies StoreAsk, [])
      }
      await store.kill()
      if (random.once(2)) callers.disconnect(false)
      callers.connect(next)
      store = next
    }
    await oracle.until(all)
    expect(oracle.complaints()).toEqual([])
    const { answered, unknown, aborted } = oracle.tally()
    expect(Math.min(answered, unknown, aborted)).toBeGreaterThan(0)
    await callers.ended
  })
})

describe('a store thread', () => {
  function fakeClient(): CommandClient<typeof fakeRegistry> {
    return new CommandClient<typeof fakeRegistry>({
      generation: () => 1,
      revive: (error) =>
        reviveError(error, (code, sentence) => new Refusal(code as RefusalCode, sentence)),
    })
  }

  test('that refuses is heard word for word', async () => {
    const client = fakeClient()
    client.connect(StoreThread.ofFake({ oracle: undefined }).newPort())
    const [settled] = await Promise.allSettled([client.transact('refuse', 'This is mine.')])
    const { reason } = settled as PromiseRejectedResult
    expect(reason).toBeInstanceOf(Refusal)
    expect(reason).toMatchObject({ code: 'NOT_YOURS', message: 'This is mine.' })
  })

  test('with a broken invariant ends, and that is no answer', async () => {
    const store = StoreThread.ofFake({ oracle: undefined })
    const failed = once(store.worker, 'error')
    const client = fakeClient()
    client.connect(store.newPort())
    expect(await outcomeOf(client.transact('end', null))).toBe('STORE_UNAVAILABLE, unknown')
    expect((await failed)[0]).toMatchObject({ name: 'InvariantError', message: 'the end' })
    expect(await outcomeOf(client.transact('note', 1))).toBe('STORE_UNAVAILABLE, not run')
  })
})

describe('over a real store', () => {
  async function newDirectory(): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), 'shashin-commands-'))
    onTestFinished(() => rm(directory, { recursive: true, force: true }))
    return directory
  }

  function newClient(): CommandClient<typeof littleTransactions> {
    return new CommandClient<typeof littleTransactions>({
      generation: () => 1,
      revive: (error) => reviveError(error),
    })
  }

  /** Texts of all posts, as they are after the last thread has gone. */
  async function textsIn(directory: string): Promise<string[]> {
    await using store = await Datastore.open({
      tables: littleTables,
      transactions: littleTransactions,
      dataDirectory: join(directory, 'data'),
      snapshotDirectory: join(directory, 'snapshots'),
    })
    expect(store.check()).toEqual([])
    const ids = Array.from({ length: store.view.lastId(posts) }, (_, index) => index + 1)
    return ids.map((id) => store.view.get(posts, id)!.text)
  }

  test('outputs are typed and errors are those of the engine', async () => {
    const directory = await newDirectory()
    const store = await StoreThread.ofDatastore({ directory, number: 1 })
    const client = newClient()
    client.connect(store.newPort())
    const { output: person, lsn } = await client.transact('join', { handle: 'hanako' })
    expect(person satisfies number).toBe(1)
    const post = await client.transact('post', { author: person, text: '花見 🌸' })
    expect(post.lsn).toBeGreaterThan(lsn)
    await expect(client.transact('join', { handle: 'hanako' })).rejects.toThrow('hanako is taken')
    const noRow = client.transact('rename', { person: 99, handle: 'x' })
    await expect(noRow).rejects.toBeInstanceOf(DatastoreError)
    await expect(noRow).rejects.toMatchObject({ code: 'ROW_NOT_FOUND' })
    const noKey = client.transact('join', { handle: 'jiro' }, { key: 'x'.repeat(256) })
    await expect(noKey).rejects.toBeInstanceOf(RangeError)
    await store.handOver()
  })

  test('nothing is lost or doubled when the store thread is replaced at work', async () => {
    const directory = await newDirectory()
    let store = await StoreThread.ofDatastore({ directory, number: 1 })
    const client = newClient()
    client.connect(store.newPort())
    const { output: author } = await client.transact('join', { handle: 'hanako' })
    const texts = Array.from({ length: 3000 }, (_, index) => `post ${index}`)
    const calls: Promise<unknown>[] = []
    for (const [index, text] of texts.entries()) {
      calls.push(client.transact('post', { author, text }))
      if (index % 100 === 99) await new Promise((resolve) => setImmediate(resolve))
      if (index % 1000 === 500) {
        await store.handOver()
        store = await StoreThread.ofDatastore({ directory, number: index })
        client.connect(store.newPort())
      }
    }
    await Promise.all(calls)
    await store.handOver()
    expect(await textsIn(directory)).toEqual(texts)
  })

  test('what was acknowledged outlives its death; a retry by key runs nothing twice', async () => {
    const directory = await newDirectory()
    let store = await StoreThread.ofDatastore({ directory, number: 1 })
    const client = newClient()
    client.connect(store.newPort())
    const { output: author } = await client.transact('join', { handle: 'hanako' })
    const texts = Array.from({ length: 2000 }, (_, index) => `post ${index}`)
    const outcomes: string[] = []
    let connected = Promise.resolve()
    const publish = async (text: string): Promise<void> => {
      for (;;) {
        const outcome = await outcomeOf(client.transact('post', { author, text }, { key: text }))
        outcomes.push(outcome)
        if (outcome === 'answered') return
        await connected
      }
    }
    const published: Promise<void>[] = []
    for (const [index, text] of texts.entries()) {
      published.push(publish(text))
      if (index % 100 === 99) await published[index - 50]
      if (index % 500 !== 250) continue
      const { promise, resolve } = Promise.withResolvers<void>()
      connected = promise
      await new Promise((resolve) => setImmediate(resolve))
      await store.kill()
      store = await StoreThread.ofDatastore({ directory, number: index })
      client.connect(store.newPort())
      resolve()
    }
    await Promise.all(published)
    await store.handOver()
    expect((await textsIn(directory)).toSorted()).toEqual(texts.toSorted())
    expect(new Set(outcomes)).toContain('STORE_UNAVAILABLE, unknown')
  })
})
