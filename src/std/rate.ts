// Rates as people write them, in settings: so many in so long.

import { parseDuration } from './quantity.ts'

/** At most `count` in each window of `periodMs`. */
export interface Rate {
  readonly count: number
  readonly periodMs: number
}

const COUNT_MAX = 1_000_000
const PERIOD_MS_MIN = 1_000
const PERIOD_MS_MAX = 86_400_000

/** "300/5m": 1 to a million, in a second to a day. */
export function parseRate(text: string): Rate | undefined {
  const [, digits, period = ''] = /^(\d{1,7})\/(.+)$/.exec(text) ?? []
  const count = Number(digits)
  const periodMs = parseDuration(period) ?? 0
  if (!(count >= 1 && count <= COUNT_MAX)) return undefined
  if (!(periodMs >= PERIOD_MS_MIN && periodMs <= PERIOD_MS_MAX)) return undefined
  return { count, periodMs }
}
