// Metrics as data: what a thread counts (a registry of the library), what crosses between threads
// (plain objects in the form in which the library sums and prints), and what is made of figures
// that somebody else has counted.
//
// Names follow Prometheus: shashin_ at the beginning, the unit at the end, _total for what only
// grows. Labels have few values: no address, no id, no name of a user is ever one.

import { Counter, Gauge, Registry } from '@prometheus-io/client'
import type { Aggregator, MetricType, PrometheusContentType } from '@prometheus-io/client'
import type { Spread } from '../std/spread.ts'

/** What a thread counts. */
export type MetricsRegistry = Registry<PrometheusContentType>

type Labels = Readonly<Partial<Record<string, string | number>>>

interface Metric {
  readonly name: string
  readonly help: string
  readonly type: MetricType
  readonly aggregator: Aggregator
  readonly values: readonly {
    readonly labels: Labels
    readonly value: number
    /** That of the metric, when left out. */
    readonly metricName?: string
  }[]
}

/** Metrics of one thread, as data. */
export type Metrics = readonly Metric[]

interface Description<L extends string> {
  readonly name: string
  readonly help: string
  readonly labelNames?: readonly L[]
}

export function createRegistry(): MetricsRegistry {
  return new Registry(Registry.PROMETHEUS_CONTENT_TYPE)
}

// A thread's registry outlives the code of a deploy. So these look first for what earlier code has
// counted, and go on with it if it is of the same form.

export function counterIn<L extends string>(
  registry: MetricsRegistry,
  description: Description<L>,
): Counter<L> {
  const { name, help, labelNames = [] } = description
  const known: unknown = registry.getSingleMetric(name)
  if (known instanceof Counter && String(labelsOf(known)) === String(labelNames)) return known
  registry.removeSingleMetric(name)
  return new Counter<L>({ name, help, labelNames: [...labelNames], registers: [registry] })
}

/** The library keeps them, and does not tell. */
function labelsOf(counter: Counter): readonly string[] {
  return (counter as unknown as { readonly labelNames: readonly string[] }).labelNames
}

/** Has the registry ask for a number whenever it is read, in place of whoever was asked before. */
export function askedIn(
  registry: MetricsRegistry,
  type: 'counter' | 'gauge',
  { name, help }: Description<never>,
  ask: () => number,
): void {
  registry.removeSingleMetric(name)
  const collect = function collect(this: Counter | Gauge): void {
    this.reset()
    this.inc(ask())
  }
  const settings = { name, help, registers: [registry], collect }
  // oxlint-disable-next-line no-unused-expressions -- it registers itself
  type === 'counter' ? new Counter(settings) : new Gauge(settings)
}

/**
 * Counts in a form of their own, for what every request counts: the library takes 2 µs for it
 * (bench `rendering`). Goes on with what earlier code has counted in a form of that name;
 * `metricOf` is called whenever the registry is read.
 */
export function countedIn<T extends object>(
  registry: MetricsRegistry,
  name: string,
  form: string,
  create: () => T,
  metricOf: (counts: T) => Metric,
): T {
  const known: unknown = registry.getSingleMetric(name)
  const counts = isCounted<T>(known) && known.form === form ? known.counts : create()
  registry.removeSingleMetric(name)
  const counted: Counted<T> = { name, form, counts, get: async () => metricOf(counts) }
  registry.registerMetric(counted as unknown as Gauge)
  return counts
}

interface Counted<T> {
  readonly name: string
  readonly form: string
  readonly counts: T
  readonly get: () => Promise<Metric>
}

function isCounted<T>(metric: unknown): metric is Counted<T> {
  return typeof metric === 'object' && metric !== null && 'form' in metric && 'counts' in metric
}

/** What a registry has counted, as data. */
export function metricsOf(registry: MetricsRegistry): Promise<Metrics> {
  return registry.getMetricsAsJSON()
}

/** Values under one name: a number, or numbers with labels. */
type Values = number | readonly (readonly [labels: Labels, value: number])[]

export function gauge(name: string, help: string, values: Values): Metric {
  return metric('gauge', name, help, values)
}

export function counter(name: string, help: string, values: Values): Metric {
  return metric('counter', name, help, values)
}

function metric(type: MetricType, name: string, help: string, values: Values): Metric {
  const pairs = typeof values === 'number' ? ([[{}, values]] as const) : values
  return {
    name,
    help,
    type,
    aggregator: 'sum',
    values: pairs.map(([labels, value]) => ({ labels, value })),
  }
}

/** `scale` turns the spread's unit into that of the name. */
export function histogram(
  name: string,
  help: string,
  spreads: Spread | readonly (readonly [labels: Labels, spread: Spread])[],
  scale = 1,
): Metric {
  const pairs = Array.isArray(spreads) ? spreads : ([[{}, spreads as Spread]] as const)
  return {
    name,
    help,
    type: 'histogram',
    aggregator: 'sum',
    values: pairs.flatMap(([labels, spread]) => valuesOf(name, labels, spread, scale)),
  }
}

function valuesOf(name: string, labels: Labels, spread: Spread, scale: number): Metric['values'] {
  let count = 0
  const buckets = spread.counts.map((each, place) => {
    count += each
    const bound = spread.bounds[place]
    const le = bound === undefined ? '+Inf' : bound * scale
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: count }
  })
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: spread.sum * scale },
    { metricName: `${name}_count`, labels, value: count },
  ]
}

/** The sum of several threads' metrics, in the text format of Prometheus. */
export function textOf(all: readonly Metrics[]): Promise<string> {
  return Registry.aggregate(all.map((metrics) => [...metrics])).metrics()
}
