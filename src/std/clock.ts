// Time, as something that is passed in: tests hold the clock, production reads the machine's.

export interface Clock {
  /** Milliseconds since 1970. May jump when the machine's clock is set. */
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }
