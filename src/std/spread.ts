// A spread: how many values lay between which bounds, and their sum. Plain data, which crosses
// between threads as it is; counting one is a few comparisons.

export interface Spread {
  /** Ascending. */
  readonly bounds: readonly number[]
  /** Values up to each bound and above the one before; the last is of those above all bounds. */
  readonly counts: number[]
  sum: number
}

export function createSpread(bounds: readonly number[]): Spread {
  return { bounds, counts: Array.from({ length: bounds.length + 1 }, () => 0), sum: 0 }
}

export function addToSpread(spread: Spread, value: number): void {
  const { bounds, counts } = spread
  let place = 0
  while (place < bounds.length && value > bounds[place]!) place++
  counts[place]!++
  spread.sum += value
}
