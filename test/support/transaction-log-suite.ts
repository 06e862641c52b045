// What every TransactionLog must do, whatever it is made of: each implementation runs this suite.

import { describe, expect, test } from 'vitest'
import { append, batch, lsnsIn, readAll, refusalOf } from './log-story.ts'
import { seededTest } from './seeded.ts'
import type { Batch, LogWriter, TransactionLog } from '../../src/engine/transaction-log.ts'

/** One store's log, to be opened again and again. */
export interface LogStage {
  /** Opens what the last writer left, or a new log at LSN 1. */
  open(): Promise<TransactionLog>
  /** Takes everything away. */
  dispose(): Promise<void>
}

export function transactionLogSuite(name: string, newStage: () => Promise<LogStage>): void {
  describe(`${name} is a transaction log`, () => {
    async function onStage(story: (stage: LogStage) => Promise<void>): Promise<void> {
      const stage = await newStage()
      try {
        await story(stage)
      } finally {
        await stage.dispose()
      }
    }

    test('a new log is empty', () =>
      onStage(async (stage) => {
        const log = await stage.open()
        expect([log.firstLsn, log.lastLsn]).toEqual([1, 0])
        expect(log.storeId).toMatch(/^[0-9a-f]{32}$/)
        expect(await readAll(log)).toEqual({ firstLsn: 1, lastLsn: 0 })
      }))

    test('what was appended is read back, before and after it was opened again', () =>
      onStage(async (stage) => {
        const log = await stage.open()
        const writer = await log.acquire()
        for (const count of [1, 3, 1, 20]) expect(await append(writer, count)).toBe('durable')
        expect(await writer.sync()).toEqual({ outcome: 'durable' })
        expect([writer.lastLsn, writer.durableLsn, log.lastLsn]).toEqual([25, 25, 25])
        expect(await readAll(log)).toEqual({ firstLsn: 1, lastLsn: 25 })
        await writer.close()
        const again = await stage.open()
        expect(again.storeId).toBe(log.storeId)
        expect([again.firstLsn, again.lastLsn]).toEqual([1, 25])
        expect(await readAll(again)).toEqual({ firstLsn: 1, lastLsn: 25 })
      }))

    test('reading from the middle delivers that transaction and all behind it', () =>
      onStage(async (stage) => {
        const log = await stage.open()
        await using writer = await log.acquire()
        for (let index = 0; index < 40; index++) await append(writer, 1 + (index % 5))
        const { lastLsn } = log
        for (let fromLsn = 1; fromLsn <= lastLsn; fromLsn++) {
          const found = await readAll(log, fromLsn)
          expect(found.firstLsn).toBeLessThanOrEqual(fromLsn)
          expect(found.firstLsn).toBeGreaterThan(fromLsn - 5)
          expect(found.lastLsn).toBe(lastLsn)
        }
        expect(await readAll(log, lastLsn + 1)).toEqual({ firstLsn: lastLsn + 1, lastLsn })
      }))

    test('a payload is delivered to the byte, whatever its size', () =>
      onStage(async (stage) => {
        const log = await stage.open()
        const writer = await log.acquire()
        const payloads: Buffer[] = []
        for (const size of [0, 1, 7, 8, 9, 4096, 300_000, 3, 9_000_000, 5]) {
          const payload = Buffer.alloc(size, `payload of ${size} bytes `)
          payloads.push(payload)
          const { lastLsn } = writer
          const outcome = await writer.append(lastLsn, { firstLsn: lastLsn + 1, count: 1, payload })
          expect(outcome).toEqual({ outcome: 'durable' })
        }
        await writer.close()
        const read: Buffer[] = []
        for await (const { payload } of (await stage.open()).read(1))
          read.push(Buffer.from(payload))
        expect(Buffer.concat(read).equals(Buffer.concat(payloads))).toBe(true)
      }))

    test('an append that expects another last transaction is fenced, and nothing is written', () =>
      onStage(async (stage) => {
        const log = await stage.open()
        await using writer = await log.acquire()
        await append(writer, 2)
        for (const expected of [0, 1, 3]) {
          const outcome = await writer.append(expected, batch(expected + 1, 1, 100))
          expect(outcome).toEqual({ outcome: 'fenced' })
        }
        expect(log.lastLsn).toBe(2)
        expect(await append(writer, 1)).toBe('durable')
        expect(await readAll(log)).toEqual({ firstLsn: 1, lastLsn: 3 })
      }))

    test('a new writer fences the one before, in this life of the log and in the next', () =>
      onStage(async (stage) => {
        const log = await stage.open()
        const first = await log.acquire()
        await append(first, 2)
        const second = await log.acquire()
        expect(second.epoch).toBeGreaterThan(first.epoch)
        expect(await append(first, 1)).toBe('fenced')
        expect((await first.sync()).outcome).toBe('fenced')
        await expect(first.roll()).rejects.toThrow('another writer')
        await first.close()
        expect(await append(second, 1)).toBe('durable')
        await second.close()
        await using third = await (await stage.open()).acquire()
        expect(third.epoch).toBeGreaterThan(second.epoch)
        expect(third.lastLsn).toBe(3)
      }))

    test('what is under way when another writer comes has ended before it, or is fenced', () =>
      onStage(async (stage) => {
        const log = await stage.open()
        let lastLsn = 0
        let writer = await log.acquire()
        for (let turns = 0; turns < 60; turns++) {
          // Large enough for the thread pool.
          const count = turns % 3 === 0 ? 6000 : 1
          const appended = Promise.resolve(writer.append(lastLsn, batch(lastLsn + 1, count, 100)))
          const rolled = turns % 2 === 0 ? refusalOf(writer.roll()) : 'none'
          for (let turn = 0; turn < turns; turn++) await Promise.resolve()
          const next = await log.acquire()
          const { outcome } = await appended
          if (outcome === 'durable') lastLsn += count
          else expect(outcome).toBe('fenced')
          expect(await rolled).toMatch(/^none|^STORE_CLOSED/)
          expect(next.lastLsn).toBe(lastLsn)
          expect(await append(next, 1)).toBe('durable')
          lastLsn++
          writer = next
        }
        expect(lastLsn).toBeGreaterThan(60)
        await writer.close()
        expect(await readAll(await stage.open())).toEqual({ firstLsn: 1, lastLsn })
      }))

    test('writers that are acquired at once end in one', () =>
      onStage(async (stage) => {
        const log = await stage.open()
        const writers = await Promise.all([log.acquire(), log.acquire(), log.acquire()])
        const outcomes: string[] = []
        for (const writer of writers) outcomes.push(await append(writer, 1))
        expect(outcomes).toEqual(['fenced', 'fenced', 'durable'])
        await Promise.all(writers.map((writer) => writer.close()))
        expect((await stage.open()).lastLsn).toBe(1)
      }))

    test('a closed writer writes no more, and the log goes on with another', () =>
      onStage(async (stage) => {
        const log = await stage.open()
        const writer = await log.acquire()
        await append(writer, 1)
        await Promise.all([writer.close(), writer.close()])
        await writer[Symbol.asyncDispose]()
        expect(await append(writer, 1)).toBe('unknown')
        expect((await writer.sync()).outcome).toBe('unknown')
        await expect(writer.roll()).rejects.toThrow('closed')
        await using next = await log.acquire()
        expect(await append(next, 1)).toBe('durable')
        expect(await readAll(log)).toEqual({ firstLsn: 1, lastLsn: 2 })
      }))

    test('calls that are not awaited take turns', () =>
      onStage(async (stage) => {
        const log = await stage.open()
        const writer = await log.acquire()
        await append(writer, 1)
        const rolled = writer.roll()
        const appended = append(writer, 1)
        const synced = writer.sync()
        const rolledAgain = writer.roll()
        const closed = writer.close()
        await Promise.all([rolled, appended, synced, rolledAgain, closed])
        expect([await appended, (await synced).outcome]).toEqual(['durable', 'durable'])
        expect(await readAll(await stage.open())).toEqual({ firstLsn: 1, lastLsn: 2 })
      }))

    test('a segment in which there is nothing yet but clean ends is not left for another', () =>
      onStage(async (stage) => {
        for (let life = 0; life < 3; life++) {
          await using writer = await (await stage.open()).acquire()
          await writer.roll()
        }
        await using writer = await (await stage.open()).acquire()
        expect(await append(writer, 10_000)).toBe('durable')
        await writer.close()
        expect(await readAll(await stage.open())).toEqual({ firstLsn: 1, lastLsn: 10_000 })
      }))

    test('truncate retires whole segments, never what it was not asked to', () =>
      onStage(async (stage) => {
        const log = await stage.open()
        const writer = await log.acquire()
        for (let segment = 0; segment < 4; segment++) {
          await append(writer, 5)
          await append(writer, 5)
          await writer.roll()
          await writer.roll()
        }
        expect(await log.truncate(10)).toEqual([])
        expect(await log.truncate(11)).toHaveLength(1)
        expect(log.firstLsn).toBe(11)
        expect(await log.truncate(30)).toHaveLength(1)
        expect(log.firstLsn).toBe(21)
        expect(await readAll(log, 21)).toEqual({ firstLsn: 21, lastLsn: 40 })
        expect(await refusalOf(readAll(log, 20))).toMatch(/^LOG_GAP: .*21.*20/)
        expect(await log.truncate(1000)).toHaveLength(2)
        expect([log.firstLsn, log.lastLsn]).toEqual([41, 40])
        await append(writer, 1)
        await writer.close()
        const again = await stage.open()
        expect([again.firstLsn, again.lastLsn]).toEqual([41, 41])
        expect(await readAll(again, 41)).toEqual({ firstLsn: 41, lastLsn: 41 })
      }))

    test('follow delivers what was, then what comes, each once, and ends when told', () =>
      onStage(async (stage) => {
        const log = await stage.open()
        await using writer = await log.acquire()
        await append(writer, 3)
        await append(writer, 3)
        const ending = new AbortController()
        const followed: number[] = []
        const following = (async (): Promise<void> => {
          for await (const { payload } of log.follow(2, ending.signal)) {
            followed.push(...lsnsIn(payload))
            if (followed.at(-1)! >= 60) ending.abort()
          }
        })()
        for (let index = 0; index < 18; index++) {
          await append(writer, 3)
          if (index % 5 === 0) await writer.roll()
          // Sometimes the follower has caught up and waits, sometimes it has not.
          if (index % 2 === 0) await writer.sync()
          if (index % 3 === 0) await new Promise((resolve) => setImmediate(resolve))
        }
        await writer.sync()
        await following
        expect(followed.slice(followed.indexOf(3))).toEqual(
          Array.from({ length: 58 }, (_, i) => i + 3),
        )
      }))

    test('a follower that waits ends when told, and one that was told before does not begin', () =>
      onStage(async (stage) => {
        const log = await stage.open()
        await using writer = await log.acquire()
        await append(writer, 1)
        const ending = new AbortController()
        const step = log.follow(1, ending.signal)[Symbol.asyncIterator]().next()
        ending.abort()
        expect((await step).done).toBe(true)
        for await (const _ of log.follow(0, ending.signal)) expect.unreachable()
      }))

    test('following what was truncated is refused', () =>
      onStage(async (stage) => {
        const log = await stage.open()
        await using writer = await log.acquire()
        await append(writer, 3)
        await writer.roll()
        await append(writer, 3)
        await log.truncate(4)
        const { signal } = new AbortController()
        const step = log.follow(1, signal)[Symbol.asyncIterator]().next()
        expect(await refusalOf(step)).toMatch(/^LOG_GAP/)
      }))

    seededTest('any story ends with the transactions that were told durable', (random) =>
      onStage(async (stage) => {
        let log = await stage.open()
        let writer: LogWriter = await log.acquire()
        let firstLsn = 1
        let lastLsn = 0
        for (let step = 0; step < 120; step++) {
          const chance = random.below(100)
          if (chance < 70) {
            const count = random.between(1, 30)
            const isLarge = random.once(20)
            const next: Batch = batch(lastLsn + 1, isLarge ? count * 200 : count, 100)
            expect((await writer.append(lastLsn, next)).outcome).toBe('durable')
            lastLsn += next.count
          } else if (chance < 76) {
            await writer.roll()
          } else if (chance < 80) {
            expect((await writer.sync()).outcome).toBe('durable')
            expect(writer.durableLsn).toBe(lastLsn)
          } else if (chance < 84) {
            await log.truncate(random.between(firstLsn, lastLsn + 1))
            expect(log.firstLsn).toBeGreaterThanOrEqual(firstLsn)
            firstLsn = log.firstLsn
          } else if (chance < 88) {
            if (random.once(2)) await writer.close()
            writer = await log.acquire()
          } else if (chance < 92) {
            await writer.close()
            log = await stage.open()
            writer = await log.acquire()
          } else {
            const fromLsn = random.between(firstLsn, lastLsn + 1)
            expect((await readAll(log, fromLsn)).lastLsn).toBe(lastLsn)
          }
          expect([log.firstLsn, log.lastLsn, writer.lastLsn]).toEqual([firstLsn, lastLsn, lastLsn])
        }
        await writer.close()
      }),
    )
  })
}
