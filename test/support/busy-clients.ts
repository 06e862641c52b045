// Clients that keep a server busy while it is being changed, and keep a book: readers that keep
// their connections, readers that make a new one each time, and writers, who note what was
// acknowledged. Whatever is not a good answer is a failure, in words.

import { Agent, request } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { PREFIX } from '../../src/api/app.ts'

interface Answer {
  readonly status: number
  readonly text: string
}

export interface Load {
  readonly url: string
  /** Of a user who may write. */
  readonly token: string
  /** Id of a post that takes comments. */
  readonly post: string
  readonly keepingReaders: number
  readonly freshReaders: number
  readonly writers: number
  /** Status codes besides 200 and 201 that are no failures, and connections that may break. */
  readonly tolerates?: (failure: string) => boolean
}

export class BusyClients {
  readonly #load: Load
  readonly #agent: Agent
  readonly #clients: Promise<void>[]
  #isOver: boolean
  /** Texts of comments that were acknowledged. */
  readonly acked: string[]
  readonly failures: string[]
  /** Answers to /test/version, by what they were. */
  readonly versions: Map<number, number>
  answers: number

  constructor(load: Load) {
    this.#load = load
    this.#agent = new Agent({ keepAlive: true, maxSockets: Infinity })
    this.#isOver = false
    this.acked = []
    this.failures = []
    this.versions = new Map()
    this.answers = 0
    const many = (count: number, work: (index: number) => Promise<void>): Promise<void>[] =>
      Array.from({ length: count }, (_, index) => this.#repeat(() => work(index)))
    this.#clients = [
      ...many(load.keepingReaders, () => this.#read(this.#agent)),
      ...many(load.freshReaders, () => this.#read(false)),
      ...many(load.writers, (index) => this.#write(index)),
    ]
  }

  /** Lets everybody finish what they are at. */
  async end(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#clients)
    this.#agent.destroy()
  }

  async #repeat(work: () => Promise<void>): Promise<void> {
    while (!this.#isOver) {
      try {
        await work()
        this.answers++
      } catch (error) {
        const failure = (error as Error).message
        if (this.#load.tolerates?.(failure) !== true) this.failures.push(failure)
        await setTimeout(5)
      }
    }
  }

  async #read(agent: Agent | false): Promise<void> {
    const { status, text } = await this.#ask('GET', '/test/version', agent)
    if (status !== 200) throw new Error(`GET /test/version: ${status} ${text}`)
    const { version } = JSON.parse(text) as { version: number }
    this.versions.set(version, (this.versions.get(version) ?? 0) + 1)
  }

  async #write(index: number): Promise<void> {
    const words = `comment ${this.acked.length} of writer ${index}, ${Math.random()}`
    const path = `${PREFIX}/posts/${this.#load.post}/comments`
    const { status, text } = await this.#ask('POST', path, this.#agent, { text: words })
    if (status !== 201) throw new Error(`POST comments: ${status} ${text}`)
    this.acked.push(words)
  }

  #ask(method: string, path: string, agent: Agent | false, body?: object): Promise<Answer> {
    const payload = body === undefined ? undefined : JSON.stringify(body)
    return new Promise((resolve, reject) => {
      const asking = request(this.#load.url + path, {
        method,
        agent,
        headers: {
          authorization: `Bearer ${this.#load.token}`,
          ...(payload === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
        },
      })
      asking.on('error', (error) => reject(new Error(`${method} ${path}: ${error.message}`)))
      asking.on('response', (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.on('end', () => resolve({ status: response.statusCode!, text }))
        response.on('error', reject)
      })
      asking.end(payload)
    })
  }
}

/** Texts of all comments of a post, by walking its pages. */
export async function commentsOf(url: string, post: string): Promise<Set<string>> {
  const texts = new Set<string>()
  for (let next: string | null = ''; next !== null;) {
    const cursor: string = next === '' ? '' : `&cursor=${next}`
    const answer = await fetch(`${url}${PREFIX}/posts/${post}/comments?limit=40${cursor}`)
    if (answer.status !== 200) throw new Error(await answer.text())
    const page = (await answer.json()) as { items: { text: string }[]; next: string | null }
    for (const { text } of page.items) texts.add(text)
    next = page.next
  }
  return texts
}
