// Deploys: new code into the living process.
//
//   look at the tree ─▶ what has changed?
//     nothing               nothing follows
//     product code          in place: every thread loads and checks it, then the store thread, then
//                           all http threads swap; connections and requests notice nothing
//     engine or threads     new threads over the same memory: new http threads load the code, the
//                           store thread hands over, the new ones listen, the old ones drain
//     the supervisor        refused: the process has to be restarted
//
// Whatever fails before the first swap leaves the old code everywhere, and is told once.
//
//   STEP (in place)                       WHAT A FAILURE LEAVES
//   1  all threads prepare                the old code; what was prepared is dropped
//   2  the store thread uses it           the same: a schema that is refused changes nothing
//   3  http threads use it                a thread that fails is ended, and replaced with new code
//
// Between 2 and 3, for a moment, http threads run older code than the store thread. Their commands
// say so, and run the transactions of their own generation.

import { changeBetween, releaseOf } from './releases.ts'
import type { CodeVersion, DeployResult } from './protocol.ts'
import type { Release } from './releases.ts'
import type { HttpThread, Supervisor } from './supervisor.ts'

/** Old http threads wait so long for clients to come back, and tell them that this is the end. */
const DRAIN_MS_MAX = 15_000
/** A new index is built within a deploy: about a second for a million rows. */
const INDEX_MS_MAX = 600_000
/** Generations that a thread may have loaded: about a megabyte each stays in its heap. */
const GENERATION_COUNT_MAX = 50

export class Deploys {
  readonly #supervisor: Supervisor
  readonly #path: string
  readonly #say: (line: string) => void
  #running: Release
  #lastGeneration: number
  /** Deploys one after the other. */
  #turn: Promise<unknown>

  /** `path` is where new code appears; `running` is what the process was started with. */
  constructor(supervisor: Supervisor, running: Release, path: string, say: (line: string) => void) {
    this.#supervisor = supervisor
    this.#running = running
    this.#path = path
    this.#say = say
    this.#lastGeneration = supervisor.code.generation
    this.#turn = Promise.resolve()
  }

  /**
   * Has new code used: what somebody has found, or what there is now. Rejects with the reason why
   * it is not, which is told, too.
   */
  deploy(found?: Release): Promise<DeployResult> {
    const deployed = this.#turn.then(() => this.#deploy(found))
    this.#turn = deployed.catch(() => undefined)
    return deployed
  }

  async #deploy(given: Release | undefined): Promise<DeployResult> {
    const startedAt = performance.now()
    try {
      const found = given ?? (await releaseOf(this.#path))
      const { kind, reason } = changeBetween(this.#running, found)
      if (kind === 'restart') throw new Error(`the process has to be restarted for it: ${reason}`)
      const { generation } = this.#supervisor.code
      if (kind === 'none') return { change: kind, generation, ms: 0 }
      const code: CodeVersion = {
        sourceRoot: kind === 'product' ? this.#supervisor.code.sourceRoot : found.sourceRoot,
        product: { sourceRoot: found.sourceRoot, files: found.files },
        generation: ++this.#lastGeneration,
      }
      const isCrowded = code.generation % GENERATION_COUNT_MAX === 0
      if (kind === 'product' && !isCrowded) await this.#swap(code)
      else await this.#replace(code)
      this.#running = found
      const ms = Math.round(performance.now() - startedAt)
      const how = kind === 'product' && !isCrowded ? 'in place' : 'in new threads'
      this.#say(`generation ${code.generation} is at work, ${how}, after ${ms} ms`)
      return { change: kind, generation: code.generation, ms }
    } catch (error) {
      this.#say(`the new code is not used: ${(error as Error).message}`)
      throw error
    }
  }

  async #swap(code: CodeVersion): Promise<void> {
    const supervisor = this.#supervisor
    const { generation } = code
    const store = supervisor.store()
    const https = supervisor.readyHttps()
    const threads = [store, ...https] as readonly HttpThread[]
    try {
      await everyone(threads.map((thread) => thread.ask('prepare', code)))
      await store.ask('use', generation, [], INDEX_MS_MAX)
    } catch (error) {
      for (const thread of threads) thread.tell('forget', generation)
      throw error
    }
    supervisor.adoptCode(code)
    store.code = code
    const used = https.map(async (thread) => {
      try {
        await thread.ask('use', generation)
        thread.code = code
      } catch (error) {
        await thread.terminate(`it did not take the new code: ${(error as Error).message}`)
      }
    })
    await Promise.all(used)
    // One that was started meanwhile has been started with the old code.
    const late = supervisor.readyHttps().filter((thread) => thread.code.generation < generation)
    await Promise.all(late.map((thread) => thread.terminate('its code is out of date')))
  }

  async #replace(code: CodeVersion): Promise<void> {
    const supervisor = this.#supervisor
    const before = supervisor.readyHttps()
    const starts = before.map(() => supervisor.startHttp(code))
    let after: HttpThread[]
    try {
      after = await everyone(starts)
      await supervisor.replaceStore(code)
    } catch (error) {
      const started = (await Promise.allSettled(starts)).filter(
        (each) => each.status === 'fulfilled',
      )
      await Promise.all(started.map(({ value }) => supervisor.drain(value, 0, true)))
      throw error
    }
    supervisor.adoptCode(code)
    const serving = before.filter(({ state }) => state === 'serving').length
    await Promise.all(after.slice(0, serving).map((thread) => supervisor.serve(thread)))
    // Nobody waits for the old ones: they may have a while to go.
    for (const thread of before) void supervisor.drain(thread, DRAIN_MS_MAX, false)
  }
}

/** All of them or the first failure, but not before each has ended. */
async function everyone<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(promises)
  return settled.map((each) => {
    if (each.status === 'rejected') throw each.reason
    return each.value
  })
}
