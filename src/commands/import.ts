// `shashin import [FILE]`: reads an export into an empty store, from a file or from standard input.
//
// Rows become durable in batches while the file is read; only its last line proves that it was
// whole. So an import that fails leaves a store with a part of the rows, and says to delete it and
// begin again.

import { open } from 'node:fs/promises'
import { ConfigError, resolveSettings, addSettings } from '../config.ts'
import { openNetwork } from './store.ts'
import { ProgressLine, counted, say } from './terminal.ts'
import type { Readable } from 'node:stream'
import type { Command } from 'commander'

const NEWLINE = 0x0a

export function addImport(program: Command): void {
  const command = addSettings(program.command('import'), 'import')
    .description('read an export into an empty store')
    .argument('[file]', 'file to read; standard input when left out or "-"', '-')
  command.action(async (name: string) => {
    const settings = resolveSettings(command, 'import', process.env)
    // Before the store is made, so that a wrong name leaves nothing behind.
    const input = name === '-' ? process.stdin : await openFile(name)
    await using store = await openNetwork(settings)
    const line = new ProgressLine()
    const startedAt = performance.now()
    let importedCount = 0
    try {
      const rows = await store.importLines(linesOf(input), (count) => {
        importedCount = count
        line.tell('import', count, Infinity, counted(count, 'row'))
      })
      line.end()
      const { lsn } = await store.snapshot()
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
      say(`imported ${counted(rows, 'row')} in ${seconds} s, snapshot ${lsn}`)
    } catch (error) {
      line.end()
      if (importedCount > 0) {
        const { data, snapshots } = settings
        say(
          `a part of the rows is in ${data} now: ` +
            `delete ${data} and ${snapshots} before you try again`,
        )
      }
      throw error
    }
  })
}

async function openFile(name: string): Promise<Readable> {
  const file = await open(name)
  if (!(await file.stat()).isDirectory()) return file.createReadStream()
  await file.close()
  throw new ConfigError(
    'COMMAND_LINE_INVALID',
    `Cannot read ${name}: it is a directory, not a file.`,
  )
}

/**
 * Splits at newlines and nowhere else: node:readline would also split at U+2028, which JSON does
 * not escape.
 */
async function* linesOf(input: AsyncIterable<Buffer>): AsyncGenerator<string, void, void> {
  let pending: Buffer[] = []
  for await (const chunk of input) {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      yield Buffer.concat([...pending, chunk.subarray(start, end)]).toString()
      pending = []
      start = end + 1
    }
    if (start < chunk.length) pending.push(chunk.subarray(start))
  }
  if (pending.length > 0) yield Buffer.concat(pending).toString()
}
