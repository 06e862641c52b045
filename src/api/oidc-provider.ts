// The provider of OpenID Connect, as this server sees it: where to send a browser, and who comes
// back from there.
//
// Its addresses and keys are found by discovery when somebody first logs in by it, and again after
// an hour; a provider that does not answer is asked again by the next one. State, nonce and PKCE
// are checked by openid-client; this file says what a failure means to whoever waits:
//
//   OIDC_UNAVAILABLE   nobody answers, or not as a provider does
//   OIDC_REFUSED       the provider says no, or the answer is not the one to our question

import * as oidc from 'openid-client'
import { RequestRefusal } from './errors.ts'
import { IDENTITY_KEY_SIZE_MAX } from '../model/limits.ts'

export interface OidcSettings {
  /** An HTTPS address; HTTP for one on this machine. */
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** What the button says. */
  readonly name: string
}

/** What only the browser that began may come back with. */
export interface OidcQuestion {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

/** Who has come back. */
export interface OidcAnswer {
  /** Issuer, a space, subject. */
  readonly key: string
  /** What else the provider says: asked for when somebody is new. */
  profile(): Promise<{ readonly wish: string; readonly name: string; readonly email: string }>
}

const SCOPE = 'openid profile email'
const TIMEOUT_SECONDS = 10
/** By which the clocks of the two may differ. */
const CLOCK_SECONDS = 30
const DISCOVERED_MS = 3_600_000

/** Codes of openid-client that mean a provider which does not answer as one. */
const UNAVAILABLE_CODES = new Set([
  'OAUTH_TIMEOUT',
  'OAUTH_ABORT',
  'OAUTH_RESPONSE_IS_NOT_CONFORM',
  'OAUTH_RESPONSE_IS_NOT_JSON',
  'OAUTH_PARSE_ERROR',
])

export class OidcProvider {
  readonly #settings: OidcSettings
  readonly #redirectUrl: URL
  #discovered: Promise<oidc.Configuration> | undefined
  /** By `performance.now()`. */
  #discoveredAt: number

  constructor(settings: OidcSettings, redirectUrl: URL) {
    this.#settings = settings
    this.#redirectUrl = redirectUrl
    this.#discovered = undefined
    this.#discoveredAt = 0
  }

  /** Where to send the browser, and what to ask it for when it comes back. */
  async begin(): Promise<{ readonly url: string; readonly question: OidcQuestion }> {
    const verifier = oidc.randomPKCECodeVerifier()
    const question = { state: oidc.randomState(), nonce: oidc.randomNonce(), verifier }
    const configuration = await meaning(
      () => this.#configuration(),
      () => true,
    )
    const url = oidc.buildAuthorizationUrl(configuration, {
      redirect_uri: this.#redirectUrl.href,
      scope: SCOPE,
      state: question.state,
      nonce: question.nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    })
    return { url: url.href, question }
  }

  /** `search` is what the browser comes back with, from the "?" on. */
  async finish(search: string, question: OidcQuestion): Promise<OidcAnswer> {
    const configuration = await meaning(
      () => this.#configuration(),
      () => true,
    )
    const url = new URL(this.#redirectUrl)
    url.search = search
    const tokens = await meaning(() =>
      oidc.authorizationCodeGrant(configuration, url, {
        expectedState: question.state,
        expectedNonce: question.nonce,
        pkceCodeVerifier: question.verifier,
        idTokenExpected: true,
      }),
    )
    const claims = tokens.claims()!
    const key = `${claims.iss} ${claims.sub}`
    if (Buffer.byteLength(key) > IDENTITY_KEY_SIZE_MAX) throw new RequestRefusal('OIDC_REFUSED')
    return {
      key,
      profile: async () => {
        const isAskable = configuration.serverMetadata().userinfo_endpoint !== undefined
        const said = isAskable
          ? await meaning(() => oidc.fetchUserInfo(configuration, tokens.access_token, claims.sub))
          : {}
        return profileOf({ ...claims, ...said })
      },
    }
  }

  #configuration(): Promise<oidc.Configuration> {
    const isOld = performance.now() - this.#discoveredAt > DISCOVERED_MS
    if (this.#discovered === undefined || isOld) {
      const discovered = this.#discover()
      this.#discovered = discovered
      this.#discoveredAt = performance.now()
      discovered.catch(() => {
        if (this.#discovered === discovered) this.#discovered = undefined
      })
    }
    return this.#discovered
  }

  async #discover(): Promise<oidc.Configuration> {
    const { issuer, clientId, clientSecret } = this.#settings
    const url = new URL(issuer)
    const client = { [oidc.clockTolerance]: CLOCK_SECONDS }
    return oidc.discovery(url, clientId, client, secretOf(clientSecret), {
      timeout: TIMEOUT_SECONDS,
      execute: url.protocol === 'http:' ? [oidc.allowInsecureRequests] : [],
    })
  }
}

/** In the header, as the standard has it, unless the provider knows only the other way. */
function secretOf(secret: string): oidc.ClientAuth {
  const [inHeader, inBody] = [oidc.ClientSecretBasic(secret), oidc.ClientSecretPost(secret)]
  return (server, client, body, headers) => {
    const known = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
    const send = known.includes('client_secret_basic') ? inHeader : inBody
    return send(server, client, body, headers)
  }
}

function profileOf(claims: Readonly<Record<string, unknown>>): {
  wish: string
  name: string
  email: string
} {
  const textOf = (field: string): string => {
    const value = claims[field]
    return typeof value === 'string' ? value : ''
  }
  const email = claims.email_verified === true ? textOf('email') : ''
  const wish = textOf('preferred_username') || textOf('nickname') || email || textOf('name')
  return { wish, name: textOf('name'), email }
}

/** Says what a failure of the provider means to whoever waits. */
async function meaning<T>(
  ask: () => Promise<T>,
  isAway: (error: unknown) => boolean = isUnavailable,
): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    const refusal = new RequestRefusal(isAway(error) ? 'OIDC_UNAVAILABLE' : 'OIDC_REFUSED')
    refusal.cause = error
    throw refusal
  }
}

function isUnavailable(error: unknown): boolean {
  if (error instanceof oidc.ResponseBodyError) return error.status >= 500
  if (error instanceof oidc.ClientError) return UNAVAILABLE_CODES.has(error.code ?? '')
  // What `fetch` throws when nobody is there.
  return error instanceof TypeError
}
