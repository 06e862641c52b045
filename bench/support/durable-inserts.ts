// Durable inserts a second with 1, 64 and 256 comments in flight, beside what the disk gives.
//
// One in flight is all about the disk, and disks change their mind from second to second. So the
// raw writes and the store take turns, each for a fifth of a second, and the ratio is that of one
// round. The raw writes are as large as the frames that the store writes with one in flight.
//
// The callers live in the store's thread and share its time: what is measured is the whole way from
// `transact` to its settled promise.

import { mkdirSync } from 'node:fs'
import { Random } from '../../src/std/random.ts'
import { CommentSource, openStore, populate } from './comment-network.ts'
import { RawWrites } from './raw-writes.ts'
import { rateOf, rowsOf, startStopwatch } from './stopwatch.ts'
import type { CommentStore } from './comment-network.ts'
import type { PartInput } from './engine-parts.ts'
import type { Sample } from './stopwatch.ts'
import type { RecordableHistogram } from 'node:perf_hooks'
import type { Measurement } from '../report.ts'

const SLICE_MS = 200
const SLICES_A_ROUND = 3
const WARM_UP_MS = 1500
const NETWORK_COMMENT_COUNT = 1_000_000
const FRAME_HEADER_SIZE = 40

/**
 * Keeps `inFlight` inserts under way for `ms`. Returns how many were answered a second; latencies
 * go into the histogram, in nanoseconds.
 */
export async function insertFor(
  store: CommentStore,
  source: CommentSource,
  inFlight: number,
  ms: number,
  latencies?: RecordableHistogram,
): Promise<Sample> {
  const elapsed = startStopwatch()
  const end = performance.now() + ms
  let count = 0
  const caller = async (): Promise<void> => {
    for (;;) {
      const askedAt = performance.now()
      if (askedAt >= end) return
      await store.transact('comment', source.next())
      count++
      latencies?.record(Math.max(1, Math.round((performance.now() - askedAt) * 1e6)))
    }
  }
  await Promise.all(Array.from({ length: inFlight }, caller))
  return rateOf(count, elapsed())
}

interface Round {
  append: number
  overwrite: number
  dsync: number
  store: number
}

export async function durableInserts(input: PartInput): Promise<Measurement[]> {
  const directory = `${input.directory}/inserts`
  mkdirSync(directory, { recursive: true })
  await using store = await openStore(directory)
  await populate(store, NETWORK_COMMENT_COUNT)
  const source = new CommentSource(store, new Random(input.seed))
  await insertFor(store, source, 64, WARM_UP_MS)
  const size = await frameSizeOfOne(store, source)

  const { rounds } = input
  const alone: Round[] = []
  const many = new Map<number, Sample[]>([64, 256].map((inFlight) => [inFlight, []]))
  using raw = new RawWrites(directory, size)
  for (let round = 0; round < rounds; round++) {
    alone.push(await roundAlone(raw, store, source))
    for (const [inFlight, rates] of many) {
      rates.push(await insertFor(store, source, inFlight, SLICE_MS * 5))
    }
  }
  const best = ({ append, overwrite }: Round): number => Math.max(append, overwrite)
  return [
    row(`raw disk: append ${size} bytes + fdatasync`, alone, (at) => at.append),
    row(`raw disk: overwrite ${size} bytes + fdatasync`, alone, (at) => at.overwrite),
    row(`raw disk: overwrite ${size} bytes, O_DSYNC`, alone, (at) => at.dsync),
    row('durable inserts, 1 in flight', alone, (at) => at.store),
    {
      name: '  against the better one with fdatasync',
      unit: '×',
      samples: alone.map((at) => at.store / best(at)),
      goal: '≥ 0.9',
    },
    {
      name: '  against O_DSYNC',
      unit: '×',
      samples: alone.map((at) => at.store / at.dsync),
    },
    ...rowsOf('durable inserts, 64 in flight', '/s', many.get(64)!, '≥ 150 000'),
    ...rowsOf('durable inserts, 256 in flight', '/s', many.get(256)!, '≥ 250 000'),
  ]
}

function row(name: string, rounds: readonly Round[], of: (round: Round) => number): Measurement {
  return { name, unit: '/s', samples: rounds.map(of) }
}

async function roundAlone(
  raw: RawWrites,
  store: CommentStore,
  source: CommentSource,
): Promise<Round> {
  const sums: Round = { append: 0, overwrite: 0, dsync: 0, store: 0 }
  for (let slice = 0; slice < SLICES_A_ROUND; slice++) {
    sums.append += raw.append(SLICE_MS) / SLICES_A_ROUND
    sums.overwrite += raw.overwrite(SLICE_MS) / SLICES_A_ROUND
    sums.store += (await insertFor(store, source, 1, SLICE_MS)).measured / SLICES_A_ROUND
    sums.dsync += raw.overwriteDsync(SLICE_MS) / SLICES_A_ROUND
  }
  return sums
}

/** Bytes of the frame of a single insert. */
async function frameSizeOfOne(store: CommentStore, source: CommentSource): Promise<number> {
  const before = store.stats().commits
  await insertFor(store, source, 1, SLICE_MS)
  const after = store.stats().commits
  const payloadSize = (after.bytes - before.bytes) / (after.batches - before.batches)
  return Math.ceil((FRAME_HEADER_SIZE + payloadSize) / 8) * 8
}
