// `shashin snapshot`: takes a snapshot. A running server is asked for one by SIGUSR2; else the
// store is opened here.
//
// A signal has no answer, so the answer is looked for on disk: a snapshot that holds at least what
// the log held when the signal was sent. As long as files of a new one appear, it is waited for.

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { resolveSettings, addSettings } from '../config.ts'
import { NodeDisk } from '../engine/disk.ts'
import { lockHolder, machineProcesses } from '../engine/lock.ts'
import { lastLsnOnDisk, newestSnapshotLsn } from '../engine/state.ts'
import { demandStore, openNetwork } from './store.ts'
import { counted, megabytes, say } from './terminal.ts'
import type { Settings } from '../config.ts'
import type { Command } from 'commander'

const LOOK_EVERY_MS = 100
/** Time in which a server that was asked must have begun. */
const BEGIN_MS_MAX = 10_000

interface Answer {
  readonly lsn: number
  /** False when nothing had changed since the newest one. */
  readonly taken: boolean
  readonly sentence: string
}

export function addSnapshot(program: Command): void {
  const command = addSettings(program.command('snapshot'), 'snapshot')
    .description('take a snapshot, by the running server where there is one')
    .option('--json', 'print the result as JSON')
  command.action(async ({ json }: { json?: true }) => {
    const settings = resolveSettings(command, 'snapshot', process.env)
    const disk = new NodeDisk()
    await demandStore(disk, settings)
    const holder = await lockHolder(disk, settings.data)
    const isRunning = holder !== undefined && machineProcesses.isAlive(holder)
    const { sentence, ...result } = isRunning
      ? await ask(disk, settings, holder)
      : await take(settings)
    process.stdout.write(`${json === true ? JSON.stringify(result) : sentence}\n`)
  })
}

async function take(settings: Settings): Promise<Answer> {
  await using store = await openNetwork(settings)
  const { lsn, taken, pagesWritten, bytesWritten, ms } = await store.snapshot()
  const pages = counted(pagesWritten, 'page')
  const amount = `${pages}, ${megabytes(bytesWritten)}, ${Math.round(ms)} ms`
  return {
    lsn,
    taken,
    sentence: taken ? `Snapshot ${lsn} is taken: ${amount}.` : alreadyThere(lsn),
  }
}

/** Sends the signal and waits until a snapshot with all that is there now has appeared. */
async function ask(disk: NodeDisk, settings: Settings, holder: string): Promise<Answer> {
  const pid = Number(holder.split(' ')[0])
  const newest = await newestSnapshotLsn(disk, settings.snapshots)
  const wanted = await lastLsnOnDisk(disk, settings.data, newest)
  if (wanted === newest) return { lsn: newest, taken: false, sentence: alreadyThere(newest) }
  say(`process ${pid} is asked for a snapshot`)
  process.kill(pid, 'SIGUSR2')
  let waitUntil = performance.now() + BEGIN_MS_MAX
  let seen = await newestFile(disk, settings.snapshots)
  while (performance.now() < waitUntil && machineProcesses.isAlive(holder)) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
    const lsn = await newestSnapshotLsn(disk, settings.snapshots)
    if (lsn >= wanted) {
      return { lsn, taken: true, sentence: `Snapshot ${lsn} is taken by process ${pid}.` }
    }
    const found = await newestFile(disk, settings.snapshots)
    if (found !== seen) waitUntil = performance.now() + BEGIN_MS_MAX
    seen = found
  }
  const reason = machineProcesses.isAlive(holder) ? 'its own output says why' : 'it has ended'
  throw new Error(`process ${pid} has taken no snapshot: ${reason}`)
}

function alreadyThere(lsn: number): string {
  return `Snapshot ${lsn} is there already: nothing has changed since.`
}

/** Name and size of the last file by name: it changes while a snapshot is being written. */
async function newestFile(disk: NodeDisk, directory: string): Promise<string> {
  const name = (await disk.list(directory)).toSorted().at(-1)
  if (name === undefined) return ''
  const size = await stat(join(directory, name)).then(
    ({ size }) => size,
    () => 0,
  )
  return `${name} ${size}`
}
