// Random tests that can be repeated: every run names its seed, and a failure says which command
// runs it again.
//
// Some seeds are fixed, so that two people see the same; one is new each time, so that the suite
// keeps looking. SHASHIN_SEED=N runs that one alone.

import { relative } from 'node:path'
import { expect, it } from 'vitest'

const FIXED_SEEDS = [1, 2, 3]

/** Numbers from a seed: mulberry32. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** Below 2^32. */
  word(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let word = this.#state
    word = Math.imul(word ^ (word >>> 15), word | 1)
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61)
    return (word ^ (word >>> 14)) >>> 0
  }

  /** A natural number below `limit`. */
  below(limit: number): number {
    return Math.floor((this.word() / 2 ** 32) * limit)
  }

  /** From `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1)
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }

  bytes(size: number): Buffer {
    const bytes = Buffer.allocUnsafe(size)
    for (let index = 0; index < size; index++) bytes[index] = this.word()
    return bytes
  }
}

/** A test that runs once for each seed. */
export function seededTest(name: string, body: (random: Random) => void | Promise<void>): void {
  const given = process.env['SHASHIN_SEED']
  const fresh = Math.floor(Math.random() * 1_000_000)
  const seeds = given === undefined ? [...FIXED_SEEDS, fresh] : [Number(given)]
  it(name, async () => {
    for (const seed of seeds) {
      try {
        await body(new Random(seed))
      } catch (error) {
        const file = relative(process.cwd(), expect.getState().testPath ?? '')
        const command = `SHASHIN_SEED=${seed} npx vitest run ${file} -t '${name}'`
        ;(error as Error).message =
          `seed ${seed}, to repeat: ${command}\n${(error as Error).message}`
        throw error
      }
    }
  })
}
