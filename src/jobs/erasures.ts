// Erasures: what is left of deleted accounts goes, step by step, behind everybody's back.
//
// The thread in which an account was deleted begins at once. All others look now and then for what
// somebody has left undone: a thread or a process that ended, code that a deploy has replaced, a
// store that was not there. Two at the same job do no harm: each step is a transaction that goes on
// where the last one ended, whoever ran it.
//
//   a look ──▶ jobs after the last one known ──▶ each: steps until it is done ──▶ a rest
//                                                    └── the store says no ──▶ a short rest, again
//
// Looking costs little: a job that waits is looked at once by each thread, whatever it is.

import { unfinishedErasures } from '../model/account-deletion.ts'
import type { Store } from '../engine/store.ts'
import type { transactions } from '../model/transactions.ts'

/** Waiting jobs that are looked at in one read. */
const LOOK_COUNT = 500

export interface ErasureTimes {
  /** From the start to the first look: the store may still be on its way. */
  readonly firstMs: number
  readonly restMs: number
  /** After a step that failed. */
  readonly retryMs: number
}

const TIMES: ErasureTimes = { firstMs: 1_000, restMs: 60_000, retryMs: 2_000 }

export class Erasures {
  readonly #store: Store<typeof transactions>
  readonly #failed: (error: unknown) => void
  readonly #times: ErasureTimes
  /** Jobs that are not done, as far as this thread knows. */
  readonly #open: Set<number>
  /** The last job that was looked at. */
  #after: number
  #isClosed: boolean
  #isWoken: boolean
  #wake: (() => void) | undefined
  #running: Promise<void> | undefined

  /** `failed` is told of every error, after which it is tried again. */
  constructor(
    store: Store<typeof transactions>,
    failed: (error: unknown) => void,
    times: Partial<ErasureTimes> = {},
  ) {
    this.#store = store
    this.#failed = failed
    this.#times = { ...TIMES, ...times }
    this.#open = new Set()
    this.#after = 0
    this.#isClosed = false
    this.#isWoken = false
    this.#wake = undefined
    this.#running = undefined
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** A job is new: it is begun at once. */
  begin(job: number): void {
    this.#open.add(job)
    this.#isWoken = true
    this.#wake?.()
  }

  /** Looks for what is undone, and does it. Rejects with what the store says. */
  async work(): Promise<void> {
    await this.#look()
    const failures: unknown[] = []
    for (const job of this.#open) {
      try {
        if (await this.#erase(job)) this.#open.delete(job)
      } catch (error) {
        // One that fails does not keep the others from their end.
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }

  /** Returns whether it is done. */
  async #erase(job: number): Promise<boolean> {
    while (!this.#isClosed) {
      const { output } = await this.#store.transact('eraseStep', { job })
      if (output.isDone) return true
    }
    return false
  }

  /** Ends after the step that is under way; somebody else goes on. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#wake?.()
    await this.#running
  }

  async #run(): Promise<void> {
    let restMs = this.#times.firstMs
    for (;;) {
      await this.#rest(restMs)
      if (this.#isClosed) return
      this.#isWoken = false
      restMs = this.#times.restMs
      try {
        await this.work()
      } catch (error) {
        this.#failed(error)
        restMs = this.#times.retryMs
      }
    }
  }

  async #look(): Promise<void> {
    while (!this.#isClosed) {
      const after = this.#after
      const found = await this.#store.read((view) => unfinishedErasures(view, after, LOOK_COUNT))
      for (const job of found.jobs) this.#open.add(job)
      if (found.last === undefined) return
      this.#after = found.last
    }
  }

  async #rest(restMs: number): Promise<void> {
    if (this.#isWoken || this.#isClosed) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, restMs)
      // Nobody waits for it: a process that has nothing else to do may end.
      timer.unref()
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = undefined
  }
}
