// What a thread measures of its requests: how many, how long, how large.
//
// A request counts when its connection is through with it, also when its sender has hung up before
// there was an answer: its status is "none" then. A stream that stays open counts as under way, and
// when it ends, as a long request.
//
// Not measured is what no hook sees: bytes that are no HTTP, and addresses that are malformed.
//
// Series are bounded: a route is named by its pattern, an address where nothing is by "none", and a
// method that no route has by "other".

import { addToSpread, createSpread } from '../std/spread.ts'
import { counter, countedIn, gauge, histogram } from './metrics-registry.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { MetricsRegistry } from './metrics-registry.ts'
import type { Spread } from '../std/spread.ts'

const BOUNDS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])
const DURATION = 'shashin_http_request_duration_seconds'
const UNDER_WAY = 'shashin_http_requests_in_flight'
const BODIES = 'shashin_http_response_body_bytes_total'

interface Series {
  readonly labels: Readonly<Record<'method' | 'route' | 'status', string>>
  readonly seconds: Spread
}

/** Measures all requests to routes that are added from now on. Comes before all other hooks. */
export function measureRequests(app: FastifyInstance, registry: MetricsRegistry): void {
  const durations = countedIn(
    registry,
    DURATION,
    BOUNDS_SECONDS.join(),
    () => new Map<string, Series>(),
    (all) => {
      const help = 'Time from the headers of a request to the end of its answer.'
      const pairs = [...all.values()].map(({ labels, seconds }) => [labels, seconds] as const)
      return histogram(DURATION, help, pairs)
    },
  )
  const underWay = countedIn(registry, UNDER_WAY, 'one', newNumber, ({ value }) =>
    gauge(UNDER_WAY, 'Requests that are being answered, open streams among them.', value),
  )
  const bodies = countedIn(registry, BODIES, 'one', newNumber, ({ value }) =>
    counter(BODIES, 'Bytes of bodies sent, as far as their size was known before.', value),
  )

  app.addHook('onRequest', (request, reply, done) => {
    const startedAt = performance.now()
    underWay.value++
    reply.raw.on('close', () => {
      underWay.value--
      bodies.value += bodySizeOf(request, reply)
      const { seconds } = seriesOf(durations, request, reply)
      addToSpread(seconds, (performance.now() - startedAt) / 1000)
    })
    done()
  })
}

function newNumber(): { value: number } {
  return { value: 0 }
}

function seriesOf(
  all: Map<string, Series>,
  request: FastifyRequest,
  { raw }: FastifyReply,
): Series {
  const method = METHODS.has(request.method) ? request.method : 'other'
  const route = request.routeOptions.url ?? 'none'
  const status = raw.headersSent ? String(raw.statusCode) : 'none'
  const key = `${method} ${status} ${route}`
  let series = all.get(key)
  if (series === undefined) {
    series = { labels: { method, route, status }, seconds: createSpread(BOUNDS_SECONDS) }
    all.set(key, series)
  }
  return series
}

function bodySizeOf({ method }: FastifyRequest, reply: FastifyReply): number {
  if (method === 'HEAD' || !reply.raw.headersSent) return 0
  return Number(reply.getHeader('content-length') ?? 0)
}
