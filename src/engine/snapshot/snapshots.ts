// The snapshots of one store: the public face of this folder.
//
// A snapshot is the memory as it was after one transaction, its LSN. It is written while
// transactions go on (writer.ts), holds only what has changed since the one before and refers to
// older files for the rest (manifest.ts, coverage.ts), and is loaded straight into the regions
// (loader.ts). Several are kept (retention.ts). It knows regions and pages; what lies in them, and
// what `schema` and `layout` mean, is the caller's.
//
//   openSnapshots ─▶ load or resume ─▶ [ take ─▶ take ─▶ … ]          one operation at a time
//
// What the caller has to see to:
//   (1) `take` is called between two batches, and nothing but transactions changes the memory
//       afterwards.
//   (2) LSNs grow. A store that goes back to an older LSN goes on in another directory.
//   (3) The log keeps everything after `oldestLsn()`.
// In return, whatever fails or crashes, the directory holds the newest finished snapshot and those
// kept before it.

import { join } from 'node:path'
import { assert } from '../../std/assert.ts'
import { systemClock } from '../../std/clock.ts'
import { DatastoreError } from '../errors.ts'
import { beforeImages } from '../memory/before-images.ts'
import { Capture, prepareCapture } from './capture.ts'
import { countUsedPages, filesToRewrite, markPages } from './coverage.ts'
import { compareStems, manifestName, parseFileName } from './file-names.ts'
import { faultSentence, loadPages, readManifest } from './loader.ts'
import { isFault } from './preamble.ts'
import { keptEntries, soundEntries, unusedFiles } from './retention.ts'
import { ThreadSlices } from './thread-slices.ts'
import { verifySnapshots } from './verification.ts'
import { writeSnapshot } from './writer.ts'
import type { Clock } from '../../std/clock.ts'
import type { Disk } from '../disk.ts'
import type { Memory } from '../memory/memory.ts'
import type { Region } from '../memory/region.ts'
import type { Coverage } from './coverage.ts'
import type { FileFault, LoadProgress } from './loader.ts'
import type { Stem } from './file-names.ts'
import type { Manifest } from './manifest.ts'
import type { PageTable } from './page-table.ts'
import type { Entry } from './retention.ts'
import type { VerifiedSnapshot } from './verification.ts'

const KEEP_COUNT = 3
const FREE_SIZE_MIN = 64 * 1024 * 1024

export interface SnapshotsOptions {
  readonly disk: Disk
  readonly directory: string
  /** Gets a line for each thing that a human should know: a damaged file, a deleted leftover. */
  readonly report: (line: string) => void
  /** Sound snapshots that are kept, at least 1; 3 by default. */
  readonly keepCount?: number
  /** A snapshot gives up before it leaves less than this free on the disk; 64 MiB by default. */
  readonly freeSizeMin?: number
  /**
   * Changes nothing in the directory: for looking into one that a running process owns. `take` is
   * forbidden.
   */
  readonly readOnly?: boolean
  /** For the time that stands in the manifest. */
  readonly clock?: Clock
}

export interface LoadRequest {
  /** Refuses the snapshots of any other store. */
  readonly storeId?: string | undefined
  /** A new memory without regions, for each attempt. */
  readonly memory: () => Memory
  /** Only snapshots up to this LSN. */
  readonly maxLsn?: number | undefined
  /** Only snapshots that began by this time, in milliseconds since 1970. */
  readonly maxTime?: number | undefined
  readonly progress?: ((progress: LoadProgress) => void) | undefined
}

export interface LoadedSnapshot {
  readonly lsn: number
  readonly storeId: string
  readonly schema: unknown
  readonly layout: number
  readonly memory: Memory
  readonly time: number
}

export interface SkippedSnapshot {
  readonly lsn: number
  /** "0000000000000200.pages, offset 4096: page 0: checksum 1 expected, 2 found" */
  readonly reason: string
}

export interface LoadOutcome {
  /** Undefined when there is none, or none that is sound. */
  readonly loaded: LoadedSnapshot | undefined
  /** The damaged ones that were tried before, newest first. */
  readonly skipped: readonly SkippedSnapshot[]
}

export interface TakeRequest {
  readonly memory: Memory
  /** The last transaction in memory. */
  readonly lsn: number
  readonly storeId: string
  /** Any JSON value. */
  readonly schema: unknown
  readonly layout: number
  /** Resolves once `lsn` is durable in the log. Called once, when the pages are written. */
  readonly durable: () => Promise<void>
  /** Gives the snapshot up; no longer heeded once its manifest is written. */
  readonly signal?: AbortSignal | undefined
}

export interface TakenSnapshot {
  readonly lsn: number
  /**
   * False when the newest snapshot is of the same memory, LSN, schema and layout, so that nothing
   * was written.
   */
  readonly taken: boolean
  readonly pagesWritten: number
  /** Pages and manifest. */
  readonly bytesWritten: number
  readonly ms: number
  /** The longest time for which the thread was held. */
  readonly sliceMsMax: number
}

/**
 * Makes the directory if it is missing, lists its snapshots, and deletes what crashed attempts have
 * left.
 */
export async function openSnapshots(options: SnapshotsOptions): Promise<Snapshots> {
  const { disk, directory, report, readOnly = false } = options
  if (!readOnly) await disk.makeDirectory(directory)
  const names = await disk.list(directory)
  const entries: Entry[] = []
  for (const name of names) {
    const file = parseFileName(name)
    if (file?.kind !== 'manifest') continue
    const manifest = await readManifest(disk, directory, name)
    entries.push(entryOf(manifest, file.stem))
  }
  const snapshots = new Snapshots(options, entries)
  if (readOnly) return snapshots
  // What the last process renamed just before it ended may be visible, but not yet durable.
  await disk.syncDirectory(directory)
  const { manifestNames, pagesNames } = unusedFiles(names, entries)
  for (const name of [...manifestNames, ...pagesNames]) {
    await disk.remove(join(directory, name))
    report(`Snapshot file ${name} is deleted: no finished snapshot needs it.`)
  }
  return snapshots
}

export class Snapshots {
  readonly #disk: Disk
  readonly #directory: string
  readonly #report: (line: string) => void
  readonly #keepCount: number
  readonly #freeSizeMin: number
  readonly #readOnly: boolean
  readonly #clock: Clock
  #entries: Entry[]
  /** What the newest snapshot holds of the memory that was loaded or last written. */
  #coverage: Coverage | undefined
  /** Pages files with a page found damaged: nothing refers to them any more. */
  readonly #distrusted: Set<string>
  #busy: boolean

  /** Private to `openSnapshots`. */
  constructor(options: SnapshotsOptions, entries: Entry[]) {
    const { keepCount = KEEP_COUNT, freeSizeMin = FREE_SIZE_MIN, readOnly = false } = options
    assert(keepCount >= 1, 'at least one snapshot is kept')
    this.#disk = options.disk
    this.#directory = options.directory
    this.#report = options.report
    this.#keepCount = keepCount
    this.#freeSizeMin = freeSizeMin
    this.#readOnly = readOnly
    this.#clock = options.clock ?? systemClock
    this.#entries = entries
    this.#coverage = undefined
    this.#distrusted = new Set()
    this.#busy = false
  }

  /** LSN of the newest snapshot that is not known to be damaged. */
  newestLsn(): number | undefined {
    return soundEntries(this.#entries)[0]?.stem.lsn
  }

  /** LSN of the oldest one. The log is needed only for what comes after it. */
  oldestLsn(): number | undefined {
    return soundEntries(this.#entries).at(-1)?.stem.lsn
  }

  /**
   * Loads the newest snapshot, or the newest before it that is not damaged. Fails with
   * SNAPSHOT_FOREIGN or SNAPSHOT_FORMAT_UNKNOWN, which are no damage: to go behind such a snapshot
   * would lose what it holds.
   */
  async load(request: LoadRequest): Promise<LoadOutcome> {
    return this.#alone(async () => {
      const { maxLsn = Infinity, maxTime = Infinity, progress = () => {} } = request
      const skipped: SkippedSnapshot[] = []
      this.#setCoverage(undefined)
      for (const entry of this.#entries.toSorted((a, b) => compareStems(b.stem, a.stem))) {
        const { stem } = entry
        if (stem.lsn > maxLsn) continue
        const name = manifestName(stem)
        const manifest = await readManifest(this.#disk, this.#directory, name)
        this.#refuse(manifest, name, request.storeId)
        if (!isFault(manifest) && manifest.time > maxTime) continue
        let fault: FileFault | undefined
        if (isFault(manifest)) {
          fault = manifest
        } else {
          const memory = request.memory()
          fault = await loadPages(this.#disk, this.#directory, manifest, memory, progress)
          if (fault === undefined) {
            const regions = manifest.regions.map(({ key, sizeMax, table }) => {
              return [memory.region(key, sizeMax), table] as const
            })
            await this.#cover(manifest, stem, memory, regions)
            const { lsn, storeId, layout, schemaText, time } = manifest
            const schema: unknown = JSON.parse(schemaText)
            return { loaded: { lsn, storeId, schema, layout, memory, time }, skipped }
          }
        }
        const reason = this.#noteDamage(entry, fault)
        skipped.push({ lsn: stem.lsn, reason })
        this.#report(`Snapshot ${name} is damaged and skipped for the one before: ${reason}.`)
      }
      return { loaded: undefined, skipped }
    })
  }

  /**
   * Goes on with a memory that the thread before has left, instead of `load`: the next snapshot
   * builds upon the one that its page states are relative to. Without that, it is written whole.
   */
  async resume(memory: Memory, storeId: string): Promise<void> {
    await this.#alone(async () => {
      const known = memory.snapshot
      const entry = this.#entries.find(
        ({ stem }) => known !== undefined && compareStems(stem, known) === 0,
      )
      memory.snapshot = undefined
      if (entry === undefined) return
      const name = manifestName(entry.stem)
      const manifest = await readManifest(this.#disk, this.#directory, name)
      this.#refuse(manifest, name, storeId)
      if (isFault(manifest)) {
        this.#noteDamage(entry, manifest)
        return
      }
      const tables = new Map(manifest.regions.map(({ key, table }) => [key, table]))
      const regions = memory.regions().flatMap((region) => {
        const table = region.isInSnapshot ? tables.get(region.key) : undefined
        return table === undefined ? [] : [[region, table] as const]
      })
      await this.#cover(manifest, entry.stem, memory, regions)
    })
  }

  /**
   * Makes room for what a snapshot saves aside, up to 128 MiB, so that the transactions right after
   * its begin need not wait for memory. Taking works without it.
   */
  async prepare(memory: Memory): Promise<void> {
    await this.#alone(() => prepareCapture(memory))
  }

  /**
   * Takes a snapshot of `memory` as it is at the moment of the call. Rejects when that fails: the
   * memory and the snapshots before are then as if nothing had been tried.
   */
  async take(request: TakeRequest): Promise<TakenSnapshot> {
    return this.#alone(async () => {
      assert(!this.#readOnly, 'a directory opened for reading is not written to')
      const start = performance.now()
      const { memory, lsn, layout, storeId, durable, signal } = request
      const schemaText = JSON.stringify(request.schema)
      assert(lsn >= (this.newestLsn() ?? 0), 'a snapshot is not older than the newest one')
      const before = this.#coverage?.memory === memory ? this.#coverage : undefined
      if (
        before?.stem.lsn === lsn &&
        before.layout === layout &&
        before.schemaText === schemaText
      ) {
        return { lsn, taken: false, pagesWritten: 0, bytesWritten: 0, ms: 0, sliceMsMax: 0 }
      }
      const slices = new ThreadSlices(signal)
      const capture = slices.run(() => new Capture(memory, before))
      const written = await writeSnapshot({
        disk: this.#disk,
        directory: this.#directory,
        freeSizeMin: this.#freeSizeMin,
        slices,
        capture,
        filesBefore: before?.files ?? [],
        lsn,
        storeId,
        layout,
        schemaText,
        time: this.#clock.now(),
        durable,
        signal,
      }).finally(() => beforeImages.release())
      const { coverage, usedCounts, pagesWritten, bytesWritten } = written
      this.#setCoverage(coverage)
      const pagesNames = new Set(coverage.files.flatMap((file) => file?.name ?? []))
      this.#entries.push({ stem: coverage.stem, pagesNames, damage: undefined })
      const markMsMax = await this.#markStale(coverage, usedCounts)
      await this.#retire()
      const sliceMsMax = Math.max(slices.msMax, markMsMax)
      const ms = performance.now() - start
      return { lsn, taken: true, pagesWritten, bytesWritten, ms, sliceMsMax }
    })
  }

  /** Reads all snapshots, every page, newest first. What is found damaged is not used again. */
  async verify(progress: (progress: LoadProgress) => void = () => {}): Promise<VerifiedSnapshot[]> {
    return this.#alone(async () => {
      const entries = this.#entries.toSorted((a, b) => compareStems(b.stem, a.stem))
      const stems = entries.map(({ stem }) => stem)
      const verified = await verifySnapshots(this.#disk, this.#directory, stems, progress)
      for (const [index, { fault }] of verified.entries()) {
        if (fault === undefined) continue
        this.#noteDamage(entries[index]!, fault)
        if (this.#coverage?.stem === stems[index]) this.#setCoverage(undefined)
      }
      return verified
    })
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    assert(!this.#busy, 'snapshots are loaded, taken and verified one at a time')
    this.#busy = true
    try {
      return await work()
    } finally {
      this.#busy = false
    }
  }

  #refuse(manifest: Manifest | FileFault, name: string, storeId: string | undefined): void {
    const file = join(this.#directory, name)
    if (isFault(manifest)) {
      if (manifest.unknownVersion === undefined) return
      throw new DatastoreError(
        'SNAPSHOT_FORMAT_UNKNOWN',
        `Snapshot ${name}, offset ${manifest.offset}: ${manifest.fault}.`,
        {
          file,
          offset: manifest.offset,
          advice: 'Start the version of Shashin that wrote it, or a later one.',
        },
      )
    }
    if (storeId === undefined || manifest.storeId === storeId) return
    throw new DatastoreError(
      'SNAPSHOT_FOREIGN',
      `Snapshot ${name} belongs to store ${manifest.storeId}, the log to store ${storeId}.`,
      {
        file,
        offset: 16,
        lsn: manifest.lsn,
        advice: 'Put the snapshots and the log of one store together, or choose another directory.',
      },
    )
  }

  /** Makes the snapshot that holds `regions` of a memory the one that the next builds upon. */
  async #cover(
    manifest: Manifest,
    stem: Stem,
    memory: Memory,
    regions: readonly (readonly [Region, PageTable])[],
  ): Promise<void> {
    const { layout, schemaText, files } = manifest
    const usedCounts = new Float64Array(files.length + 1)
    const tables = regions.map(([, table]) => table)
    await new ThreadSlices().runAll(countUsedPages(tables, usedCounts))
    const coverage = {
      stem,
      memory,
      layout,
      schemaText,
      files,
      tables: new WeakMap(regions),
    }
    this.#setCoverage(coverage)
    await this.#markStale(coverage, usedCounts)
  }

  /** What a memory that is handed over needs to know of it is noted there. */
  #setCoverage(coverage: Coverage | undefined): void {
    const before = this.#coverage
    if (before !== undefined) before.memory.snapshot = undefined
    this.#coverage = coverage
    if (coverage === undefined) return
    const { memory, tables, stem } = coverage
    for (const region of memory.regions()) region.isInSnapshot = tables.has(region)
    memory.snapshot = stem
  }

  /** Sees to it that the next snapshot writes the pages of files that are to be given up. */
  async #markStale(coverage: Coverage, usedCounts: Float64Array): Promise<number> {
    const slices = new ThreadSlices()
    const files = filesToRewrite(coverage.files, usedCounts, this.#distrusted)
    if (files.size > 0) await slices.runAll(markPages(coverage, files))
    return slices.msMax
  }

  #noteDamage(entry: Entry, fault: FileFault): string {
    const reason = faultSentence(fault)
    this.#distrusted.add(fault.name)
    // Who takes the memory over does not know what is distrusted: its first snapshot is whole.
    if (this.#coverage !== undefined) this.#coverage.memory.snapshot = undefined
    const index = this.#entries.indexOf(entry)
    this.#entries[index] = { ...entry, damage: reason }
    return reason
  }

  /**
   * Deletes what is not kept. What cannot be deleted now is tried again after the next snapshot.
   */
  async #retire(): Promise<void> {
    this.#entries = keptEntries(this.#entries, this.#keepCount)
    const directory = this.#directory
    try {
      const { manifestNames, pagesNames } = unusedFiles(
        await this.#disk.list(directory),
        this.#entries,
      )
      // What failed attempts have deleted before became durable when the new manifest's name did.
      for (const name of manifestNames) await this.#disk.remove(join(directory, name))
      if (manifestNames.length > 0) await this.#disk.syncDirectory(directory)
      for (const name of pagesNames) await this.#disk.remove(join(directory, name))
    } catch (error) {
      this.#report(`Old snapshots cannot be deleted now: ${(error as Error).message}.`)
    }
  }
}

function entryOf(manifest: Manifest | FileFault, stem: Entry['stem']): Entry {
  if (isFault(manifest)) return { stem, pagesNames: undefined, damage: faultSentence(manifest) }
  const pagesNames = new Set(manifest.files.flatMap((file) => file?.name ?? []))
  return { stem, pagesNames, damage: undefined }
}
