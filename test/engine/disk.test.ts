// The seam itself: the real disk and its double give the same answers.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { NodeDisk } from '../../src/engine/disk.ts'
import { ForgetfulDisk } from '../support/forgetful-disk.ts'
import type { Disk, DiskFile } from '../../src/engine/disk.ts'

async function codeOf(work: () => unknown): Promise<string | undefined> {
  try {
    await work()
  } catch (error) {
    return (error as NodeJS.ErrnoException).code
  }
}

/** Runs on the real disk and on its double: what one answers the other answers too. */
function diskTest(name: string, story: (disk: Disk, at: string) => Promise<void>): void {
  test(`${name}: in real files`, async () => {
    const at = await mkdtemp(join(tmpdir(), 'shashin-disk-'))
    try {
      await story(new NodeDisk(), at)
    } finally {
      await rm(at, { recursive: true, force: true })
    }
  })
  test(`${name}: on the double`, () => story(new ForgetfulDisk(['/', '/at']), '/at'))
}

function text(file: DiskFile): string {
  const bytes = Buffer.alloc(file.size() + 10)
  return bytes.toString('latin1', 0, file.read(bytes, 0, bytes.length, 0))
}

diskTest('directories are made with all above them, and listed in order', async (disk, at) => {
  const path = join(at, 'a', 'b', 'c')
  await disk.makeDirectory(path)
  await disk.makeDirectory(path)
  for (const name of ['2', '10', '1']) (await disk.open(join(path, name), 'create')).close()
  expect(await disk.list(path)).toEqual(['1', '10', '2'])
  await disk.syncDirectory(path)
  expect(await codeOf(() => disk.list(join(at, 'missing')))).toBe('ENOENT')
  expect(await codeOf(() => disk.syncDirectory(join(at, 'missing')))).toBe('ENOENT')
})

diskTest('files are made, found, renamed over others and removed', async (disk, at) => {
  const [one, two] = [join(at, 'one'), join(at, 'two')]
  expect(await codeOf(() => disk.open(one, 'write'))).toBe('ENOENT')
  expect(await codeOf(() => disk.open(one, 'read'))).toBe('ENOENT')
  expect(await disk.exists(one)).toBe(false)
  for (const path of [one, two]) {
    const file = await disk.open(path, 'create')
    file.write(Buffer.from(path.slice(-3)), 0, 3, 0)
    file.close()
  }
  expect(await codeOf(() => disk.open(one, 'create'))).toBe('EEXIST')
  await disk.rename(one, two)
  expect([await disk.exists(one), await disk.exists(two)]).toEqual([false, true])
  const file = await disk.open(two, 'read')
  expect(text(file)).toBe('one')
  file.close()
  await disk.remove(two)
  expect(await disk.list(at)).toEqual([])
  expect(await codeOf(() => disk.remove(two))).toBe('ENOENT')
  expect(await codeOf(() => disk.rename(one, two))).toBe('ENOENT')
  expect(await disk.freeSize(at)).toBeGreaterThan(0)
})

diskTest(
  'bytes are written and read in ranges, in the thread and in the pool',
  async (disk, at) => {
    const file = await disk.open(join(at, 'file'), 'create')
    const source = Buffer.from('0123456789')
    file.write(source, 0, 10, 0)
    await file.writeAsync(source, 5, 2, 12)
    file.writeDurable(source, 8, 2, 14)
    await file.writeDurableAsync(source, 0, 1, 16)
    file.sync()
    await file.syncAsync()
    expect(text(file)).toBe('0123456789\0\x0056890')
    const target = Buffer.alloc(8, '-')
    expect(file.read(target, 2, 4, 8)).toBe(4)
    expect(target.toString('latin1')).toBe('--89\0\0--')
    expect(await file.readAsync(target, 0, 8, 14)).toBe(3)
    expect(file.read(target, 0, 8, 100)).toBe(0)
    expect(await file.readAsync(target, 0, 8, 100)).toBe(0)
    await file.truncate(5)
    await file.truncate(7)
    expect(text(file)).toBe('01234\0\0')
    file.close()
    file.close()
  },
)

diskTest('large ranges go through shared memory whole', async (disk, at) => {
  const size = 5_000_000
  const source = Buffer.from(new SharedArrayBuffer(size))
  for (let index = 0; index < size; index++) source[index] = index * 31
  const target = Buffer.from(new SharedArrayBuffer(size + 100))
  const file = await disk.open(join(at, 'file'), 'create')
  await file.writeAsync(source, 0, size, 0)
  expect(await file.readAsync(target, 100, size, 0)).toBe(size)
  expect(target.subarray(100).equals(source)).toBe(true)
  expect(file.read(target, 0, size, 0)).toBe(size)
  expect(target.subarray(0, size).equals(source)).toBe(true)
  file.close()
})

test.skipIf(process.platform !== 'linux')('a full device says so, in each form', async () => {
  const disk = new NodeDisk()
  const file = await disk.open('/dev/full', 'write')
  const bytes = Buffer.alloc(4)
  expect(await codeOf(() => file.write(bytes, 0, 4, 0))).toBe('ENOSPC')
  expect(await codeOf(() => file.writeAsync(bytes, 0, 4, 0))).toBe('ENOSPC')
  expect(await codeOf(() => file.writeDurable(bytes, 0, 4, 0))).toBe('ENOSPC')
  expect(await codeOf(() => file.writeDurableAsync(bytes, 0, 4, 0))).toBe('ENOSPC')
  expect(await codeOf(() => file.syncAsync())).toBe('EINVAL')
  file.close()
  const directory = await disk.open('/dev', 'read')
  expect(await codeOf(() => directory.readAsync(bytes, 0, 4, 0))).toBe('EISDIR')
  expect(await codeOf(() => disk.exists('/dev/full/nothing'))).toBe('ENOTDIR')
  directory.close()
})

diskTest('what is not allowed is an error, in each form', async (disk, at) => {
  ;(await disk.open(join(at, 'file'), 'create')).close()
  const file = await disk.open(join(at, 'file'), 'read')
  const bytes = Buffer.alloc(4)
  expect(await codeOf(() => file.write(bytes, 0, 4, 0))).toBe('EBADF')
  expect(await codeOf(() => file.writeAsync(bytes, 0, 4, 0))).toBe('EBADF')
  expect(await codeOf(() => file.truncate(0))).toMatch(/EINVAL|EBADF/)
  file.close()
  for (const work of [
    () => file.size(),
    () => file.read(bytes, 0, 4, 0),
    () => file.readAsync(bytes, 0, 4, 0),
    () => file.sync(),
    () => file.syncAsync(),
  ]) {
    expect(await codeOf(work)).toBeDefined()
  }
})
