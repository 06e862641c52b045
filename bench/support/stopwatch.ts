// Time on a machine that others use too.
//
// A thread that could run but has to wait for a processor is not slow, it is not served. Linux
// counts that wait for every thread, to the nanosecond. So everything here is told twice: as it
// was, and undisturbed, which leaves those waits out. On a machine of one's own the two are the
// same; where the system does not count, they are too.

import { openSync, readSync } from 'node:fs'
import type { Measurement } from '../report.ts'

const TEXT_SIZE_MAX = 96
const TICK_MS = 1

/** Reads how long the main thread has waited for a processor since it began. */
class ProcessorWait {
  readonly #descriptor: number | undefined
  readonly #text: Buffer

  constructor() {
    this.#text = Buffer.alloc(TEXT_SIZE_MAX)
    try {
      this.#descriptor = openSync(`/proc/self/task/${process.pid}/schedstat`, 'r')
    } catch {
      this.#descriptor = undefined
    }
  }

  /** Takes 2 µs. */
  ms(): number {
    if (this.#descriptor === undefined) return 0
    const size = readSync(this.#descriptor, this.#text, 0, TEXT_SIZE_MAX, 0)
    // Nanoseconds run, nanoseconds waited, times run.
    return Number(this.#text.toString('latin1', 0, size).split(' ')[1]) / 1e6
  }
}

const wait = new ProcessorWait()

export interface Elapsed {
  readonly ms: number
  /** Without what the thread has waited for a processor. */
  readonly undisturbedMs: number
}

/** Starts now; the function that it returns tells the time since. */
export function startStopwatch(): () => Elapsed {
  const startedAt = performance.now()
  const waitedBefore = wait.ms()
  return () => {
    const ms = performance.now() - startedAt
    return { ms, undisturbedMs: Math.max(0, ms - (wait.ms() - waitedBefore)) }
  }
}

/** Something measured as it was, and undisturbed. */
export interface Sample {
  readonly measured: number
  readonly undisturbed: number
}

/** How many a second. */
export function rateOf(count: number, { ms, undisturbedMs }: Elapsed): Sample {
  return { measured: (count / ms) * 1000, undisturbed: (count / undisturbedMs) * 1000 }
}

export function secondsOf({ ms, undisturbedMs }: Elapsed): Sample {
  return { measured: ms / 1000, undisturbed: undisturbedMs / 1000 }
}

/** Two rows: as it was, and undisturbed. */
export function rowsOf(
  name: string,
  unit: string,
  samples: readonly Sample[],
  goal?: string,
): Measurement[] {
  const shared = { unit, ...(goal === undefined ? {} : { goal }) }
  return [
    { name, samples: samples.map((sample) => sample.measured), ...shared },
    {
      name: `${name}, undisturbed`,
      samples: samples.map((sample) => sample.undisturbed),
      ...shared,
    },
  ]
}

/** A stall of the event loop. */
export interface Stall {
  /** Milliseconds by which a timer was late. */
  readonly lateMs: number
  /**
   * Of these, what the thread has worked: without waits for a processor or the disk, and without
   * what a hypervisor gave to other machines, which no clock of the guest tells. Two loops that do
   * nothing but read the clock are held up for 5 to 20 ms now and then on a shared machine.
   */
  readonly workedMs: number
}

/**
 * Watches the event loop by a timer of one millisecond. Not a histogram of Node's own, because the
 * work has to be read at every tick.
 */
export class StallWatch implements Disposable {
  readonly #timer: NodeJS.Timeout
  #tickedAt: number
  #worked: NodeJS.CpuUsage
  /** The longest of either, not of the same stall. */
  longest: Stall

  constructor() {
    this.longest = { lateMs: 0, workedMs: 0 }
    this.#tickedAt = performance.now()
    this.#worked = process.threadCpuUsage()
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    const now = performance.now()
    const worked = process.threadCpuUsage()
    const lateMs = Math.max(0, now - this.#tickedAt - TICK_MS)
    const { user, system } = this.#worked
    const workedMs = Math.min(lateMs, (worked.user - user + worked.system - system) / 1000)
    this.longest = {
      lateMs: Math.max(this.longest.lateMs, lateMs),
      workedMs: Math.max(this.longest.workedMs, workedMs),
    }
    this.#tickedAt = now
    this.#worked = worked
  }
}
