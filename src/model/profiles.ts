// Profiles: what people say of themselves, the photos that stand for them, and whether only their
// followers see what they post.
//
// Avatar and header are photos of one's own that nothing else shows. One that is replaced goes, and
// its file with the last photo that shows it, as with the photos of a deleted post.
//
// Whoever makes an account public has nothing left to grant: everybody who waits follows at once,
// in the same transaction. REQUESTS_RECEIVED_COUNT_MAX bounds it.

import { demandAllowedTerms } from './blocked-terms.ts'
import { grantAll } from './follow-requests.ts'
import { PROFILE_FIELD_COUNT_MAX, TEXT_LIMITS } from './limits.ts'
import { demandFreeMedia, removeMedia } from './media.ts'
import { Refusal } from './refusal.ts'
import { media, users } from './schema.ts'
import { fitText } from './text.ts'
import { isActive, isPrivate } from './visibility.ts'
import type { ProfileField } from './schema.ts'
import type { Transaction } from '../engine/transaction.ts'

export interface ProfileChange {
  readonly user: number
  readonly name?: string
  readonly bio?: string
  /** All of them, in order. */
  readonly fields?: readonly ProfileField[]
  readonly isPrivate?: boolean
  /** Photos of the user; null for none. */
  readonly avatar?: number | null
  readonly header?: number | null
}

/**
 * Fields that are left out stay as they are. Refuses with USER_NOT_FOUND, TEXT_…,
 * TERM_BLOCKED, PROFILE_FIELDS_TOO_MANY, MEDIA_NOT_FOUND, MEDIA_ATTACHED, MEDIA_REPEATED.
 */
export function updateProfile(tx: Transaction, input: ProfileChange): void {
  const { user, name, bio, fields } = input
  if (!isActive(tx, user)) throw new Refusal('USER_NOT_FOUND')
  const texts = {
    ...(name === undefined ? {} : { name: fitText(name, TEXT_LIMITS.name) }),
    ...(bio === undefined ? {} : { bio: fitText(bio, TEXT_LIMITS.bio) }),
    ...(fields === undefined ? {} : { fields: fitFields(fields) }),
  }
  const said = (texts.fields ?? []).flatMap((field) => [field.name, field.value])
  demandAllowedTerms(tx, texts.name ?? '', texts.bio ?? '', ...said)
  const before = [tx.value(users, user, 'avatar'), tx.value(users, user, 'header')] as const
  const avatar = chosenPhoto(input.avatar, before[0])
  const header = chosenPhoto(input.header, before[1])
  if (avatar !== 0 && avatar === header) {
    throw new Refusal('MEDIA_REPEATED', 'Avatar and header are two photos.')
  }
  const left = differenceOf(before, [avatar, header])
  const added = differenceOf([avatar, header], before)
  demandFreeMedia(tx, user, added, 0)

  const wasPrivate = isPrivate(tx, user)
  const { isPrivate: staysPrivate = wasPrivate } = input
  tx.update(users, user, { ...texts, avatar, header, isPrivate: staysPrivate })
  for (const photo of added) tx.update(media, photo, { profile: user })
  removeMedia(tx, left)
  if (wasPrivate && !staysPrivate) grantAll(tx, user)
}

/** The photo that a change leaves, 0 for none. Refuses with MEDIA_NOT_FOUND. */
function chosenPhoto(chosen: number | null | undefined, before: number): number {
  if (chosen === undefined) return before
  // No photo has the id 0, and nobody means "none" by an id that no photo has.
  if (chosen === 0) throw new Refusal('MEDIA_NOT_FOUND')
  return chosen ?? 0
}

/** Photos that are only among the first. */
function differenceOf(some: readonly number[], others: readonly number[]): number[] {
  return some.filter((photo) => photo !== 0 && !others.includes(photo))
}

/** Refuses with TEXT_…, PROFILE_FIELDS_TOO_MANY. */
function fitFields(fields: readonly ProfileField[]): readonly ProfileField[] {
  if (fields.length > PROFILE_FIELD_COUNT_MAX) {
    throw new Refusal(
      'PROFILE_FIELDS_TOO_MANY',
      `A profile has at most ${PROFILE_FIELD_COUNT_MAX} fields; these are ${fields.length}.`,
    )
  }
  return fields.map(({ name, value }) => ({
    name: fitText(name, TEXT_LIMITS.fieldName),
    value: fitText(value, TEXT_LIMITS.fieldValue),
  }))
}
