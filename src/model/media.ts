// Media: photos, from their upload to the post that shows them.
//
// The bytes lie in files named by their hash, on disk and synced before a transaction names them.
// Two uploads of the same picture share one file; the row in `files` goes with the last photo that
// shows it, and a file without a row is not served. The bytes on disk stay until they are swept.

import { assert } from '../std/assert.ts'
import { POST_MEDIA_COUNT_MAX, POST_MEDIA_COUNT_MIN } from './limits.ts'
import { Refusal } from './refusal.ts'
import { files, media, users } from './schema.ts'
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

/** Returns the id of a photo that waits for its post. Refuses with USER_NOT_FOUND. */
export function createMedia(tx: Transaction, input: CreateMedia): number {
  const { owner, width, height, original } = input
  if (!tx.has(users, owner)) throw new Refusal('USER_NOT_FOUND')
  const known = tx.find(files.indexes.byName, input.file.name)
  const file = known === 0 ? tx.insert(files, input.file) : known
  return tx.insert(media, { owner, file, width, height, original, createdAt: tx.now })
}

/** Refuses with MEDIA_COUNT_WRONG, MEDIA_REPEATED, MEDIA_NOT_FOUND, MEDIA_ATTACHED. */
export function demandFreeMedia(view: View, owner: number, ids: readonly number[]): void {
  if (ids.length < POST_MEDIA_COUNT_MIN || ids.length > POST_MEDIA_COUNT_MAX) {
    const bounds = `${POST_MEDIA_COUNT_MIN} to ${POST_MEDIA_COUNT_MAX} photos`
    throw new Refusal('MEDIA_COUNT_WRONG', `A post has ${bounds}; this one has ${ids.length}.`)
  }
  if (new Set(ids).size !== ids.length) throw new Refusal('MEDIA_REPEATED')
  for (const id of ids) {
    if (view.value(media, id, 'owner') !== owner) throw new Refusal('MEDIA_NOT_FOUND')
    if (view.value(media, id, 'post') !== 0) throw new Refusal('MEDIA_ATTACHED')
  }
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

/** The file of that name, undefined when no photo shows it. */
export function fileOfName(view: View, name: string): Row<typeof files> | undefined {
  const row = view.find(files.indexes.byName, name)
  return row === 0 ? undefined : view.get(files, row)
}
