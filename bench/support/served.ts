// Servers as processes of their own, and what their threads have used of the processor.

import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { ChildProcess } from 'node:child_process'

export interface Served {
  readonly url: string
  readonly process: ChildProcess
}

const UNLIMITED = Object.fromEntries(
  ['SIGN_UPS', 'LOG_INS', 'WRITES', 'READS', 'UPLOADS'].map((kind) => [
    `SHASHIN_LIMIT_${kind}`,
    'off',
  ]),
)

/** The program over a store in `directory`, on any free port, without limits of rates. */
export async function startServer(
  directory: string,
  flags: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<Served> {
  const main = join(import.meta.dirname, '../../src/main.ts')
  const place = ['--data', join(directory, 'data'), '--snapshots', join(directory, 'snapshots')]
  const args = [main, 'serve', '--port', '0', '--log-level', 'silent', ...place, ...flags]
  const server = spawn(process.execPath, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...UNLIMITED, ...environment },
  })
  for await (const line of createInterface({ input: server.stderr })) {
    const [, url] = / listens on (\S+)/.exec(line) ?? []
    if (url === undefined) continue
    server.stderr.resume()
    return { url, process: server }
  }
  throw new Error('the server did not start')
}

/** The yardstick (bare-server.ts) with so many threads on one port. */
export async function startBare(threads = 1): Promise<Served> {
  const bare = fork(new URL('./bare-server.ts', import.meta.url), [String(threads)])
  const [port] = (await once(bare, 'message')) as [number]
  return { url: `http://127.0.0.1:${port}`, process: bare }
}

export async function endServed({ process: child }: Served): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  await gone
}

/**
 * Microseconds that threads of a process, by the beginning of their names, have spent on a
 * processor; time that they waited for one is not in it. Linux only.
 */
export function processorMicroseconds(pid: number, threadName: string): number {
  let sum = 0
  const tasks = `/proc/${pid}/task`
  for (const task of readdirSync(tasks)) {
    const name = readFileSync(join(tasks, task, 'comm'), 'utf8').trim()
    if (!name.startsWith(threadName)) continue
    // Nanoseconds run, nanoseconds waited, times run.
    sum += Number(readFileSync(join(tasks, task, 'schedstat'), 'utf8').split(' ')[0]) / 1000
  }
  return sum
}
