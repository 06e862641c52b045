// How many commands a second pass from http threads to a store thread and back?
//
// The store does nothing, so that only the way is measured. Beside the command channel: one message
// for each command and each answer, and what the two layouts of a message cost ("wire": cloned and
// read in one thread). Clients and store are threads; on a machine with fewer processors than
// threads they take turns, and the figures of two clients say little.

import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import { noCommands } from '../src/threads/command-messages.ts'
import { CommandThreads } from './support/command-threads.ts'
import type { BenchContext } from './main.ts'
import type { Measurement } from './report.ts'
import type { Way } from './support/command-threads.ts'

export const name = 'commands'
export const question = 'How many commands a second pass from http threads to the store and back?'

const ROUNDS = 3
const SLICE_MS = 600
const WARM_UP_MS = 300
const IN_FLIGHT = 256
const WIRE_MESSAGE_COUNT = 400

interface Case {
  readonly clientCount: number
  readonly inFlight: number
  readonly way: Way
}

const CASES: readonly Case[] = [
  { clientCount: 1, inFlight: 1, way: 'channel' },
  { clientCount: 1, inFlight: 1, way: 'single messages' },
  { clientCount: 1, inFlight: IN_FLIGHT, way: 'channel' },
  { clientCount: 1, inFlight: IN_FLIGHT, way: 'single messages' },
  { clientCount: 2, inFlight: IN_FLIGHT, way: 'channel' },
  { clientCount: 2, inFlight: IN_FLIGHT, way: 'single messages' },
]

export async function run(context: BenchContext): Promise<readonly Measurement[]> {
  await using threads = new CommandThreads(2)
  const rates = new Map<Case, number[]>(CASES.map((each) => [each, []]))
  for (const { way } of CASES.slice(0, 2)) {
    await threads.rate(2, { way, inFlight: IN_FLIGHT, ms: WARM_UP_MS })
  }
  const objects: number[] = []
  const columns: number[] = []
  for (let round = 1; round <= ROUNDS; round++) {
    context.say(`round ${round} of ${ROUNDS}`)
    for (const [each, samples] of rates) {
      const { way, inFlight, clientCount } = each
      samples.push(await threads.rate(clientCount, { way, inFlight, ms: SLICE_MS }))
    }
    objects.push(wireRate(messageOfObjects()))
    columns.push(wireRate(messageOfColumns()))
  }
  return [
    ...[...rates].map(([{ clientCount, inFlight, way }, samples]) => ({
      name: `${way}, ${clientCount} × ${inFlight} in flight`,
      unit: '/s',
      samples,
    })),
    { name: `wire, ${IN_FLIGHT} commands as objects`, unit: '/s', samples: objects },
    { name: `wire, ${IN_FLIGHT} commands as columns`, unit: '/s', samples: columns },
  ]
}

/** Commands a second that are cloned into a port and read from its other end. */
function wireRate(message: unknown): number {
  const { port1, port2 } = new MessageChannel()
  const startedAt = performance.now()
  for (let count = 0; count < WIRE_MESSAGE_COUNT; count++) {
    port1.postMessage(message, [])
    receiveMessageOnPort(port2)
  }
  const ms = performance.now() - startedAt
  port1.close()
  return ((WIRE_MESSAGE_COUNT * IN_FLIGHT) / ms) * 1000
}

function inputOf(post: number): object {
  return { author: 7, post, text: 'this is what I think of it' }
}

function messageOfObjects(): unknown {
  return Array.from({ length: IN_FLIGHT }, (_, index) => ({
    number: index,
    generation: 1,
    name: 'publishComment',
    input: inputOf(index),
    key: undefined,
  }))
}

function messageOfColumns(): unknown {
  const commands = noCommands()
  for (let index = 0; index < IN_FLIGHT; index++) {
    commands.numbers.push(index)
    commands.generations.push(1)
    commands.names.push('publishComment')
    commands.inputs.push(inputOf(index))
    commands.keys.push(undefined)
  }
  return commands
}
