// The program: one command line, one process.
//
// Exit status: 0 done; 1 the work failed, or `check` found something; 2 called wrongly, or the
// files or directories are not as they must be. Every failure is a sentence on standard error.

import packageJson from '../package.json' with { type: 'json' }
import { addCheck } from './commands/check.ts'
import { addDemo } from './commands/demo.ts'
import { addExport } from './commands/export.ts'
import { addImport } from './commands/import.ts'
import { addInspect } from './commands/inspect.ts'
import { addRestore } from './commands/restore.ts'
import { addServe } from './commands/serve.ts'
import { addSnapshot } from './commands/snapshot.ts'
import { addStats } from './commands/stats.ts'
import { addUser } from './commands/user.ts'
import { failureOf } from './commands/failure.ts'
import { createProgram } from './config.ts'

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
  addUser,
  addDemo,
]) {
  add(program)
}

// Who asks a process for a snapshot that takes none, or not yet, must not end it: `serve` listens
// for itself.
process.on('SIGUSR2', () => {})

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader of a pipe has gone: nobody is left to tell.
  process.exit(error.code === 'EPIPE' ? 0 : explain(error))
})

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = explain(error)
}

/** Says what went wrong, and returns the status to exit with. */
function explain(error: unknown): number {
  const failure = failureOf(error)
  if (failure === undefined) throw error
  for (const sentence of failure.sentences) console.error(sentence)
  return failure.status
}
