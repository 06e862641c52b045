// `shashin snapshot`: takes a snapshot. A running server is asked for one by SIGUSR2; else the store is opened here.

import { resolveSettings, addSettings } from '../config.ts'
import { NodeDisk } from '../engine/disk.ts'
import { lockHolder, machineProcesses } from '../engine/lock.ts'
import { newestSnapshotLsn } from '../engine/state.ts'
import { demandStore, openNetwork, say } from './store.ts'
import { grouped, megabytes } from './terminal.ts'
import type { Settings } from '../config.ts'
import type { Command } from 'commander'

const LOOK_EVERY_MS = 100
const WAIT_MS_MAX = 10 * 60 * 1000

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
    const result = isRunning ? await ask(disk, settings, holder) : await take(settings)
    process.stdout.write(json === true ? `${JSON.stringify(result)}\n` : `${result.sentence}\n`)
  })
}

async function take(settings: Settings): Promise<{ lsn: number; sentence: string }> {
  await using store = await openNetwork(settings)
  const { lsn, taken, pagesWritten, bytesWritten, ms } = await store.snapshot()
  const amount = `${grouped(pagesWritten)} pages, ${megabytes(bytesWritten)}, ${Math.round(ms)} ms`
  const sentence = taken ? `snapshot ${lsn}: ${amount}` : `snapshot ${lsn} is there already`
  return { lsn, sentence }
}

/** Sends the signal and waits until a newer snapshot has appeared. */
async function ask(
  disk: NodeDisk,
  settings: Settings,
  holder: string,
): Promise<{ lsn: number; sentence: string }> {
  const pid = Number(holder.split(' ')[0])
  const before = await newestSnapshotLsn(disk, settings.snapshots)
  say(`asking process ${pid} for a snapshot`)
  process.kill(pid, 'SIGUSR2')
  const end = performance.now() + WAIT_MS_MAX
  let quietUntil = performance.now() + 2000
  while (performance.now() < end && machineProcesses.isAlive(holder)) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
    const lsn = await newestSnapshotLsn(disk, settings.snapshots)
    if (lsn > before) return { lsn, sentence: `snapshot ${lsn}: taken by process ${pid}` }
    if (await isBeingWritten(disk, settings.snapshots)) quietUntil = performance.now() + 2000
    else if (performance.now() > quietUntil) {
      return { lsn, sentence: `snapshot ${lsn} is the newest: nothing has changed since, or it failed; the server's log says which` }
    }
  }
  throw new Error(`process ${pid} has taken no snapshot`)
}

/** True while there is a pages file or an unfinished manifest newer than every manifest. */
async function isBeingWritten(disk: NodeDisk, directory: string): Promise<boolean> {
  return (await disk.list(directory)).some((name) => name.endsWith('.partial'))
}
