// Every state that a crash may leave of a log must open without a human, with all that was told
// durable, nothing that was never appended, and nothing between missing or changed. What recovery
// then serves must survive the next crash.

import { expect, test } from 'vitest'
import { append, newDisk, openLog, readAll } from '../../support/log-story.ts'
import { Random } from '../../../src/std/random.ts'
import type { ForgetfulDisk } from '../../support/forgetful-disk.ts'
import type { LocalLog } from '../../../src/engine/log/local-log.ts'
import type { Durability } from '../../../src/engine/log/local-writer.ts'
import type { LogWriter } from '../../../src/engine/transaction-log.ts'

const SIZE_MAX = 1500
const FIRST_CRASHES_MAX = 8
const SECOND_CRASHES_MAX = 2

/** What a log on a crashed disk must hold: at least `safe`, at most `begun` transactions. */
interface State {
  readonly disk: ForgetfulDisk
  readonly safe: number
  readonly begun: number
}

/** Notes states at every moment of a disk, with what was promised by then. */
class Witness {
  readonly states: State[] = []
  safe = 0
  begun = 0

  constructor(disk: ForgetfulDisk, random: Random, crashesMax: number) {
    disk.onMoment = () => {
      const { safe, begun } = this
      for (const crashed of disk.crashes(random, crashesMax)) {
        this.states.push({ disk: crashed, safe, begun })
      }
    }
  }
}

async function appendSome(writer: LogWriter, witness: Witness, count: number): Promise<void> {
  witness.begun = writer.lastLsn + count
  expect(await append(writer, count, SIZE_MAX)).toBe('durable')
  witness.safe = Math.max(witness.safe, writer.durableLsn)
}

/** Commits, rotations, syncs, a clean end, a new beginning, an unclean one, retired segments. */
async function life(disk: ForgetfulDisk, durability: Durability, random: Random): Promise<State[]> {
  const witness = new Witness(disk, random, FIRST_CRASHES_MAX)
  const options = { disk, durability, segmentSize: 12 * 1024, preallocateSize: 4 * 1024 }
  for (let opening = 0; opening < 4; opening++) {
    const log: LocalLog = await openLog(options)
    witness.safe = log.lastLsn
    const writer = await log.acquire()
    for (let step = 0; step < 14; step++) {
      await appendSome(writer, witness, random.between(1, 4))
      if (step === 4) await log.truncate(log.lastLsn - 10)
      if (step === 6) await writer.roll()
      if (step === 9 || random.once(6)) await writer.sync()
      witness.safe = writer.durableLsn
    }
    if (opening % 2 === 0) await writer.close()
    // Otherwise the process ends here, and the kernel keeps what it was given.
    else await log.close()
    witness.safe = writer.durableLsn
  }
  return witness.states
}

/** Opens what a crash has left, holds it against what was promised, and writes to it. */
async function survive(state: State, durability: Durability, witness?: Witness): Promise<void> {
  if (witness !== undefined) {
    witness.safe = state.safe
    witness.begun = state.begun
  }
  const log = await openLog({
    disk: state.disk,
    durability,
    segmentSize: 12 * 1024,
    preallocateSize: 4 * 1024,
    report: (line) => {
      // A crash takes no watermark away, and none of its slots.
      if (!line.includes('an unfinished commit of')) throw new Error(line)
    },
  })
  const { lastLsn } = log
  if (lastLsn < state.safe || lastLsn > state.begun) {
    throw new Error(`the log ends with ${lastLsn}, not within ${state.safe} and ${state.begun}`)
  }
  const found = await readAll(log, log.firstLsn, SIZE_MAX)
  if (found.lastLsn !== lastLsn) throw new Error(`${found.lastLsn} was read, not ${lastLsn}`)
  if (witness === undefined) return
  witness.safe = lastLsn
  const writer = await log.acquire()
  await appendSome(writer, witness, 2)
  await writer.roll()
  witness.safe = writer.durableLsn
  await appendSome(writer, witness, 1)
  await log.close()
}

for (const durability of ['sync', 'interval', 'os'] as const) {
  test(`every crash leaves a log that opens, two crashes deep, ${durability}`, async () => {
    // SHASHIN_SEED=N tries other crashes, and another life before them.
    const random = new Random(Number(process.env['SHASHIN_SEED'] ?? durability.length))
    const states = await life(newDisk(), durability, random)
    let count = 0
    for (const state of states) {
      // A second crash at every eighth of the first ones.
      const witness =
        count % 8 === 0 ? new Witness(state.disk, random, SECOND_CRASHES_MAX) : undefined
      count++
      await survive(state, durability, witness)
      state.disk.onMoment = undefined
      for (const second of witness?.states ?? []) {
        count++
        await survive(second, durability)
      }
    }
    expect(count).toBeGreaterThan(10_000)
  })
}
