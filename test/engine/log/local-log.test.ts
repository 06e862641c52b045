// The local log passes the suite of every transaction log, in each mode and on both disks.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NodeDisk } from '../../../src/engine/disk.ts'
import { LocalLog } from '../../../src/engine/log/local-log.ts'
import { newDisk, openLog } from '../../support/log-story.ts'
import { transactionLogSuite } from '../../support/transaction-log-suite.ts'

for (const durability of ['sync', 'interval', 'os'] as const) {
  transactionLogSuite(`a log on a forgetful disk, ${durability},`, async () => {
    const disk = newDisk()
    return { open: () => openLog({ disk, durability }), dispose: async () => {} }
  })
}

transactionLogSuite('a log in real files', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'shashin-log-'))
  return {
    open: () =>
      LocalLog.open({
        disk: new NodeDisk(),
        directory: join(directory, 'data', 'log'),
        watermarkFile: join(directory, 'data', 'watermark'),
        segmentSize: 256 * 1024,
      }),
    dispose: () => rm(directory, { recursive: true, force: true }),
  }
})
