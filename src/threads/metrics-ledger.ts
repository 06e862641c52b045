// What all http threads have counted, those that have ended among them. It lies with the
// supervisor, which outlives them.

import { Registry } from '@prometheus-io/client'
import type { Metrics } from '../api/metrics-registry.ts'

/**
 * Remembers what ended threads had counted, so that a sum over all threads never falls: Prometheus
 * takes a smaller number for a restart, and counts all of it again. What a thread counts between
 * the last `note` and a sudden end is lost.
 */
export class MetricsLedger {
  readonly #latest: Map<number, Metrics>
  #ended: Metrics

  constructor() {
    this.#latest = new Map()
    this.#ended = []
  }

  /** What a thread says now. */
  note(thread: number, metrics: Metrics): void {
    this.#latest.set(thread, metrics)
  }

  /** A thread has ended: what it counted stays, what it measured goes. */
  async end(thread: number): Promise<void> {
    const latest = this.#latest.get(thread)
    if (latest === undefined) return
    this.#latest.delete(thread)
    const counted = latest.filter(({ type }) => type === 'counter' || type === 'histogram')
    const both = [[...this.#ended], counted]
    this.#ended = await Registry.aggregate(both).getMetricsAsJSON()
  }

  /** Of all threads that are and were. */
  all(): readonly Metrics[] {
    return [this.#ended, ...this.#latest.values()]
  }
}
