// Bad luck with the files of a store: damaged, lost, mixed up, from another time. Either the store
// says in one sentence what is wrong, and changes nothing, or it goes on with everything that it
// had: it never loads damage silently.

import { describe, expect, test } from 'vitest'
import {
  alter,
  changeVersion,
  expectState,
  flipBit,
  grownStore,
  manifestsOf,
  pathsIn,
  refusalOn,
  segmentsOf,
} from '../support/grown-store.ts'
import { DATA, LOG, SNAPSHOTS, openOn } from '../support/simulated-store.ts'

const WATERMARK = `${DATA}/watermark`
const HEADER_SIZE = 4096
const SLOT_SIZE = 512
const PREAMBLE_SIZE = 64
const SMALL = { segmentSize: HEADER_SIZE + 1024 }

describe('a damaged segment is refused', () => {
  test('in the middle, in the header, in the last commit', async () => {
    const { disk } = await grownStore(20)
    const [segment] = segmentsOf(disk)
    for (const [offset, sentence] of [
      [100, /^LOG_DAMAGED: 0000000000000001.log, offset 0: checksum .* of the header expected/],
      [HEADER_SIZE + 60, /^LOG_DAMAGED: 0000000000000001.log, offset 4096: checksum/],
      [
        disk.contents(segment!).indexOf('post 7'),
        /^LOG_DAMAGED: .* shows that lsn \d+ was durable/,
      ],
      [
        disk.contents(segment!).indexOf('post 20'),
        /^LOG_DAMAGED: .* shows that lsn \d+ was durable/,
      ],
    ] as const) {
      flipBit(disk, segment!, offset)
      expect(await refusalOn(disk)).toMatch(sentence)
      flipBit(disk, segment!, offset)
    }
    expect(await refusalOn(disk)).toBe('it opens')
  })

  test('in a segment that is not the last one', async () => {
    const { disk } = await grownStore(40, [], SMALL)
    const segment = segmentsOf(disk)[1]!
    flipBit(disk, segment, HEADER_SIZE + 60)
    expect(await refusalOn(disk, SMALL)).toMatch(/^LOG_DAMAGED: 0\d+.log, offset 4096: checksum/)
  })
})

describe('a missing segment is refused', () => {
  test.each([
    ['the first', 0, /^SNAPSHOT_DAMAGED: no snapshot .* the log begins with lsn \d+/],
    ['one in the middle', 2, /^LOG_GAP: /],
    ['the last', -1, /^LOG_GAP: 0\d+.log is missing/],
  ])('%s', async (_, index, sentence) => {
    const { disk } = await grownStore(60, [], SMALL)
    expect(segmentsOf(disk).length).toBeGreaterThan(4)
    disk.displace(segmentsOf(disk).at(index)!)
    expect(await refusalOn(disk, SMALL)).toMatch(sentence)
  })

  test('all of them', async () => {
    const { disk } = await grownStore(3)
    for (const path of segmentsOf(disk)) disk.displace(path)
    expect(await refusalOn(disk)).toMatch(/^LOG_GAP: .*there is no segment/)
  })
})

describe('a damaged snapshot is skipped with a warning', () => {
  test('a page, for the snapshot before', async () => {
    const { disk, state } = await grownStore(30, [10, 20])
    flipBit(disk, pathsIn(disk, SNAPSHOTS, '.pages').at(-1)!, HEADER_SIZE + 1000)
    const lines = await expectState(disk, state)
    expect(lines.join()).toMatch(
      /0000000000000022.manifest is damaged and skipped .* page 0: checksum/,
    )
  })

  test('a manifest, for the snapshot before', async () => {
    const { disk, state } = await grownStore(30, [10, 20])
    flipBit(disk, manifestsOf(disk).at(-1)!, 500)
    expect((await expectState(disk, state)).join()).toMatch(/0000000000000022.manifest is damaged/)
  })

  test('a lost pages file, for the snapshot before', async () => {
    const { disk, state } = await grownStore(30, [10, 20])
    disk.displace(pathsIn(disk, SNAPSHOTS, '.pages').at(-1)!)
    expect((await expectState(disk, state)).join()).toMatch(/0000000000000022.manifest is damaged/)
  })

  test('all of them, for the log if it goes back to the first transaction', async () => {
    const { disk, state } = await grownStore(30, [10, 20])
    for (const path of manifestsOf(disk)) flipBit(disk, path, 500)
    expect(await expectState(disk, state)).toHaveLength(2)
  })

  test('all of them, and the log does not go back: refused', async () => {
    const { disk } = await grownStore(60, [20, 40, 50], SMALL)
    for (const path of manifestsOf(disk)) flipBit(disk, path, 500)
    expect(await refusalOn(disk, SMALL)).toMatch(
      /^SNAPSHOT_DAMAGED: no snapshot in \/snapshots can/,
    )
  })

  test('the next snapshot after it is whole', async () => {
    const { disk } = await grownStore(30, [10, 20])
    flipBit(disk, pathsIn(disk, SNAPSHOTS, '.pages').at(-1)!, HEADER_SIZE + 1000)
    const store = await openOn(disk)
    expect(store.recovery.snapshotLsn).toBe(12)
    await store.snapshot()
    await store.close()
    const again = await openOn(disk)
    expect(again.recovery).toMatchObject({ snapshotLsn: 32, replayed: 0 })
    await again.close()
  })
})

describe('files of another store are refused', () => {
  test('a segment', async () => {
    const { disk } = await grownStore(40, [], SMALL)
    const { disk: other } = await grownStore(40, [], SMALL)
    const path = segmentsOf(disk)[1]!
    disk.place(path, other.contents(path))
    expect(await refusalOn(disk, SMALL)).toMatch(/^LOG_FOREIGN: .* id [0-9a-f]{32} expected/)
  })

  test('the watermark', async () => {
    const { disk } = await grownStore(3)
    const { disk: other } = await grownStore(3)
    disk.place(WATERMARK, other.contents(WATERMARK))
    expect(await refusalOn(disk)).toMatch(/^LOG_FOREIGN: /)
  })

  test('the snapshots', async () => {
    const { disk } = await grownStore(10, [5])
    const { disk: other } = await grownStore(10, [5])
    for (const path of pathsIn(disk, SNAPSHOTS, '')) disk.place(path, other.contents(path))
    expect(await refusalOn(disk)).toMatch(/^SNAPSHOT_FOREIGN: Snapshot 0{14}07.manifest belongs to/)
  })
})

describe('files of a later version are refused', () => {
  test('a segment', async () => {
    const { disk } = await grownStore(3)
    changeVersion(disk, segmentsOf(disk)[0]!, 0, HEADER_SIZE)
    expect(await refusalOn(disk)).toMatch(/^LOG_FORMAT_UNKNOWN: .*version 1 expected, 99 found/)
  })

  test('the watermark', async () => {
    const { disk } = await grownStore(3)
    for (const offset of [0, SLOT_SIZE]) changeVersion(disk, WATERMARK, offset, SLOT_SIZE)
    expect(await refusalOn(disk)).toMatch(/^LOG_FORMAT_UNKNOWN: watermark: .* 99 found/)
  })

  test('a manifest, even when there is one before it', async () => {
    const { disk } = await grownStore(10, [5, 8])
    const path = manifestsOf(disk).at(-1)!
    changeVersion(disk, path, 0, PREAMBLE_SIZE)
    expect(await refusalOn(disk)).toMatch(
      /^SNAPSHOT_FORMAT_UNKNOWN: .*version 1 expected, 99 found/,
    )
  })
})

describe('a log that has lost its end is refused', () => {
  /** Zeroes the commit with the given text, and everything after it. */
  async function cutBefore(text: string, snapshotsAfter: number[]): ReturnType<typeof grownStore> {
    const grown = await grownStore(20, snapshotsAfter)
    alter(grown.disk, segmentsOf(grown.disk)[0]!, (bytes) => {
      // A frame begins at most 200 bytes before such a text: none is cut in the middle.
      const end = bytes.indexOf(text) - 200
      for (let offset = HEADER_SIZE; ;) {
        const size = Math.ceil(bytes.readUInt32LE(offset + 8) / 8) * 8
        if (offset + size > end) return void bytes.fill(0, offset)
        offset += size
      }
    })
    return grown
  }

  test('behind the watermark', async () => {
    const { disk } = await cutBefore('post 15', [])
    expect(await refusalOn(disk)).toMatch(
      /^LOG_BEHIND_WATERMARK: the log ends with lsn 1\d, but watermark says that lsn 22 was/,
    )
  })

  test('behind the newest snapshot', async () => {
    const { disk } = await cutBefore('post 12', [15])
    disk.displace(WATERMARK)
    expect(await refusalOn(disk)).toMatch(
      /^LOG_BEHIND_SNAPSHOT: the log ends with lsn 1\d, but the newest snapshot says that lsn 17/,
    )
  })

  test('the whole data directory, and the snapshots are there', async () => {
    const { disk } = await grownStore(20, [10])
    for (const path of pathsIn(disk, DATA, '')) disk.displace(path)
    expect(await refusalOn(disk)).toMatch(/^LOG_BEHIND_SNAPSHOT: .* says that lsn 12 was durable/)
  })

  test('the snapshots are lost, and the log goes back to the first lsn: nothing is', async () => {
    const { disk, state } = await grownStore(20, [10])
    for (const path of pathsIn(disk, SNAPSHOTS, '')) disk.displace(path)
    expect(await expectState(disk, state)).toEqual([])
  })

  test('a lost watermark costs a warning', async () => {
    const { disk, state } = await grownStore(20)
    disk.displace(WATERMARK)
    expect((await expectState(disk, state)).join()).toMatch(/watermark is missing or empty/)
  })
})

test('every bit of a small sealed log, flipped, is noticed or harmless', async () => {
  const { disk, state } = await grownStore(2)
  const path = segmentsOf(disk)[0]!
  const bytes = disk.contents(path)
  const end = bytes.lastIndexOf('post 2') + 120
  let refusedCount = 0
  for (let offset = HEADER_SIZE; offset < end; offset += 3) {
    flipBit(disk, path, offset)
    const refusal = await refusalOn(disk)
    if (refusal.startsWith('LOG_')) refusedCount++
    else await expectState(disk, state)
    disk.place(path, bytes)
  }
  expect(refusedCount).toBeGreaterThan((end - HEADER_SIZE) / 3 - 40)
  expect(pathsIn(disk, LOG, '')).toEqual([path])
})
