// The real product as generations: beside itself, and beside a copy of itself in which something
// has changed.

import { cp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { CodeTree } from '../support/code-tree.ts'
import type { ProductFindings } from '../support/product-thread.ts'

const own = join(import.meta.dirname, '../..')

test('two releases of the product serve one store in one thread', async () => {
  await using tree = await CodeTree.create()
  const copy = tree.at('copy')
  for (const name of ['src', 'package.json', 'package-lock.json']) {
    await cp(join(own, name), join(copy, name), { recursive: true })
  }
  const health = await readFile(join(copy, 'src/api/health.ts'), 'utf8')
  await tree.write('copy/src/api/health.ts', health.replace("status: 'ok'", "status: 'fine'"))

  const worker = new Worker(new URL('../support/product-thread.ts', import.meta.url), {
    workerData: { own, copy, directory: tree.at('store') },
    execArgv: [],
  })
  const found = await new Promise<ProductFindings>((resolve, reject) => {
    worker.once('message', resolve).once('error', reject)
  })
  await worker.terminate()

  // The second sign-up of the same handle is refused, by the code that asks.
  expect(found.statuses).toEqual([
    [201, 200, 200, 404],
    [409, 200, 200, 404],
  ])
  expect(found.health).toEqual([{ status: 'ok' }, { status: 'fine' }])
  expect(JSON.stringify(found.handle)).toContain('"ada"')
  expect(found.isInvariantShared).toBe(true)
  expect(found.isRefusalShared).toBe(false)
  expect(found.programs).toEqual([
    join(own, 'src/media/image-worker.ts'),
    join(copy, 'src/media/image-worker.ts'),
  ])
  expect(found.count).toBe(2)
})
