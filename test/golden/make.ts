// Makes the golden files of a format version: a small store as this program writes it, to be opened
// by all that come after it (test/engine/golden.test.ts). Run it once when a format gets a new
// version, and never again for an old one:
//
//   node_modules/.bin/node test/golden/make.ts 1
//
//   format-N/data             a sealed log of several segments, and its watermark
//   format-N/snapshots        two snapshots, the second incremental; transactions follow it;
//                             pages, which are zeros for the most part, are kept as .pages.gz
//   format-N/expected.jsonl   the store as the `export` command writes it
//
// Segments are small, so that their zeros ahead are few. What they hold: every kind of field, index
// and effect, rows that were changed and removed, records of several size classes, a frame with
// many transactions, idempotency keys.

import { existsSync } from 'node:fs'
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { checkTables } from '../../src/engine/check.ts'
import { Datastore } from '../../src/engine/datastore.ts'
import { NodeDisk } from '../../src/engine/disk.ts'
import { exportLines } from '../../src/engine/portable.ts'
import { openState } from '../../src/engine/state.ts'
import { littleTables, littleTransactions } from '../support/little-network.ts'

const SEGMENT_SIZE = 32 * 1024
const REGION_SIZE_MAX = 64 * 1024 * 1024
const PACKED = '.gz'
const START = Date.UTC(2026, 0, 2, 12)

type Little = Datastore<typeof littleTransactions>

export interface Opened {
  /** All rows, as `export` writes them. */
  readonly lines: string
  /** Sentences about what is wrong. */
  readonly problems: readonly string[]
  readonly snapshotLsn: number
  readonly lastLsn: number
}

/** Copies a store to where it may be opened, and returns what it is expected to hold. */
export async function copyGolden(format: string, directory: string): Promise<string> {
  const source = join(import.meta.dirname, format)
  await cp(source, directory, { recursive: true })
  const snapshots = join(directory, 'snapshots')
  for (const name of await readdir(snapshots)) {
    if (!name.endsWith(PACKED)) continue
    const packed = join(snapshots, name)
    await writeFile(packed.slice(0, -PACKED.length), gunzipSync(await readFile(packed)))
    await rm(packed)
  }
  return readFile(join(source, 'expected.jsonl'), 'utf8')
}

/** Opens the store in a directory, which changes its files: give it a copy. */
export async function openGolden(directory: string): Promise<Opened> {
  const { tables, storeId, lastTime, summary } = await openState({
    disk: new NodeDisk(),
    dataDirectory: join(directory, 'data'),
    snapshotDirectory: join(directory, 'snapshots'),
    regionSizeMax: REGION_SIZE_MAX,
  })
  const lines = [...exportLines(tables, storeId, lastTime)].join('')
  const { snapshotLsn, lastLsn } = summary
  return { lines, problems: checkTables(tables), snapshotLsn, lastLsn }
}

/** Opens it as its own product would, for reading and writing. */
export function openLittle(directory: string): Promise<Little> {
  let time = START
  return Datastore.open({
    tables: littleTables,
    transactions: littleTransactions,
    dataDirectory: join(directory, 'data'),
    snapshotDirectory: join(directory, 'snapshots'),
    keepLog: true,
    segmentSize: SEGMENT_SIZE,
    regionSizeMax: REGION_SIZE_MAX,
    clock: { now: () => (time += 1000) },
  })
}

async function write(store: Little): Promise<void> {
  const people: number[] = []
  for (const handle of ['hanako', 'jiro', 'ünïcödé', '写真', 'x'.repeat(60)]) {
    people.push((await store.transact('join', { handle }, { key: `join ${handle}` })).output)
  }
  const posts: number[] = []
  for (const [turn, size] of [0, 1, 10, 100, 1000, 5000].entries()) {
    const author = people[turn % people.length]!
    posts.push((await store.transact('post', { author, text: '✓'.repeat(size) })).output)
  }
  await store.snapshot()
  let parent = posts[0]!
  for (let depth = 0; depth < 20; depth++) {
    const author = people[depth % people.length]!
    parent = (await store.transact('post', { author, parent, text: `depth ${depth}` })).output
  }
  // At once: they become one frame.
  await Promise.all(
    people.flatMap((person) => posts.map((post) => store.transact('like', { person, post }))),
  )
  await store.transact('unlike', { person: people[0]!, post: posts[1]! })
  await store.transact('rename', { person: people[1]!, handle: 'saburo' })
  await store.transact('edit', {
    post: posts[2]!,
    text: 'longer than before, and so in another block',
  })
  await store.transact('move', { post: posts[3]!, author: people[4]! })
  await store.transact('remove', { post: posts[5]! })
  await store.transact('bulk', { author: people[2]!, count: 40, size: 1000 })
  await store.snapshot()
  await store.transact('like', { person: people[0]!, post: posts[1]! })
  await store.transact('post', { author: people[3]!, text: 'after the last snapshot' })
  await store.transact('remove', { post: parent })
}

async function make(format: string): Promise<void> {
  const target = join(import.meta.dirname, `format-${format}`)
  if (existsSync(target)) throw new Error(`${target} exists: golden files are never made anew`)
  const made = await mkdtemp(join(tmpdir(), 'shashin-golden-'))
  try {
    const store = await openLittle(made)
    await write(store)
    await store.close()
    for (const name of ['data', 'snapshots']) {
      await cp(join(made, name), join(target, name), { recursive: true })
    }
    const snapshots = join(target, 'snapshots')
    for (const name of await readdir(snapshots)) {
      if (!name.endsWith('.pages')) continue
      const pages = join(snapshots, name)
      await writeFile(pages + PACKED, gzipSync(await readFile(pages), { level: 9 }))
      await rm(pages)
    }
    const { lines, problems } = await openGolden(made)
    if (problems.length > 0) throw new Error(problems.join('\n'))
    await writeFile(join(target, 'expected.jsonl'), lines)
  } finally {
    await rm(made, { recursive: true, force: true })
  }
}

if (import.meta.main) {
  const [format = ''] = process.argv.slice(2)
  if (!/^\d+$/.test(format)) throw new Error('call it with the number of the format')
  await make(format)
}
