// A thread as the supervisor sees it: the worker, the conversation with it, its heartbeat, and what
// is known of it.

import { Worker } from 'node:worker_threads'
import { Conversation } from './conversation.ts'
import { Heartbeat } from './heartbeat.ts'
import type { ThreadReport } from '../api/metrics-threads.ts'
import type { Answers } from './conversation.ts'
import type { CodeVersion, OwnFigures, ThreadData } from './protocol.ts'

/** A thread that does not answer a question of the supervisor for so long is not going to. */
const ANSWER_MS = 30_000

/**
 * starting ─▶ ready ─▶ serving ─▶ draining ─▶ ended, or failed in between; a store thread is never
 * "serving".
 */
export type ThreadState = 'starting' | 'ready' | 'serving' | 'failed' | 'draining' | 'ended'

export class Thread<Theirs extends Answers> {
  readonly role: 'store' | 'http'
  readonly number: number
  readonly heartbeat: Heartbeat
  readonly startedAt: number
  /** Resolves when the thread has ended, with the reason. */
  readonly ended: Promise<Error>
  readonly #worker: Worker
  readonly #conversation: Conversation<Theirs>
  state: ThreadState
  code: CodeVersion
  /** Why it ended, as it said itself; set before it ends. */
  lastWords: Error | undefined

  /** Starts a thread: `file` is below the source directory of its code. */
  constructor(
    role: 'store' | 'http',
    file: string,
    data: Omit<ThreadData, 'heartbeat'>,
    heapSizeMax: number,
    answers: Answers,
  ) {
    this.role = role
    this.number = data.number
    this.code = data.code
    this.heartbeat = new Heartbeat()
    this.startedAt = performance.now()
    this.state = 'starting'
    this.lastWords = undefined
    this.#worker = new Worker(`${data.code.sourceRoot}/${file}`, {
      name: `${role} ${data.number}`,
      workerData: { ...data, heartbeat: this.heartbeat.words },
      resourceLimits: { maxOldGenerationSizeMb: Math.round(heapSizeMax / 2 ** 20) },
    })
    this.#conversation = new Conversation(this.#worker, answers)
    this.ended = new Promise((resolve) => {
      this.#worker.on('error', (error: Error) => {
        this.lastWords ??= error
      })
      this.#worker.on('exit', () => {
        const error = this.lastWords ?? new Error('it has ended without a word')
        this.#conversation.end(error)
        resolve(error)
      })
    })
  }

  /** Rejects with what the thread throws, when it ends, and after `ms`. */
  async ask<K extends Extract<keyof Theirs, string>>(
    kind: K,
    input: Parameters<Theirs[K]>[0],
    transfer: Parameters<Conversation<Theirs>['ask']>[2] = [],
    ms = ANSWER_MS,
  ): Promise<Awaited<ReturnType<Theirs[K]>>> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const who = `the ${this.role} thread ${this.number}`
      const sentence = `${who} has not answered "${kind}" for ${ms} ms`
      timer = setTimeout(() => reject(new Error(sentence)), ms)
    })
    try {
      return await Promise.race([this.#conversation.ask(kind, input, transfer), late])
    } finally {
      clearTimeout(timer)
    }
  }

  tell<K extends Extract<keyof Theirs, string>>(kind: K, input: Parameters<Theirs[K]>[0]): void {
    if (this.state !== 'ended') this.#conversation.tell(kind, input)
  }

  /** Ends it whatever it does, an endless loop included. `reason`: what it is that it has done. */
  async terminate(reason?: string): Promise<void> {
    if (reason !== undefined) this.lastWords ??= new Error(reason)
    await this.#worker.terminate()
  }

  /** `own` is what it says of itself; undefined when it does not answer. */
  figures(restarts: number, own: OwnFigures | undefined): ThreadReport {
    const none = { mean: 0, p99: 0, max: 0 }
    const silent = { heapUsedSize: 0, heapLimitSize: 0, eventLoopDelayMs: none }
    return {
      number: this.number,
      role: this.role,
      state: own === undefined && this.state !== 'starting' ? 'silent' : this.state,
      generation: this.code.generation,
      uptimeSeconds: (performance.now() - this.startedAt) / 1000,
      restarts,
      ...(own ?? silent),
    }
  }
}
