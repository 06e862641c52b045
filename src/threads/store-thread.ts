// The store thread: the only writer. It opens the datastore, runs the commands of the http threads,
// and obeys the supervisor.
//
//   start     load product code ─▶ open (recover, or take over memory) ─▶ ready
//   commands  from each http thread over a port of its own (command-server.ts)
//   deploy    prepare: load beside the present code ─▶ use: between two batches
//   end       a broken invariant ends this thread: the supervisor starts another one, which
//             recovers from disk; a disk that fails ends the process
//
// Commands say which generation of code they come from. Those of an older one run its transactions
// as long as it is kept, so a request that began before a deploy ends as it began.

import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { InvariantError, assert } from '../std/assert.ts'
import { Datastore } from '../engine/datastore.ts'
import { DatastoreError } from '../engine/errors.ts'
import { machineProcesses } from '../engine/lock.ts'
import { CommandServer } from './command-server.ts'
import { Conversation } from './conversation.ts'
import { Generations } from './generations.ts'
import { beat } from './heartbeat.ts'
import { startFigures } from './own-figures.ts'
import { PROTOCOL_VERSION } from './protocol.ts'
import { plainError } from './plain-errors.ts'
import { storeOptions } from './store-options.ts'
import type { MessagePort } from 'node:worker_threads'
import type { Processes } from '../engine/lock.ts'
import type { Json } from '../engine/schema.ts'
import type { Committed, Registry } from '../engine/store.ts'
import type { AnyTable } from '../engine/view.ts'
import type * as firstAdminModule from '../api/first-admin.ts'
import type * as mediaFilesModule from '../media/media-files.ts'
import type * as schemaModule from '../model/schema.ts'
import type * as transactionsModule from '../model/transactions.ts'
import type { RunOptions } from './command-server.ts'
import type {
  CodeVersion,
  StoreThreadAnswers,
  StoreThreadAsks,
  StoreThreadData,
} from './protocol.ts'

interface Product {
  readonly tables: readonly AnyTable[]
  readonly transactions: Registry
}

type Answered = Committed<Json | void>

/** Generations whose transactions are kept for requests that began with them. */
const GENERATIONS_KEPT = 3

class StoreThread {
  readonly #data: StoreThreadData
  readonly #supervisor: Conversation<StoreThreadAsks>
  readonly #servers: Set<CommandServer>
  readonly #registries: Map<number, Registry>
  readonly #generations: Generations
  readonly #figures: ReturnType<typeof startFigures>
  #store: Datastore<Registry> | undefined
  #code: CodeVersion
  #prepared: { readonly code: CodeVersion; readonly product: Product } | undefined

  constructor(port: MessagePort, data: StoreThreadData) {
    this.#data = data
    this.#code = data.code
    this.#servers = new Set()
    this.#registries = new Map()
    this.#generations = new Generations(data.code.sourceRoot)
    this.#store = undefined
    this.#prepared = undefined
    this.#figures = startFigures(() => this.#code.generation)
    const answers: StoreThreadAnswers = {
      connect: ({ port: commands }) => this.#connect(commands),
      prepare: (code) => this.#prepare(code),
      use: (generation) => this.#use(generation),
      forget: () => {
        this.#prepared = undefined
      },
      snapshot: () => this.#opened().snapshot(),
      stats: () => this.#opened().stats(),
      log: (question) => this.#opened().history(question),
      figures: () => this.#figures(),
      trouble: () => this.#trouble(),
      handOver: () => this.#handOver(),
      close: () => this.#close(),
    }
    this.#supervisor = new Conversation(port, answers)
  }

  /** Opens the store and says so; a store that cannot be opened ends the thread. */
  async open(): Promise<void> {
    const { settings, handle, number } = this.#data
    try {
      const product = await this.#load(this.#code)
      const store = await Datastore.open({
        ...product,
        ...storeOptions(settings),
        ...(handle === undefined ? {} : { handle }),
        processes: earlierThreadsAreGone(number),
        report: (line) => this.#supervisor.tell('say', line),
        progress: (progress) => this.#supervisor.tell('progress', progress),
        onPoison: (error) => this.end(error),
        onSchema: (changed) => this.#supervisor.ask('schema', changed),
      })
      // Not before: until now another process might have been at work there.
      if (this.#data.isFirst) {
        await this.#prepareMedia(join(settings.data, 'media'))
        await this.#createFirstAdmin(store)
      }
      this.#store = store
      this.#keep(this.#code.generation, product.transactions)
      this.#supervisor.tell('ready', { handle: store.handle(), recovery: store.recovery })
    } catch (error) {
      this.#supervisor.tell('unopened', plainError(error))
      process.exit(1)
    }
  }

  /** Nothing that this thread says can be relied upon any more. */
  end(error: Error): void {
    const how = error instanceof InvariantError ? 'thread' : 'process'
    this.#supervisor.tell('ending', { how, error: plainError(error) })
    // The answers under way, that it has failed, are still to leave.
    setTimeout(() => process.exit(1), 0)
  }

  #opened(): Datastore<Registry> {
    assert(this.#store !== undefined, 'only an open store is asked')
    return this.#store
  }

  #connect(port: MessagePort): void {
    const server = new CommandServer(
      port,
      (name, input, options) => this.#run(name, input, options),
      plainError,
    )
    this.#servers.add(server)
    port.on('close', () => this.#servers.delete(server))
  }

  #run(name: string, input: unknown, { key, generation }: RunOptions): Promise<Answered> {
    // One that is so old that its code is gone: the present one decides.
    const registry =
      this.#registries.get(generation) ?? this.#registries.get(this.#code.generation)!
    if (!Object.hasOwn(registry, name)) {
      return Promise.reject(new TypeError(`there is no transaction "${name}" any more`))
    }
    const options = key === undefined ? { registry } : { registry, key }
    return this.#opened().transact(name, input, options)
  }

  async #prepare(code: CodeVersion): Promise<void> {
    this.#prepared = { code, product: await this.#load(code) }
  }

  async #use(generation: number): Promise<{ schemaChanged: boolean }> {
    const prepared = this.#prepared
    assert(prepared?.code.generation === generation, 'only what is prepared is used')
    this.#prepared = undefined
    const result = await this.#opened().deploy(prepared.product)
    this.#code = prepared.code
    this.#keep(generation, prepared.product.transactions)
    return result
  }

  #keep(generation: number, transactions: Registry): void {
    this.#registries.set(generation, transactions)
    for (const known of this.#registries.keys()) {
      if (known <= generation - GENERATIONS_KEPT) this.#registries.delete(known)
    }
  }

  #trouble(): string | undefined {
    const store = this.#opened()
    if (store.poison !== undefined) return store.poison.message
    return store.isReadOnly ? 'the disk is nearly full: writes are refused' : undefined
  }

  async #handOver(): Promise<ReturnType<Datastore<Registry>['handle']>> {
    const store = this.#opened()
    // Commands go on while it is finished; the memory that is left has to be at rest.
    if (store.stats().snapshot.running) await store.snapshot().catch(() => undefined)
    await Promise.all([...this.#servers].map((server) => server.handOver()))
    await store.close()
    return store.handle()
  }

  async #close(): Promise<void> {
    await this.#store?.close()
  }

  async #load({ product, generation }: CodeVersion): Promise<Product> {
    const load = <T>(entry: string): Promise<T> =>
      this.#generations.load<T>(entry, generation, product)
    const { tables } = await load<typeof schemaModule>('model/schema.ts')
    const { transactions } = await load<typeof transactionsModule>('model/transactions.ts')
    return { tables, transactions }
  }

  /** Where the environment names one, and nobody is there yet. */
  async #createFirstAdmin(store: Datastore<Registry>): Promise<void> {
    const { firstAdmin } = this.#data
    if (firstAdmin === undefined) return
    const { product, generation } = this.#code
    const { createFirstAdmin } = await this.#generations.load<typeof firstAdminModule>(
      'api/first-admin.ts',
      generation,
      product,
    )
    const made = await createFirstAdmin(store as never, firstAdmin)
    if (made)
      this.#supervisor.tell(
        'say',
        `the account ${firstAdmin.handle} is made, and is the first admin`,
      )
  }

  /** Makes the directories of photos and removes what a crash left half done there. */
  async #prepareMedia(directory: string): Promise<void> {
    const { product, generation } = this.#code
    const { MediaFiles } = await this.#generations.load<typeof mediaFilesModule>(
      'media/media-files.ts',
      generation,
      product,
    )
    await MediaFiles.open(directory)
  }
}

/**
 * The supervisor runs one store thread at a time: what an earlier one of this process has left
 * locked belongs to nobody.
 */
function earlierThreadsAreGone(number: number): Processes {
  const process = `${machineProcesses.self()} thread `
  return {
    self: () => process + number,
    isAlive: (identity) => !identity.startsWith(process) && machineProcesses.isAlive(identity),
  }
}

assert(parentPort !== null, 'this file runs as a thread')
const data = workerData as StoreThreadData
assert(data.protocol === PROTOCOL_VERSION, 'the supervisor speaks as its threads do')
const thread = new StoreThread(parentPort, data)
process.on('uncaughtException', (error) => thread.end(asInvariant(error)))
beat(data.heartbeat)
await thread.open()

/** What nobody has caught here is our mistake, whatever its class. */
function asInvariant(error: Error): Error {
  if (error instanceof InvariantError || error instanceof DatastoreError) return error
  const broken = new InvariantError(error.message)
  if (error.stack !== undefined) broken.stack = error.stack
  return broken
}
