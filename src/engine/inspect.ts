// Inspect: any file of a store as text, one line a thing. Reads only, works on damaged files as far
// as they can be verified, and says where that ends.
//
//   …/log/0000000000000421.log           header, every frame, every transaction with its effects
//   snapshots/0000000000018293.manifest  header, regions, files and how many pages of them are used
//   snapshots/0000000000018293.pages     header
//   data/watermark                       the newest slot
//
// Effects are shown by the names of tables and fields, which the log itself declares. A segment
// from the middle of a log declares nothing: the schema is then taken from a snapshot beside it
// (`snapshotDirectory`), or effects are left out.

import { basename, dirname, join } from 'node:path'
import { DatastoreError } from './errors.ts'
import { transactionHeader, valueAt, visitEffects } from './effects.ts'
import { TRANSACTIONS, SEAL } from './log/frame.ts'
import { judgeEnd } from './log/scan.ts'
import { FRAME, STARVED, SegmentReader } from './log/segment-reader.ts'
import {
  decodeSegmentHeader,
  headerChecksum,
  parseSegmentFileName,
  readHeaderBytes,
} from './log/segment.ts'
import { readWatermark } from './log/watermark.ts'
import { Memory } from './memory/memory.ts'
import { describeFile } from './snapshot/description.ts'
import { Tables } from './tables.ts'
import type { Disk } from './disk.ts'
import type { EffectVisitor } from './effects.ts'
import type { KnownSchema, KnownSchemas } from './history.ts'
import type { StoredSchema } from './schema.ts'
import type { Table } from './table.ts'

/** A thing found in a file: `kind` says what it is, the rest are its facts. */
export type Finding = { readonly kind: string } & Readonly<Record<string, unknown>>

const WINDOW_SIZE = 8 * 1024 * 1024
const REGION_SIZE_MAX = 65_536

/** What a file holds. Throws INSPECT_UNKNOWN when its name is none of a store's files. */
export async function* inspectFile(
  disk: Disk,
  path: string,
  snapshotDirectory: string,
): AsyncGenerator<Finding, void, void> {
  const firstLsn = parseSegmentFileName(basename(path))
  if (firstLsn !== undefined) {
    const { before } = await schemasAround(disk, snapshotDirectory, firstLsn)
    yield* inspectSegment(disk, path, before?.schema)
    return
  }
  const description = await describeFile(disk, path)
  if (description !== undefined) {
    const isFault = 'fault' in description
    yield isFault ? { kind: 'fault', ...description } : { ...description }
    return
  }
  if (basename(path) === 'watermark') {
    const finding = await readWatermark(disk, path)
    yield { kind: 'watermark', ...finding?.newest }
    for (const fault of finding?.faults ?? []) yield { kind: 'fault', ...fault }
    return
  }
  throw new DatastoreError('INSPECT_UNKNOWN', `the file ${path} is none of a store, by its name`, {
    file: path,
    advice: 'inspect takes a .log, .manifest or .pages file, or the watermark',
  })
}

/** What the snapshots next to a transaction know of the schema. */
export async function schemasAround(
  disk: Disk,
  directory: string,
  lsn: number,
): Promise<KnownSchemas> {
  if (!(await disk.exists(directory))) return {}
  let after: KnownSchema | undefined
  const names = (await disk.list(directory)).filter((name) => name.endsWith('.manifest'))
  for (const name of names.toReversed()) {
    const description = await describeFile(disk, join(directory, name))
    if (description === undefined || 'fault' in description) continue
    if (description.kind !== 'manifest') continue
    const known = { lsn: description.lsn, schema: description.schema as StoredSchema }
    if (known.lsn < lsn) return { before: known, after }
    after = known
  }
  return { after }
}

async function* inspectSegment(
  disk: Disk,
  path: string,
  schema: StoredSchema | undefined,
): AsyncGenerator<Finding, void, void> {
  const file = await disk.open(path, 'read')
  const bytes = await readHeaderBytes(file)
  const header = decodeSegmentHeader(bytes)
  if ('fault' in header) {
    file.close()
    yield { kind: 'fault', offset: 0, fault: header.fault }
    return
  }
  const { storeId, firstLsn, createdAt } = header
  const directory = dirname(path)
  yield { kind: 'segment', directory, storeId, firstLsn, createdAt, size: file.size() }
  const tables = new Tables(
    new Memory(undefined, REGION_SIZE_MAX),
    storeId,
    schema ?? { tables: [], migration: 0 },
  )
  const reader = new SegmentReader(
    file,
    header,
    headerChecksum(bytes),
    Math.min(WINDOW_SIZE, file.size()),
  )
  try {
    for (;;) {
      const offset = reader.position
      const step = reader.next()
      if (step === STARVED) {
        await reader.fill()
        continue
      }
      if (step !== FRAME) break
      const { frame, window, payloadStart, payloadEnd } = reader
      const { size, count, durableLsn } = frame
      const kind = frame.kind === TRANSACTIONS ? 'frame' : frame.kind === SEAL ? 'seal' : 'rolled'
      yield { kind, offset, firstLsn: frame.firstLsn, count, size, durableLsn }
      const payload = window.subarray(payloadStart, payloadEnd)
      yield* inspectPayload(payload, frame.firstLsn, count, tables)
    }
    yield await endOf(reader)
  } finally {
    await reader.close()
  }
}

/**
 * What stands behind the last valid frame. Of a log that is being written, the next frame may stand
 * there half.
 */
async function endOf({ file, seed, position, nextLsn, fault }: SegmentReader): Promise<Finding> {
  const end = await judgeEnd(file, seed, position, nextLsn)
  const place = { offset: position, nextLsn }
  if (end.end === 'clean') return { kind: 'end', ...place, because: 'nothing but zeros follows' }
  if (end.end === 'torn') return { kind: 'torn', ...place, size: end.size, because: fault }
  const proof = `the frame at offset ${end.offset} shows that lsn ${nextLsn} was durable`
  return { kind: 'fault', ...place, fault: `${fault}, but ${proof}` }
}

function* inspectPayload(
  payload: Buffer,
  firstLsn: number,
  count: number,
  tables: Tables,
): Generator<Finding, void, void> {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
  let offset = 0
  for (let lsn = firstLsn; lsn < firstLsn + count; lsn++) {
    const { size, time, label } = transactionHeader(payload, offset)
    const effects = new EffectCollector(tables)
    try {
      visitEffects(payload, view, offset, effects)
    } catch (error) {
      effects.findings.push({ effect: 'unreadable', because: (error as Error).message })
    }
    yield { kind: 'transaction', lsn, label, time, size, effects: effects.findings }
    offset += size
  }
}

/** Turns effects into plain objects under the names of the schema. */
class EffectCollector implements EffectVisitor {
  readonly findings: Record<string, unknown>[]
  readonly #tables: Tables

  constructor(tables: Tables) {
    this.findings = []
    this.#tables = tables
  }

  table(id: number): Table | undefined {
    return this.#tables.byId(id)
  }

  insert: EffectVisitor['insert'] = (table, row, view, values, payload, start, end) => {
    const fields: Record<string, unknown> = {}
    let offset = values
    for (const { stored, column } of table.dataColumns) {
      fields[stored.name] = valueAt(view, offset, column.width)
      offset += column.width
    }
    const record = end > start ? table.row.unpack(payload, start, end) : {}
    this.findings.push({ effect: 'insert', table: table.name, row, ...fields, ...record })
  }

  update: EffectVisitor['update'] = (table, row, positions, values, payload, start, end) => {
    const fields = positions.map((position, index) => [
      table.dataColumns[position]!.stored.name,
      values[index],
    ])
    const record = end > start ? table.row.unpack(payload, start, end) : {}
    const changed = Object.fromEntries(fields) as object
    this.findings.push({ effect: 'update', table: table.name, row, ...changed, ...record })
  }

  remove: EffectVisitor['remove'] = (table, row) => {
    this.findings.push({ effect: 'remove', table: table.name, row })
  }

  schema: EffectVisitor['schema'] = (schema) => {
    this.#tables.evolve(schema)
    const names = schema.tables.map(({ name }) => name)
    this.findings.push({ effect: 'schema', tables: names, migration: schema.migration })
  }
}
