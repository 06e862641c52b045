// All limits of the network as clients see them: one table of names, next to the numbers that hold
// (src/model/limits.ts, the photo pipeline, the settings of the process). A number of limits.ts
// that is not here is nothing that a client could run into; a test compares.

import { Type } from 'typebox'
import { nullable } from './validation.ts'
import { PIXELS_MAX, UPLOAD_SIZE_MAX } from '../media/photo-limits.ts'
import { COMMENT_DEPTH_MAX, PREVIEW_COUNT } from '../model/comment-tree.ts'
import * as limits from '../model/limits.ts'
import type { Static } from 'typebox'
import type { RateLimits } from './rate-limits.ts'

/** Numbers of things, unless the name says `size`: those are bytes. */
const COUNTS = {
  email_size: limits.EMAIL_SIZE_MAX,
  tag_size: limits.TAG_SIZE_MAX,
  upload_size: UPLOAD_SIZE_MAX,
  photo_pixels: PIXELS_MAX,
  /** Photos that no post and no profile shows. */
  waiting_photos: limits.MEDIA_WAITING_COUNT_MAX,
  revisions: limits.REVISION_COUNT_MAX,
  drafts: limits.DRAFT_COUNT_MAX,
  draft_size: limits.DRAFT_SIZE_MAX,
  collections: limits.COLLECTION_COUNT_MAX,
  collection_posts: limits.COLLECTION_POST_COUNT_MAX,
  /** What more than so many in a caption are, is plain text. */
  mentions: limits.MENTION_COUNT_MAX,
  tags: limits.TAG_COUNT_MAX,
  profile_fields: limits.PROFILE_FIELD_COUNT_MAX,
  following: limits.FOLLOWING_COUNT_MAX,
  follow_requests: limits.REQUESTS_RECEIVED_COUNT_MAX,
  blocks: limits.BLOCK_COUNT_MAX,
  mutes: limits.MUTE_COUNT_MAX,
  notifications: limits.NOTIFICATION_COUNT_MAX,
  open_reports: limits.REPORT_OPEN_COUNT_MAX,
  blocked_terms: limits.BLOCKED_TERM_COUNT_MAX,
  /** Characters. */
  search: limits.SEARCH_COUNT_MAX,
  sessions: limits.SESSION_COUNT_MAX,
  tokens: limits.ACCESS_TOKEN_COUNT_MAX,
  invites: limits.INVITE_COUNT_MAX,
  invite_uses: limits.INVITE_USES_MAX,
  identities: limits.IDENTITY_COUNT_MAX,
  recovery_codes: limits.RECOVERY_CODE_COUNT,
  export_downloads: limits.EXPORT_DOWNLOAD_COUNT_MAX,
} as const

const BOUNDS = {
  handle: { min: 1, max: limits.HANDLE_SIZE_MAX },
  password: { min: limits.PASSWORD_SIZE_MIN, max: limits.PASSWORD_SIZE_MAX },
  photos: { min: limits.POST_MEDIA_COUNT_MIN, max: limits.POST_MEDIA_COUNT_MAX },
  /** Seconds for which a token or an invite may be good. */
  expires_in: { min: limits.EXPIRY_SECONDS_MIN, max: limits.EXPIRY_SECONDS_MAX },
} as const

const RATE_NAMES = {
  sign_ups: 'signUps',
  log_ins: 'logIns',
  codes: 'codes',
  writes: 'writes',
  reads: 'reads',
  uploads: 'uploads',
} as const satisfies Readonly<Record<string, keyof RateLimits>>

const Count = Type.Integer()
const BoundsBody = Type.Object({ min: Count, max: Count })
const RateBody = nullable(Type.Object({ count: Count, seconds: Count }))

export const LimitsBody = Type.Object({
  /** Characters. */
  texts: Type.Record(Type.String(), BoundsBody),
  ...mapped(BOUNDS, () => BoundsBody),
  ...mapped(COUNTS, () => Count),
  page: Type.Object({ default: Count, max: Count }),
  comments: Type.Object({ preview: Count, depth: Count }),
  /** Null: as many as one likes. */
  rates: Type.Object(mapped(RATE_NAMES, () => RateBody)),
})

/** What is not named in `rates` is not limited. */
export function limitsBodyOf(rates: RateLimits): Static<typeof LimitsBody> {
  const texts = Object.entries(limits.TEXT_LIMITS).map(([name, { countMin, countMax }]) => [
    name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    { min: countMin, max: countMax },
  ])
  return {
    texts: Object.fromEntries(texts) as Record<string, { min: number; max: number }>,
    ...BOUNDS,
    ...COUNTS,
    page: { default: limits.PAGE_COUNT_DEFAULT, max: limits.PAGE_COUNT_MAX },
    comments: { preview: PREVIEW_COUNT, depth: COMMENT_DEPTH_MAX },
    rates: mapped(RATE_NAMES, (name) => {
      const rate = rates[name] ?? 'off'
      return rate === 'off' ? null : { count: rate.count, seconds: rate.periodMs / 1000 }
    }),
  }
}

/** The same names with other values. */
function mapped<K extends string, V, W>(
  table: Readonly<Record<K, V>>,
  valueOf: (value: V) => W,
): Record<K, W> {
  const entries = Object.entries<V>(table).map(([key, value]) => [key, valueOf(value)])
  return Object.fromEntries(entries) as Record<K, W>
}
