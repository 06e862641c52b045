// What a compiler cannot check, checked on this tree, and every rule on an example that breaks it.

import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { tableOf } from './support/markdown.ts'
import { COLUMNS_MAX, LINES_MAX, rules } from './support/tidy-rules.ts'
import type { SourceFile } from './support/tidy-rules.ts'

const root = join(import.meta.dirname, '..')

function filesOf(...patterns: string[]): SourceFile[] {
  return globSync(patterns, { cwd: root })
    .map((path) => path.replaceAll('\\', '/'))
    .toSorted()
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
}

const source = filesOf('src/**/*.ts')
const benches = filesOf('bench/**/*.ts')
const tests = filesOf('test/**/*.ts')
const scripts = filesOf('.ci/*.ts', 'bin/*.js', '*.ts')
const code = [...source, ...benches, ...tests, ...scripts]
const documents = filesOf('docs/**/*.md', '*.md')
const isTidy = ({ path }: SourceFile): boolean => /^test\/(?:tidy|support\/tidy)/.test(path)

/** Started by name: by the launcher, as a thread, as a process, by the bench dispatcher. */
const STARTED = [
  /^src\/threads\/(?:http|store)-thread\.ts$/,
  /^src\/main\.ts$/,
  /^src\/web\//,
  /^bench\/[^/]+\.ts$/,
]

const CODE_FILES = [
  'src/engine/errors.ts',
  'src/model/refusal.ts',
  'src/media/media-refusal.ts',
  'src/api/errors.ts',
  'src/config.ts',
]

function documentedCodes(): string[] {
  const operations = documents.find(({ path }) => path === 'docs/operations.md')
  return tableOf(operations?.text ?? '', 'Error codes').map(([first = '']) => first)
}

describe('this tree', () => {
  test('the files are found', () => {
    expect(source.length).toBeGreaterThan(0)
    expect(tests.length).toBeGreaterThan(0)
  })
  test('imports follow the arrows, and depth is privacy', () => {
    expect(rules.importsAgainstTheArrows(source)).toEqual([])
  })
  test('sharp and fastify stay at home', () => {
    expect(rules.packagesAwayFromHome(source)).toEqual([])
  })
  test('files and classes have names that say something', () => {
    expect(rules.bannedNames(code)).toEqual([])
  })
  test('words have one meaning', () => {
    const told = [...code, ...documents].filter((file) => !isTidy(file))
    expect(rules.bannedWords(told)).toEqual([])
  })
  test('quantities are counts, sizes, offsets or indexes', () => {
    expect(rules.quantitiesCalledLength(code.filter((file) => !isTidy(file)))).toEqual([])
  })
  test(`no line is longer than ${COLUMNS_MAX} columns`, () => {
    expect(rules.linesTooLong(code)).toEqual([])
  })
  test(`no file is longer than ${LINES_MAX} lines`, () => {
    expect(rules.filesTooLong(code)).toEqual([])
  })
  test('nothing lies too deep', () => {
    expect(rules.filesTooDeep(source)).toEqual([])
  })
  test('every file begins with what it is responsible for', () => {
    expect(rules.filesWithoutEssay(code)).toEqual([])
  })
  test('every file of the product is used', () => {
    expect(rules.filesNobodyImports([...source, ...benches], STARTED)).toEqual([])
  })
  test('every file of test support is used', () => {
    expect(rules.filesNobodyImports(tests, [/\.test\.ts$/, /^test\/torture\.ts$/])).toEqual([])
  })
  test('decisions are numbered and complete', () => {
    expect(rules.decisionsOutOfOrder(filesOf('docs/decisions/*'))).toEqual([])
  })
  test('docs/operations.md explains every error code', () => {
    const declaring = filesOf(...CODE_FILES.filter((path) => existsSync(join(root, path))))
    expect(rules.codesUndocumented(declaring, documentedCodes())).toEqual([])
  })
})

describe('a rule can fail', () => {
  const file = (path: string, text: string): SourceFile => ({ path, text })
  const imports = (path: string, target: string): SourceFile =>
    file(path, `// A file.\nimport { it } from '${target}'\n`)

  test.each([
    [
      'src/engine/a.ts',
      '../model/users.ts',
      ':2: engine imports ../model/users.ts, but may import',
    ],
    ['src/model/a.ts', '../engine/log/frame.ts', 'a private part of engine'],
    ['src/media/a.ts', '../engine/disk.ts', 'but may import std'],
    ['src/model/a.ts', '../config.ts', 'model imports ../config.ts, but may import'],
    ['src/api/a.ts', '../../test/support/x.ts', 'outside src'],
    ['src/photos/a.ts', './b.ts', '"photos" is no layer'],
  ])('%s must not import %s', (path, target, complaint) => {
    expect(rules.importsAgainstTheArrows([imports(path, target)])[0]).toContain(complaint)
  })

  test.each([
    ['src/main.ts', './commands/serve.ts'],
    ['src/api/a.ts', '../media/worker.ts'],
    ['src/engine/a.ts', './log/frame.ts'],
    ['src/engine/log/a.ts', '../../std/assert.ts'],
    ['src/api/a.ts', '../../package.json'],
  ])('%s may import %s', (path, target) => {
    expect(rules.importsAgainstTheArrows([imports(path, target)])).toEqual([])
  })

  test('an import in any form is seen', () => {
    for (const form of [
      "export { it } from '../api/app.ts'",
      "import type {\n  It,\n} from '../api/app.ts'",
      "import '../api/app.ts'",
      "await import('../api/app.ts')",
      "new Worker(new URL('../api/app.ts', import.meta.url))",
    ]) {
      expect(rules.importsAgainstTheArrows([file('src/std/a.ts', form)]), form).toHaveLength(1)
    }
  })

  test('a package away from home', () => {
    expect(rules.packagesAwayFromHome([imports('src/api/a.ts', 'sharp')])).toHaveLength(1)
    expect(
      rules.packagesAwayFromHome([imports('src/engine/a.ts', '@fastify/cookie')]),
    ).toHaveLength(1)
    expect(rules.packagesAwayFromHome([imports('src/media/a.ts', 'sharp')])).toEqual([])
    expect(rules.packagesAwayFromHome([imports('bench/http.ts', 'fastify')])).toEqual([])
  })

  test.each([
    'src/std/utils.ts',
    'src/engine/index.ts',
    'src/api/user-service.ts',
    'src/std/MyFile.ts',
  ])('a file called %s', (path) => {
    expect(rules.bannedNames([file(path, '')])).toHaveLength(1)
  })

  test('a class called Manager, but not a unique index', () => {
    expect(rules.bannedNames([file('src/a/a.ts', 'export class LogManager {')])).toHaveLength(1)
    expect(rules.bannedNames([file('src/a/unique-index.ts', 'class UniqueIndex {')])).toEqual([])
    expect(rules.bannedNames([file('src/a/database.ts', 'class Database {')])).toEqual([])
  })

  test('a word with two meanings', () => {
    const says = (text: string): string[] => rules.bannedWords([file('src/a.ts', text)])
    expect(says('// The log is flushed.')[0]).toContain(
      'src/a.ts:1: "flushed" is not our word: write',
    )
    expect(says('a corrupted frame')).toHaveLength(1)
    expect(says('// TODO: all of it')).toHaveLength(1)
    expect(says('logger.flush(); reply.flushHeaders()')).toEqual([])
  })

  test('a quantity called length', () => {
    const says = (text: string): string[] => rules.quantitiesCalledLength([file('src/a.ts', text)])
    for (const bad of [
      'const length = 1',
      'let numRows = 0',
      'f(frameLength: number)',
      'get len() {',
    ]) {
      expect(says(bad), bad).toHaveLength(1)
    }
    for (const good of [
      'a.length',
      'const { length } = a',
      '// const length',
      'byteLength: number',
    ]) {
      expect(says(good), good).toEqual([])
    }
  })

  test('a long line, a long file, a deep file, a file without an essay', () => {
    expect(rules.linesTooLong([file('a.ts', `${'x'.repeat(100)}\n${'─'.repeat(101)}`)])).toEqual([
      'a.ts:2: 101 columns, at most 100',
    ])
    expect(
      rules.filesTooLong([file('a.ts', '\n'.repeat(801)), file('b.ts', '\n'.repeat(800))]),
    ).toEqual(['a.ts:801: 801 lines, at most 800'])
    expect(rules.filesTooDeep([file('src/a/b/c/d.ts', '')])).toHaveLength(1)
    expect(rules.filesTooDeep([file('src/more.ts', ''), file('src/main.ts', '')])).toHaveLength(1)
    expect(rules.filesWithoutEssay([file('a.ts', "import 'b'")])).toHaveLength(1)
    expect(rules.filesWithoutEssay([file('a.ts', '// Short.\n')])).toHaveLength(1)
  })

  test('a file that nobody imports', () => {
    const files = [imports('src/main.ts', './a.ts'), file('src/a.ts', ''), file('src/b.ts', '')]
    expect(rules.filesNobodyImports(files, [/main/])).toEqual(['src/b.ts:1: nobody imports it'])
  })

  test('decisions without number, out of order, or half written', () => {
    const page = '# A\n\n## Context\n\n## Decision\n\n## Consequence\n'
    const complaints = (...files: SourceFile[]): string[] => rules.decisionsOutOfOrder(files)
    expect(complaints(file('d/0001-a.md', page), file('d/0002-b.md', page))).toEqual([])
    expect(complaints(file('d/a.md', page))).toHaveLength(1)
    expect(complaints(file('d/0001-a.md', page), file('d/0001-b.md', page))).toHaveLength(1)
    expect(complaints(file('d/0001-a.md', '# A\n\n## Context\n'))).toHaveLength(1)
  })

  test('a code that is only in the code, and one that is only in the document', () => {
    const errors = file('src/engine/errors.ts', "  LOG_DAMAGED: 'x',\n 'LOG_GAP' 'SHASHIN_PORT'")
    expect(rules.codesUndocumented([errors], ['LOG_GAP', 'LOG_LOST'])).toEqual([
      'docs/operations.md: lacks LOG_DAMAGED',
      'docs/operations.md: LOG_LOST does not exist',
    ])
  })
})
