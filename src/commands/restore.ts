// `shashin restore`: the state as it was after a transaction or at a time, as a store of its own in
// a new directory.
//
// Photos are content-addressed and never change, so all of them are copied (cloned where the file
// system can).

import { constants } from 'node:fs'
import { cp, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError, resolveSettings, addSettings } from '../config.ts'
import { NodeDisk } from '../engine/disk.ts'
import { DirectoryLock } from '../engine/lock.ts'
import { restore } from '../engine/restore.ts'
import { demandStore } from './store.ts'
import { ProgressLine, counted, say, tellRecovery } from './terminal.ts'
import type { RestoreOptions } from '../engine/restore.ts'
import type { Command } from 'commander'

interface RestoreFlags {
  readonly toLsn?: string
  readonly toTime?: string
  readonly into: string
  readonly json?: true
}

export function addRestore(program: Command): void {
  const command = addSettings(program.command('restore'), 'restore')
    .description('bring an earlier state back, into a new directory')
    .option('--to-lsn <lsn>', 'the state after this transaction')
    .option('--to-time <time>', 'the state at this time, like 2026-01-31T12:00:00Z')
    .requiredOption('--into <directory>', 'directory that gets data and snapshots')
    .option('--json', 'print the result as JSON')
  command.action(async (flags: RestoreFlags) => {
    const settings = resolveSettings(command, 'restore', process.env)
    const to = target(flags)
    const disk = new NodeDisk()
    await demandStore(disk, settings)
    const lock = await DirectoryLock.acquire(disk, settings.data)
    const line = new ProgressLine()
    try {
      const result = await restore({
        disk,
        dataDirectory: settings.data,
        snapshotDirectory: settings.snapshots,
        into: flags.into,
        to,
        segmentSize: settings.segmentSize,
        report: say,
        progress: (progress) => tellRecovery(line, progress),
      })
      line.end()
      await copyPhotos(settings.data, flags.into)
      const { lsn, rows } = result
      const time = new Date(result.time).toISOString()
      const [data, snapshots] = [join(flags.into, 'data'), join(flags.into, 'snapshots')]
      process.stdout.write(
        flags.json === true
          ? `${JSON.stringify({ ...result, data, snapshots })}\n`
          : `Restored ${counted(rows, 'row')} as of lsn ${lsn}, ${time}.\n` +
              `Start it with: shashin serve --data ${data} --snapshots ${snapshots}\n`,
      )
    } finally {
      line.end()
      await lock.release()
    }
  })
}

function target({ toLsn, toTime }: RestoreFlags): RestoreOptions['to'] {
  if ((toLsn === undefined) === (toTime === undefined)) {
    throw new ConfigError('COMMAND_LINE_INVALID', 'Restore takes either --to-lsn or --to-time.')
  }
  if (toLsn !== undefined) {
    const lsn = /^\d{1,15}$/.test(toLsn) ? Number(toLsn) : 0
    if (lsn > 0) return { lsn }
    const message = `--to-lsn was given "${toLsn}", but it takes a whole number from 1.`
    throw new ConfigError('SETTING_INVALID', message)
  }
  const time = Date.parse(toTime!)
  if (Number.isFinite(time)) return { time }
  const message = `--to-time was given "${toTime}", but it takes a time like 2026-01-31T12:00:00Z.`
  throw new ConfigError('SETTING_INVALID', message)
}

async function copyPhotos(dataDirectory: string, into: string): Promise<void> {
  const source = join(dataDirectory, 'media')
  const found = await stat(source).catch(() => undefined)
  if (found === undefined) return
  await cp(source, join(into, 'data', 'media'), {
    recursive: true,
    mode: constants.COPYFILE_FICLONE,
  })
}
