// Stories of a whole store that a crash may end at any moment: the torture of promises (1) to (5).
//
// A story is a random life of the little network on a forgetful disk: transactions one by one and
// many at once, snapshots while they go on, restarts, kills, failing operations, crashes. At every
// moment at which the disk changes, states that a crash could leave are set aside, and after each
// step they are judged (crash-judge.ts). A kill, and the restart after a failure, must lose nothing
// that was written; a crash nothing that was told to be durable.
//
// With `SimulatedTime` a seed decides everything, so that a failure is repeated by its seed.

import { CrashJudge, Violation, sentenceOf } from './crash-judge.ts'
import { ForgetfulDisk } from './forgetful-disk.ts'
import { LittleOracle } from './little-oracle.ts'
import { No } from './little-network.ts'
import { LittleOperations } from './little-operations.ts'
import { ProcessDisk } from './process-disk.ts'
import { RecycledMemory } from './recycled-memory.ts'
import { Random } from '../../src/std/random.ts'
import { SimulatedTime } from './simulated-time.ts'
import { openOn } from './simulated-store.ts'
import type { Disk } from '../../src/engine/disk.ts'
import type { Durability } from '../../src/engine/log/local-writer.ts'
import type { CrashState } from './crash-judge.ts'
import type { Errno } from './forgetful-disk.ts'
import type { SimulatedOptions, SimulatedStore } from './simulated-store.ts'

export interface StoryOptions {
  readonly seed: number
  /** Steps of the life. */
  readonly stepCount: number
  readonly durability?: Durability
  /** States set aside at one moment, at most. */
  readonly statesAtMoment?: number
  /** Whether operations of the disk may fail. */
  readonly faults?: boolean
  /** A disk that lies to the store, for mutants. */
  readonly lie?: (disk: Disk) => Disk
}

export interface StoryResult {
  /** Crash states on which the store was opened. */
  states: number
  /** Those of them that are crashes of the recovery from a crash. */
  deepStates: number
  /** Moments at which states were set aside. */
  moments: number
  transactions: number
}

const ERRNOS: readonly Errno[] = ['EIO', 'ENOSPC', 'EDQUOT', 'EROFS', 'EFBIG']
const WAITING_STATES_MAX = 400
/** With what a store may refuse to open while operations fail. */
const FAILURES = new Set(['STORAGE_FAILED', 'DIRECTORY_UNWRITABLE', 'STORE_POISONED'])

const DURABILITIES = ['sync', 'sync', 'interval', 'os'] as const
const STEP_COUNT = 25

/** The story that a seed alone stands for: what the torture command tells. */
export function storyOf(seed: number): StoryOptions {
  const durability = DURABILITIES[seed % DURABILITIES.length]!
  return { seed, stepCount: STEP_COUNT, durability, faults: true }
}

/**
 * Lives the stories of all seeds from `seed` on, of those in the modes that are asked for, until
 * `isEnough` says so. Throws a Violation.
 */
export async function liveStories(
  seed: number,
  isEnough: (result: StoryResult) => boolean,
  modes: readonly Durability[] = DURABILITIES,
): Promise<StoryResult> {
  const sum = { states: 0, deepStates: 0, moments: 0, transactions: 0 }
  for (let next = seed; !isEnough(sum); next++) {
    const story = storyOf(next)
    if (!modes.includes(story.durability!)) continue
    const result = await liveStory(story)
    sum.states += result.states
    sum.deepStates += result.deepStates
    sum.moments += result.moments
    sum.transactions += result.transactions
  }
  return sum
}

/** Lives one story. Throws a Violation. */
export async function liveStory(options: StoryOptions): Promise<StoryResult> {
  const random = new Random(options.seed)
  using time = new SimulatedTime(random)
  using memory = new RecycledMemory()
  const story = new CrashStory(options, random, time, memory)
  await story.live()
  return story.result
}

class CrashStory {
  readonly result: StoryResult
  readonly #options: StoryOptions
  readonly #random: Random
  readonly #time: SimulatedTime
  readonly #memory: RecycledMemory
  readonly #oracle: LittleOracle
  readonly #operations: LittleOperations
  readonly #judge: CrashJudge
  readonly #settings: SimulatedOptions
  /** Without them opening is twice as fast, and the log has to tell everything. */
  readonly #takesSnapshots: boolean
  readonly #waiting: CrashState[]
  #disk: ForgetfulDisk
  #process: ProcessDisk
  #store: SimulatedStore | undefined
  /** Counts processes, so that answers of a dead one are not heard. */
  #life: number
  /** A crash may not take this transaction, or one before it. */
  #safeLsn: number
  #underWay: Promise<void>[]
  #violation: Violation | undefined
  #mayFail: boolean

  constructor(options: StoryOptions, random: Random, time: SimulatedTime, memory: RecycledMemory) {
    this.result = { states: 0, deepStates: 0, moments: 0, transactions: 0 }
    this.#options = options
    this.#random = random
    this.#time = time
    this.#memory = memory
    this.#oracle = new LittleOracle()
    this.#settings = {
      clock: time,
      durability: options.durability ?? 'sync',
      segmentSize: random.pick([8192, 12_288, 16_384]),
      regionSizeMax: 128 * 1024,
      snapshotsKept: random.between(1, 3),
      keepLog: random.once(4),
    }
    this.#operations = new LittleOperations(random)
    this.#judge = new CrashJudge({
      seed: options.seed,
      random,
      oracle: this.#oracle,
      settings: this.#settings,
      lie: options.lie ?? ((disk) => disk),
      result: this.result,
    })
    this.#takesSnapshots = random.once(2)
    this.#waiting = []
    this.#disk = new ForgetfulDisk(['/'])
    this.#process = new ProcessDisk(this.#disk)
    this.#store = undefined
    this.#life = 0
    this.#safeLsn = 0
    this.#underWay = []
    this.#violation = undefined
    this.#mayFail = false
  }

  async live(): Promise<void> {
    this.#watch()
    await this.#open()
    for (let step = 0; step < this.#options.stepCount; step++) {
      await this.#step()
      this.#setAside()
      await this.#verifyWaiting()
    }
    await this.#restart()
    await this.#verifyWaiting()
  }

  async #step(): Promise<void> {
    const chance = this.#random.below(100)
    if (chance < 60) await this.#write()
    else if (chance < 72) await this.#snapshot()
    else if (chance < 78) this.#time.advance(this.#random.between(500, 5000))
    else if (chance < 84) await this.#restart()
    else if (chance < 89) await this.#kill()
    else if (chance < 94) await this.#crash()
    else if (this.#options.faults === true) await this.#fail()
    else await this.#write()
    if (this.#violation !== undefined) throw this.#violation
  }

  /** Some transactions at once, then more while those are under way. */
  async #write(): Promise<void> {
    for (let round = this.#random.between(1, 3); round > 0; round--) {
      for (let count = this.#random.between(1, 6); count > 0; count--) this.#submit()
      await turns(this.#random.below(4))
    }
    await this.#settle()
  }

  async #snapshot(): Promise<void> {
    const { result } = this.#take()
    for (let count = this.#random.below(4); count > 0; count--) {
      this.#submit()
      await turns(this.#random.below(3))
    }
    await result
    await this.#settle()
  }

  /** An orderly end and a new begin. */
  async #restart(): Promise<void> {
    await this.#store!.close()
    this.#safeLsn = this.#oracle.lastLsn
    this.#begin(this.#disk)
    await this.#open()
  }

  /** The process ends in the middle of something; the machine lives on. */
  async #kill(): Promise<void> {
    for (let count = this.#random.below(6); count > 0; count--) this.#submit()
    if (this.#random.once(3)) this.#take()
    await turns(this.#random.below(6))
    await this.#reboot()
  }

  /** The machine ends in the middle of something. */
  async #crash(): Promise<void> {
    for (let count = this.#random.below(6); count > 0; count--) this.#submit()
    if (this.#random.once(3)) this.#take()
    await turns(this.#random.below(6))
    this.#noteSafe()
    this.#oracle.ackedLsn = this.#safeLsn
    this.#begin(this.#disk.crash(this.#random))
    await this.#open()
  }

  /** An operation of the disk fails while transactions and a snapshot are under way. */
  async #fail(): Promise<void> {
    this.#mayFail = true
    const duration = this.#random.once(3) ? 'for good' : 'once'
    this.#disk.failAt(this.#random.between(1, 30), this.#random.pick(ERRNOS), duration)
    if (this.#random.once(2)) this.#take()
    for (let round = 0; round < 4; round++) {
      this.#submit()
      this.#submit()
      await turns(this.#random.below(4))
    }
    await this.#settle()
    if (this.#store!.poison === undefined && this.#random.once(2)) {
      await this.#store!.close().catch(() => undefined)
      this.#disk.heal()
    } else if (this.#store!.poison === undefined) {
      this.#disk.heal()
      this.#mayFail = false
      return
    }
    // The process ends, as onPoison asks; the next one finds a better disk, or the same one once
    // more.
    if (this.#random.once(2)) this.#disk.heal()
    await this.#reboot()
    this.#mayFail = false
  }

  /** A new process on the same machine: nothing that was written is lost. */
  async #reboot(): Promise<void> {
    this.#noteSafe()
    this.#begin(this.#disk)
    const leastLsn = this.#oracle.ackedLsn
    try {
      await this.#open(leastLsn)
    } catch (error) {
      if (error instanceof Violation) throw error
      this.#disk.heal()
      this.#mayFail = false
      this.#begin(this.#disk)
      await this.#open(leastLsn)
    }
    this.#disk.heal()
  }

  #begin(disk: ForgetfulDisk): void {
    this.#life++
    this.#process.kill()
    this.#time.forgetTimers()
    this.#underWay = []
    this.#store = undefined
    this.#disk.onMoment = undefined
    this.#disk = disk
    this.#process = new ProcessDisk(disk)
    this.#watch()
  }

  async #open(leastLsn = this.#safeLsn): Promise<void> {
    const lines: string[] = []
    const report = (line: string): void => void lines.push(line)
    const disk = this.#options.lie?.(this.#process) ?? this.#process
    let store: SimulatedStore
    try {
      store = await openOn(disk, { ...this.#settings, report })
    } catch (error) {
      if (this.#mayFail && FAILURES.has((error as { code?: string }).code ?? '')) throw error
      throw this.#judge.violation('the story goes on', `it does not open: ${sentenceOf(error)}`)
    }
    this.#judge.judge(store, lines, {
      leastLsn,
      mostLsn: this.#oracle.lastLsn,
      moment: 'the story goes on',
    })
    this.#store = store
    // Before the oracle forgets what they are compared with.
    await this.#verifyWaiting()
    this.#oracle.rewind(store.recovery.lastLsn)
    this.#safeLsn = store.recovery.lastLsn
  }

  #take(): { result: Promise<void> } {
    if (!this.#takesSnapshots) return { result: Promise.resolve() }
    const life = this.#life
    const result = this.#store!.snapshot().then(
      () => undefined,
      (error: unknown) => {
        if (life !== this.#life || this.#mayFail) return
        this.#violation ??= this.#judge.violation('a snapshot', `it fails: ${sentenceOf(error)}`)
      },
    )
    if (this.#underWay.length < 100) this.#underWay.push(result)
    return { result }
  }

  #submit(): void {
    const operation = this.#operations.next(this.#oracle, this.#time.now())
    const { answer, lsn } = this.#oracle.submit(operation)
    const { name, input, key } = operation
    const life = this.#life
    const expect = (found: unknown, expected: unknown): void => {
      if (life !== this.#life) return
      this.#oracle.ack(lsn)
      if (found === expected) return
      const sentence = `${name} answers ${String(found)}, ${String(expected)} expected`
      this.#violation ??= this.#judge.violation('a transaction', sentence)
    }
    const options = key === undefined ? {} : { key }
    this.result.transactions++
    this.#underWay.push(
      this.#store!.transact(name, input as never, options).then(
        ({ output, lsn: found }) => {
          expect(
            `${String(output)} at ${found}`,
            'output' in answer ? `${String(answer.output)} at ${lsn}` : 'refusal',
          )
        },
        (error: { code?: string }) => {
          const found = error instanceof No ? 'No' : error.code
          if (found !== 'STORE_POISONED')
            expect(found, 'refused' in answer ? answer.refused : 'an output')
          else if (life === this.#life && !this.#mayFail) {
            this.#violation ??= this.#judge.violation('a transaction', sentenceOf(error))
          }
        },
      ),
    )
  }

  async #settle(): Promise<void> {
    const underWay = this.#underWay
    this.#underWay = []
    await Promise.all(underWay)
    if (this.#violation !== undefined) throw this.#violation
  }

  #watch(): void {
    const disk = this.#disk
    disk.operations = []
    disk.onMoment = () => this.#setAside()
    const slow = this.#random.below(4)
    disk.pause = async () => {
      for (let turn = slow === 0 ? 0 : this.#random.below(slow); turn > 0; turn--) await turns(1)
    }
  }

  #noteSafe(): void {
    const durableLsn =
      (this.#options.durability ?? 'sync') === 'sync'
        ? this.#oracle.ackedLsn
        : (this.#store?.stats().durableLsn ?? 0)
    if (this.#store !== undefined) this.#safeLsn = Math.max(this.#safeLsn, durableLsn)
  }

  /** Sets aside what a crash at this moment may leave. */
  #setAside(): void {
    if (this.#waiting.length >= WAITING_STATES_MAX) return
    const { statesAtMoment = 8 } = this.#options
    this.#noteSafe()
    this.result.moments++
    const disk = this.#disk
    const last = disk.operations?.at(-1)
    const moment = last === undefined ? 'rest' : `${last.kind} ${last.path} at ${last.position}`
    if (disk.operations!.length > 100) disk.operations = disk.operations!.slice(-1)
    const count = this.#random.between(2, statesAtMoment)
    const leastLsn = this.#safeLsn
    const mostLsn = this.#oracle.lastLsn
    for (const state of disk.crashes(this.#random, count)) {
      this.#waiting.push({ disk: state, leastLsn, mostLsn, moment })
    }
  }

  async #verifyWaiting(): Promise<void> {
    for (const state of this.#waiting.splice(0)) {
      this.#memory.lend()
      await this.#judge.verify(state)
      this.#memory.takeBack()
    }
  }
}

/** Lets the event loop turn. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}
