// `shashin import [FILE]`: reads an export into an empty store, from a file or from standard input.
//
// Rows become durable in batches while the file is read; only its last line proves that it was whole. So an import that
// fails leaves a store with a part of the rows, and says to delete it and begin again.

import { open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { resolveSettings, addSettings } from '../config.ts'
import { openNetwork } from './store.ts'
import { ProgressLine, grouped } from './terminal.ts'
import type { Command } from 'commander'

export function addImport(program: Command): void {
  const command = addSettings(program.command('import'), 'import')
    .description('read an export into an empty store')
    .argument('[file]', 'file to read; standard input when left out or "-"', '-')
  command.action(async (file: string) => {
    const settings = resolveSettings(command, 'import', process.env)
    // Before the store is made, so that a wrong name leaves nothing behind.
    const input = file === '-' ? process.stdin : (await open(file)).createReadStream()
    await using store = await openNetwork(settings)
    const line = new ProgressLine()
    const startedAt = performance.now()
    let importedCount = 0
    try {
      const lines = createInterface({ input, crlfDelay: Infinity })
      const rows = await store.importLines(lines, (count) => {
        importedCount = count
        line.tell('import', count, Infinity, `${grouped(count)} rows`)
      })
      line.end()
      const { lsn } = await store.snapshot()
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
      say(`imported ${grouped(rows)} rows in ${seconds} s, snapshot ${lsn}`)
    } catch (error) {
      line.end()
      if (importedCount > 0) {
        say(`half of it is in ${settings.data}: delete that and ${settings.snapshots}, begin again`)
      }
      throw error
    }
  })
}
