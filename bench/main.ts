// Runs one bench: npm run bench -- NAME [--json] [--seed N] [--directory DIR]
//
// A bench is a file beside this one that answers one question. It exports `name` (that of its
// file), `question` (one sentence) and `run(context)`, which returns measurements; what it says
// meanwhile goes to the error output through `context.say`, so that the output stays a table or
// JSON. Parts that benches share lie in bench/support/. Without a name the benches are listed with
// their questions.

import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { circumstancesOf, formatCircumstances, formatMeasurements, formatTable } from './report.ts'
import type { Measurement } from './report.ts'

export interface BenchContext {
  /** Every random choice of a bench comes from here. */
  readonly seed: number
  /** Empty, on the disk that is measured; removed afterwards. */
  readonly directory: string
  /** What follows the name on the command line, for a bench that can be narrowed. */
  readonly args: readonly string[]
  say(line: string): void
}

export interface Bench {
  readonly name: string
  readonly question: string
  run(context: BenchContext): Promise<readonly Measurement[]>
}

const root = dirname(import.meta.dirname)
const NOT_BENCHES = ['main.ts', 'report.ts']

function names(): string[] {
  return readdirSync(import.meta.dirname)
    .filter((file) => file.endsWith('.ts') && !NOT_BENCHES.includes(file))
    .map((file) => file.slice(0, -'.ts'.length))
    .toSorted()
}

async function load(name: string): Promise<Bench> {
  const bench = (await import(`./${name}.ts`)) as Partial<Bench>
  if (bench.name !== name || bench.question === undefined || bench.run === undefined) {
    throw new Error(`bench/${name}.ts must export name '${name}', question and run(context).`)
  }
  return bench as Bench
}

function fail(sentence: string): never {
  console.error(sentence)
  process.exit(2)
}

function commandLine(): { positionals: string[]; json: boolean; seed: number; directory: string } {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        seed: { type: 'string', default: '1' },
        directory: { type: 'string', default: join(root, '.bench') },
      },
    })
    if (!/^\d{1,9}$/.test(values.seed))
      fail(`--seed was given "${values.seed}", but it takes a number.`)
    return { ...values, positionals, seed: Number(values.seed) }
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
}

async function list(): Promise<void> {
  const benches = await Promise.all(names().map(load))
  const rows = benches.map(({ name, question }) => [name, question])
  console.log('npm run bench -- NAME [--json] [--seed N] [--directory DIR]\n')
  console.log(rows.length === 0 ? 'There is no bench yet.' : formatTable(rows, [0, 1]))
}

async function measure(): Promise<void> {
  const { positionals, json, seed, directory: parent } = commandLine()
  const [name, ...args] = positionals
  if (name === undefined) return list()
  if (!names().includes(name)) {
    fail(`There is no bench "${name}"; there are: ${names().join(', ') || 'none yet'}.`)
  }
  const bench = await load(name)
  mkdirSync(parent, { recursive: true })
  const directory = mkdtempSync(join(parent, `${name}-`))
  try {
    const circumstances = circumstancesOf(name, seed, root, directory)
    if (!json) console.log(`${formatCircumstances(circumstances)}\n\n${bench.question}\n`)
    const say = (line: string): void => console.error(line)
    const measurements = await bench.run({ seed, directory, args, say })
    console.log(
      json
        ? JSON.stringify({ circumstances, question: bench.question, measurements }, null, 2)
        : formatMeasurements(measurements),
    )
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

await measure()
