// The image pool with children that misbehave: each ends its job, and only its job.

import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ImagePool } from '../../src/media/image-pool.ts'
import { expectCode } from '../support/network.ts'
import type { ImagePoolSettings } from '../../src/media/image-pool.ts'

// A child that does what the name of its source says.
const CHILD = `
import { setTimeout as sleep } from 'node:timers/promises'
const hoard = []
process.on('message', async ({ source }) => {
  const [what, ms = '0'] = source.split(' ')
  if (what === 'hang') return
  if (what === 'die') process.kill(process.pid, 'SIGSEGV')
  if (what === 'exit') process.exit(3)
  if (what === 'swell') {
    for (;;) { hoard.push(Buffer.alloc(8 << 20, 1)); await sleep(5) }
  }
  if (what === 'refuse') return process.send({ outcome: 'refused', code: 'IMAGE_DAMAGED' })
  if (what === 'fail') return process.send({ outcome: 'failed', message: 'no space left' })
  await sleep(Number(ms))
  const extension = what === 'environment' ? JSON.stringify(process.env) : String(process.pid)
  process.send({ outcome: 'done', width: 1, height: 2, extension })
})
process.on('disconnect', () => process.exit(0))
process.send({ outcome: 'ready' })
`

let directory: string
let program: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'shashin-pool-'))
  program = join(directory, 'child.mjs')
  await writeFile(program, CHILD)
})
afterAll(() => rm(directory, { recursive: true, force: true }))

const create = (settings: Partial<ImagePoolSettings> = {}): ImagePool =>
  new ImagePool({ program, childrenMax: 1, ...settings })

const job = (source: string): { source: string; target: string } => ({ source, target: '' })

describe('a child', () => {
  test('is started on demand, serves one job after the other, and is ended when idle', async () => {
    await using pool = create({ idleMs: 50 })
    expect(pool.processIds).toEqual([])
    const [first, second] = await Promise.all([pool.process(job('do')), pool.process(job('do'))])
    expect(second.extension).toBe(first.extension)
    expect(pool.processIds).toEqual([Number(first.extension)])
    await expect.poll(() => pool.processIds).toEqual([])
    const third = await pool.process(job('do'))
    expect(third.extension).not.toBe(first.extension)
  })

  test('that dies, hangs or swells costs its own job only', async () => {
    await using pool = create({ jobMs: 1_500, residentSizeMax: 256 * 1024 * 1024 })
    for (const bad of ['die', 'exit', 'hang', 'swell']) {
      const refused = expectCode(pool.process(job(bad)), 'IMAGE_TOO_COSTLY')
      const next = pool.process(job('do'))
      await refused
      expect(await next).toMatchObject({ width: 1, height: 2 })
    }
  })

  test('that says no, or that something failed, lives on', async () => {
    await using pool = create()
    const { extension } = await pool.process(job('do'))
    await expectCode(pool.process(job('refuse')), 'IMAGE_DAMAGED')
    await expect(pool.process(job('fail'))).rejects.toThrow(/no space left/)
    expect(await pool.process(job('do'))).toMatchObject({ extension })
  })

  test('sees nothing of our environment', async () => {
    process.env['SHASHIN_ADMIN_TOKEN'] = 'secret'
    await using pool = create()
    const { extension } = await pool.process(job('environment'))
    delete process.env['SHASHIN_ADMIN_TOKEN']
    expect(extension).not.toContain('secret')
    expect(Object.keys(JSON.parse(extension) as object)).toContain('VIPS_CONCURRENCY')
  })

  test('that ends before it is ready is our trouble, not the sender’s', async () => {
    const broken = join(directory, 'broken.mjs')
    await writeFile(broken, 'process.exit(1)')
    await using pool = create({ program: broken })
    await expectCode(pool.process(job('do')), 'MEDIA_UNAVAILABLE')
    await expectCode(pool.process(job('do')), 'MEDIA_UNAVAILABLE')
  })
})

describe('the pool', () => {
  test('runs as many at once as it may, lets some wait, and sends the rest away', async () => {
    await using pool = create({ childrenMax: 2, waitingMax: 3 })
    const jobs = Array.from({ length: 6 }, () => pool.process(job('do 100')))
    const outcomes = await Promise.allSettled(jobs)
    expect(outcomes.map(({ status }) => status)).toEqual([
      ...Array.from({ length: 5 }, () => 'fulfilled'),
      'rejected',
    ])
    expect(outcomes[5]).toMatchObject({ reason: { code: 'MEDIA_BUSY' } })
    expect(pool.processIds).toHaveLength(2)
  })

  test('ends its children and refuses what is left when it is closed', async () => {
    const pool = create({ childrenMax: 1 })
    const waiting = [pool.process(job('hang')), pool.process(job('do'))]
    const refused = waiting.map((each) => expectCode(each, 'MEDIA_UNAVAILABLE'))
    const [processId] = pool.processIds
    await pool.close()
    await Promise.all(refused)
    expect(() => process.kill(processId!, 0)).toThrow(/ESRCH/)
    await expectCode(pool.process(job('do')), 'MEDIA_UNAVAILABLE')
    expect(existsSync(program)).toBe(true)
  })
})
