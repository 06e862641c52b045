// The supervisor: starts the threads, watches them, replaces what dies, and ends them in order. It
// lives in the main thread, never parses a request and never runs product code, so that nothing a
// client sends can hurt it.
//
//                      ┌─ store thread ◀── commands ──┐
//   supervisor ────────┤                              │
//                      └─ http threads ───────────────┘   N that serve, one that is ready to
//
//   WHAT HAPPENS                            WHAT FOLLOWS
//   an http thread throws, or is deaf       it ends, with the requests that it had; the one that
//                                           was ready listens, and another one is made ready
//   the store thread breaks an invariant    its memory is condemned; http threads answer 503 until
//                                           another one has recovered it from disk
//   the disk fails                          the process ends: what was not acknowledged is unknown
//   the same again and again                pauses grow; a store thread that ends too often ends
//                                           the process
//
// Changes of code are another file's (deploy.ts).
//
// Invariants
//   (1) There is at most one store thread at a time; the next one starts when it has ended.
//   (2) An http thread listens only when it has memory to read and a store thread to send to.

import { setTimeout } from 'node:timers/promises'
import { MessageChannel } from 'node:worker_threads'
import { assert } from '../std/assert.ts'
import { DatastoreError } from '../engine/errors.ts'
import { condemnStore } from '../engine/store-reader.ts'
import { MetricsLedger } from './metrics-ledger.ts'
import { connectionsMaxOf, openFilesLimit } from './open-files.ts'
import { reviveError } from './plain-errors.ts'
import { LOOK_MS } from './heartbeat.ts'
import { PROTOCOL_VERSION } from './protocol.ts'
import { Thread } from './thread.ts'
import { startFigures } from './own-figures.ts'
import type { ThreadReport } from '../api/metrics-threads.ts'
import type { ThreadState } from './thread.ts'
import type { Metrics } from '../api/metrics-registry.ts'
import type { CheckpointResult } from '../engine/checkpoint.ts'
import type { RecoveryProgress, RecoverySummary } from '../engine/recovery.ts'
import type { StoreStats } from '../engine/stats.ts'
import type { StoreHandle } from '../engine/store-reader.ts'
import type { Settings } from '../config.ts'
import type {
  CodeVersion,
  DeployResult,
  HttpThreadAnswers,
  HttpThreadAsks,
  HttpThreadData,
  OwnFigures,
  StoreThreadAnswers,
  StoreThreadAsks,
  StoreThreadData,
} from './protocol.ts'

/** Bytes of the JavaScript heap of a thread; memory of the store is not in it. */
const HTTP_HEAP_SIZE_MAX = 1024 * 2 ** 20
const STORE_HEAP_SIZE_MAX = 2048 * 2 ** 20
const HTTP_FILE = 'threads/http-thread.ts'
const STORE_FILE = 'threads/store-thread.ts'
/** Threads that could serve and do not yet. */
const READY_COUNT = 1
/** A transaction or an index that is being built may take the store thread this long. */
const STORE_DEAF_MS_MAX = 60_000
/** A start is given up after so long; recovery is not, it shows its progress. */
const START_MS_MAX = 30_000
const PAUSE_MS_MIN = 50
const PAUSE_MS_MAX = 5000
/** A store thread that fails more often within a minute fails for good. */
const STORE_FAILURE_COUNT_MAX = 5
const FAILURE_WINDOW_MS = 60_000
const ANSWER_MS_MAX = 1000
/** A snapshot that has begun is finished first. */
const HAND_OVER_MS_MAX = 600_000
/** The way to what is asked for may be as long as the log since the last snapshot. */
const LOG_MS_MAX = 60_000
/** How long an http thread may take to learn of a schema. */
const SCHEMA_MS_MAX = 2000
/** Requests under way at the end are given so long. */
export const DRAIN_MS_MAX = 10_000

export type StoreThread = Thread<StoreThreadAnswers>
export type HttpThread = Thread<HttpThreadAnswers>

export interface SupervisorParts {
  readonly settings: Settings
  readonly code: CodeVersion
  readonly adminToken: string | undefined
  readonly setupCode: string
  readonly firstAdmin: StoreThreadData['firstAdmin']
  readonly rateLimits: SharedArrayBuffer
  readonly say: (line: string) => void
  readonly progress: (progress: RecoveryProgress) => void
  readonly recovered: (recovery: RecoverySummary) => void
  /** Nothing can be written any more: the process has to end. */
  readonly failed: (error: Error) => void
  /** What an admin asks for: to look for new code now. */
  readonly deploy: () => Promise<DeployResult>
}

export class Supervisor {
  readonly #parts: SupervisorParts
  readonly #figures: ReturnType<typeof startFigures>
  readonly #https: Set<HttpThread>
  readonly #ledger: MetricsLedger
  readonly #restarts: { store: number; http: number }
  readonly #watch: NodeJS.Timeout
  /** Times of failures of the store thread, newest last. */
  #storeFailures: number[]
  /** Fillings one after the other. */
  #filling: Promise<void>
  /** Starts of http threads that have failed in a row. */
  #httpFailureCount: number
  #store: StoreThread | undefined
  #handle: StoreHandle | undefined
  #code: CodeVersion
  #lastNumber: number
  #place: { readonly host: string; readonly port: number } | undefined
  #isClosing: boolean
  /** True while the store thread is replaced as planned. */
  #isHandingOver: boolean

  constructor(parts: SupervisorParts) {
    this.#parts = parts
    this.#code = parts.code
    this.#figures = startFigures(() => this.#code.generation)
    this.#https = new Set()
    this.#ledger = new MetricsLedger()
    this.#restarts = { store: 0, http: 0 }
    this.#storeFailures = []
    this.#filling = Promise.resolve()
    this.#httpFailureCount = 0
    this.#store = undefined
    this.#handle = undefined
    this.#lastNumber = 0
    this.#place = undefined
    this.#isClosing = false
    this.#isHandingOver = false
    this.#watch = setInterval(() => this.#look(), LOOK_MS)
  }

  get code(): CodeVersion {
    return this.#code
  }

  /** Opens the store. Rejects with the DatastoreError that says why it cannot be. */
  async openStore(): Promise<void> {
    await this.#startStore(this.#code, undefined)
  }

  /** Has `host` and `port` served from now on. Rejects when that is impossible. */
  async listen(host: string, port: number): Promise<void> {
    this.#place = { host, port }
    const { httpThreads } = this.#parts.settings
    const threads = Array.from({ length: httpThreads + READY_COUNT }, () =>
      this.startHttp(this.#code),
    )
    const ready = await Promise.all(threads)
    await Promise.all(ready.map((thread) => this.connect(thread)))
    await Promise.all(ready.slice(0, httpThreads).map((thread) => this.serve(thread)))
  }

  snapshot(): Promise<CheckpointResult> {
    // As long as it takes: it grows with the store.
    return this.store().ask('snapshot', undefined, [], 2 ** 31 - 1)
  }

  stats(): Promise<StoreStats> {
    return this.store().ask('stats', undefined)
  }

  /** One after the other, the supervisor first. */
  async threads(): Promise<ThreadReport[]> {
    const own: ThreadReport = {
      number: 0,
      role: 'supervisor',
      state: 'ready',
      uptimeSeconds: performance.now() / 1000,
      restarts: 0,
      ...this.#figures(),
    }
    const store = this.#store
    const asked = [...this.#https].map(async (thread) =>
      thread.figures(this.#restarts.http, await ownFigures(thread)),
    )
    if (store !== undefined) {
      const figures = await ownFigures(store)
      asked.unshift(Promise.resolve(store.figures(this.#restarts.store, figures)))
    }
    return [own, ...(await Promise.all(asked))]
  }

  /** Answers what is under way, seals the log, ends all threads. */
  async close(): Promise<void> {
    this.#isClosing = true
    const https = [...this.#https]
    await Promise.all(https.map((thread) => this.drain(thread, DRAIN_MS_MAX, true)))
    const store = this.#store
    if (store?.state === 'ready') await store.ask('close', undefined, [], 2 ** 31 - 1)
    await store?.terminate()
    clearInterval(this.#watch)
  }

  // What deploys are made of (deploy.ts).

  /** Throws while there is none. */
  store(): StoreThread {
    if (this.#store?.state === 'ready') return this.#store
    throw new DatastoreError('STORE_UNAVAILABLE', 'the store is being restarted')
  }

  /** The http threads that have code and a store. */
  readyHttps(): HttpThread[] {
    return [...this.#https].filter(({ state }) => state === 'ready' || state === 'serving')
  }

  /** From now on threads are started with this code. */
  adoptCode(code: CodeVersion): void {
    this.#code = code
  }

  /** Starts an http thread; resolves when it has loaded its code, rejects when it cannot. */
  async startHttp(code: CodeVersion): Promise<HttpThread> {
    const { settings, adminToken, setupCode, rateLimits } = this.#parts
    const data: Omit<HttpThreadData, 'heartbeat'> = {
      protocol: PROTOCOL_VERSION,
      number: ++this.#lastNumber,
      settings,
      code,
      adminToken,
      setupCode,
      rateLimits,
      // The ones that drain, and the one that is ready, have theirs, too.
      connectionsMax: connectionsMaxOf(openFilesLimit(), settings.httpThreads + READY_COUNT),
    }
    let isReady: () => void
    const ready = new Promise<void>((resolve) => {
      isReady = resolve
    })
    const answers: HttpThreadAsks = {
      ready: () => isReady(),
      say: this.#parts.say,
      ending: (error) => {
        thread.lastWords = reviveError(error)
        if (thread.state === 'serving' || thread.state === 'ready') void this.#replaceHttp(thread)
      },
      snapshot: async () => ({ lsn: (await this.snapshot()).lsn }),
      stats: () => this.stats(),
      log: (question) => this.store().ask('log', question, [], LOG_MS_MAX),
      trouble: () => this.#trouble(),
      threads: () => this.threads(),
      metrics: () => this.#metrics(),
      deploy: () => this.#parts.deploy().catch((error: Error) => ({ refused: error.message })),
    }
    const thread: HttpThread = new Thread('http', HTTP_FILE, data, HTTP_HEAP_SIZE_MAX, answers)
    this.#https.add(thread)
    void thread.ended.then((error) => this.#noteHttpEnd(thread, error))
    await started(thread, ready)
    thread.state = 'ready'
    return thread
  }

  /** Gives an http thread the memory and a line to the store thread. */
  async connect(thread: HttpThread): Promise<void> {
    const handle = this.#handle
    assert(handle !== undefined, 'http threads are connected to an open store')
    const { port1, port2 } = new MessageChannel()
    await this.store().ask('connect', { port: port1, thread: thread.number }, [port1])
    await thread.ask('connect', { port: port2, handle }, [port2])
  }

  /** Has a ready thread listen. */
  async serve(thread: HttpThread): Promise<void> {
    assert(this.#place !== undefined, 'threads serve once there is a place')
    thread.state = 'serving'
    try {
      await thread.ask('listen', this.#place)
    } catch (error) {
      await thread.terminate((error as Error).message)
      throw error
    }
  }

  /** Ends a thread after its requests; `closesIdle`: without waiting for idle connections. */
  async drain(thread: HttpThread, deadlineMs: number, closesIdle: boolean): Promise<void> {
    const hasServed = thread.state === 'serving'
    thread.state = 'draining'
    await this.#noteMetrics(thread)
    if (hasServed) {
      const asked = thread.ask('drain', { deadlineMs, closesIdle }, [], deadlineMs + ANSWER_MS_MAX)
      await asked.catch((error: Error) => this.#parts.say(error.message))
    }
    await thread.terminate()
  }

  /**
   * Ends the store thread in good order and starts another one of this code over the same memory.
   * When that one cannot begin, one of the present code goes on, and this rejects.
   */
  async replaceStore(code: CodeVersion): Promise<void> {
    const before = this.store()
    this.#isHandingOver = true
    try {
      const handle = await before.ask('handOver', undefined, [], HAND_OVER_MS_MAX)
      for (const thread of this.readyHttps()) thread.tell('disconnect', { planned: true })
      before.state = 'draining'
      await before.terminate()
      this.#store = undefined
      let refusal: Error | undefined
      try {
        await this.#startStore(code, handle)
      } catch (error) {
        refusal = error as Error
        await this.#startStore(this.#code, undefined)
      }
      await this.#connectAll()
      if (refusal !== undefined) throw refusal
    } catch (error) {
      // It has died on the way, or does not end: from here on that is a failure as any other.
      this.#isHandingOver = false
      if (this.#store === undefined) this.#noteStoreFailure(error as Error)
      else if (this.#store === before) await before.terminate((error as Error).message)
      throw error
    } finally {
      this.#isHandingOver = false
    }
  }

  async #connectAll(): Promise<void> {
    await Promise.all(this.readyHttps().map((thread) => this.connect(thread)))
  }

  async #startStore(code: CodeVersion, handle: StoreHandle | undefined): Promise<void> {
    assert(this.#store === undefined, 'there is one store thread at a time')
    const number = ++this.#lastNumber
    const data: Omit<StoreThreadData, 'heartbeat'> = {
      protocol: PROTOCOL_VERSION,
      number,
      settings: this.#parts.settings,
      code,
      handle,
      isFirst: number === 1,
      firstAdmin: this.#parts.firstAdmin,
    }
    const opening = Promise.withResolvers<void>()
    const answers: StoreThreadAsks = {
      progress: this.#parts.progress,
      say: this.#parts.say,
      ready: ({ handle: opened, recovery }) => {
        this.#handle = opened
        if (handle === undefined) this.#parts.recovered(recovery)
        opening.resolve()
      },
      unopened: (error) => opening.reject(reviveError(error)),
      schema: (changed) => this.#announce(changed),
      ending: ({ how, error }) => {
        thread.lastWords = reviveError(error)
        if (how === 'process') this.#parts.failed(thread.lastWords)
      },
    }
    const thread: StoreThread = new Thread('store', STORE_FILE, data, STORE_HEAP_SIZE_MAX, answers)
    this.#store = thread
    void thread.ended.then((error) => {
      opening.reject(error)
      this.#noteStoreEnd(thread, error)
    })
    await opening.promise
    thread.state = 'ready'
  }

  /** Every http thread learns of a schema before anything is written under it. */
  async #announce(handle: StoreHandle): Promise<void> {
    this.#handle = handle
    const told = this.readyHttps().map(async (thread) => {
      try {
        await thread.ask('schema', handle, [], SCHEMA_MS_MAX)
      } catch (error) {
        // It would misread what is written from now on.
        await thread.terminate(`it did not take the new schema: ${(error as Error).message}`)
      }
    })
    await Promise.all(told)
  }

  /** An http thread has failed, and ends by itself or is to be ended: another one serves first. */
  async #replaceHttp(thread: HttpThread, reason?: string): Promise<void> {
    const hasServed = thread.state === 'serving'
    thread.state = 'failed'
    this.#restarts.http++
    const spare = hasServed ? this.#spare() : undefined
    try {
      if (spare !== undefined) await this.serve(spare)
    } catch (error) {
      this.#parts.say(`http thread ${spare?.number} cannot serve: ${(error as Error).message}`)
    }
    if (reason !== undefined) await thread.terminate(reason)
    this.#fill()
  }

  #noteHttpEnd(thread: HttpThread, error: Error): void {
    const { state } = thread
    thread.state = 'ended'
    this.#https.delete(thread)
    void this.#ledger.end(thread.number)
    if (this.#isClosing || state === 'draining' || state === 'starting') return
    this.#parts.say(`http thread ${thread.number} has ended and is replaced: ${error.message}`)
    if (state !== 'failed') void this.#replaceHttp(thread)
  }

  #count(...states: readonly ThreadState[]): number {
    return [...this.#https].filter(({ state }) => states.includes(state)).length
  }

  /** Has as many threads serve as should, and one more be ready, from now on or soon. */
  #fill(): void {
    this.#filling = this.#filling.then(() => this.#fillNow())
  }

  async #fillNow(): Promise<void> {
    const { httpThreads } = this.#parts.settings
    while (!this.#isClosing) {
      try {
        const spare = this.#spare()
        if (this.#count('serving') < httpThreads && spare !== undefined) {
          await this.serve(spare)
        } else if (this.#count('starting', 'ready', 'serving') < httpThreads + READY_COUNT) {
          const thread = await this.startHttp(this.#code)
          if (this.#isClosing) await thread.terminate()
          else await this.connect(thread)
        } else {
          return
        }
        this.#httpFailureCount = 0
      } catch (error) {
        if (this.#isClosing) return
        this.#parts.say(`an http thread cannot be started: ${(error as Error).message}`)
        await this.#pause(++this.#httpFailureCount)
      }
    }
  }

  #spare(): HttpThread | undefined {
    return [...this.#https].find(({ state }) => state === 'ready')
  }

  #noteStoreEnd(thread: StoreThread, error: Error): void {
    if (this.#store === thread) this.#store = undefined
    const wasReady = thread.state === 'ready'
    thread.state = 'ended'
    if (!this.#isClosing && !this.#isHandingOver && wasReady) this.#noteStoreFailure(error)
  }

  #noteStoreFailure(error: Error): void {
    if (this.#handle !== undefined) condemnStore(this.#handle)
    for (const http of this.readyHttps()) http.tell('disconnect', { planned: false })
    void this.#restartStore(error)
  }

  async #restartStore(error: Error): Promise<void> {
    const now = performance.now()
    const recent = this.#storeFailures.filter((time) => now - time < FAILURE_WINDOW_MS)
    this.#storeFailures = [...recent, now]
    this.#restarts.store++
    if (this.#storeFailures.length > STORE_FAILURE_COUNT_MAX) {
      this.#parts.failed(error)
      return
    }
    this.#parts.say(
      `the store thread has ended: ${error.message}; the store is recovered from disk`,
    )
    try {
      await this.#pause(this.#storeFailures.length - 1)
      if (this.#isClosing) return
      await this.#startStore(this.#code, undefined)
      await this.#connectAll()
      this.#fill()
    } catch (failure) {
      this.#parts.failed(failure as Error)
    }
  }

  #look(): void {
    const { watchdogMs } = this.#parts.settings
    for (const thread of this.#https) {
      const isWatched = thread.state === 'ready' || thread.state === 'serving'
      if (!isWatched || watchdogMs === 0) continue
      const deafMs = thread.heartbeat.look()
      if (deafMs > watchdogMs) {
        void this.#replaceHttp(thread, `it has not answered for ${deafMs} ms`)
      }
    }
    const store = this.#store
    if (store?.state !== 'ready') return
    const deafMs = store.heartbeat.look()
    if (deafMs > STORE_DEAF_MS_MAX) void store.terminate(`it has not answered for ${deafMs} ms`)
  }

  async #trouble(): Promise<string | undefined> {
    if (this.#isClosing) return 'the server is ending'
    if (this.#store?.state !== 'ready') return 'the store is being restarted'
    return this.#store.ask('trouble', undefined, [], START_MS_MAX)
  }

  /** One that does not answer stays with what it said last. */
  async #noteMetrics(thread: HttpThread): Promise<void> {
    const asked = thread.ask('metrics', undefined, [], ANSWER_MS_MAX)
    const metrics = await asked.catch(() => undefined)
    if (metrics !== undefined) this.#ledger.note(thread.number, metrics)
  }

  async #metrics(): Promise<readonly Metrics[]> {
    await Promise.all(this.readyHttps().map((thread) => this.#noteMetrics(thread)))
    return this.#ledger.all()
  }

  /** Longer with each failure in a row, and never the same. */
  async #pause(failureCount: number): Promise<void> {
    if (failureCount === 0) return
    const most = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** failureCount)
    await setTimeout(most / 2 + (most / 2) * Math.random())
  }
}

/** Undefined when the thread does not answer at once. */
function ownFigures(thread: StoreThread | HttpThread): Promise<OwnFigures | undefined> {
  if (thread.state === 'starting') return Promise.resolve(undefined)
  // One thread or the other: the question is the same.
  const asked = (thread as HttpThread).ask('figures', undefined, [], ANSWER_MS_MAX)
  return asked.catch(() => undefined)
}

/** Resolves when a thread says that it is ready; rejects when it ends before, or takes too long. */
async function started(thread: HttpThread, ready: Promise<void>): Promise<void> {
  const tooLate = Promise.withResolvers<never>()
  const timer = globalThis.setTimeout(() => {
    tooLate.reject(new Error('it takes too long to start'))
  }, START_MS_MAX)
  const failed = thread.ended.then((error) => {
    throw error
  })
  try {
    await Promise.race([ready, failed, tooLate.promise])
  } catch (error) {
    await thread.terminate()
    throw error
  } finally {
    clearTimeout(timer)
  }
}
