// The server from its beginning to its end: opens the store, starts the photo pipeline, listens,
// obeys signals.
//
//   SIGTERM, SIGINT   no new connections ─▶ requests under way answered ─▶ log sealed ─▶ status 0
//   again, later      quits at once; the next start recovers
//   SIGUSR2           takes a snapshot
//
// A signal that comes while the store is being opened is obeyed when it is open.
//
// When the log can no longer be written, or an invariant is broken, nothing that this process says
// can be relied upon: it says so in one sentence and ends with status 1. The next start recovers
// from disk.

import { join } from 'node:path'
import { pino } from 'pino'
import { buildApp } from '../api/app.ts'
import { ConfigError } from '../config.ts'
import { Photos } from '../media/photos.ts'
import { openNetwork } from './store.ts'
import { counted, say } from './terminal.ts'
import type { Settings } from '../config.ts'
import type { Network } from './store.ts'

type App = Awaited<ReturnType<typeof buildApp>>

const DRAIN_MS_MAX = 10_000
/** One Ctrl-C may arrive twice: from the terminal, and handed on by npm. */
const SAME_SIGNAL_MS = 1000
/** Time for the answers under way to leave, before a broken process ends. */
const LAST_WORDS_MS = 100

const LISTEN_WORDS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'this user may not listen on that port',
  ENOTFOUND: 'no machine has that name',
}

export async function serve(settings: Settings): Promise<void> {
  const end = (error: Error): void => {
    say(`the server ends: ${error.message}; the next start recovers from disk`)
    setTimeout(() => process.exit(1), LAST_WORDS_MS)
  }
  const signals = listenToSignals()
  const store = await openNetwork(settings, { onPoison: end })
  let photos: Photos | undefined
  let app: App | undefined
  try {
    photos = await Photos.open(join(settings.data, 'media'))
    app = await buildApp({
      store,
      admin: {
        snapshot: async () => {
          const { lsn } = await store.snapshot()
          return { lsn }
        },
        stats: () => store.stats(),
        trouble: () => troubleOf(store),
      },
      media: photos,
      settings: { adminToken: process.env['SHASHIN_ADMIN_TOKEN'] || undefined },
      logger: pino({ level: settings.logLevel }),
      fatal: end,
    })
    await listen(app, settings)
  } catch (error) {
    await app?.close()
    await photos?.close()
    await store.close()
    throw error
  }
  signals.takeSnapshots(() => snapshot(store))
  await signals.ending
  await drain(app)
  await photos.close()
  await store.close()
  say('ended')
}

async function listen(app: App, { host, port }: Settings): Promise<void> {
  try {
    const address = await app.listen({ host, port })
    say(`Shashin listens on ${address}`)
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    const reason = LISTEN_WORDS[code] ?? message
    throw new ConfigError('SETTING_INVALID', `Cannot listen on ${host}, port ${port}: ${reason}.`)
  }
}

function troubleOf(store: Network): string | undefined {
  if (store.poison !== undefined) return store.poison.message
  return store.isReadOnly ? 'the disk is nearly full: writes are refused' : undefined
}

async function snapshot(store: Network): Promise<void> {
  try {
    const { lsn, taken, pagesWritten, ms } = await store.snapshot()
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
}

function listenToSignals(): Signals {
  let take: (() => Promise<void>) | undefined
  let isSnapshotWanted = false
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
  }
}

/** Waits for requests under way, but not for ever. */
async function drain(app: App): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      say(`requests under way after ${DRAIN_MS_MAX / 1000} s are cut off`)
      app.server.closeAllConnections()
      resolve()
    }, DRAIN_MS_MAX)
  })
  await Promise.race([app.close(), deadline])
  clearTimeout(timer)
}
