// What the API is made of, handed in by whoever starts it: the rest of the server as interfaces
// that another thread, or a test, can implement.

import type { FastifyBaseLogger } from 'fastify'
import type { Store } from '../engine/store.ts'
import type { Photos } from '../media/photos.ts'
import type { transactions } from '../model/transactions.ts'

/** What operators may ask of the store. */
export interface Administration {
  /** Takes a snapshot and says which. */
  snapshot(): Promise<{ readonly lsn: number }>
  /** Figures of the store, as JSON can hold them. */
  stats(): object
  /** Why writes cannot be served now; undefined when all is well. */
  trouble(): string | undefined
}

export interface ApiSettings {
  /**
   * The operator's token (SHASHIN_ADMIN_TOKEN); without it only users with the role "admin" are
   * admins.
   */
  readonly adminToken?: string | undefined
}

export interface ApiParts {
  readonly store: Store<typeof transactions>
  readonly admin: Administration
  readonly media: Pick<Photos, 'accept' | 'read'>
  readonly settings: ApiSettings
  /** Undefined: nothing is logged. */
  readonly logger?: FastifyBaseLogger | undefined
  /** Called with a broken invariant: the unit of isolation must end. */
  readonly fatal: (error: Error) => void
}
