// What a running snapshot does to those who wait: the longest stall of the thread and the latencies
// of durable writes, in windows with a snapshot and in windows without one.
//
// 64 writers never stop. A full snapshot comes first (the store is booted from its log, so no
// snapshot is known of its memory), then incremental ones, and windows without any between them. A
// stall is how late a timer of one millisecond is. It has other causes too: the writes of the log
// that are made in the thread, and all that a shared machine does meanwhile; the windows without a
// snapshot tell. "Of work" is what the thread itself has done in such a time, before-images and
// collections included. "Longest slice" is what the snapshot itself says for how long it has held
// the thread.

import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createHistogram } from 'node:perf_hooks'
import { Random } from '../../src/std/random.ts'
import { CommentSource, openStore } from './comment-network.ts'
import { insertFor } from './durable-inserts.ts'
import { StallWatch } from './stopwatch.ts'
import { percentile } from '../report.ts'
import type { CommentStore } from './comment-network.ts'
import type { PartInput } from './engine-parts.ts'
import type { Stall } from './stopwatch.ts'
import type { Measurement } from '../report.ts'

const IN_FLIGHT = 64
const WARM_UP_MS = 2000
const WINDOW_MS = 1500
const INCREMENTAL_COUNT = 3

interface Window {
  readonly stall: Stall
  readonly p99Ms: number
  readonly longestMs: number
  readonly rate: number
  /** Of the snapshot, if there was one. */
  readonly sliceMs: number
  readonly seconds: number
  readonly megabytes: number
}

export async function snapshotStalls(input: PartInput): Promise<Measurement[]> {
  const snapshotDirectory = mkdtempSync(join(input.directory, 'stalls-'))
  try {
    await using store = await openStore(input.directory, { snapshotDirectory, snapshotsKept: 1 })
    const source = new CommentSource(store, new Random(input.seed))
    await insertFor(store, source, IN_FLIGHT, WARM_UP_MS)
    const quiet = [await window(store, source, false)]
    const full = [await window(store, source, true)]
    const incremental: Window[] = []
    for (let count = 0; count < INCREMENTAL_COUNT; count++) {
      quiet.push(await window(store, source, false))
      incremental.push(await window(store, source, true))
    }
    return [
      ...rows('no snapshot', quiet),
      ...rows('full snapshot', full),
      ...rows('incremental snapshot', incremental),
    ]
  } finally {
    rmSync(snapshotDirectory, { recursive: true, force: true })
  }
}

/** Writes go on for a while, and until the snapshot is finished. */
async function window(
  store: CommentStore,
  source: CommentSource,
  isTaking: boolean,
): Promise<Window> {
  // Not a list: one of a million numbers stalls the thread for 20 ms when it outgrows its memory.
  const latencies = createHistogram()
  const rates: number[] = []
  using stalls = new StallWatch()
  const snapshot = isTaking ? store.snapshot() : undefined
  do {
    const rate = await insertFor(store, source, IN_FLIGHT, WINDOW_MS, latencies)
    rates.push(rate.measured)
  } while (store.stats().snapshot.running)
  const taken = (await snapshot) ?? { sliceMsMax: 0, ms: 0, bytesWritten: 0 }
  return {
    stall: stalls.longest,
    p99Ms: latencies.percentile(99) / 1e6,
    longestMs: latencies.max / 1e6,
    rate: percentile(rates, 0.5),
    sliceMs: taken.sliceMsMax,
    seconds: taken.ms / 1000,
    megabytes: taken.bytesWritten / 1e6,
  }
}

function rows(when: string, windows: readonly Window[]): Measurement[] {
  const row = (name: string, unit: string, of: (at: Window) => number): Measurement => ({
    name: `${when}: ${name}`,
    unit,
    samples: windows.map(of),
  })
  const isTaking = windows.some(({ seconds }) => seconds > 0)
  const worked = row('longest stall, of work', 'ms', (at) => at.stall.workedMs)
  const measured = [
    row('longest stall', 'ms', (at) => at.stall.lateMs),
    isTaking ? { ...worked, goal: '≤ 5 by the snapshot' } : worked,
    row('write, 99 of 100 within', 'ms', (at) => at.p99Ms),
    row('write, longest', 'ms', (at) => at.longestMs),
    row('writes, 64 in flight', '/s', (at) => at.rate),
  ]
  if (!isTaking) return measured
  return [
    ...measured,
    row('longest slice', 'ms', (at) => at.sliceMs),
    row('takes', 's', (at) => at.seconds),
    row('writes', 'MB', (at) => at.megabytes),
  ]
}
