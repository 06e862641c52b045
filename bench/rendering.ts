// What does an answer cost in processor time, with cached fragments and without, beside a bare
// Fastify that answers as many constant bytes?
//
// Three servers of one thread each, every one a process of its own: the API with its fragments, the
// API that writes each answer anew, and the yardstick. All are asked the same over HTTP, in short
// rounds that take turns; what counts is the time that the thread was on a processor, so that
// others on the machine disturb little, and a share compares two costs of one round. Not counted
// are rounds of warming up: the last functions are compiled after some ten thousand answers.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import autocannon from 'autocannon'
import { Random } from '../src/std/random.ts'
import { populate } from './support/populated-network.ts'
import { endServed, processorMicroseconds, startBare } from './support/served.ts'
import type { BenchContext } from './main.ts'
import type { Measurement } from './report.ts'
import type { Served } from './support/served.ts'

export const name = 'rendering'
export const question =
  'What an answer costs in processor time, with and without fragments, beside a bare Fastify.'

const ROUNDS = 15
const ANSWERS = 3_000
const ANSWERS_BEFORE = 15_000
const CONNECTIONS = 16
const FRAGMENTS_SIZE = 32 * 1024 * 1024
const POPULATION = { people: 200, follows: 50, posts: 1_000, comments: 8_000, likes: 20_000 }
const PREFIX = '/api/shashin/v1'

interface Case {
  readonly name: string
  readonly goal?: string
  readonly path: (index: number) => string
}

type Servers = Readonly<Record<'cached' | 'anew' | 'bare', Served>>

export async function run(context: BenchContext): Promise<readonly Measurement[]> {
  const { directory, args, seed } = context
  context.say('filling a network')
  const stores = [join(directory, 'cached'), join(directory, 'anew')] as const
  const { tokens, postIds } = await populate(stores[0], POPULATION, new Random(seed))
  cpSync(stores[0], stores[1], { recursive: true })
  const servers = {
    cached: await start(stores[0], FRAGMENTS_SIZE),
    anew: await start(stores[1], 0),
    bare: await startBare(),
  }
  const post = (index: number): number => postIds[index % postIds.length]!
  const cases: Case[] = [
    { name: 'feed', goal: '>= 0.6', path: () => '/feed?limit=20' },
    { name: 'post', goal: '>= 0.85', path: (index) => `/posts/${post(index)}` },
    { name: 'thread', path: (index) => `/posts/${post(index)}/comments?limit=20` },
  ]
  try {
    const measurements: Measurement[] = []
    for (const each of cases) {
      if (args.length > 0 && !args.includes(each.name)) continue
      context.say(each.name)
      measurements.push(...(await measure(each, servers, tokens)))
    }
    return measurements
  } finally {
    for (const server of Object.values(servers)) await endServed(server)
  }
}

async function measure(
  { name: what, goal, path }: Case,
  servers: Servers,
  tokens: readonly string[],
): Promise<Measurement[]> {
  const size = await sizeOf(`${servers.cached.url}${PREFIX}${path(0)}`, tokens[0]!)
  const kinds = ['cached', 'bare', 'anew'] as const
  const costOf = (kind: (typeof kinds)[number], answers: number): Promise<number> => {
    const pathOf = kind === 'bare' ? () => `/${size}` : (index: number) => PREFIX + path(index)
    return load(servers[kind], pathOf, tokens, answers)
  }
  const costs = { cached: [] as number[], anew: [] as number[], bare: [] as number[] }
  for (const kind of kinds) await costOf(kind, ANSWERS_BEFORE)
  for (let round = 0; round < ROUNDS; round++) {
    // Not always the same one after the slowest, which leaves the caches cold.
    for (const kind of round % 2 === 0 ? kinds : kinds.toReversed()) {
      costs[kind].push(await costOf(kind, ANSWERS))
    }
  }
  const shares = (of: readonly number[]): number[] =>
    of.map((cost, round) => costs.bare[round]! / cost)
  return [
    { name: `${what}, ${size} bytes`, unit: 'µs', samples: costs.cached },
    { name: '  without fragments', unit: 'µs', samples: costs.anew },
    { name: '  bare Fastify', unit: 'µs', samples: costs.bare },
    {
      name: '  share of bare',
      unit: '×',
      samples: shares(costs.cached),
      ...(goal === undefined ? {} : { goal }),
    },
    { name: '  share of bare, without fragments', unit: '×', samples: shares(costs.anew) },
  ]
}

/** Microseconds of processor time an answer. Throws when an answer was not 2xx. */
async function load(
  { url, process: server }: Served,
  pathOf: (index: number) => string,
  tokens: readonly string[],
  answers: number,
): Promise<number> {
  let index = 0
  const before = processorMicroseconds(server.pid!, 'http ')
  const result = await autocannon({
    url,
    connections: CONNECTIONS,
    amount: answers,
    requests: [
      {
        setupRequest: (request) => {
          index++
          const headers = { authorization: `Bearer ${tokens[index % tokens.length]}` }
          return { ...request, path: pathOf(index), headers }
        },
      },
    ],
  })
  const used = processorMicroseconds(server.pid!, 'http ') - before
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(`${pathOf(0)}: ${result.non2xx} answers not 2xx, ${result.errors} errors`)
  }
  return used / answers
}

async function sizeOf(url: string, token: string): Promise<number> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
  return (await response.arrayBuffer()).byteLength
}

async function start(directory: string, fragmentsSize: number): Promise<Served> {
  const file = new URL('./support/rendering-server.ts', import.meta.url)
  const server = fork(file, [directory, String(fragmentsSize)])
  const [port] = (await once(server, 'message')) as [number]
  return { url: `http://127.0.0.1:${port}`, process: server }
}
