// A scene of the network, for tests of who may do what: an owner whose things only followers see,
// and people who stand to the owner as one can. Each scene has people of its own, so what is done
// in one leaves the others alone.

import { hashOf } from '../../src/api/authentication.ts'
import { Passwords } from '../../src/api/passwords.ts'
import { SCOPES } from '../../src/model/sessions.ts'
import { ADMIN_TOKEN } from './api.ts'
import type { Scope } from '../../src/model/sessions.ts'
import type { Api } from './api.ts'
import type { Network } from './network.ts'

export interface Person {
  readonly id: number
  readonly handle: string
  readonly token: string
}

/** Who asks. */
export const ROLES = [
  'anonymous',
  'other',
  'blocked',
  'follower',
  'owner',
  'moderator',
  'admin',
  'operator',
  'revoked',
  'expired',
  'program',
] as const
export type Role = (typeof ROLES)[number]

export const PASSWORD = 'the password of everybody'

type Name = 'owner' | 'follower' | 'other' | 'blocked' | 'moderator' | 'admin'

/** What all scenes share. */
export class Stage {
  readonly api: Api
  readonly #passwordHash: string
  #count: number

  private constructor(api: Api, passwordHash: string) {
    this.api = api
    this.#passwordHash = passwordHash
    this.#count = 0
  }

  static async create(api: Api): Promise<Stage> {
    return new Stage(api, await new Passwords().hash(PASSWORD))
  }

  async scene(): Promise<Scene> {
    const { network } = this.api
    this.#count++
    const people = {
      owner: await this.#signUp('owner'),
      follower: await this.#signUp('follower'),
      other: await this.#signUp('other'),
      blocked: await this.#signUp('blocked'),
      moderator: await this.#signUp('moderator'),
      admin: await this.#signUp('admin'),
    }
    const { owner, follower, blocked, moderator, admin } = people
    await network.run('setRole', { user: moderator.id, role: 'moderator' })
    await network.run('setRole', { user: admin.id, role: 'admin' })
    await network.run('follow', { follower: follower.id, followee: owner.id })
    await network.run('block', { blocker: owner.id, blocked: blocked.id })
    return new Scene(this.api, people)
  }

  async #signUp(name: string): Promise<Person> {
    const handle = `${name}_${this.#count}`
    const token = tokenFor(handle)
    const input = { handle, name: '', passwordHash: this.#passwordHash, tokenHash: hashOf(token) }
    return { id: await this.api.network.run('signUp', input), handle, token }
  }
}

export class Scene {
  readonly api: Api
  readonly #people: Readonly<Record<Name, Person>>
  #post: Promise<number> | undefined

  constructor(api: Api, people: Readonly<Record<Name, Person>>) {
    this.api = api
    this.#people = people
    this.#post = undefined
  }

  get network(): Network {
    return this.api.network
  }

  get owner(): Person {
    return this.#people.owner
  }

  get follower(): Person {
    return this.#people.follower
  }

  get moderator(): Person {
    return this.#people.moderator
  }

  /** The owner's post, for followers. */
  get post(): Promise<number> {
    this.#post ??= this.#publish()
    return this.#post
  }

  /** Who asks in that role; undefined for those who are no user. */
  personOf(role: Role): Person | undefined {
    return role in this.#people ? this.#people[role as Name] : undefined
  }

  /** The token of that role. `scope` is what the route takes: the program lacks it. */
  async tokenOf(role: Role, scope: Scope | 'none'): Promise<string | undefined> {
    const { network } = this
    const user = this.owner.id
    if (role === 'anonymous') return undefined
    if (role === 'operator') return ADMIN_TOKEN
    const person = this.personOf(role)
    if (person !== undefined) return person.token
    const token = tokenFor(`${role} ${user}`)
    const tokenHash = hashOf(token)
    if (role === 'revoked') {
      const session = await network.run('logIn', { user, tokenHash })
      await network.run('logOut', { session })
      return token
    }
    const program = { tokenHash, name: 'a program', expiresInMs: 60_000 }
    if (role === 'expired') {
      await network.run('createAccessToken', { ...program, user, scopes: [...SCOPES] })
      network.clock.time += 60_001
      return token
    }
    const scopes = SCOPES.filter((each) => each !== scope)
    await network.run('createAccessToken', { ...program, user: this.#people.admin.id, scopes })
    return token
  }

  async #publish(): Promise<number> {
    const author = this.owner.id
    const media = [await this.network.photo(author)]
    const visibility = 'followers'
    return this.network.run('publishPost', { author, caption: 'A #sea', media, visibility })
  }
}

/** Of the shape of a real one, and easy to tell. */
function tokenFor(name: string): string {
  return name.replaceAll(/\W/g, '-').padEnd(43, '-')
}
