// The program: one command line, one process.
//
// Exit status: 0 done; 1 the work failed, or `check` found something; 2 called wrongly, or the files or directories are
// not as they must be. Every failure is a sentence on standard error.

import packageJson from '../package.json' with { type: 'json' }
import { addCheck } from './commands/check.ts'
import { addExport } from './commands/export.ts'
import { addImport } from './commands/import.ts'
import { addInspect } from './commands/inspect.ts'
import { addRestore } from './commands/restore.ts'
import { addServe } from './commands/serve.ts'
import { addSnapshot } from './commands/snapshot.ts'
import { addStats } from './commands/stats.ts'
import { createProgram, exitOf } from './config.ts'
import { DatastoreError } from './engine/errors.ts'

const program = createProgram()
  .description('A photo social network in one process.')
  .version(packageJson.version)

for (const add of [
  addServe,
  addCheck,
  addInspect,
  addSnapshot,
  addRestore,
  addExport,
  addImport,
  addStats,
]) {
  add(program)
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader of a pipe has gone: nobody is left to tell.
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = explain(error)
}

/** Says what went wrong, and with which status to exit. */
function explain(error: unknown): number {
  const end = exitOf(error)
  if (end !== undefined) {
    if (end.sentence !== undefined) console.error(end.sentence)
    return end.status
  }
  if (error instanceof DatastoreError) {
    console.error(`${error.code}: ${sentence(error.message)}`)
    if (error.advice !== undefined) console.error(sentence(error.advice))
    return 2
  }
  if (error instanceof Error && !(error instanceof TypeError)) {
    console.error(sentence(error.message))
    return 1
  }
  throw error
}

/** With a capital at its beginning and a full stop at its end. */
function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(capital) ? capital : `${capital}.`
}
