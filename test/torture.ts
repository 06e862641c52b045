// Tests without an end: the random ones of the suite, for as long as one likes.
//
//   npm run torture -- NAME [SEED] [--minutes N]
//
// Without minutes the life of that seed alone is lived, which repeats a failure; with them, those
// of all seeds from there on. Ends with 1 at the first failure, whose message says the command that
// repeats it.

import { parseArgs } from 'node:util'
import { liveStories } from './support/crash-story.ts'

const TOLD_EVERY_MS = 10_000

const tortures: Readonly<Record<string, (seed: number, minutes: number) => Promise<string>>> = {
  async 'crash-states'(seed, minutes) {
    const startMs = Date.now()
    let toldMs = startMs
    const { states, deepStates, moments, transactions } = await liveStories(seed, (sum) => {
      const nowMs = Date.now()
      if (nowMs - toldMs > TOLD_EVERY_MS) {
        toldMs = nowMs
        console.error(`${sum.states} crash states`)
      }
      return sum.states > 0 && nowMs - startMs >= minutes * 60_000
    })
    return (
      `${states} crash states (${deepStates} of a recovery) at ${moments} moments, ` +
      `${transactions} transactions: all recovered`
    )
  },
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string', default: '0' } },
})
const [name = '', seed = '1'] = positionals
const torture = tortures[name]
const minutes = Number(values.minutes)
if (torture === undefined || !/^\d+$/.test(seed) || !(minutes >= 0)) {
  console.error(
    `npm run torture -- NAME [SEED] [--minutes N], of ${Object.keys(tortures).join(', ')}`,
  )
  process.exit(2)
}
try {
  console.log(await torture(Number(seed), minutes))
} catch (error) {
  console.error((error as Error).stack)
  process.exit(1)
}
