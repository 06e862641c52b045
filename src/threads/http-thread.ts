// An http thread: owns sockets, and hands requests to the product. It reads shared memory directly
// and sends commands to the store thread.
//
//   start    load product code ─▶ ready: it could serve
//   connect  memory to read, a port for commands
//   listen   on the port that all http threads share
//   deploy   prepare: load beside the present code, build an app ─▶ use: swapped between two
//            requests; the old app is closed when the last request that it took has ended
//   drain    no new connections; the others are told that they end, with the answer to their next
//            request
//
// The server that owns the sockets outlives all apps: sockets, and requests under way on them, do
// not notice a deploy. Without a store thread every read and write is refused (503).
//
// An error that nobody has caught, and a broken invariant, end the thread and what it was serving;
// the supervisor has another one ready.

import { availableParallelism } from 'node:os'
import { Server as NetServer } from 'node:net'
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { pino } from 'pino'
import { assert } from '../std/assert.ts'
import { DatastoreError } from '../engine/errors.ts'
import { createConnections } from '../api/connections.ts'
import { StoreReader } from '../engine/store-reader.ts'
import { CommandClient } from './command-client.ts'
import { Conversation } from './conversation.ts'
import { Generations } from './generations.ts'
import { beat } from './heartbeat.ts'
import { startFigures } from './own-figures.ts'
import { PROTOCOL_VERSION } from './protocol.ts'
import { plainError, reviveError } from './plain-errors.ts'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { MessagePort } from 'node:worker_threads'
import type { StoreHandle } from '../engine/store-reader.ts'
import type { Metrics, MetricsRegistry } from '../api/metrics-registry.ts'
import type * as appModule from '../api/app.ts'
import type * as metricsModule from '../api/metrics-registry.ts'
import type { Photos } from '../media/photos.ts'
import type * as photosModule from '../media/photos.ts'
import type * as refusalModule from '../model/refusal.ts'
import type { View } from '../engine/view.ts'
import type { RefusalCode } from '../model/refusal.ts'
import type { transactions } from '../model/transactions.ts'
import type { ReviveRefusal } from './plain-errors.ts'
import type { CodeVersion, HttpThreadAnswers, HttpThreadAsks, HttpThreadData } from './protocol.ts'

type App = Awaited<ReturnType<typeof appModule.buildApp>>

/** So often at most it is told that connections are refused. */
const DROP_TOLD_MS = 60_000

/** Product code of one generation, at work. */
interface Product {
  readonly code: CodeVersion
  readonly app: App
  readonly answerBrokenRequest: typeof appModule.answerBrokenRequest
  readonly photos: Photos
  readonly metrics: () => Promise<Metrics>
  readonly close: () => Promise<void>
  /** Requests that it has taken and not ended. */
  underWay: number
}

class HttpThread {
  readonly #data: HttpThreadData
  readonly #supervisor: Conversation<HttpThreadAsks>
  readonly #commands: CommandClient<typeof transactions>
  readonly #figures: ReturnType<typeof startFigures>
  readonly #server: Server
  readonly #generations: Generations
  /** It outlives deploys, so that counts go on. */
  #registry: MetricsRegistry | undefined
  /** By generation: a request that began with one ends with its errors. */
  readonly #refusals: Map<number, ReviveRefusal>
  #reader: StoreReader | undefined
  /** False while there is no store: what memory holds may be torn. */
  #isReadable: boolean
  #present: Product | undefined
  #prepared: Product | undefined
  #isDraining: boolean
  #dropToldAt: number
  #underWay: number
  #drained: (() => void) | undefined

  constructor(port: MessagePort, data: HttpThreadData) {
    this.#data = data
    this.#generations = new Generations(data.code.sourceRoot)
    this.#registry = undefined
    this.#refusals = new Map()
    this.#reader = undefined
    this.#isReadable = false
    this.#present = undefined
    this.#prepared = undefined
    this.#isDraining = false
    this.#dropToldAt = -Infinity
    this.#underWay = 0
    this.#drained = undefined
    this.#figures = startFigures(() => this.#product().code.generation)
    this.#commands = new CommandClient({
      generation: () => this.#product().code.generation,
      revive: (error, generation) => reviveError(error, this.#refusals.get(generation)),
    })
    this.#server = createConnections((request, response) => this.#serve(request, response))
    this.#server.maxConnections = data.connectionsMax
    this.#server.on('drop', () => this.#noteDrop())
    this.#server.on('clientError', (error, socket) => {
      this.#present?.answerBrokenRequest(error, socket as Socket)
    })
    const answers: HttpThreadAnswers = {
      connect: ({ port: commands, handle }) => this.#connect(commands, handle),
      disconnect: ({ planned }) => this.#disconnect(planned),
      schema: (handle) => this.#reader?.adopt(handle),
      prepare: (code) => this.#prepare(code),
      use: (generation) => this.#use(generation),
      forget: () => this.#forget(),
      listen: ({ host, port: number }) => this.#listen(host, number),
      drain: ({ deadlineMs, closesIdle }) => this.#drain(deadlineMs, closesIdle),
      figures: () => this.#figures(),
      metrics: () => this.#product().metrics(),
    }
    this.#supervisor = new Conversation(port, answers)
  }

  /** Loads the code that the thread is started with, and says so. */
  async start(): Promise<void> {
    this.#present = await this.#build(this.#data.code)
    this.#supervisor.tell('ready', undefined)
  }

  /** Nothing that this thread says can be relied upon any more. */
  end(error: Error): void {
    this.#supervisor.tell('ending', plainError(error))
    process.exit(1)
  }

  #product(): Product {
    assert(this.#present !== undefined, 'a thread that serves has code')
    return this.#present
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const product = this.#product()
    if (this.#isDraining) response.shouldKeepAlive = false
    product.underWay++
    this.#underWay++
    response.on('close', () => {
      this.#underWay--
      if (--product.underWay === 0 && product !== this.#present) void product.close()
      if (this.#underWay === 0) this.#drained?.()
    })
    product.app.routing(request, response)
  }

  #noteDrop(): void {
    const now = performance.now()
    if (now - this.#dropToldAt < DROP_TOLD_MS) return
    this.#dropToldAt = now
    const { connectionsMax, number } = this.#data
    this.#supervisor.tell(
      'say',
      `http thread ${number} has ${connectionsMax} connections and refuses more: ` +
        'raise the limit of open files (ulimit -n), or --http-threads',
    )
  }

  #connect(port: MessagePort, handle: StoreHandle): void {
    if (this.#reader === undefined) {
      this.#reader = new StoreReader(handle, this.#data.settings.reads)
    } else {
      this.#reader.adopt(handle)
    }
    this.#isReadable = true
    this.#commands.connect(port)
  }

  #disconnect(planned: boolean): void {
    this.#commands.disconnect(planned)
    if (planned) return
    this.#isReadable = false
    this.#reader?.abandon(unavailable())
  }

  async #prepare(code: CodeVersion): Promise<void> {
    this.#prepared = await this.#build(code)
  }

  #use(generation: number): void {
    const prepared = this.#prepared
    assert(prepared?.code.generation === generation, 'only what is prepared is used')
    const before = this.#product()
    this.#present = prepared
    this.#prepared = undefined
    if (before.underWay === 0) void before.close()
  }

  #forget(): void {
    void this.#prepared?.close()
    this.#prepared = undefined
  }

  /** Code of a generation, ready to serve. Rejects with what it throws. */
  async #build(code: CodeVersion): Promise<Product> {
    const { settings, adminToken, setupCode, rateLimits, number } = this.#data
    const load = <T>(entry: string): Promise<T> =>
      this.#generations.load<T>(entry, code.generation, code.product)
    const { answerBrokenRequest, buildApp } = await load<typeof appModule>('api/app.ts')
    const { Photos } = await load<typeof photosModule>('media/photos.ts')
    const { Refusal } = await load<typeof refusalModule>('model/refusal.ts')
    const { generation } = code
    this.#refusals.set(generation, (refusal, sentence) => {
      return new Refusal(refusal as RefusalCode, sentence)
    })
    const photos = Photos.over(join(settings.data, 'media'), {
      childrenMax: Math.max(1, Math.floor(availableParallelism() / settings.httpThreads)),
    })
    const metrics = await load<typeof metricsModule>('api/metrics-registry.ts')
    const registry = (this.#registry ??= metrics.createRegistry())
    const lastLsn = (): number => this.#lastLsn()
    const app = await buildApp({
      store: {
        get lastLsn() {
          return lastLsn()
        },
        read: (query) => this.#read(query),
        readNow: (query) => this.#readNow(query),
        transact: (name, input, options) =>
          this.#commands.transact(name, input, { ...options, generation }),
      },
      admin: {
        snapshot: () => this.#supervisor.ask('snapshot', undefined),
        stats: () => this.#supervisor.ask('stats', undefined),
        log: (question) => this.#supervisor.ask('log', question),
        trouble: () => this.#supervisor.ask('trouble', undefined),
        threads: () => this.#supervisor.ask('threads', undefined),
        deploy: () => this.#supervisor.ask('deploy', undefined),
      },
      media: photos,
      settings: {
        adminToken,
        setupCode,
        limits: {
          signUps: settings.limitSignUps,
          logIns: settings.limitLogIns,
          codes: settings.limitCodes,
          writes: settings.limitWrites,
          reads: settings.limitReads,
          uploads: settings.limitUploads,
        },
        publicUrl: settings.publicUrl || undefined,
        oidc:
          settings.oidcIssuer === ''
            ? undefined
            : {
                issuer: settings.oidcIssuer,
                clientId: settings.oidcClientId,
                clientSecret: settings.oidcClientSecret,
                name: settings.oidcName,
              },
        trustedProxies: settings.trustedProxies,
        metricsPublic: settings.metricsPublic === 'yes',
      },
      metrics: {
        registry,
        gather: () => this.#supervisor.ask('metrics', undefined),
        figures: () => ({
          readRetries: this.#reader?.retries ?? 0,
          commandsQueued: this.#commands.queueDepth,
          imageChildren: (this.#present?.photos ?? photos).childCount,
        }),
      },
      rateLimits,
      logger: pino({ level: settings.logLevel, base: { thread: number } }),
      fatal: (error) => this.end(error),
    })
    return {
      code,
      app,
      answerBrokenRequest,
      photos,
      metrics: () => metrics.metricsOf(registry),
      close: async () => {
        await app.close()
        await photos.close()
      },
      underWay: 0,
    }
  }

  #read<T>(query: (view: View) => T): Promise<T> {
    if (!this.#isReadable) return Promise.reject(unavailable())
    return this.#reader!.read(query)
  }

  #lastLsn(): number {
    if (!this.#isReadable) throw unavailable()
    return this.#reader!.lastLsn
  }

  #readNow<T>(query: (view: View) => T): T {
    if (!this.#isReadable) throw unavailable()
    return this.#reader!.readNow(query)
  }

  #listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host, port, reusePort: true }, () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
  }

  /**
   * Ends what it serves. Idle connections that are kept learn with the answer to their next request
   * that they end, so that no client meets a closed one; at the deadline all are cut.
   */
  async #drain(deadlineMs: number, closesIdle: boolean): Promise<void> {
    this.#isDraining = true
    // Not the server's own `close`, which cuts idle connections at once.
    const closed = new Promise<void>((resolve) => {
      NetServer.prototype.close.call(this.#server, () => resolve())
    })
    if (closesIdle) this.#server.closeIdleConnections()
    const drained = new Promise<void>((resolve) => {
      this.#drained = resolve
      if (this.#underWay === 0) resolve()
    })
    let timer: NodeJS.Timeout | undefined
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, deadlineMs)
    })
    await Promise.race([closesIdle ? drained : closed, deadline])
    clearTimeout(timer)
    if (this.#underWay > 0) {
      const seconds = deadlineMs / 1000
      this.#supervisor.tell('say', `requests under way after ${seconds} s are cut off`)
    }
    this.#server.closeAllConnections()
    await this.#present?.close()
  }
}

function unavailable(): DatastoreError {
  return new DatastoreError('STORE_UNAVAILABLE', 'the store is being restarted', {
    advice: 'ask again in a moment',
  })
}

assert(parentPort !== null, 'this file runs as a thread')
const data = workerData as HttpThreadData
assert(data.protocol === PROTOCOL_VERSION, 'the supervisor speaks as its threads do')
const thread = new HttpThread(parentPort, data)
process.on('uncaughtException', (error) => thread.end(error))
beat(data.heartbeat)
await thread.start()
