// How many requests a second does the running server answer, and which share is that of a Fastify
// that answers as many constant bytes?
//
// Server, yardstick and load are three processes. Each case is measured in rounds, server and
// yardstick one right after the other, so that a ratio compares the same minute of the same
// machine. The load is autocannon with a fixed number of connections, for a fixed time. A case
// counts only when every answer was of the 2xx kind. What a case needs (tokens, posts, comments) is
// there before the server starts; nobody is limited in how much to ask.

import autocannon from 'autocannon'
import { Random } from '../src/std/random.ts'
import { populate } from './support/populated-network.ts'
import { endServed, startBare, startServer } from './support/served.ts'
import type { Request } from 'autocannon'
import type { BenchContext } from './main.ts'
import type { Measurement } from './report.ts'
import type { PopulatedNetwork } from './support/populated-network.ts'

export const name = 'http'
export const question =
  'Requests a second of the running server, beside a bare Fastify with answers of that size.'

const ROUNDS = 3
const SECONDS = 2
const CONNECTIONS = 32
const POPULATION = { people: 200, follows: 50, posts: 1_000, comments: 24_000, likes: 20_000 }
const PREFIX = '/api/shashin/v1'

interface Case {
  readonly name: string
  readonly connections: number
  /** A new request each time. */
  next(): Request & { readonly path: string }
}

export async function run(context: BenchContext): Promise<readonly Measurement[]> {
  const { directory, args } = context
  const say = (line: string): void => context.say(line)
  const random = new Random(context.seed)
  say('filling a network')
  const network = await populate(directory, POPULATION, random)
  const server = await startServer(directory)
  const bare = await startBare()
  try {
    const measurements: Measurement[] = []
    for (const each of casesOf(network, random)) {
      if (args.length > 0 && !args.includes(each.name)) continue
      measurements.push(...(await measure(each, server.url, bare.url, say)))
    }
    return measurements
  } finally {
    await endServed(server)
    await endServed(bare)
  }
}

function casesOf({ tokens, postIds }: PopulatedNetwork, random: Random): Case[] {
  let handles = 0
  const headers = (): Record<string, string> => ({
    authorization: `Bearer ${random.pick(tokens)}`,
  })
  const jsonHeaders = (): Record<string, string> => ({
    ...headers(),
    'content-type': 'application/json',
  })
  const post = (): number => random.pick(postIds)
  const feed = (): ReturnType<Case['next']> => ({
    path: `${PREFIX}/feed?limit=20`,
    headers: headers(),
  })
  const page = (): ReturnType<Case['next']> => ({
    path: `${PREFIX}/posts/${post()}`,
    headers: headers(),
  })
  const thread = (): ReturnType<Case['next']> => ({
    path: `${PREFIX}/posts/${post()}/comments?limit=20`,
    headers: headers(),
  })
  const comment = (): ReturnType<Case['next']> => ({
    method: 'POST',
    path: `${PREFIX}/posts/${post()}/comments`,
    headers: jsonHeaders(),
    body: JSON.stringify({ text: `Said: ${'this is what I think. '.repeat(5)}` }),
  })
  const like = (): ReturnType<Case['next']> => ({
    method: 'PUT',
    path: `${PREFIX}/posts/${post()}/like`,
    headers: headers(),
  })
  const mix = [feed, feed, feed, page, page, page, thread, thread, comment, like]
  const signUp = (): ReturnType<Case['next']> => ({
    method: 'POST',
    path: `${PREFIX}/users`,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ handle: `new${handles++}`, password: 'a long password' }),
  })
  return [
    // Fewer at once than the queue of hashes takes.
    { name: 'sign-up', connections: 8, next: signUp },
    { name: 'feed', connections: CONNECTIONS, next: feed },
    { name: 'post', connections: CONNECTIONS, next: page },
    { name: 'thread', connections: CONNECTIONS, next: thread },
    { name: 'comment', connections: CONNECTIONS, next: comment },
    { name: 'mixed', connections: CONNECTIONS, next: () => random.pick(mix)() },
  ]
}

async function measure(
  each: Case,
  serverUrl: string,
  bareUrl: string,
  say: (line: string) => void,
): Promise<Measurement[]> {
  const rates: number[] = []
  const latencies: number[] = []
  const bareRates: number[] = []
  const shares: number[] = []
  let size = 0
  for (let round = 1; round <= ROUNDS; round++) {
    const ours = await load(each, serverUrl, (request) => request)
    size = ours.answerSize
    const path = `/${ours.answerSize}`
    const theirs = await load(each, bareUrl, (request) => ({ ...request, path }))
    rates.push(ours.rate)
    latencies.push(ours.p99)
    bareRates.push(theirs.rate)
    shares.push(ours.rate / theirs.rate)
    const both = `${Math.round(ours.rate)}/s, bare ${Math.round(theirs.rate)}/s`
    say(`${each.name} ${round}/${ROUNDS}: ${both}`)
  }
  const label = `${each.name}, ${each.connections} connections`
  return [
    { name: label, unit: '/s', samples: rates },
    { name: `${label}, p99`, unit: 'ms', samples: latencies },
    { name: `  bare Fastify, ${size} bytes`, unit: '/s', samples: bareRates },
    { name: '  share of bare', unit: '×', samples: shares },
  ]
}

/** Throws when an answer was not 2xx: a refusal is fast, and would be a lie here. */
async function load(
  each: Case,
  url: string,
  change: (request: ReturnType<Case['next']>) => Request,
): Promise<{ rate: number; p99: number; answerSize: number }> {
  const result = await autocannon({
    url,
    connections: each.connections,
    duration: SECONDS,
    requests: [{ setupRequest: (request) => ({ ...request, ...change(each.next()) }) }],
  })
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(`${each.name}: ${result.non2xx} answers not 2xx, ${result.errors} errors`)
  }
  return {
    rate: result.requests.total / result.duration,
    p99: result.latency.p99,
    // Headers are some 250 bytes of it.
    answerSize: Math.max(2, Math.round(result.throughput.total / result.requests.total) - 250),
  }
}
