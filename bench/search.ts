// How fast are words found in a million captions, and what does their index take?
//
// The index of the engine over rows in memory, without HTTP, rendering and visibility. Words of
// invented captions follow Zipf's law, as those of people do. An answer is the newest 20 rows. Each
// query of a round asks for other words of its kind, so that no cache holds their lists:
//
//   rare       a word that 2 to 50 captions have
//   common     one of the 50 commonest words
//   two        a common word and one that one caption in a thousand has
//   prefix     three letters with which dozens of words begin
//   last page  a common word, behind nine tenths of all rows
//
// Beside it, in the same run and with the same captions, but fewer: MiniSearch, which keeps its
// index in objects and ranks what it finds. It is asked for the same words with AND.

import { loadavg } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import MiniSearch from 'minisearch'
import { EffectWriter } from '../src/engine/effects.ts'
import { Memory } from '../src/engine/memory/memory.ts'
import { defineTable, storedSchema, text, words } from '../src/engine/schema.ts'
import { Tables } from '../src/engine/tables.ts'
import { StoreTransaction } from '../src/engine/transaction.ts'
import { TablesView } from '../src/engine/view.ts'
import { termsOf } from '../src/engine/words.ts'
import { Random } from '../src/std/random.ts'
import { percentile } from './report.ts'
import { startStopwatch } from './support/stopwatch.ts'
import type { SearchTerm } from '../src/engine/words.ts'
import type { BenchContext } from './main.ts'
import type { Measurement } from './report.ts'

export const name = 'search'
export const question = 'How fast are words found in captions, and what does their index take?'
export const options = { rows: { type: 'string' }, rounds: { type: 'string' } } as const

const ROWS = 1_000_000
const ROUNDS = 3
const QUERIES = 400
const PAGE_COUNT = 20
/** Rows for each one that MiniSearch gets. */
const FEWER = 20
const VOCABULARY = 200_000
const CAPTION_WORDS = 10
const BATCH = 1_000
const REGION_SIZE_MAX = 2 ** 33

const bare = defineTable({ id: 1, name: 'captions', columns: {}, record: { caption: text(1) } })
const indexed = defineTable({
  id: 1,
  name: 'captions',
  columns: {},
  record: { caption: text(1) },
  indexes: { byWords: words('caption') },
})

interface Query {
  readonly terms: readonly SearchTerm[]
  readonly beforeId?: number
}

type Queries = Readonly<Record<string, readonly Query[]>>

export async function run(context: BenchContext): Promise<readonly Measurement[]> {
  const rows = Number(context.options['rows'] ?? ROWS)
  const rounds = Number(context.options['rounds'] ?? ROUNDS)
  if (!(rows >= 20_000)) context.refuse('There must be at least 20000 rows.')
  const few = Math.floor(rows / FEWER)
  const captions = captionsOf(rows, new Random(context.seed))
  context.say(`${rows} captions; load ${loadavg()[0]!.toFixed(1)}`)
  const { tables, view } = fill(captions)
  const built = build(tables)
  const measurements: Measurement[] = [
    { name: `index of ${rows} captions`, unit: 'MB', samples: [sizeOf(tables) / 1e6], goal: '58' },
    { name: '  captions themselves', unit: 'MB', samples: [captionsSize(tables) / 1e6] },
    { name: '  built from the rows', unit: 'rows/s', samples: [rows / (built / 1000)] },
  ]
  const written = startStopwatch()
  write(tables, captions.slice(0, few))
  const writtenMs = written().undisturbedMs
  measurements.push({
    name: '  written with transactions',
    unit: 'rows/s',
    samples: [few / (writtenMs / 1000)],
  })
  const ask = ({ terms, beforeId }: Query): number =>
    view.search(indexed.indexes.byWords, terms, PAGE_COUNT, beforeId).ids.length
  measurements.push(...time('', queriesOf(captions), rounds, ask))

  context.say(`${few} captions, beside MiniSearch; load ${loadavg()[0]!.toFixed(1)}`)
  const fewer = captions.slice(0, few)
  const small = fill(fewer)
  const smallMs = build(small.tables)
  const { other, ms, heapSize } = buildOther(fewer)
  const queries = queriesOf(fewer)
  const { 'last page': _, ...otherQueries } = queries
  measurements.push(
    { name: `index of ${few} captions`, unit: 'MB', samples: [sizeOf(small.tables) / 1e6] },
    { name: '  built', unit: 'rows/s', samples: [few / (smallMs / 1000)] },
    ...time('  ', queries, rounds, ({ terms, beforeId }) => {
      const index = indexed.indexes.byWords
      return small.view.search(index, terms, PAGE_COUNT, beforeId).ids.length
    }),
    { name: `MiniSearch of ${few} captions`, unit: 'MB', samples: [heapSize / 1e6] },
    { name: '  built', unit: 'rows/s', samples: [few / (ms / 1000)] },
    ...time('  MiniSearch, ', otherQueries, rounds, ({ terms }) => {
      const found = other.search({
        combineWith: 'AND',
        queries: terms.map(({ term, isPrefix }) => ({ queries: [term], prefix: isPrefix })),
      })
      return found.length
    }),
  )
  context.say(`load ${loadavg()[0]!.toFixed(1)}`)
  return measurements
}

/** Two percentiles of each kind of query, in microseconds, a sample for each round. */
function time(
  label: string,
  queries: Queries,
  rounds: number,
  ask: (query: Query) => number,
): Measurement[] {
  return Object.entries(queries).flatMap(([kind, list]) => {
    for (const query of list.slice(0, 50)) ask(query)
    const medians: number[] = []
    const tails: number[] = []
    for (let round = 0; round < rounds; round++) {
      const times = list.map((query) => {
        const start = process.hrtime.bigint()
        ask(query)
        return Number(process.hrtime.bigint() - start) / 1000
      })
      medians.push(percentile(times, 0.5))
      tails.push(percentile(times, 0.99))
    }
    return [
      { name: `${label}${kind}, median`, unit: 'µs', samples: medians },
      { name: `${label}${kind}, p99`, unit: 'µs', samples: tails },
    ]
  })
}

function queriesOf(captions: readonly string[]): Queries {
  const counts = new Map<string, number>()
  for (const caption of captions) {
    for (const term of termsOf(caption)) counts.set(term, (counts.get(term) ?? 0) + 1)
  }
  const sorted = [...counts].toSorted(([, one], [, other]) => other - one)
  const wordsWith = (least: number, most: number): string[] =>
    sorted.filter(([, count]) => count >= least && count <= most).map(([word]) => word)
  const rare = wordsWith(2, 50)
  const common = sorted.slice(0, 50).map(([word]) => word)
  const each = Math.max(Math.floor(captions.length / 1000), 5)
  const seldom = wordsWith(each / 2, each * 2)
  const make = (query: (index: number) => Query): Query[] =>
    Array.from({ length: QUERIES }, (_, index) => query(index))
  const pick = (list: readonly string[], index: number): string =>
    list[(index * 7919) % list.length]!
  const whole = (term: string): SearchTerm => ({ term, isPrefix: false })
  return {
    rare: make((index) => ({ terms: [whole(pick(rare, index))] })),
    common: make((index) => ({ terms: [whole(pick(common, index))] })),
    two: make((index) => ({ terms: [whole(pick(common, index)), whole(pick(seldom, index))] })),
    prefix: make((index) => ({
      terms: [{ term: pick(seldom, index).slice(0, 3), isPrefix: true }],
    })),
    'last page': make((index) => ({
      terms: [whole(pick(common, index))],
      beforeId: Math.floor(captions.length / 10),
    })),
  }
}

function fill(captions: readonly string[]): { tables: Tables; view: TablesView } {
  const memory = new Memory(undefined, REGION_SIZE_MAX)
  const tables = new Tables(memory, '0123456789abcdef0123456789abcdef', storedSchema([bare], 0))
  write(tables, captions)
  return { tables, view: new TablesView(tables) }
}

/** Adds the index to tables that have rows; milliseconds. */
function build(tables: Tables): number {
  const stopwatch = startStopwatch()
  tables.evolve(storedSchema([indexed], 0))
  return stopwatch().undisturbedMs
}

function write(tables: Tables, captions: readonly string[]): void {
  const effects = new EffectWriter()
  const tx = new StoreTransaction(tables, effects)
  for (let start = 0; start < captions.length; start += BATCH) {
    tx.begin('fill', 1, effects)
    for (const caption of captions.slice(start, start + BATCH)) tx.insert(bare, { caption })
    tx.commit()
    effects.clear()
  }
}

function sizeOf({ memory }: Tables): number {
  return memory
    .regions()
    .filter(({ key }) => key.startsWith('1/index/'))
    .reduce((sum, { size }) => sum + size, 0)
}

function captionsSize(tables: Tables): number {
  return tables.byId(1)!.arena!.usedSize
}

function buildOther(captions: readonly string[]): {
  other: MiniSearch
  ms: number
  heapSize: number
} {
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  const stopwatch = startStopwatch()
  const other = new MiniSearch({
    fields: ['caption'],
    tokenize: (caption) => [...termsOf(caption)],
    processTerm: (term) => term,
  })
  other.addAll(captions.map((caption, id) => ({ id, caption })))
  const ms = stopwatch().undisturbedMs
  collectGarbage()
  return { other, ms, heapSize: process.memoryUsage().heapUsed - before }
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
}

const CONSONANTS = 'bcdfghjklmnprstvwz'
const VOWELS = 'aeiou'

/** Captions of words that follow Zipf's law; commoner words are shorter. */
function captionsOf(count: number, random: Random): string[] {
  const vocabulary = vocabularyOf(random)
  // The rank of a word by the logarithm of a number that is spread evenly: about 1 / rank.
  const scale = Math.log(vocabulary.length)
  const pick = (): string =>
    vocabulary[Math.floor(Math.exp((random.word() / 2 ** 32) * scale)) - 1]!
  return Array.from({ length: count }, () => {
    const wordCount = random.between(CAPTION_WORDS / 2, (CAPTION_WORDS * 3) / 2)
    return Array.from({ length: wordCount }, pick).join(' ')
  })
}

function vocabularyOf(random: Random): string[] {
  const found = new Set<string>()
  while (found.size < VOCABULARY) {
    const syllables = 1 + Math.min(3, Math.floor(Math.log10(found.size + 10) - random.below(2)))
    let word = ''
    for (let count = 0; count <= syllables; count++) {
      word += CONSONANTS[random.below(CONSONANTS.length)]! + VOWELS[random.below(VOWELS.length)]!
    }
    found.add(word)
  }
  return [...found]
}
