// A copy of the program whose code a test may change: its source, its package files, and a link to
// the packages. It runs as the program does, and what is written into it is new code.

import { cp, mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PROJECT = fileURLToPath(new URL('../../', import.meta.url))

/** Routes that do what no route should: the end of src/api/health.ts. */
const TEST_ROUTES = `
  const config = { access: 'anyone' } as const
  app.get('/test/version', { config }, async () => ({ version: 1 }))
  app.get('/test/throw', { config }, () => {
    setImmediate(() => {
      throw new Error('thrown where nobody catches it')
    })
    return new Promise(() => {})
  })
  app.get('/test/loop', { config }, () => {
    for (;;);
  })
  app.get('/test/stream', { config }, async (_request, reply) => {
    reply.hijack()
    const { raw } = reply
    raw.writeHead(200, { 'content-type': 'text/event-stream' })
    const timer = setInterval(() => raw.write('data: {}\\n\\n'), 100)
    raw.on('close', () => clearInterval(timer))
  })
  done()
`

/** What breaks an invariant: the first line of updateProfile in src/model/profiles.ts. */
const BREAK = `  assert(input.name !== 'break an invariant', 'broken by a test')
`

export class ProgramTree {
  /** Root of the tree. */
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  /** Copies the program to `path`, which does not exist yet, and adds what tests need. */
  static async create(path: string): Promise<ProgramTree> {
    const tree = new ProgramTree(path)
    await mkdir(path, { recursive: true })
    for (const name of ['src', 'package.json', 'package-lock.json']) {
      await cp(join(PROJECT, name), tree.at(name), { recursive: true })
    }
    await symlink(join(PROJECT, 'node_modules'), tree.at('node_modules'))
    await tree.change('src/api/health.ts', /\n {2}done\(\)\n/, TEST_ROUTES)
    await tree.change('src/model/profiles.ts', /(?<=ProfileChange\): void \{\n)/, BREAK)
    await tree.change(
      'src/model/profiles.ts',
      /(?<=\n)import \{ Refusal \}/,
      "import { assert } from '../std/assert.ts'\nimport { Refusal }",
    )
    return tree
  }

  get main(): string {
    return this.at('src/main.ts')
  }

  at(...names: string[]): string {
    return join(this.path, ...names)
  }

  /** Changes a file in one step, as an editor does. Fails when there is nothing to change. */
  async change(name: string, from: RegExp | string, to: string): Promise<void> {
    const text = await readFile(this.at(name), 'utf8')
    const changed = text.replace(from, () => to)
    if (changed === text) throw new Error(`${name} has nothing like ${String(from)}`)
    await writeFile(this.at(`${name}.new`), changed)
    await rename(this.at(`${name}.new`), this.at(name))
  }

  /** What /test/version answers from the next deploy on. */
  async setVersion(version: number): Promise<void> {
    await this.change('src/api/health.ts', /version: \d+/, `version: ${version}`)
  }
}
