// The parts of the bench `engine`, each of which runs in a process of its own: what one leaves
// behind in heap, compiled code or memory does not change the numbers of the next.
//
// This file is both halves: imported it starts a part and waits for its measurements, started as a
// program it is that part.

import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { bootFromLog, bootFromSnapshot, readLogFiles, readSnapshotFiles } from './boots.ts'
import { durableInserts } from './durable-inserts.ts'
import { fillAndRead } from './filled-store.ts'
import { snapshotStalls } from './snapshot-stalls.ts'
import type { Measurement } from '../report.ts'

/** What a part is told. */
export interface PartInput {
  readonly directory: string
  /** Comments in the filled store. */
  readonly rows: number
  readonly seed: number
  readonly rounds: number
  /** What alone is wanted, see bench/engine.ts. */
  readonly only: string | undefined
}

const parts = {
  durableInserts,
  fillAndRead,
  bootFromSnapshot,
  bootFromLog,
  readSnapshotFiles,
  readLogFiles,
  snapshotStalls,
}

export type PartName = keyof typeof parts

const TIMEOUT_MS = 15 * 60 * 1000
const children = new Set<ReturnType<typeof fork>>()

/** Runs a part in a new process. Rejects when it fails or takes a quarter of an hour. */
export function runPart(name: PartName, input: PartInput): Promise<Measurement[]> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), {
      execArgv: ['--expose-gc'],
      timeout: TIMEOUT_MS,
    })
    children.add(child)
    let measurements: Measurement[] | undefined
    child.on('message', (message) => {
      measurements = message as Measurement[]
    })
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      children.delete(child)
      if (code === 0 && measurements !== undefined) resolve(measurements)
      else reject(new Error(`The part ${name} ended with ${signal ?? `code ${code}`}.`))
    })
    child.send({ name, input })
  })
}

/** The samples of measurements of the same name together, in the order of first appearance. */
export function joinMeasurements(measurements: readonly Measurement[]): Measurement[] {
  const joined = new Map<string, Measurement>()
  for (const measurement of measurements) {
    const before = joined.get(measurement.name)?.samples ?? []
    joined.set(measurement.name, { ...measurement, samples: [...before, ...measurement.samples] })
  }
  return [...joined.values()]
}

if (import.meta.main) {
  process.once('message', (message) => {
    const { name, input } = message as { name: PartName; input: PartInput }
    // Without the one who asked there is nobody to measure for.
    process.once('disconnect', () => process.exit(1))
    parts[name](input).then(
      (measurements) => process.send!(measurements, () => process.exit(0)),
      (error: unknown) => {
        console.error(error)
        process.exit(1)
      },
    )
  })
}
