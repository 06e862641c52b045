// Runs what CI runs, step by step, and does not stop at the first that fails: one look at the end
// shows all.
//
//   node .ci/steps.ts                    every step                       npm run ci
//   node .ci/steps.ts types lint tidy    those steps                      npm run check
//
// After the tests it writes the line that CI reads, `N passed, N failed`, to .ci/out/result. Tests
// are counted from vitest's JSON report; a test file that could not be loaded and a failed step
// before the tests count as one failure each, so that "0 failed" is never said of a broken tree.

import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(import.meta.dirname)
const out = fileURLToPath(new URL('out/', import.meta.url))
const report = join(out, 'tests.json')

interface Step {
  readonly name: string
  readonly command: readonly [string, ...string[]]
  /** Run by `npm run ci`, where the tests include it already. */
  readonly inTests?: boolean
}

const STEPS: readonly Step[] = [
  { name: 'types', command: ['tsc'] },
  { name: 'lint', command: ['oxlint'] },
  { name: 'format', command: ['oxfmt', '--check'] },
  { name: 'unused', command: ['knip'] },
  { name: 'tidy', command: ['vitest', 'run', 'test/tidy.test.ts'], inTests: true },
  {
    name: 'tests',
    command: [
      'vitest',
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ],
  },
]

interface TestReport {
  readonly success: boolean
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly testResults: readonly {
    readonly status: string
    readonly assertionResults: readonly unknown[]
  }[]
}

/** A run that left no report, or failed without saying where, is one failure. */
function countTests(succeeded: boolean): { passed: number; failed: number } {
  let tests: TestReport
  try {
    tests = JSON.parse(readFileSync(report, 'utf8')) as TestReport
  } catch {
    return { passed: 0, failed: 1 }
  }
  const unloaded = tests.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  )
  const failed = tests.numFailedTests + unloaded.length
  return { passed: tests.numPassedTests, failed: failed === 0 && !succeeded ? 1 : failed }
}

function run(step: Step): boolean {
  console.log(`\n── ${step.name}: ${step.command.join(' ')}`)
  const [command, ...args] = step.command
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      PATH: [join(root, 'node_modules', '.bin'), process.env['PATH']].join(delimiter),
    },
  })
  if (error !== undefined) console.error(`${command} cannot be started: ${error.message}`)
  return status === 0
}

const wanted = process.argv.slice(2)
const unknown = wanted.find((name) => !STEPS.some((step) => step.name === name))
if (unknown !== undefined) {
  console.error(`"${unknown}" is no step; steps are ${STEPS.map((step) => step.name).join(', ')}.`)
  process.exit(2)
}
const steps = STEPS.filter((step) =>
  wanted.length === 0 ? step.inTests !== true : wanted.includes(step.name),
)

rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
const failures: string[] = []
for (const step of steps) {
  if (!run(step)) failures.push(step.name)
}
if (wanted.length === 0) {
  const { passed, failed } = countTests(!failures.includes('tests'))
  const failedChecks = failures.filter((name) => name !== 'tests').length
  writeFileSync(join(out, 'result'), `${passed} passed, ${failed + failedChecks} failed\n`)
}
console.log(failures.length === 0 ? '\nAll steps passed.' : `\nFailed: ${failures.join(', ')}.`)
process.exitCode = failures.length === 0 ? 0 : 1
