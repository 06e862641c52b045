// `shashin export [FILE]`: the whole store as JSON lines (engine/portable.ts), to a file or to standard output.
//
// A file appears under its name only when it is complete and synced.

import { createWriteStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { once } from 'node:events'
import { resolveSettings, addSettings } from '../config.ts'
import { exportLines } from '../engine/portable.ts'
import { withState } from './store.ts'
import { ProgressLine, grouped } from './terminal.ts'
import type { State } from '../engine/state.ts'
import type { Command } from 'commander'
import type { Writable } from 'node:stream'

export function addExport(program: Command): void {
  const command = addSettings(program.command('export'), 'export')
    .description('write all rows as JSON lines')
    .argument('[file]', 'file to write; standard output when left out or "-"', '-')
  command.action(async (file: string) => {
    const settings = resolveSettings(command, 'export', process.env)
    await withState(settings, undefined, async (state) => {
      const rows = file === '-' ? await write(state, process.stdout) : await writeFile(state, file)
      say(`exported ${grouped(rows)} rows at lsn ${state.summary.lastLsn}`)
    })
  })
}

async function writeFile(state: State, file: string): Promise<number> {
  const partial = `${file}.partial`
  const stream = createWriteStream(partial)
  try {
    const rows = await write(state, stream)
    stream.end()
    await once(stream, 'close')
    const written = await open(partial, 'r+')
    await written.sync()
    await written.close()
    await rename(partial, file)
    return rows
  } catch (error) {
    stream.destroy()
    await rm(partial, { force: true })
    throw error
  }
}

async function write(state: State, stream: Writable): Promise<number> {
  const line = new ProgressLine()
  const { tables, storeId, summary, lastTime } = state
  let failure: Error | undefined
  stream.on('error', (error) => (failure = error))
  let rows = 0
  for (const lines of exportLines(tables, storeId, lastTime, (count) => (rows = count))) {
    if (failure !== undefined) throw failure
    if (!stream.write(lines)) await Promise.race([once(stream, 'drain'), once(stream, 'error')])
    line.tell('export', rows, summary.rows, `${grouped(rows)} rows`)
  }
  line.end()
  if (failure !== undefined) throw failure
  return rows
}
