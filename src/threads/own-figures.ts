// What a thread can say of itself: its heap, and how late its events come.

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import type { OwnFigures } from './protocol.ts'

const RESOLUTION_MS = 10
const WINDOW_MS = 10_000

/**
 * Watches the event loop from now on. What it returns tells the delays of the last whole ten
 * seconds, whoever asks and how often; within the first ten, those until then.
 */
export function startFigures(generation: () => number): () => OwnFigures {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  // What a timer of that resolution shows on an idle thread is no delay.
  const ms = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS)
  const delays = (): OwnFigures['eventLoopDelayMs'] => ({
    mean: ms(delay.mean || 0),
    p99: ms(delay.percentile(99)),
    max: ms(delay.max),
  })
  let last: OwnFigures['eventLoopDelayMs'] | undefined
  setInterval(() => {
    last = delays()
    delay.reset()
  }, WINDOW_MS).unref()
  return () => {
    const { used_heap_size: heapUsedSize, heap_size_limit: heapLimitSize } = getHeapStatistics()
    const eventLoopDelayMs = last ?? delays()
    return { generation: generation(), heapUsedSize, heapLimitSize, eventLoopDelayMs }
  }
}
