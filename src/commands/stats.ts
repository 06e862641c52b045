// `shashin stats`: figures about a store. While a server is running, those that files can tell;
// else everything.

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { resolveSettings, addSettings } from '../config.ts'
import { NodeDisk } from '../engine/disk.ts'
import { lockHolder, machineProcesses } from '../engine/lock.ts'
import { logPaths } from '../engine/state.ts'
import { tableStats } from '../engine/stats.ts'
import { demandStore, withState } from './store.ts'
import { counted, grouped, megabytes, say } from './terminal.ts'
import type { Settings } from '../config.ts'
import type { TableStats } from '../engine/stats.ts'
import type { Command } from 'commander'

interface DirectoryStats {
  readonly files: number
  readonly size: number
}

interface Stats {
  readonly runningAs: number | null
  readonly log: DirectoryStats
  readonly snapshots: DirectoryStats
  readonly media: DirectoryStats
  /** What only a loaded store tells. */
  readonly state: {
    readonly storeId: string
    readonly firstLogLsn: number
    readonly lastLsn: number
    readonly snapshotLsn: number
    readonly rows: number
    readonly memorySize: number
    readonly tables: readonly TableStats[]
  } | null
}

export function addStats(program: Command): void {
  const command = addSettings(program.command('stats'), 'stats')
    .description('print figures about rows, memory, log and snapshots')
    .option('--json', 'print them as JSON')
  command.action(async ({ json }: { json?: true }) => {
    const settings = resolveSettings(command, 'stats', process.env)
    const stats = await collect(settings)
    if (stats.runningAs !== null) {
      say(
        `process ${stats.runningAs} has the store open, so only its files are counted here: ` +
          'the server tells rows and memory to an admin, at /admin/stats',
      )
    }
    process.stdout.write(json === true ? `${JSON.stringify(stats, null, 2)}\n` : shown(stats))
  })
}

async function collect(settings: Settings): Promise<Stats> {
  const disk = new NodeDisk()
  await demandStore(disk, settings)
  const holder = await lockHolder(disk, settings.data)
  const isRunning = holder !== undefined && machineProcesses.isAlive(holder)
  const files = {
    log: await directoryStats(logPaths(settings.data).directory),
    snapshots: await directoryStats(settings.snapshots),
    media: await directoryStats(join(settings.data, 'media')),
  }
  if (isRunning) return { runningAs: Number(holder.split(' ')[0]), ...files, state: null }
  const state = await withState(settings, async (loaded) => ({
    storeId: loaded.storeId,
    firstLogLsn: loaded.log.firstLsn,
    lastLsn: loaded.summary.lastLsn,
    snapshotLsn: loaded.summary.snapshotLsn,
    rows: loaded.summary.rows,
    memorySize: loaded.memory.size,
    tables: tableStats(loaded.tables),
  }))
  return { runningAs: null, ...files, state }
}

/** Files and bytes below a directory; what vanishes meanwhile is left out. */
async function directoryStats(directory: string): Promise<DirectoryStats> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => [])
  let size = 0
  let files = 0
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const found = await stat(join(entry.parentPath, entry.name)).catch(() => undefined)
    if (found === undefined) continue
    files++
    size += found.size
  }
  return { files, size }
}

function shown({ log, snapshots, media, state }: Stats): string {
  const lines = [
    `log        ${counted(log.files, 'file')}, ${megabytes(log.size)}`,
    `snapshots  ${counted(snapshots.files, 'file')}, ${megabytes(snapshots.size)}`,
    `media      ${counted(media.files, 'file')}, ${megabytes(media.size)}`,
  ]
  if (state !== null) {
    const { storeId, firstLogLsn, snapshotLsn, lastLsn, memorySize, rows, tables } = state
    lines.push(
      `store      ${storeId}`,
      `lsn        ${firstLogLsn} first in the log, ${snapshotLsn} newest snapshot, ${lastLsn} last`,
      `memory     ${megabytes(memorySize)}, ${counted(rows, 'row')}`,
      '',
      columns(['table', 'rows', 'last id', 'memory', 'records']),
      ...tables.map((table) =>
        columns([
          table.name,
          grouped(table.rows),
          grouped(table.lastId),
          megabytes(table.memorySize),
          megabytes(table.recordSize),
        ]),
      ),
    )
  }
  return `${lines.join('\n')}\n`
}

/** The first one to the left, the others to the right. */
function columns([name = '', ...figures]: readonly string[]): string {
  return name.padEnd(16) + figures.map((figure) => figure.padStart(14)).join('')
}
