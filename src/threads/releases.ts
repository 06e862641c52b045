// Releases: what a tree of code holds, and what it takes to have it run in place of another.
//
// A release is a directory with `src`, `package.json`, `package-lock.json` and `node_modules`: the
// project itself in development, one of many directories in production, where a link says which.
// Its files belong to four parts, and a change reaches the running process in a way of its own for
// each of them:
//
//   PART         FILES                                                       A CHANGE
//   product      package.json, src/model, api, live, jobs, media, web …      in place
//   core         src/engine, std; src/threads unless below; package-lock;    threads are replaced
//                api/connections.ts
//   supervisor   main.ts, config.ts, and what commands/serve.ts imports      the process is
//                of src/commands and src/threads                             restarted
//   tools        the other commands                                          nothing: the server
//                                                                            does not run them
//
// The supervisor part is found by following imports, as the main thread does when it serves: what
// it has loaded once stays until the process ends. It is followed neither by `import type`, which
// leaves nothing to load, nor into engine and std, of which the main thread uses but what hands
// plain data on. So two things are not to be seen in its files, and have a number each:
// PROTOCOL_VERSION, for what the supervisor and the threads say to each other, and LAYOUT_VERSION,
// for the memory that old and new threads share. A change of either needs a restart, and so does
// another version of Node.
//
// Product code may come from one release while engine and threads go on from another: their cores
// are equal then, to the byte (generations.ts). Its modules are held in memory, as they were when
// they were looked at: whichever thread loads them, and whenever, loads the same.
//
// Editors and file transfers leave files beside the code for a moment; they are no part of it
// (`isTemporary`). Links inside a tree are refused: Node would load what they point to as something
// outside of the release.

import { hash } from 'node:crypto'
import { readFile, readdir, realpath } from 'node:fs/promises'
import { join, posix, relative, sep } from 'node:path'

export interface Release {
  /** Path without links. */
  readonly root: string
  /** `src` below it. */
  readonly sourceRoot: string
  /** Of package.json. */
  readonly version: string
  /** Version of Node that its lock file names; undefined when it names none. */
  readonly runtime: string | undefined
  /** Undefined when its code declares none. */
  readonly protocolVersion: number | undefined
  readonly layoutVersion: number | undefined
  /** All files but tools, by path from the root, with slashes; sorted. */
  readonly files: ReadonlyMap<string, CodeFile>
  /** Those of `files` that the main thread has loaded when it serves. */
  readonly supervisorFiles: readonly string[]
  /** Of the files of each part. */
  readonly digests: Readonly<Record<Part, string>>
}

export interface CodeFile {
  readonly digest: string
  /** Of a module of the product: what it holds, in memory that threads share. */
  readonly bytes: Uint8Array | undefined
}

export type Part = 'product' | 'core' | 'supervisor'

export interface Change {
  /** `product` is loaded in place; for `threads` each is replaced; else the process must be. */
  readonly kind: 'none' | 'product' | 'threads' | 'restart'
  /** Completes the sentence "this is so because …". */
  readonly reason: string
}

/** A tree of code is not as it must be. The message is a whole sentence and names file and line. */
export class CodeError extends Error {
  /** From the root of the release, with slashes. */
  readonly file: string | undefined
  /** 1, 2, 3 … */
  readonly line: number | undefined

  constructor(
    message: string,
    details: { readonly file?: string; readonly line?: number; readonly cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'CodeError'
    this.file = details.file
    this.line = details.line
  }
}

/** api/connections.ts makes the server that outlives all apps: http threads have it themselves. */
const CORE = /^src\/(?:(?:engine|std|threads|commands)\/|(?:config|main|api\/connections)\.ts$)/
const TOOL = /^src\/commands\//
/** What the main thread loads is followed from here … */
const SUPERVISOR_ROOTS = ['src/main.ts', 'src/config.ts', 'src/commands/serve.ts']
/** … from all of these but src/main.ts, which imports the tools as well. */
const FOLLOWED = /^src\/(?:commands|threads)\//
const VERSION = /^export const (PROTOCOL_VERSION|LAYOUT_VERSION) = (\d+)$/gm
/** Imports that load something, in the forms that the formatter leaves. */
const IMPORT = new RegExp(
  [
    /^import(?!\s+type\b)[\w$*\s{},]*?\sfrom\s*'(\.[^']+)'/,
    /^import\s*'(\.[^']+)'/,
    /^export\s*(?:\*[\w\s]*|\{[^}]*\})\s*from\s*'(\.[^']+)'/,
    /\bimport\(\s*'(\.[^']+)'/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'gm',
)
/** Vim, Emacs, JetBrains, Visual Studio Code, sed, patch, and whatever hides itself. */
const TEMPORARY =
  /^\.|^#.*#$|~$|^4913$|\.(?:sw[a-z]|tmp|bak|orig|rej|vsctmp)$|^___jb_|^sed[\dA-Za-z]{6}$/
const MODULE = /\.(?:ts|js|json)$/
const NAMED_MAX = 3

/** Whether a file of this name, without directory, is one that an editor leaves for a moment. */
export function isTemporary(name: string): boolean {
  return TEMPORARY.test(name)
}

/** Whether a file is shared by all generations of product code. `path` is from the root. */
export function isCore(path: string): boolean {
  return CORE.test(path)
}

/** Looks at a tree of code. Throws CodeError when there is none, or when it is not whole. */
export async function releaseOf(path: string): Promise<Release> {
  const root = await rootOf(path)
  const names = await namesIn(join(root, 'src'), root)
  const texts = new Map<string, Buffer>()
  for (const name of [...names, 'package.json', 'package-lock.json'].toSorted()) {
    const bytes = await bytesOf(root, name)
    if (bytes !== undefined) texts.set(name, bytes)
  }
  const supervisorFiles = supervisorFilesOf(texts)
  const files = new Map<string, CodeFile>()
  const versions = new Map<string, number>()
  for (const [name, bytes] of texts) {
    if (TOOL.test(name) && !supervisorFiles.includes(name)) continue
    const isHeld = partOf(name, supervisorFiles) === 'product' && MODULE.test(name)
    files.set(name, { digest: digestOf(bytes), bytes: isHeld ? shared(bytes) : undefined })
    if (!isCore(name)) continue
    for (const [, constant, value] of bytes.toString().matchAll(VERSION)) {
      versions.set(constant!, Number(value))
    }
  }
  const { version = '' } = jsonOf<{ version?: string }>(root, texts, 'package.json')
  const { packages } = jsonOf<Lock>(root, texts, 'package-lock.json')
  return {
    root,
    sourceRoot: join(root, 'src'),
    version,
    runtime: packages?.['node_modules/node']?.version,
    protocolVersion: versions.get('PROTOCOL_VERSION'),
    layoutVersion: versions.get('LAYOUT_VERSION'),
    files,
    supervisorFiles,
    digests: digestsOf(files, supervisorFiles),
  }
}

/** Tells two looks at trees of code apart: equal for the same code at the same place. */
export function identityOf({ root, digests }: Release): string {
  return [root, digests.product, digests.core, digests.supervisor].join(' ')
}

/** What it takes to run `found` where `running` runs. */
export function changeBetween(running: Release, found: Release): Change {
  const restart = (what: string, old: unknown, next: unknown): Change => ({
    kind: 'restart',
    reason: `${what} is ${String(next)} in the new code, and ${String(old)} in the running process`,
  })
  const runtimes = [running.runtime, found.runtime]
  if (runtimes[0] !== runtimes[1] && !runtimes.includes(undefined)) {
    return restart('the version of Node', running.runtime, found.runtime)
  }
  if (running.protocolVersion !== found.protocolVersion) {
    return restart('PROTOCOL_VERSION', running.protocolVersion, found.protocolVersion)
  }
  if (running.layoutVersion !== found.layoutVersion) {
    return restart('LAYOUT_VERSION', running.layoutVersion, found.layoutVersion)
  }
  if (running.digests.supervisor !== found.digests.supervisor) {
    const names = changedFiles(running, found, 'supervisor')
    return { kind: 'restart', reason: `the main thread has loaded ${names}` }
  }
  if (running.digests.core !== found.digests.core) {
    return {
      kind: 'threads',
      reason: `every thread has loaded ${changedFiles(running, found, 'core')}`,
    }
  }
  if (running.digests.product !== found.digests.product) {
    return { kind: 'product', reason: `product code: ${changedFiles(running, found, 'product')}` }
  }
  // The old directory may go, and image workers are started from it.
  if (running.root !== found.root) {
    return { kind: 'product', reason: `the same code lies at ${found.root}` }
  }
  return { kind: 'none', reason: 'the code is the same' }
}

interface Lock {
  readonly packages?: Readonly<Record<string, { readonly version?: string }>>
}

async function rootOf(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch (error) {
    if (!isMissing(error)) throw error
    throw new CodeError(`There is no code at ${path}: no such directory, or a link to none.`)
  }
}

/** Paths from the root, of all files in a directory. */
async function namesIn(directory: string, root: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(
    (error: unknown) => {
      if (!isMissing(error)) throw error
      throw new CodeError(`There is no code at ${root}: it has no directory src.`)
    },
  )
  return entries.flatMap((entry) => {
    const path = join(entry.parentPath, entry.name)
    const name = relative(root, path).replaceAll(sep, '/')
    if (name.split('/').some(isTemporary)) return []
    if (entry.isSymbolicLink()) {
      throw new CodeError(`${name} is a link in ${root}: a release holds its files itself.`, {
        file: name,
      })
    }
    return entry.isFile() ? [name] : []
  })
}

/** Undefined when it is not there (any more). */
async function bytesOf(root: string, name: string): Promise<Buffer | undefined> {
  try {
    return await readFile(join(root, name))
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.byteLength))
  copy.set(bytes)
  return copy
}

function isMissing(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/** A file that is not there is an empty object: only package.json has to be. */
function jsonOf<T extends object>(
  root: string,
  texts: ReadonlyMap<string, Buffer>,
  name: string,
): Partial<T> {
  const bytes = texts.get(name)
  if (bytes === undefined && name !== 'package.json') return {}
  if (bytes === undefined) throw new CodeError(`There is no code at ${root}: it has no ${name}.`)
  try {
    return JSON.parse(bytes.toString()) as T
  } catch (error) {
    const { message } = error as Error
    throw new CodeError(`${name} in ${root} is no JSON: ${message}.`, { file: name, cause: error })
  }
}

/** What the main thread has loaded when it serves, sorted. */
function supervisorFilesOf(texts: ReadonlyMap<string, Buffer>): string[] {
  const found = new Set<string>()
  const waiting = SUPERVISOR_ROOTS.filter((name) => texts.has(name))
  for (const name of waiting) {
    if (found.has(name)) continue
    found.add(name)
    if (!FOLLOWED.test(name)) continue
    for (const [, ...targets] of texts.get(name)!.toString().matchAll(IMPORT)) {
      const target = posix.join(
        posix.dirname(name),
        targets.find((one) => one !== undefined)!,
      )
      if (FOLLOWED.test(target) && texts.has(target)) waiting.push(target)
    }
  }
  return [...found].toSorted()
}

function partOf(name: string, supervisorFiles: readonly string[]): Part {
  if (supervisorFiles.includes(name)) return 'supervisor'
  return isCore(name) || name === 'package-lock.json' ? 'core' : 'product'
}

function digestsOf(
  files: ReadonlyMap<string, CodeFile>,
  supervisorFiles: readonly string[],
): Record<Part, string> {
  const lines: Record<Part, string> = { product: '', core: '', supervisor: '' }
  for (const [name, { digest }] of files) {
    lines[partOf(name, supervisorFiles)] += `${digest} ${name}\n`
  }
  return {
    product: digestOf(lines.product),
    core: digestOf(lines.core),
    supervisor: digestOf(lines.supervisor),
  }
}

function digestOf(bytes: Uint8Array | string): string {
  return hash('sha256', bytes, 'hex')
}

/** "src/api/app.ts and 3 more", of the files of a part that differ. */
function changedFiles(running: Release, found: Release, part: Part): string {
  const supervisorFiles = [...running.supervisorFiles, ...found.supervisorFiles]
  const changed = [...new Set([...running.files.keys(), ...found.files.keys()])].filter(
    (name) =>
      running.files.get(name)?.digest !== found.files.get(name)?.digest &&
      partOf(name, supervisorFiles) === part,
  )
  const named = changed.slice(0, NAMED_MAX).join(', ')
  return changed.length <= NAMED_MAX ? named : `${named} and ${changed.length - NAMED_MAX} more`
}
