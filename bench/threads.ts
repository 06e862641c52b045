// What do threads cost and give? The running server with one and with two http threads, beside a
// bare Fastify of as many threads.
//
//   row                  measures
//   processor time       microseconds that http threads spend on a processor for one answer; more
//                        with two than with one would be contention
//   requests a second    of both, one right after the other; on a machine whose cores the load
//                        shares, two threads cannot serve twice as many
//   looks once more      in a thousand reads, while writers do what they can
//
// Server, yardstick and load are three processes. A case counts only when every answer was of the
// 2xx kind. The two numbers of threads take turns, so that both meet the same minutes of the
// machine.

import { join } from 'node:path'
import autocannon from 'autocannon'
import { Random } from '../src/std/random.ts'
import { populate } from './support/populated-network.ts'
import { endServed, processorMicroseconds, startBare, startServer } from './support/served.ts'
import type { Request } from 'autocannon'
import type { BenchContext } from './main.ts'
import type { Measurement } from './report.ts'
import type { PopulatedNetwork } from './support/populated-network.ts'
import type { Served } from './support/served.ts'

export const name = 'threads'
export const question = 'What http threads cost: processor time an answer, with one and with two.'

const THREADS = [1, 2]
const ROUNDS = 5
const SECONDS = 2
/** Of each thread: the last functions are compiled after some ten thousand. */
const ANSWERS_BEFORE = 20_000
/** Of each thread. */
const CONNECTIONS = 16
const POPULATION = { people: 200, follows: 50, posts: 1_000, comments: 8_000, likes: 20_000 }
const PREFIX = '/api/shashin/v1'
const ADMIN_TOKEN = 'token-of-the-bench-0123456789-0123456789'
/** Bytes of headers of an answer, about: the yardstick has fewer, and others. */
const HEADERS_SIZE = 330

interface Case {
  readonly name: string
  readonly goal: string
  request(): Request
}

interface Pair {
  readonly threads: number
  readonly ours: Served
  readonly bare: Served
}

interface Load {
  readonly rate: number
  readonly microseconds: number
  readonly answerSize: number
}

export async function run(context: BenchContext): Promise<readonly Measurement[]> {
  const directory = join(context.directory, 'store')
  context.say('filling a network')
  const network = await populate(directory, POPULATION, new Random(context.seed))
  const cases = casesOf(network, new Random(context.seed))
  const samples = new Map<string, { unit: string; goal?: string; values: number[] }>()
  const note = (row: string, unit: string, value: number, goal?: string): void => {
    const known = samples.get(row) ?? { unit, values: [], ...(goal === undefined ? {} : { goal }) }
    known.values.push(value)
    samples.set(row, known)
  }
  for (let round = 0; round <= ROUNDS; round++) {
    context.say(round === 0 ? 'warming up' : `round ${round} of ${ROUNDS}`)
    const single = new Map<string, { ours: Load; bare: Load }>()
    for (const threads of THREADS) {
      await withServers(directory, threads, async (pair) => {
        for (const each of cases) {
          const { ours, bare } = await compare(each, pair)
          if (round === 0) continue
          const row = `${each.name}, ${threads === 1 ? 'one thread' : `${threads} threads`}`
          note(`${row}: processor time`, 'µs', ours.microseconds)
          const alone = single.get(each.name)
          if (alone === undefined) single.set(each.name, { ours, bare })
          else {
            const times = ours.microseconds / alone.ours.microseconds
            note(`${row}: processor time against one thread`, '×', times, '≤ 1.1')
            const bareTimes = bare.microseconds / alone.bare.microseconds
            note(`${row}: the same of bare`, '×', bareTimes)
          }
          note(`${row}: answers`, '/s', ours.rate)
          note(`${row}: against bare`, '×', ours.rate / bare.rate, each.goal)
          const share = bare.microseconds / ours.microseconds
          note(`${row}: against bare, by processor time`, '×', share, each.goal)
        }
        if (round > 0 && threads === 1) {
          note('looks once more, under writers', '‰', await retries(pair.ours, cases[0]!, network))
        }
      })
    }
  }
  return [...samples].map(([row, { unit, goal, values }]) => ({
    name: row,
    unit,
    samples: values,
    ...(goal === undefined ? {} : { goal }),
  }))
}

function casesOf({ tokens, postIds }: PopulatedNetwork, random: Random): Case[] {
  const headers = (): Record<string, string> => ({
    authorization: `Bearer ${random.pick(tokens)}`,
  })
  const post = (): number => random.pick(postIds)
  return [
    {
      name: 'feed of 20',
      goal: '≥ 0.6',
      request: () => ({ path: `${PREFIX}/feed?limit=20`, headers: headers() }),
    },
    {
      name: 'post',
      goal: '≥ 0.85',
      request: () => ({ path: `${PREFIX}/posts/${post()}`, headers: headers() }),
    },
  ]
}

async function withServers(
  directory: string,
  threads: number,
  work: (pair: Pair) => Promise<void>,
): Promise<void> {
  const flags = ['--http-threads', String(threads)]
  const ours = await startServer(directory, flags, { SHASHIN_ADMIN_TOKEN: ADMIN_TOKEN })
  const bare = await startBare(threads)
  try {
    await work({ threads, ours, bare })
  } finally {
    await endServed(ours)
    await endServed(bare)
  }
}

async function compare(
  each: Case,
  { ours, bare, threads }: Pair,
): Promise<{ ours: Load; bare: Load }> {
  const connections = CONNECTIONS * threads
  const before = { connections, amount: ANSWERS_BEFORE * threads }
  const extent = { connections, duration: SECONDS }
  await load(ours, each.name, () => each.request(), before)
  const measured = await load(ours, each.name, () => each.request(), extent)
  const path = `/${Math.max(2, measured.answerSize)}`
  const next = (): Request => ({ ...each.request(), path })
  await load(bare, each.name, next, before)
  return { ours: measured, bare: await load(bare, each.name, next, extent) }
}

/** Throws when an answer was not 2xx: a refusal is fast, and would be a lie here. */
async function load(
  { url, process: server }: Served,
  what: string,
  next: () => Request,
  extent: { readonly connections: number; readonly amount?: number; readonly duration?: number },
): Promise<Load> {
  const before = processorMicroseconds(server.pid!, 'http ')
  const result = await autocannon({
    url,
    ...extent,
    requests: [{ setupRequest: (request) => ({ ...request, ...next() }) }],
  })
  const used = processorMicroseconds(server.pid!, 'http ') - before
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(`${what}: ${result.non2xx} answers not 2xx, ${result.errors} errors`)
  }
  const count = result.requests.total
  return {
    rate: count / result.duration,
    microseconds: used / count,
    answerSize: Math.round(result.throughput.total / count) - HEADERS_SIZE,
  }
}

/** Looks once more in a thousand reads, while half of the connections write. */
async function retries(
  server: Served,
  reading: Case,
  { tokens, postIds }: PopulatedNetwork,
): Promise<number> {
  const count = async (): Promise<number> => {
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}` }
    const text = await (await fetch(`${server.url}/metrics`, { headers })).text()
    return Number(/^shashin_seqlock_retries_total (\d+)$/m.exec(text)?.[1])
  }
  const before = await count()
  const writing = autocannon({
    url: `${server.url}${PREFIX}/posts/${postIds[0]}/comments`,
    connections: CONNECTIONS,
    duration: SECONDS,
    method: 'POST',
    headers: { authorization: `Bearer ${tokens[0]}`, 'content-type': 'application/json' },
    body: JSON.stringify({ text: `Said: ${'this is what I think. '.repeat(5)}` }),
  })
  const answers = await autocannon({
    url: server.url,
    connections: CONNECTIONS,
    duration: SECONDS,
    requests: [{ setupRequest: (request) => ({ ...request, ...reading.request() }) }],
  })
  const written = await writing
  if (written.non2xx > 0) throw new Error(`${written.non2xx} comments were refused`)
  // Each request reads twice, who asks and what for.
  const reads = 2 * (answers.requests.total + written.requests.total)
  return ((await count()) - before) / (reads / 1000)
}
