// The threads of the bench `commands`: a store that does nothing, and clients that keep it busy.
// This file is all of them: imported it starts threads, started as a thread it is one.
//
// There are two ways from a client to the store: the command channel, and, beside it, one message
// for each command and one for each answer, with as little around them as possible.

import { once } from 'node:events'
import { MessageChannel, Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import { CommandClient } from '../../src/threads/command-client.ts'
import { CommandServer } from '../../src/threads/command-server.ts'
import { plainError, reviveError } from '../../src/threads/plain-errors.ts'
import type { MessagePort } from 'node:worker_threads'
import type { Registry } from '../../src/engine/store.ts'

export type Way = 'channel' | 'single messages'

const registry = {
  nothing: (_tx, _input: { author: number; post: number; text: string }) => null,
} as const satisfies Registry

interface Connection {
  readonly way: Way
  readonly port: MessagePort
}

interface Round {
  readonly way: Way
  readonly inFlight: number
  readonly ms: number
}

type Call = (post: number) => Promise<unknown>

/** A store and so many clients of it, each with both ways there. */
export class CommandThreads implements AsyncDisposable {
  readonly #store: Worker
  readonly #clients: readonly Worker[]

  constructor(clientCount: number) {
    const start = (role: string): Worker =>
      new Worker(new URL(import.meta.url), { workerData: { role } })
    this.#store = start('store')
    this.#clients = Array.from({ length: clientCount }, () => start('client'))
    for (const client of this.#clients) {
      for (const way of ['channel', 'single messages'] as const) {
        const { port1, port2 } = new MessageChannel()
        this.#store.postMessage({ way, port: port1 } satisfies Connection, [port1])
        client.postMessage({ way, port: port2 } satisfies Connection, [port2])
      }
    }
  }

  /** Commands answered a second, of the first `clientCount` clients together. */
  async rate(clientCount: number, round: Round): Promise<number> {
    const rates = this.#clients.slice(0, clientCount).map(async (client) => {
      const answered = once(client, 'message')
      client.postMessage(round, [])
      const [rate] = (await answered) as [number]
      return rate
    })
    return (await Promise.all(rates)).reduce((sum, rate) => sum + rate, 0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#store, ...this.#clients].map((worker) => worker.terminate()))
  }
}

function serve(supervisor: MessagePort): void {
  const answer = Promise.resolve({ output: null, lsn: 1 })
  supervisor.on('message', ({ way, port }: Connection) => {
    if (way === 'channel') {
      // oxlint-disable-next-line no-new -- it lives as long as its port
      new CommandServer(port, () => answer, plainError)
      return
    }
    port.on('message', ({ number }: { number: number }) => {
      port.postMessage({ number, output: null, lsn: 1 })
    })
  })
}

function load(supervisor: MessagePort): void {
  const calls = new Map<Way, Call>()
  supervisor.on('message', (message: Connection | Round) => {
    if ('port' in message) {
      const { way, port } = message
      calls.set(way, way === 'channel' ? throughChannel(port) : throughMessages(port))
      return
    }
    void measure(calls.get(message.way)!, message).then((rate) => supervisor.postMessage(rate, []))
  })
}

function throughChannel(port: MessagePort): Call {
  const client = new CommandClient<typeof registry>({
    generation: () => 1,
    revive: (error) => reviveError(error),
  })
  client.connect(port)
  return (post) => client.transact('nothing', inputOf(post))
}

function throughMessages(port: MessagePort): Call {
  const waiting = new Map<number, (answer: unknown) => void>()
  let last = 0
  port.on('message', (answer: { number: number }) => {
    const resolve = waiting.get(answer.number)!
    waiting.delete(answer.number)
    resolve(answer)
  })
  return (post) =>
    new Promise((resolve) => {
      const number = ++last
      waiting.set(number, resolve)
      port.postMessage({ number, generation: 1, name: 'nothing', input: inputOf(post) })
    })
}

function inputOf(post: number): { author: number; post: number; text: string } {
  return { author: 7, post, text: 'this is what I think of it' }
}

async function measure(call: Call, { inFlight, ms }: Round): Promise<number> {
  const startedAt = performance.now()
  const end = startedAt + ms
  let count = 0
  const keepCalling = async (): Promise<void> => {
    while (performance.now() < end) {
      await call(count)
      count++
    }
  }
  await Promise.all(Array.from({ length: inFlight }, keepCalling))
  return (count / (performance.now() - startedAt)) * 1000
}

if (!isMainThread && parentPort !== null) {
  if ((workerData as { role: string }).role === 'store') serve(parentPort)
  else load(parentPort)
}
