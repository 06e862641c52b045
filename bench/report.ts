// What a bench prints: the machine, the versions, the seed, and a table of medians with their
// spread.
//
// A number without its spread and its machine is an anecdote. Every row therefore keeps all its
// samples; the table shows median, smallest and largest, and `--json` hands out the samples
// themselves.

import { execFileSync } from 'node:child_process'
import { readFileSync, statfsSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'

/** One row: the same thing measured several times. */
export interface Measurement {
  /** What was measured: "durable inserts, 64 in flight". */
  readonly name: string
  /** Unit of the samples: "/s", "ms", "bytes". */
  readonly unit: string
  readonly samples: readonly number[]
  /** What the project wants to reach, as in ">= 150 k/s"; printed beside, judged by the reader. */
  readonly goal?: string
}

export interface Summary {
  readonly median: number
  readonly least: number
  readonly most: number
}

export interface Circumstances {
  readonly bench: string
  readonly version: string
  /** Short hash, with "+" after it when the tree differs from it; "none" outside a repository. */
  readonly commit: string
  readonly node: string
  readonly kernel: string
  readonly processor: string
  readonly cores: number
  readonly memorySize: number
  readonly fileSystem: string
  readonly seed: number
  readonly startedAt: string
}

/** The median of an even number of samples is the mean of the middle two. */
export function summarize(samples: readonly number[]): Summary {
  const sorted = samples.toSorted((a, b) => a - b)
  const at = (share: number): number =>
    sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN
  const upper = sorted[Math.ceil((sorted.length - 1) / 2)] ?? Number.NaN
  return { median: (at(0.5) + upper) / 2, least: at(0), most: at(1) }
}

/** The value below which `share` (0 to 1) of the samples lie, by the nearest rank. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b)
  const rank = Math.min(sorted.length, Math.max(1, Math.ceil(sorted.length * share)))
  return sorted[rank - 1] ?? Number.NaN
}

/** Three significant digits below a thousand, separated thousands above. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '-'
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString('en').replaceAll(',', ' ')
  return String(Number(value.toPrecision(3)))
}

/** Columns as wide as their widest cell; those in `left` align left, the others right. */
export function formatTable(rows: readonly (readonly string[])[], left: readonly number[]): string {
  const widths: number[] = []
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, cell.length)
    }
  }
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          left.includes(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

export function formatMeasurements(measurements: readonly Measurement[]): string {
  const rows = measurements.map(({ name, unit, samples, goal }) => {
    const { median, least, most } = summarize(samples)
    const spread = `${formatNumber(least)} – ${formatNumber(most)}`
    return [name, formatNumber(median), unit, spread, String(samples.length), goal ?? '']
  })
  return formatTable([['', 'median', '', 'least – most', 'samples', 'goal'], ...rows], [0, 2, 5])
}

export function formatCircumstances(about: Circumstances): string {
  const memory = `${formatNumber(about.memorySize / 2 ** 30)} GiB`
  return [
    `bench    ${about.bench}, seed ${about.seed}, ${about.startedAt}`,
    `project  shashin ${about.version}, commit ${about.commit}, node ${about.node}`,
    `machine  ${about.processor}, ${about.cores} cores, ${memory}`,
    `system   ${about.kernel}, ${about.fileSystem}`,
  ].join('\n')
}

const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  0xef53: 'ext4',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x2fc12fc1: 'zfs',
  0x01021994: 'tmpfs',
  0x794c7630: 'overlay',
  0x6969: 'nfs',
}

function commitOf(root: string): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    const hash = git('rev-parse', '--short', 'HEAD').trim()
    return git('status', '--porcelain').trim() === '' ? hash : `${hash}+`
  } catch {
    return 'none'
  }
}

/** `directory` is where the bench writes: its file system is named. */
export function circumstancesOf(
  bench: string,
  seed: number,
  root: string,
  directory: string,
): Circumstances {
  const project = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { version: string }
  const kind = statfsSync(directory).type
  return {
    bench,
    version: project.version,
    commit: commitOf(root),
    node: process.version,
    kernel: `${type()} ${release()}`,
    processor: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores: cpus().length,
    memorySize: totalmem(),
    fileSystem: FILE_SYSTEMS[kind] ?? `file system 0x${kind.toString(16)}`,
    seed,
    startedAt: new Date().toISOString(),
  }
}
