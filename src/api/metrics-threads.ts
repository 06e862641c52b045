// Metrics of the process and its threads, out of the figures that these tell of themselves.
//
// A thread is named by its role and place ("http 1"): numbers go up with every replacement, and
// each would be a series of its own.

import { askedIn, counter, createRegistry, gauge, metricsOf } from './metrics-registry.ts'
import type { Metrics, MetricsRegistry } from './metrics-registry.ts'

/** What is known of a thread. */
export interface ThreadReport {
  /** 1, 2, 3 … over all threads of this process. */
  readonly number: number
  readonly role: 'supervisor' | 'store' | 'http'
  readonly state: string
  readonly generation: number
  readonly uptimeSeconds: number
  /** How often threads of its role have been started again after they had failed. */
  readonly restarts: number
  readonly heapUsedSize: number
  readonly heapLimitSize: number
  /** Milliseconds of the last whole ten seconds, beyond the resolution of the event loop. */
  readonly eventLoopDelayMs: { readonly mean: number; readonly p99: number; readonly max: number }
}

/** What only the thread itself knows of how it reads and writes. */
export interface HttpThreadFigures {
  /** Reads that had to be run again, since the thread's start. */
  readonly readRetries: number
  /** Commands that wait for the store thread. */
  readonly commandsQueued: number
  /** Child processes that decode images. */
  readonly imageChildren: number
}

/** Where metrics come from: of the thread that this is part of, and of the others. */
export interface MetricsSource {
  /** What this thread counts. It outlives deploys, so that counts go on. */
  readonly registry: MetricsRegistry
  /** What all http threads have counted, this one among them. */
  gather(): Promise<readonly Metrics[]>
  readonly figures?: () => HttpThreadFigures
}

/** The source of a thread that is the only one. */
export function onlyThread(): MetricsSource {
  const registry = createRegistry()
  return { registry, gather: async () => [await metricsOf(registry)] }
}

/** Has the registry ask a thread for its figures. */
export function measureThread(registry: MetricsRegistry, figures: () => HttpThreadFigures): void {
  askedIn(
    registry,
    'counter',
    {
      name: 'shashin_seqlock_retries_total',
      help: 'Looks that readers of shared memory took once more, for a batch was being written.',
    },
    () => figures().readRetries,
  )
  askedIn(
    registry,
    'gauge',
    {
      name: 'shashin_commands_queued',
      help: 'Commands that wait in HTTP threads for the store thread.',
    },
    () => figures().commandsQueued,
  )
  askedIn(
    registry,
    'gauge',
    { name: 'shashin_image_children', help: 'Child processes that decode images.' },
    () => figures().imageChildren,
  )
}

export function threadMetrics(threads: readonly ThreadReport[]): Metrics {
  const named = threads
    .toSorted((a, b) => a.number - b.number)
    .map((thread, at, all) => {
      const place = all.slice(0, at + 1).filter(({ role }) => role === thread.role).length
      return { thread, labels: { thread: `${thread.role} ${place}` } }
    })
  const each = (value: (thread: ThreadReport) => number) =>
    named.map(({ thread, labels }) => [labels, value(thread)] as const)
  const roles = [...new Map(threads.map((thread) => [thread.role, thread])).values()]
  return [
    gauge('shashin_threads', 'Threads, by role and state.', countedBy(threads)),
    counter(
      'shashin_thread_restarts_total',
      'Threads started again after one of the role had failed.',
      roles.map(({ role, restarts }) => [{ role }, restarts]),
    ),
    gauge(
      'shashin_thread_code_generation',
      'How often code had been loaded since the start when that of the thread was.',
      each(({ generation }) => generation),
    ),
    gauge(
      'shashin_thread_uptime_seconds',
      'Time since the thread was started.',
      each(({ uptimeSeconds }) => uptimeSeconds),
    ),
    gauge(
      'shashin_thread_heap_used_bytes',
      'JavaScript heap in use.',
      each(({ heapUsedSize }) => heapUsedSize),
    ),
    gauge(
      'shashin_thread_heap_limit_bytes',
      'JavaScript heap at which the thread ends.',
      each(({ heapLimitSize }) => heapLimitSize),
    ),
    gauge(
      'shashin_event_loop_delay_mean_seconds',
      'Mean delay of events since these figures were last asked for.',
      each(({ eventLoopDelayMs }) => eventLoopDelayMs.mean / 1000),
    ),
    gauge(
      'shashin_event_loop_delay_p99_seconds',
      'Delay that one event in a hundred exceeded since these figures were last asked for.',
      each(({ eventLoopDelayMs }) => eventLoopDelayMs.p99 / 1000),
    ),
    gauge(
      'shashin_event_loop_delay_max_seconds',
      'Longest delay since these figures were last asked for.',
      each(({ eventLoopDelayMs }) => eventLoopDelayMs.max / 1000),
    ),
  ]
}

/** Of the whole process, as any of its threads can tell, under the names that all programs use. */
export function processMetrics(): Metrics {
  const { user, system } = process.cpuUsage()
  return [
    counter(
      'process_cpu_seconds_total',
      'Processor time spent by all threads.',
      (user + system) / 1e6,
    ),
    gauge(
      'process_resident_memory_bytes',
      'Memory that the process holds.',
      process.memoryUsage.rss(),
    ),
    gauge(
      'process_start_time_seconds',
      'When the process began, in seconds since 1970.',
      Math.round(Date.now() / 1000 - process.uptime()),
    ),
  ]
}

function countedBy(threads: readonly ThreadReport[]) {
  const counts = new Map<string, [{ role: string; state: string }, number]>()
  for (const { role, state } of threads) {
    const key = `${role} ${state}`
    const [labels, count] = counts.get(key) ?? [{ role, state }, 0]
    counts.set(key, [labels, count + 1])
  }
  return [...counts.values()]
}
