// `shashin check`: is the data what it should be? Loads the store as a start would, recomputes every index and counter,
// and reads every page of every kept snapshot. One sentence for each thing that is wrong; status 1 then.

import { resolveSettings, addSettings } from '../config.ts'
import { checkTables } from '../engine/check.ts'
import { withState } from './store.ts'
import { ProgressLine, grouped, megabytes } from './terminal.ts'
import type { Command } from 'commander'

export function addCheck(program: Command): void {
  const command = addSettings(program.command('check'), 'check')
    .description('recompute every index and counter, and verify log and snapshots')
    .option('--json', 'print the result as JSON')
  command.action(async ({ json }: { json?: true }) => {
    const settings = resolveSettings(command, 'check', process.env)
    const result = await withState(settings, undefined, async ({ tables, snapshots, summary }) => {
      const line = new ProgressLine()
      const sentences: string[] = []
      for (const { lsn, fault } of await snapshots.verify(({ bytesDone, bytesTotal }) =>
        line.tell('snapshots', bytesDone, bytesTotal, megabytes(bytesTotal)),
      )) {
        if (fault !== undefined) sentences.push(`snapshot ${lsn}: ${fault.fault}`)
      }
      const steps = 1 + tables.all().reduce((sum, table) => sum + 1 + table.indexes.length, 0)
      let step = 0
      sentences.push(
        ...checkTables(tables, (label) => line.tell('tables   ', step++, steps, label)),
      )
      line.end()
      return { ok: sentences.length === 0, problems: sentences, ...summary }
    })
    if (json === true) {
      process.stdout.write(`${JSON.stringify(result, null, 2)}\n`)
    } else if (result.ok) {
      const { rows, lastLsn } = result
      process.stdout.write(`OK: ${grouped(rows)} rows at lsn ${lastLsn}\n`)
    } else {
      for (const sentence of result.problems) process.stdout.write(`${sentence}\n`)
    }
    if (!result.ok) process.exitCode = 1
  })
}
