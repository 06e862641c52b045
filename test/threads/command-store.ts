// A store thread for tests of the command channel: it notes every command that it runs with the
// oracle. Commands wait for the next turn and are run together, as in a group commit, and are
// answered one turn later.
//
// A thread of its own. `end` is run by nobody: it is a broken invariant.

import { parentPort, workerData } from 'node:worker_threads'
import { InvariantError } from '../../src/std/assert.ts'
import { Refusal } from '../../src/model/refusal.ts'
import { CommandServer } from '../../src/threads/command-server.ts'
import { plainError } from '../../src/threads/plain-errors.ts'
import { Oracle } from './command-oracle.ts'
import type { MessagePort } from 'node:worker_threads'
import type { Json } from '../../src/engine/schema.ts'
import type { Committed, Registry } from '../../src/engine/store.ts'
import type { OracleHandle } from './command-oracle.ts'

export interface StoreTask {
  /** Undefined: nothing is noted. */
  readonly oracle: OracleHandle | undefined
}

/** What this store can be asked. The functions are there for their types. */
export const fakeRegistry = {
  /** Notes a command, and returns it. */
  note: (_tx, input: number) => input,
  /** Says no. */
  refuse: (_tx, input: string) => input,
  end: (_tx, _input: null) => undefined,
} as const satisfies Registry

export type StoreAsk = { readonly port: MessagePort } | 'hand over'

class FakeStore {
  readonly #oracle: Oracle | undefined
  #queue: (() => () => void)[]

  constructor({ oracle }: StoreTask) {
    this.#oracle = oracle === undefined ? undefined : new Oracle(oracle)
    this.#queue = []
  }

  transact(name: string, input: unknown): Promise<Committed<Json | void>> {
    return new Promise((resolve, reject) => {
      if (this.#queue.length === 0) setImmediate(() => this.#drain())
      this.#queue.push(() => {
        if (name === 'refuse') return () => reject(new Refusal('NOT_YOURS', input as string))
        if (name === 'end') return () => reject(new InvariantError('the end'))
        this.#oracle?.noteRun(input as number)
        return () => resolve({ output: input as number, lsn: 1 })
      })
    })
  }

  #drain(): void {
    const queue = this.#queue
    this.#queue = []
    const answers = queue.map((run) => run())
    setImmediate(() => {
      for (const answer of answers) answer()
    })
  }
}

if (parentPort !== null) {
  const supervisor = parentPort
  const store = new FakeStore(workerData as StoreTask)
  const servers: CommandServer[] = []
  supervisor.on('message', (ask: StoreAsk) => {
    if (ask !== 'hand over') {
      const run = (name: string, input: unknown) => store.transact(name, input)
      servers.push(new CommandServer(ask.port, run, plainError))
      return
    }
    void Promise.all(servers.map((server) => server.handOver())).then(() => {
      supervisor.postMessage('handed over', [])
    })
  })
}
