// The double is what the crash tests stand on: that it forgets what it may, and keeps what it must.

import { describe, expect, test } from 'vitest'
import { ForgetfulDisk } from './forgetful-disk.ts'
import { Random } from '../../src/std/random.ts'
import type { DiskFile } from '../../src/engine/disk.ts'

const random = new Random(1)

async function diskWithFile(): Promise<{ disk: ForgetfulDisk; file: DiskFile }> {
  const disk = new ForgetfulDisk(['/'])
  const file = await disk.open('/file', 'create')
  file.write(Buffer.alloc(2048, '.'), 0, 2048, 0)
  file.sync()
  await disk.syncDirectory('/')
  return { disk, file }
}

/** What a crash may leave of /file, as the first letter of each sector. */
function statesOf(disk: ForgetfulDisk): string[] {
  return [...disk.crashes(random, 1000)]
    .map((crashed) => {
      if (!crashed.paths().includes('/file')) return 'none'
      const bytes = crashed.contents('/file')
      return Array.from({ length: Math.ceil(bytes.length / 512) }, (_, sector) =>
        String.fromCharCode(bytes[sector * 512]!),
      ).join('')
    })
    .toSorted()
}

function write(file: DiskFile, letter: string, sector: number, count = 1): void {
  file.write(Buffer.alloc(512 * count, letter), 0, 512 * count, 512 * sector)
}

describe('a crash', () => {
  test('keeps what was synced', async () => {
    const { disk, file } = await diskWithFile()
    write(file, 'a', 1, 2)
    file.sync()
    expect(statesOf(disk)).toEqual(['.aa.'])
    file.writeDurable(Buffer.alloc(512, 'b'), 0, 512, 0)
    expect([disk.crashStateCount, ...statesOf(disk)]).toEqual([1, 'baa.'])
  })

  test('may keep every subset of unsynced sectors, and any version of each', async () => {
    const { disk, file } = await diskWithFile()
    write(file, 'a', 1, 2)
    expect(statesOf(disk)).toEqual(['....', '..a.', '.a..', '.aa.'])
    write(file, 'b', 1)
    expect(disk.crashStateCount).toBe(6)
    expect(statesOf(disk)).toEqual(['....', '..a.', '.a..', '.aa.', '.b..', '.ba.'])
  })

  test('may lose what lies behind a durable write that was not its own', async () => {
    const { disk, file } = await diskWithFile()
    write(file, 'a', 0)
    file.writeDurable(Buffer.alloc(512, 'b'), 0, 512, 512)
    expect(statesOf(disk)).toEqual(['.b..', 'ab..'])
  })

  test('may lose a new size, and with it all behind it', async () => {
    const { disk, file } = await diskWithFile()
    write(file, 'a', 4)
    expect(statesOf(disk)).toEqual(['....', '....', '....\0', '....a'])
    await file.syncAsync()
    await file.truncate(512)
    expect(statesOf(disk)).toContain('....a')
    expect(statesOf(disk)).toContain('.')
    file.sync()
    expect(statesOf(disk)).toEqual(['.'])
  })

  test('may undo each change of a name until the directory is synced', async () => {
    const disk = new ForgetfulDisk(['/'])
    const file = await disk.open('/file', 'create')
    file.writeDurable(Buffer.from('a'), 0, 1, 0)
    expect(statesOf(disk)).toEqual(['a', 'none'])
    await disk.syncDirectory('/')
    expect(statesOf(disk)).toEqual(['a'])
    const other = await disk.open('/other', 'create')
    other.writeDurable(Buffer.from('b'), 0, 1, 0)
    await disk.rename('/other', '/file')
    expect(statesOf(disk)).toEqual(['a', 'a', 'b', 'b'])
    await disk.syncDirectory('/')
    expect(statesOf(disk)).toEqual(['b'])
    await disk.remove('/file')
    expect(statesOf(disk)).toEqual(['b', 'none'])
  })

  test('leaves disks that have nothing to do with each other', async () => {
    const { disk, file } = await diskWithFile()
    const [first, second] = [disk.crash(random), disk.crash(random)]
    write(file, 'a', 0)
    write(await first.open('/file', 'write'), 'b', 0)
    expect(
      [disk, first, second].map((each) => each.contents('/file').toString('latin1', 0, 1)),
    ).toEqual(['a', 'b', '.'])
  })

  test('of many sectors is sampled, with nothing kept and with everything kept too', async () => {
    const { disk, file } = await diskWithFile()
    for (let sector = 0; sector < 40; sector++) write(file, 'a', sector)
    const states = [...disk.crashes(random, 20)].map((crashed) => crashed.contents('/file'))
    expect(states).toHaveLength(20)
    expect(states[0]!.equals(Buffer.alloc(2048, '.'))).toBe(true)
    expect(states[1]!.equals(Buffer.alloc(40 * 512, 'a'))).toBe(true)
  })
})

describe('a failure', () => {
  test('of a sync leaves what is seen, and no later sync brings it to the medium', async () => {
    const { disk, file } = await diskWithFile()
    write(file, 'a', 0)
    disk.failAt(1, 'EIO', 'once')
    expect(() => file.sync()).toThrow('EIO')
    file.sync()
    expect(disk.contents('/file').toString('latin1', 0, 1)).toBe('a')
    expect(statesOf(disk)).toEqual(['....', 'a...'])
    write(file, 'a', 0)
    file.sync()
    expect(statesOf(disk)).toEqual(['a...'])
  })

  test('comes at the operation that was named, once or for good, and spares readers', async () => {
    const { disk, file } = await diskWithFile()
    disk.failAt(2, 'EDQUOT', 'once')
    write(file, 'a', 0)
    expect(() => write(file, 'b', 0)).toThrow('EDQUOT')
    write(file, 'c', 0)
    disk.failAt(1, 'EROFS', 'for good')
    expect(() => write(file, 'd', 0)).toThrow('EROFS')
    await expect(disk.remove('/file')).rejects.toThrow('EROFS')
    expect(file.size()).toBe(2048)
    disk.heal()
    write(file, 'e', 0)
    expect(disk.contents('/file').toString('latin1', 0, 1)).toBe('e')
  })

  test('comes when the disk is full, after a part was taken', async () => {
    const { disk, file } = await diskWithFile()
    disk.capacity = 3000
    expect(await disk.freeSize('/')).toBe(952)
    expect(() => write(file, 'a', 4, 4)).toThrow('ENOSPC')
    expect(file.size()).toBe(3000)
    write(file, 'b', 0)
    expect(await disk.freeSize('/')).toBe(0)
  })
})

test('an asynchronous sync covers what was written before it began', async () => {
  const { disk, file } = await diskWithFile()
  const { promise, resolve } = Promise.withResolvers<void>()
  write(file, 'a', 0)
  disk.pause = () => promise
  const synced = file.syncAsync()
  write(file, 'b', 1)
  write(file, 'b', 0)
  expect(disk.crashStateCount).toBe(6)
  resolve()
  await synced
  expect(statesOf(disk)).toEqual(['a...', 'ab..', 'b...', 'bb..'])
})
