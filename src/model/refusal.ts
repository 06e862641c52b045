// Refusals: the product says no. A transaction throws one before its first write; the API answers
// with the status that src/api/errors.ts gives to its code. Every code stands in
// docs/operations.md.
//
// A refusal is no error of ours and of nobody's disk: it is an answer, so it carries a whole
// sentence for the person who asked, with numbers where there are any, and nothing about the
// inside.

export type RefusalCode =
  | 'HANDLE_INVALID'
  | 'HANDLE_TAKEN'
  | 'PASSWORD_UNFIT'
  | 'TEXT_EMPTY'
  | 'TEXT_INVALID'
  | 'TEXT_TOO_LONG'
  | 'USER_NOT_FOUND'
  | 'SESSION_NOT_FOUND'
  | 'LOG_IN_STALE'
  | 'SECOND_FACTOR_NEEDED'
  | 'SECOND_FACTOR_WRONG'
  | 'SECOND_FACTOR_ON'
  | 'SECOND_FACTOR_OFF'
  | 'IDENTITY_NOT_FOUND'
  | 'IDENTITY_TAKEN'
  | 'IDENTITIES_TOO_MANY'
  | 'LAST_WAY_IN'
  | 'OIDC_GRANT_INVALID'
  | 'EXPORT_NOT_FOUND'
  | 'EXPORT_TOO_SOON'
  | 'ACCOUNT_SUSPENDED'
  | 'TOKEN_NOT_FOUND'
  | 'TOKENS_TOO_MANY'
  | 'SIGN_UP_CLOSED'
  | 'INVITE_NEEDED'
  | 'INVITE_INVALID'
  | 'INVITE_NOT_FOUND'
  | 'INVITES_TOO_MANY'
  | 'INVITES_RESERVED'
  | 'EMAIL_INVALID'
  | 'EMAIL_TAKEN'
  | 'MAIL_TOKEN_INVALID'
  | 'MAILS_TOO_MANY'
  | 'POST_NOT_FOUND'
  | 'COMMENT_NOT_FOUND'
  | 'COMMENTS_CLOSED'
  | 'TAG_NOT_FOUND'
  | 'MEDIA_NOT_FOUND'
  | 'MEDIA_COUNT_WRONG'
  | 'MEDIA_REPEATED'
  | 'MEDIA_ATTACHED'
  | 'MEDIA_TOO_MANY'
  | 'POST_REMOVED'
  | 'POST_UNFIT'
  | 'COLLECTION_NOT_FOUND'
  | 'COLLECTIONS_TOO_MANY'
  | 'COLLECTION_FULL'
  | 'DRAFT_NOT_FOUND'
  | 'DRAFTS_TOO_MANY'
  | 'DRAFT_TOO_LARGE'
  | 'NOT_YOURS'
  | 'QUERY_EMPTY'
  | 'QUERY_TOO_LONG'
  | 'REPORT_NOT_FOUND'
  | 'REPORT_SELF'
  | 'REPORTS_TOO_MANY'
  | 'MODERATE_SELF'
  | 'RANK_TOO_LOW'
  | 'TERM_BLOCKED'
  | 'TERM_INVALID'
  | 'TERM_NOT_FOUND'
  | 'TERMS_TOO_MANY'
  | 'FOLLOW_SELF'
  | 'FOLLOWING_TOO_MANY'
  | 'REQUEST_NOT_FOUND'
  | 'REQUESTS_TOO_MANY'
  | 'PROFILE_FIELDS_TOO_MANY'
  | 'USER_BLOCKED'
  | 'BLOCK_SELF'
  | 'BLOCKS_TOO_MANY'
  | 'MUTE_SELF'
  | 'MUTES_TOO_MANY'

/** What is said when there is nothing more exact to say. */
const SENTENCES: Readonly<Record<RefusalCode, string>> = {
  HANDLE_INVALID:
    'A handle has 1 to 30 letters, digits, underscores and single dots, with no dot at either end.',
  HANDLE_TAKEN: 'This handle belongs to somebody else.',
  PASSWORD_UNFIT: 'This password is too short or too long.',
  TEXT_EMPTY: 'There must be some text.',
  TEXT_INVALID: 'The text holds characters that are not allowed.',
  TEXT_TOO_LONG: 'The text is too long.',
  USER_NOT_FOUND: 'There is no such user.',
  SESSION_NOT_FOUND: 'There is no such session.',
  LOG_IN_STALE: 'Log in again first: this takes a log-in of the last 10 minutes.',
  SECOND_FACTOR_NEEDED: 'This account has a second factor: a code is needed, too.',
  SECOND_FACTOR_WRONG: 'This code is wrong, or was used before.',
  SECOND_FACTOR_ON: 'The second factor is on already.',
  SECOND_FACTOR_OFF: 'There is no second factor to do this with.',
  IDENTITY_NOT_FOUND: 'You have no such log-in elsewhere.',
  IDENTITY_TAKEN: 'This log-in belongs to another account here.',
  IDENTITIES_TOO_MANY: 'This account has as many log-ins elsewhere as it can.',
  LAST_WAY_IN: 'This is the last way into the account: set a password first.',
  OIDC_GRANT_INVALID: 'This log-in has ended or was used before: begin again.',
  EXPORT_NOT_FOUND: 'There is no export to download: ask for one first.',
  EXPORT_TOO_SOON: 'There has been an export lately; come again later.',
  ACCOUNT_SUSPENDED: 'This account is suspended.',
  TOKEN_NOT_FOUND: 'There is no such token of yours.',
  TOKENS_TOO_MANY: 'You have as many access tokens as one can.',
  SIGN_UP_CLOSED: 'This network takes no new accounts at the moment.',
  INVITE_NEEDED: 'Signing up here takes an invite.',
  INVITE_INVALID: 'This invite is not good: it is unknown, used up, or over.',
  INVITE_NOT_FOUND: 'There is no such invite of yours.',
  INVITES_TOO_MANY: 'You have as many invites as one can.',
  INVITES_RESERVED: 'Only moderators and admins invite people here.',
  EMAIL_INVALID: 'This is no e-mail address.',
  EMAIL_TAKEN: 'Another account has this e-mail address.',
  MAIL_TOKEN_INVALID: 'This link is not good: it is unknown, was used, or is over.',
  MAILS_TOO_MANY: 'As many mails as one can ask for are on their way; look for them first.',
  POST_NOT_FOUND: 'There is no such post.',
  COMMENT_NOT_FOUND: 'There is no such comment in this thread.',
  COMMENTS_CLOSED: 'The author of this post lets nobody comment.',
  TAG_NOT_FOUND: 'There is no such tag.',
  MEDIA_NOT_FOUND: 'There is no such photo of yours.',
  MEDIA_COUNT_WRONG: 'A post has 1 to 10 photos.',
  MEDIA_REPEATED: 'A post has each photo once.',
  MEDIA_ATTACHED: 'This photo is already in another post.',
  MEDIA_TOO_MANY: 'You have as many photos that wait for a post as one can.',
  POST_REMOVED: 'A moderator has removed this: it can be deleted, and not changed.',
  POST_UNFIT: 'This is for posts that start a thread, not for comments.',
  COLLECTION_NOT_FOUND: 'There is no such collection.',
  COLLECTIONS_TOO_MANY: 'You have as many collections as one can.',
  COLLECTION_FULL: 'This collection holds as many posts as one can.',
  DRAFT_NOT_FOUND: 'There is no such draft of yours.',
  DRAFTS_TOO_MANY: 'You have as many drafts as one can.',
  DRAFT_TOO_LARGE: 'This is more than a draft holds.',
  NOT_YOURS: 'This belongs to somebody else.',
  QUERY_EMPTY: 'A search needs a word to look for: letters or digits.',
  QUERY_TOO_LONG: 'This is too much to search for at once.',
  REPORT_NOT_FOUND: 'There is no such report.',
  REPORT_SELF: 'Nobody reports themselves.',
  REPORTS_TOO_MANY: 'You have reported as much as one can before moderators have looked at it.',
  MODERATE_SELF: 'Nobody moderates themselves.',
  RANK_TOO_LOW: 'Only an admin may do this to a moderator or an admin.',
  TERM_BLOCKED: 'This holds a word that may not be published here.',
  TERM_INVALID: 'A blocked term is one word, or one tag.',
  TERM_NOT_FOUND: 'There is no such blocked term.',
  TERMS_TOO_MANY: 'As many terms are blocked as can be.',
  FOLLOW_SELF: 'Nobody follows themselves.',
  FOLLOWING_TOO_MANY: 'You follow as many people as one can.',
  REQUEST_NOT_FOUND: 'This user does not ask to follow you.',
  REQUESTS_TOO_MANY: 'As many people as can wait for an answer of this user already do.',
  PROFILE_FIELDS_TOO_MANY: 'A profile has at most 4 fields.',
  USER_BLOCKED: 'You have blocked this user; end that first.',
  BLOCK_SELF: 'Nobody blocks themselves.',
  BLOCKS_TOO_MANY: 'You have blocked as many people as one can.',
  MUTE_SELF: 'Nobody mutes themselves.',
  MUTES_TOO_MANY: 'You have muted as many people as one can.',
}

export const REFUSAL_CODES = Object.keys(SENTENCES) as readonly RefusalCode[]

/** The message is a whole sentence for the person who asked. */
export class Refusal extends Error {
  readonly code: RefusalCode

  constructor(code: RefusalCode, sentence: string = SENTENCES[code]) {
    super(sentence)
    this.name = 'Refusal'
    this.code = code
  }
}
