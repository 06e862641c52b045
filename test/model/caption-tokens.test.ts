// Tokens of captions: what is a hashtag, a mention, a link, and that no text is too strange or too
// long.

import { assert, constantFrom, oneof, property, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HANDLE_PATTERN } from '../../src/model/limits.ts'
import { tagKeyOf, tokensOf } from '../../src/model/caption-tokens.ts'
import type { CaptionToken } from '../../src/model/caption-tokens.ts'

/** A token as a short text: "#key", "@handle", "<link>", or the text as it is. */
function shortOf(token: CaptionToken): string {
  if (token.kind === 'hashtag') return `#${token.key}`
  if (token.kind === 'mention') return `@${token.handle}`
  return token.kind === 'link' ? `<${token.text}>` : token.text
}

function shown(text: string): string[] {
  return tokensOf(text).map(shortOf)
}

/** All but texts. */
function kept(text: string): string[] {
  return tokensOf(text)
    .filter(({ kind }) => kind !== 'text')
    .map(shortOf)
}

describe('a hashtag', () => {
  test('is letters, digits and underscores of any script', () => {
    expect(shown('By the #Sea!')).toEqual(['By the ', '#sea', '!'])
    expect(shown('#海と山 ＃夏')).toEqual(['#海と山', ' ', '#夏'])
    expect(kept('#été #тест #ไม่ไหว #हिन्दी #a_1 #_x #2026年')).toEqual([
      '#été',
      '#тест',
      '#ไม่ไหว',
      '#हिन्दी',
      '#a_1',
      '#_x',
      '#2026年',
    ])
    expect(kept('(#sea) "#sun" #sea-side #sea.')).toEqual(['#sea', '#sun', '#sea', '#sea'])
  })

  test('has one key for all cases and widths of its letters', () => {
    expect(kept('#SEA #Sea #ｓｅａ #ﬁlm #ＵＮＩ１')).toEqual([
      '#sea',
      '#sea',
      '#sea',
      '#film',
      '#uni1',
    ])
    expect(tagKeyOf('E\u0301te\u0301')).toBe('été')
    const [token] = tokensOf('＃Sea')
    expect(token).toEqual({ kind: 'hashtag', text: '＃Sea', name: 'Sea', key: 'sea' })
  })

  test('ignores what is invisible in it', () => {
    expect(kept('#می\u200cخواهم')).toEqual(['#میخواهم'])
    expect(shown('#sea\u200d!')).toEqual(['#sea', '\u200d!'])
    expect(kept('#\u3164 #\u200c #a\ufe0f')).toEqual(['#a'])
  })

  test('has a letter', () => {
    expect(kept('#1 #2026 #_ #__ # #! #1_2 #\u0301 #1️⃣ #️⃣')).toEqual([])
    expect(kept('#1st #x')).toEqual(['#1st', '#x'])
  })

  test('begins a word, or stands behind another token', () => {
    expect(kept('C#sharp a#b é#x 海#山 ##x #＃x &#39x /#x ?a=#x @#x')).toEqual([])
    expect(kept('#sea#sun＃sky')).toEqual(['#sea', '#sun', '#sky'])
    expect(kept('@anna#sea')).toEqual(['@anna', '#sea'])
    expect(kept('☀️#sun 1️⃣#one 👩‍👩‍👧#us')).toEqual(['#sun', '#one', '#us'])
  })

  test('that is too long, or becomes so, is text', () => {
    expect(kept(`#${'a'.repeat(200)}`)).toHaveLength(1)
    expect(kept(`#${'a'.repeat(201)}`)).toEqual([])
    expect(kept(`#${'海'.repeat(66)}`)).toHaveLength(1)
    expect(kept(`#${'海'.repeat(67)}`)).toEqual([])
    // One character that stands for eighteen, spaces among them.
    expect(kept('#\ufdfa')).toEqual([])
    expect(kept(`#${'\u3300'.repeat(60)}`)).toEqual([])
  })
})

describe('a mention', () => {
  test('is a handle, without the dots behind it', () => {
    expect(shown('With @Anna_1.b.')).toEqual(['With ', '@Anna_1.b', '.'])
    expect(shown('＠anna...')).toEqual(['@anna', '...'])
    expect(kept('@anna, (@ben) @cleo: @dora-x @e.')).toEqual([
      '@anna',
      '@ben',
      '@cleo',
      '@dora',
      '@e',
    ])
    expect(shown('@annaさん')).toEqual(['@anna', 'さん'])
    expect(shown('@a..b')).toEqual(['@a', '..b'])
    const handle = 'a'.repeat(30)
    expect(kept(`@${handle}`)).toEqual([`@${handle}`])
  })

  test('is nothing else', () => {
    expect(kept('anna@example.org @anna@example.org @andré @.anna @ @@anna /@anna')).toEqual([])
    expect(kept(`@${'a'.repeat(31)} a=@b é@x`)).toEqual([])
  })
})

describe('a link', () => {
  test('is an address without the punctuation around it', () => {
    expect(shown('See https://example.org/a, or')).toEqual([
      'See ',
      '<https://example.org/a>',
      ', or',
    ])
    for (const [text, link] of [
      ['(https://example.org)', 'https://example.org'],
      ['(https://en.wikipedia.org/wiki/Sea_(film)).', 'https://en.wikipedia.org/wiki/Sea_(film)'],
      ['https://a.b/?q=1&r=#x!?', 'https://a.b/?q=1&r=#x'],
      ['“https://a.b/c”', 'https://a.b/c'],
      ['「https://a.b/海」', 'https://a.b/海'],
      ['https://a.b/c。次', 'https://a.b/c'],
      ['HTTP://A.B:8080/x]', 'HTTP://A.B:8080/x'],
      ['https://münchen.de', 'https://münchen.de'],
      ['https://a.b: there', 'https://a.b'],
      ['<https://a.b/c>', 'https://a.b/c'],
      ['https://a.b/@anna/#sea', 'https://a.b/@anna/#sea'],
      ['https://a.b/…', 'https://a.b/'],
    ] as const) {
      expect(kept(text), text).toEqual([`<${link}>`])
    }
  })

  test('has a host and no user, and begins a word', () => {
    expect(kept('http:// https://. http://? xhttp://a.b httpſ://a.b ftp://a.b')).toEqual([])
    expect(kept('https://bank.example@evil.example/')).toEqual([])
    expect(kept('javascript://a.b data:x http:/a')).toEqual([])
  })
})

describe('whatever the text', () => {
  const pieces = constantFrom(
    ...'#＃@＠._a海1/() \n\ud800\ufe0f\u200d\u0301é":&'.split(''),
    'http://',
    'https://',
    '..',
    'Ǆ',
    '😀',
  )
  const texts = oneof(
    string({ unit: 'binary', maxLength: 200 }),
    string({ unit: 'grapheme', maxLength: 200 }),
    string({ unit: pieces, maxLength: 60 }),
  )

  test('its tokens put together are the text, and no two texts follow each other', () => {
    assert(
      property(texts, (text) => {
        const tokens = tokensOf(text)
        expect(tokens.map((token) => token.text).join('')).toBe(text)
        for (const [index, token] of tokens.entries()) {
          expect(token.text).not.toBe('')
          if (token.kind === 'text') expect(tokens[index + 1]?.kind).not.toBe('text')
          if (token.kind === 'mention') expect(token.handle).toMatch(HANDLE_PATTERN)
          if (token.kind === 'link') expect(token.text).toMatch(/^https?:\/\/[^\s<>"@/?#]/iu)
          if (token.kind === 'hashtag') expect(tagKeyOf(token.name)).toBe(token.key)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  test('a key is its own key, and a tag by itself', () => {
    assert(
      property(texts, (text) => {
        const key = tagKeyOf(text)
        if (key === '') return
        expect(tagKeyOf(key)).toBe(key)
        expect(tokensOf(`#${key}`)).toEqual([{ kind: 'hashtag', text: `#${key}`, name: key, key }])
      }),
      { numRuns: 2_000 },
    )
  })

  test('a hundred thousand characters that were made to cost much are read once', () => {
    for (const piece of [
      '#@',
      '@#',
      '#a',
      '@a.',
      '@a@',
      'http://',
      'http://a@',
      'http://a)',
      'http://a.http',
      'https://a/(',
      '#a\u0301',
      '#a\u200c',
      'a',
      '#',
      '@',
      '\u0301',
    ]) {
      const text = piece.repeat(Math.ceil(100_000 / piece.length))
      for (const hostile of [text, `#${text}`, `@${text}`, `http://a/${text}`]) {
        expect(
          tokensOf(hostile)
            .map((token) => token.text)
            .join(''),
        ).toBe(hostile)
      }
    }
  })
})
