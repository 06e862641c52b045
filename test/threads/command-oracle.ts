// What really happened, in memory that outlives every thread: which commands were run, how often
// and in which order, and what their callers were told.
//
// Commands are numbered by caller and by their turn there. The store notes a command when it runs
// it; a caller notes what it is told. Nothing here can be lost with a thread, so that a test can
// compare the two after any death.

export interface OracleHandle {
  readonly callerCount: number
  /** Commands of each caller. */
  readonly commandCount: number
  readonly memory: SharedArrayBuffer
}

/** What a caller was told; 0: nothing yet. */
export const TOLD = { answered: 1, notRun: 2, unknown: 3, aborted: 4 } as const

export type Told = keyof typeof TOLD

const RUN_COUNT = 0
const TOLD_COUNT = 1
const HEADER_WORDS = 2
/** Runs of one command for which there is room in the order: more is wrong anyway. */
const ROOM = 2

export class Oracle {
  readonly handle: OracleHandle
  readonly #header: Int32Array
  readonly #order: Int32Array
  readonly #told: Int32Array

  constructor(handle: OracleHandle) {
    this.handle = handle
    const { memory } = handle
    const count = handle.callerCount * handle.commandCount
    this.#header = new Int32Array(memory, 0, HEADER_WORDS)
    this.#order = new Int32Array(memory, HEADER_WORDS * 4, count * ROOM)
    this.#told = new Int32Array(memory, (HEADER_WORDS + count * ROOM) * 4, count)
  }

  static create(callerCount: number, commandCount: number): Oracle {
    const size = (HEADER_WORDS + callerCount * commandCount * (ROOM + 1)) * 4
    return new Oracle({ callerCount, commandCount, memory: new SharedArrayBuffer(size) })
  }

  get runCount(): number {
    return Atomics.load(this.#header, RUN_COUNT)
  }

  get toldCount(): number {
    return Atomics.load(this.#header, TOLD_COUNT)
  }

  noteRun(command: number): void {
    const index = Atomics.add(this.#header, RUN_COUNT, 1)
    if (index < this.#order.length) this.#order[index] = command
  }

  noteTold(command: number, told: Told): void {
    this.#told[command] = TOLD[told]
    Atomics.add(this.#header, TOLD_COUNT, 1)
    Atomics.notify(this.#header, TOLD_COUNT)
  }

  /** Resolves when callers have been told so many outcomes in all. */
  async until(toldCount: number): Promise<void> {
    for (;;) {
      const count = this.toldCount
      if (count >= toldCount) return
      await Atomics.waitAsync(this.#header, TOLD_COUNT, count).value
    }
  }

  /** How many callers were told what. */
  tally(): Record<Told | 'nothing', number> {
    const tally = { nothing: 0, answered: 0, notRun: 0, unknown: 0, aborted: 0 }
    const names = ['nothing', ...Object.keys(TOLD)] as (keyof typeof tally)[]
    for (const told of this.#told) tally[names[told]!]++
    return tally
  }

  /** Sentences about what must not be; empty when all is well. */
  complaints(): string[] {
    const { callerCount, commandCount } = this.handle
    const complaints: string[] = []
    const runs = new Uint8Array(callerCount * commandCount)
    const newest = Array.from({ length: callerCount }, () => -1)
    for (const command of this.#order.subarray(0, this.runCount)) {
      const caller = Math.floor(command / commandCount)
      if (command <= newest[caller]!) complaints.push(`${command} ran after ${newest[caller]}`)
      newest[caller] = command
      runs[command]!++
    }
    for (const [command, told] of this.#told.entries()) {
      const count = runs[command]!
      if (count > 1) complaints.push(`${command} ran ${count} times`)
      if (told === 0) complaints.push(`the caller of ${command} was told nothing`)
      if (told === TOLD.answered && count !== 1) complaints.push(`${command} was answered, not run`)
      if (told === TOLD.notRun && count !== 0) complaints.push(`${command} was run after all`)
    }
    return complaints
  }
}
