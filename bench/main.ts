// Runs one bench: npm run bench -- NAME [--json] [--seed N] [--directory DIR] [its own options]
//
// A bench is a file beside this one that answers one question. It exports `name` (that of its
// file), `question` (one sentence), perhaps `options` of its own, and `run(context)`, which returns
// measurements; what it says meanwhile goes to the error output through `context.say`, so that the
// output stays a table or JSON. Parts that benches share lie in bench/support/. Without a name the
// benches are listed with their questions and options.

import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { circumstancesOf, formatCircumstances, formatMeasurements, formatTable } from './report.ts'
import type { ParseArgsOptionsConfig } from 'node:util'
import type { Measurement } from './report.ts'

export interface BenchContext {
  /** Every random choice of a bench comes from here. */
  readonly seed: number
  /** Empty, on the disk that is measured; removed afterwards. */
  readonly directory: string
  /** What follows the name on the command line, for a bench that can be narrowed. */
  readonly args: readonly string[]
  /** Those of the bench's own options that were given. */
  readonly options: Readonly<Record<string, unknown>>
  say(line: string): void
  /** Ends the bench with the sentence that says why it does not run. */
  refuse(sentence: string): never
}

export interface Bench {
  readonly name: string
  readonly question: string
  readonly options?: ParseArgsOptionsConfig
  run(context: BenchContext): Promise<readonly Measurement[]>
}

class Refused extends Error {}

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

const OPTIONS = {
  json: { type: 'boolean', default: false },
  seed: { type: 'string', default: '1' },
  directory: { type: 'string', default: join(root, '.bench') },
} as const

/** The first word that is no option: which bench it is has to be known to know its options. */
function nameGiven(): string | undefined {
  const { positionals } = parseArgs({ allowPositionals: true, strict: false, options: OPTIONS })
  return positionals[0]
}

interface CommandLine {
  readonly args: string[]
  readonly options: Readonly<Record<string, unknown>>
  readonly json: boolean
  readonly seed: number
  readonly directory: string
}

function commandLine(bench?: Bench): CommandLine {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { ...bench?.options, ...OPTIONS },
    })
    const { json, seed, directory, ...options } = values
    if (!/^\d{1,9}$/.test(seed)) fail(`--seed was given "${seed}", but it takes a number.`)
    return { args: positionals.slice(1), options, json, seed: Number(seed), directory }
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
}

async function list(): Promise<void> {
  const benches = await Promise.all(names().map(load))
  const rows = benches.map(({ name, question, options = {} }) => [
    name,
    question,
    Object.entries(options)
      .map(([option, { type }]) => (type === 'boolean' ? `[--${option}]` : `[--${option} …]`))
      .join(' '),
  ])
  console.log('npm run bench -- NAME [--json] [--seed N] [--directory DIR]\n')
  console.log(rows.length === 0 ? 'There is no bench yet.' : formatTable(rows, [0, 1, 2]))
}

/** The files of a bench go whatever ends it. */
function removeOnSignal(directory: string): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      rmSync(directory, { recursive: true, force: true, maxRetries: 10 })
      process.exit(130)
    })
  }
}

async function measure(): Promise<void> {
  const name = nameGiven()
  if (name === undefined) {
    commandLine()
    return list()
  }
  if (!names().includes(name)) {
    fail(`There is no bench "${name}"; there are: ${names().join(', ') || 'none yet'}.`)
  }
  const bench = await load(name)
  const { args, options, json, seed, directory: parent } = commandLine(bench)
  mkdirSync(parent, { recursive: true })
  const directory = mkdtempSync(join(parent, `${name}-`))
  removeOnSignal(directory)
  try {
    const circumstances = circumstancesOf(name, seed, root, directory)
    if (!json) console.log(`${formatCircumstances(circumstances)}\n\n${bench.question}\n`)
    const say = (line: string): void => console.error(line)
    const refuse = (sentence: string): never => {
      throw new Refused(sentence)
    }
    const measurements = await bench.run({ seed, directory, args, options, say, refuse })
    console.log(
      json
        ? JSON.stringify({ circumstances, question: bench.question, measurements }, null, 2)
        : formatMeasurements(measurements),
    )
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    console.error(error.message)
    process.exitCode = 2
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

await measure()
