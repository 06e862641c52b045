// The image pool: child processes that decode photos, started when there is work and ended when
// there is none for a while.
//
//   process(job) ─▶ waiting ─▶ a free child, or a new one while there are fewer than allowed
//                              │
//                              ├─ answers          ─▶ the caller; the child takes the next job
//                              ├─ takes too long   ─▶ killed, IMAGE_TOO_COSTLY
//                              ├─ takes too much   ─▶ killed, IMAGE_TOO_COSTLY
//                              └─ dies             ─▶ IMAGE_TOO_COSTLY; the next gets a new child
//
// What bounds a child: 50 million pixels (image-worker.ts), the time of a job, 64 MiB of JavaScript
// heap (a flag), and its resident memory, which is looked at every 20 ms while a job runs: on Linux
// in /proc/PID/status; on other systems nobody looks, and the limit on pixels is what remains. An
// address space limit (prlimit) is of no use: the runtime alone reserves tens of gigabytes.
//
// Invariants
//   (1) A child has at most one job.
//   (2) Every job ends: by an answer, by the clock, by the death of its child, or by `close`.
//   (3) A child gets no environment of ours: no setting, no secret.

import { fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { MediaRefusal } from './media-refusal.ts'
import type { ChildProcess } from 'node:child_process'
import type { ImageAnswer, ImageDone, ImageJob } from './image-worker.ts'

export interface ImagePoolSettings {
  readonly childrenMax: number
  /** Jobs that wait beyond those that run. */
  readonly waitingMax: number
  readonly jobMs: number
  /** After so long without work a child is ended. */
  readonly idleMs: number
  /** Bytes of resident memory of one child. */
  readonly residentSizeMax: number
  /** The program of a child; tests have others. */
  readonly program: string
}

export const IMAGE_POOL_SETTINGS: ImagePoolSettings = {
  childrenMax: 2,
  waitingMax: 32,
  jobMs: 20_000,
  idleMs: 15_000,
  residentSizeMax: 512 * 1024 * 1024,
  program: fileURLToPath(new URL('./image-worker.ts', import.meta.url)),
}

const WATCH_MS = 20
const ENVIRONMENT = {
  MALLOC_ARENA_MAX: '2',
  UV_THREADPOOL_SIZE: '2',
  VIPS_CONCURRENCY: '1',
  // Any value silences the warnings of libvips.
  VIPS_WARNING: '0',
}

interface Task {
  readonly job: ImageJob
  readonly resolve: (done: ImageDone) => void
  readonly reject: (error: Error) => void
}

class Child {
  readonly process: ChildProcess
  isReady: boolean
  task: Task | undefined
  timer: NodeJS.Timeout | undefined
  watch: NodeJS.Timeout | undefined

  constructor(process: ChildProcess) {
    this.process = process
    this.isReady = false
    this.task = undefined
    this.timer = undefined
    this.watch = undefined
  }

  /** Takes its task from it and stops its clocks. */
  release(): Task | undefined {
    const { task } = this
    this.task = undefined
    clearTimeout(this.timer)
    clearInterval(this.watch)
    return task
  }
}

export class ImagePool implements AsyncDisposable {
  readonly #settings: ImagePoolSettings
  readonly #children: Set<Child>
  readonly #waiting: Task[]
  #isClosed: boolean

  constructor(settings: Partial<ImagePoolSettings> = {}) {
    this.#settings = { ...IMAGE_POOL_SETTINGS, ...settings }
    this.#children = new Set()
    this.#waiting = []
    this.#isClosed = false
  }

  /** Ids of the processes that run now. */
  get processIds(): number[] {
    return [...this.#children].flatMap(({ process }) => process.pid ?? [])
  }

  /** Rejects with MediaRefusal, or with the error of a disk that failed. */
  process(job: ImageJob): Promise<ImageDone> {
    if (this.#isClosed) return Promise.reject(new MediaRefusal('MEDIA_UNAVAILABLE'))
    if (this.#waiting.length >= this.#settings.waitingMax) {
      return Promise.reject(new MediaRefusal('MEDIA_BUSY'))
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ job, resolve, reject })
      this.#assign()
    })
  }

  /** Kills all children; what runs or waits is refused with MEDIA_UNAVAILABLE. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const { reject } of this.#waiting.splice(0)) reject(new MediaRefusal('MEDIA_UNAVAILABLE'))
    const ended = [...this.#children].map(async (child) => {
      const gone = new Promise((resolve) => child.process.once('exit', resolve))
      child.release()?.reject(new MediaRefusal('MEDIA_UNAVAILABLE'))
      // An idle one does not keep this process alive, but its end is waited for.
      child.process.ref()
      // Whoever has ended already says so no more.
      if (child.process.kill('SIGKILL')) await gone
    })
    await Promise.all(ended)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Gives waiting tasks to free children, and starts one more where that helps. */
  #assign(): void {
    while (this.#waiting.length > 0) {
      const free = [...this.#children].find((child) => child.task === undefined)
      const isFull = this.#children.size >= this.#settings.childrenMax
      if (free === undefined && isFull) return
      this.#begin(free ?? this.#start(), this.#waiting.shift()!)
    }
  }

  #start(): Child {
    const started = fork(this.#settings.program, [], {
      env: ENVIRONMENT,
      execArgv: ['--max-old-space-size=64'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const child = new Child(started)
    this.#children.add(child)
    started.on('message', (answer: ImageAnswer) => this.#take(child, answer))
    // It could not be started, or its channel is broken.
    started.on('error', () => {
      started.kill('SIGKILL')
      this.#bury(child)
    })
    started.on('exit', () => this.#bury(child))
    return child
  }

  #begin(child: Child, task: Task): void {
    const { jobMs, residentSizeMax } = this.#settings
    child.task = task
    clearTimeout(child.timer)
    child.timer = setTimeout(() => child.process.kill('SIGKILL'), jobMs)
    child.watch = setInterval(() => {
      if (residentSize(child.process.pid) > residentSizeMax) child.process.kill('SIGKILL')
    }, WATCH_MS)
    child.process.ref()
    child.process.channel?.ref()
    if (child.isReady) child.process.send(task.job)
  }

  #take(child: Child, answer: ImageAnswer): void {
    if (answer.outcome === 'ready') {
      child.isReady = true
      if (child.task !== undefined) child.process.send(child.task.job)
      return
    }
    const task = child.release()
    child.timer = setTimeout(() => child.process.kill('SIGKILL'), this.#settings.idleMs)
    child.timer.unref()
    child.process.unref()
    child.process.channel?.unref()
    if (answer.outcome === 'done') task?.resolve(answer)
    else if (answer.outcome === 'refused') task?.reject(new MediaRefusal(answer.code))
    else task?.reject(new Error(`An image worker failed: ${answer.message}`))
    this.#assign()
  }

  /**
   * One that died before it was ready never saw the image: that is our trouble, not the sender's.
   */
  #bury(child: Child): void {
    if (!this.#children.delete(child)) return
    const code = child.isReady ? 'IMAGE_TOO_COSTLY' : 'MEDIA_UNAVAILABLE'
    child.release()?.reject(new MediaRefusal(code))
    this.#assign()
  }
}

/** Bytes, 0 where nobody knows. */
function residentSize(processId: number | undefined): number {
  if (process.platform !== 'linux' || processId === undefined) return 0
  try {
    const status = readFileSync(`/proc/${processId}/status`, 'latin1')
    return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}
