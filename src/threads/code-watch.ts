// Watching code: notices that a tree of code has become another one, and says so once.
//
// What is watched is a path to a release (releases.ts): the project itself in development, a link
// that is pointed to another release in production. Both are the same thing here: the links on the
// way to the tree, its `src`, and the two package files beside it.
//
//   a file changes ─▶ wait until quiet ─▶ look ─▶ wait ─▶ look again ─▶ the same twice, and other
//        ▲                                                              than what was told last?
//        └──── any change in between begins it anew                       └─▶ told
//
// Editors, git and rsync write many files, one after the other, and each of them in steps. Events
// only say when to look; what has changed is said by digests. So a burst is told once, a file that
// is saved without a change is not told at all, and neither is a tree in the middle of being
// written, unless its writer pauses for longer than two quiet times.
//
// Invariants
//   (1) What is told differs from what was told before it, or from what was running at first.
//   (2) Nothing is told after `close` has been called.

import { readlink, realpath } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { watch } from 'chokidar'
import { CodeError, identityOf, isTemporary, releaseOf } from './releases.ts'
import type { FSWatcher } from 'chokidar'
import type { Release } from './releases.ts'

export interface CodeWatchEvents {
  /** The path leads to other code than before, and it is whole as far as one can see. */
  changed(found: Release): void
  /** The path leads to no code any more, or it cannot be watched any more. */
  failed(error: CodeError): void
}

export interface CodeWatchSettings {
  /** Time without any change before each of two looks. */
  readonly quietMs: number
}

export const CODE_WATCH_SETTINGS: CodeWatchSettings = { quietMs: 60 }

/** More links than that on the way to a release are a circle. */
const LINKS_MAX = 40

const LIMITS: Readonly<Record<string, string>> = {
  ENOSPC:
    'the system watches as many files as it may; raise fs.inotify.max_user_watches with sysctl',
  EMFILE:
    'this user or process has as many watches or open files as it may; ' +
    'raise fs.inotify.max_user_instances with sysctl, or the limit of open files',
}

/** What one look has found. */
interface Sight {
  readonly identity: string
  /** Paths to be watched. */
  readonly places: readonly string[]
  readonly found: Release | CodeError
}

export class CodeWatch implements AsyncDisposable {
  readonly #path: string
  readonly #events: CodeWatchEvents
  readonly #quietMs: number
  #watcher: FSWatcher | undefined
  #places: readonly string[]
  /** Identity of what was told last. */
  #told: string
  /** What the first of two looks has seen, while nothing has happened since. */
  #seen: Sight | undefined
  /** Changes that were noticed so far. */
  #noticed: number
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #isClosed: boolean

  private constructor(path: string, running: Release, events: CodeWatchEvents, quietMs: number) {
    this.#path = path
    this.#events = events
    this.#quietMs = quietMs
    this.#watcher = undefined
    this.#places = []
    this.#told = identityOf(running)
    this.#seen = undefined
    this.#noticed = 0
    this.#timer = undefined
    this.#looking = undefined
    this.#isClosed = false
  }

  /**
   * Watches a directory of code, or a link to one. What differs from `running` is told, at once if
   * it does so already. Rejects with CodeError when there is no code, or when it cannot be watched.
   */
  static async open(
    path: string,
    running: Release,
    events: CodeWatchEvents,
    settings: Partial<CodeWatchSettings> = {},
  ): Promise<CodeWatch> {
    const { quietMs } = { ...CODE_WATCH_SETTINGS, ...settings }
    const opened = new CodeWatch(resolve(path), running, events, quietMs)
    const { found, places } = await opened.#look()
    if (found instanceof CodeError) throw found
    try {
      await opened.#watch(places)
    } catch (error) {
      await opened.close()
      throw error
    }
    opened.#wait()
    return opened
  }

  /** Resolves when nothing is watched and nothing is looked at any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#looking
    await this.#watcher?.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #notice(): void {
    this.#noticed++
    this.#seen = undefined
    this.#wait()
  }

  #wait(): void {
    clearTimeout(this.#timer)
    if (this.#isClosed) return
    this.#timer = setTimeout(() => {
      // While a look is under way, that look waits when it ends.
      this.#looking ??= this.#compare().finally(() => {
        this.#looking = undefined
      })
    }, this.#quietMs)
  }

  async #compare(): Promise<void> {
    const noticed = this.#noticed
    const sight = await this.#look()
    const isElsewhere = sight.places.join('\0') !== this.#places.join('\0')
    if (isElsewhere && !this.#isClosed) {
      await this.#watch(sight.places).catch((error: CodeError) => this.#events.failed(error))
    }
    if (this.#isClosed) return
    const { identity, found } = sight
    const isSettled = this.#noticed === noticed && !isElsewhere
    if (isSettled && identity === this.#told) {
      this.#seen = undefined
    } else if (isSettled && identity === this.#seen?.identity) {
      this.#seen = undefined
      this.#told = identity
      if (found instanceof CodeError) this.#events.failed(found)
      else this.#events.changed(found)
    } else {
      this.#seen = isSettled ? sight : undefined
      this.#wait()
    }
  }

  async #look(): Promise<Sight> {
    const places = await placesOf(this.#path)
    try {
      const found = await releaseOf(this.#path)
      return { places, found, identity: identityOf(found) }
    } catch (error) {
      const found = error instanceof CodeError ? error : unreadable(this.#path, error)
      return { places, found, identity: found.message }
    }
  }

  /** Watches these paths instead of those before. Rejects with CodeError. */
  async #watch(places: readonly string[]): Promise<void> {
    const before = this.#watcher
    const watcher = watch([...places], {
      ignoreInitial: true,
      followSymlinks: false,
      atomic: false,
      ignored: (path) => isTemporary(basename(path)) && !places.some((one) => isWithin(path, one)),
    })
    this.#watcher = watcher
    this.#places = places
    watcher.on('all', () => this.#notice())
    let isReady = false
    // One for each directory, when a limit is reached: the first says it.
    let failure: CodeError | undefined
    const ready = new Promise<void>((resolve, reject) => {
      watcher.on('ready', resolve)
      watcher.on('error', (error) => {
        if (failure !== undefined) return
        failure = unwatchable(this.#path, error)
        if (isReady) this.#events.failed(failure)
        else reject(failure)
      })
    })
    await Promise.all([ready, before?.close()])
    isReady = true
  }
}

/** The links on the way to a release, and what is watched of the release itself. */
async function placesOf(path: string): Promise<string[]> {
  const links: string[] = []
  let place = path
  while (links.length < LINKS_MAX) {
    const target = await readlink(place).catch(() => undefined)
    if (target === undefined) break
    links.push(place)
    const directory = await realpath(dirname(place)).catch(() => dirname(place))
    place = resolve(directory, target)
  }
  const files = ['src', 'package.json', 'package-lock.json']
  return [...links, ...files.map((name) => join(place, name))]
}

/** Whether `place` is `path` or lies below it. */
function isWithin(path: string, place: string): boolean {
  return place === path || place.startsWith(`${path}/`)
}

function unreadable(path: string, error: unknown): CodeError {
  const { message } = error as Error
  return new CodeError(`The code at ${path} cannot be read: ${message}.`, { cause: error })
}

/** Says in one sentence why a path cannot be watched. */
export function unwatchable(path: string, error: unknown): CodeError {
  const { code = '', message } = error as NodeJS.ErrnoException
  const reason = LIMITS[code] ?? message
  return new CodeError(`The code at ${path} cannot be watched: ${reason}.`, { cause: error })
}
