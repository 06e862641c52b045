// What the supervisor and the threads say to each other. A thread may be of newer code than the
// supervisor, which lives as long as the process: whoever changes anything here, or what
// `workerData` holds, raises PROTOCOL_VERSION, and such code needs a restart.
//
//   supervisor ──▶ store thread    connect, deploys, snapshot, figures, the end
//   supervisor ──▶ http thread     the store (again), deploys, listen, drain, figures
//   both       ──▶ supervisor      ready, remarks; what routes ask of the whole server

import type { Metrics } from '../api/metrics-registry.ts'
import type { ThreadReport } from '../api/metrics-threads.ts'
import type { HistoryPage, HistoryQuestion } from '../engine/history.ts'
import type { StoreHandle } from '../engine/store-reader.ts'
import type { RecoveryProgress, RecoverySummary } from '../engine/recovery.ts'
import type { CheckpointResult } from '../engine/checkpoint.ts'
import type { StoreStats } from '../engine/stats.ts'
import type { Settings } from '../config.ts'
import type { MessagePort } from 'node:worker_threads'
import type { CodeSource } from './generations.ts'
import type { PlainError } from './plain-errors.ts'

export const PROTOCOL_VERSION = 2

type Soon<T> = T | Promise<T>

/** The code of a thread. */
export interface CodeVersion {
  /** Source directory of engine and threads. */
  readonly sourceRoot: string
  /** Where product code comes from. */
  readonly product: CodeSource
  /** 1, 2, 3 …: how often product code has been loaded since the start of the process. */
  readonly generation: number
}

/** What every thread is started with. */
export interface ThreadData {
  /** PROTOCOL_VERSION of the supervisor. */
  readonly protocol: number
  /** 1, 2, 3 … over all threads of this process. */
  readonly number: number
  readonly settings: Settings
  readonly code: CodeVersion
  readonly heartbeat: Int32Array
}

export interface StoreThreadData extends ThreadData {
  /** Memory that an earlier store thread has left in good order; without it, recovery. */
  readonly handle: StoreHandle | undefined
  /** True once a process: what an earlier process left half done is removed. */
  readonly isFirst: boolean
  /** Who becomes the admin of a network that has nobody yet, as the environment says. */
  readonly firstAdmin: { readonly handle: string; readonly password: string } | undefined
}

export interface HttpThreadData extends ThreadData {
  readonly adminToken: string | undefined
  /** With which the first admin signs up, as long as there is none. */
  readonly setupCode: string
  readonly connectionsMax: number
  /** Counters of the limits that all http threads share (rate-limits.ts). */
  readonly rateLimits: SharedArrayBuffer
}

/** A broken invariant ends the thread; a failed disk ends the process. */
export type Ending = 'thread' | 'process'

/** What a thread says of itself. */
export type OwnFigures = Pick<
  ThreadReport,
  'generation' | 'heapUsedSize' | 'heapLimitSize' | 'eventLoopDelayMs'
>

/** What the store thread can be asked. */
export type StoreThreadAnswers = {
  /** Takes commands from an http thread. */
  connect(input: { readonly port: MessagePort; readonly thread: number }): Soon<void>
  /** Loads code and checks it; uses nothing of it yet. */
  prepare(code: CodeVersion): Soon<void>
  /** Uses what has been prepared. Throws SCHEMA_CONFLICT, and then goes on with the old code. */
  use(generation: number): Soon<{ readonly schemaChanged: boolean }>
  /** Drops what has been prepared. */
  forget(generation: number): Soon<void>
  snapshot(): Soon<CheckpointResult>
  stats(): Soon<StoreStats>
  /** What transactions did. */
  log(question: HistoryQuestion): Soon<HistoryPage>
  figures(): Soon<OwnFigures>
  /** Why writes cannot be served now. */
  trouble(): Soon<string | undefined>
  /** Ends what is queued, seals the log and leaves the memory to a successor. */
  handOver(): Soon<StoreHandle>
  /** The same, for good. */
  close(): Soon<void>
}

/** What the supervisor can be asked by the store thread. */
export type StoreThreadAsks = {
  progress(progress: RecoveryProgress): Soon<void>
  say(line: string): Soon<void>
  ready(input: { readonly handle: StoreHandle; readonly recovery: RecoverySummary }): Soon<void>
  /** The store cannot be opened. */
  unopened(error: PlainError): Soon<void>
  /** Resolves when every http thread knows the schema. */
  schema(handle: StoreHandle): Soon<void>
  ending(input: { readonly how: Ending; readonly error: PlainError }): Soon<void>
}

/** What an http thread can be asked. */
export type HttpThreadAnswers = {
  /** There is a store, or another one: memory to read, a port for commands. */
  connect(input: { readonly port: MessagePort; readonly handle: StoreHandle }): Soon<void>
  /** The store thread is gone; planned: another one follows at once, over the same memory. */
  disconnect(input: { readonly planned: boolean }): Soon<void>
  schema(handle: StoreHandle): Soon<void>
  prepare(code: CodeVersion): Soon<void>
  use(generation: number): Soon<void>
  forget(generation: number): Soon<void>
  listen(input: { readonly host: string; readonly port: number }): Soon<void>
  /** Takes no new connections; resolves when the last request is answered, or at the deadline. */
  drain(input: { readonly deadlineMs: number; readonly closesIdle: boolean }): Soon<void>
  figures(): Soon<OwnFigures>
  /** What its requests have counted. */
  metrics(): Soon<Metrics>
}

/** What the supervisor can be asked by an http thread. */
export type HttpThreadAsks = {
  ready(): Soon<void>
  say(line: string): Soon<void>
  ending(error: PlainError): Soon<void>
  snapshot(): Soon<{ readonly lsn: number }>
  stats(): Soon<StoreStats>
  log(question: HistoryQuestion): Soon<HistoryPage>
  trouble(): Soon<string | undefined>
  threads(): Soon<readonly ThreadReport[]>
  metrics(): Soon<readonly Metrics[]>
  deploy(): Soon<DeployResult | { readonly refused: string }>
}

export interface DeployResult {
  readonly change: 'none' | 'product' | 'threads'
  readonly generation: number
  readonly ms: number
}
