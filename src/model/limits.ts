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
  /** What a profile says besides the bio: "Camera", "Pentax 67". */
  fieldName: { label: 'the name of a field', countMin: 1, countMax: 40, hasLines: false },
  fieldValue: { label: 'the value of a field', countMin: 1, countMax: 200, hasLines: false },
  caption: { label: 'a caption', countMin: 0, countMax: 2_200, hasLines: true },
  comment: { label: 'a comment', countMin: 1, countMax: 2_200, hasLines: true },
  /** What a photo shows, for those who do not see it. */
  alt: { label: 'a description', countMin: 0, countMax: 1_500, hasLines: true },
  collection: { label: 'the name of a collection', countMin: 1, countMax: 60, hasLines: false },
  collectionDescription: {
    label: 'the description of a collection',
    countMin: 0,
    countMax: 500,
    hasLines: true,
  },
  /** Of an access token: for which program it was made. */
  token: { label: 'the name of a token', countMin: 1, countMax: 60, hasLines: false },
  /** What admins say of the network itself. */
  network: { label: 'the name of a network', countMin: 1, countMax: 60, hasLines: false },
  about: { label: 'the description of a network', countMin: 0, countMax: 2_000, hasLines: true },
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
/** Photos of one user that no post and no profile shows. */
export const MEDIA_WAITING_COUNT_MAX = 200
/** What a post said before its last edits; the oldest go. */
export const REVISION_COUNT_MAX = 30

/** Drafts of one user, and UTF-8 bytes of what one holds, as JSON. */
export const DRAFT_COUNT_MAX = 50
export const DRAFT_SIZE_MAX = 16 * 1024

/** Collections of one user, and posts in one: what deleting it removes at once. */
export const COLLECTION_COUNT_MAX = 100
export const COLLECTION_POST_COUNT_MAX = 1_000

/** Items of a page: when nobody says, and at most. */
export const PAGE_COUNT_DEFAULT = 20
export const PAGE_COUNT_MAX = 50

/** People that one follows: bounds the merge of a home timeline. */
export const FOLLOWING_COUNT_MAX = 5_000
/** Requests that wait for one private account: bounds what making it public grants at once. */
export const REQUESTS_RECEIVED_COUNT_MAX = 2_000

/** People whom one blocks, and whom one mutes. */
export const BLOCK_COUNT_MAX = 10_000
export const MUTE_COUNT_MAX = 10_000

/** Fields of a profile. */
export const PROFILE_FIELD_COUNT_MAX = 4

/** UTF-8 bytes. */
export const EMAIL_SIZE_MAX = 254
export const TAG_SIZE_MAX = 200

/** Users whom a caption or comment mentions with effect; further mentions are plain text. */
export const MENTION_COUNT_MAX = 20
/** Tags that a post is found by; further ones are plain text. */
export const TAG_COUNT_MAX = 30

/** Log-ins of a user at a time; one more ends the one that was seen least recently. */
export const SESSION_COUNT_MAX = 100
/** Access tokens, and invites, of a user at a time. */
export const ACCESS_TOKEN_COUNT_MAX = 50
export const INVITE_COUNT_MAX = 100
/** Accounts that one invite is good for. */
export const INVITE_USES_MAX = 1_000

/** Seconds for which an access token or an invite may be good, when its user says. */
export const EXPIRY_SECONDS_MIN = 60
export const EXPIRY_SECONDS_MAX = 366 * 24 * 60 * 60

/** Recovery codes that come with a second factor, each good for one log-in. */
export const RECOVERY_CODE_COUNT = 10
/** UTF-16 units of a code, with whatever stands between its groups. */
export const CODE_SIZE_MAX = 64

/** Log-ins elsewhere that lead into an account. */
export const IDENTITY_COUNT_MAX = 10
/** UTF-8 bytes of issuer and subject, with a space between. */
export const IDENTITY_KEY_SIZE_MAX = 800
/** From the answer of the provider to the log-in. */
export const OIDC_GRANT_MS = 5 * 60_000

/** How long an export may be downloaded, and how often; then another one may be asked for. */
export const EXPORT_PERIOD_MS = 24 * 60 * 60_000
export const EXPORT_DOWNLOAD_COUNT_MAX = 5

/** Who has no password shows by a log-in of this age at most that it is really them. */
export const FRESH_LOG_IN_MS = 10 * 60_000

/** Notifications that are kept for somebody; the oldest go. */
export const NOTIFICATION_COUNT_MAX = 1_000

/** Open reports of one reporter. */
export const REPORT_OPEN_COUNT_MAX = 100
/** Words and tags that nobody may publish. */
export const BLOCKED_TERM_COUNT_MAX = 5_000

/** Characters of what one searches for. */
export const SEARCH_COUNT_MAX = 200
