// Two slots, written in turns: one of them is always whole.

import { crc32 } from 'node:zlib'
import { expect, test } from 'vitest'
import {
  SLOT_SIZE,
  Watermark,
  decodeSlot,
  encodeSlot,
  readWatermark,
} from '../../../src/engine/log/watermark.ts'
import { WATERMARK, newDisk } from '../../support/log-story.ts'
import { Random } from '../../../src/std/random.ts'
import type { WatermarkState } from '../../../src/engine/log/watermark.ts'

const STORE_ID = 'fedcba9876543210fedcba9876543210'

function state(durableLsn: number): WatermarkState {
  return { storeId: STORE_ID, durableLsn, segmentLsn: 1, epoch: 7, isSealed: durableLsn % 2 === 0 }
}

test('a slot is read as it was written, and not with any bit flipped', () => {
  const slot = { ...state(2 ** 40 + 5), sequence: 2 ** 33 }
  const bytes = encodeSlot(slot)
  expect(bytes).toHaveLength(SLOT_SIZE)
  expect(decodeSlot(bytes)).toEqual(slot)
  for (let bit = 0; bit < SLOT_SIZE * 8; bit++) {
    const flipped = Buffer.from(bytes)
    flipped[bit >>> 3]! ^= 1 << (bit & 7)
    expect(decodeSlot(flipped)).toHaveProperty('fault')
  }
})

test('a sound sector of something else is no slot', () => {
  const bytes = encodeSlot({ ...state(1), sequence: 1 })
  bytes.write('shLog   ')
  bytes.writeUInt32LE(crc32(bytes.subarray(0, -4)), SLOT_SIZE - 4)
  expect(decodeSlot(bytes)).toEqual({ fault: 'this is not the slot of a watermark' })
})

test('there is none before the first write, and then the newest of two', async () => {
  const disk = newDisk()
  expect(await readWatermark(disk, WATERMARK)).toBeUndefined()
  const watermark = await Watermark.open(disk, WATERMARK)
  expect(await readWatermark(disk, WATERMARK)).toEqual({ newest: undefined, faults: [] })
  for (let lsn = 1; lsn <= 5; lsn++) {
    await watermark.write(state(lsn))
    const found = await readWatermark(disk, WATERMARK)
    expect(found).toEqual({ newest: { ...state(lsn), sequence: lsn }, faults: [] })
  }
  await watermark.close()
  const again = await Watermark.open(disk, WATERMARK)
  expect(again.durableLsn).toBe(5)
  await again.write(state(6))
  expect((await readWatermark(disk, WATERMARK))?.newest?.sequence).toBe(6)
  await again.close()
})

test('a crash leaves the state that was written, or the one before', async () => {
  const disk = newDisk()
  const random = new Random(1)
  const watermark = await Watermark.open(disk, WATERMARK)
  let written = 0
  const found: (number | undefined)[][] = []
  const crashed: Promise<void>[] = []
  disk.onMoment = () => {
    for (const left of disk.crashes(random, 10)) {
      const lsn = written
      crashed.push(
        readWatermark(left, WATERMARK).then((finding) => {
          found.push([lsn, finding?.newest?.durableLsn, finding?.faults.length])
        }),
      )
    }
  }
  for (let lsn = 1; lsn <= 10; lsn++) {
    await watermark.write(state(lsn))
    written = lsn
  }
  await watermark.close()
  await Promise.all(crashed)
  expect(found.length).toBeGreaterThan(20)
  for (const [before, lsn, faults] of found) {
    expect([before || undefined, before! + 1]).toContain(lsn)
    expect(faults).toBe(0)
  }
})

test('writes that are not awaited come in order, and none after a failed one', async () => {
  const disk = newDisk()
  const watermark = await Watermark.open(disk, WATERMARK)
  await Promise.all([1, 2, 3].map((lsn) => watermark.write(state(lsn))))
  expect((await readWatermark(disk, WATERMARK))?.newest?.durableLsn).toBe(3)
  disk.failAt(1, 'EIO', 'once')
  const outcomes = await Promise.allSettled([4, 5].map((lsn) => watermark.write(state(lsn))))
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await watermark.close()
  expect((await readWatermark(disk, WATERMARK))?.newest?.durableLsn).toBeLessThan(5)
})
