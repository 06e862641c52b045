// Rate limits: how much one may ask. All threads count in the same memory, so however many there
// are, a limit is one limit.
//
//   LIMIT      WHAT IT COUNTS                            BY
//   signUps    new accounts                              address
//   logIns     passwords tried                           address
//   codes      codes of the second factor tried      account, from wherever
//   writes     what changes something                    user, else address
//   reads      everything else that is answered          user, else address
//   uploads    photos sent                               user, else address
//
// Not limited are the routes of admins, of health and metrics, and the bytes of photos: these never
// change, so browsers and proxies keep them, and one page shows many.
//
// An IPv6 address counts as its network (/64), since whoever has one has all of it. An address is
// that of the socket; behind a proxy it is the proxy's, unless `trustedProxies` names that one.
// A request with a token that is not known is refused before it is counted: it costs one look into
// memory, and guessing a token is hopeless.
//
// When the table of a limit is full, newcomers are let through uncounted until the window ends:
// being attacked from everywhere must not lock everybody out. Those who are in the table stay
// limited, and a metric tells.
//
// Not @fastify/rate-limit: each of its steps awaits, and of what it does, only subtracting would be
// left here (docs/decisions/0002-libraries.md).

import { isIPv6 } from 'node:net'
import { systemClock } from '../std/clock.ts'
import { SharedCounters, createSharedCounters } from '../std/shared-counters.ts'
import { RequestRefusal } from './errors.ts'
import { counterIn } from './metrics-registry.ts'
import { MEDIA_PATH } from './render/media.ts'
import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify'
import type { Clock } from '../std/clock.ts'
import type { Rate } from '../std/rate.ts'
import type { MetricsRegistry } from './metrics-registry.ts'

/** Tables are in memory that outlives a deploy: a number is never used for another limit. */
const LIMITS = {
  signUps: { table: 0, isByAddress: true },
  logIns: { table: 1, isByAddress: true },
  writes: { table: 2, isByAddress: false },
  reads: { table: 3, isByAddress: false },
  uploads: { table: 4, isByAddress: false },
  codes: { table: 5, isByAddress: false },
} as const

export type LimitName = keyof typeof LIMITS
export type RateLimits = Readonly<Partial<Record<LimitName, Rate | 'off'>>>

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Where a route leaves it out, `limitOf` says. */
    limit?: LimitName | 'none'
  }
  interface FastifyInstance {
    /** Counts a code of the second factor that is tried for a user. Refuses with RATE_LIMITED. */
    countCode(user: number): void
  }
}

/** Routes that are neither a read nor any other write, by the end of their address. */
const ROUTE_LIMITS: Readonly<Record<string, LimitName | 'none'>> = {
  'POST /users': 'signUps',
  'POST /sessions': 'logIns',
  'POST /media': 'uploads',
  'GET /healthz': 'none',
  'GET /readyz': 'none',
  'GET /metrics': 'none',
}

/** IPv6 addresses whose network is remembered. */
const NETWORKS_MAX = 10_000

interface Parts {
  readonly limits: RateLimits
  readonly memory?: SharedArrayBuffer | undefined
  readonly registry: MetricsRegistry
  readonly clock?: Clock | undefined
}

interface Limit {
  readonly max: number
  readonly isByAddress: boolean
  readonly counters: SharedCounters
  /** The time as ISO 8601 has it. */
  readonly textOf: (time: number) => string
}

/** Limits all routes that are added from now on. The hooks before it know `request.caller`. */
export function limitRates(app: FastifyInstance, parts: Parts): void {
  const { registry, memory = createSharedCounters(), clock = systemClock } = parts
  const limits = new Map<LimitName | 'none', Limit>()
  for (const name of Object.keys(LIMITS) as LimitName[]) {
    const rate = parts.limits[name] ?? 'off'
    if (rate === 'off') continue
    const { table, isByAddress } = LIMITS[name]
    const counters = new SharedCounters(memory, table, rate.periodMs, clock)
    limits.set(name, { max: rate.count, isByAddress, counters, textOf: timeTexts() })
  }
  const refused = counterIn(registry, {
    name: 'shashin_rate_limit_refused_total',
    help: 'Requests refused because of a limit.',
    labelNames: ['limit'],
  })
  const uncounted = counterIn(registry, {
    name: 'shashin_rate_limit_uncounted_total',
    help: 'Requests let through because the table of their limit was full.',
    labelNames: ['limit'],
  })
  app.decorate('countCode', (user: number) => {
    const limit = limits.get('codes')
    if (limit === undefined) return
    const { count, endsAt } = limit.counters.count(`user ${user}`, limit.max)
    if (count === 0) uncounted.inc({ limit: 'codes' })
    if (count <= limit.max) return
    refused.inc({ limit: 'codes' })
    throw tooMany(endsAt)
  })
  if (limits.size === 0) return

  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, limit: route.config?.limit ?? limitOf(route) }
  })
  app.addHook('onRequest', (request, reply, done) => {
    // Looking for addresses where nothing is counts as reading.
    const name = request.routeOptions.config.limit ?? 'reads'
    const limit = limits.get(name)
    if (limit === undefined) return done()
    const { max, isByAddress, counters, textOf } = limit
    const { count, endsAt } = counters.count(
      isByAddress ? networkOf(request) : askerOf(request),
      max,
    )
    if (count === 0) uncounted.inc({ limit: name })
    reply.header('x-ratelimit-limit', max)
    reply.header('x-ratelimit-remaining', Math.max(0, max - count))
    reply.header('x-ratelimit-reset', textOf(endsAt))
    if (count <= max) return done()
    refused.inc({ limit: name })
    done(tooMany(endsAt))
  })

  function tooMany(endsAt: number): RequestRefusal {
    const retryAfter = String(Math.max(1, Math.ceil((endsAt - clock.now()) / 1000)))
    return new RequestRefusal('RATE_LIMITED', undefined, { 'retry-after': retryAfter })
  }
}

/** What limits a route that does not say so itself. */
function limitOf(route: RouteOptions & { readonly routePath: string }): LimitName | 'none' {
  const { method, routePath, url, config } = route
  const verb = method === 'HEAD' ? 'GET' : String(method)
  const particular = ROUTE_LIMITS[`${verb} ${routePath}`]
  if (particular !== undefined) return particular
  if (config?.access === 'admin' || url.startsWith(`${MEDIA_PATH}/`)) return 'none'
  // Several methods at once: those that an address does not know.
  return verb === 'GET' || Array.isArray(method) ? 'reads' : 'writes'
}

/** Writes times; all requests of a window ask for the same one. */
function timeTexts(): (time: number) => string {
  let last = 0
  let text = ''
  return (time) => {
    if (time !== last) {
      last = time
      text = new Date(time).toISOString()
    }
    return text
  }
}

function askerOf(request: FastifyRequest): string {
  const user = request.caller?.user ?? 0
  return user === 0 ? networkOf(request) : `user ${user}`
}

const networks = new Map<string, string>()

function networkOf({ ip }: FastifyRequest): string {
  if (!isIPv6(ip)) return ip
  const known = networks.get(ip)
  if (known !== undefined) return known
  const network = networkOfIPv6(ip)
  if (networks.size >= NETWORKS_MAX) networks.clear()
  networks.set(ip, network)
  return network
}

/** The first four groups of the address; all of an IPv4 address that is mapped into IPv6. */
function networkOfIPv6(address: string): string {
  const [head = '', tail = ''] = address.replace(/%.*$/, '').split('::')
  const groupsOf = (text: string): string[] => (text === '' ? [] : text.split(':'))
  const [first, last] = [groupsOf(head), groupsOf(tail)]
  const given = first.length + last.length + (address.includes('.') ? 1 : 0)
  const zeros = Array.from({ length: 8 - given }, () => '0')
  const groups = [...first, ...zeros, ...last]
  if (/^(?:0+:){5}ffff:/i.test(groups.join(':'))) return groups.slice(6).join(':')
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}
