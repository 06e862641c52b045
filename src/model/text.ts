// Texts as people write them, made fit to keep: well-formed, composed (NFC), line breaks as "\n",
// no space around, no control characters, and no longer than their limit.

import { Refusal } from './refusal.ts'
import type { TextLimit } from './limits.ts'

/** Refuses with TEXT_TOO_LONG, TEXT_INVALID, TEXT_EMPTY. */
export function fitText(given: string, limit: TextLimit): string {
  // Composing costs more the longer a text is: what can never fit is refused before it.
  if (given.length > limit.countMax * 8) throw tooLong(limit, given.length)
  const text = given.toWellFormed().replaceAll(/\r\n?/g, '\n').normalize('NFC').trim()
  const count = countCharacters(text)
  if (count > limit.countMax) throw tooLong(limit, count)
  const allowed = limit.hasLines ? /[^\P{Cc}\n\t]/u : /\p{Cc}/u
  if (allowed.test(text)) {
    const lines = limit.hasLines ? '' : ' and no line breaks'
    throw new Refusal(
      'TEXT_INVALID',
      `${capitalized(limit.label)} has no control characters${lines}.`,
    )
  }
  if (count < limit.countMin) {
    throw new Refusal('TEXT_EMPTY', `${capitalized(limit.label)} needs some text.`)
  }
  return text
}

function tooLong(limit: TextLimit, count: number): Refusal {
  const bound = `${capitalized(limit.label)} has at most ${limit.countMax} characters`
  return new Refusal('TEXT_TOO_LONG', `${bound}; this one has ${count}.`)
}

function countCharacters(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}

function capitalized(label: string): string {
  return label.charAt(0).toUpperCase() + label.slice(1)
}
