// `shashin inspect FILE`: a segment, a snapshot or the watermark as text, or as JSON lines. Changes
// nothing, and works while a server is running.

import { access } from 'node:fs/promises'
import { resolveSettings, addSettings } from '../config.ts'
import { NodeDisk } from '../engine/disk.ts'
import { inspectFile } from '../engine/inspect.ts'
import type { Finding } from '../engine/inspect.ts'
import type { Command } from 'commander'

export function addInspect(program: Command): void {
  const command = addSettings(program.command('inspect'), 'inspect')
    .description('print a segment, a snapshot or the watermark as text')
    .argument('<file>', 'a .log, .manifest or .pages file, or the watermark')
    .option('--json', 'print one JSON object a line')
  command.action(async (file: string, { json }: { json?: true }) => {
    const settings = resolveSettings(command, 'inspect', process.env)
    await access(file)
    let isFaulty = false
    for await (const finding of inspectFile(new NodeDisk(), file, settings.snapshots)) {
      if (finding.kind === 'fault') isFaulty = true
      process.stdout.write(`${json === true ? JSON.stringify(finding) : text(finding)}\n`)
    }
    if (isFaulty) process.exitCode = 1
  })
}

function text(finding: Finding): string {
  const { kind, effects, ...facts } = finding
  const lines = [`${kind.padEnd(11)} ${shown(facts)}`]
  for (const effect of Array.isArray(effects) ? (effects as Record<string, unknown>[]) : []) {
    const { effect: name, ...values } = effect
    lines.push(`  ${String(name).padEnd(9)} ${shown(values)}`)
  }
  return lines.join('\n')
}

function shown(facts: Readonly<Record<string, unknown>>): string {
  const words = Object.entries(facts).map(([name, value]) => {
    const isTime = /time|At$/i.test(name) && typeof value === 'number' && value > 0
    if (isTime) return `${name}=${new Date(value).toISOString()}`
    return `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`
  })
  return words.join(' ')
}
