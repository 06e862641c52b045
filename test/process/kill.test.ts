// `kill -9` of the real server under load, again and again on the same directories. A client in
// another process keeps the book (support/load-client.ts): after every restart each acknowledged
// write must be there, and no other one half.
//
//   moment   under writes alone │ during a snapshot │ with a photo half sent, or sent, unanswered
//
// A kill takes nothing from the page cache, so this proves little about syncs; crash states of the
// disk do that. What it proves is that the whole program comes back: lock, media, image workers,
// snapshots under way.

import { fork } from 'node:child_process'
import { readFileSync, readdirSync, watch } from 'node:fs'
import { expect, test } from 'vitest'
import { Programs, eventually, isAlive } from '../support/program.ts'
import { Random } from '../../src/std/random.ts'
import type { ChildProcess } from 'node:child_process'
import type { FromClient, ToClient, Upload, Verified } from '../support/load-client.ts'
import type { Server } from '../support/program.ts'

const KILL_COUNT = 20
const SETTINGS = ['--segment-size', '1MiB', '--snapshots-kept', '2', '--snapshot-every', 'off']
const QUIET = ['--log-level', 'silent', '--free-space-floor', '0']

class Client implements AsyncDisposable {
  readonly #child: ChildProcess
  acked: number
  posts: number
  uploading: Upload
  isBroken: boolean
  verified: Verified | undefined

  constructor(seed: number) {
    this.acked = 0
    this.posts = 0
    this.uploading = 'none'
    this.isBroken = false
    this.verified = undefined
    this.#child = fork(new URL('../support/load-client.ts', import.meta.url), [String(seed)])
    this.#child.on('message', (message: FromClient) => {
      if ('acked' in message) Object.assign(this, message)
      else if ('uploading' in message) this.uploading = message.uploading
      else if ('broken' in message) this.isBroken = true
      else this.verified = message.verified
    })
  }

  load(url: string, upload: Upload): void {
    this.uploading = 'none'
    this.isBroken = false
    this.#tell({ load: url, upload })
  }

  async verify(url: string): Promise<Verified> {
    this.verified = undefined
    this.#tell({ verify: url })
    await this.until('it has verified', () => this.verified !== undefined)
    return this.verified!
  }

  until(what: string, holds: () => boolean): Promise<void> {
    return eventually(what, () => {
      if (this.#child.exitCode !== null) throw new Error('the client has ended')
      return holds()
    })
  }

  #tell(message: ToClient): void {
    this.#child.send(message)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await eventually(
      'the client is gone',
      () => this.#child.exitCode !== null || this.#child.killed,
    )
  }
}

test('every acknowledged write survives 20 kills, and nothing is half there', async () => {
  const seed = Number(process.env['SHASHIN_SEED'] ?? Math.floor(Math.random() * 1_000_000))
  console.log(`to repeat: SHASHIN_SEED=${seed} npx vitest run test/process/kill.test.ts`)
  const random = new Random(seed)
  await using programs = await Programs.create()
  await using client = new Client(seed)
  const workers: number[] = []
  let verified: Verified | undefined
  for (let round = 0; round < KILL_COUNT; round++) {
    const server = await programs.serve([...SETTINGS, ...QUIET])
    expect(readdirSync(programs.at('data', 'media', 'incoming'))).toEqual([])
    verified = await client.verify(server.url)
    expect(verified.problems, `round ${round}, seed ${seed}`).toEqual([])
    await loadUntilItIsTime(random, round, server, client, programs.at('snapshots'))
    workers.push(...childrenOf(server.pid))
    server.kill('SIGKILL')
    await client.until('the client notices', () => client.isBroken)
    expect((await server.end).signal).toBe('SIGKILL')
  }
  const server = await programs.serve([...SETTINGS, ...QUIET])
  verified = await client.verify(server.url)
  expect(verified.problems, `seed ${seed}`).toEqual([])
  server.kill('SIGKILL')
  await server.end
  const { posts, comments, likes, unanswered } = verified
  expect(posts).toBeGreaterThan(1)
  expect(comments).toBeGreaterThan(100)
  expect(likes).toBeGreaterThan(0)
  expect(unanswered).toBeGreaterThan(KILL_COUNT)

  await eventually('no image worker outlives its server', () => !workers.some(isAlive))
  const checked = await programs.run(['check', ...programs.storeFlags()])
  expect(checked.stdout).toMatch(/^OK: /)
  expect(checked.code).toBe(0)
}, 120_000)

/** Has the client work, and returns at the moment in which the server is to be killed. */
async function loadUntilItIsTime(
  random: Random,
  round: number,
  server: Server,
  client: Client,
  snapshotDirectory: string,
): Promise<void> {
  const moment = round === 0 ? 'load' : random.pick(['load', 'snapshot', 'upload'] as const)
  const upload = moment === 'upload' ? random.pick(['half', 'whole'] as const) : 'none'
  const ackedCount = client.acked + random.between(20, 150)
  const postCount = client.posts + (moment === 'load' && random.once(2) ? 1 : 0)
  client.load(server.url, upload)
  await client.until(
    'enough is acknowledged',
    () => client.acked >= ackedCount && client.posts >= postCount,
  )
  if (moment === 'upload') {
    await client.until('a photo is on its way', () => client.uploading === upload)
  }
  if (moment === 'snapshot') await changesOf(snapshotDirectory, random.between(0, 6), server)
}

/** Asks for a snapshot and waits for so many changes in its directory, or until it is there. */
async function changesOf(directory: string, count: number, server: Server): Promise<void> {
  let changeCount = 0
  const watcher = watch(directory, () => changeCount++)
  try {
    server.kill('SIGUSR2')
    await eventually(
      'the snapshot is under way',
      () => changeCount >= count || server.stderr.includes('is taken'),
    )
  } finally {
    watcher.close()
  }
}

/** As Linux tells; elsewhere nobody knows. */
function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    return text.split(' ').flatMap((word) => (word.trim() === '' ? [] : Number(word)))
  } catch {
    return []
  }
}
