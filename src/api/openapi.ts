// The API, described by itself: /api/openapi.json, and a page to read it at /api/docs.
//
//   GET /api/openapi.json   OpenAPI 3.1, of the schemas by which requests are checked and answers
//                           written; what a route is for stands in openapi-summaries.ts
//   GET /api/docs           Swagger UI, of files that are here: it works without the Internet
//
// Nobody reads it most of the time. So what makes it is loaded, and given the routes, when it is
// first asked for, in an app of its own that listens nowhere: the start of a thread and the routes
// of the API know nothing of it.
//
// The page is the only one that runs scripts here: its own files, nothing inline, and it asks
// nobody but this server.

import fastify from 'fastify'
import packageJson from '../../package.json' with { type: 'json' }
import { tagged } from './caching.ts'
import { SUMMARIES } from './openapi-summaries.ts'
import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifySchema } from 'fastify'
import type { Access } from './authentication.ts'
import type { Scope } from '../model/sessions.ts'

/** A route as it was added. */
export interface NotedRoute {
  readonly method: string
  /** From the root: "/api/shashin/v1/posts/:id". */
  readonly url: string
  readonly access: Access
  /** What an access token needs. */
  readonly scope: Scope | 'none'
  readonly schema: FastifySchema
}

declare module 'fastify' {
  interface FastifyInstance {
    /** All routes that say something, in the order in which they were added. */
    readonly notedRoutes: readonly NotedRoute[]
  }
}

const DOCUMENT_PATH = '/api/openapi.json'
const PAGE_PATH = '/api/docs'
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const ABOUT = `Ids are decimal strings that grow with time; posts and comments share them. Lists are
pages, \`{"items": […], "next": … | null}\`: \`next\` of one page is \`before\` (of comments
\`cursor\`) of the next. All errors have one shape. Writes answer with \`X-Shashin-LSN\`; a read
that sends it back sees the write.`

const ErrorBody = {
  type: 'object' as const,
  required: ['error', 'code', 'type', 'title', 'status', 'detail', 'request_id'],
  properties: {
    error: { type: 'string' as const, description: 'A sentence for people.' },
    code: { type: 'string' as const, description: 'For programs.', examples: ['POST_NOT_FOUND'] },
    type: { type: 'string' as const },
    title: { type: 'string' as const },
    status: { type: 'integer' as const },
    detail: { type: 'string' as const },
    request_id: { type: 'string' as const },
  },
} satisfies object

const FORM = 'application/x-www-form-urlencoded'
const MULTIPART = 'multipart/form-data'
/** The route that reads its form itself. */
const UPLOAD = 'POST /api/shashin/v1/media'
const UploadBody = {
  type: 'object',
  required: ['file'],
  properties: { file: { type: 'string', format: 'binary' } },
}

/** Fields that a store must not know, so that no answer is kept. */
const SECRETS = ['token', 'code', 'secret', 'recovery_codes']

/** Notes all routes that are added from now on, but those that only say no. */
export function noteRoutes(app: FastifyInstance): void {
  const routes: NotedRoute[] = []
  app.decorate('notedRoutes', routes)
  app.addHook('onRoute', ({ method, url, config, schema = {} }) => {
    if (method === 'HEAD' || Array.isArray(method)) return
    const { access, scope = 'none' } = config!
    routes.push({ method: String(method), url, access: access!, scope, schema })
  })
}

export const documentRoutes: FastifyPluginCallback = (app, _options, done) => {
  const config = { access: 'anyone' } as const
  const { notedRoutes } = app
  let documents: Promise<FastifyInstance> | undefined
  let text: string | undefined
  const open = (): Promise<FastifyInstance> => {
    const told = notedRoutes.filter(({ url }) => !isAboutItself(url))
    return (documents ??= createDocuments(told))
  }

  app.get(DOCUMENT_PATH, { config }, async (_request, reply) => {
    text ??= JSON.stringify((await open()).swagger())
    reply.header('content-type', 'application/json; charset=utf-8')
    return tagged(reply, text)
  })
  for (const url of [PAGE_PATH, `${PAGE_PATH}/*`]) {
    app.get(url, { config }, async ({ raw, headers }, reply) => {
      const answer = await (await open()).inject({ url: raw.url!, headers })
      return pass(reply, answer)
    })
  }
  app.addHook('onClose', async () => {
    await (await documents)?.close()
  })
  done()
}

function isAboutItself(url: string): boolean {
  return url === DOCUMENT_PATH || url.startsWith(PAGE_PATH)
}

/** Hands on what the other app answers; what it does not find is not found here. */
function pass(
  reply: FastifyReply,
  { statusCode, headers, rawPayload }: Awaited<ReturnType<FastifyInstance['inject']>>,
): FastifyReply {
  if (statusCode === 404) {
    reply.callNotFound()
    return reply
  }
  for (const name of ['content-type', 'location', 'etag', 'last-modified'] as const) {
    if (headers[name] !== undefined) reply.header(name, headers[name])
  }
  reply.header('content-security-policy', PAGE_POLICY)
  return reply.code(statusCode).send(statusCode === 304 ? undefined : rawPayload)
}

/** An app that knows the routes as far as they can be described, and the page. */
async function createDocuments(routes: readonly NotedRoute[]): Promise<FastifyInstance> {
  const { default: swagger } = await import('@fastify/swagger')
  const { default: swaggerUi } = await import('@fastify/swagger-ui')
  const app = fastify()
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => JSON.stringify)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Shashin', version: packageJson.version, description: ABOUT },
      tags: [...new Set(Object.values(SUMMARIES).map(([tag]) => tag))].map((name) => ({ name })),
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer' },
          cookie: { type: 'apiKey', in: 'cookie', name: '__Host-shashin' },
        },
        schemas: { Error: ErrorBody },
      },
    },
  })
  await app.register(swaggerUi, {
    routePrefix: PAGE_PATH,
    uiConfig: { layout: 'BaseLayout', persistAuthorization: false },
    theme: { title: 'Shashin API' },
  })
  for (const route of routes) app.route(describedRoute(route))
  await app.ready()
  return app
}

function describedRoute({ method, url, access, schema }: NotedRoute) {
  const [tag, summary] = SUMMARIES[`${method} ${url}`] ?? ['Other', '']
  const { body, querystring, params, response } = schema as Readonly<Record<string, object>>
  const headers = headersOf(method, response)
  return {
    method,
    url,
    handler: () => undefined,
    schema: {
      tags: [tag],
      summary,
      security: securityOf(access),
      ...(headers === undefined ? {} : { headers }),
      ...sentTo(`${method} ${url}`, body),
      ...(querystring === undefined ? {} : { querystring }),
      ...(params === undefined ? {} : { params }),
      response: {
        ...(response ?? { '2xx': { description: 'It is done.' } }),
        default: { description: 'An error.', ...ErrorBody },
      },
    },
  }
}

/** What the body of a request is, and as what it may come. */
function sentTo(route: string, body: object | undefined): object {
  if (route === UPLOAD) return { body: UploadBody, consumes: [MULTIPART] }
  return body === undefined ? {} : { body, consumes: ['application/json', FORM, MULTIPART] }
}

/** What callers may send besides. */
function headersOf(method: string, response: object | undefined): object | undefined {
  const text = (description: string): object => ({ type: 'string' as const, description })
  if (method === 'GET') {
    return {
      type: 'object',
      properties: {
        'X-Shashin-LSN': text('What a write has answered with: the answer is not older than that.'),
      },
    }
  }
  if (method !== 'POST' || !isKept(response)) return undefined
  return {
    type: 'object',
    properties: {
      'Idempotency-Key': text('Sent again with the same key, it gets what was created first.'),
    },
  }
}

/** Whether it creates something that is told again: what holds a secret is told once. */
function isKept(response: object | undefined): boolean {
  const { 201: body } = (response ?? {}) as { readonly 201?: { readonly properties?: object } }
  if (body === undefined) return false
  return !SECRETS.some((name) => Object.hasOwn(body.properties ?? {}, name))
}

function securityOf(access: Access): readonly Readonly<Record<string, readonly string[]>>[] {
  const known = [{ token: [] }, { cookie: [] }]
  return access === 'anyone' ? [{}, ...known] : known
}
