// What must be true of a store that comes back after a crash, a kill or a failure:
//
//   it opens, without a human and without a word of damage              else violation 1
//   it has every transaction that anybody was told to be durable        else violation 2
//   it is, to the letter, what the oracle was after some transaction    else violation 3
//   `check` finds nothing (for a sample: it takes as long as opening)   else violation 4
//
// For a sample the same is asked of crashes while it recovers, and after it: what it has served
// must not go again. And for another the store lives on: it takes a transaction, and keeps it.

import { everything } from './little-network.ts'
import { openOn } from './simulated-store.ts'
import type { Disk } from '../../src/engine/disk.ts'
import type { ForgetfulDisk } from './forgetful-disk.ts'
import type { LittleOracle } from './little-oracle.ts'
import type { Random } from '../../src/std/random.ts'
import type { SimulatedOptions, SimulatedStore } from './simulated-store.ts'

const DEEP_ONCE_IN = 16
const LIVED_ON_ONCE_IN = 32
const CHECKED_ONCE_IN = 16
const DAMAGE = /damaged|missing|lost/

export class Violation extends Error {}

/** What has to be there. */
export interface Expected {
  readonly leastLsn: number
  readonly mostLsn: number
  /** The operation that was interrupted. */
  readonly moment: string
}

/** What a crash left. */
export interface CrashState extends Expected {
  readonly disk: ForgetfulDisk
}

interface Parts {
  readonly seed: number
  readonly random: Random
  readonly oracle: LittleOracle
  readonly settings: SimulatedOptions
  readonly lie: (disk: Disk) => Disk
  /** Counted here. */
  readonly result: { states: number; deepStates: number }
}

export class CrashJudge {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Opens the store on a crash state; for a sample also on crashes of that, or goes on with it. */
  async verify(state: CrashState): Promise<void> {
    const { disk, leastLsn, mostLsn, moment } = state
    const { random, result } = this.#parts
    const deep: CrashState[] = []
    if (random.once(DEEP_ONCE_IN)) {
      const chance = random.between(2, 8)
      disk.onMoment = () => {
        if (!random.once(chance)) return
        const crashed = disk.crash(random)
        deep.push({ disk: crashed, leastLsn, mostLsn, moment: `recovery of ${moment}` })
      }
    }
    const store = await this.#reopen(state)
    const foundLsn = store.recovery.lastLsn
    if (disk.onMoment !== undefined) {
      disk.onMoment = undefined
      const after = {
        leastLsn: foundLsn,
        mostLsn: Math.max(foundLsn, 1),
        moment: `after ${moment}`,
      }
      for (const crashed of disk.crashes(random, 4)) deep.push({ ...after, disk: crashed })
      for (const deeper of deep) {
        const again = await this.#reopen(deeper)
        result.deepStates++
        await again.close()
      }
    }
    if (random.once(LIVED_ON_ONCE_IN)) await this.#liveOn(disk, store, moment)
    else await store.close()
  }

  async #reopen({ disk, ...expected }: CrashState): Promise<SimulatedStore> {
    const { settings, lie, result } = this.#parts
    result.states++
    const lines: string[] = []
    const report = (line: string): void => void lines.push(line)
    try {
      const store = await openOn(lie(disk), { ...settings, report })
      this.judge(store, lines, expected)
      return store
    } catch (error) {
      if (error instanceof Violation) throw error
      throw this.violation(expected.moment, `it does not open: ${sentenceOf(error)}`)
    }
  }

  /**
   * The store of a crash state is as good as any: it takes a transaction, and a snapshot, and keeps
   * them.
   */
  async #liveOn(disk: ForgetfulDisk, store: SimulatedStore, moment: string): Promise<void> {
    const { random, settings, lie } = this.#parts
    try {
      await store.transact('join', { handle: 'survivor' })
      if (random.once(2)) await store.snapshot()
      const before = JSON.stringify(everything(store.view))
      await store.close()
      const again = await openOn(lie(disk), settings)
      const after = JSON.stringify(everything(again.view))
      if (after !== before) throw new Error(`a restart later it is\n${after}\nnot\n${before}`)
      await again.close()
    } catch (error) {
      throw this.violation(moment, `it does not go on: ${sentenceOf(error)}`)
    }
  }

  /** Looks at a store that has just been opened, and at what it reported. Throws a Violation. */
  judge(
    store: SimulatedStore,
    lines: readonly string[],
    { leastLsn, mostLsn, moment }: Expected,
  ): void {
    const { lastLsn } = store.recovery
    const line = lines.find((text) => DAMAGE.test(text))
    if (line !== undefined) throw this.violation(moment, `it speaks of damage: ${line}`)
    if (lastLsn < leastLsn || lastLsn > mostLsn) {
      const sentence = `it has lsn ${lastLsn}, from ${leastLsn} to ${mostLsn} expected`
      throw this.violation(moment, sentence)
    }
    const found = JSON.stringify(everything(store.view))
    const expected = this.#parts.oracle.text(lastLsn)
    if (found !== expected) {
      throw this.violation(moment, `at lsn ${lastLsn} it is\n${found}\nnot\n${expected}`)
    }
    if (!this.#parts.random.once(CHECKED_ONCE_IN)) return
    const sentences = store.check()
    if (sentences.length > 0) throw this.violation(moment, `check finds: ${sentences.join('; ')}`)
  }

  /** An error that says the command which repeats it. */
  violation(moment: string, sentence: string): Violation {
    const { seed, result } = this.#parts
    const repeat = `to repeat: npm run torture -- crash-states ${seed}`
    return new Violation(`${repeat}\ncrash state ${result.states}, ${moment}: ${sentence}`)
  }
}

export function sentenceOf(error: unknown): string {
  const { code, message, stack } = error as { code?: string; message: string; stack?: string }
  return code === undefined ? (stack ?? message) : `${code}: ${message}`
}
