// Assertions: what must hold or the process ends. They stay on in production.
//
// An InvariantError is our own mistake, never a user's and never the disk's: nobody catches it to
// carry on. The unit of isolation that threw it ends, and recovery rebuilds from disk.

/** A broken invariant: a bug in this program. */
export class InvariantError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'InvariantError'
  }
}

/**
 * Throws InvariantError unless `condition` holds. `message` is a literal, so that asserting costs
 * nothing.
 */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message)
}
