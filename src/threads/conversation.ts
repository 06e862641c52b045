// Conversations between the supervisor and a thread: questions that are answered, and remarks that
// are not. Both ends are typed by one table of what may be said (protocol.ts).
//
//   ask   number, kind, input ─▶ the other side's answer of that kind ─▶ number, output or error
//   tell  kind, input         ─▶ the same, and nothing comes back
//
// These are rare messages: starts, reports, deploys. Commands of requests have a channel of their
// own (command-client.ts).
//
// Invariant: every question ends: by its answer, or by `end` when the other side is gone.

import { assert } from '../std/assert.ts'
import { plainError, reviveError } from './plain-errors.ts'
import type { MessagePort, Transferable, Worker } from 'node:worker_threads'
import type { PlainError } from './plain-errors.ts'

/** What one side may be asked: a function for each kind. */
// oxlint-disable-next-line typescript/no-explicit-any -- each table says what it takes
export type Answers = Readonly<Record<string, (input: any) => unknown>>

type Input<A extends Answers, K extends keyof A> = Parameters<A[K]>[0]
type Output<A extends Answers, K extends keyof A> = Awaited<ReturnType<A[K]>>

interface Said {
  /** 0: a remark. */
  readonly question: number
  readonly kind: string
  readonly input: unknown
}

interface Answered {
  readonly answer: number
  readonly output?: unknown
  readonly error?: PlainError
}

interface Waiting {
  readonly resolve: (output: unknown) => void
  readonly reject: (error: unknown) => void
}

/** One end: `Theirs` is what the other side can be asked. */
export class Conversation<Theirs extends Answers> {
  readonly #port: MessagePort | Worker
  readonly #waiting: Map<number, Waiting>
  #lastQuestion: number
  #ended: Error | undefined

  /** `answers` is what this side can be asked; an error that one throws is the asker's. */
  constructor(port: MessagePort | Worker, answers: Answers) {
    this.#port = port
    this.#waiting = new Map()
    this.#lastQuestion = 0
    this.#ended = undefined
    port.on('message', (message: Said | Answered) => {
      if ('answer' in message) this.#settle(message)
      else void this.#answer(message, answers)
    })
  }

  /** Rejects with what the other side threw, or with the error of `end`. */
  ask<K extends Extract<keyof Theirs, string>>(
    kind: K,
    input: Input<Theirs, K>,
    transfer: Transferable[] = [],
  ): Promise<Output<Theirs, K>> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    return new Promise((resolve, reject) => {
      const question = ++this.#lastQuestion
      this.#waiting.set(question, { resolve: resolve as (output: unknown) => void, reject })
      this.#port.postMessage({ question, kind, input } satisfies Said, transfer)
    })
  }

  tell<K extends Extract<keyof Theirs, string>>(
    kind: K,
    input: Input<Theirs, K>,
    transfer: Transferable[] = [],
  ): void {
    this.#port.postMessage({ question: 0, kind, input } satisfies Said, transfer)
  }

  /** The other side is gone: whoever waits for an answer gets the error. */
  end(error: Error): void {
    this.#ended = error
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of waiting) reject(error)
  }

  async #answer({ question, kind, input }: Said, answers: Answers): Promise<void> {
    const answer = answers[kind]
    assert(answer !== undefined, 'both sides of a conversation know the same words')
    if (question === 0) {
      await answer(input)
      return
    }
    let answered: Answered
    try {
      answered = { answer: question, output: await answer(input) }
    } catch (error) {
      answered = { answer: question, error: plainError(error) }
    }
    this.#port.postMessage(answered, [])
  }

  #settle({ answer, output, error }: Answered): void {
    const waiting = this.#waiting.get(answer)
    if (waiting === undefined) return // Its asker was told that this side is gone.
    this.#waiting.delete(answer)
    if (error === undefined) waiting.resolve(output)
    else waiting.reject(reviveError(error))
  }
}
