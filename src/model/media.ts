// Media: photos, from their upload to the post that shows them. A photo that no post and no
// profile shows waits: it is its owner's alone, and there are not more than
// MEDIA_WAITING_COUNT_MAX of them.
//
// What a photo shows is described by its owner, before it is published or after. Its focus is the
// point that stays in sight when it is cropped: from the middle, x to the right and y to the top, 1
// at the edge. 0, 0 is the middle, and what a photo has of which nothing was said.
//
// The bytes lie in files named by their hash, on disk and synced before a transaction names them.
// Two uploads of the same picture share one file; the row in `files` goes with the last photo that
// shows it, and a file without a row is not served. The bytes on disk stay until they are swept.

import { assert } from '../std/assert.ts'
import { MEDIA_WAITING_COUNT_MAX, POST_MEDIA_COUNT_MAX, TEXT_LIMITS } from './limits.ts'
import { Refusal } from './refusal.ts'
import { demandAllowedTerms } from './blocked-terms.ts'
import { files, media, posts } from './schema.ts'
import { fitText } from './text.ts'
import { isActive, isMediaVisible } from './visibility.ts'
import type { Row } from '../engine/schema.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'

export interface CreateMedia {
  readonly owner: number
  readonly width: number
  readonly height: number
  /** Name of the uploaded file. */
  readonly original: string
  /** What is served. */
  readonly file: { readonly name: string; readonly contentType: string; readonly size: number }
}

/** What is said of a photo; what is left out stays as it is. */
export interface MediaDescription {
  readonly alt?: string
  /** From -1 to 1 each. */
  readonly focus?: readonly [x: number, y: number]
}

/**
 * Returns the id of a photo that waits for its post. Refuses with USER_NOT_FOUND, MEDIA_TOO_MANY.
 */
export function createMedia(tx: Transaction, input: CreateMedia): number {
  const { owner, width, height, original } = input
  if (!isActive(tx, owner)) throw new Refusal('USER_NOT_FOUND')
  demandRoomForMedia(tx, owner)
  const known = tx.find(files.indexes.byName, input.file.name)
  const file = known === 0 ? tx.insert(files, input.file) : known
  return tx.insert(media, { owner, file, width, height, original, createdAt: tx.now })
}

/** Refuses with MEDIA_TOO_MANY. */
export function demandRoomForMedia(view: View, owner: number): void {
  const count = waitingMedia(view, owner, MEDIA_WAITING_COUNT_MAX).length
  if (count < MEDIA_WAITING_COUNT_MAX) return
  throw new Refusal(
    'MEDIA_TOO_MANY',
    `${count} of your photos wait for a post; publish or delete some.`,
  )
}

/** Photos of the owner that wait, newest first. */
export function waitingMedia(view: View, owner: number, count: number, before?: number): number[] {
  return view.newest(media.indexes.waiting, owner, count, before)
}

/** Refuses with MEDIA_NOT_FOUND, NOT_YOURS, POST_REMOVED, TEXT_…, TERM_BLOCKED. */
export function editMedia(
  tx: Transaction,
  { media: id, user, ...given }: MediaDescription & { media: number; user: number },
): void {
  demandOwnMedia(tx, id, user)
  const post = tx.value(media, id, 'post')
  if (tx.value(posts, post, 'removedAt') !== 0) throw new Refusal('POST_REMOVED')
  const description = fitDescription(given)
  demandAllowedTerms(tx, description.alt ?? '')
  describeMedia(tx, id, description)
}

/** Refuses with MEDIA_NOT_FOUND, NOT_YOURS; MEDIA_ATTACHED when something shows it. */
export function deleteMedia(tx: Transaction, input: { media: number; user: number }): void {
  const { media: id, user } = input
  demandOwnMedia(tx, id, user)
  if (tx.value(media, id, 'post') !== 0 || tx.value(media, id, 'profile') !== 0) {
    throw new Refusal('MEDIA_ATTACHED', 'A post or your profile shows this photo.')
  }
  removeMedia(tx, [id])
}

/**
 * Photos of the owner that nothing shows yet, each once, as many as a post may have. Refuses with
 * MEDIA_COUNT_WRONG, MEDIA_REPEATED, MEDIA_NOT_FOUND, MEDIA_ATTACHED.
 */
export function demandFreeMedia(
  view: View,
  owner: number,
  ids: readonly number[],
  countMin: number,
): void {
  if (ids.length < countMin || ids.length > POST_MEDIA_COUNT_MAX) {
    const bounds = `${countMin} to ${POST_MEDIA_COUNT_MAX} photos`
    throw new Refusal('MEDIA_COUNT_WRONG', `A post has ${bounds}; this one has ${ids.length}.`)
  }
  if (new Set(ids).size !== ids.length) throw new Refusal('MEDIA_REPEATED')
  for (const id of ids) {
    if (view.value(media, id, 'owner') !== owner) throw new Refusal('MEDIA_NOT_FOUND')
    if (view.value(media, id, 'post') !== 0) throw new Refusal('MEDIA_ATTACHED')
    if (view.value(media, id, 'profile') !== 0) {
      throw new Refusal('MEDIA_ATTACHED', 'This photo is in your profile.')
    }
  }
}

/** Refuses with TEXT_…. */
export function fitDescription({ alt, focus }: MediaDescription): MediaDescription {
  return {
    ...(alt === undefined ? {} : { alt: fitText(alt, TEXT_LIMITS.alt) }),
    // Minus 0 is the middle, too.
    ...(focus === undefined ? {} : { focus: [focus[0] || 0, focus[1] || 0] }),
  }
}

/** Part of whatever describes a photo, with what `fitDescription` returns. */
export function describeMedia(tx: Transaction, id: number, { alt, focus }: MediaDescription): void {
  tx.update(media, id, {
    ...(alt === undefined ? {} : { alt }),
    ...(focus === undefined ? {} : { focusX: focus[0], focusY: focus[1] }),
  })
}

/** Part of publishing a post, after `demandFreeMedia`. */
export function attachMedia(tx: Transaction, post: number, ids: readonly number[]): void {
  for (const id of ids) tx.update(media, id, { post })
}

/** Part of deleting a post: its photos go, and the files that nothing shows any more. */
export function removeMedia(tx: Transaction, ids: readonly number[]): void {
  for (const id of ids) {
    const file = tx.value(media, id, 'file')
    assert(file !== 0, 'a photo of a post has a file')
    tx.remove(media, id)
    if (tx.value(files, file, 'uses') === 0) tx.remove(files, file)
  }
}

/** Refuses with MEDIA_NOT_FOUND, NOT_YOURS. */
function demandOwnMedia(view: View, id: number, user: number): void {
  if (!isMediaVisible(view, id, user)) throw new Refusal('MEDIA_NOT_FOUND')
  if (view.value(media, id, 'owner') !== user) throw new Refusal('NOT_YOURS')
}

/** The file of that name, undefined when no photo shows it. */
export function fileOfName(view: View, name: string): Row<typeof files> | undefined {
  const row = view.find(files.indexes.byName, name)
  return row === 0 ? undefined : view.get(files, row)
}
