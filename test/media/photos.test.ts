// Photos on disk: what is kept, under which names, what is never kept, and what decoding may cost.

import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MediaFiles } from '../../src/media/media-files.ts'
import { Photos } from '../../src/media/photos.ts'
import { expectCode } from '../support/network.ts'
import { cameraJpeg, picture, plainPng } from '../support/pictures.ts'

let directory: string
let photos: Photos

beforeAll(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'shashin-photos-')), 'media')
  photos = await Photos.open(directory)
})
afterAll(async () => {
  await photos.close()
  await rm(join(directory, '..'), { recursive: true, force: true })
})

const streamOf = (bytes: Uint8Array): Readable => Readable.from([bytes])

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

describe('a photo', () => {
  test('is kept twice, as it came and re-encoded, each under the hash of its bytes', async () => {
    const bytes = await cameraJpeg(3_000, 2_000)
    const photo = await photos.accept(streamOf(bytes))
    expect(photo).toMatchObject({ width: 1_067, height: 1_600 })
    expect(photo.original).toBe(`${hashOf(bytes)}.jpg`)
    const served = await photos.read(photo.file.name).toArray()
    const variant = Buffer.concat(served as Buffer[])
    expect(photo.file).toEqual({
      name: `${hashOf(variant)}.webp`,
      contentType: 'image/webp',
      size: variant.length,
    })
    const original = join(directory, photo.original.slice(0, 2), photo.original)
    expect((await readFile(original)).equals(bytes)).toBe(true)
    expect(await readdir(join(directory, 'incoming'))).toEqual([])
    expect(await photos.accept(streamOf(bytes))).toEqual(photo)
  })

  test('may be 50 million pixels, in bounded memory, and not one row more', async () => {
    const largest = await plainPng(10_000, 5_000)
    expect(largest.length).toBeLessThan(1_000_000)
    const photo = await photos.accept(streamOf(largest))
    expect(photo).toMatchObject({ width: 1_600, height: 800 })
    const larger = await plainPng(10_000, 5_001)
    await expectCode(photos.accept(streamOf(larger)), 'IMAGE_PIXELS_TOO_MANY')
  })

  test('cut anywhere is refused or shown, and the pipeline lives on', async () => {
    const whole = await picture('jpeg', 64, 48)
    for (let size = 0; size < whole.length; size += Math.ceil(whole.length / 25)) {
      const outcome = await photos.accept(streamOf(whole.subarray(0, size))).then(
        () => 'accepted',
        (error: { code: string }) => error.code,
      )
      expect(['IMAGE_UNSUPPORTED', 'IMAGE_DAMAGED']).toContain(outcome)
    }
    expect(await photos.accept(streamOf(whole))).toMatchObject({ width: 64, height: 48 })
    expect(await readdir(join(directory, 'incoming'))).toEqual([])
  })

  test('whose stream fails is not kept', async () => {
    const broken = new Readable({
      read() {
        this.push(Buffer.alloc(1000))
        this.destroy(new Error('hung up'))
      },
    })
    await expect(photos.accept(broken)).rejects.toThrow(/hung up/)
    expect(await readdir(join(directory, 'incoming'))).toEqual([])
  })
})

describe('files', () => {
  test('that a crash left half done are removed at start, the others stay', async () => {
    const path = join(directory, '..', 'second')
    await mkdir(join(path, 'incoming'), { recursive: true })
    await mkdir(join(path, 'ab'))
    await writeFile(join(path, 'incoming', 'left'), 'x')
    await writeFile(join(path, 'ab', `${'ab'.repeat(32)}.webp`), 'kept')
    const files = await MediaFiles.open(path)
    expect(await readdir(join(path, 'incoming'))).toEqual([])
    expect(await readFile(files.pathOf(`${'ab'.repeat(32)}.webp`), 'utf8')).toBe('kept')
    expect(await readdir(path)).toHaveLength(257)
  })

  test('are named by a hash and nothing else', async () => {
    const files = await MediaFiles.open(join(directory, '..', 'third'))
    const hash = 'ab'.repeat(32)
    expect(files.pathOf(`${hash}.webp`)).toMatch(/\/third\/ab\/(?:ab){32}\.webp$/)
    for (const bad of ['', '..', hash, `../${hash}.webp`, `${hash}.webp/..`, `${hash}.WEBP`]) {
      expect(() => files.pathOf(bad), bad).toThrow(RangeError)
    }
  })

  test('are refused one byte over the limit', async () => {
    const files = await MediaFiles.open(join(directory, '..', 'fourth'))
    const received = await files.receive(streamOf(Buffer.alloc(1_000)), 1_000)
    expect(received).toMatchObject({ size: 1_000, hash: hashOf(Buffer.alloc(1_000)) })
    await expectCode(files.receive(streamOf(Buffer.alloc(1_001)), 1_000), 'FILE_TOO_LARGE')
    await files.discard(received.path)
    expect(await readdir(join(directory, '..', 'fourth', 'incoming'))).toEqual([])
  })
})
