// Collections: posts that a user puts together under a name, their own or others'. Who sees a
// collection is decided in visibility.ts; of its posts everybody sees those that they see anyway.
// Adding twice, and taking out what is not in it, are fine and change nothing.
//
// A post that is deleted stays in its collections, out of sight: it may be in any number of them.
// It takes room until a collection is full; then the places of deleted posts are given away.

import { COLLECTION_COUNT_MAX, COLLECTION_POST_COUNT_MAX, TEXT_LIMITS } from './limits.ts'
import { demandAllowedTerms } from './blocked-terms.ts'
import { Refusal } from './refusal.ts'
import { collectionItems, collections, posts } from './schema.ts'
import { shownRows } from './shown-rows.ts'
import { fitText } from './text.ts'
import { demandCollectionVisible, demandReachable, isActive } from './visibility.ts'
import { isCollectionVisible, isListed } from './visibility.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'
import type { RowsQuery, ShownPage } from './shown-rows.ts'

export interface CollectionTexts {
  readonly name?: string
  readonly description?: string
  /** Its owner's alone. */
  readonly isPrivate?: boolean
}

export interface CreateCollection extends CollectionTexts {
  readonly owner: number
  readonly name: string
}

export interface CollectedPost {
  readonly collection: number
  readonly post: number
  readonly user: number
}

/** Returns its id. Refuses with USER_NOT_FOUND, TEXT_…, TERM_BLOCKED, COLLECTIONS_TOO_MANY. */
export function createCollection(tx: Transaction, input: CreateCollection): number {
  const { owner, ...texts } = input
  if (!isActive(tx, owner)) throw new Refusal('USER_NOT_FOUND')
  const fields = fitFields(tx, texts)
  if (idsOf(tx, owner).length >= COLLECTION_COUNT_MAX) {
    throw new Refusal(
      'COLLECTIONS_TOO_MANY',
      `You have ${COLLECTION_COUNT_MAX} collections, which is as many as one can.`,
    )
  }
  return tx.insert(collections, { owner, ...fields, createdAt: tx.now })
}

/** Refuses with COLLECTION_NOT_FOUND, NOT_YOURS, TEXT_…, TERM_BLOCKED. */
export function editCollection(
  tx: Transaction,
  { collection, user, ...texts }: CollectionTexts & { collection: number; user: number },
): void {
  demandOwn(tx, collection, user)
  tx.update(collections, collection, fitFields(tx, texts))
}

/** Its posts stay what they are. Refuses with COLLECTION_NOT_FOUND, NOT_YOURS. */
export function deleteCollection(
  tx: Transaction,
  { collection, user }: { collection: number; user: number },
): void {
  demandOwn(tx, collection, user)
  eraseCollection(tx, collection)
}

/** Part of whatever deletes a collection. Returns how many rows it has removed. */
export function eraseCollection(tx: Transaction, collection: number): number {
  const items = itemsOf(tx, collection)
  for (const item of items) tx.remove(collectionItems, item)
  tx.remove(collections, collection)
  return items.length + 1
}

/**
 * Refuses with COLLECTION_NOT_FOUND, NOT_YOURS, POST_NOT_FOUND, POST_UNFIT for a comment,
 * COLLECTION_FULL.
 */
export function collectPost(tx: Transaction, { collection, post, user }: CollectedPost): void {
  demandOwn(tx, collection, user)
  demandReachable(tx, post, user)
  if (tx.value(posts, post, 'root') !== 0) throw new Refusal('POST_UNFIT')
  if (tx.findPair(collectionItems.indexes.byPair, collection, post) !== 0) return
  for (const item of itemsToGiveAway(tx, collection)) tx.remove(collectionItems, item)
  tx.insert(collectionItems, { collection, post, createdAt: tx.now })
}

/** The post may be hidden by now. Refuses with COLLECTION_NOT_FOUND, NOT_YOURS. */
export function uncollectPost(tx: Transaction, { collection, post, user }: CollectedPost): void {
  demandOwn(tx, collection, user)
  const item = tx.findPair(collectionItems.indexes.byPair, collection, post)
  if (item !== 0) tx.remove(collectionItems, item)
}

/** Collections of a user that the viewer sees, newest first; before that one when it is given. */
export function collectionsOf(
  view: View,
  owner: number,
  viewer: number,
  before = Infinity,
): number[] {
  return idsOf(view, owner).filter((id) => id < before && isCollectionVisible(view, id, viewer))
}

/** Posts of a collection that the viewer sees, the one that was added last first. */
export function postsOfCollection(
  view: View,
  collection: number,
  viewer: number,
  query: RowsQuery,
): ShownPage {
  return shownRows(
    view,
    { index: collectionItems.indexes.byCollection, owner: collection },
    query,
    (row) => view.value(collectionItems, row, 'post'),
    (post) => isListed(view, post, viewer),
  )
}

function idsOf(view: View, owner: number): number[] {
  return view.newest(collections.indexes.byOwner, owner, COLLECTION_COUNT_MAX)
}

function itemsOf(view: View, collection: number): number[] {
  const index = collectionItems.indexes.byCollection
  return view.newest(index, collection, COLLECTION_POST_COUNT_MAX)
}

/** None while there is room; else those of deleted posts. Refuses with COLLECTION_FULL. */
function itemsToGiveAway(view: View, collection: number): number[] {
  if (view.value(collections, collection, 'items') < COLLECTION_POST_COUNT_MAX) return []
  const items = itemsOf(view, collection).filter((item) => {
    const post = view.value(collectionItems, item, 'post')
    return view.value(posts, post, 'deletedAt') !== 0
  })
  if (items.length > 0) return items
  throw new Refusal(
    'COLLECTION_FULL',
    `This collection holds ${COLLECTION_POST_COUNT_MAX} posts, which is as many as one can.`,
  )
}

/** Refuses with COLLECTION_NOT_FOUND, NOT_YOURS. */
function demandOwn(view: View, collection: number, user: number): void {
  demandCollectionVisible(view, collection, user)
  if (view.value(collections, collection, 'owner') !== user) throw new Refusal('NOT_YOURS')
}

/** Refuses with TEXT_…, TERM_BLOCKED. */
function fitFields(view: View, { name, description, isPrivate }: CollectionTexts): CollectionTexts {
  const texts = {
    ...(name === undefined ? {} : { name: fitText(name, TEXT_LIMITS.collection) }),
    ...(description === undefined
      ? {}
      : { description: fitText(description, TEXT_LIMITS.collectionDescription) }),
  }
  demandAllowedTerms(view, ...Object.values(texts))
  return { ...texts, ...(isPrivate === undefined ? {} : { isPrivate }) }
}
