// `shashin check`: is the data what it should be? Loads the store as a start would, recomputes
// every index and counter, looks whether the rows keep the rules of the network, and reads every
// page of every kept snapshot. One sentence for each thing that is wrong; status 1 then.

import { resolveSettings, addSettings } from '../config.ts'
import { checkTables } from '../engine/check.ts'
import { TablesView } from '../engine/view.ts'
import { checkNetwork } from '../model/check.ts'
import { tables as declared } from '../model/schema.ts'
import { withState } from './store.ts'
import { ProgressLine, counted, megabytes, say, sentence } from './terminal.ts'
import type { Command } from 'commander'
import type { State } from '../engine/state.ts'

export function addCheck(program: Command): void {
  const command = addSettings(program.command('check'), 'check')
    .description('recompute every index and counter, and verify log and snapshots')
    .option('--json', 'print the result as JSON')
  command.action(async ({ json }: { json?: true }) => {
    const settings = resolveSettings(command, 'check', process.env)
    const result = await withState(settings, async (state) => {
      const problems = [
        ...(await snapshotProblems(state)),
        ...tableProblems(state),
        ...networkProblems(state),
      ].map(sentence)
      return { ok: problems.length === 0, problems, ...state.summary }
    })
    const { ok, problems, rows, lastLsn } = result
    const told = ok ? [`OK: ${counted(rows, 'row')} at lsn ${lastLsn}.`] : problems
    process.stdout.write(`${json === true ? JSON.stringify(result, null, 2) : told.join('\n')}\n`)
    if (!ok) process.exitCode = 1
  })
}

/** Sentences about the snapshots that cannot be loaded; a start skips them for older ones. */
async function snapshotProblems({ snapshots }: State): Promise<string[]> {
  const line = new ProgressLine()
  const verified = await snapshots.verify(({ bytesDone, bytesTotal }) =>
    line.tell('snapshots', bytesDone, bytesTotal, megabytes(bytesTotal)),
  )
  line.end()
  return verified.flatMap(({ lsn, fault }) =>
    fault === undefined
      ? []
      : [`snapshot ${lsn} is damaged: ${fault.name}, offset ${fault.offset}: ${fault.fault}`],
  )
}

/** Sentences about rows, indexes and counters that contradict each other. */
function tableProblems({ tables }: State): string[] {
  const line = new ProgressLine()
  const steps = tables
    .all()
    .reduce((sum, { indexes, counters }) => sum + 1 + indexes.length + counters.length, 0)
  let step = 0
  const problems = checkTables(tables, (label) => line.tell('tables   ', step++, steps, label))
  line.end()
  return problems
}

/** Sentences about rows that contradict the rules of the network. */
function networkProblems({ tables }: State): string[] {
  const isMissing = declared.some(({ id, stored }) => {
    const known = tables.byId(id)?.stored
    const fields = new Set([...(known?.columns ?? []), ...(known?.record ?? [])].map((f) => f.id))
    return [...stored.columns, ...stored.record].some((field) => !fields.has(field.id))
  })
  if (isMissing) {
    say('the rules of the network are not checked: the data is of another version; serve it once')
    return []
  }
  const line = new ProgressLine()
  const problems = checkNetwork(new TablesView(tables), (done, total) =>
    line.tell('network  ', done, total, 'rules of the network'),
  )
  line.end()
  return problems
}
