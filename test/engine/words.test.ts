// What texts are found by, and what queries ask for, in many scripts.

import { describe, expect, it } from 'vitest'
import { TERM_COUNT_MAX, TERM_SIZE_MAX, WORD_RULES } from '../../src/engine/words.ts'
import { queryTermsOf, termsOf } from '../../src/engine/words.ts'
import { seededTest } from '../support/seeded.ts'

const terms = (text: string): string => [...termsOf(text)].join(' ')
const asked = (query: string): string =>
  queryTermsOf(query)
    .map(({ term, isPrefix }) => (isPrefix ? `${term}*` : term))
    .join(' ')

describe('a text is found by', () => {
  const texts: [string, string, string][] = [
    ['nothing when it is empty', '', ''],
    ['nothing when it has no letters', '… !? — 🌸☀️ \u200d', ''],
    ['its words in small letters, each once', 'Sun, sea & SUN!', 'sun sea'],
    ['numbers and words with numbers', 'ISO400, f/1.8 50mm', 'iso400 f 1 8 50mm'],
    ['words without accents', 'Café à Kraków, Ängelholm', 'cafe a krakow angelholm'],
    ['letters by their plain spelling', 'Straße STRASSE Øre Łódź cœur', 'strasse ore lodz coeur'],
    ['the same however accents are encoded', 'é e\u0301', 'e'],
    ['the same in the capitals of Turkish and Greek', 'İstanbul ΟΔΟΣ οδός', 'istanbul οδοσ'],
    ['Cyrillic without its marks', 'Ёлка йод', 'елка иод'],
    ['Arabic without its vowel signs', 'مُحَمَّد', 'محمد'],
    ['Hindi with its vowel signs', 'हिन्दी', 'हिन्दी'],
    ['plain letters for wide and ornate ones', 'ＡＢＣ１ ﬁne ②', 'abc1 fine 2'],
    ['what stands around soft hyphens and joiners', 'sun\u00adset su\u200dn', 'sunset sun'],
    ['neighbours where there are no spaces', '東京タワー', '東京 京タ タワ ワー ー'],
    ['half-width kana as wide ones', 'ｶﾞﾝ', 'ガン ン'],
    ['voiced kana apart from others', 'かが', 'かが が'],
    ['Korean and Thai neighbours', '사진 ไทย', '사진 진 ไท ทย ย'],
    ['scripts apart', 'iPhoneで撮影', 'iphone で撮 撮影 影'],
    ['one letter alone', '海', '海'],
    ['letters beyond 16 bits', '𠮷野', '𠮷野 野'],
    ['parts of a handle or tag', '@ada_l #golden-hour', 'ada l golden hour'],
  ]
  for (const [name, text, expected] of texts) {
    it(name, () => expect(terms(text)).toBe(expected))
  }

  it('terms of a bounded size and number', () => {
    expect(terms('x'.repeat(500))).toBe('x'.repeat(TERM_SIZE_MAX))
    expect(terms('é'.repeat(500))).toBe('e'.repeat(TERM_SIZE_MAX))
    const wide = '𝒜𐐨'.repeat(100)
    expect(terms(wide).isWellFormed()).toBe(true)
    const many = Array.from({ length: 5000 }, (_, index) => `w${index}`).join(' ')
    expect(termsOf(many).size).toBe(TERM_COUNT_MAX)
    expect(termsOf(`${many} é`).size).toBe(TERM_COUNT_MAX)
    const han = Array.from({ length: 9000 }, (_, index) => String.fromCodePoint(0x4e00 + index))
    expect(termsOf(han.join('')).size).toBeLessThanOrEqual(TERM_COUNT_MAX + 1)
    expect(termsOf('x '.repeat(100_000)).size).toBe(1)
  })
})

describe('a query asks for', () => {
  const queries: [string, string, string][] = [
    ['nothing when it is empty', ' … ', ''],
    ['its words, the last as a prefix', 'Golden hour', 'golden hour*'],
    ['whole words where the last has ended', 'golden hour ', 'golden hour'],
    ['a prefix where there is a star', 'gold* hour ', 'gold* hour'],
    ['no prefix of a single letter', 'golden h', 'golden h'],
    ['neighbours, without the last letter alone', '東京タワー', '東京 京タ タワ ワー'],
    ['a single letter of such a script as a prefix', '京', '京*'],
    ['each word once', 'sun sun sun', 'sun sun*'],
    ['words cut like those of texts', 'x'.repeat(500), `${'x'.repeat(TERM_SIZE_MAX)}*`],
  ]
  for (const [name, query, expected] of queries) {
    it(name, () => expect(asked(query)).toBe(expected))
  }
})

it('rules are known by their own version and that of Unicode', () => {
  expect(WORD_RULES).toMatch(/^\d+, Unicode \d+\.\d+/)
})

const LETTERS = [
  'a',
  'B',
  'é',
  'ß',
  'İ',
  '9',
  ' ',
  '-',
  '東',
  'が',
  'ｶﾞ',
  '한',
  'ไ',
  'я',
  '𠮷',
  '\u0301',
]

seededTest('what is cut out of a text between spaces is found in it', (random) => {
  for (let count = 0; count < 300; count++) {
    const words = Array.from({ length: random.between(1, 5) }, () =>
      Array.from({ length: random.between(1, 6) }, () => random.pick(LETTERS)).join(''),
    )
    const found = [...termsOf(words.join(' '))]
    for (const { term, isPrefix } of queryTermsOf(random.pick(words))) {
      const has = found.some((other) => (isPrefix ? other.startsWith(term) : other === term))
      expect(has, `${term} in ${words.join(' ')}`).toBe(true)
    }
    // Folding what is folded changes nothing.
    expect(terms(found.join(' '))).toContain(found[0] ?? '')
  }
})

seededTest('plain texts have the same terms by the fast way and the general one', (random) => {
  for (let count = 0; count < 300; count++) {
    const text = random.bytes(random.below(60)).map((byte) => byte & 0x7f)
    const plain = Buffer.from(text).toString('latin1')
    expect(terms(plain)).toBe(terms(`${plain} …`))
  }
})
