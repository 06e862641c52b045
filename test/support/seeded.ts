// Random tests that can be repeated: every run names its seed, and a failure says which command
// runs it again.
//
// Some seeds are fixed, so that two people see the same; one is new each time, so that the suite
// keeps looking. SHASHIN_SEED=N runs that one alone.

import { relative } from 'node:path'
import { expect, it } from 'vitest'
import { Random } from '../../src/std/random.ts'

const FIXED_SEEDS = [1, 2, 3]

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
