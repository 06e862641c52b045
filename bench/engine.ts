// How fast the engine is, beside what disk and memory of the same machine give in the same run.
//
//   part        measures
//   inserts     durable inserts with 1, 64 and 256 in flight, beside raw durable writes
//   memory      bytes a comment
//   reads       random rows; newest 20 of a post
//   boot        from snapshot alone and from log alone, beside plain reads of the same files
//   snapshots   stalls and write latencies with and without a running snapshot
//
// All but the first need a filled store (support/filled-store.ts). Everything is measured several
// times, and the table shows the spread. The machine may have other work: "undisturbed" rows leave
// out what the thread has waited for a processor (support/stopwatch.ts).

import { rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { joinMeasurements, runPart } from './support/engine-parts.ts'
import type { BenchContext } from './main.ts'
import type { Measurement } from './report.ts'
import type { PartInput, PartName } from './support/engine-parts.ts'

export const name = 'engine'
export const question = 'How fast is the engine, against its disk and its memory?'
export const options = {
  rows: { type: 'string' },
  rounds: { type: 'string' },
  quick: { type: 'boolean' },
  only: { type: 'string' },
} as const

const PARTS = ['inserts', 'memory', 'reads', 'boot', 'snapshots']
const ROWS = 5_000_000
const QUICK_ROWS = 500_000
const ROWS_MAX = 100_000_000
const FREE_SIZE_MIN = 8e9
/** Of a comment on the disk: log, snapshot, and a second snapshot while it is measured. */
const ROW_DISK_SIZE = 600
/** Of what the writers of the snapshot part and the inserts leave in logs. */
const WRITERS_DISK_SIZE = 1.5e9
const ROW_MEMORY_SIZE = 220

interface Plan {
  readonly rows: number
  readonly rounds: number
  readonly only: string | undefined
}

export async function run(context: BenchContext): Promise<readonly Measurement[]> {
  const plan = planOf(context)
  demandSpace(context, plan)
  const { rounds, only } = plan
  const input: PartInput = { ...plan, directory: context.directory, seed: context.seed }
  const measurements: Measurement[] = []
  const measure = async (part: PartName): Promise<void> => {
    context.say(`  ${part} …`)
    measurements.push(...(await runPart(part, input)))
  }
  const wants = (part: string): boolean => only === undefined || only === part

  if (wants('inserts')) {
    await measure('durableInserts')
    rmSync(join(context.directory, 'inserts'), { recursive: true })
  }
  if (only !== 'inserts') await measure('fillAndRead')
  const bootCount = Math.ceil(rounds / 2)
  if (wants('boot')) {
    for (let round = 0; round < bootCount; round++) {
      await measure('readSnapshotFiles')
      await measure('bootFromSnapshot')
      await measure('readLogFiles')
      await measure('bootFromLog')
    }
  }
  if (wants('snapshots')) {
    rmSync(join(context.directory, 'snapshots'), { recursive: true })
    for (let round = 0; round < bootCount; round++) await measure('snapshotStalls')
  }
  return joinMeasurements(measurements)
}

function planOf(context: BenchContext): Plan {
  const given = context.options
  const isQuick = given['quick'] === true
  const natural = (option: string, otherwise: number, most: number): number => {
    const text = given[option] as string | undefined
    if (text === undefined) return otherwise
    const value = Number(text.replaceAll('_', ''))
    if (Number.isInteger(value) && value >= 1 && value <= most) return value
    return context.refuse(`--${option} was given "${text}", but it takes 1 to ${most}.`)
  }
  const only = given['only'] as string | undefined
  if (only !== undefined && !PARTS.includes(only)) {
    context.refuse(`--only was given "${only}", but it takes one of: ${PARTS.join(', ')}.`)
  }
  return {
    rows: natural('rows', isQuick ? QUICK_ROWS : ROWS, ROWS_MAX),
    rounds: natural('rounds', isQuick ? 3 : 7, 100),
    only,
  }
}

/** Says what will be used; refuses when the disk does not have it. */
function demandSpace(context: BenchContext, { rows, only }: Plan): void {
  const { directory } = context
  const fillSize = only === 'inserts' ? 0 : rows * ROW_DISK_SIZE
  const diskSize = fillSize + WRITERS_DISK_SIZE
  const { bavail, bsize } = statfsSync(directory)
  const freeSize = bavail * bsize
  const gigabytes = (size: number): string => (size / 1e9).toFixed(1)
  if (freeSize < Math.max(FREE_SIZE_MIN, diskSize * 1.5)) {
    context.refuse(
      `${gigabytes(freeSize)} GB are free in ${directory}, and ` +
        `${gigabytes(Math.max(FREE_SIZE_MIN, diskSize * 1.5))} GB are asked for: ` +
        'choose fewer --rows, or another disk by --directory.',
    )
  }
  const minutes = 1 + Math.ceil(rows / 2_000_000)
  context.say(
    `${rows.toLocaleString('en')} comments: up to ${gigabytes(diskSize)} GB of disk in ` +
      `${directory} and ${gigabytes(rows * ROW_MEMORY_SIZE * 1.5)} GB of memory, ` +
      `about ${minutes} minutes. Files are read from the page cache.`,
  )
}
