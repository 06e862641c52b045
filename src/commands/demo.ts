// `shashin demo`: fills a new store with an invented network, so that there is something to look
// at: people with photos, threads and likes, who all log in with one password.
//
// The photos go the way of every upload, so they are what the server would have made of them.

import { join } from 'node:path'
import { createToken } from '../api/authentication.ts'
import { Passwords } from '../api/passwords.ts'
import { ConfigError, addSettings, resolveSettings } from '../config.ts'
import { NodeDisk } from '../engine/disk.ts'
import { logPaths } from '../engine/state.ts'
import { drawPhoto } from '../media/drawn-photos.ts'
import { Photos } from '../media/photos.ts'
import { Random } from '../std/random.ts'
import { DEMO_DAYS, DemoClock, inventNetwork } from './demo-network.ts'
import { openNetwork } from './store.ts'
import { ProgressLine, counted, say } from './terminal.ts'
import type { Command } from 'commander'
import type { Settings } from '../config.ts'
import type { Photo } from '../media/photos.ts'
import type { DemoSize } from './demo-network.ts'

const DAY_MS = 86_400_000
const PHOTOS_AT_ONCE = 2
const PASSWORD = 'demo-password'
const COUNT_MAX = 1_000_000

interface DemoFlags {
  readonly people: string
  readonly posts?: string
  readonly photos: string
  readonly seed: string
  readonly ifNew?: true
}

export function addDemo(program: Command): void {
  const command = addSettings(program.command('demo'), 'demo')
    .description('fill a new store with an invented network')
    .option('--people <count>', 'how many people', '60')
    .option('--posts <count>', 'how many posts (default: 4 for each person)')
    .option('--photos <count>', 'how many different photos, which posts share', '120')
    .option('--seed <number>', 'another one gives another network, the same one the same', '1')
    .option('--if-new', 'do nothing where there is a store already')
  command.action(async (flags: DemoFlags) => {
    const settings = resolveSettings(command, 'demo', process.env)
    const people = countOf('--people', flags.people)
    const posts = flags.posts === undefined ? people * 4 : countOf('--posts', flags.posts)
    const photoCount = Math.min(countOf('--photos', flags.photos), posts * 2)
    const seed = countOf('--seed', flags.seed)
    if (await new NodeDisk().exists(logPaths(settings.data).directory)) {
      if (flags.ifNew === true) return
      throw new ConfigError(
        'SETTING_INVALID',
        `There is a store in ${settings.data} already: name a new directory with --data.`,
      )
    }
    const size = {
      people,
      posts,
      comments: posts * 6,
      likes: posts * 20,
      follows: 12,
      privateEvery: 15,
    }
    await fill(settings, size, photoCount, new Random(seed))
  })
}

async function fill(
  settings: Settings,
  size: DemoSize,
  photoCount: number,
  random: Random,
): Promise<void> {
  const startedAt = Date.now()
  const clock = new DemoClock(startedAt - DEMO_DAYS * DAY_MS)
  await using store = await openNetwork(settings, { clock, durability: 'os' })
  const line = new ProgressLine()
  try {
    const photos = await drawPhotos(join(settings.data, 'media'), photoCount, random, line)
    const { people, posts } = await inventNetwork({
      store,
      clock,
      random,
      size,
      photos,
      passwordHash: await new Passwords().hash(PASSWORD),
      // Nobody has these tokens.
      tokenHash: () => createToken().tokenHash,
      progress: (done, total) => line.tell('network', done, total, `${done} of ${total} deeds`),
    })
    await store.transact('setRole', { user: people[0]!, role: 'admin' })
    clock.set(startedAt)
    await store.snapshot()
    line.end()
    const seconds = ((Date.now() - startedAt) / 1000).toFixed(0)
    const parts = [counted(people.length, 'person').replace(/persons$/, 'people')]
    parts.push(counted(posts.length, 'post'), counted(photos.length, 'photo'))
    say(`invented ${parts.join(', ')} in ${seconds} s`)
    say(`log in as "demo", who is an admin, with the password "${PASSWORD}"`)
  } finally {
    line.end()
  }
}

async function drawPhotos(
  directory: string,
  count: number,
  random: Random,
  line: ProgressLine,
): Promise<Photo[]> {
  await using photos = await Photos.open(directory, { childrenMax: PHOTOS_AT_ONCE })
  const seeds = Array.from({ length: count }, () => random.word())
  const accepted: Photo[] = []
  for (let first = 0; first < count; first += PHOTOS_AT_ONCE) {
    const some = seeds.slice(first, first + PHOTOS_AT_ONCE).map(async (seed) => {
      const bytes = await drawPhoto(new Random(seed))
      return photos.accept(chunksOf(bytes))
    })
    accepted.push(...(await Promise.all(some)))
    line.tell('photos', accepted.length, count, `${accepted.length} of ${count}`)
  }
  return accepted
}

async function* chunksOf(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes
}

function countOf(flag: string, text: string): number {
  const count = /^\d{1,7}$/.test(text) ? Number(text) : 0
  if (count >= 1 && count <= COUNT_MAX) return count
  const accepted = `it takes a whole number from 1 to ${COUNT_MAX}`
  throw new ConfigError('SETTING_INVALID', `${flag} was given "${text}", but ${accepted}.`)
}
