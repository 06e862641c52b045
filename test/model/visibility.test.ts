// Visibility, exhaustively: every relation of a viewer to an author, every kind of account, every
// visibility and state of a post, as a post and as comments, compared with the rules as they stand
// at the top of visibility.ts, written down here a second time without a store.

import { expect, test } from 'vitest'
import {
  blocks,
  collections,
  files,
  followRequests,
  follows,
  media,
  mutes,
  posts,
  users,
} from '../../src/model/schema.ts'
import {
  VISIBILITIES,
  arePostsVisible,
  demandReachable,
  demandUserOfHandle,
  demandVisible,
  isCollectionVisible,
  isListed,
  isMediaVisible,
  isUserListed,
  isUserVisible,
  isVisible,
  standingOf,
} from '../../src/model/visibility.ts'
import { arrange } from '../support/arranged.ts'
import { Network } from '../support/network.ts'
import type { Transaction } from '../../src/engine/transaction.ts'
import type { View } from '../../src/engine/view.ts'
import type { Visibility } from '../../src/model/visibility.ts'

const RELATIONS = [
  'anonymous',
  'self',
  'stranger',
  'follower',
  'requested',
  'blocked',
  'blocker',
  'muter',
  'moderator',
  'following moderator',
  'blocked moderator',
  'blocking moderator',
] as const
const ACCOUNTS = ['public', 'private', 'suspended', 'deleted'] as const
const STATES = ['live', 'removed', 'deleted'] as const
const WAYS = ['public', 'followers', 'private'] as const satisfies readonly Visibility[]

type Relation = (typeof RELATIONS)[number]
type Account = (typeof ACCOUNTS)[number]
type State = (typeof STATES)[number]

/** A post, and a comment on it, of an author and of somebody else. */
interface Case {
  readonly relation: Relation
  readonly account: Account
  readonly visibility: Visibility
  readonly state: State
}

const CASES: readonly Case[] = RELATIONS.flatMap((relation) =>
  ACCOUNTS.flatMap((account) =>
    WAYS.flatMap((visibility) => STATES.map((state) => ({ relation, account, visibility, state }))),
  ),
)

// The rules once more.

const isModerating = ({ relation }: Case): boolean => relation.endsWith('moderator')
const isFollowing = ({ relation }: Case): boolean => relation.startsWith('follow')
const isApart = ({ relation }: Case): boolean => relation.startsWith('block')
const isBlocked = ({ relation }: Case): boolean => relation.startsWith('blocked')

function seesUser(of: Case): boolean {
  if (of.account === 'deleted') return false
  if (of.relation === 'self' || isModerating(of)) return true
  return of.account !== 'suspended' && !isBlocked(of)
}

/** Whether there is, for people who are like anybody, somebody who says something. */
function hears(of: Case): boolean {
  if (of.account === 'deleted') return false
  if (of.relation === 'self') return true
  return of.account !== 'suspended' && !isApart(of)
}

function seesPostsOf(of: Case): boolean {
  if (of.relation === 'self') return of.account !== 'deleted'
  return hears(of) && (of.account !== 'private' || isFollowing(of))
}

function isPostInLists(of: Case): boolean {
  if (of.state === 'deleted' || !seesPostsOf(of)) return false
  if (of.relation === 'self') return true
  if (of.state === 'removed' || of.visibility === 'private') return false
  return of.visibility === 'public' || isFollowing(of)
}

function isCommentInLists(of: Case): boolean {
  if (of.state === 'deleted' || !hears(of)) return false
  return of.relation === 'self' || of.state === 'live'
}

/** Of whatever is shown in lists as given. */
function isThereById(of: Case, isInLists: boolean): boolean {
  return isInLists || (isModerating(of) && of.account !== 'deleted' && of.state !== 'deleted')
}

// The same cases as rows.

interface Posted {
  readonly post: number
  /** Of the post. */
  readonly photo: number
  /** By somebody who has nothing to do with anybody. */
  readonly answer: number
  /** By the author, in the state in which the post is: below it, below one of somebody else's. */
  readonly ownComment: number
  readonly comment: number
  /** By the author, below a post of somebody who has blocked, or was blocked by, the author. */
  readonly commentOnBlocker: number
  readonly commentOnBlocked: number
}

interface Author {
  readonly user: number
  readonly avatar: number
  readonly collection: number
  readonly privateCollection: number
}

interface Rows {
  readonly view: View
  readonly authorOf: ReadonlyMap<Account, Author>
  readonly viewerOf: (of: Case) => number
  readonly postedOf: (of: Case) => Posted
}

const now = { publishedAt: 1 }

function addUser(tx: Transaction, handle: string, fields: object = {}): number {
  return tx.insert(users, { handle, handleKey: handle, createdAt: 1, ...fields })
}

function addPhoto(tx: Transaction, owner: number, file: number, fields: object): number {
  return tx.insert(media, { owner, file, width: 1, height: 1, createdAt: 1, ...fields })
}

const ACCOUNT_FIELDS: Readonly<Record<Account, object>> = {
  public: {},
  private: { isPrivate: true },
  suspended: { suspendedAt: 1 },
  deleted: { deletedAt: 1 },
}

function addViewer(tx: Transaction, relation: Relation, author: number, handle: string): number {
  if (relation === 'anonymous') return 0
  if (relation === 'self') return author
  const viewer = addUser(tx, handle, { role: relation.endsWith('moderator') ? 1 : 0 })
  if (relation.startsWith('follow')) tx.insert(follows, { follower: viewer, followee: author })
  if (relation === 'requested') tx.insert(followRequests, { requester: viewer, target: author })
  if (relation.startsWith('blocked')) tx.insert(blocks, { blocker: author, blocked: viewer })
  if (relation === 'blocker' || relation === 'blocking moderator') {
    tx.insert(blocks, { blocker: viewer, blocked: author })
  }
  if (relation === 'muter') tx.insert(mutes, { muter: viewer, muted: author })
  return viewer
}

function arrangeCases(tx: Transaction): Omit<Rows, 'view'> {
  const file = tx.insert(files, { name: 'photo.webp', contentType: 'image/webp', size: 1 })
  const uninvolved = addUser(tx, 'uninvolved', { isPrivate: true })
  const elsewhere = tx.insert(posts, { author: addUser(tx, 'somebody'), visibility: 1, ...now })
  const authorOf = new Map<Account, Author>()
  const viewers = new Map<string, number>()
  const posted = new Map<string, Posted>()
  for (const account of ACCOUNTS) {
    const user = addUser(tx, account, ACCOUNT_FIELDS[account])
    const avatar = addPhoto(tx, user, file, { profile: user })
    const collection = tx.insert(collections, { owner: user, name: 'Seas' })
    const privateCollection = tx.insert(collections, { owner: user, name: 'Own', isPrivate: true })
    authorOf.set(account, { user, avatar, collection, privateCollection })
    const blocker = addUser(tx, `${account}-blocker`)
    const blocked = addUser(tx, `${account}-blocked`)
    tx.insert(blocks, { blocker, blocked: user })
    tx.insert(blocks, { blocker: user, blocked })
    const ofBlocker = tx.insert(posts, { author: blocker, visibility: 1, ...now })
    const ofBlocked = tx.insert(posts, { author: blocked, visibility: 1, ...now })
    for (const relation of RELATIONS) {
      const handle = `${account}-${RELATIONS.indexOf(relation)}`
      viewers.set(`${account} ${relation}`, addViewer(tx, relation, user, handle))
    }
    for (const visibility of WAYS) {
      for (const state of STATES) {
        const standing = {
          ...(state === 'removed' ? { removedAt: 1 } : {}),
          ...(state === 'deleted' ? { deletedAt: 1, isGone: true } : {}),
          ...now,
        }
        const post = tx.insert(posts, {
          author: user,
          visibility: VISIBILITIES.indexOf(visibility),
          ...standing,
        })
        const below = (root: number): object => ({ parent: root, root, depth: 1 })
        const comment = (root: number): number =>
          tx.insert(posts, { author: user, ...below(root), ...standing })
        posted.set(`${account} ${visibility} ${state}`, {
          post,
          photo: addPhoto(tx, user, file, { post }),
          answer: tx.insert(posts, { author: uninvolved, ...below(post), ...now }),
          ownComment: comment(post),
          comment: comment(elsewhere),
          commentOnBlocker: comment(ofBlocker),
          commentOnBlocked: comment(ofBlocked),
        })
      }
    }
  }
  return {
    authorOf,
    viewerOf: ({ account, relation }) => viewers.get(`${account} ${relation}`)!,
    postedOf: ({ account, visibility, state }) => posted.get(`${account} ${visibility} ${state}`)!,
  }
}

async function withRows(body: (rows: Rows) => void): Promise<void> {
  await using network = await Network.create()
  const rows = await arrange(network, arrangeCases)
  expect(network.store.check()).toEqual([])
  body({ ...rows, view: network.view })
}

/** Compares what is answered with what is expected, for all cases together. */
function expectOfEach(
  rows: Rows,
  answered: (of: Case) => Readonly<Record<string, unknown>>,
  expected: (of: Case) => Readonly<Record<string, unknown>>,
): void {
  const table = (row: (of: Case) => object): Readonly<Record<string, object>> =>
    Object.fromEntries(CASES.map((of) => [Object.values(of).join(', '), row(of)]))
  expect(table(answered)).toEqual(table(expected))
}

test('who sees a user, and the photo of its profile', () =>
  withRows((rows) => {
    const { view, authorOf, viewerOf } = rows
    expectOfEach(
      rows,
      (of) => {
        const { user, avatar } = authorOf.get(of.account)!
        const viewer = viewerOf(of)
        return {
          user: isUserVisible(view, user, viewer),
          inLists: isUserListed(view, user, viewer),
          posts: arePostsVisible(view, user, viewer),
          photo: isMediaVisible(view, avatar, viewer),
        }
      },
      (of) => ({
        user: seesUser(of),
        inLists: !['suspended', 'deleted'].includes(of.account) && !isApart(of),
        posts: seesPostsOf(of),
        photo: of.relation === 'self' || seesUser(of),
      }),
    )
  }))

test('who sees a collection', () =>
  withRows((rows) => {
    const { view, authorOf, viewerOf } = rows
    expectOfEach(
      rows,
      (of) => {
        const { collection, privateCollection } = authorOf.get(of.account)!
        const viewer = viewerOf(of)
        return {
          collection: isCollectionVisible(view, collection, viewer),
          privateCollection: isCollectionVisible(view, privateCollection, viewer),
        }
      },
      (of) => ({
        collection: seesPostsOf(of) || (isModerating(of) && of.account !== 'deleted'),
        privateCollection: of.relation === 'self' && of.account !== 'deleted',
      }),
    )
  }))

test('who sees a post by its id, in lists, and its photo', () =>
  withRows((rows) => {
    const { view, viewerOf, postedOf } = rows
    expectOfEach(
      rows,
      (of) => {
        const { post, photo } = postedOf(of)
        const viewer = viewerOf(of)
        return {
          byId: isVisible(view, post, viewer),
          inLists: isListed(view, post, viewer),
          photo: isMediaVisible(view, photo, viewer),
        }
      },
      (of) => {
        const inLists = isPostInLists(of)
        const byId = isThereById(of, inLists)
        return { byId, inLists, photo: of.relation === 'self' || byId }
      },
    )
  }))

test('who sees what somebody else says below a post', () =>
  withRows((rows) => {
    const { view, viewerOf, postedOf } = rows
    expectOfEach(
      rows,
      (of) => {
        const { answer } = postedOf(of)
        const viewer = viewerOf(of)
        return { byId: isVisible(view, answer, viewer), inLists: isListed(view, answer, viewer) }
      },
      (of) => {
        // Just who sees the post, but for moderators: the answer is not by a deleted user.
        const inLists = isPostInLists(of)
        return { byId: isThereById(of, inLists), inLists }
      },
    )
  }))

test('who sees what an author says below a post of somebody', () =>
  withRows((rows) => {
    const { view, viewerOf, postedOf } = rows
    expectOfEach(
      rows,
      (of) => {
        const { comment, ownComment } = postedOf(of)
        const viewer = viewerOf(of)
        return {
          byId: isVisible(view, comment, viewer),
          inLists: isListed(view, comment, viewer),
          standing: standingOf(view, comment, viewer),
          ownById: isVisible(view, ownComment, viewer),
          ownInLists: isListed(view, ownComment, viewer),
        }
      },
      (of) => {
        const inLists = isCommentInLists(of)
        const ownInLists = inLists && isPostInLists(of)
        return {
          byId: isThereById(of, inLists),
          inLists,
          standing: standing(of),
          ownById: isThereById(of, ownInLists),
          ownInLists,
        }
      },
    )
  }))

function standing(of: Case): string {
  if (of.state === 'deleted' || of.account === 'deleted') return 'deleted'
  if (of.relation === 'self') return 'shown'
  if (of.state === 'removed' || of.account === 'suspended') return 'removed'
  return isApart(of) ? 'blocked' : 'shown'
}

test('nobody but moderators sees what is said across a block between two others', () =>
  withRows((rows) => {
    const { view, viewerOf, postedOf } = rows
    expectOfEach(
      rows,
      (of) => {
        const { commentOnBlocker, commentOnBlocked } = postedOf(of)
        const viewer = viewerOf(of)
        const both = [commentOnBlocker, commentOnBlocked]
        return {
          byId: both.map((comment) => isVisible(view, comment, viewer)),
          inLists: both.map((comment) => isListed(view, comment, viewer)),
          isShown: both.map((comment) => standingOf(view, comment, viewer) === 'shown'),
        }
      },
      (of) => {
        const byId = isThereById(of, false)
        // It is the post that is hidden from the author of the comment.
        const isOwn = standing(of) === 'shown' && of.relation === 'self'
        return { byId: [byId, byId], inLists: [false, false], isShown: [isOwn, isOwn] }
      },
    )
  }))

test('what is not seen is refused like what does not exist', () =>
  withRows((rows) => {
    const { view, authorOf, viewerOf, postedOf } = rows
    const codeOf = (attempt: () => unknown): string => {
      try {
        attempt()
        return 'seen'
      } catch (error) {
        return (error as { code: string }).code
      }
    }
    expectOfEach(
      rows,
      (of) => {
        const viewer = viewerOf(of)
        const { post } = postedOf(of)
        const user = authorOf.get(of.account)!.user
        expect(codeOf(() => expect(demandUserOfHandle(view, of.account, viewer)).toBe(user))).toBe(
          isUserVisible(view, user, viewer) ? 'seen' : 'USER_NOT_FOUND',
        )
        return {
          look: codeOf(() => demandVisible(view, post, viewer)),
          act: codeOf(() => demandReachable(view, post, viewer)),
        }
      },
      (of) => {
        const isReachable = isPostInLists(of)
        return {
          look: isThereById(of, isReachable) ? 'seen' : 'POST_NOT_FOUND',
          act: isReachable ? 'seen' : 'POST_NOT_FOUND',
        }
      },
    )
    expect(codeOf(() => demandUserOfHandle(view, 'nobody', 0))).toBe('USER_NOT_FOUND')
    for (const id of [0, -1, 0.5, 99_999, 2 ** 32, Number.NaN]) {
      expect(isVisible(view, id, 1)).toBe(false)
      expect(isUserVisible(view, id, 1)).toBe(false)
      expect(isMediaVisible(view, id, 1)).toBe(false)
    }
  }))
