// Names of the files of a snapshot directory, which make `ls` a status report:
//
//   0000000000018293.manifest            a snapshot of everything up to transaction 18293
//   0000000000018293.pages               the pages that it wrote
//   0000000000018293-2.manifest          a second one at the same LSN: the newer one
//   0000000000018293-2.pages
//   0000000000018302.manifest.partial    an attempt that is running, or that a crash ended
//
// The part before the first dot is the stem. A stem is used once: when the directory already holds
// a file with it (a damaged snapshot that was skipped, what a failed attempt left behind), the next
// attempt at that LSN takes the next number. So no file is ever overwritten, and what was damaged
// stays to be looked at until a newer snapshot is safe.
//
// Names that are none of these belong to somebody else and are never touched.

export type FileKind = 'manifest' | 'pages' | 'partial'

/** Identity of one attempt: `attempt` is 1 but for repeated ones at the same LSN. */
export interface Stem {
  readonly lsn: number
  readonly attempt: number
}

export interface FileName {
  readonly name: string
  readonly stem: Stem
  readonly kind: FileKind
}

const NAME = /^(\d{16})(?:-([1-9]\d{0,8}))?\.(manifest|pages|manifest\.partial)$/

function stemText(stem: Stem): string {
  const lsn = String(stem.lsn).padStart(16, '0')
  return stem.attempt === 1 ? lsn : `${lsn}-${stem.attempt}`
}

export function manifestName(stem: Stem): string {
  return `${stemText(stem)}.manifest`
}

export function partialName(stem: Stem): string {
  return `${stemText(stem)}.manifest.partial`
}

export function pagesName(stem: Stem): string {
  return `${stemText(stem)}.pages`
}

/** What a file is by its name, or undefined when it is not one of ours. */
export function parseFileName(name: string): FileName | undefined {
  const match = NAME.exec(name)
  if (match === null) return undefined
  const lsn = Number(match[1])
  const attempt = match[2] === undefined ? 1 : Number(match[2])
  if (!Number.isSafeInteger(lsn) || (match[2] !== undefined && attempt === 1)) return undefined
  const kind = match[3] === 'manifest.partial' ? 'partial' : (match[3] as FileKind)
  return { name, stem: { lsn, attempt }, kind }
}

/** Negative when `a` is the older one. */
export function compareStems(a: Stem, b: Stem): number {
  return a.lsn - b.lsn || a.attempt - b.attempt
}

/** The first stem for a snapshot at `lsn` that no file of the directory has. */
export function unusedStem(lsn: number, names: Iterable<string>): Stem {
  let attempt = 1
  for (const name of names) {
    const file = parseFileName(name)
    if (file !== undefined && file.stem.lsn === lsn) {
      attempt = Math.max(attempt, file.stem.attempt + 1)
    }
  }
  return { lsn, attempt }
}
