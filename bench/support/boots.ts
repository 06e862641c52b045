// How long a store takes to be there again, from its snapshot alone or from its log alone, and what
// a plain read of the same files takes.
//
// Each runs in a process of its own, new memory and cold code included; starting Node itself is
// left out. The files are in the page cache, which the first plain read sees to. The plain read
// keeps what it has read, as a boot must: to read into memory that the process already has would be
// quicker. Only the boot from the log is told undisturbed as well: it is the work of one thread,
// while pages are read and placed by several.

import { closeSync, fstatSync, mkdtempSync, openSync, readSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { comments, openStore } from './comment-network.ts'
import { rowsOf, secondsOf, startStopwatch } from './stopwatch.ts'
import type { PartInput } from './engine-parts.ts'
import type { Sample } from './stopwatch.ts'
import type { Measurement } from '../report.ts'

const READ_SIZE = 8 * 1024 * 1024

export async function bootFromSnapshot(input: PartInput): Promise<Measurement[]> {
  const [sample, replayed] = await boot(input, join(input.directory, 'snapshots'))
  if (replayed > 0) throw new Error(`${replayed} transactions came from the log.`)
  const goal = '≤ 1.5, or 1.5 × plain read'
  return [{ name: 'boot from snapshot alone', unit: 's', samples: [sample.measured], goal }]
}

export async function bootFromLog(input: PartInput): Promise<Measurement[]> {
  const empty = mkdtempSync(join(input.directory, 'no-snapshots-'))
  const [sample] = await boot(input, empty)
  return rowsOf('boot from log alone', 's', [sample], '≤ 5')
}

/** Seconds, and transactions that were replayed. */
async function boot(
  { directory, rows }: PartInput,
  snapshotDirectory: string,
): Promise<[Sample, number]> {
  const elapsed = startStopwatch()
  await using store = await openStore(directory, { snapshotDirectory })
  const sample = secondsOf(elapsed())
  if (store.view.rowCount(comments) !== rows) throw new Error('Some comments are not back.')
  return [sample, store.recovery.replayed]
}

export async function readSnapshotFiles({ directory }: PartInput): Promise<Measurement[]> {
  return readPlainly('plain read of the snapshot', join(directory, 'snapshots'))
}

export async function readLogFiles({ directory }: PartInput): Promise<Measurement[]> {
  return readPlainly('plain read of the log', join(directory, 'data', 'log'))
}

function readPlainly(name: string, directory: string): Measurement[] {
  const files = readdirSync(directory).map((file) => join(directory, file))
  for (const file of files) readFile(file) // The page cache is warm from here on.
  const elapsed = startStopwatch()
  const kept: Buffer[] = []
  for (const file of files) readFile(file, kept)
  return [{ name, unit: 's', samples: [elapsed().ms / 1000] }]
}

function readFile(file: string, kept?: Buffer[]): void {
  const descriptor = openSync(file, 'r')
  const { size } = fstatSync(descriptor)
  let buffer: Buffer | undefined
  for (let position = 0; position < size; position += READ_SIZE) {
    if (buffer === undefined || kept !== undefined) buffer = Buffer.allocUnsafeSlow(READ_SIZE)
    readSync(descriptor, buffer, 0, READ_SIZE, position)
    kept?.push(buffer)
  }
  closeSync(descriptor)
}
