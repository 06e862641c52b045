// Blocked terms: what they match, and what may be one.

import { expect } from 'vitest'
import {
  demandAllowedTerms,
  isTagBlocked,
  termOf,
  termsOfKind,
} from '../../src/model/blocked-terms.ts'
import { BLOCKED_TERM_COUNT_MAX } from '../../src/model/limits.ts'
import { reportsInState } from '../../src/model/reports.ts'
import { blockedTerms, reports } from '../../src/model/schema.ts'
import { expectCode, networkTest } from '../support/network.ts'
import type { TermKind } from '../../src/model/blocked-terms.ts'
import type { Network } from '../support/network.ts'

function blockTerm(network: Network, kind: TermKind, term: string): Promise<number> {
  return network.run('blockTerm', { kind, term, moderator: 0 })
}

/** What is said no to, undefined for what may be published. */
function refusalOf(network: Network, text: string): string | undefined {
  try {
    demandAllowedTerms(network.view, 'fine', text)
    return undefined
  } catch (error) {
    expect(error).toMatchObject({ code: 'TERM_BLOCKED' })
    return (error as Error).message
  }
}

networkTest('a blocked word is matched as a word, in any case and width', async (network) => {
  expect(refusalOf(network, 'spam')).toBeUndefined()
  await blockTerm(network, 'word', ' Spam ')
  const sentence = 'The word "spam" may not be published here.'
  for (const text of [
    'spam',
    'Buy SPAM!',
    '(spam)',
    '#spam',
    'ＳＰＡＭ',
    'sp\u200Bam',
    'a spam-b',
    '写真 spam 写真',
  ]) {
    expect(refusalOf(network, text), text).toBe(sentence)
  }
  for (const text of ['spammer', 'antispam', 'spa m', 'späm', 'spam_', 'spam1', '']) {
    expect(refusalOf(network, text), text).toBeUndefined()
  }
})

networkTest('a blocked tag is matched as a tag alone', async (network) => {
  await blockTerm(network, 'tag', '#Straße')
  expect(refusalOf(network, 'the #STRASSE')).toBeUndefined()
  expect(refusalOf(network, 'the #straße.')).toBe('The tag "#straße" may not be published here.')
  expect(refusalOf(network, 'the straße')).toBeUndefined()
  expect(isTagBlocked(network.view, 'straße')).toBe(true)
  expect(isTagBlocked(network.view, 'sea')).toBe(false)
  await blockTerm(network, 'word', 'sea')
  expect(isTagBlocked(network.view, 'sea')).toBe(true)
})

networkTest('what is no word or tag cannot be blocked', async (network) => {
  for (const term of ['', ' ', 'two words', 'don’t', '!', '#spam', 'x'.repeat(101)]) {
    await expectCode(blockTerm(network, 'word', term), 'TERM_INVALID')
  }
  for (const term of ['', '#', '#1', 'two words', '##a', 'x'.repeat(300)]) {
    await expectCode(blockTerm(network, 'tag', term), 'TERM_INVALID')
  }
  expect(network.view.rowCount(blockedTerms)).toBe(0)
})

networkTest('a term is blocked once, and unblocked', async (network) => {
  const word = await blockTerm(network, 'word', 'Spam')
  expect(await blockTerm(network, 'word', 'ｓｐａｍ')).toBe(word)
  const tag = await blockTerm(network, 'tag', 'spam')
  expect(tag).not.toBe(word)
  expect(termsOfKind(network.view, 'word', 10)).toEqual([word])
  expect(termsOfKind(network.view, 'tag', 10)).toEqual([tag])
  expect(termOf(network.view.get(blockedTerms, tag)!.key)).toBe('#spam')
  await network.run('unblockTerm', { term: word, moderator: 0 })
  await expectCode(network.run('unblockTerm', { term: word, moderator: 0 }), 'TERM_NOT_FOUND')
  expect(refusalOf(network, 'spam')).toBeUndefined()
  const done = reportsInState(network.view, 'resolved', 10).map((id) => {
    const { reason, note } = network.view.get(reports, id)!
    return `${reason} ${note}`
  })
  expect(done).toEqual(['term_unblocked spam', 'term_blocked #spam', 'term_blocked spam'])
})

networkTest('terms are bounded in number', async (network) => {
  const terms = Array.from({ length: BLOCKED_TERM_COUNT_MAX }, (_, index) => `word${index}`)
  await Promise.all(terms.map((term) => blockTerm(network, 'word', term)))
  await expectCode(blockTerm(network, 'word', 'more'), 'TERMS_TOO_MANY')
  const known = await blockTerm(network, 'word', 'word7')
  await network.run('unblockTerm', { term: known, moderator: 0 })
  await blockTerm(network, 'word', 'more')
})
