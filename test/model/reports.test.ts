// Reports: one open one for each reporter and thing, and what moderators make of them.

import { expect } from 'vitest'
import { REPORT_OPEN_COUNT_MAX } from '../../src/model/limits.ts'
import { REPORT_STATES, reportsInState } from '../../src/model/reports.ts'
import { reports } from '../../src/model/schema.ts'
import { NOON, expectCode, networkTest } from '../support/network.ts'
import type { FileReport } from '../../src/model/reports.ts'
import type { Network } from '../support/network.ts'

function report(
  network: Network,
  reporter: number,
  about: Pick<FileReport, 'user' | 'post'>,
  more: Partial<FileReport> = {},
): Promise<number> {
  return network.run('fileReport', { reporter, reason: 'spam', comment: '', ...about, ...more })
}

networkTest('a report names the author of what is reported', async (network) => {
  const hanako = await network.signUp('hanako')
  const jiro = await network.signUp('jiro')
  const post = await network.post(hanako)
  const comment = await network.comment(hanako, post)
  const id = await report(network, jiro, { post }, { comment: 'Look  ' })
  expect(network.view.get(reports, id)).toMatchObject({
    reporter: jiro,
    user: hanako,
    post,
    reason: 'spam',
    comment: 'Look',
    note: '',
    state: REPORT_STATES.indexOf('open'),
    createdAt: NOON,
    handledBy: 0,
    handledAt: 0,
  })
  const person = await report(network, jiro, { user: hanako })
  const answer = await report(network, jiro, { post: comment, user: hanako })
  expect(reportsInState(network.view, 'open', 10)).toEqual([answer, person, id])
  expect(reportsInState(network.view, 'open', 10, person)).toEqual([id])
})

networkTest('the same thing is reported once, until its report is closed', async (network) => {
  const hanako = await network.signUp('hanako')
  const jiro = await network.signUp('jiro')
  const saburo = await network.signUp('saburo')
  const post = await network.post(hanako)
  const first = await report(network, jiro, { post })
  expect(await report(network, jiro, { post }, { reason: 'hate' })).toBe(first)
  expect(await report(network, saburo, { post })).not.toBe(first)
  await network.run('handleReport', { report: first, moderator: saburo, state: 'dismissed' })
  const second = await report(network, jiro, { post })
  expect(second).toBeGreaterThan(first)
  expect(reportsInState(network.view, 'dismissed', 10)).toEqual([first])
})

networkTest('what cannot be reported is refused', async (network) => {
  const hanako = await network.signUp('hanako')
  const jiro = await network.signUp('jiro')
  const post = await network.post(hanako)
  await expectCode(report(network, hanako, { post }), 'REPORT_SELF')
  await expectCode(report(network, hanako, { user: hanako }), 'REPORT_SELF')
  await expectCode(report(network, jiro, { user: 99 }), 'USER_NOT_FOUND')
  await expectCode(report(network, jiro, {}), 'USER_NOT_FOUND')
  await expectCode(report(network, jiro, { post: 99 }), 'POST_NOT_FOUND')
  await expectCode(report(network, jiro, { post: -1 }), 'POST_NOT_FOUND')
  await expectCode(report(network, jiro, { post, user: jiro }), 'POST_NOT_FOUND')
  await expectCode(report(network, 99, { post }), 'USER_NOT_FOUND')
  const comment = 'x'.repeat(1_001)
  await expectCode(report(network, jiro, { post }, { comment }), 'TEXT_TOO_LONG')
  await network.run('block', { blocker: hanako, blocked: jiro })
  await expectCode(report(network, jiro, { post }), 'POST_NOT_FOUND')
  await expectCode(report(network, jiro, { user: hanako }), 'USER_NOT_FOUND')
  expect(network.view.rowCount(reports)).toBe(0)
})

networkTest('open reports of one reporter are bounded', async (network) => {
  const hanako = await network.signUp('hanako')
  const jiro = await network.signUp('jiro')
  const post = await network.post(hanako)
  let comment = 0
  for (let count = 0; count < REPORT_OPEN_COUNT_MAX; count++) {
    comment = await network.comment(hanako, post)
    await report(network, jiro, { post: comment })
  }
  await expectCode(report(network, jiro, { post }), 'REPORTS_TOO_MANY')
  const known = await report(network, jiro, { post: comment })
  await network.run('handleReport', { report: known, moderator: 0, state: 'resolved' })
  expect(await report(network, jiro, { post })).toBeGreaterThan(known)
})

networkTest('a report is handled, and opened again', async (network) => {
  const hanako = await network.signUp('hanako')
  const jiro = await network.signUp('jiro')
  const moderator = await network.signUp('saburo')
  const id = await report(network, jiro, { user: hanako })
  network.clock.time += 1000
  const handled = { report: id, moderator, state: 'resolved', note: ' Talked to her ' } as const
  await network.run('handleReport', handled)
  expect(network.view.get(reports, id)).toMatchObject({
    state: REPORT_STATES.indexOf('resolved'),
    handledBy: moderator,
    handledAt: NOON + 1000,
    note: 'Talked to her',
  })
  await network.run('handleReport', { report: id, moderator, state: 'open' })
  expect(network.view.get(reports, id)).toMatchObject({
    state: REPORT_STATES.indexOf('open'),
    handledBy: 0,
    handledAt: 0,
    note: 'Talked to her',
  })
  const nothing = { moderator, state: 'open' } as const
  await expectCode(network.run('handleReport', { ...nothing, report: 99 }), 'REPORT_NOT_FOUND')
  const own = await report(network, jiro, { user: moderator })
  await expectCode(network.run('handleReport', { ...nothing, report: own }), 'MODERATE_SELF')
  await network.run('handleReport', { report: own, moderator: 0, state: 'dismissed' })
  const long = { ...nothing, report: id, note: 'x'.repeat(1_001) }
  await expectCode(network.run('handleReport', long), 'TEXT_TOO_LONG')
})
