// Writing a snapshot while transactions go on.
//
//   STEP                                                        A CRASH AFTER IT LEAVES
//   1  begin (capture.ts): dirty pages are pending              nothing
//   2  take pages, append them to the pages file, sync          pages that no manifest names
//   3  sync the directory                                       the same
//   4  wait until the LSN is durable in the log                 the same
//   5  write the manifest under a temporary name, sync          a temporary file besides
//   6  rename it                                               the old state or the new one, whole
//   7  sync the directory                                       the new snapshot
//
// Without step 3 a crash after step 6 could keep the manifest's name and lose that of the pages
// file. Step 4 comes so late because the log is far ahead by then, and nobody waits.
//
// An error at any step gives the attempt up: its pages are dirty again, its files are deleted as
// far as the disk lets us (what stays is deleted later, see retention.ts), the snapshots before it
// are as they were. It says nothing about the log. An error in step 7 leaves it open whether a
// crash keeps the snapshot; deleting its manifest, then syncing, then deleting its pages leaves a
// whole one or none in each case.

import { join } from 'node:path'
import { assert } from '../../std/assert.ts'
import { DatastoreError } from '../errors.ts'
import { PAGE_SIZE } from '../memory/region.ts'
import { countUsedPages } from './coverage.ts'
import { manifestName, pagesName, partialName, unusedStem } from './file-names.ts'
import { manifestChunks } from './manifest.ts'
import { PagesFileWriter, STEP_PAGE_COUNT } from './pages-file.ts'
import { ThreadSlices } from './thread-slices.ts'
import type { Disk } from '../disk.ts'
import type { Capture } from './capture.ts'
import type { Coverage } from './coverage.ts'
import type { Stem } from './file-names.ts'
import type { Manifest, ManifestFile } from './manifest.ts'

const FREE_SIZE_CHECK_PAGE_COUNT = 256

export interface SnapshotTask {
  readonly disk: Disk
  readonly directory: string
  /** Bytes of the disk that are left to the log: below it the snapshot gives up. */
  readonly freeSizeMin: number
  readonly slices: ThreadSlices
  readonly capture: Capture
  /** The files of the snapshot before, by number − 1. */
  readonly filesBefore: readonly (ManifestFile | null)[]
  readonly lsn: number
  readonly storeId: string
  readonly layout: number
  readonly schemaText: string
  readonly time: number
  readonly durable: () => Promise<void>
  readonly signal: AbortSignal | undefined
}

export interface WrittenSnapshot {
  readonly coverage: Coverage
  /** By file number. */
  readonly usedCounts: Float64Array
  readonly pagesWritten: number
  readonly bytesWritten: number
}

/**
 * Steps 2 to 7. On failure the capture is abandoned and what was written is deleted as far as
 * possible.
 */
export async function writeSnapshot(task: SnapshotTask): Promise<WrittenSnapshot> {
  let stem: Stem | undefined
  try {
    stem = unusedStem(task.lsn, await task.disk.list(task.directory))
    return await writeFiles(task, stem)
  } catch (error) {
    await new ThreadSlices().runAll(task.capture.abandon())
    if (stem !== undefined) await deleteFiles(task, stem)
    throw error
  }
}

async function writeFiles(task: SnapshotTask, stem: Stem): Promise<WrittenSnapshot> {
  const { disk, directory, slices, capture, storeId, layout, schemaText, time } = task
  await slices.runAll(capture.list())
  const unusedIndex = task.filesBefore.indexOf(null)
  const fileIndex = unusedIndex === -1 ? task.filesBefore.length : unusedIndex
  const pageCount = await writePages(task, stem, fileIndex + 1)
  await untilAborted(task.durable(), task.signal)

  const usedCounts = new Float64Array(Math.max(task.filesBefore.length, fileIndex + 1) + 1)
  const tables = capture.regions.map(({ table }) => table)
  await slices.runAll(countUsedPages(tables, usedCounts))
  const files = [...task.filesBefore]
  files[fileIndex] = { name: pagesName(stem), pageCount }
  for (const index of files.keys()) if (usedCounts[index + 1] === 0) files[index] = null

  const regions = capture.regions.map(({ region, pageCount: count, table }) => {
    assert(region.beforeImageCount === 0, 'a snapshot takes all pages that it began with')
    return { key: region.key, pageCount: count, sizeMax: region.shared.maxByteLength, table }
  })
  const manifest = { storeId, lsn: stem.lsn, time, layout, schemaText, files, regions }
  const manifestSize = await writeManifest(task, stem, manifest)
  await disk.rename(join(directory, partialName(stem)), join(directory, manifestName(stem)))
  await disk.syncDirectory(directory)

  const byRegion = new WeakMap(capture.regions.map(({ region, table }) => [region, table]))
  return {
    coverage: { stem, memory: capture.memory, layout, schemaText, files, tables: byRegion },
    usedCounts,
    pagesWritten: pageCount,
    bytesWritten: pageCount * PAGE_SIZE + manifestSize,
  }
}

/** Steps 2 and 3. Returns the pages written; with none there is no file. */
async function writePages(task: SnapshotTask, stem: Stem, fileNumber: number): Promise<number> {
  const { disk, directory, slices, capture, storeId, time } = task
  const file = new PagesFileWriter(disk, directory, stem, storeId, time)
  try {
    for (;;) {
      const { buffer, pageCount: position } = file
      const { count, done } = slices.run(() => capture.takePages(buffer, fileNumber, position))
      if (count > 0) {
        if (position % FREE_SIZE_CHECK_PAGE_COUNT < STEP_PAGE_COUNT) await checkFreeSize(task)
        await file.append(count)
      }
      if (done) break
      await slices.pause()
    }
    await file.finish()
  } finally {
    await file.close()
  }
  if (file.pageCount > 0) await disk.syncDirectory(directory)
  return file.pageCount
}

/** Step 5. Returns the size. */
async function writeManifest(task: SnapshotTask, stem: Stem, manifest: Manifest): Promise<number> {
  const { disk, directory, slices } = task
  await checkFreeSize(task)
  const chunks = manifestChunks(manifest)
  const file = await disk.open(join(directory, partialName(stem)), 'create')
  try {
    let position = 0
    for (;;) {
      const { done, value: chunk } = slices.run(() => chunks.next())
      if (done === true) break
      await file.writeAsync(chunk, 0, chunk.length, position)
      position += chunk.length
    }
    await file.syncAsync()
    return position
  } finally {
    file.close()
  }
}

/** A full disk would end the log, which matters more than a snapshot. */
async function checkFreeSize({ disk, directory, freeSizeMin, lsn }: SnapshotTask): Promise<void> {
  const free = await disk.freeSize(directory)
  if (free >= freeSizeMin) return
  throw new DatastoreError(
    'STORAGE_FAILED',
    `The snapshot at lsn ${lsn} is given up: ${free} bytes are free in ${directory}, ` +
      `and ${freeSizeMin} are left to the log.`,
    {
      file: directory,
      lsn,
      advice: 'Free space on the disk, or put the snapshots on another one.',
    },
  )
}

/**
 * Manifest first: a manifest never outlives its pages. Files that cannot be deleted stay for
 * retention.
 */
async function deleteFiles({ disk, directory }: SnapshotTask, stem: Stem): Promise<void> {
  try {
    for (const name of [partialName(stem), manifestName(stem)]) {
      const path = join(directory, name)
      if (await disk.exists(path)) await disk.remove(path)
    }
    await disk.syncDirectory(directory)
    const path = join(directory, pagesName(stem))
    if (await disk.exists(path)) await disk.remove(path)
  } catch {
    // The error that made the attempt fail is the one to be told; these files are nobody's, and are
    // deleted later.
  }
}

/** Waits for `promise`, but no longer than until `signal` says so. */
async function untilAborted(
  promise: Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (signal === undefined) return promise
  signal.throwIfAborted()
  let abort: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason as Error)
    signal.addEventListener('abort', abort)
  })
  try {
    await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', abort!)
  }
}
