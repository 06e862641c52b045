// GET /metrics: what there is to measure, of all threads, in the text format of Prometheus.
//
//   WHO KNOWS IT                      HOW IT COMES HERE
//   each http thread: its requests    `gather`: the registries of all of them, summed
//   the store thread: its figures     `admin.stats()`
//   the supervisor: its threads       `admin.threads()`
//   any thread: the process           asked here
//
// Whoever reads it learns how many people are here and what they do. So it is for admins and for
// the operator, whose token a scraper sends as a Bearer token, unless the operator opens it
// (`--metrics-public`). It is not opened to the machine itself: behind a proxy everybody comes from
// there.

import { DatastoreError } from '../engine/errors.ts'
import { METRICS_WITHOUT_STORE, storeMetrics } from './metrics-store.ts'
import { measureThread, processMetrics, threadMetrics } from './metrics-threads.ts'
import { textOf } from './metrics-registry.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { Metrics } from './metrics-registry.ts'
import type { MetricsSource } from './metrics-threads.ts'
import type { Administration, ApiParts } from './parts.ts'

const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

interface Parts extends ApiParts {
  readonly metrics: MetricsSource
}

export const metricsRoutes: FastifyPluginCallbackTypebox<Parts> = (app, parts, done) => {
  const { admin, metrics, settings } = parts
  if (metrics.figures !== undefined) measureThread(metrics.registry, metrics.figures)

  const access = settings.metricsPublic === true ? 'anyone' : 'admin'
  app.get('/metrics', { config: { access, limit: 'none' } }, async (_request, reply) => {
    const [https, store, threads] = await Promise.all([
      metrics.gather(),
      metricsOfStore(admin),
      admin.threads(),
    ])
    const text = await textOf([...https, store, threadMetrics(threads), processMetrics()])
    return reply.header('content-type', CONTENT_TYPE).send(text)
  })
  done()
}

/** That there is no store to ask is worth a metric, and no reason to tell nothing else. */
async function metricsOfStore(admin: Administration): Promise<Metrics> {
  try {
    return storeMetrics(await admin.stats())
  } catch (error) {
    if (error instanceof DatastoreError) return METRICS_WITHOUT_STORE
    throw error
  }
}
