// An http thread's end of the command channel: `transact` of a store that lives in another thread.
//
//   transact ─▶ unsent ─▶ sent ─▶ answered
//                 ▲         │
//                 └─────────┘ handed back unrun by a store thread that is being replaced
//
// All commands of one turn of the event loop leave in one message, in the order in which they were
// asked for: requests that arrived in one poll of the sockets share a message, and a group commit.
//
// Who waits is told something in any case:
//
//   WHAT HAPPENS                               THE CALLER GETS                     WAS IT RUN?
//   it is answered                             the output, or what was thrown
//   more than queuedMax are unanswered         STORE_BUSY, at once                 no
//   there is no store thread                   STORE_UNAVAILABLE, at once          no
//   the store thread dies                      STORE_UNAVAILABLE                   unknown if sent
//   no answer within deadlineMs                STORE_TIMEOUT                       unknown if sent
//   the caller's signal is aborted             the signal's reason                 unknown if sent
//
// The message says whether the outcome is unknown. What is given up after it was sent is cancelled:
// a store thread that has not taken it yet does not run it. Until the store thread has said which,
// it counts among the unanswered.
//
// Replacing the store thread on purpose goes unnoticed by callers. The old one says up to which
// number it has taken commands; it answers those. All others go to the next one, in order.
//
//   supervisor   disconnect(planned)                          connect(port of the new one)
//   client       ├── commands wait here ──────────────────────┤
//   old thread        ├─ stops taking, says where ─ answers ─┤
//
// The old thread may be told before or after this end is; its port closing without a word of where
// it has stopped means that it has died.
//
// Invariants
//   (1) A command is in `unsent`, or in `sent`, or in neither when its caller has been told.
//   (2) All numbers in `sent` are smaller than those in `unsent`; both are in ascending order, and
//       so are the times at which they fall due: the first of all is the next.
//   (3) What is in `unsent` has not been run by any store thread. So nothing runs twice.
//   (4) Everything in `sent` and `abandoned` was sent to the store thread of the present link.
//
// A port says everything that was sent before it says that it is closed. So after `close` nothing
// is left in it, and whoever else listens for `close` must not call `disconnect` from there.

import { receiveMessageOnPort } from 'node:worker_threads'
import { assert } from '../std/assert.ts'
import { DatastoreError } from '../engine/errors.ts'
import { noCommands, packed } from './command-messages.ts'
import type { MessagePort } from 'node:worker_threads'
import type { DatastoreErrorCode } from '../engine/errors.ts'
import type {
  Committed,
  InputOf,
  OutputOf,
  Registry,
  Store,
  TransactOptions,
} from '../engine/store.ts'
import type { Answers, Commands } from './command-messages.ts'
import type { PlainError } from './plain-errors.ts'

const QUEUED_MAX = 4096
const DEADLINE_MS = 10_000

/** Time that only goes forward, and a timer. */
export interface Time {
  /** Milliseconds since some moment. */
  now(): number
  /** As setTimeout. */
  after(ms: number, work: () => void): Pick<NodeJS.Timeout, 'ref' | 'unref'>
}

const threadTime: Time = {
  now: () => performance.now(),
  after: (ms, work) => setTimeout(work, ms),
}

export interface CommandClientOptions {
  /** Generation of the code that asks, where `transact` is not told. */
  readonly generation: () => number
  /** Makes an error of the classes that the code of `generation` knows. */
  readonly revive: (error: PlainError, generation: number) => Error
  /** Commands that may be unanswered at once; default 4096. */
  readonly queuedMax?: number
  /** Milliseconds after which a caller is told that there is no answer; default 10 s. */
  readonly deadlineMs?: number
  readonly time?: Time
}

export interface CommandOptions extends TransactOptions {
  /** Aborted when nobody is interested any more. */
  readonly signal?: AbortSignal
  /** Generation of the code that asks. */
  readonly generation?: number
}

interface Command {
  readonly number: number
  readonly generation: number
  readonly name: string
  readonly input: unknown
  readonly key: string | undefined
  readonly dueAt: number
  readonly resolve: (committed: Committed<unknown>) => void
  readonly reject: (error: unknown) => void
  readonly signal: AbortSignal | undefined
  readonly onAbort: (() => void) | undefined
}

/** The way to one store thread. */
interface Link {
  readonly port: MessagePort
  /** False when the store thread is to be replaced. */
  takes: boolean
  /** True when the store thread has said where it has stopped. */
  hasStopped: boolean
  /** True from the port's `close` event on. */
  isClosed: boolean
}

export class CommandClient<R extends Registry> implements Pick<Store<R>, 'transact'> {
  readonly #generation: () => number
  readonly #revive: (error: PlainError, generation: number) => Error
  readonly #queuedMax: number
  readonly #deadlineMs: number
  readonly #time: Time
  #link: Link | undefined
  /** True when there is a store thread, or another one follows at once. */
  #isServed: boolean
  #lastNumber: number
  #unsent: Map<number, Command>
  readonly #sent: Map<number, Command>
  /** Sent, given up, and not heard of since. */
  readonly #abandoned: Set<number>
  /** Those of them that the store thread has not been told of. */
  #cancelled: number[]
  #isScheduled: boolean
  /** One for all deadlines. */
  #timer: ReturnType<Time['after']> | undefined
  /** True while somebody waits: the thread must not end. */
  #holdsThread: boolean

  constructor(options: CommandClientOptions) {
    this.#generation = options.generation
    this.#revive = options.revive
    this.#queuedMax = options.queuedMax ?? QUEUED_MAX
    this.#deadlineMs = options.deadlineMs ?? DEADLINE_MS
    this.#time = options.time ?? threadTime
    this.#link = undefined
    this.#isServed = false
    this.#lastNumber = 0
    this.#unsent = new Map()
    this.#sent = new Map()
    this.#abandoned = new Set()
    this.#cancelled = []
    this.#isScheduled = false
    this.#timer = undefined
    this.#holdsThread = false
  }

  /** Commands without an answer, those that were given up included. */
  get queueDepth(): number {
    return this.#unsent.size + this.#sent.size + this.#abandoned.size
  }

  /**
   * Has a transaction run; the promise resolves when it is durable. Its input is cloned at the end
   * of this turn of the event loop. Rejects with what the transaction threw, as `revive` makes it;
   * with the reason of `signal`; with TypeError when the input cannot be sent; with DatastoreError
   * STORE_BUSY, STORE_UNAVAILABLE or STORE_TIMEOUT, or those of the store.
   */
  transact<N extends Extract<keyof R, string>>(
    name: N,
    input: InputOf<R[N]>,
    options: CommandOptions = {},
  ): Promise<Committed<OutputOf<R[N]>>> {
    const { key, signal, generation = this.#generation() } = options
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error)
    if (!this.#isServed) return Promise.reject(notRun())
    if (this.queueDepth >= this.#queuedMax) return Promise.reject(busy(this.#queuedMax))
    return new Promise((resolve, reject) => {
      const number = ++this.#lastNumber
      const onAbort =
        signal === undefined ? undefined : () => this.#abandon(number, signal.reason as Error)
      if (onAbort !== undefined) signal?.addEventListener('abort', onAbort, { once: true })
      this.#unsent.set(number, {
        number,
        generation,
        name,
        input,
        key,
        dueAt: this.#time.now() + this.#deadlineMs,
        resolve: resolve as (committed: Committed<unknown>) => void,
        reject,
        signal,
        onAbort,
      })
      this.#holdThread()
      this.#schedule()
    })
  }

  /** Uses a port to a store thread from now on: the first one, or another one. */
  connect(port: MessagePort): void {
    if (this.#link !== undefined) this.#end(this.#link)
    const link: Link = { port, takes: true, hasStopped: false, isClosed: false }
    this.#link = link
    this.#isServed = true
    port.on('message', (answers: Answers) => {
      if (link === this.#link) this.#receive(link, answers)
    })
    port.on('messageerror', () => assert(false, 'what a store thread sends can be read'))
    port.on('close', () => {
      link.isClosed = true
      if (link === this.#link) this.#noteClosed(link)
    })
    if (!this.#holdsThread) port.unref()
    this.#schedule()
  }

  /**
   * The store thread is gone, or about to go. Planned: another one follows; what was not sent and
   * what comes waits for it, up to its deadline. Not planned: all who wait are told, and whoever
   * comes until the next `connect`.
   */
  disconnect(planned: boolean): void {
    if (!planned) {
      this.#lose()
      return
    }
    this.#isServed = true
    if (this.#link !== undefined) this.#link.takes = false
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      if (this.#link !== undefined) this.#post(this.#link)
    })
  }

  #post({ port, takes }: Link): void {
    if ((!takes || this.#unsent.size === 0) && this.#cancelled.length === 0) return
    const cancelled = this.#cancelled
    this.#cancelled = []
    const leaving: Command[] = []
    if (takes) {
      for (const command of this.#unsent.values()) {
        leaving.push(command)
        this.#sent.set(command.number, command)
      }
      this.#unsent.clear()
    }
    try {
      port.postMessage(messageOf(leaving, cancelled))
    } catch {
      this.#postOneByOne(port, leaving, cancelled)
    }
  }

  /** An input that cannot be sent fails its own command, and no other. */
  #postOneByOne(port: MessagePort, leaving: readonly Command[], cancelled: number[]): void {
    port.postMessage(messageOf([], cancelled))
    for (const command of leaving) {
      try {
        port.postMessage(messageOf([command], []))
      } catch (error) {
        this.#sent.delete(command.number)
        const { message } = error as Error
        reject(command, new TypeError(`the input of ${command.name} cannot be sent: ${message}`))
      }
    }
    this.#releaseThread()
  }

  #receive(link: Link, answers: Answers): void {
    const { numbers, outputs, lsns, failures, dropped, takenUpTo } = answers
    for (let index = 0; index < numbers.length; index++) {
      const command = this.#answered(numbers[index]!)
      command?.resolve({ output: outputs[index], lsn: lsns[index]! })
    }
    for (const { number, error } of failures) {
      const command = this.#answered(number)
      command?.reject(this.#revive(error, command.generation))
    }
    for (const number of dropped) this.#abandoned.delete(number)
    if (takenUpTo !== undefined) this.#takeBack(link, takenUpTo)
    this.#releaseThread()
  }

  /** Undefined when nobody waits for it any more. */
  #answered(number: number): Command | undefined {
    const command = this.#sent.get(number)
    if (command === undefined) {
      assert(this.#abandoned.delete(number), 'a command is answered once')
      return undefined
    }
    this.#sent.delete(number)
    stopListening(command)
    return command
  }

  /** The store thread has stopped: what is above the number is for the next one. */
  #takeBack(link: Link, takenUpTo: number): void {
    link.takes = false
    link.hasStopped = true
    const unsent = new Map<number, Command>()
    for (const [number, command] of this.#sent) {
      if (number <= takenUpTo) continue
      this.#sent.delete(number)
      unsent.set(number, command)
    }
    for (const [number, command] of this.#unsent) unsent.set(number, command)
    this.#unsent = unsent
    for (const number of this.#abandoned) if (number > takenUpTo) this.#abandoned.delete(number)
    // What is taken is run, and nothing else will be.
    this.#cancelled = []
  }

  #noteClosed(link: Link): void {
    if (!link.hasStopped) {
      this.#lose()
      return
    }
    this.#link = undefined
    this.#end(link)
  }

  /** There is no store thread: whoever waits is told. */
  #lose(): void {
    const link = this.#link
    if (link !== undefined) this.#end(link)
    this.#link = undefined
    this.#isServed = false
    const unsent = this.#unsent
    this.#unsent = new Map()
    for (const command of unsent.values()) reject(command, notRun())
    this.#releaseThread()
  }

  /** Nothing more comes from there but what lies in the port: an answer that was given counts. */
  #end(link: Link): void {
    // A closed port is empty; Node 26.10 ends the process that looks into one during its `close`.
    while (!link.isClosed) {
      const next = receiveMessageOnPort(link.port)
      if (next === undefined) break
      this.#receive(link, next.message as Answers)
    }
    link.port.close()
    const lost = [...this.#sent.values()]
    this.#sent.clear()
    this.#abandoned.clear()
    this.#cancelled = []
    for (const command of lost) reject(command, outcomeUnknown())
    this.#releaseThread()
  }

  #abandon(number: number, reason: Error): void {
    const command = this.#unsent.get(number) ?? this.#sent.get(number)
    assert(command !== undefined, 'who has been told does not listen any more')
    this.#giveUp(command, reason)
    this.#releaseThread()
  }

  #giveUp(command: Command, reason: Error): void {
    const { number } = command
    if (!this.#unsent.delete(number)) {
      this.#sent.delete(number)
      this.#abandoned.add(number)
      this.#cancelled.push(number)
      this.#schedule()
    }
    reject(command, reason)
  }

  #expire(): void {
    this.#timer = undefined
    const now = this.#time.now()
    for (const command of this.#sent.values()) {
      if (command.dueAt > now) break
      this.#giveUp(command, late(this.#deadlineMs, 'whether the transaction was run is unknown'))
    }
    for (const command of this.#unsent.values()) {
      if (command.dueAt > now) break
      this.#giveUp(command, late(this.#deadlineMs, 'nothing was run'))
    }
    this.#setTimer()
    this.#releaseThread()
  }

  /** Sees to it that there is a timer when somebody waits. It may fire early, never late. */
  #setTimer(): void {
    if (this.#timer !== undefined) return
    const next = this.#sent.values().next().value ?? this.#unsent.values().next().value
    if (next === undefined) return
    const ms = Math.max(1, Math.ceil(next.dueAt - this.#time.now()))
    this.#timer = this.#time.after(ms, () => this.#expire())
  }

  #holdThread(): void {
    if (this.#holdsThread) return
    this.#holdsThread = true
    this.#setTimer()
    this.#timer?.ref()
    this.#link?.port.ref()
  }

  /** A thread may end when nobody waits; an old timer does not keep it. */
  #releaseThread(): void {
    if (!this.#holdsThread || this.#sent.size > 0 || this.#unsent.size > 0) return
    this.#holdsThread = false
    this.#timer?.unref()
    this.#link?.port.unref()
  }
}

function messageOf(leaving: readonly Command[], cancelled: number[]): Commands {
  const commands: Commands = { ...noCommands(), cancelled }
  for (const { number, generation, name, input, key } of leaving) {
    commands.numbers.push(number)
    commands.generations.push(generation)
    commands.names.push(name)
    commands.inputs.push(packed(input))
    commands.keys.push(key)
  }
  return commands
}

function reject(command: Command, error: Error): void {
  stopListening(command)
  command.reject(error)
}

/** A signal may live much longer than a command. */
function stopListening({ signal, onAbort }: Command): void {
  if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort)
}

function busy(queuedMax: number): DatastoreError {
  return storeError('STORE_BUSY', `${queuedMax} commands are unanswered: nothing was run`)
}

function notRun(): DatastoreError {
  return storeError('STORE_UNAVAILABLE', 'the store is being restarted: nothing was run')
}

function outcomeUnknown(): DatastoreError {
  return storeError(
    'STORE_UNAVAILABLE',
    'the store thread ended before it answered: whether the transaction was run is unknown',
  )
}

function late(deadlineMs: number, outcome: string): DatastoreError {
  return storeError('STORE_TIMEOUT', `no answer within ${deadlineMs} ms: ${outcome}`)
}

function storeError(code: DatastoreErrorCode, message: string): DatastoreError {
  return new DatastoreError(code, message, {
    advice: 'ask again in a moment, with the same idempotency key: nothing runs twice under one',
  })
}
