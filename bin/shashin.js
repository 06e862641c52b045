#!/usr/bin/env node
// The launcher: starts src/main.ts under the Node that this project pins, whatever Node runs this
// file.
//
// It is plain JavaScript for any Node since 18, because it is what an old Node sees first: the
// `node` package in dependencies is the real runtime, and only that one runs TypeScript as it is.
// Two settings must stand in the environment before the runtime starts, which is the other reason
// for a launcher:
//
//   UV_THREADPOOL_SIZE=8   disk and hash work do not wait behind each other
//   MALLOC_ARENA_MAX=2     memory of image work is given back
//
// A value that is already set wins. Where Node can replace its own process (execve) it does, and
// nobody stands between the caller and the server. Elsewhere the runtime is a child: signals are
// handed on, and its exit status or its signal becomes ours. A terminal sends Ctrl-C to the child
// as well, so the child may see it twice.

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const HANDED_ON = ['SIGTERM', 'SIGINT', 'SIGUSR2', 'SIGHUP']

/** The pinned binary; else this very Node, when it runs TypeScript; else undefined. */
function runtime() {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve('node/package.json'))
    const binary = join(folder, 'bin', 'node')
    if (existsSync(binary)) return binary
  } catch {
    // Not installed: the next line decides.
  }
  return Number.parseInt(process.versions.node, 10) >= 26 ? process.execPath : undefined
}

const binary = runtime()
if (binary === undefined) {
  console.error(
    `Shashin runs on Node 26, which is not installed (this is ${process.version}): ` +
      'run `npm ci` with install scripts allowed.',
  )
  process.exit(2)
}

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const args = [main, ...process.argv.slice(2)]
const env = { UV_THREADPOOL_SIZE: '8', MALLOC_ARENA_MAX: '2', ...process.env }

if (typeof process.execve === 'function') {
  process.execve(binary, [binary, ...args], env)
} else {
  const child = spawn(binary, args, { stdio: 'inherit', env })
  for (const signal of HANDED_ON) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => {
    console.error(`Shashin cannot start ${binary}: ${error.message}.`)
    process.exitCode = 2
  })
  child.on('exit', (code, signal) => {
    if (signal === null) {
      process.exitCode = code
    } else {
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
    }
  })
}
