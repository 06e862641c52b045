// The store thread's end of one command channel: takes commands of one client, runs them in the
// order in which they were sent, and answers.
//
//   port ─▶ waiting ─▶ taken ─▶ answered
//             │  at most TAKEN_MAX at once: enough for a group commit
//             ├─▶ dropped: cancelled by the client before it was taken
//             └─▶ left to the next store thread, at a hand-over
//
// Whatever lies in the port is looked at before anything is taken: a store thread that was held up
// does not run first what was cancelled meanwhile. All answers that fall due in one turn of the
// event loop leave in one message.
//
// Invariants
//   (1) Commands are taken in the order of their numbers.
//   (2) A command that is taken is answered, if need be after the hand-over has begun; only the end
//       of the thread comes before that.
//   (3) After the message that says where it has stopped, a server takes nothing.
//   (4) A broken invariant is not an answer: it is thrown where nobody catches it, and the thread
//       ends. To the client its command is one whose outcome is unknown.

import { receiveMessageOnPort } from 'node:worker_threads'
import { InvariantError, assert } from '../std/assert.ts'
import { noAnswers } from './command-messages.ts'
import type { MessagePort } from 'node:worker_threads'
import type { Json } from '../engine/schema.ts'
import type { Committed } from '../engine/store.ts'
import type { Answers, Commands } from './command-messages.ts'
import type { PlainError } from './plain-errors.ts'

/** As many as the group commit runs in one drain. */
const TAKEN_MAX = 1024

export interface RunOptions {
  readonly key?: string
  /** Generation of the code that asks. */
  readonly generation: number
}

/** Runs a transaction by name; what it rejects with is its caller's. */
export type RunCommand = (
  name: string,
  input: unknown,
  options: RunOptions,
) => Promise<Committed<Json | void>>

interface Command {
  readonly name: string
  readonly input: unknown
  readonly options: RunOptions
}

export class CommandServer {
  readonly #port: MessagePort
  readonly #run: RunCommand
  readonly #describe: (error: unknown) => PlainError
  /** Arrived and not taken, by number, ascending. */
  readonly #waiting: Map<number, Command>
  #takenUpTo: number
  /** Taken and not answered. */
  #takenCount: number
  /** To be posted at the end of this turn. */
  #answers: Answers
  #isScheduled: boolean
  /** False after a hand-over has begun, a broken invariant, or the end of the port. */
  #takes: boolean
  #handOver: PromiseWithResolvers<void> | undefined

  /**
   * Serves at once. `describe` makes an error ready to be sent; a broken invariant does not get
   * there.
   */
  constructor(port: MessagePort, run: RunCommand, describe: (error: unknown) => PlainError) {
    this.#port = port
    this.#run = run
    this.#describe = describe
    this.#waiting = new Map()
    this.#takenUpTo = 0
    this.#takenCount = 0
    this.#answers = noAnswers()
    this.#isScheduled = false
    this.#takes = true
    this.#handOver = undefined
    port.on('message', (commands: Commands) => this.#receive(commands))
    port.on('messageerror', () => assert(false, 'what a client sends can be read'))
    port.on('close', () => this.#stop())
  }

  /**
   * Takes no further commands: their client sends them to the next store thread. Resolves when all
   * that were taken are answered and posted.
   */
  handOver(): Promise<void> {
    if (this.#handOver === undefined) {
      this.#handOver = Promise.withResolvers()
      this.#stop()
      this.#answers.takenUpTo = this.#takenUpTo
      this.#schedule()
      // The client learns that the port has ended when this thread has.
      this.#port.unref()
    }
    return this.#handOver.promise
  }

  /** Ends the port. What has been taken is run, but nobody hears of it. */
  close(): void {
    this.#stop()
    this.#port.close()
  }

  #stop(): void {
    this.#takes = false
    this.#waiting.clear()
  }

  #receive(commands: Commands): void {
    this.#note(commands)
    for (;;) {
      // Ends: a client sends no more than it may have unanswered.
      const next = receiveMessageOnPort(this.#port)
      if (next === undefined) break
      this.#note(next.message as Commands)
    }
    this.#take()
  }

  #note({ numbers, generations, names, inputs, keys, cancelled }: Commands): void {
    if (!this.#takes) return
    for (let index = 0; index < numbers.length; index++) {
      const generation = generations[index]!
      const key = keys[index]
      this.#waiting.set(numbers[index]!, {
        name: names[index]!,
        input: inputs[index],
        options: key === undefined ? { generation } : { generation, key },
      })
    }
    for (const number of cancelled) {
      // One that is taken will be answered.
      if (this.#waiting.delete(number)) this.#answers.dropped.push(number)
    }
    if (this.#answers.dropped.length > 0) this.#schedule()
  }

  #take(): void {
    for (const [number, command] of this.#waiting) {
      if (this.#takenCount >= TAKEN_MAX) return
      assert(number > this.#takenUpTo, 'commands are taken in the order of their numbers')
      this.#waiting.delete(number)
      this.#takenUpTo = number
      this.#takenCount++
      this.#start(number, command)
    }
  }

  #start(number: number, { name, input, options }: Command): void {
    let running: Promise<Committed<Json | void>>
    try {
      running = this.#run(name, input, options)
    } catch (error) {
      this.#fail(number, error)
      return
    }
    running.then(
      ({ output, lsn }) => {
        this.#answers.numbers.push(number)
        this.#answers.outputs.push(output)
        this.#answers.lsns.push(lsn)
        this.#noteAnswered()
      },
      (error: unknown) => this.#fail(number, error),
    )
  }

  #fail(number: number, error: unknown): void {
    if (error instanceof InvariantError) {
      this.#stop()
      throw error
    }
    this.#answers.failures.push({ number, error: this.#describe(error) })
    this.#noteAnswered()
  }

  #noteAnswered(): void {
    this.#takenCount--
    this.#schedule()
  }

  /** Not `setImmediate`: answers are complete when all promises of this turn have settled. */
  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    process.nextTick(() => {
      this.#isScheduled = false
      this.#post()
      this.#take()
    })
  }

  #post(): void {
    const port = this.#port
    const answers = this.#answers
    this.#answers = noAnswers()
    try {
      port.postMessage(answers)
    } catch {
      this.#postOneByOne(port, answers)
    }
    if (this.#takenCount === 0) this.#handOver?.resolve()
  }

  /** An output that cannot be sent is a failure of its command, and of no other. */
  #postOneByOne(port: MessagePort, { numbers, outputs, lsns, ...others }: Answers): void {
    const sendable: Answers = { ...noAnswers(), ...others }
    for (const [index, number] of numbers.entries()) {
      const alone: Answers = { ...noAnswers(), numbers: [number], lsns: [lsns[index]!] }
      alone.outputs.push(outputs[index])
      try {
        port.postMessage(alone)
      } catch (error) {
        const unfit = new TypeError(`an output cannot be sent: ${(error as Error).message}`)
        sendable.failures.push({ number, error: this.#describe(unfit) })
      }
    }
    port.postMessage(sendable)
  }
}
