// Doubles for tests of the command channel: time that stands still, and a store whose transactions
// end when the test says so.

import type { Json } from '../../src/engine/schema.ts'
import type { Committed } from '../../src/engine/store.ts'
import type { Time } from '../../src/threads/command-client.ts'
import type { RunCommand, RunOptions } from '../../src/threads/command-server.ts'
import type { Random } from '../../src/std/random.ts'

interface Timer {
  readonly atMs: number
  readonly work: () => void
  /** True when it would keep its thread from ending. */
  isHolding: boolean
}

/** Time that passes only by `advance`. */
export class HeldTime implements Time {
  readonly #timers: Set<Timer>
  #nowMs: number

  constructor() {
    this.#timers = new Set()
    this.#nowMs = 0
  }

  get timerCount(): number {
    return this.#timers.size
  }

  /** True when a timer would keep its thread from ending. */
  get isHolding(): boolean {
    return this.#timers.values().some(({ isHolding }) => isHolding)
  }

  now(): number {
    return this.#nowMs
  }

  after(ms: number, work: () => void): ReturnType<Time['after']> {
    const timer: Timer = { atMs: this.#nowMs + ms, work, isHolding: true }
    this.#timers.add(timer)
    const hold = (isHolding: boolean): never => {
      timer.isHolding = isHolding
      return timer as never
    }
    return { ref: () => hold(true), unref: () => hold(false) }
  }

  /** Lets time pass, and does the work that falls due, in its order. */
  advance(ms: number): void {
    const end = this.#nowMs + ms
    for (;;) {
      const due = [...this.#timers].filter(({ atMs }) => atMs <= end)
      const next = due.toSorted((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined) break
      this.#timers.delete(next)
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.work()
    }
    this.#nowMs = end
  }
}

/** A transaction that was started. */
export interface HeldRun {
  readonly name: string
  readonly input: unknown
  readonly options: RunOptions
  readonly resolve: (committed: Committed<Json | void>) => void
  readonly reject: (error: unknown) => void
  isEnded: boolean
}

/** Transactions that were started, in order; each ends when it is told to. */
export class HeldRuns {
  readonly held: HeldRun[]
  readonly run: RunCommand

  constructor() {
    this.held = []
    this.run = (name, input, options) => {
      const { promise, resolve, reject } = Promise.withResolvers<Committed<Json | void>>()
      this.held.push({ name, input, options, resolve, reject, isEnded: false })
      return promise
    }
  }

  /** Ends all that are still under way: the output is the input. */
  resolveAll(): void {
    for (const run of this.held) end(run)
  }

  resolveSome(random: Random): void {
    for (const run of this.held) if (random.once(2)) end(run)
  }

  /** Those under way never end: their store thread is gone. */
  forgetAll(): void {
    for (const run of this.held) run.isEnded = true
  }
}

function end(run: HeldRun): void {
  if (run.isEnded) return
  run.isEnded = true
  run.resolve({ output: run.input as Json, lsn: 1 })
}

/**
 * What a caller was told, in a word: "answered", the code and whether it was run, or the name or
 * message of the error.
 */
export async function outcomeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return 'answered'
  } catch (error) {
    const { name, message, code } = error as Error & { code?: unknown }
    if (typeof code === 'string') {
      if (message.includes('nothing was run')) return `${code}, not run`
      return message.includes('is unknown') ? `${code}, unknown` : code
    }
    return name === 'Error' ? message : name
  }
}

/** Waits, turn by turn of the event loop, until something holds. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}
