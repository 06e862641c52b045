// Who may use which route: a row for each, with a level and what it takes to ask. What a level
// means for each role stands above the rows; a route that is not here fails the test
// (authorization.test.ts).
//
// A row says how a served request ends where that is not with 2xx: by the code of a refusal that
// comes after the question of who asks.

import { PREFIX } from '../../src/api/app.ts'
import { hashOf } from '../../src/api/authentication.ts'
import { identitiesOf } from '../../src/model/identities.ts'
import { posts } from '../../src/model/schema.ts'
import { sessionsOf } from '../../src/model/sessions.ts'
import { PASSWORD } from './scene.ts'
import type { NotedRoute } from '../../src/api/openapi.ts'
import type { Answer } from './api.ts'
import type { Person, Role, Scene } from './scene.ts'

/** "served", or the codes that say no. */
export type Outcome = 'served' | readonly string[]
type Level = Readonly<Record<Exclude<Role, 'revoked' | 'expired' | 'program'>, Outcome>>

const MISSING = ['TOKEN_MISSING']
const INVALID = ['TOKEN_INVALID']
const HIDDEN = [
  'COLLECTION_NOT_FOUND',
  'COMMENT_NOT_FOUND',
  'DRAFT_NOT_FOUND',
  'IDENTITY_NOT_FOUND',
  'INVITE_NOT_FOUND',
  'JOB_NOT_FOUND',
  'MEDIA_NOT_FOUND',
  'POST_NOT_FOUND',
  'SESSION_NOT_FOUND',
  'TOKEN_NOT_FOUND',
  'USER_NOT_FOUND',
]
const NOT_YOURS = ['NOT_YOURS']
const NO_MODERATOR = ['MODERATOR_REQUIRED']
const NO_ADMIN = ['ADMIN_REQUIRED']

const ANYONE: Level = {
  anonymous: 'served',
  other: 'served',
  blocked: 'served',
  follower: 'served',
  owner: 'served',
  moderator: 'served',
  admin: 'served',
  operator: 'served',
}
/** About the owner, whom those do not see whom the owner has blocked. */
const ABOUT_OWNER: Level = { ...ANYONE, blocked: HIDDEN }
/** About what the owner shows to followers. */
const ABOUT_THING: Level = {
  ...ABOUT_OWNER,
  anonymous: HIDDEN,
  other: HIDDEN,
  operator: HIDDEN,
}
const USER: Level = { ...ANYONE, anonymous: MISSING, operator: INVALID }
/** Does something to the owner. */
const TO_OWNER: Level = { ...USER, blocked: HIDDEN }
/** Does something to what the owner shows to followers. */
const TO_THING: Level = { ...TO_OWNER, other: HIDDEN }
/** Takes part in what the owner shows to followers; moderators see it in order to judge it. */
const WITH_THING: Level = { ...TO_THING, moderator: HIDDEN, admin: HIDDEN }
/** What the owner shows to followers, and only the owner changes. */
const OF_OWNER: Level = {
  ...TO_THING,
  follower: NOT_YOURS,
  moderator: NOT_YOURS,
  admin: NOT_YOURS,
}
/** What nobody but the owner knows of. */
const OWN: Level = {
  ...TO_THING,
  follower: HIDDEN,
  moderator: HIDDEN,
  admin: HIDDEN,
}
/** What a moderator has made, and moderators may undo. */
const BY_MODERATOR: Level = {
  ...USER,
  other: HIDDEN,
  blocked: HIDDEN,
  follower: HIDDEN,
  owner: HIDDEN,
}
const MODERATOR: Level = {
  anonymous: MISSING,
  other: NO_MODERATOR,
  blocked: NO_MODERATOR,
  follower: NO_MODERATOR,
  owner: NO_MODERATOR,
  moderator: 'served',
  admin: 'served',
  operator: 'served',
}
const ADMIN: Level = {
  anonymous: MISSING,
  other: NO_ADMIN,
  blocked: NO_ADMIN,
  follower: NO_ADMIN,
  owner: NO_ADMIN,
  moderator: NO_ADMIN,
  admin: 'served',
  operator: 'served',
}

type Ask<T> = (scene: Scene, caller: Person | undefined) => T | Promise<T>

export interface Row {
  readonly level: Level
  /** For ":id". */
  readonly id?: (scene: Scene) => Promise<number>
  /** For what else the address names; ":handle" is the owner's, if nothing is said. */
  readonly names?: Ask<Readonly<Record<string, string>>>
  /** Behind the question mark. */
  readonly query?: string
  readonly body?: Ask<object>
  /** How a served request ends, for all roles or for some. */
  readonly served?: string | Readonly<Partial<Record<Role, string>>>
}

const post = (scene: Scene): Promise<number> => scene.post
const comment = async (scene: Scene): Promise<number> => {
  const of = await scene.post
  return scene.network.comment(scene.owner.id, of)
}
const photo = async (scene: Scene): Promise<number> =>
  scene.network.view.get(posts, await scene.post)!.media[0]!
const freePhoto = (scene: Scene): Promise<number> => scene.network.photo(scene.owner.id)
const draft = async ({ network, owner }: Scene): Promise<number> => {
  const media = [await network.photo(owner.id)]
  return network.run('createDraft', { owner: owner.id, content: { caption: 'Sea', media } })
}
const collection = ({ network, owner }: Scene): Promise<number> =>
  network.run('createCollection', { owner: owner.id, name: 'Seas' })
const hiddenCollection = ({ network, owner }: Scene): Promise<number> =>
  network.run('createCollection', { owner: owner.id, name: 'Seas', isPrivate: true })
const session = ({ network, owner }: Scene): Promise<number> =>
  network.run('logIn', { user: owner.id, tokenHash: hashOf(`second ${owner.handle}`) })
const accessToken = ({ network, owner }: Scene): Promise<number> => {
  const tokenHash = hashOf(`access ${owner.handle}`)
  const input = { user: owner.id, tokenHash, name: 'a program', scopes: ['read'] as const }
  return network.run('createAccessToken', input)
}
const invite = ({ network, owner, moderator }: Scene): Promise<number> => {
  const codeHash = hashOf(`invite ${owner.handle}`)
  const input = { creator: moderator.id, codeHash, usesMax: 1, expiresInMs: 3_600_000 }
  return network.run('createInvite', input)
}
const identity = async ({ network, owner }: Scene): Promise<number> => {
  const current = sessionsOf(network.view, owner.id, 'log-in')[0]!
  const key = `https://elsewhere.example ${owner.id}`
  await network.run('linkIdentity', { user: owner.id, session: 0, current, key })
  return identitiesOf(network.view, owner.id)[0]!
}
const report = async (scene: Scene): Promise<number> => {
  const input = { reporter: scene.follower.id, post: await scene.post, reason: 'other' as const }
  return scene.network.run('fileReport', { ...input, comment: 'Look.' })
}
const term = ({ network, moderator, owner }: Scene): Promise<number> => {
  const input = { kind: 'word' as const, term: `bad${owner.id}`, moderator: moderator.id }
  return network.run('blockTerm', input)
}
const callersPhotos = async (scene: Scene, caller: Person | undefined) => ({
  media: caller === undefined ? ['1'] : [String(await scene.network.photo(caller.id))],
})
const taggedPost = async ({ network, owner }: Scene) => {
  await network.post(owner.id, 'The #sea')
  return { tag: 'sea' }
}
const proof = { password: PASSWORD }

/** By method and address below the prefix. */
const API: Readonly<Record<string, Row>> = {
  'POST /users': {
    level: ANYONE,
    body: ({ owner }) => ({ handle: `n${owner.id}`, password: PASSWORD }),
  },
  'GET /me': { level: USER },
  'PATCH /me': { level: USER, body: () => ({ name: 'Somebody' }) },
  'DELETE /me': {
    level: USER,
    body: () => ({ password: 'not the one' }),
    served: 'CREDENTIALS_WRONG',
  },
  'PUT /me/password': {
    level: USER,
    body: () => ({ current: 'not the one', new: 'another password' }),
    served: 'CREDENTIALS_WRONG',
  },
  'GET /me/email': { level: USER },
  'PUT /me/email': {
    level: USER,
    body: (_scene, caller) => ({ email: `${caller?.handle}@example.org`, ...proof }),
  },
  'POST /email-confirmations': {
    level: ANYONE,
    body: () => ({ token: 'x' }),
    served: 'MAIL_TOKEN_INVALID',
  },
  'POST /password-resets': {
    level: ANYONE,
    body: ({ owner }) => ({ email_or_handle: owner.handle }),
  },
  'PUT /password-resets': {
    level: ANYONE,
    body: () => ({ token: 'x', password: PASSWORD }),
    served: 'MAIL_TOKEN_INVALID',
  },
  'GET /me/second-factor': { level: USER },
  'POST /me/second-factor': { level: USER, body: () => proof },
  'PUT /me/second-factor': {
    level: USER,
    body: () => ({ code: '123456' }),
    served: 'SECOND_FACTOR_OFF',
  },
  'DELETE /me/second-factor': {
    level: USER,
    body: () => ({ ...proof, code: '123456' }),
    served: 'SECOND_FACTOR_OFF',
  },
  'POST /me/second-factor/recovery-codes': {
    level: USER,
    body: () => ({ ...proof, code: '123456' }),
    served: 'SECOND_FACTOR_OFF',
  },
  'GET /me/identities': { level: USER },
  'POST /me/identities': { level: USER, body: () => proof, served: 'OIDC_OFF' },
  'DELETE /me/identities/:id': { level: OWN, id: identity },
  'POST /me/export': { level: USER },
  'GET /me/export': { level: USER, served: 'EXPORT_NOT_FOUND' },
  'GET /me/export/download': { level: USER, served: 'EXPORT_NOT_FOUND' },
  'GET /oidc': { level: ANYONE, served: 'OIDC_OFF' },
  'GET /oidc/callback': { level: ANYONE, served: 'OIDC_OFF' },
  'POST /oidc/sessions': { level: ANYONE, body: () => ({}), served: 'OIDC_OFF' },
  'POST /sessions': {
    level: ANYONE,
    body: ({ owner }) => ({ handle: owner.handle, ...proof }),
  },
  'GET /sessions': { level: USER },
  'DELETE /sessions/current': { level: USER },
  'DELETE /sessions/:id': { level: OWN, id: session },
  'DELETE /sessions': { level: USER },
  'POST /tokens': { level: USER, body: () => ({ name: 'a program', scopes: ['read'] }) },
  'GET /tokens': { level: USER },
  'DELETE /tokens/:id': { level: OWN, id: accessToken },
  'POST /invites': {
    level: {
      ...USER,
      other: ['INVITES_RESERVED'],
      blocked: ['INVITES_RESERVED'],
      follower: ['INVITES_RESERVED'],
      owner: ['INVITES_RESERVED'],
    },
    body: () => ({}),
  },
  'GET /invites': { level: USER },
  'GET /admin/invites': { level: MODERATOR },
  'DELETE /invites/:id': { level: BY_MODERATOR, id: invite },

  'GET /users/:handle': { level: ABOUT_OWNER },
  'GET /users/:handle/posts': { level: ABOUT_OWNER },
  'GET /users/:handle/collections': { level: ABOUT_OWNER },
  'GET /users/:handle/followers': { level: ABOUT_OWNER },
  'GET /users/:handle/following': { level: ABOUT_OWNER },
  'PUT /users/:handle/follow': { level: TO_OWNER, served: { owner: 'FOLLOW_SELF' } },
  'DELETE /users/:handle/follow': { level: TO_OWNER },
  'PUT /users/:handle/block': { level: TO_OWNER, served: { owner: 'BLOCK_SELF' } },
  'DELETE /users/:handle/block': { level: TO_OWNER },
  'PUT /users/:handle/mute': { level: TO_OWNER, served: { owner: 'MUTE_SELF' } },
  'DELETE /users/:handle/mute': { level: TO_OWNER },
  'DELETE /followers/:handle': { level: TO_OWNER },
  'PUT /follow-requests/:handle': { level: TO_OWNER, served: 'REQUEST_NOT_FOUND' },
  'DELETE /follow-requests/:handle': { level: TO_OWNER },
  'GET /follow-requests': { level: USER },
  'GET /blocks': { level: USER },
  'GET /mutes': { level: USER },

  'POST /media': { level: USER, served: 'MEDIA_TYPE_UNSUPPORTED' },
  'GET /media/:id': { level: ABOUT_THING, id: photo },
  'PATCH /media/:id': { level: OF_OWNER, id: photo, body: () => ({ alt: 'The sea' }) },
  'DELETE /media/:id': { level: OWN, id: freePhoto },
  'POST /posts': { level: USER, body: callersPhotos },
  'GET /posts/:id': { level: ABOUT_THING, id: post },
  'PATCH /posts/:id': { level: OF_OWNER, id: post, body: () => ({ caption: 'The sea' }) },
  'DELETE /posts/:id': { level: OF_OWNER, id: post },
  'GET /posts/:id/history': { level: ABOUT_THING, id: post },
  'PUT /posts/:id/like': { level: WITH_THING, id: post },
  'DELETE /posts/:id/like': { level: TO_THING, id: post },
  'GET /posts/:id/likes': { level: ABOUT_THING, id: post },
  'PUT /posts/:id/bookmark': { level: WITH_THING, id: post },
  'DELETE /posts/:id/bookmark': { level: TO_THING, id: post },
  'POST /posts/:id/comments': { level: WITH_THING, id: post, body: () => ({ text: 'Fine.' }) },
  'GET /posts/:id/comments': { level: ABOUT_THING, id: comment },
  'GET /likes': { level: USER },
  'GET /bookmarks': { level: USER },
  'POST /drafts': { level: USER, body: () => ({ caption: 'Sea' }) },
  'GET /drafts': { level: USER },
  'GET /media': { level: USER },
  'GET /drafts/:id': { level: OWN, id: draft },
  'PUT /drafts/:id': { level: OWN, id: draft, body: () => ({ caption: 'The sea' }) },
  'DELETE /drafts/:id': { level: OWN, id: draft },
  'POST /drafts/:id/publish': { level: OWN, id: draft },
  'POST /collections': { level: USER, body: () => ({ name: 'Seas' }) },
  'GET /collections/:id': { level: ABOUT_OWNER, id: collection },
  'PATCH /collections/:id': {
    level: { ...OF_OWNER, other: NOT_YOURS },
    id: collection,
    body: () => ({ name: 'The seas' }),
  },
  'DELETE /collections/:id': { level: OWN, id: hiddenCollection },
  'GET /collections/:id/posts': { level: ABOUT_OWNER, id: collection },
  'PUT /collections/:id/posts/:post': {
    level: OWN,
    id: hiddenCollection,
    names: async (scene) => ({ post: String(await scene.post) }),
  },
  'DELETE /collections/:id/posts/:post': {
    level: OWN,
    id: hiddenCollection,
    names: async (scene) => ({ post: String(await scene.post) }),
  },

  'GET /feed': { level: USER },
  'GET /feed/public': { level: ANYONE },
  'GET /feed/trending': { level: ANYONE },
  'GET /tags/trending': { level: ANYONE },
  'GET /tags/:tag': { level: ANYONE, names: taggedPost },
  'GET /tags/:tag/posts': { level: ANYONE, names: taggedPost },
  'GET /search': { level: ANYONE, query: 'q=sea' },
  'GET /notifications': { level: USER },
  'GET /notifications/unread': { level: USER },
  'POST /notifications/read': { level: USER, body: () => ({ up_to: '1' }) },

  'POST /reports': {
    level: TO_OWNER,
    body: ({ owner }) => ({ user: owner.handle, reason: 'other' }),
    served: { owner: 'REPORT_SELF' },
  },
  'GET /admin/reports': { level: MODERATOR },
  'PUT /admin/reports/:id': { level: MODERATOR, id: report, body: () => ({ state: 'dismissed' }) },
  'GET /admin/users': { level: MODERATOR },
  'PUT /admin/users/:handle/suspension': { level: MODERATOR, body: () => ({ reason: 'Spam.' }) },
  'DELETE /admin/users/:handle/suspension': { level: MODERATOR },
  'PUT /admin/posts/:id/removal': {
    level: MODERATOR,
    id: post,
    body: () => ({ reason: 'Spam.' }),
  },
  'DELETE /admin/posts/:id/removal': { level: MODERATOR, id: post },
  'GET /admin/blocked-terms': { level: MODERATOR },
  'POST /admin/blocked-terms': {
    level: MODERATOR,
    body: ({ owner }) => ({ kind: 'word', term: `worse${owner.id}` }),
  },
  'DELETE /admin/blocked-terms/:id': { level: MODERATOR, id: term },

  'GET /admin/audit': { level: ADMIN },
  'GET /instance': { level: ANYONE },
  'PATCH /admin/instance': { level: ADMIN, body: () => ({ name: 'Photos' }) },
  'POST /admin/snapshot': { level: ADMIN },
  'GET /admin/stats': { level: ADMIN },
  'GET /admin/threads': { level: ADMIN },
  'POST /admin/deploy': { level: ADMIN },
  'PUT /admin/users/:handle/role': { level: ADMIN, body: () => ({ role: 'moderator' }) },
  'GET /healthz': { level: ANYONE },
  'GET /readyz': { level: ANYONE },
}

/** By method and address. */
const OUTSIDE: Readonly<Record<string, Row>> = {
  'GET /healthz': { level: ANYONE },
  'GET /readyz': { level: ANYONE },
  'GET /metrics': { level: ADMIN },
  // The address of a file is a secret of those who have been shown it.
  'GET /media/:name': {
    level: ANYONE,
    names: () => ({ name: 'no-photo.webp' }),
    served: 'MEDIA_NOT_FOUND',
  },
  'GET /api/openapi.json': { level: ANYONE },
  'GET /api/docs': { level: ANYONE },
  'GET /api/docs/*': { level: ANYONE, names: () => ({ '*': 'static/swagger-ui.css' }) },
}

/** By method and address from the root. */
export const ROWS: Readonly<Record<string, Row>> = {
  ...Object.fromEntries(
    Object.entries(API).map(([route, row]) => [route.replace(' ', ` ${PREFIX}`), row]),
  ),
  ...OUTSIDE,
}

/** Asks a route in that role, with what its row says; `headers` besides. */
export async function askAs(
  role: Role,
  scene: Scene,
  route: NotedRoute,
  row: Row,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const caller = scene.personOf(role)
  const body = await row.body?.(scene, caller)
  const names: Readonly<Record<string, string>> = {
    handle: scene.owner.handle,
    ...(row.id === undefined ? {} : { id: String(await row.id(scene)) }),
    ...(await row.names?.(scene, caller)),
  }
  const path = route.url.replaceAll(/:(\w+)|\*/g, (found, name = found) => names[name as string]!)
  // What is made for the scene comes before time passes for a token that expires.
  const token = await scene.tokenOf(role, route.scope)
  return scene.api.call(route.method, `/${path}?${row.query ?? ''}`, { token, body, headers })
}
