// Quantities as people write them, in settings and on the command line: sizes and durations.
//
// One number and one unit, with or without a space, capitals or not. MB is a million bytes and MiB
// is 2^20, as disks and memories are labelled. What is not a whole number of bytes or milliseconds
// is not accepted.

const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
}
const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

function parseQuantity(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const [, digits, unit] = /^(\d{1,15}(?:\.\d{1,6})?) ?([a-z]*)$/i.exec(text) ?? []
  if (digits === undefined || unit === undefined) return undefined
  const factor = Object.hasOwn(units, unit.toLowerCase()) ? units[unit.toLowerCase()] : undefined
  if (factor === undefined) return undefined
  const quantity = Number(digits) * factor
  return Number.isSafeInteger(quantity) ? quantity : undefined
}

/** Bytes: "4096", "256MB" (millions), "64MiB" (powers of two). */
export function parseSize(text: string): number | undefined {
  return parseQuantity(text, SIZE_UNITS)
}

/** Milliseconds: "500ms", "30s", "15m", "12h", "7d". A bare number is not accepted: of what? */
export function parseDuration(text: string): number | undefined {
  return parseQuantity(text, DURATION_UNITS)
}
