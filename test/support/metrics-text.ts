// Reads the text format of Prometheus, strictly: every line must be as the format has it, and every
// metric as its type demands. Returns the values by series.

interface Family {
  readonly type: string
  readonly names: Set<string>
}

const HELP = /^# HELP ([a-z_][a-z0-9_]*) (\S.*)$/
const TYPE = /^# TYPE ([a-z_][a-z0-9_]*) (counter|gauge|histogram)$/
const SAMPLE = /^([a-z_][a-z0-9_]*)(?:\{([^{}]+)\})? (\S+)$/
const LABEL = /^([a-z_][a-z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"$/
const VALUE = /^(?:\+Inf|-?\d+(?:\.\d+)?(?:e[+-]\d+)?)$/

/** Throws at the first line that is not as it must be. Series are written with sorted labels. */
export function readMetrics(text: string): Map<string, number> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end')
  const families = new Map<string, Family>()
  const values = new Map<string, number>()
  let helped: string | undefined
  let family: Family | undefined
  for (const line of text.slice(0, -1).split('\n')) {
    const refuse = (reason: string): never => {
      throw new Error(`${reason}: ${line}`)
    }
    if (line === '') continue
    const help = HELP.exec(line)
    const type = TYPE.exec(line)
    if (help !== null) {
      helped = help[1]!
      if (families.has(helped)) refuse('a second HELP')
    } else if (type !== null) {
      const [, name = '', kind = ''] = type
      if (helped !== name) refuse('a TYPE without its HELP')
      if (kind === 'counter' && !name.endsWith('_total')) refuse('a counter not called _total')
      if (kind !== 'counter' && name.endsWith('_total')) refuse('no counter, but called _total')
      const endings = kind === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']
      family = { type: kind, names: new Set(endings.map((ending) => name + ending)) }
      families.set(name, family)
    } else {
      const [, name = '', labels, value = ''] = SAMPLE.exec(line) ?? refuse('no sample')
      if (!family?.names.has(name)) refuse('a sample away from its TYPE')
      if (!VALUE.test(value)) refuse('a value that is no number')
      const pairs = labels === undefined ? [] : labels.split(/,(?=[a-z_]+=")/)
      for (const pair of pairs) if (!LABEL.test(pair)) refuse('a label that is none')
      const names = pairs.map((pair) => pair.split('=')[0])
      if (new Set(names).size < names.length) refuse('a label twice')
      const series = pairs.length === 0 ? name : `${name}{${pairs.toSorted().join(',')}}`
      if (values.has(series)) refuse('a series twice')
      values.set(series, Number(value))
    }
  }
  for (const [name, { type }] of families) if (type === 'histogram') judgeHistogram(name, values)
  return values
}

/** Buckets ascend, and the last of them is the count. */
function judgeHistogram(name: string, values: ReadonlyMap<string, number>): void {
  const counts = new Map<string, { bound: number; count: number }[]>()
  for (const [series, count] of values) {
    if (!series.startsWith(`${name}_bucket{`)) continue
    const [, le = ''] = /le="([^"]+)"/.exec(series) ?? []
    const others = series.replace(/,?le="[^"]+",?/, '').replace('_bucket', '_count')
    const bound = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le)
    const buckets = counts.get(others) ?? []
    if (bound <= (buckets.at(-1)?.bound ?? -1)) throw new Error(`bounds do not ascend: ${series}`)
    if (count < (buckets.at(-1)?.count ?? 0)) throw new Error(`counts do not ascend: ${series}`)
    counts.set(others, [...buckets, { bound, count }])
  }
  for (const [others, buckets] of counts) {
    const last = buckets.at(-1)
    const series = others.replace('{}', '')
    if (last?.bound !== Number.POSITIVE_INFINITY) throw new Error(`no last bucket: ${series}`)
    if (last.count !== values.get(series)) throw new Error(`another count: ${series}`)
    if (!values.has(series.replace('_count', '_sum'))) throw new Error(`no sum: ${series}`)
  }
}
