// Time and chance for a simulation: nothing happens by itself, and the same seed gives the same
// run, to the byte.
//
//   performance.now      stands still: no work is too long for its slice, no write for the thread
//   setInterval          waits for `advance`
//   setTimeout           comes at the next turn of the event loop
//   crypto.randomBytes   from the seed: salts and store ids
//   beforeImages.reserve does nothing, which asks the thread pool otherwise
//
// `using time = new SimulatedTime(random)` puts the real ones back at the end.

import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { beforeImages } from '../../src/engine/memory/before-images.ts'
import type { Random } from '../../src/std/random.ts'

interface Timer {
  readonly work: () => void
  readonly everyMs: number
  nextMs: number
}

const FIRST_MS = 1_790_000_000_000

export class SimulatedTime implements Disposable {
  readonly #timers: Set<Timer>
  readonly #restore: () => void
  #nowMs: number

  constructor(random: Random) {
    this.#timers = new Set()
    this.#nowMs = FIRST_MS
    const { setInterval, clearInterval, setTimeout } = globalThis
    const { randomBytes } = crypto
    const reserve = beforeImages.reserve.bind(beforeImages)
    const now = performance.now.bind(performance)
    const simulated = {
      setInterval: (work: () => void, everyMs: number): unknown => this.#every(work, everyMs),
      clearInterval: (timer: Timer): void => void this.#timers.delete(timer),
      setTimeout: (work: () => void): unknown => setImmediate(work),
    }
    Object.assign(globalThis, simulated)
    Object.assign(crypto, { randomBytes: (size: number) => random.bytes(size) })
    beforeImages.reserve = async () => {}
    performance.now = () => 0
    syncBuiltinESMExports()
    this.#restore = () => {
      Object.assign(globalThis, { setInterval, clearInterval, setTimeout })
      Object.assign(crypto, { randomBytes })
      beforeImages.reserve = reserve
      performance.now = now
      syncBuiltinESMExports()
    }
  }

  /** Milliseconds since 1970. */
  now(): number {
    return this.#nowMs
  }

  /** Lets time pass, and the timers that are due do their work. */
  advance(ms: number): void {
    this.#nowMs += ms
    for (const timer of this.#timers.values().toArray()) {
      if (timer.nextMs > this.#nowMs || !this.#timers.has(timer)) continue
      timer.nextMs = this.#nowMs + timer.everyMs
      timer.work()
    }
  }

  /** The process is gone, and its timers with it. */
  forgetTimers(): void {
    this.#timers.clear()
  }

  [Symbol.dispose](): void {
    this.#restore()
  }

  #every(work: () => void, everyMs: number): unknown {
    const timer = { work, everyMs, nextMs: this.#nowMs + everyMs, unref: (): unknown => timer }
    this.#timers.add(timer)
    return timer
  }
}
