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

import { gaugeIn, counterIn, histogramIn } from './metrics-registry.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { MetricsRegistry } from './metrics-registry.ts'

const BOUNDS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])

/** Measures all requests to routes that are added from now on. Comes before all other hooks. */
export function measureRequests(app: FastifyInstance, registry: MetricsRegistry): void {
  const durations = histogramIn(registry, {
    name: 'shashin_http_request_duration_seconds',
    help: 'Time from the headers of a request to the end of its answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: BOUNDS_SECONDS,
  })
  const underWay = gaugeIn(registry, {
    name: 'shashin_http_requests_in_flight',
    help: 'Requests that are being answered, open streams among them.',
  })
  const sizes = counterIn(registry, {
    name: 'shashin_http_response_body_bytes_total',
    help: 'Bytes of bodies sent, as far as their size was known before.',
  })

  app.addHook('onRequest', (request, reply, done) => {
    const startedAt = performance.now()
    underWay.inc(1)
    reply.raw.on('close', () => {
      const seconds = (performance.now() - startedAt) / 1000
      underWay.dec(1)
      sizes.inc(bodySizeOf(request, reply))
      durations.observe(labelsOf(request, reply), seconds)
    })
    done()
  })
}

function labelsOf(request: FastifyRequest, { raw }: FastifyReply) {
  return {
    method: METHODS.has(request.method) ? request.method : 'other',
    route: request.routeOptions.url ?? 'none',
    status: raw.headersSent ? raw.statusCode : 'none',
  }
}

function bodySizeOf({ method }: FastifyRequest, reply: FastifyReply): number {
  if (method === 'HEAD' || !reply.raw.headersSent) return 0
  return Number(reply.getHeader('content-length') ?? 0)
}
