// What a thread can say of itself: its heap, and how late its events come.

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import type { OwnFigures } from './protocol.ts'

const RESOLUTION_MS = 10

/** Watches the event loop from now on; what it returns tells the figures since its last call. */
export function startFigures(generation: () => number): () => OwnFigures {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  // What a timer of that resolution shows on an idle thread is no delay.
  const ms = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS)
  return () => {
    const { used_heap_size: heapUsedSize, heap_size_limit: heapLimitSize } = getHeapStatistics()
    const eventLoopDelayMs = {
      mean: ms(delay.mean || 0),
      p99: ms(delay.percentile(99)),
      max: ms(delay.max),
    }
    delay.reset()
    return { generation: generation(), heapUsedSize, heapLimitSize, eventLoopDelayMs }
  }
}
