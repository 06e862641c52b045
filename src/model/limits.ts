// Limits of the network: how long texts may be, how many photos a post has, how many people one
// follows. One table for the rules (text.ts, posts.ts, follows.ts), the schema and the API.
//
// Characters are Unicode code points, as a reader would count most of them; bytes are what a record
// has to hold, four for each character at worst.

export interface TextLimit {
  /** Begins the sentence of a refusal: "a caption has …". */
  readonly label: string
  /** Characters. */
  readonly countMin: number
  readonly countMax: number
  /** Whether it may have line breaks. */
  readonly hasLines: boolean
}

export const TEXT_LIMITS = {
  name: { label: 'a name', countMin: 0, countMax: 60, hasLines: false },
  bio: { label: 'a bio', countMin: 0, countMax: 500, hasLines: true },
  caption: { label: 'a caption', countMin: 0, countMax: 2_200, hasLines: true },
  comment: { label: 'a comment', countMin: 1, countMax: 2_200, hasLines: true },
  /** What a photo shows, for those who do not see it. */
  alt: { label: 'a description', countMin: 0, countMax: 1_500, hasLines: true },
  collection: { label: 'the name of a collection', countMin: 1, countMax: 60, hasLines: false },
  /** What moderators and those who report say. */
  reason: { label: 'a reason', countMin: 0, countMax: 1_000, hasLines: true },
} as const satisfies Readonly<Record<string, TextLimit>>

/** UTF-8 bytes of the longest text that a limit allows. */
export function sizeMaxOf(limit: TextLimit): number {
  return limit.countMax * 4
}

/**
 * Letters of either case, digits, "_" and "."; a dot only between others, so that no handle is ".."
 * in a URL.
 */
export const HANDLE_PATTERN = /^(?!.*\.\.)[a-z0-9_](?:[a-z0-9_.]{0,28}[a-z0-9_])?$/i
export const HANDLE_SIZE_MAX = 30

/** UTF-16 units, as a form counts them. The upper bound keeps the work of a hash small. */
export const PASSWORD_SIZE_MIN = 8
export const PASSWORD_SIZE_MAX = 200

/** Photos of a post. */
export const POST_MEDIA_COUNT_MIN = 1
export const POST_MEDIA_COUNT_MAX = 10

/** People that one follows: bounds the merge of a home timeline. */
export const FOLLOWING_COUNT_MAX = 5_000

/** UTF-8 bytes. */
export const EMAIL_SIZE_MAX = 254
export const TAG_SIZE_MAX = 200

/** Users whom a caption or comment mentions with effect; further mentions are plain text. */
export const MENTION_COUNT_MAX = 20
/** Tags that a post is found by; further ones are plain text. */
export const TAG_COUNT_MAX = 30

/** Recovery codes that come with a second factor, each good for one log-in. */
export const RECOVERY_CODE_COUNT = 10
