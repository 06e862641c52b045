// The server from its beginning to its end: starts the supervisor, which starts the threads, and
// obeys signals.
//
//   SIGTERM, SIGINT   no new connections ─▶ requests under way answered ─▶ log sealed ─▶ status 0
//   again, later      quits at once; the next start recovers
//   SIGUSR2           takes a snapshot
//   SIGHUP            looks for new code and uses it
//
// A signal that comes while the store is being opened is obeyed when it is open.
//
// When the log can no longer be written, nothing that this process says can be relied upon: it says
// so in one sentence and ends with status 1. The next start recovers from disk.

import { randomBytes } from 'node:crypto'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { ConfigError } from '../config.ts'
import { createSharedCounters } from '../std/shared-counters.ts'
import { CodeWatch } from '../threads/code-watch.ts'
import { Deploys } from '../threads/deploy.ts'
import { CodeError, releaseOf } from '../threads/releases.ts'
import { Supervisor } from '../threads/supervisor.ts'
import { ProgressLine, counted, recoverySentence, say, tellRecovery } from './terminal.ts'
import type { AddressInfo } from 'node:net'
import type { Settings } from '../config.ts'
import type { Release } from '../threads/releases.ts'

/** One Ctrl-C may arrive twice: from the terminal, and handed on by npm. */
const SAME_SIGNAL_MS = 1000
/** Bytes of the code with which the first admin signs up. */
const SETUP_CODE_SIZE = 15
/** Time for the answers under way to leave, before a broken process ends. */
const LAST_WORDS_MS = 100

const LISTEN_WORDS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'this user may not listen on that port',
  ENOTFOUND: 'no machine has that name',
}

export async function serve(settings: Settings): Promise<void> {
  const signals = listenToSignals()
  const root = join(import.meta.dirname, '..', '..')
  const running = await releaseOf(root)
  const line = new ProgressLine()
  const { sourceRoot, files } = running
  const setupCode = randomBytes(SETUP_CODE_SIZE).toString('base64url')
  const supervisor: Supervisor = new Supervisor({
    settings,
    code: { sourceRoot, product: { sourceRoot, files }, generation: 1 },
    adminToken: process.env['SHASHIN_ADMIN_TOKEN'] || undefined,
    setupCode,
    firstAdmin: firstAdminOf(process.env),
    rateLimits: createSharedCounters(),
    say: (sentence) => {
      line.end()
      say(sentence)
    },
    progress: (progress) => tellRecovery(line, progress),
    recovered: (recovery) => {
      line.end()
      say(recoverySentence(recovery))
    },
    failed: (error) => {
      say(`the server ends: ${error.message}; the next start recovers from disk`)
      setTimeout(() => process.exit(1), LAST_WORDS_MS)
    },
    deploy: () => deploys.deploy(),
  })
  const watched = settings.watch === 'off' ? undefined : settings.watch
  const deploys = new Deploys(supervisor, running, watched ?? root, say)
  let watch: CodeWatch | undefined
  try {
    await supervisor.openStore()
    const port = await freePort(settings)
    await supervisor.listen(settings.host, port)
    const url = `http://${addressOf(settings.host)}:${port}`
    say(`Shashin listens on ${url}`)
    if (await hasNobody(supervisor)) say(welcome(settings.publicUrl || url, setupCode))
    if (watched !== undefined) watch = await watchCode(watched, running, deploys)
  } catch (error) {
    line.end()
    await supervisor.close()
    throw error
  }
  signals.takeSnapshots(() => snapshot(supervisor))
  signals.deploy(() => void deploys.deploy().catch(() => {}))
  await signals.ending
  await watch?.close()
  await supervisor.close()
  say('ended')
}

/** Who becomes the first admin. Throws ConfigError when only half of it is said. */
function firstAdminOf(
  environment: Readonly<Record<string, string | undefined>>,
): { handle: string; password: string } | undefined {
  const names = ['SHASHIN_ADMIN_HANDLE', 'SHASHIN_ADMIN_PASSWORD'] as const
  const [handle = '', password = ''] = names.map((name) => environment[name])
  if (handle !== '' && password !== '') return { handle, password }
  if (handle === '' && password === '') return undefined
  const [given, missing] = handle === '' ? names.toReversed() : names
  throw new ConfigError('SETTING_INVALID', `${given} needs ${missing}, too.`)
}

/** Whether nobody has ever had an account. */
async function hasNobody(supervisor: Supervisor): Promise<boolean> {
  const { tables } = await supervisor.stats()
  return tables.find(({ name }) => name === 'users')?.lastId === 0
}

/** What the operator of a new network is told, once: nobody else sees the code. */
function welcome(url: string, code: string): string {
  const route = `${url}/api/shashin/v1/users`
  return (
    `nobody has an account here yet: whoever signs up with the invite ${code} becomes the admin ` +
    `(POST {"handle", "password", "invite"} to ${route})`
  )
}

/** Deploys what appears at `path`. What is not used is said by `deploys`. */
async function watchCode(path: string, running: Release, deploys: Deploys): Promise<CodeWatch> {
  try {
    return await CodeWatch.open(path, running, {
      changed: (found) => void deploys.deploy(found).catch(() => {}),
      failed: (error) => say(`no new code can be used from there: ${error.message}`),
    })
  } catch (error) {
    if (!(error instanceof CodeError)) throw error
    throw new ConfigError('SETTING_INVALID', `--watch was given "${path}": ${error.message}`)
  }
}

/**
 * The port to listen on. The threads share it, and would share it with another server of this user
 * without a word: so it is taken alone first. Throws ConfigError when it is not free.
 */
async function freePort({ host, port }: Settings): Promise<number> {
  const probe = createServer()
  try {
    return await new Promise<number>((resolve, reject) => {
      probe.on('error', reject)
      probe.listen({ host, port }, () => resolve((probe.address() as AddressInfo).port))
    })
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    const reason = LISTEN_WORDS[code] ?? message
    throw new ConfigError('SETTING_INVALID', `Cannot listen on ${host}, port ${port}: ${reason}.`)
  } finally {
    await new Promise((resolve) => probe.close(resolve))
  }
}

/** A host as it stands in an address. */
function addressOf(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

async function snapshot(supervisor: Supervisor): Promise<void> {
  try {
    const { lsn, taken, pagesWritten, ms } = await supervisor.snapshot()
    const amount = `${counted(pagesWritten, 'page')}, ${Math.round(ms)} ms`
    say(taken ? `snapshot ${lsn} is taken: ${amount}` : `snapshot ${lsn} is there already`)
  } catch (error) {
    say(`snapshot failed, the one before is still good: ${(error as Error).message}`)
  }
}

interface Signals {
  /** Resolves at the first SIGTERM or SIGINT; a second one, later, quits. */
  readonly ending: Promise<void>
  /** Has SIGUSR2 answered from now on, and the one that came before. */
  takeSnapshots(take: () => Promise<void>): void
  /** Has SIGHUP answered from now on, and the one that came before. */
  deploy(deploy: () => void): void
}

function listenToSignals(): Signals {
  let take: (() => Promise<void>) | undefined
  let deploy: (() => void) | undefined
  let isSnapshotWanted = false
  let isDeployWanted = false
  process.on('SIGHUP', () => {
    if (deploy === undefined) isDeployWanted = true
    else deploy()
  })
  process.on('SIGUSR2', () => {
    if (take === undefined) isSnapshotWanted = true
    else void take()
  })
  const ending = new Promise<void>((resolve) => {
    let firstAt: number | undefined
    const note = (): void => {
      const now = performance.now()
      if (firstAt === undefined) {
        firstAt = now
        say('ending: requests under way are answered, then the log is sealed')
        resolve()
      } else if (now - firstAt > SAME_SIGNAL_MS) {
        say('ended at once: the next start recovers from disk')
        process.exit(1)
      }
    }
    process.on('SIGTERM', note)
    process.on('SIGINT', note)
  })
  return {
    ending,
    takeSnapshots: (taking) => {
      take = taking
      if (isSnapshotWanted) void take()
    },
    deploy: (deploying) => {
      deploy = deploying
      if (isDeployWanted) deploy()
    },
  }
}
