// Torn tails are cut, damage is refused, and nothing is ever accepted in silence.

import { describe, expect, test } from 'vitest'
import { DatastoreError } from '../../../src/engine/errors.ts'
import {
  FRAME_HEADER_SIZE,
  ROLLED,
  SEAL,
  TRANSACTIONS,
  alignedSize,
  encodeFrame,
  seedOf,
} from '../../../src/engine/log/frame.ts'
import {
  SEGMENT_HEADER_SIZE,
  decodeSegmentHeader,
  encodeSegmentHeader,
  headerChecksum,
} from '../../../src/engine/log/segment.ts'
import {
  DIRECTORY,
  FIRST_SEGMENT,
  WATERMARK,
  append,
  batch,
  newDisk,
  openLog,
  readAll,
  refusalOf,
} from '../../support/log-story.ts'
import { Random } from '../../../src/std/random.ts'
import type { ForgetfulDisk } from '../../support/forgetful-disk.ts'
import type { StoryOptions } from '../../support/log-story.ts'
import type { SegmentHeader } from '../../../src/engine/log/segment.ts'

const STORE_ID = '0123456789abcdef0123456789abcdef'

/** Two segments: transactions 1 to 4, and 5 to 8 with a seal and some zeros behind it. */
async function sealedLog(): Promise<ForgetfulDisk> {
  const disk = newDisk()
  const log = await openLog({ disk, preallocateSize: 512 })
  const writer = await log.acquire()
  for (const count of [1, 3]) await append(writer, count, 40)
  await writer.roll()
  for (const count of [3, 1]) await append(writer, count, 40)
  await writer.close()
  return disk
}

/** One segment that ends with a crash. */
async function crashedLog(counts: number[], sizeMax = 40): Promise<ForgetfulDisk> {
  const disk = newDisk()
  const log = await openLog({ disk })
  const writer = await log.acquire()
  for (const count of counts) await append(writer, count, sizeMax)
  await log.close()
  return disk
}

/** Another disk with the same files, one of them changed. */
function changed(
  disk: ForgetfulDisk,
  path: string,
  change: (bytes: Buffer) => Buffer,
): ForgetfulDisk {
  const other = newDisk()
  for (const file of disk.paths()) {
    const bytes = disk.contents(file)
    other.place(file, file === path ? change(bytes) : bytes)
  }
  return other
}

/** Opens and reads all. Returns the last LSN, or the code of the refusal. */
async function outcomeOf(options: StoryOptions, sizeMax = 40): Promise<number | string> {
  try {
    const log = await openLog({ directory: DIRECTORY, ...options })
    return (await readAll(log, 1, sizeMax)).lastLsn
  } catch (error) {
    if (error instanceof DatastoreError) return error.code
    throw error
  }
}

/** Where the frames of a segment begin, by the sizes in them. */
function frameOffsets(bytes: Buffer): number[] {
  const offsets: number[] = []
  let offset = SEGMENT_HEADER_SIZE
  while (offset + FRAME_HEADER_SIZE <= bytes.length && bytes.readUInt32LE(offset + 8) > 0) {
    offsets.push(offset)
    offset += alignedSize(bytes.readUInt32LE(offset + 8))
  }
  return offsets
}

function headerOf(disk: ForgetfulDisk): SegmentHeader {
  return decodeSegmentHeader(disk.contents(FIRST_SEGMENT)) as SegmentHeader
}

interface Part {
  firstLsn: number
  count: number
  payload: Buffer
  durableLsn: number
  kind?: number
}

/** The bytes of a segment that holds these frames, whether they make sense or not. */
function segmentOf(header: SegmentHeader, parts: Part[]): Buffer {
  const bytes = encodeSegmentHeader(header)
  const seed = seedOf(header.salt)
  let previous = headerChecksum(bytes)
  const frames = parts.map(({ firstLsn, count, payload, durableLsn, kind = TRANSACTIONS }) => {
    const size = FRAME_HEADER_SIZE + payload.length
    const frame = Buffer.alloc(alignedSize(size))
    frame.set(payload, FRAME_HEADER_SIZE)
    previous = encodeFrame(frame, seed, size, firstLsn, count, previous, durableLsn, kind)
    return frame
  })
  return Buffer.concat([bytes, ...frames])
}

function newHeader(more: Partial<SegmentHeader> = {}): SegmentHeader {
  const salt = Buffer.alloc(16, 'salt')
  return { storeId: STORE_ID, firstLsn: 1, salt, previous: 0, createdAt: 1, ...more }
}

function diskWith(files: Record<string, Buffer>): ForgetfulDisk {
  const disk = newDisk()
  for (const [path, bytes] of Object.entries(files)) disk.place(path, bytes)
  return disk
}

const none = Buffer.alloc(0)

describe('a small sealed log', () => {
  test('with any bit flipped is refused, or whole and reported', async () => {
    const disk = await sealedLog()
    for (const path of disk.paths()) {
      const { length } = disk.contents(path)
      for (let bit = 0; bit < length * 8; bit++) {
        const lines: string[] = []
        const flipped = changed(disk, path, (bytes) => {
          bytes[bit >>> 3]! ^= 1 << (bit & 7)
          return bytes
        })
        const outcome = await outcomeOf({ disk: flipped, report: (line) => lines.push(line) })
        const isRefused = typeof outcome === 'string' && outcome.startsWith('LOG_')
        if (isRefused || (outcome === 8 && lines.length === 1 && path === WATERMARK)) continue
        throw new Error(`${path}, bit ${bit}: ${outcome}, ${lines.join()}`)
      }
    }
  })

  test('cut at any place is refused, unless only zeros are missing', async () => {
    const disk = await sealedLog()
    for (const path of disk.paths()) {
      const bytes = disk.contents(path)
      for (let size = 0; size < bytes.length; size++) {
        const isZero = bytes.subarray(size).every((byte) => byte === 0)
        const lines: string[] = []
        const cut = changed(disk, path, (all) => all.subarray(0, size))
        const outcome = await outcomeOf({ disk: cut, report: (line) => lines.push(line) })
        if (isZero && outcome === 8 && lines.length === 0) continue
        // Without the newest slot the log is whole, and the other slot is older: that is reported.
        if (path === WATERMARK && outcome === 8 && lines.length > 0) continue
        if (typeof outcome === 'string' && outcome.startsWith('LOG_')) continue
        throw new Error(`${path}, cut at ${size}: ${outcome}, ${lines.join()}`)
      }
    }
  })
})

describe('a torn tail', () => {
  test('is cut wherever the crash came, and says so', async () => {
    const disk = await crashedLog([1, 3, 2])
    const bytes = disk.contents(FIRST_SEGMENT)
    const offsets = frameOffsets(bytes)
    const lastLsns = [0, 1, 4, 6]
    const end = offsets.at(-1)! + alignedSize(bytes.readUInt32LE(offsets.at(-1)! + 8))
    for (let size = SEGMENT_HEADER_SIZE; size < end; size++) {
      const whole = offsets.filter((_, index) => (offsets[index + 1] ?? end) <= size).length
      const start = offsets[whole]!
      const isTorn = bytes.subarray(start, size).some((byte) => byte !== 0)
      const lines: string[] = []
      const cut = changed(disk, FIRST_SEGMENT, (all) => all.subarray(0, size))
      expect(await outcomeOf({ disk: cut, report: (line) => lines.push(line) })).toBe(
        lastLsns[whole],
      )
      expect(lines).toHaveLength(isTorn ? 1 : 0)
      if (!isTorn) continue
      expect(lines[0]).toMatch(new RegExp(`^log: 0000000000000001.log, offset ${start}: .* cut; `))
      const aside = cut.contents(`${DIRECTORY}/0000000000000001.torn-${start}`)
      expect(aside.equals(bytes.subarray(start, start + aside.length))).toBe(true)
    }
  })

  test('with any bit of it flipped gives a shorter log, or is refused', async () => {
    const disk = await crashedLog([1, 3, 2])
    const bytes = disk.contents(FIRST_SEGMENT)
    const offsets = frameOffsets(bytes)
    for (let bit = SEGMENT_HEADER_SIZE * 8; bit < offsets.at(-1)! * 8 + 600; bit++) {
      const flipped = changed(disk, FIRST_SEGMENT, (all) => {
        all[bit >>> 3]! ^= 1 << (bit & 7)
        return all
      })
      const outcome = await outcomeOf({ disk: flipped })
      // In the mode `sync` each frame proves the one before. Only the last one has no witness.
      const expected = bit >>> 3 < offsets.at(-1)! ? 'LOG_DAMAGED' : 4
      if (outcome !== expected) throw new Error(`bit ${bit}: ${outcome}, not ${expected}`)
    }
  })

  test('of a batch whose sectors landed out of order is cut', async () => {
    const disk = await crashedLog([1, 60], 60)
    const bytes = disk.contents(FIRST_SEGMENT)
    const start = frameOffsets(bytes)[1]!
    const sectors = Math.ceil((bytes.length - start) / 512)
    expect(sectors).toBeGreaterThan(3)
    for (let lost = 0; lost < 4; lost++) {
      const from = lost === 0 ? start : Math.ceil(start / 512) * 512 + (lost - 1) * 512
      const to = Math.floor(from / 512) * 512 + 512
      const torn = changed(disk, FIRST_SEGMENT, (all) => all.fill(0, from, to))
      expect(await outcomeOf({ disk: torn }, 60)).toBe(1)
      // What was kept aside is kept again when the same happens once more.
      const repeated = changed(torn, FIRST_SEGMENT, (all) => all.fill(7, start, start + 100))
      for (let again = 2; again <= 3; again++) {
        expect(await outcomeOf({ disk: repeated }, 60)).toBe(1)
        const aside = `${DIRECTORY}/0000000000000001.torn-${start}-${again}`
        expect(repeated.contents(aside)).toHaveLength(104)
        repeated.place(FIRST_SEGMENT, repeated.contents(FIRST_SEGMENT).fill(7, start, start + 100))
      }
    }
  })

  test('that carries copies of frames, of this segment and of others, is cut', async () => {
    // Those of the other one claim that far more was durable than this log holds.
    const other = await crashedLog(Array<number>(12).fill(1))
    const disk = await crashedLog([1, 1])
    const bytes = disk.contents(FIRST_SEGMENT)
    const [first, second] = frameOffsets(bytes)
    const copies = Buffer.concat([
      bytes.subarray(first, second! + 200),
      other.contents(FIRST_SEGMENT).subarray(SEGMENT_HEADER_SIZE, SEGMENT_HEADER_SIZE + 1000),
      other.contents(FIRST_SEGMENT).subarray(0, SEGMENT_HEADER_SIZE),
    ])
    const log = await openLog({ disk })
    const writer = await log.acquire()
    await writer.append(2, { firstLsn: 3, count: 1, payload: copies })
    await log.close()
    const start = frameOffsets(disk.contents(FIRST_SEGMENT)).at(-1)!
    for (let byte = start; byte < start + FRAME_HEADER_SIZE; byte++) {
      const torn = changed(disk, FIRST_SEGMENT, (all) => {
        all[byte]! ^= 0xff
        return all
      })
      expect(await outcomeOf({ disk: torn })).toBe(2)
    }
  })

  test('that is full of headers which claim to be large and durable is cut', async () => {
    const disk = await crashedLog([1])
    const fake = Buffer.alloc(40)
    fake.writeUInt32LE(60_000_000, 8)
    fake.writeUInt32LE(1, 12)
    fake.writeUInt32LE(1000, 16)
    fake.writeUInt32LE(999, 24)
    fake.writeUInt32LE(TRANSACTIONS, 36)
    const start = frameOffsets(disk.contents(FIRST_SEGMENT))[0]! + 200
    const torn = changed(disk, FIRST_SEGMENT, (all) =>
      Buffer.concat([all.subarray(0, start), Buffer.alloc(2_000_000, fake)]),
    )
    expect(await outcomeOf({ disk: torn })).toBe(1)
  })

  test('is zeroed, so that the log goes on over it', async () => {
    const disk = await crashedLog([1, 40])
    const start = frameOffsets(disk.contents(FIRST_SEGMENT))[1]!
    disk.place(FIRST_SEGMENT, disk.contents(FIRST_SEGMENT).fill(1, start, start + 8))
    const log = await openLog({ disk })
    expect(log.lastLsn).toBe(1)
    expect(
      disk
        .contents(FIRST_SEGMENT)
        .subarray(start)
        .every((byte) => byte === 0),
    ).toBe(true)
    const writer = await log.acquire()
    await append(writer, 1, 40)
    await log.close()
    expect(await outcomeOf({ disk })).toBe(2)
  })

  test('is nowhere lost, if a crash comes while it is being cut', async () => {
    const disk = await crashedLog([1, 40])
    const start = frameOffsets(disk.contents(FIRST_SEGMENT))[1]!
    disk.place(FIRST_SEGMENT, disk.contents(FIRST_SEGMENT).fill(1, start, start + 8))
    const torn = disk.contents(FIRST_SEGMENT).subarray(start, start + 1000)
    const random = new Random(1)
    let count = 0
    disk.onMoment = () => {
      for (const crashed of disk.crashes(random, 40)) {
        count++
        const aside = `${DIRECTORY}/0000000000000001.torn-${start}`
        const isThere = crashed.contents(FIRST_SEGMENT).subarray(start).includes(torn)
        const isAside = crashed.paths().includes(aside) && crashed.contents(aside).includes(torn)
        expect(isThere || isAside).toBe(true)
      }
    }
    expect((await openLog({ disk })).lastLsn).toBe(1)
    expect(count).toBeGreaterThan(50)
  })

  test('that cannot be kept on a full disk is cut all the same', async () => {
    const disk = await crashedLog([1, 40])
    const start = frameOffsets(disk.contents(FIRST_SEGMENT))[1]!
    const torn = changed(disk, FIRST_SEGMENT, (all) => all.fill(1, start, start + 8))
    torn.capacity = 0
    const lines: string[] = []
    expect(await outcomeOf({ disk: torn, report: (line) => lines.push(line) })).toBe(1)
    expect(lines).toEqual([expect.stringContaining('the disk is too full to keep them')])
  })

  test('that cannot be kept because the disk is broken is left where it is', async () => {
    const disk = await crashedLog([1, 40])
    const start = frameOffsets(disk.contents(FIRST_SEGMENT))[1]!
    const torn = changed(disk, FIRST_SEGMENT, (all) => all.fill(1, start, start + 8))
    torn.operations = []
    await openLog({ disk: changed(torn, '', (bytes) => bytes) })
    const counting = changed(torn, '', (bytes) => bytes)
    counting.operations = []
    await openLog({ disk: counting })
    const creation = counting.operations.findIndex(({ kind }) => kind === 'create')
    torn.failAt(creation + 1, 'EIO', 'once')
    expect(await outcomeOf({ disk: torn })).toBe('STORAGE_FAILED')
    torn.heal()
    expect(await outcomeOf({ disk: torn })).toBe(1)
  })

  test('of frames that were not synced one by one is cut from the first missing one', async () => {
    const disk = newDisk()
    const log = await openLog({ disk, durability: 'os' })
    const writer = await log.acquire()
    for (let index = 0; index < 5; index++) await append(writer, 2, 40)
    await log.close()
    const offsets = frameOffsets(disk.contents(FIRST_SEGMENT))
    const torn = changed(disk, FIRST_SEGMENT, (all) => all.fill(0, offsets[2], offsets[3]))
    expect(await outcomeOf({ disk: torn })).toBe(4)
  })
})

describe('damage', () => {
  test('is a frame that a later one proves to have been durable, and both are named', async () => {
    const disk = await crashedLog([1, 3, 2])
    const [, second, third] = frameOffsets(disk.contents(FIRST_SEGMENT))
    const damaged = changed(disk, FIRST_SEGMENT, (all) => all.fill(0, second, third))
    expect(await refusalOf(openLog({ disk: damaged }))).toMatch(
      new RegExp(
        `^LOG_DAMAGED: 0000000000000001.log, offset ${second}: .* ` +
          `offset ${third} shows that lsn 2 was durable`,
      ),
    )
  })

  test('is reported with file, offset, lsn, and the command that can help', async () => {
    const disk = await crashedLog([1, 3, 2])
    const [first, second] = frameOffsets(disk.contents(FIRST_SEGMENT))
    const damaged = changed(disk, FIRST_SEGMENT, (all) => all.fill(9, second! + 2, second! + 3))
    const error = await openLog({ disk: damaged }).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(DatastoreError)
    expect(error).toMatchObject({
      code: 'LOG_DAMAGED',
      file: FIRST_SEGMENT,
      offset: second,
      lsn: 2,
      advice: expect.stringContaining('restore --to-lsn 1 --into DIR'),
    })
    // Before the first transaction there is nothing to restore.
    const early = changed(disk, FIRST_SEGMENT, (all) => all.fill(9, first! + 2, first! + 3))
    const earlyError = await openLog({ disk: early }).catch((error: unknown) => error)
    expect(earlyError).toMatchObject({ lsn: 1, advice: expect.not.stringContaining('--to-lsn') })
  })

  test('is an end before the watermark, or before the snapshot', async () => {
    const disk = newDisk()
    const log = await openLog({ disk })
    const writer = await log.acquire()
    await append(writer, 3, 40)
    await append(writer, 3, 40)
    await writer.sync()
    await append(writer, 3, 40)
    await log.close()
    const offsets = frameOffsets(disk.contents(FIRST_SEGMENT))
    const cutAt = (offset: number): ForgetfulDisk =>
      changed(disk, FIRST_SEGMENT, (all) => all.subarray(0, offset))
    const zeroAt = (offset: number): ForgetfulDisk =>
      changed(disk, FIRST_SEGMENT, (all) => all.fill(0, offset))
    const tornAt = (offset: number): ForgetfulDisk =>
      changed(disk, FIRST_SEGMENT, (all) => all.subarray(0, offset + 9))

    expect(await refusalOf(openLog({ disk: cutAt(offsets[1]!) }))).toBe(
      'LOG_BEHIND_WATERMARK: the log ends with lsn 3, but watermark says that lsn 6 was durable',
    )
    expect(await outcomeOf({ disk: zeroAt(offsets[0]!) })).toBe('LOG_BEHIND_WATERMARK')
    expect(await refusalOf(openLog({ disk: tornAt(offsets[1]!) }))).toMatch(
      /^LOG_DAMAGED: .* watermark shows that lsn 4 was durable/,
    )
    expect(await outcomeOf({ disk: cutAt(offsets[2]!) })).toBe(6)
    expect(await outcomeOf({ disk: cutAt(offsets[2]!), snapshotLsn: 6 })).toBe(6)
    expect(await refusalOf(openLog({ disk: cutAt(offsets[2]!), snapshotLsn: 9 }))).toBe(
      'LOG_BEHIND_SNAPSHOT: the log ends with lsn 6, ' +
        'but the newest snapshot says that lsn 9 was durable',
    )
    expect(await refusalOf(openLog({ disk: tornAt(offsets[2]!), snapshotLsn: 9 }))).toMatch(
      /^LOG_DAMAGED: .* a snapshot shows that lsn 7 was durable/,
    )
  })

  test('is a seal that is missing, or has something behind it', async () => {
    const disk = await crashedLog([2])
    const writer = await (await openLog({ disk })).acquire()
    await writer.close()
    const bytes = disk.contents(FIRST_SEGMENT)
    const seal = frameOffsets(bytes)[1]!
    const unsealed = changed(disk, FIRST_SEGMENT, (all) => all.fill(0, seal))
    expect(await refusalOf(openLog({ disk: unsealed }))).toMatch(/^LOG_DAMAGED: .* a seal expected/)
    const soiled = changed(disk, FIRST_SEGMENT, (all) => all.fill(1, seal + 100, seal + 101))
    expect(await refusalOf(openLog({ disk: soiled }))).toMatch(
      /^LOG_DAMAGED: .* bytes stand behind/,
    )
    // Once another writer has begun, what stands behind the seal may be its first commit.
    await (await openLog({ disk })).acquire()
    const torn = changed(disk, FIRST_SEGMENT, (all) => all.fill(1, seal + 100, seal + 101))
    expect(await outcomeOf({ disk: torn })).toBe(2)
  })

  test('is anything behind the frame that closes a segment', async () => {
    const header = newHeader()
    const first = { firstLsn: 1, count: 2, payload: batch(1, 2, 40).payload, durableLsn: 0 }
    const rolled = { firstLsn: 3, count: 0, payload: none, durableLsn: 2, kind: ROLLED }
    const bytes = segmentOf(header, [first, rolled])
    const soiled = Buffer.concat([bytes, Buffer.alloc(8), Buffer.alloc(8, 1)])
    expect(await outcomeOf({ disk: diskWith({ [FIRST_SEGMENT]: soiled }) })).toBe('LOG_DAMAGED')
    expect(await outcomeOf({ disk: diskWith({ [FIRST_SEGMENT]: bytes }) })).toBe(2)
  })

  const part = { firstLsn: 1, count: 2, payload: batch(1, 2, 40).payload, durableLsn: 0 }
  const next = { firstLsn: 3, count: 1, payload: batch(3, 1, 40).payload, durableLsn: 2 }
  test.each<[string, Part[], string]>([
    ['of an unknown kind', [{ ...part, kind: 9 }, next], 'frames of kind 9 are not known'],
    ['without a transaction', [{ ...part, count: 0 }, next], 'holds no transaction'],
    [
      'that skips transactions',
      [part, { ...next, firstLsn: 4, durableLsn: 3 }],
      'expected lsn 3, found 4',
    ],
    [
      'that proves itself',
      [part, { ...next, durableLsn: 3 }],
      'claims that lsn 3 was durable before it',
    ],
    ['that closes with a count', [{ ...part, kind: SEAL, payload: none }, next], 'is not empty'],
    ['that closes with a payload', [{ ...part, kind: SEAL, count: 0 }, next], 'is not empty'],
  ])('is a sound frame %s', async (_, parts, sentence) => {
    const disk = diskWith({ [FIRST_SEGMENT]: segmentOf(newHeader(), parts) })
    expect(await refusalOf(openLog({ disk }))).toContain(sentence)
  })

  test('is a frame that stood elsewhere, and a fill that is not zero', async () => {
    const header = newHeader()
    const witness = { ...next, firstLsn: 4, durableLsn: 3 }
    const whole = segmentOf(header, [part, next, witness])
    const [first, second, third] = frameOffsets(whole)
    const refusalWith = async (frame: Buffer): Promise<string> => {
      const bytes = Buffer.concat([whole.subarray(0, second), frame, whole.subarray(third)])
      return refusalOf(openLog({ disk: diskWith({ [FIRST_SEGMENT]: bytes }) }))
    }
    const frameOf = (parts: Part[]): Buffer => {
      const bytes = segmentOf(header, parts)
      return bytes.subarray(frameOffsets(bytes).at(-1))
    }
    expect(await refusalWith(whole.subarray(second, third))).toBe('none')
    const earlier = frameOf([part, { ...next, firstLsn: 2, durableLsn: 1 }])
    expect(await refusalWith(earlier)).toContain('expected lsn 3, found 2')
    const ofOther = frameOf([{ ...part, payload: Buffer.alloc(8) }, next])
    expect(await refusalWith(ofOther)).toContain('the chain is broken')
    expect(whole.readUInt32LE(first! + 8) % 8).not.toBe(0)
    const filled = Buffer.from(whole)
    filled[second! - 1] = 5
    expect(await refusalOf(openLog({ disk: diskWith({ [FIRST_SEGMENT]: filled }) }))).toContain(
      'the fill behind the frame holds 5',
    )
  })
})

describe('files that do not belong together', () => {
  const second = `${DIRECTORY}/0000000000000005.log`

  test('a segment that is missing is a gap, wherever it was', async () => {
    const disk = newDisk()
    const log = await openLog({ disk })
    const writer = await log.acquire()
    for (let segment = 0; segment < 3; segment++) {
      await append(writer, 2)
      await writer.roll()
    }
    await writer.close()
    const without = (path: string): ForgetfulDisk => {
      const other = changed(disk, '', (bytes) => bytes)
      other.displace(path)
      return other
    }
    const middle = await openLog({ disk: without(`${DIRECTORY}/0000000000000003.log`) })
    expect(await refusalOf(readAll(middle))).toBe(
      'LOG_GAP: 0000000000000003.log is missing: lsn 3 is needed',
    )
    const first = await openLog({ disk: without(FIRST_SEGMENT) })
    expect(await refusalOf(readAll(first))).toMatch(/^LOG_GAP: the log begins with lsn 3/)
    expect(
      await refusalOf(openLog({ disk: without(`${DIRECTORY}/0000000000000007.log`) })),
    ).toMatch(/^LOG_GAP: 0000000000000007.log is missing: the last segment is 0000000000000005.log/)
    const empty = newDisk()
    empty.place(WATERMARK, disk.contents(WATERMARK))
    expect(await refusalOf(openLog({ disk: empty }))).toMatch(
      /^LOG_GAP: 0000000000000007.log is missing/,
    )
  })

  test('a segment that vanishes while it is read is a storage failure', async () => {
    const disk = await sealedLog()
    const log = await openLog({ disk })
    disk.displace(second)
    expect(await refusalOf(readAll(log, 1, 40))).toMatch(/^STORAGE_FAILED: .*ENOENT/)
  })

  test('another store’s segment, watermark or snapshot is refused', async () => {
    const disk = await sealedLog()
    const other = await sealedLog()
    const mixed = changed(disk, second, () => other.contents(second))
    expect(await outcomeOf({ disk: mixed })).toBe('LOG_FOREIGN')
    const mixedBefore = changed(disk, FIRST_SEGMENT, () => other.contents(FIRST_SEGMENT))
    expect(await outcomeOf({ disk: mixedBefore })).toBe('LOG_FOREIGN')
    const marked = changed(disk, WATERMARK, () => other.contents(WATERMARK))
    expect(await outcomeOf({ disk: marked })).toBe('LOG_FOREIGN')
    expect(await refusalOf(openLog({ disk, storeId: STORE_ID }))).toMatch(
      /^LOG_FOREIGN: watermark belongs to another store: id 0123/,
    )
    const unmarked = changed(disk, '', (bytes) => bytes)
    unmarked.displace(WATERMARK)
    expect(await outcomeOf({ disk: unmarked, storeId: STORE_ID })).toBe('LOG_FOREIGN')
  })

  test('a segment under another name is refused', async () => {
    const disk = await sealedLog()
    const renamed = changed(disk, '', (bytes) => bytes)
    renamed.displace(WATERMARK)
    renamed.place(`${DIRECTORY}/0000000000000009.log`, disk.contents(second))
    expect(await refusalOf(openLog({ disk: renamed }))).toContain(
      'expected first lsn 9, as the name says, found 5',
    )
  })

  test('a segment of another history is a broken chain', async () => {
    const disk = await sealedLog()
    const { storeId } = headerOf(disk)
    const other = newDisk()
    const writer = await (await openLog({ disk: other, storeId })).acquire()
    await append(writer, 4, 40)
    await writer.roll()
    await writer.close()
    const mixed = changed(disk, FIRST_SEGMENT, () => other.contents(FIRST_SEGMENT))
    expect(await refusalOf(readAll(await openLog({ disk: mixed }), 1, 40))).toMatch(
      /^LOG_DAMAGED: 0000000000000005.log, offset 0: the chain is broken/,
    )
  })

  test('a newer format is named as such, in a segment and in the watermark', async () => {
    const disk = await sealedLog()
    const newer = (bytes: Buffer, size: number, seedless: (bytes: Buffer) => void): Buffer => {
      bytes.writeUInt32LE(2, 8)
      seedless(bytes.subarray(0, size))
      return bytes
    }
    const { crc32 } = await import('node:zlib')
    const seal = (bytes: Buffer): void =>
      void bytes.writeUInt32LE(crc32(bytes.subarray(0, -4)), bytes.length - 4)
    for (const path of [FIRST_SEGMENT, second]) {
      const changedDisk = changed(disk, path, (bytes) => newer(bytes, SEGMENT_HEADER_SIZE, seal))
      expect(await refusalOf(openLog({ disk: changedDisk }))).toMatch(
        /^LOG_FORMAT_UNKNOWN: .*version 1 expected, 2 found/,
      )
    }
    const marked = changed(disk, WATERMARK, (bytes) => newer(bytes, 512, seal))
    expect(await outcomeOf({ disk: marked })).toBe('LOG_FORMAT_UNKNOWN')
  })
})

describe('a segment whose making was never finished', () => {
  const second = `${DIRECTORY}/0000000000000005.log`

  test('is made anew, unless it is known to have been finished', async () => {
    const disk = await sealedLog()
    const unfinished = changed(disk, second, () => Buffer.alloc(SEGMENT_HEADER_SIZE, 1))
    expect(await outcomeOf({ disk: unfinished })).toBe('LOG_DAMAGED')
    unfinished.displace(WATERMARK)
    expect(await outcomeOf({ disk: unfinished, snapshotLsn: 5 })).toBe('LOG_DAMAGED')
    const lines: string[] = []
    expect(await outcomeOf({ disk: unfinished, report: (line) => lines.push(line) })).toBe(4)
    expect(lines).toEqual([expect.stringContaining('watermark is missing')])
  })

  test('is damage when something stands behind its header', async () => {
    const disk = await sealedLog()
    const damaged = changed(disk, second, (bytes) => bytes.fill(1, 0, 10))
    damaged.displace(WATERMARK)
    expect(await outcomeOf({ disk: damaged })).toBe('LOG_DAMAGED')
  })

  test('is damage, or a gap, when the segment before does not lead to it', async () => {
    const disk = newDisk()
    const header = newHeader()
    const part = { firstLsn: 1, count: 4, payload: batch(1, 4, 40).payload, durableLsn: 0 }
    const rolled = { firstLsn: 5, count: 0, payload: none, durableLsn: 4, kind: ROLLED }
    disk.place(FIRST_SEGMENT, segmentOf(header, [part]))
    disk.place(second, Buffer.alloc(100))
    expect(await refusalOf(openLog({ disk }))).toContain('but another segment follows')
    disk.place(FIRST_SEGMENT, segmentOf(header, [part, rolled]))
    disk.displace(second)
    disk.place(`${DIRECTORY}/0000000000000009.log`, Buffer.alloc(100))
    expect(await refusalOf(openLog({ disk }))).toMatch(/^LOG_GAP: .* lsn 4 is missing/)
  })

  test('is made anew when it was the first of all', async () => {
    const disk = newDisk()
    disk.place(FIRST_SEGMENT, Buffer.alloc(1000, 1))
    expect(await outcomeOf({ disk, snapshotLsn: 0 })).toBe(0)
    const behind = newDisk()
    behind.place(`${DIRECTORY}/0000000000000003.log`, Buffer.alloc(10))
    expect(await outcomeOf({ disk: behind, snapshotLsn: 2 })).toBe('LOG_GAP')
  })
})
