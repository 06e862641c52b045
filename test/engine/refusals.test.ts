// What a store refuses while it runs, and how: a full disk, a failed write, a transaction too
// large, a directory that is somebody else's. Whatever is refused, nothing is left of it, and
// nothing else suffers.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { DatastoreError } from '../../src/engine/errors.ts'
import { machineProcesses } from '../../src/engine/lock.ts'
import { ForgetfulDisk } from '../support/forgetful-disk.ts'
import { expectState } from '../support/grown-store.ts'
import { everything, people, posts } from '../support/little-network.ts'
import { DATA, SNAPSHOTS, openOn } from '../support/simulated-store.ts'

const MIB = 2 ** 20
const FLOOR = 100 * MIB
const SECOND_MS = 1000

describe('a disk that is nearly full', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }))
  afterEach(() => void vi.useRealTimers())

  test('refuses writes below the floor, answers reads, takes writes again above it', async () => {
    const disk = new ForgetfulDisk(['/'])
    const lines: string[] = []
    const report = (line: string): void => void lines.push(line)
    const store = await openOn(disk, { freeSpaceFloor: FLOOR, report })
    await store.transact('join', { handle: 'hanako' })
    const before = everything(store.view)

    disk.capacity = FLOOR
    await vi.advanceTimersByTimeAsync(SECOND_MS)
    expect(store.isReadOnly).toBe(true)
    await expect(store.transact('join', { handle: 'jiro' })).rejects.toMatchObject({
      code: 'STORE_READ_ONLY',
      advice: expect.stringContaining('free some space') as string,
    })
    expect(await store.read((view) => view.rowCount(people))).toBe(1)
    expect(everything(store.view)).toEqual(before)
    expect(store.stats()).toMatchObject({ readOnly: true, poisoned: false })

    disk.capacity = Infinity
    await vi.advanceTimersByTimeAsync(SECOND_MS)
    const { output } = await store.transact('join', { handle: 'jiro' })
    expect([store.isReadOnly, output]).toEqual([false, 2])
    expect(lines).toEqual([
      expect.stringMatching(/^read-only: \d+ MB are free, the floor is 105 MB; writes/),
      expect.stringMatching(/^writing again: \d+ MB are free/),
    ])
    await store.close()
  })

  test('is read-only from the first moment, but opens', async () => {
    const disk = new ForgetfulDisk(['/'])
    disk.capacity = FLOOR
    await using store = await openOn(disk, { freeSpaceFloor: FLOOR })
    expect(store.isReadOnly).toBe(true)
  })

  test('gives a snapshot up, and the store lives on', async () => {
    const disk = new ForgetfulDisk(['/'])
    await using store = await openOn(disk)
    await store.transact('join', { handle: 'hanako' })
    disk.capacity = 60 * MIB
    await expect(store.snapshot()).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    expect(store.stats().snapshot.failure).toMatch(/is given up: \d+ bytes are free/)
    await store.transact('join', { handle: 'jiro' })
    disk.capacity = Infinity
    expect((await store.snapshot()).lsn).toBe(3)
    expect(store.stats().snapshot.failure).toBe(null)
  })
})

describe('a failed sync', () => {
  test('fails everybody who waits, tells once, and loses nothing that was told', async () => {
    const disk = new ForgetfulDisk(['/'])
    const poisons: Error[] = []
    const store = await openOn(disk, { onPoison: (error) => void poisons.push(error) })
    await store.transact('join', { handle: 'hanako' })
    const told = everything(store.view)

    disk.failAt(1, 'EIO', 'once')
    const answers = await Promise.allSettled([
      store.transact('join', { handle: 'one' }),
      store.transact('join', { handle: 'two' }),
      store.transact('join', { handle: 'hanako' }),
      new Promise(setImmediate).then(() => store.transact('join', { handle: 'three' })),
    ])
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'STORE_POISONED' } })
    }
    expect(poisons).toEqual([expect.objectContaining({ code: 'STORAGE_FAILED' })])
    expect(store.poison).toMatchObject({ code: 'STORE_POISONED' })
    expect(store.stats().poisoned).toBe(true)
    await expect(store.transact('join', { handle: 'later' })).rejects.toBe(store.poison)
    await expect(store.snapshot()).rejects.toMatchObject({ code: 'STORE_POISONED' })
    // Reads go on until the process ends.
    expect(await store.read((view) => view.rowCount(people))).toBeGreaterThanOrEqual(1)
    await store.close()

    const again = await openOn(disk)
    const found = again.view.rowCount(people)
    expect(found === 1 ? everything(again.view) : found).toEqual(found === 1 ? told : 3)
    await again.close()
  })
})

describe('a request that is too large', () => {
  test('a transaction over 16 MiB leaves nothing, and the next one succeeds', async () => {
    const disk = new ForgetfulDisk(['/'])
    const large = { segmentSize: 64 * MIB, regionSizeMax: 64 * MIB }
    const store = await openOn(disk, large)
    const { output: author } = await store.transact('join', { handle: 'hanako' })
    const before = everything(store.view)
    const wide = { author, count: 20, size: MIB }
    await expect(store.transact('bulk', wide)).rejects.toMatchObject({
      code: 'TRANSACTION_TOO_LARGE',
    })
    const long = { author, count: 1, size: 16 * MIB + 1 }
    await expect(store.transact('bulk', long)).rejects.toMatchObject({
      code: 'TRANSACTION_TOO_LARGE',
    })
    expect(everything(store.view)).toEqual(before)
    expect(store.check()).toEqual([])
    expect(store.poison).toBe(undefined)
    await store.transact('bulk', { author, count: 15, size: MIB })
    expect(store.view.rowCount(posts)).toBe(15)
    const state = everything(store.view)
    await store.close()
    await expectState(disk, state, large)
  })

  test('a key has 1 to 255 bytes', async () => {
    await using store = await openOn(new ForgetfulDisk(['/']))
    for (const key of ['', 'k'.repeat(256), 'é'.repeat(128)]) {
      await expect(store.transact('join', { handle: 'x' }, { key })).rejects.toThrow(RangeError)
    }
    await store.transact('join', { handle: 'x' }, { key: 'é'.repeat(127) })
    expect(store.view.rowCount(people)).toBe(1)
  })
})

describe('a store that is closed', () => {
  test('finishes what it was asked, and refuses what comes later', async () => {
    const disk = new ForgetfulDisk(['/'])
    const store = await openOn(disk)
    const asked = store.transact('join', { handle: 'hanako' })
    const closing = store.close()
    const closed = { code: 'STORE_CLOSED' }
    await expect(store.transact('join', { handle: 'jiro' })).rejects.toMatchObject(closed)
    await expect(store.snapshot()).rejects.toMatchObject(closed)
    expect((await asked).output).toBe(1)
    await Promise.all([closing, store.close()])
    await using again = await openOn(disk)
    expect(again.view.rowCount(people)).toBe(1)
  })
})

describe('a directory that is in use', () => {
  const LOCK = `${DATA}/lock`
  const inUse = { code: 'DIRECTORY_IN_USE', file: LOCK }

  test('by a living process is refused, by a dead one taken', async () => {
    const disk = new ForgetfulDisk(['/'])
    const living = new Set(['1 one', '2 two'])
    const boot = (self: string): ReturnType<typeof openOn> =>
      openOn(disk, { processes: { self: () => self, isAlive: (who) => living.has(who) } })
    const store = await boot('1 one')
    await store.transact('join', { handle: 'hanako' })
    await expect(boot('2 two')).rejects.toMatchObject({
      ...inUse,
      message: `the directory ${DATA} is in use by process 1`,
    })
    // The one that was refused has changed nothing.
    await store.transact('join', { handle: 'jiro' })
    living.delete('1 one')
    await using next = await boot('2 two')
    expect(next.view.rowCount(people)).toBe(2)
    expect(disk.contents(LOCK).toString()).toBe('2 two')
  })

  test.each([
    ['this process', machineProcesses.self(), false],
    ['a process of that number, which is another one by now', `${process.pid} 1 boot`, true],
    ['a process of before the machine was started', `${process.pid} 0 another-boot`, true],
    ['nobody: the file is empty', '', true],
    ['nobody: the file is torn', '\0\0\0\0', true],
  ])('by %s', async (_, holder, opens) => {
    const disk = new ForgetfulDisk(['/', DATA])
    disk.place(LOCK, Buffer.from(holder))
    const opening = openOn(disk, { processes: machineProcesses })
    if (!opens) {
      await expect(opening).rejects.toMatchObject(inUse)
      return
    }
    await (await opening).close()
    expect(disk.paths().filter((path) => path.startsWith(LOCK))).toEqual([])
  })
})

describe('a directory that cannot be written', () => {
  test.each([DATA, SNAPSHOTS])('%s', async (directory) => {
    const disk = new ForgetfulDisk(['/'])
    const create = disk.open.bind(disk)
    disk.open = (path, mode) => {
      if (mode !== 'create' || !path.startsWith(directory)) return create(path, mode)
      return Promise.reject(Object.assign(new Error('EACCES: open'), { code: 'EACCES' }))
    }
    const opening = openOn(disk)
    await expect(opening).rejects.toBeInstanceOf(DatastoreError)
    await expect(opening).rejects.toMatchObject({ code: 'DIRECTORY_UNWRITABLE', file: directory })
  })
})
