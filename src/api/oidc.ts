// Routes of OpenID Connect: log in by an account elsewhere, and link one to an account here.
//
//   browser                       this server                              provider
//   GET /oidc ──────────────────▶ cookie: question, sealed ──────────────▶ log in there
//   GET /oidc/callback?code ◀───────────────────────────────────────────── comes back
//     with the cookie ──────────▶ checks, asks who it is ────────────────▶
//                                 cookie: grant, sealed; back to a page
//   POST /oidc/sessions {code?} ▶ a token, the grant is used up
//
// No token and nothing that is worth one is ever part of an address: what the browser carries from
// one step to the next is in a cookie that no page can read, sealed with a key that all http
// threads have (sealed.ts). A question belongs to the browser that asked it, so nobody is logged in
// to somebody else's account by a link; a grant is good once (identities.ts), and is where a second
// factor is asked for.
//
// POST /me/identities begins the same way for somebody who is logged in: the question then names
// them, and what comes back is linked. The callback answers a browser with a way back to the page
// that began, `#oidc=…` behind it; a program, which asks for no HTML, gets JSON.

import { randomInt } from 'node:crypto'
import { Type } from 'typebox'
import { systemClock } from '../std/clock.ts'
import { createToken, hashOf, userOf } from './authentication.ts'
import { SessionCookies } from './cookies.ts'
import { RequestRefusal } from './errors.ts'
import { OidcProvider } from './oidc-provider.ts'
import { proofOf } from './proof.ts'
import { Seal } from './sealed.ts'
import { Code } from './second-factor.ts'
import { isAskedByHttps } from './security.ts'
import { IdParameters, Text, pageOf, rowOf } from './validation.ts'
import { write } from './writes.ts'
import { identitiesOf, identityOf } from '../model/identities.ts'
import { OIDC_GRANT_MS } from '../model/limits.ts'
import { Refusal } from '../model/refusal.ts'
import { identities, users } from '../model/schema.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { View } from '../engine/view.ts'
import type { Proof } from '../model/proof.ts'
import type { IdentityGrant } from '../model/identities.ts'
import type { OidcAnswer, OidcQuestion } from './oidc-provider.ts'
import type { ProofParts } from './proof.ts'

/** What a browser keeps while somebody logs in at the provider. */
interface Journey {
  readonly question: OidcQuestion
  readonly startedAt: number
  /** Where it goes afterwards: a path of this site. */
  readonly back: string
  readonly inviteHash?: string
  /** Who links it to their account. */
  readonly link?: Proof & { readonly current: number }
}

/** To log in at the provider. */
const JOURNEY_MS = 15 * 60_000
const BACK_SIZE_MAX = 500
const COOKIE_SIZE_MAX = 4_000
const RANDOM_SIZE = 5

const BackText = Type.String({ maxLength: BACK_SIZE_MAX })
const StartQuery = Type.Object({
  back: Type.Optional(BackText),
  invite: Type.Optional(Type.String({ maxLength: 200 })),
})
const ReadyBody = Type.Object({
  state: Type.Enum(['ready', 'linked']),
  second_factor: Type.Boolean(),
})
const LogInBody = Type.Object({ code: Type.Optional(Code), cookie: Type.Optional(Type.Boolean()) })
const TokenBody = Type.Object({ token: Type.Optional(Type.String()) })
const LinkBody = Type.Object({ password: Type.Optional(Text), back: Type.Optional(BackText) })
const AddressBody = Type.Object({ url: Type.String() })
const IdentityBody = Type.Object({
  id: Type.String(),
  issuer: Type.String(),
  subject: Type.String(),
  created_at: Type.String(),
})

export const oidcRoutes: FastifyPluginCallbackTypebox<ProofParts> = (app, parts, done) => {
  const { store, settings, clock = systemClock } = parts
  const { oidc: provider, publicUrl } = settings
  const cookies = new SessionCookies(settings)
  const path = `${app.prefix}/oidc`
  const oidc =
    provider === undefined || publicUrl === undefined
      ? undefined
      : {
          provider: new OidcProvider(provider, new URL(`${path}/callback`, publicUrl)),
          seal: new Seal(provider.clientSecret, 'shashin oidc'),
        }

  app.addHook('onError', (request, _reply, error, next) => {
    noteCause(request, error)
    next()
  })

  app.get(
    '/oidc',
    { config: { access: 'anyone', limit: 'logIns' }, schema: { querystring: StartQuery } },
    async (request, reply) => {
      const { back = '/', invite = '' } = request.query
      const inviteHash = invite === '' ? {} : { inviteHash: hashOf(invite.trim()) }
      const url = await depart(request, reply, { back: fitBack(back), ...inviteHash })
      return reply.redirect(url, 303)
    },
  )

  app.get(
    '/oidc/callback',
    { config: { access: 'anyone', limit: 'logIns' }, schema: { response: { 200: ReadyBody } } },
    async (request, reply) => {
      const journey = journeyOf(request)
      // Whatever comes of it, it was asked once.
      forget(request, reply)
      try {
        if (journey === undefined) throw new RequestRefusal('OIDC_REFUSED')
        const body = await arrive(request, reply, journey)
        if (!isForPage(request)) return body
        return reply.redirect(`${journey.back}#oidc=${body.state}`, 303)
      } catch (error) {
        const code = codeOf(error)
        if (code === undefined || !isForPage(request)) throw error
        noteCause(request, error)
        return reply.redirect(`${journey?.back ?? '/'}#oidc=${code}`, 303)
      }
    },
  )

  app.post(
    '/oidc/sessions',
    {
      config: { access: 'anyone', limit: 'logIns' },
      schema: { body: LogInBody, response: { 201: TokenBody } },
    },
    async (request, reply) => {
      const { code, cookie = false } = request.body
      if (cookie) cookies.demandOwnPage(request)
      const grant = grantOf(request)
      if (grant === undefined) throw new Refusal('OIDC_GRANT_INVALID')
      if (code !== undefined) {
        const { identity } = grant
        app.countCode(await store.read((view) => view.value(identities, identity, 'user')))
      }
      const { token, tokenHash } = createToken()
      const name = request.headers['user-agent'] ?? ''
      await write(store, reply, 'logInByIdentity', { ...grant, tokenHash, name, code })
      forget(request, reply)
      if (cookie) cookies.set(request, reply, token)
      return reply.code(201).send(cookie ? {} : { token })
    },
  )

  app.post(
    '/me/identities',
    {
      config: { access: 'user', limit: 'logIns' },
      schema: { body: LinkBody, response: { 200: AddressBody } },
    },
    async (request, reply) => {
      const { password, back = '/' } = request.body
      const proof = await proofOf(parts, request, password)
      const link = { ...proof, current: userOf(request).session }
      const url = await depart(request, reply, { back: fitBack(back), link })
      return { url }
    },
  )

  app.get(
    '/me/identities',
    { config: { access: 'user' }, schema: { response: { 200: pageOf(IdentityBody) } } },
    async (request) => {
      const { user } = userOf(request)
      return store.read((view) => ({
        items: identitiesOf(view, user).map((id) => identityBodyOf(view, id)),
        next: null,
      }))
    },
  )

  app.delete(
    '/me/identities/:id',
    { config: { access: 'user' }, schema: { params: IdParameters } },
    async (request, reply) => {
      const { user } = userOf(request)
      await write(store, reply, 'removeIdentity', { user, identity: rowOf(request.params.id) })
      return reply.code(204).send()
    },
  )
  done()

  /** Refuses with OIDC_OFF. */
  function configured(): NonNullable<typeof oidc> {
    if (oidc === undefined) throw new RequestRefusal('OIDC_OFF')
    return oidc
  }

  /** Where the browser is to go. Refuses with OIDC_OFF, OIDC_UNAVAILABLE. */
  async function depart(
    request: FastifyRequest,
    reply: FastifyReply,
    about: Pick<Journey, 'back' | 'inviteHash' | 'link'>,
  ): Promise<string> {
    const { provider: elsewhere, seal } = configured()
    const { url, question } = await elsewhere.begin()
    const journey: Journey = { ...about, question, startedAt: clock.now() }
    keep(request, reply, seal.close('journey', journey), JOURNEY_MS)
    return url
  }

  async function arrive(
    request: FastifyRequest,
    reply: FastifyReply,
    journey: Journey,
  ): Promise<{ state: 'ready' | 'linked'; second_factor: boolean }> {
    const { provider: elsewhere, seal } = configured()
    const search = new URL(request.raw.url!, publicUrl).search
    const answer = await elsewhere.finish(search, journey.question)
    const { key } = answer
    if (journey.link !== undefined) {
      await write(store, reply, 'linkIdentity', { ...journey.link, key })
      return { state: 'linked', second_factor: false }
    }
    const newcomer = { key, ...(await newcomerOf(answer)) }
    const { inviteHash } = journey
    const { user, identity } = await write(store, reply, 'enterByIdentity', {
      ...newcomer,
      ...(inviteHash === undefined ? {} : { inviteHash }),
    })
    const grant: IdentityGrant = { identity, grantedAt: clock.now() }
    keep(request, reply, seal.close('grant', grant), OIDC_GRANT_MS)
    const isOn = await store.read((view) => view.get(users, user)?.totpSecret !== '')
    return { state: 'ready', second_factor: isOn }
  }

  /** The provider is asked about somebody only who is new. */
  async function newcomerOf(answer: OidcAnswer) {
    const isKnown = await store.read((view) => identityOf(view, answer.key) !== 0)
    const profile = isKnown ? { wish: '', name: '', email: '' } : await answer.profile()
    return { ...profile, random: chance() }
  }

  function journeyOf(request: FastifyRequest): Journey | undefined {
    const { seal } = configured()
    const journey = seal.open('journey', cookieOf(request)) as Journey | undefined
    if (journey === undefined || clock.now() - journey.startedAt > JOURNEY_MS) return undefined
    return journey
  }

  function grantOf(request: FastifyRequest): IdentityGrant | undefined {
    return configured().seal.open('grant', cookieOf(request)) as IdentityGrant | undefined
  }

  /** A path of this site. Refuses with REQUEST_INVALID. */
  function fitBack(back: string): string {
    const { origin } = new URL(publicUrl ?? 'http://localhost')
    const isPath = /^\/[\x21-\x7e]*$/.test(back) && URL.canParse(back, origin)
    const url = isPath ? new URL(back, origin) : undefined
    if (url?.origin !== origin) {
      throw new RequestRefusal('REQUEST_INVALID', 'The way back is no path of this site.')
    }
    return url.pathname + url.search
  }

  function cookieOf(request: FastifyRequest): string {
    const start = `${cookieNameFor(request)}=`
    const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim())
    const text = pairs.find((pair) => pair.startsWith(start))?.slice(start.length) ?? ''
    return text.length <= COOKIE_SIZE_MAX ? text : ''
  }

  function keep(request: FastifyRequest, reply: FastifyReply, text: string, ms: number): void {
    const secure = isAskedByHttps(request, settings) ? '; Secure' : ''
    const rules = `Path=${path}; Max-Age=${ms / 1000}; HttpOnly; SameSite=Lax${secure}`
    // The last one that is set is the one that counts.
    reply.removeHeader('set-cookie')
    reply.header('set-cookie', `${cookieNameFor(request)}=${text}; ${rules}`)
    reply.header('cache-control', 'no-store')
  }

  function forget(request: FastifyRequest, reply: FastifyReply): void {
    keep(request, reply, '', 0)
  }

  function cookieNameFor(request: FastifyRequest): string {
    return isAskedByHttps(request, settings) ? '__Secure-shashin-oidc' : 'shashin-oidc'
  }
}

function identityBodyOf(view: View, id: number) {
  const row = view.get(identities, id)!
  const [issuer = '', ...subject] = row.key.split(' ')
  return {
    id: String(id),
    issuer,
    subject: subject.join(' '),
    created_at: new Date(row.createdAt).toISOString(),
  }
}

/** A browser that shows a page, not a program or a page's script. */
function isForPage({ headers }: FastifyRequest): boolean {
  return headers.accept?.includes('text/html') ?? false
}

/** What the provider did is for the operator to know. */
function noteCause(request: FastifyRequest, error: unknown): void {
  if (!(error instanceof RequestRefusal) || error.cause === undefined) return
  request.log.warn({ err: error.cause }, 'a log-in by OpenID Connect failed')
}

/** The code of a refusal, for the page; undefined for what only the log may know. */
function codeOf(error: unknown): string | undefined {
  return error instanceof Refusal || error instanceof RequestRefusal ? error.code : undefined
}

function chance(): string {
  const letters = 'abcdefghijkmnpqrstuvwxyz23456789'
  return Array.from({ length: RANDOM_SIZE }, () => letters[randomInt(letters.length)]).join('')
}
