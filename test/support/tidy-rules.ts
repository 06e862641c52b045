// The rules of the house that no compiler checks, each a pure function from files to complaints.
//
// A complaint is one line, "path:line: what is wrong and what to do instead". Files come in as path
// and text, so that tidy.test.ts can show every rule a bad example: a rule that cannot fail is
// worse than none.
//
//   main ─▶ commands ─▶ threads ─▶ api ─▶ live ─▶ jobs ─▶ model ─▶ engine ─▶ std
//                                   └───────────────▶ media ──────────────▶ std
//   web: imported by nobody
//
// Arrows may skip to the right, never turn left. Depth is privacy: another layer imports only files
// that lie directly in a layer's folder. Tests and benches are no layer: they may look inside.
//
// Imports are found by pattern, not by parsing: our own style (one import a line or one block,
// relative paths that end in .ts) is regular enough, and a file that escapes the pattern does not
// pass the formatter.

import { posix } from 'node:path'

export interface SourceFile {
  /** From the project's root, with slashes: "src/engine/log/segment.ts". */
  readonly path: string
  readonly text: string
}

type Rule = (files: readonly SourceFile[]) => string[]

export const COLUMNS_MAX = 100
export const LINES_MAX = 800
const ESSAY_SIZE_MIN = 40

/** What a layer may import besides itself. */
const REACH: Readonly<Record<string, readonly string[]>> = {
  std: [],
  engine: ['std'],
  model: ['engine', 'std'],
  media: ['std'],
  jobs: ['model', 'engine', 'std'],
  live: ['jobs', 'model', 'engine', 'std'],
  api: ['live', 'jobs', 'model', 'engine', 'media', 'std'],
  threads: ['api', 'live', 'jobs', 'model', 'engine', 'media', 'std', 'config'],
  commands: ['threads', 'api', 'live', 'jobs', 'model', 'engine', 'media', 'std', 'config'],
  config: ['std'],
  main: ['commands', 'config', 'engine', 'std'],
  web: [],
}

/** Packages that only one layer may import. */
const HOMES: readonly { readonly matches: RegExp; readonly layer: string }[] = [
  { matches: /^sharp$/, layer: 'media' },
  { matches: /^(?:fastify|@fastify\/.*)$/, layer: 'api' },
]

const BANNED_NAMES = [
  'util',
  'helper',
  'common',
  'misc',
  'manager',
  'service',
  'base',
  'impl',
  'type',
  'index',
]

/** Words with one meaning too many, and the word of the glossary that says which. */
const BANNED_WORDS: readonly { readonly matches: RegExp; readonly instead: string }[] = [
  {
    matches: /(?<!\.)\bflush(?:es|ed|ing)?\b/i,
    instead: 'write (to the kernel) or sync (to the device)',
  },
  { matches: /\bcorrupt(?:s|ed|ion)?\b/i, instead: 'damaged, damage' },
  { matches: /\b(?:TODO|FIXME|XXX)\b/, instead: 'doing it, or an issue' },
]

/** Names that come from others: typed arrays, HTTP, fastify, vitest's report. */
const FOREIGN_NAMES = new Set([
  'byteLength',
  'maxByteLength',
  'contentLength',
  'maxParamLength',
  'numPassedTests',
  'numFailedTests',
])

interface Import {
  readonly line: number
  /** As written. */
  readonly target: string
  /** From the root, when it is one of our files. */
  readonly path: string | undefined
}

const IMPORT = /(?:\bfrom\s+|\bimport\s+|\bimport\(\s*|\bnew URL\(\s*)'([^'\n]+)'/g

function importsOf(file: SourceFile): Import[] {
  return [...file.text.matchAll(IMPORT)].map((match) => {
    const target = match[1]!
    const relative = target.startsWith('./') || target.startsWith('../')
    return {
      line: file.text.slice(0, match.index).split('\n').length,
      target,
      path: relative ? posix.join(posix.dirname(file.path), target) : undefined,
    }
  })
}

/** "engine" for src/engine/…, "main" and "config" for the two files at the top, else undefined. */
function layerOf(path: string): string | undefined {
  const [top, second] = path.split('/')
  if (top !== 'src' || second === undefined) return undefined
  return second.replace(/\.ts$/, '')
}

function linesWhere(file: SourceFile, complaint: (line: string) => string | undefined): string[] {
  return file.text.split('\n').flatMap((line, at) => {
    const said = complaint(line)
    return said === undefined ? [] : [`${file.path}:${at + 1}: ${said}`]
  })
}

const importsAgainstTheArrows: Rule = (files) =>
  files.flatMap((file) => {
    const layer = layerOf(file.path)
    if (layer === undefined) return []
    const reach = REACH[layer]
    if (reach === undefined) return [`${file.path}:1: "${layer}" is no layer`]
    return importsOf(file).flatMap(({ line, target, path }) => {
      if (path === undefined) return []
      const other = layerOf(path)
      const place = `${file.path}:${line}: ${layer} imports ${target}`
      if (other === undefined) return path === 'package.json' ? [] : [`${place}, outside src`]
      if (other === layer) return []
      if (!reach.includes(other))
        return [`${place}, but may import ${reach.join(', ') || 'nobody'}`]
      return path.split('/').length > 3 ? [`${place}, a private part of ${other}`] : []
    })
  })

const packagesAwayFromHome: Rule = (files) =>
  files.flatMap((file) => {
    const layer = layerOf(file.path)
    if (layer === undefined) return []
    return importsOf(file).flatMap(({ line, target }) => {
      const home = HOMES.find(({ matches }) => matches.test(target))
      return home === undefined || home.layer === layer
        ? []
        : [`${file.path}:${line}: ${target} is imported only in ${home.layer}`]
    })
  })

const bannedNames: Rule = (files) =>
  files.flatMap((file) => {
    const banned = (name: string): string | undefined =>
      name
        .replaceAll(/([a-z0-9])([A-Z])/g, '$1-$2')
        .toLowerCase()
        .split(/[-.]/)
        .find((word, at, words) =>
          BANNED_NAMES.some(
            (bad) =>
              // "index" and "type" are banned alone: a unique-index is a noun of ours.
              (word === bad || word === `${bad}s`) &&
              (words.length === 1 || (bad !== 'index' && bad !== 'type')),
          ),
        )
    const stem = posix.basename(file.path).replace(/(?:\.(?:test|config))?\.[jt]s$/, '')
    const kebab = /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(stem)
    const name = `${file.path}:1: the file's name`
    return [
      ...(kebab ? [] : [`${name} is not kebab-case`]),
      ...(banned(stem) === undefined ? [] : [`${name} says "${banned(stem)}", which says nothing`]),
      ...linesWhere(file, (line) => {
        const declared = /^\s*(?:export )?(?:abstract )?class (\w+)/.exec(line)?.[1]
        const word = declared === undefined ? undefined : banned(declared)
        return word === undefined
          ? undefined
          : `class ${declared} says "${word}", which says nothing`
      }),
    ]
  })

const bannedWords: Rule = (files) =>
  files.flatMap((file) =>
    linesWhere(file, (line) => {
      const banned = BANNED_WORDS.find(({ matches }) => matches.test(line))
      if (banned === undefined) return undefined
      return `"${banned.matches.exec(line)![0]}" is not our word: ${banned.instead}`
    }),
  )

const OWN_QUANTITY =
  /\b(?:const|let|var|get|readonly)\s+(\w+)|\b(\w+)\??:\s*number\b|\bfunction\s+(\w+)/g

const quantitiesCalledLength: Rule = (files) =>
  files.flatMap((file) =>
    linesWhere(file, (line) => {
      if (/^\s*(?:\/\/|\*|\/\*)/.test(line)) return undefined
      for (const [, declared, typed, named] of line.matchAll(OWN_QUANTITY)) {
        const name = declared ?? typed ?? named ?? ''
        if (FOREIGN_NAMES.has(name)) continue
        if (/^(?:length|len|num)$|(?:Length|Len|Num)$|^num[A-Z]/.test(name)) {
          return `"${name}": a count of items, a size in bytes, an offset or an index?`
        }
      }
      return undefined
    }),
  )

const linesTooLong: Rule = (files) =>
  files.flatMap((file) =>
    linesWhere(file, (line) => {
      const columns = Array.from(line).length
      return columns > COLUMNS_MAX ? `${columns} columns, at most ${COLUMNS_MAX}` : undefined
    }),
  )

const filesTooLong: Rule = (files) =>
  files.flatMap((file) => {
    const count = file.text.split('\n').length - 1
    return count > LINES_MAX ? [`${file.path}:${count}: ${count} lines, at most ${LINES_MAX}`] : []
  })

const filesTooDeep: Rule = (files) =>
  files.flatMap(({ path }) => {
    const depth = path.split('/').length
    if (path.startsWith('src/') && depth === 2 && !/^src\/(?:main|config)\.ts$/.test(path)) {
      return [`${path}:1: only main.ts and config.ts lie beside the layers`]
    }
    return depth > 4 ? [`${path}:1: nothing lies deeper than src/layer/part/file.ts`] : []
  })

const filesWithoutEssay: Rule = (files) =>
  files.flatMap((file) => {
    const lines = file.text.replace(/^#!.*\n/, '').split('\n')
    const end = lines.findIndex((line) => !line.startsWith('//'))
    const essay = lines
      .slice(0, end === -1 ? undefined : end)
      .join(' ')
      .replaceAll(/[/\s]+/g, ' ')
    return essay.length >= ESSAY_SIZE_MIN
      ? []
      : [`${file.path}:1: does not begin with what it is responsible for`]
  })

/** `roots` are started by name, not imported. Being imported by a test alone does not count. */
function filesNobodyImports(files: readonly SourceFile[], roots: readonly RegExp[]): string[] {
  const imported = new Set<string>()
  for (const file of files) {
    for (const { path } of importsOf(file)) {
      if (path !== undefined && path !== file.path) imported.add(path)
    }
  }
  return files
    .filter(({ path }) => !imported.has(path) && !roots.some((root) => root.test(path)))
    .map(({ path }) => `${path}:1: nobody imports it`)
}

/** `names` are the files of docs/decisions; each text is a page. */
const decisionsOutOfOrder: Rule = (files) =>
  files
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
    .flatMap(({ path, text }, at) => {
      const name = posix.basename(path)
      const expected = String(at + 1).padStart(4, '0')
      if (!/^\d{4}-[a-z0-9-]+\.md$/.test(name)) return [`${path}:1: is not named NNNN-words.md`]
      if (!name.startsWith(expected)) return [`${path}:1: expected number ${expected}`]
      const missing = ['Context', 'Decision', 'Consequence'].find(
        (heading) => !text.includes(`\n## ${heading}`),
      )
      return missing === undefined ? [] : [`${path}:1: has no part "${missing}"`]
    })

/**
 * Codes are 'UPPER_CASE' literals or UPPER_CASE keys; names of the environment and of Fastify are
 * not.
 */
function codesOf(file: SourceFile): string[] {
  return [
    ...file.text.matchAll(
      /'([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)'|^\s+([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+):/gm,
    ),
  ]
    .map((match) => match[1] ?? match[2]!)
    .filter((code) => !/^(?:SHASHIN|FST)_/.test(code))
}

function codesUndocumented(files: readonly SourceFile[], documented: readonly string[]): string[] {
  const known = new Set(files.flatMap(codesOf))
  return [
    ...[...known]
      .filter((code) => !documented.includes(code))
      .map((code) => `docs/operations.md: lacks ${code}`),
    ...documented
      .filter((code) => !known.has(code))
      .map((code) => `docs/operations.md: ${code} does not exist`),
  ]
}

export const rules = {
  importsAgainstTheArrows,
  packagesAwayFromHome,
  bannedNames,
  bannedWords,
  quantitiesCalledLength,
  linesTooLong,
  filesTooLong,
  filesTooDeep,
  filesWithoutEssay,
  filesNobodyImports,
  decisionsOutOfOrder,
  codesUndocumented,
}
