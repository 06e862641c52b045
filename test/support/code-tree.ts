// Releases in a temporary directory, with links that are pointed from one to another: real files, a
// product so small that a test can say what each of its files does.
//
//   api/app.ts ◀─▶ api/echo.ts (a circle)   model/words.ts: the answer   media/worker.ts: a path
//        └──▶ engine/errors.ts, std/assert.ts, and the package `greeting`

import { mkdir, mkdtemp, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export type Texts = Readonly<Record<string, string>>

const APP = `import { greeting } from 'greeting'
import { EngineError } from '../engine/errors.ts'
import { assert } from '../std/assert.ts'
import { words } from '../model/words.ts'
import { echo, urls as echoUrls } from './echo.ts'

export const name = 'app'
export { EngineError, assert, greeting }
export const workerPath = new URL('../media/worker.ts', import.meta.url).pathname
export const fileName = import.meta.filename
export const answer = (): string => echo(words)
export const urls = (): string[] => [import.meta.url, ...echoUrls()]
export const late = async (): Promise<string> => (await import('../model/late.ts')).late
`

const ECHO = `import { name } from './app.ts'

export const echo = (words: string): string => \`\${name} says \${words}\`
export const urls = (): string[] => [import.meta.url]
`

const RELEASE: Texts = {
  'package.json': '{ "name": "little", "type": "module", "version": "1.0.0" }',
  'package-lock.json': '{ "packages": { "node_modules/node": { "version": "26.0.0" } } }',
  'src/main.ts': "import { addServe } from './commands/serve.ts'\nimport './commands/export.ts'\n",
  'src/config.ts': 'export const config = 1\n',
  'src/commands/serve.ts':
    "import type { Settings } from '../config.ts'\n" +
    "export const addServe = () => import('./server.ts')\n",
  'src/commands/server.ts':
    "import { config } from '../config.ts'\n" +
    "import { Supervisor } from '../threads/supervisor.ts'\n",
  'src/commands/export.ts': 'export const exported = 1\n',
  'src/threads/supervisor.ts':
    "import {\n  say,\n} from './words.ts'\nimport type { Asks } from './protocol.ts'\n" +
    "import { thread } from '../std/assert.ts'\n" +
    "export const program = new URL('./http-thread.ts', import.meta.url)\n",
  'src/threads/words.ts': 'export const say = 1\n',
  'src/threads/protocol.ts': 'export const PROTOCOL_VERSION = 1\n',
  'src/threads/http-thread.ts': 'export const thread = 1\n',
  'src/engine/errors.ts':
    'export class EngineError extends Error {}\n' +
    "export const fail = () => { throw new EngineError('odd') }\n",
  'src/engine/recovery.ts': 'export const LAYOUT_VERSION = 1\n',
  'src/std/assert.ts': 'export const assert = (): void => undefined\n',
  'src/model/words.ts': "export const words = 'one'\n",
  'src/model/late.ts': "export const late = 'late one'\n",
  'src/api/app.ts': APP,
  'src/api/echo.ts': ECHO,
  'src/media/worker.ts': "console.log('one')\n",
  'node_modules/greeting/package.json': '{ "name": "greeting", "main": "index.js" }',
}

export class CodeTree implements AsyncDisposable {
  /** A temporary directory, without links. */
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  static async create(): Promise<CodeTree> {
    return new CodeTree(await realpath(await mkdtemp(join(tmpdir(), 'shashin-code-'))))
  }

  at(...names: string[]): string {
    return join(this.path, ...names)
  }

  async write(path: string, text: string): Promise<void> {
    await mkdir(dirname(this.at(path)), { recursive: true })
    await writeFile(this.at(path), text)
  }

  /** Writes a whole release, with other texts for some of its files; its path. */
  async release(name: string, changes: Texts = {}): Promise<string> {
    const greeting = `exports.greeting = 'the package of release ${name}'\n`
    const texts = { ...RELEASE, 'node_modules/greeting/index.js': greeting, ...changes }
    for (const [path, text] of Object.entries(texts)) await this.write(join(name, path), text)
    return this.at(name)
  }

  /** Points a link to something else in one step, as a deployment does. */
  async point(link: string, target: string): Promise<string> {
    const fresh = this.at(`${link}.new`)
    await symlink(target, fresh)
    await rename(fresh, this.at(link))
    return this.at(link)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true })
  }
}
