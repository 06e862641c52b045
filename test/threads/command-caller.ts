// A caller for tests of the command channel: keeps so many commands under way, gives some of them
// up, and notes with the oracle what it is told. It ends by itself after its last command: nothing
// of a client that nobody waits for keeps a thread.

import { parentPort, workerData } from 'node:worker_threads'
import { CommandClient } from '../../src/threads/command-client.ts'
import { reviveError } from '../../src/threads/plain-errors.ts'
import { Random } from '../../src/std/random.ts'
import { outcomeOf } from './command-doubles.ts'
import { Oracle } from './command-oracle.ts'
import type { MessagePort } from 'node:worker_threads'
import type { OracleHandle, Told } from './command-oracle.ts'
import type { fakeRegistry } from './command-store.ts'

export interface CallerTask {
  readonly oracle: OracleHandle
  /** 0, 1, 2 … */
  readonly caller: number
  readonly inFlight: number
  readonly seed: number
  /** One of so many commands is given up by its caller; 0: none. */
  readonly abortOnceIn: number
}

export type CallerAsk = { readonly port: MessagePort } | { readonly planned: boolean }

const TOLD_BY_OUTCOME: Readonly<Record<string, Told>> = {
  answered: 'answered',
  'STORE_UNAVAILABLE, not run': 'notRun',
  'STORE_UNAVAILABLE, unknown': 'unknown',
  AbortError: 'aborted',
}

async function call(supervisor: MessagePort, task: CallerTask): Promise<void> {
  const { caller, inFlight, abortOnceIn } = task
  const { commandCount } = task.oracle
  const oracle = new Oracle(task.oracle)
  const random = new Random(task.seed)
  const client = new CommandClient<typeof fakeRegistry>({
    generation: () => 1,
    revive: (error) => reviveError(error),
  })
  let connected = Promise.withResolvers<void>()
  supervisor.on('message', (ask: CallerAsk) => {
    if ('port' in ask) {
      client.connect(ask.port)
      connected.resolve()
      connected = Promise.withResolvers()
    } else {
      client.disconnect(ask.planned)
    }
  })
  let next = 0
  const keepCalling = async (): Promise<void> => {
    while (next < commandCount) {
      const command = caller * commandCount + next++
      const abort = new AbortController()
      // Seen before the call, so that no connection is missed.
      const later = connected.promise
      const outcome = outcomeOf(client.transact('note', command, { signal: abort.signal }))
      if (abortOnceIn > 0 && random.once(abortOnceIn)) {
        for (let turns = random.below(3); turns > 0; turns--) {
          await new Promise((resolve) => setImmediate(resolve))
        }
        abort.abort()
      }
      const told = TOLD_BY_OUTCOME[await outcome]
      if (told === undefined) throw new Error(`nobody expected ${await outcome}`)
      oracle.noteTold(command, told)
      if (told === 'notRun') await later
    }
  }
  await connected.promise
  await Promise.all(Array.from({ length: inFlight }, keepCalling))
  supervisor.unref()
}

if (parentPort !== null) await call(parentPort, workerData as CallerTask)
