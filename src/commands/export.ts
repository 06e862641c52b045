// `shashin export [FILE]`: the whole store as JSON lines (engine/portable.ts), to a file or to
// standard output.
//
// A file appears under its name only when it is complete and synced. What is there and is no file
// (a pipe, a device) is written as it is.

import { constants } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { resolveSettings, addSettings } from '../config.ts'
import { exportLines } from '../engine/portable.ts'
import { withState } from './store.ts'
import { ProgressLine, counted, say } from './terminal.ts'
import type { FileHandle } from 'node:fs/promises'
import type { State } from '../engine/state.ts'
import type { Command } from 'commander'

export function addExport(program: Command): void {
  const command = addSettings(program.command('export'), 'export')
    .description('write all rows as JSON lines')
    .argument('[file]', 'file to write; standard output when left out or "-"', '-')
  command.action(async (name: string) => {
    const settings = resolveSettings(command, 'export', process.env)
    // Before the store is loaded, which may take a while: a wrong name is told at once.
    const target = name === '-' ? undefined : await openTarget(name)
    try {
      await withState(settings, async (state) => {
        const rows = await write(state, target)
        await target?.finish()
        say(`exported ${counted(rows, 'row')} at lsn ${state.summary.lastLsn}`)
      })
    } catch (error) {
      await target?.discard()
      throw error
    }
  })
}

interface Target {
  readonly file: FileHandle
  /** Makes what was written durable, under its name. */
  finish(): Promise<void>
  discard(): Promise<void>
}

async function openTarget(name: string): Promise<Target> {
  const found = await stat(name).catch(() => undefined)
  const isFile = found === undefined || found.isFile()
  const path = isFile ? `${name}.partial` : name
  const file = await open(path, isFile ? 'w' : constants.O_WRONLY)
  return {
    file,
    finish: async () => {
      if (isFile) await file.sync()
      await file.close()
      if (isFile) await rename(path, name)
    },
    discard: async () => {
      await file.close()
      if (isFile) await rm(path, { force: true })
    },
  }
}

/** Returns the number of rows. */
async function write(state: State, target: Target | undefined): Promise<number> {
  const line = new ProgressLine()
  const { tables, storeId, summary, lastTime } = state
  let rows = 0
  const lines = exportLines(tables, storeId, lastTime, (count) => {
    rows = count
    line.tell('export', count, summary.rows, counted(count, 'row'))
  })
  try {
    if (target === undefined) await pipeline(Readable.from(lines), process.stdout, { end: false })
    else await target.file.writeFile(lines)
  } finally {
    line.end()
  }
  return rows
}
