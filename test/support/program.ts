// The program as its users run it: real processes on real directories, spoken to by their
// arguments, their streams, their signals and their port. Nothing here outlives the test: a
// `Programs` ends all that it has started.
//
// The pinned Node is started directly on src/main.ts, so that a signal hits the program and no
// launcher.

import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
/** Compiled code, so that a hundred starts of the program do not compile it a hundred times. */
const COMPILE_CACHE = fileURLToPath(new URL('../../node_modules/.cache/compiled', import.meta.url))
const DEADLINE_MS = 30_000
/** All requests of a test come from one address. */
const UNLIMITED = Object.fromEntries(
  ['SIGN_UPS', 'LOG_INS', 'WRITES', 'READS', 'UPLOADS'].map((kind) => [
    `SHASHIN_LIMIT_${kind}`,
    'off',
  ]),
)

export interface End {
  /** Null when a signal has ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  /** Becomes its standard input; without it, that is empty. */
  readonly input?: string | Buffer
  /** Leaves its standard input open: the test writes to it. */
  readonly holdsInput?: boolean
  readonly environment?: Readonly<Record<string, string>>
  /** Largest file that it may write, in blocks of 512 bytes. */
  readonly fileBlocksMax?: number
  /** Files that it may have open. */
  readonly openFilesMax?: number
  /** Another copy of the program (program-tree.ts). */
  readonly main?: string
}

export class Running {
  readonly child: ChildProcessWithoutNullStreams
  readonly end: Promise<End>
  stdout: string
  stderr: string
  hasEnded: boolean

  constructor(child: ChildProcessWithoutNullStreams) {
    this.child = child
    this.stdout = ''
    this.stderr = ''
    this.hasEnded = false
    child.stdout.setEncoding('utf8').on('data', (text: string) => (this.stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    // Who ends early does not read its input: that is no error of the test.
    child.stdin.on('error', () => undefined)
    this.end = new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code, signal) => {
        this.hasEnded = true
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr })
      })
    })
  }

  get pid(): number {
    return this.child.pid!
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  /** Waits until it has said something on standard error. */
  async says(words: string): Promise<void> {
    await eventually(`it says "${words}"`, () => {
      if (this.stderr.includes(words)) return true
      if (this.hasEnded) throw new Error(`it ended without saying "${words}": ${this.stderr}`)
      return false
    })
  }
}

export interface Server extends Running {
  /** Like http://127.0.0.1:43210 */
  readonly url: string
}

export class Programs implements AsyncDisposable {
  /** A temporary directory, and where the commands run. */
  readonly path: string
  readonly #running: Set<Running>

  private constructor(path: string) {
    this.path = path
    this.#running = new Set()
  }

  static async create(): Promise<Programs> {
    return new Programs(await mkdtemp(join(tmpdir(), 'shashin-process-')))
  }

  /** Path of something in the temporary directory. */
  at(...names: string[]): string {
    return join(this.path, ...names)
  }

  /** Flags for the store in this directory. */
  storeFlags(name = '.'): string[] {
    return ['--data', join(name, 'data'), '--snapshots', join(name, 'snapshots')]
  }

  start(args: readonly string[], options: RunOptions = {}): Running {
    const {
      input = '',
      holdsInput = false,
      environment = {},
      fileBlocksMax,
      openFilesMax,
      main = MAIN,
    } = options
    const program = [process.execPath, main, ...args]
    // Only a shell can set limits; it becomes the program then.
    const limits = [
      ...(fileBlocksMax === undefined ? [] : [`ulimit -f ${fileBlocksMax}`]),
      ...(openFilesMax === undefined ? [] : [`ulimit -n ${openFilesMax}`]),
    ]
    const [file = '', ...rest] =
      limits.length === 0
        ? program
        : ['/bin/sh', '-c', `${limits.join('; ')}; exec "$0" "$@"`, ...program]
    const child = spawn(file, rest, {
      cwd: this.path,
      env: {
        PATH: process.env['PATH'],
        UV_THREADPOOL_SIZE: '4',
        NODE_COMPILE_CACHE: COMPILE_CACHE,
        ...UNLIMITED,
        ...environment,
      },
    })
    const running = new Running(child)
    this.#running.add(running)
    void running.end.finally(() => this.#running.delete(running))
    if (!holdsInput) child.stdin.end(input)
    return running
  }

  run(args: readonly string[], options: RunOptions = {}): Promise<End> {
    return this.start(args, options).end
  }

  /** Starts the server and waits until it listens, on any free port. */
  async serve(more: readonly string[] = [], options: RunOptions = {}): Promise<Server> {
    const place = more.includes('--data') ? [] : this.storeFlags()
    const running = this.start(['serve', '--port', '0', ...place, ...more], options)
    await running.says('Shashin listens on ')
    const url = /listens on (\S+)/.exec(running.stderr)![1]!
    return Object.assign(running, { url })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const running of this.#running) running.kill('SIGKILL')
    await Promise.all([...this.#running].map((running) => running.end.catch(() => undefined)))
    await rm(this.path, { recursive: true, force: true })
  }
}

/**
 * Waits until something holds, by looking again and again; fails when it has not come after half a
 * minute.
 */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = performance.now() + DEADLINE_MS
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Whether a process of this id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Matches exactly these lines. */
export function saying(...lines: readonly (string | RegExp)[]): RegExp {
  const sources = lines.map((line) =>
    typeof line === 'string' ? RegExp.escape(line) : `(?:${line.source})`,
  )
  return new RegExp(`^${sources.map((source) => `${source}\\n`).join('')}$`)
}
