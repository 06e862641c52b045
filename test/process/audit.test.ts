// The audit trail of the real server: asked of an http thread, read by the store thread, the same
// after a restart, and while others write.

import { expect, test } from 'vitest'
import { PREFIX } from '../../src/api/app.ts'
import { Programs } from '../support/program.ts'
import type { Server } from '../support/program.ts'

const ADMIN_TOKEN = 'operator-token-of-the-tests-0123456789'
const environment = { SHASHIN_ADMIN_TOKEN: ADMIN_TOKEN }

interface Audit {
  readonly items: readonly { readonly lsn: number; readonly transaction: string }[]
  readonly last_lsn: number
}

async function call(server: Server, method: string, path: string, body?: unknown): Promise<Audit> {
  const answer = await fetch(server.url + PREFIX + path, {
    method,
    headers: {
      connection: 'close',
      authorization: `Bearer ${ADMIN_TOKEN}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  expect(answer.ok, await answer.clone().text()).toBe(true)
  return (await answer.json()) as Audit
}

test('what was written is told, before and after a restart', async () => {
  await using programs = await Programs.create()
  const first = await programs.serve(['--log-level', 'silent'], { environment })
  const terms = Array.from({ length: 30 }, (_, index) => `word${index}`)
  await Promise.all(
    terms.flatMap((term) => [
      call(first, 'POST', '/admin/blocked-terms', { kind: 'word', term }),
      call(first, 'GET', '/admin/audit?limit=5'),
    ]),
  )
  const before = await call(first, 'GET', '/admin/audit?from=1&limit=50')
  const labels = before.items.map(({ transaction }) => transaction)
  expect(labels).toEqual(['engine:schema', ...terms.map(() => 'blockTerm')])
  first.kill('SIGTERM')
  await first.end

  const second = await programs.serve(['--log-level', 'silent'], { environment })
  expect(await call(second, 'GET', '/admin/audit?from=1&limit=50')).toEqual(before)
})
