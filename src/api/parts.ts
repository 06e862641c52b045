// What the API is made of, handed in by whoever starts it: the rest of the server as interfaces
// that another thread, or a test, can implement.

import type { FastifyBaseLogger } from 'fastify'
import type { HistoryPage, HistoryQuestion } from '../engine/history.ts'
import type { StoreStats } from '../engine/stats.ts'
import type { Store } from '../engine/store.ts'
import type { Photos } from '../media/photos.ts'
import type { transactions } from '../model/transactions.ts'
import type { Clock } from '../std/clock.ts'
import type { MetricsSource, ThreadReport } from './metrics-threads.ts'
import type { OidcSettings } from './oidc-provider.ts'
import type { RateLimits } from './rate-limits.ts'

/** What operators may ask of the store. */
export interface Administration {
  /** Takes a snapshot and says which. */
  snapshot(): Promise<{ readonly lsn: number }>
  /** Figures of the store. Rejects with a DatastoreError while there is none. */
  stats(): Promise<StoreStats>
  /** What transactions did, out of the log. Rejects with a DatastoreError while there is none. */
  log(question: HistoryQuestion): Promise<HistoryPage>
  /** Why writes cannot be served now; undefined when all is well. */
  trouble(): Promise<string | undefined>
  /** Figures of the threads, the supervisor's first. */
  threads(): Promise<readonly ThreadReport[]>
  /** Looks for new code and has it used; or says why it is not. */
  deploy(): Promise<object | { readonly refused: string }>
}

export interface ApiSettings {
  /**
   * The operator's token (SHASHIN_ADMIN_TOKEN); without it only users with the role "admin" are
   * admins.
   */
  readonly adminToken?: string | undefined
  /**
   * The code that this start of the server has printed because there were no users: whoever signs
   * up with it becomes the first admin. Undefined: there is none.
   */
  readonly setupCode?: string | undefined
  /** Where browsers find this server: "https://photos.example.org". Undefined: where they ask. */
  readonly publicUrl?: string | undefined
  /** By whom people may log in besides; it needs `publicUrl`. Undefined: by nobody. */
  readonly oidc?: OidcSettings | undefined
  /** What is not named is not limited. */
  readonly limits?: RateLimits
  /** Addresses and networks of proxies that are believed in X-Forwarded-For; none by default. */
  readonly trustedProxies?: readonly string[]
  /** Whether anybody may read the metrics; else only admins. */
  readonly metricsPublic?: boolean
}

export interface ApiParts {
  readonly store: Store<typeof transactions>
  readonly admin: Administration
  readonly media: Pick<Photos, 'accept' | 'read' | 'sizeOf'>
  readonly settings: ApiSettings
  /** Counts that all threads share (std/shared-counters.ts). Undefined: there is one thread. */
  readonly rateLimits?: SharedArrayBuffer
  /** By which rate limits are counted. Undefined: the machine's. */
  readonly clock?: Clock
  /** Undefined: there is one thread. */
  readonly metrics?: MetricsSource
  /** Undefined: nothing is logged. */
  readonly logger?: FastifyBaseLogger | undefined
  /** Called with a broken invariant: the unit of isolation must end. */
  readonly fatal: (error: Error) => void
}
