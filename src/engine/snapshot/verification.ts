// Reading whole snapshots back without loading them, for the `check` command.
//
// Snapshots share most of their pages. Each place of a pages file is read once, and what its
// checksum is in truth is compared with what each of the manifests says.

import { crc32 } from 'node:zlib'
import { PAGE_SIZE } from '../memory/region.ts'
import { manifestName } from './file-names.ts'
import { checksumFault, pageRuns, readManifest, readRuns, storedPageCount } from './loader.ts'
import { isFault } from './preamble.ts'
import type { Disk } from '../disk.ts'
import type { Stem } from './file-names.ts'
import type { FileFault, LoadProgress, PageRun } from './loader.ts'
import type { Manifest } from './manifest.ts'
import type { Fault } from './preamble.ts'

export interface VerifiedSnapshot {
  readonly lsn: number
  /** Pages that lie in a file, shared ones counted for each snapshot. */
  readonly pageCount: number
  /** The first fault of this snapshot, undefined when all of it is as it was written. */
  readonly fault: FileFault | undefined
}

/** Verifies the manifests of `stems` and all pages that they refer to, in that order. */
export async function verifySnapshots(
  disk: Disk,
  directory: string,
  stems: readonly Stem[],
  progress: (progress: LoadProgress) => void,
): Promise<VerifiedSnapshot[]> {
  const manifests: (Manifest | FileFault)[] = []
  let bytesTotal = 0
  for (const stem of stems) {
    const manifest = await readManifest(disk, directory, manifestName(stem))
    if (!isFault(manifest)) bytesTotal += storedPageCount(manifest) * PAGE_SIZE
    manifests.push(manifest)
  }
  const checksums: Checksums = new Map()
  let bytesDone = 0
  const verified: VerifiedSnapshot[] = []
  for (const [index, { lsn }] of stems.entries()) {
    const manifest = manifests[index]!
    if (isFault(manifest)) {
      verified.push({ lsn, pageCount: 0, fault: manifest })
      continue
    }
    const read = async (run: PageRun, files: PagesReader): Promise<Fault | undefined> => {
      const fault = await verifyRun(run, manifest, files, checksums)
      bytesDone += run.count * PAGE_SIZE
      progress({ bytesDone, bytesTotal })
      return fault
    }
    const fault = await readRuns(disk, directory, manifest, pageRuns(manifest), read)
    verified.push({ lsn, pageCount: storedPageCount(manifest), fault })
  }
  return verified
}

/**
 * Checksums as they were found on the disk, by file and position; undefined where nothing was read
 * yet.
 */
type Checksums = Map<string, (number | undefined)[]>

type PagesReader = Parameters<Parameters<typeof readRuns>[4]>[1]

async function verifyRun(
  { name, position, count, region, page }: PageRun,
  manifest: Manifest,
  files: PagesReader,
  checksums: Checksums,
): Promise<Fault | undefined> {
  let found = checksums.get(name)
  if (found === undefined) checksums.set(name, (found = []))
  let known = true
  for (let index = 0; index < count; index++) known &&= found[position + index] !== undefined
  if (!known) {
    const bytes = Buffer.allocUnsafe(count * PAGE_SIZE)
    const fault = await files.read(name, position, count, bytes, 0)
    if (fault !== undefined) return fault
    for (let index = 0; index < count; index++) {
      found[position + index] = crc32(bytes.subarray(index * PAGE_SIZE, (index + 1) * PAGE_SIZE))
    }
  }
  const { table } = manifest.regions[region]!
  for (let index = 0; index < count; index++) {
    const expected = table.checksum(page + index)
    if (found[position + index] !== expected) {
      return checksumFault(position + index, expected, found[position + index]!)
    }
  }
  return undefined
}
