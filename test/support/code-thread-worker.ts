// A thread that loads generations of code and does what code-thread.ts asks of them. It keeps what
// it has loaded, so that a test can ask an old generation again.

import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { Generations } from '../../src/threads/generations.ts'
import type { CodeError } from '../../src/threads/releases.ts'
import type { Answer, Module, Question } from './code-thread.ts'

type Exports = Readonly<Record<string, unknown>>

const { sourceRoot } = workerData as { sourceRoot: string }
const generations = new Generations(sourceRoot)
const loaded = new Map<string, Exports>()

async function exportsOf({ entry, generation, source }: Module): Promise<Exports> {
  const key = `${entry} ${generation}`
  const known = loaded.get(key)
  if (known !== undefined) return known
  const exports =
    generation === 0
      ? ((await import(join(sourceRoot, entry))) as Exports)
      : await generations.load<Exports>(entry, generation, source)
  loaded.set(key, exports)
  return exports
}

async function answer(question: Question): Promise<unknown> {
  const exports = await exportsOf(question)
  if (question.same !== undefined) {
    const other = await exportsOf(question.same)
    return exports[question.name] !== undefined && exports[question.name] === other[question.name]
  }
  const value = exports[question.name]
  return typeof value === 'function' ? ((await value(question.input)) as unknown) : value
}

parentPort!.on('message', (question: Question) => {
  const { id } = question
  const reply = (rest: Omit<Answer, 'id' | 'count'>): void =>
    parentPort!.postMessage({ id, count: generations.count, ...rest } satisfies Answer, [])
  answer(question).then(
    (value) => reply({ value }),
    (error: CodeError) => {
      const { name, message, file, line, cause } = error
      reply({ error: { name, message, file, line, cause: String(cause) } })
    },
  )
})
