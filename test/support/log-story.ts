// Words to tell stories about a log: append transactions, crash, open again, and see whether what
// is there is what was told to be there.
//
// Transaction n is the same bytes in every story, so that a log is right when it holds transactions
// 1 to n, and nothing else has to be remembered.

import { expect } from 'vitest'
import { LocalLog } from '../../src/engine/log/local-log.ts'
import { ForgetfulDisk } from './forgetful-disk.ts'
import type { LocalLogOptions } from '../../src/engine/log/local-log.ts'
import type {
  AppendOutcome,
  Batch,
  LogWriter,
  TransactionLog,
} from '../../src/engine/transaction-log.ts'

export const DIRECTORY = '/data/log'
export const WATERMARK = '/data/watermark'
export const FIRST_SEGMENT = `${DIRECTORY}/0000000000000001.log`

/** Everything that a story may want to set; the disk is new unless given. */
export type StoryOptions = Partial<LocalLogOptions> & { disk: LocalLogOptions['disk'] }

/** A log with small segments and all writes in the thread, so that a crash leaves few states. */
export function openLog(options: StoryOptions): Promise<LocalLog> {
  return LocalLog.open({
    directory: DIRECTORY,
    watermarkFile: WATERMARK,
    segmentSize: 16 * 1024,
    preallocateSize: 2 * 1024,
    inThreadSyncMsMax: Infinity,
    ...options,
  })
}

export function newDisk(): ForgetfulDisk {
  return new ForgetfulDisk(['/', '/data'])
}

/** The bytes of a transaction: 8 to 8 + sizeMax of them, all telling which it is. */
export function transaction(lsn: number, sizeMax: number): Buffer {
  const size = 8 + ((lsn * 7919) % (sizeMax + 1))
  const bytes = Buffer.alloc(size, (lsn % 255) + 1)
  bytes.writeUInt32LE(lsn)
  bytes.writeUInt32LE(size, 4)
  return bytes
}

export function batch(firstLsn: number, count: number, sizeMax: number): Batch {
  const parts: Buffer[] = []
  for (let lsn = firstLsn; lsn < firstLsn + count; lsn++) parts.push(transaction(lsn, sizeMax))
  return { firstLsn, count, payload: Buffer.concat(parts) }
}

/** Appends `count` transactions as one batch. */
export async function append(
  writer: LogWriter,
  count: number,
  sizeMax = 100,
): Promise<AppendOutcome['outcome']> {
  const next = batch(writer.lastLsn + 1, count, sizeMax)
  return (await writer.append(writer.lastLsn, next)).outcome
}

/** LSNs of the transactions in a payload, each verified to be what it says. */
export function lsnsIn(payload: Buffer, sizeMax = 100): number[] {
  const lsns: number[] = []
  for (let offset = 0; offset < payload.length;) {
    const lsn = payload.readUInt32LE(offset)
    const bytes = transaction(lsn, sizeMax)
    if (!bytes.equals(payload.subarray(offset, offset + bytes.length))) {
      throw new Error(`the bytes of transaction ${lsn} are not its own`)
    }
    lsns.push(lsn)
    offset += bytes.length
  }
  return lsns
}

/**
 * First and last LSN that `read` delivers; verifies that every transaction between is there once,
 * unchanged.
 */
export async function readAll(
  log: Pick<TransactionLog, 'read'>,
  fromLsn = 1,
  sizeMax = 100,
): Promise<{ firstLsn: number; lastLsn: number }> {
  let firstLsn = fromLsn
  let lastLsn = fromLsn - 1
  let isFirst = true
  for await (const { firstLsn: lsn, count, payload } of log.read(fromLsn)) {
    if (isFirst) {
      firstLsn = lsn
      lastLsn = lsn - 1
      isFirst = false
    }
    expect(lsn).toBe(lastLsn + 1)
    const lsns = lsnsIn(payload, sizeMax)
    expect(lsns.length).toBe(count)
    for (const found of lsns) if (found !== ++lastLsn) throw new Error(`${found}, not ${lastLsn}`)
  }
  return { firstLsn, lastLsn }
}

/** The code of the DatastoreError with which `work` fails, and its sentence. */
export async function refusalOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    return `${code}: ${message}`
  }
  return 'none'
}
