// A real thread with its own `Generations`, asked by messages for what modules export.

import { Worker } from 'node:worker_threads'
import type { CodeSource } from '../../src/threads/generations.ts'

/** A module: generation 0 is the plain one of the thread's own code. */
export interface Module {
  readonly entry: string
  readonly generation: number
  readonly source?: CodeSource | undefined
}

export interface Question extends Module {
  readonly id: number
  /** Of an export: a function is called. */
  readonly name: string
  readonly input?: unknown
  /** Asks instead whether the export of that name is the same there. */
  readonly same?: Module
}

export interface Failure {
  readonly name: string
  readonly message: string
  readonly file: string | undefined
  readonly line: number | undefined
  readonly cause: string
}

export interface Answer {
  readonly id: number
  /** `Generations.count` afterwards. */
  readonly count: number
  readonly value?: unknown
  readonly error?: Failure
}

export class CodeThread implements AsyncDisposable {
  readonly #worker: Worker
  readonly #waiting: Map<number, (answer: Answer) => void>
  #asked: number

  constructor(sourceRoot: string) {
    this.#waiting = new Map()
    this.#asked = 0
    this.#worker = new Worker(new URL('./code-thread-worker.ts', import.meta.url), {
      workerData: { sourceRoot },
      execArgv: [],
    })
    this.#worker.on('message', (answer: Answer) => {
      this.#waiting.get(answer.id)?.(answer)
      this.#waiting.delete(answer.id)
    })
    this.#worker.on('error', (error) => {
      const { name, message } = error as Error
      const failure = { name, message, file: undefined, line: undefined, cause: '' }
      for (const [id, answer] of this.#waiting) answer({ id, count: 0, error: failure })
      this.#waiting.clear()
    })
  }

  ask(question: Omit<Question, 'id'>): Promise<Answer> {
    const id = ++this.#asked
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      this.#worker.postMessage({ id, ...question }, [])
    })
  }

  /** The value of an export, or what its function returns. */
  async value(module: Module, name: string, input?: unknown): Promise<unknown> {
    const { value, error } = await this.ask({ ...module, name, input })
    if (error !== undefined) throw new Error(error.message)
    return value
  }

  async failure(module: Module, name = 'anything'): Promise<Failure> {
    const { error } = await this.ask({ ...module, name })
    if (error === undefined) throw new Error(`${module.entry} has been loaded`)
    return error
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate()
  }
}
