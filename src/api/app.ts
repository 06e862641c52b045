// The HTTP server: Fastify with every bound set, the routes wired by hand, one way for errors.
//
//   /api/shashin/v1/…   the native API: a plugin for each resource
//   /media/NAME         the bytes of photos
//   /healthz, /readyz   as well as under the prefix
//   /metrics            what there is to measure
//
// What bounds a connection stands in connections.ts.

import { randomUUID } from 'node:crypto'
import fastify from 'fastify'
import { InvariantError } from '../std/assert.ts'
import { TAG_SIZE_MAX } from '../model/limits.ts'
import { accountRoutes } from './account.ts'
import { adminRoutes } from './admin.ts'
import { auditRoutes } from './audit.ts'
import { authenticate } from './authentication.ts'
import { readYourWrites } from './caching.ts'
import { collectionRoutes } from './collections.ts'
import { commentRoutes } from './comments.ts'
import { createConnections } from './connections.ts'
import { ERRORS, RequestRefusal, answerOf, errorBody, errorContentType } from './errors.ts'
import { credentialRoutes } from './credentials.ts'
import { draftRoutes } from './drafts.ts'
import { feedRoutes } from './feed.ts'
import { readForms } from './forms.ts'
import { healthRoutes } from './health.ts'
import { instanceRoutes } from './instance.ts'
import { inviteRoutes } from './invites.ts'
import { likeRoutes } from './likes.ts'
import { mediaFileRoutes, mediaRoutes } from './media.ts'
import { metricsRoutes } from './metrics.ts'
import { measureRequests } from './metrics-requests.ts'
import { onlyThread } from './metrics-threads.ts'
import { moderationRoutes } from './moderation.ts'
import { notificationRoutes } from './notifications.ts'
import { documentRoutes, noteRoutes } from './openapi.ts'
import { Passwords } from './passwords.ts'
import { oidcRoutes } from './oidc.ts'
import { postRoutes } from './posts.ts'
import { profileRoutes } from './profiles.ts'
import { limitRates } from './rate-limits.ts'
import { relationshipRoutes } from './relationships.ts'
import { Fragments } from './render/fragments.ts'
import { MEDIA_PATH } from './render/media.ts'
import { reportRoutes } from './reports.ts'
import { searchRoutes } from './search.ts'
import { secondFactorRoutes } from './second-factor.ts'
import { sessionRoutes } from './sessions.ts'
import { signUpRoutes } from './sign-up.ts'
import { tokenRoutes } from './tokens.ts'
import { secure, securityHeaders } from './security.ts'
import { compileValidator, readJson } from './validation.ts'
import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ErrorCode } from './errors.ts'
import type { ApiParts } from './parts.ts'
import type { RenderingParts } from './render/answer.ts'
import type { SecurityHeaders } from './security.ts'

export const PREFIX = '/api/shashin/v1'

/** Bytes of a JSON body. */
const BODY_SIZE_MAX = 64 * 1024
const URL_SIZE_MAX = 4096
/** Longest part of an address, the longest tag. */
const PARAMETER_SIZE_MAX = TAG_SIZE_MAX
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

/** What the plugins of the native API are made of; none needs all of it. */
interface NativeParts extends RenderingParts {
  readonly passwords: Passwords
}
type Routes = (app: FastifyInstance, parts: NativeParts, done: () => void) => void

const NATIVE_ROUTES: readonly Routes[] = [
  signUpRoutes,
  credentialRoutes,
  sessionRoutes,
  secondFactorRoutes,
  oidcRoutes,
  accountRoutes,
  profileRoutes,
  relationshipRoutes,
  postRoutes,
  commentRoutes,
  feedRoutes,
  instanceRoutes,
  inviteRoutes,
  tokenRoutes,
  mediaRoutes,
  adminRoutes,
  healthRoutes,
  likeRoutes,
  collectionRoutes,
  draftRoutes,
  notificationRoutes,
  searchRoutes,
  reportRoutes,
  moderationRoutes,
  auditRoutes,
]

/** Builds the server; it does not listen yet. */
export async function buildApp(
  parts: ApiParts,
  fragments = new Fragments(),
): Promise<FastifyInstance> {
  const { settings, metrics = onlyThread() } = parts
  const { trustedProxies = [] } = settings
  const headersOf = securityHeaders(settings)
  const answerError = errorAnswers(parts, headersOf)
  const app = fastify({
    bodyLimit: BODY_SIZE_MAX,
    serverFactory: (serve) => createConnections(serve),
    forceCloseConnections: 'idle',
    // While it closes, what still comes is served, and told that the connection ends.
    return503OnClosing: false,
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    requestIdHeader: false,
    genReqId: () => randomUUID(),
    exposeHeadRoutes: true,
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    routerOptions: {
      maxParamLength: PARAMETER_SIZE_MAX,
      ignoreTrailingSlash: false,
      ignoreDuplicateSlashes: false,
      caseSensitive: true,
    },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: answerError,
    ...(parts.logger === undefined ? { logger: false } : { loggerInstance: parts.logger }),
  })

  app.setValidatorCompiler(compileValidator)
  app.setErrorHandler(answerError)
  app.setNotFoundHandler(() => {
    throw new RequestRefusal('ROUTE_NOT_FOUND')
  })
  readJson(app)
  readForms(app)
  app.removeContentTypeParser('text/plain')
  measureRequests(app, metrics.registry)
  secure(app, headersOf)
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.raw.url!.length > URL_SIZE_MAX) done(new RequestRefusal('URL_TOO_LONG'))
    else done()
  })
  authenticate(app, parts)
  limitRates(app, {
    limits: settings.limits ?? {},
    memory: parts.rateLimits,
    registry: metrics.registry,
    clock: parts.clock,
  })
  readYourWrites(app, parts.store)
  const methods = noteMethods(app)
  noteRoutes(app)

  await breath()
  const native = { ...parts, fragments, passwords: new Passwords(), prefix: PREFIX }
  for (const routes of NATIVE_ROUTES) app.register(guarded(routes), native)
  app.register(guarded(healthRoutes), parts)
  app.register(guarded(metricsRoutes), { ...parts, metrics })
  app.register(guarded(mediaFileRoutes), { ...parts, prefix: MEDIA_PATH })
  await app.after()
  await breath()
  app.register(documentRoutes)
  await app.after()
  refuseOtherMethods(app, methods)
  await breath()
  await app.ready()
  return app
}

/**
 * Lets what else this thread has to do go on. Building takes 0.3 s of a core, and a thread that
 * builds new code serves the present one meanwhile, and is watched.
 */
function breath(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/**
 * A plugin whose mistakes reject `buildApp`. What a plugin with a callback throws, Fastify lets
 * through to where nobody catches it: new code would end the thread that tries it.
 */
function guarded<Options extends object>(
  routes: (app: FastifyInstance, options: Options, done: () => void) => void,
): (app: FastifyInstance, options: Options) => Promise<void> {
  return (app, options) => new Promise((resolve) => routes(app, options, resolve))
}

/** The one way for errors to be answered. */
function errorAnswers({ fatal }: ApiParts, headersOf: SecurityHeaders) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    if (error instanceof InvariantError) {
      // Nothing that this process says can be relied upon any more, so it says nothing.
      fatal(error)
      reply.hijack()
      reply.raw.destroy()
      return
    }
    const answer = answerOf(error)
    const { status } = ERRORS[answer.code]
    if (status === 500) request.log.error({ err: error }, 'a request failed')
    // What is left of a large body is not waited for.
    if (!request.raw.complete && announcedSize(request) > BODY_SIZE_MAX) {
      reply.header('connection', 'close')
    }
    // A route may have begun an answer that is to be kept for ever.
    reply.removeHeader('etag')
    void reply
      .code(status)
      // The framework's own errors come before any hook.
      .headers({ ...headersOf(request), ...answer.headers })
      .header('cache-control', 'no-store')
      .header('content-type', errorContentType(request.headers.accept))
      .send(errorBody(answer, request.id))
  }
}

/** Bytes of the body as its sender says, Infinity when that is not said. */
function announcedSize({ headers }: FastifyRequest): number {
  return headers['transfer-encoding'] === undefined
    ? Number(headers['content-length'] ?? 0)
    : Number.POSITIVE_INFINITY
}

const CLIENT_ERRORS: Readonly<Record<string, ErrorCode>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
}

/** What is no HTTP never becomes a request: the answer is written to the socket as it is. */
export function answerBrokenRequest(
  error: Error & { readonly code?: string },
  socket: Socket,
): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy()
    return
  }
  const code = CLIENT_ERRORS[error.code ?? ''] ?? 'REQUEST_INVALID'
  const { status, sentence } = ERRORS[code]
  const body = errorBody({ code, sentence: sentence!, headers: {} }, randomUUID())
  const lines = [
    `HTTP/1.1 ${status} ${code}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    'Connection: close',
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  socket.end(body)
  socket.destroySoon()
}

/** Methods by address, of all routes that are added from now on. */
function noteMethods(app: FastifyInstance): ReadonlyMap<string, Set<string>> {
  const methods = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ url, method }) => {
    const known = methods.get(url) ?? new Set()
    for (const each of [method].flat()) known.add(each)
    methods.set(url, known)
  })
  return methods
}

/** An address that exists says which methods it knows. */
function refuseOtherMethods(
  app: FastifyInstance,
  methods: ReadonlyMap<string, ReadonlySet<string>>,
): void {
  // What is added here is noted, too: the list is taken before.
  const noted = [...methods]
  for (const [url, known] of noted) {
    const others = METHODS.filter((method) => !known.has(method))
    const allow = [...known].join(', ')
    app.route({
      method: others,
      url,
      config: { access: 'anyone' },
      // Before anybody looks at a token or a body.
      onRequest: () => {
        throw new RequestRefusal('METHOD_NOT_ALLOWED', undefined, { allow })
      },
      handler: () => undefined,
    })
  }
}
