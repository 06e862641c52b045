// Generations: product code loaded a second and further time beside the old one, in one thread.
//
// Node keeps a module for each URL, for ever. So the number of a generation goes into the URL, and
// a resolve hook hands it on from each module to those that it imports:
//
//   load('api/app.ts', 7) ─▶ …/src/api/app.ts?generation=7
//                              import './feed.ts'           ─▶ …/src/api/feed.ts?generation=7
//                              import '../std/assert.ts'    ─▶ …/src/std/assert.ts
//                              import 'typebox'             ─▶ …/node_modules/typebox/…
//
// Engine, std, threads and packages are those of the thread itself: one InvariantError for all
// generations, one copy of the engine in memory. That holds for code from another release as well:
//
//   /releases/1/src   the thread's own            /releases/2/src   a generation's
//     engine  std  threads    ◀── '../engine/…' ──   model  api  media
//   /releases/1/node_modules  ◀── 'typebox' ──────
//
// which is right only while both have the same core and lock file (releases.ts: changeBetween).
// `import.meta.filename` and `new URL('./x.ts', import.meta.url)` have no number: they are paths,
// for child processes, say.
//
// Invariants
//   (1) A generation has one source root, and its number is never used for another.
//   (2) A generation that has failed once has failed: Node may keep parts of it.
//   (3) Of a generation whose files are given, nothing is read from the disk: all threads that are
//       given the same files have the same code, one that takes the place of another after the
//       directory has changed or gone has it, too, and so has a module that is imported late.
//
// What has been loaded is never given back: `count` says how often it happened, so that a thread
// can be replaced when it was too often. Make one `Generations` a thread.

import { execFile } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { registerHooks } from 'node:module'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { assert } from '../std/assert.ts'
import { CodeError, isCore } from './releases.ts'
import type { CodeFile } from './releases.ts'
import type { LoadFnOutput, ResolveFnOutput, ResolveHookContext } from 'node:module'

/** Where the code of a generation comes from. A Release is one. */
export interface CodeSource {
  /** Directory that holds model/, api/, …; without links, when files are given. */
  readonly sourceRoot: string
  /**
   * By path from the directory above the source root, as in `Release.files`. Without them, code is
   * taken from the disk as it is when it is loaded.
   */
  readonly files?: ReadonlyMap<string, CodeFile> | undefined
}

/** A module of the product. */
interface Place {
  readonly generation: number
  readonly path: string
}

class Generation {
  /** Without links. */
  readonly sourceRoot: string
  readonly files: ReadonlyMap<string, CodeFile> | undefined
  /** Path of the module that was read last: what cannot be parsed is that. */
  latest: string | undefined
  /** The import that could not be resolved last. */
  unresolved: { error: unknown; path: string; specifier: string } | undefined
  failure: CodeError | undefined

  constructor({ sourceRoot, files }: CodeSource) {
    this.sourceRoot = sourceRoot
    this.files = files
    this.latest = undefined
    this.unresolved = undefined
    this.failure = undefined
  }

  /** From the directory above the source root, with slashes; undefined when it lies elsewhere. */
  nameOf(path: string): string | undefined {
    const name = relative(dirname(this.sourceRoot), path).replaceAll(sep, '/')
    return name.startsWith('src/') || name === 'package.json' ? name : undefined
  }

  /** What a module of the product holds; undefined when only the disk can say. */
  bytesOf(path: string): Uint8Array | undefined {
    return this.files?.get(this.nameOf(path) ?? '')?.bytes
  }

  textOf(path: string): string | undefined {
    const bytes = this.bytesOf(path)
    return bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
  }
}

export class Generations {
  readonly #sourceRoot: string
  readonly #generations: Map<number, Generation>

  /** `sourceRoot` is the directory of the thread's own code, that holds engine/, std/, … */
  constructor(sourceRoot: string) {
    this.#sourceRoot = realpathSync(sourceRoot)
    this.#generations = new Map()
    registerHooks({
      resolve: (specifier, context, next) => this.#resolve(specifier, context, next),
      load: (url, context, next) => this.#read(url, () => next(url, context)),
    })
  }

  /** Generations that this thread has loaded, or tried to: all are still in memory. */
  get count(): number {
    return this.#generations.size
  }

  /**
   * Loads a module as of `generation`: 1, 2, 3 … `entry` is a path below the source root, such as
   * 'api/app.ts'. Rejects with CodeError, which names file and line, when the code cannot be parsed
   * or linked, or throws; its cause is what was thrown. After that the generation is of no use.
   */
  async load<T>(
    entry: string,
    generation: number,
    source: CodeSource = { sourceRoot: this.#sourceRoot },
  ): Promise<T> {
    const loaded = this.#generationOf(generation, source)
    if (loaded.failure !== undefined) throw loaded.failure
    const { href } = pathToFileURL(join(loaded.sourceRoot, entry))
    try {
      return (await import(numbered(href, generation))) as T
    } catch (error) {
      const failure = await failureOf(error, loaded, `src/${entry}`)
      loaded.failure ??= failure
      throw loaded.failure
    }
  }

  #generationOf(number: number, source: CodeSource): Generation {
    assert(Number.isSafeInteger(number) && number > 0, 'a generation has a number')
    const { files } = source
    // What is in memory has been found there, and may be gone by now.
    const sourceRoot = files === undefined ? existing(source.sourceRoot) : source.sourceRoot
    const known = this.#generations.get(number)
    assert(known === undefined || known.sourceRoot === sourceRoot, 'a generation has one root')
    const generation = known ?? new Generation({ sourceRoot, files })
    this.#generations.set(number, generation)
    return generation
  }

  /** The module that a URL with a number stands for, when it is of a generation of ours. */
  #find(url: string | undefined): { place: Place; generation: Generation } | undefined {
    const place = placeOf(url)
    const generation = place && this.#generations.get(place.generation)
    if (generation === undefined || generation.nameOf(place!.path) === undefined) return undefined
    return { place: place!, generation }
  }

  #resolve(
    specifier: string,
    context: ResolveHookContext,
    next: (specifier: string, context?: Partial<ResolveHookContext>) => ResolveFnOutput,
  ): ResolveFnOutput {
    const importer = this.#find(context.parentURL)
    if (importer === undefined) return this.#held(specifier) ?? next(specifier, context)
    const { place, generation } = importer
    try {
      if (isPackage(specifier)) {
        // Found from where the importer would lie in the thread's own release.
        const parentURL = pathToFileURL(this.#own(place.path, generation)).href
        return next(specifier, { ...context, parentURL })
      }
      const { href } = new URL(specifier, context.parentURL)
      const url = this.#homeOf(href, place.generation, generation)
      return this.#held(url) ?? next(url, context)
    } catch (error) {
      generation.unresolved = { error, path: place.path, specifier }
      throw error
    }
  }

  /** A module of the product that is in memory. */
  #held(url: string): ResolveFnOutput | undefined {
    const module = this.#find(url)
    if (module?.generation.bytesOf(module.place.path) === undefined) return undefined
    return { url, format: formatOf(module.place.path), shortCircuit: true }
  }

  /** Where a module lives that product code imports. */
  #homeOf(url: string, number: number, generation: Generation): string {
    if (!url.startsWith('file:') || placeOf(url) !== undefined) return url
    const path = fileURLToPath(url)
    const name = generation.nameOf(path)
    if (name === undefined) return url
    return isCore(name) ? pathToFileURL(this.#own(path, generation)).href : numbered(url, number)
  }

  /** The path in the thread's own release of what lies at `path` in a generation's. */
  #own(path: string, { sourceRoot }: Generation): string {
    return join(this.#sourceRoot, relative(sourceRoot, path))
  }

  #read(url: string, next: () => LoadFnOutput): LoadFnOutput {
    const module = this.#find(url)
    if (module === undefined) return next()
    const { place, generation } = module
    generation.latest = place.path
    if (generation.files === undefined) return next()
    const source = generation.textOf(place.path)
    if (source !== undefined) return { format: formatOf(place.path), source, shortCircuit: true }
    const name = generation.nameOf(place.path)!
    throw new CodeError(`${name} was not there when the code was looked at.`, { file: name })
  }
}

function numbered(url: string, generation: number): string {
  return `${url}${url.includes('?') ? '&' : '?'}generation=${generation}`
}

function placeOf(url: string | undefined): Place | undefined {
  const match = /^(file:.*)[?&]generation=(\d+)$/.exec(url ?? '')
  return match === null
    ? undefined
    : { path: fileURLToPath(match[1]!), generation: Number(match[2]) }
}

function isPackage(specifier: string): boolean {
  return !/^(?:\.{0,2}\/|[a-z][a-z\d+.-]*:)/i.test(specifier)
}

function formatOf(path: string): string {
  if (path.endsWith('.json')) return 'json'
  return path.endsWith('.ts') ? 'module-typescript' : 'module'
}

function existing(directory: string): string {
  try {
    return realpathSync(directory)
  } catch (error) {
    const { message } = error as Error
    throw new CodeError(`There is no code at ${directory}: ${message}.`, { cause: error })
  }
}

interface Mistake {
  readonly path: string
  readonly line: number | undefined
}

/** Says in one sentence what is wrong with the code of a generation, and where. */
async function failureOf(
  error: unknown,
  generation: Generation,
  entry: string,
): Promise<CodeError> {
  if (error instanceof CodeError) return error
  const mistake =
    placeInStack(error, generation) ??
    (await placeOfImport(error, generation)) ??
    (await placeOfSyntax(error, generation))
  const file = (mistake && generation.nameOf(mistake.path)) ?? entry
  const line = mistake?.line
  const place = line === undefined ? file : `${file}, line ${line}`
  const details = { file, cause: error, ...(line === undefined ? {} : { line }) }
  return new CodeError(`${place}: ${wordsOf(error)}`, details)
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return `throws ${String(error)}`
  const { name } = error
  // Of an import that leads nowhere: the place is said before.
  const message = error.message.replace(/ imported from \S+$/, '')
  return name === 'Error' || name === 'SyntaxError' ? message : `${name}: ${message}`
}

/** Most errors say it: in a line above the message, or as the first call in product code. */
function placeInStack(error: unknown, generation: Generation): Mistake | undefined {
  if (!(error instanceof Error)) return undefined
  for (const [, url, line] of (error.stack ?? '').matchAll(
    /(file:[^\s()]+?generation=\d+):(\d+)/g,
  )) {
    const place = placeOf(url)
    if (place !== undefined && generation.nameOf(place.path) !== undefined) {
      return { path: place.path, line: Number(line) }
    }
  }
  return undefined
}

/** The line of an import that leads nowhere. */
async function placeOfImport(error: unknown, generation: Generation): Promise<Mistake | undefined> {
  const { unresolved } = generation
  if (unresolved === undefined || unresolved.error !== error) return undefined
  const { path, specifier } = unresolved
  const lines = (await textOf(path, generation)).split('\n')
  const index = lines.findIndex((line) =>
    /'([^']*)'|"([^"]*)"/.exec(line)?.slice(1).includes(specifier),
  )
  return { path, line: index === -1 ? undefined : index + 1 }
}

/**
 * A mistake that is none of TypeScript's (a name declared twice) comes without any place. Another
 * process, which compiles nothing but that file, says the line.
 */
async function placeOfSyntax(error: unknown, generation: Generation): Promise<Mistake | undefined> {
  const { latest } = generation
  if (!(error instanceof SyntaxError) || latest === undefined) return undefined
  const text = await textOf(latest, generation)
  const said = await new Promise<string>((resolve) => {
    const child = execFile(
      process.execPath,
      ['--no-warnings', '--experimental-vm-modules', '--eval', COMPILE],
      (_error, _stdout, stderr) => resolve(stderr),
    )
    child.stdin?.on('error', () => undefined).end(text)
  })
  const line = /^mistake:(\d+)$/m.exec(said)?.[1]
  return { path: latest, line: line === undefined ? undefined : Number(line) }
}

const COMPILE = `
const { stripTypeScriptTypes } = require('node:module')
const { SourceTextModule } = require('node:vm')
const text = stripTypeScriptTypes(require('node:fs').readFileSync(0, 'utf8'))
new SourceTextModule(text, { identifier: 'mistake' })
`

async function textOf(path: string, generation: Generation): Promise<string> {
  return generation.textOf(path) ?? readFile(path, 'utf8').catch(() => '')
}
