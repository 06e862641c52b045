// Errors, as answers: one table gives every code its status, one function turns whatever was thrown
// into a code, one writes the body. No answer carries a stack, a path, or anything about the
// inside.
//
//   WHAT WAS THROWN           WHO SAID NO              ANSWER
//   Refusal                   the model                its code
//   MediaRefusal              the photo pipeline       its code
//   RequestRefusal            this layer               its code
//   DatastoreError            the engine, running      503 or 413; other codes are our mistake: 500
//   FastifyError              the framework            the code that FRAMEWORK_CODES gives it
//   InvariantError            a broken invariant       none: `fatal` ends the process
//   anything else             nobody expected it       500 INTERNAL_ERROR, and a line in the log
//
// The shape of the body is that of docs/api.md: a few words for clients that show one field, and a
// problem document (RFC 9457) around them.

import { STATUS_CODES } from 'node:http'
import { DatastoreError } from '../engine/errors.ts'
import { MediaRefusal } from '../media/media-refusal.ts'
import { Refusal } from '../model/refusal.ts'
import type { MediaRefusalCode } from '../media/media-refusal.ts'
import type { RefusalCode } from '../model/refusal.ts'

/** What this layer says no with, before the model is asked. */
export type RequestCode =
  | 'REQUEST_INVALID'
  | 'JSON_INVALID'
  | 'MULTIPART_INVALID'
  | 'FILE_MISSING'
  | 'IDEMPOTENCY_KEY_INVALID'
  | 'CREDENTIALS_WRONG'
  | 'OIDC_REFUSED'
  | 'OIDC_OFF'
  | 'OIDC_UNAVAILABLE'
  | 'EXPORT_BUSY'
  | 'TOKEN_MISSING'
  | 'TOKEN_INVALID'
  | 'ADMIN_REQUIRED'
  | 'MODERATOR_REQUIRED'
  | 'SCOPE_MISSING'
  | 'ROUTE_NOT_FOUND'
  | 'LOG_RETIRED'
  | 'METHOD_NOT_ALLOWED'
  | 'REQUEST_TIMEOUT'
  | 'BODY_TOO_LARGE'
  | 'URL_TOO_LONG'
  | 'MEDIA_TYPE_UNSUPPORTED'
  | 'RATE_LIMITED'
  | 'PASSWORDS_BUSY'
  | 'DEPLOY_REFUSED'
  | 'CALLER_GONE'
  | 'HEADERS_TOO_LARGE'
  | 'CSRF_REFUSED'
  | 'LSN_UNKNOWN'
  | 'INTERNAL_ERROR'

/** Codes of the engine that a caller can meet while the store runs. */
export type RunningCode =
  | 'TRANSACTION_TOO_LARGE'
  | 'STORE_READ_ONLY'
  | 'STORE_POISONED'
  | 'STORE_CLOSED'
  | 'STORE_UNAVAILABLE'
  | 'STORE_BUSY'
  | 'STORE_TIMEOUT'

export type ErrorCode = RefusalCode | MediaRefusalCode | RequestCode | RunningCode

interface Meaning {
  readonly status: number
  /** What is said when whoever threw has no words for the caller. */
  readonly sentence?: string
  /** Seconds after which it may be worth trying again. */
  readonly retryAfter?: number
}

/** Every code that an answer can have. */
export const ERRORS: Readonly<Record<ErrorCode, Meaning>> = {
  REQUEST_INVALID: { status: 400, sentence: 'The request is not as this route expects it.' },
  JSON_INVALID: { status: 400, sentence: 'The body is not valid JSON.' },
  MULTIPART_INVALID: { status: 400, sentence: 'The multipart body is cut off or malformed.' },
  FILE_MISSING: { status: 400, sentence: 'There must be a multipart field "file" with a file.' },
  IDEMPOTENCY_KEY_INVALID: {
    status: 400,
    sentence: 'An Idempotency-Key has 1 to 128 visible ASCII characters.',
  },
  CREDENTIALS_WRONG: { status: 401, sentence: 'The handle or the password is wrong.' },
  SECOND_FACTOR_NEEDED: { status: 401 },
  SECOND_FACTOR_WRONG: { status: 401 },
  OIDC_GRANT_INVALID: { status: 401 },
  OIDC_REFUSED: { status: 401, sentence: 'The log-in elsewhere did not succeed: begin again.' },
  TOKEN_MISSING: { status: 401, sentence: 'This needs a token: Authorization: Bearer …' },
  TOKEN_INVALID: { status: 401, sentence: 'The token is unknown, or its session has ended.' },
  ADMIN_REQUIRED: { status: 403, sentence: 'Only an admin may do this.' },
  SCOPE_MISSING: { status: 403, sentence: 'This access token may not do that.' },
  ACCOUNT_SUSPENDED: { status: 403 },
  SIGN_UP_CLOSED: { status: 403 },
  INVITE_NEEDED: { status: 403 },
  INVITES_RESERVED: { status: 403 },
  MODERATOR_REQUIRED: { status: 403, sentence: 'Only a moderator may do this.' },
  NOT_YOURS: { status: 403 },
  CSRF_REFUSED: {
    status: 403,
    sentence: 'What is written with a cookie must come from a page of this server.',
  },
  LSN_UNKNOWN: {
    status: 409,
    sentence: 'This server does not have the write that X-Shashin-LSN names; it may be lost.',
  },
  RANK_TOO_LOW: { status: 403 },
  COMMENTS_CLOSED: { status: 403 },
  LOG_IN_STALE: { status: 403 },
  ROUTE_NOT_FOUND: { status: 404, sentence: 'There is nothing at this address.' },
  USER_NOT_FOUND: { status: 404 },
  SESSION_NOT_FOUND: { status: 404 },
  IDENTITY_NOT_FOUND: { status: 404 },
  EXPORT_NOT_FOUND: { status: 404 },
  OIDC_OFF: { status: 404, sentence: 'This server has no log-in elsewhere.' },
  TOKEN_NOT_FOUND: { status: 404 },
  INVITE_NOT_FOUND: { status: 404 },
  POST_NOT_FOUND: { status: 404 },
  COMMENT_NOT_FOUND: { status: 404 },
  TAG_NOT_FOUND: { status: 404 },
  MEDIA_NOT_FOUND: { status: 404 },
  COLLECTION_NOT_FOUND: { status: 404 },
  DRAFT_NOT_FOUND: { status: 404 },
  REPORT_NOT_FOUND: { status: 404 },
  TERM_NOT_FOUND: { status: 404 },
  REQUEST_NOT_FOUND: { status: 404 },
  LOG_RETIRED: { status: 410, sentence: 'The log does not reach back so far.' },
  METHOD_NOT_ALLOWED: { status: 405, sentence: 'This address does not know that method.' },
  REQUEST_TIMEOUT: { status: 408, sentence: 'The request took too long to arrive.' },
  HANDLE_TAKEN: { status: 409 },
  SECOND_FACTOR_ON: { status: 409 },
  SECOND_FACTOR_OFF: { status: 409 },
  IDENTITY_TAKEN: { status: 409 },
  LAST_WAY_IN: { status: 409 },
  EMAIL_TAKEN: { status: 409 },
  MEDIA_ATTACHED: { status: 409 },
  POST_REMOVED: { status: 409 },
  USER_BLOCKED: { status: 409 },
  BODY_TOO_LARGE: { status: 413, sentence: 'The body is too large.' },
  FILE_TOO_LARGE: { status: 413 },
  TRANSACTION_TOO_LARGE: { status: 413, sentence: 'This is more than can be written at once.' },
  DEPLOY_REFUSED: { status: 409, sentence: 'There is new code, and it is not used.' },
  URL_TOO_LONG: { status: 414, sentence: 'The address is too long.' },
  MEDIA_TYPE_UNSUPPORTED: { status: 415, sentence: 'This route does not take that kind of body.' },
  IMAGE_UNSUPPORTED: { status: 415 },
  HANDLE_INVALID: { status: 422 },
  PASSWORD_UNFIT: { status: 422 },
  EMAIL_INVALID: { status: 422 },
  INVITE_INVALID: { status: 422 },
  INVITES_TOO_MANY: { status: 422 },
  TOKENS_TOO_MANY: { status: 422 },
  MAIL_TOKEN_INVALID: { status: 422 },
  QUERY_EMPTY: { status: 422 },
  QUERY_TOO_LONG: { status: 422 },
  TEXT_EMPTY: { status: 422 },
  TEXT_INVALID: { status: 422 },
  TEXT_TOO_LONG: { status: 422 },
  MEDIA_COUNT_WRONG: { status: 422 },
  MEDIA_REPEATED: { status: 422 },
  MEDIA_TOO_MANY: { status: 422 },
  POST_UNFIT: { status: 422 },
  COLLECTIONS_TOO_MANY: { status: 422 },
  COLLECTION_FULL: { status: 422 },
  DRAFTS_TOO_MANY: { status: 422 },
  DRAFT_TOO_LARGE: { status: 422 },
  IDENTITIES_TOO_MANY: { status: 422 },
  FOLLOW_SELF: { status: 422 },
  REPORT_SELF: { status: 422 },
  REPORTS_TOO_MANY: { status: 422 },
  MODERATE_SELF: { status: 422 },
  TERM_BLOCKED: { status: 422 },
  TERM_INVALID: { status: 422 },
  TERMS_TOO_MANY: { status: 422 },
  FOLLOWING_TOO_MANY: { status: 422 },
  REQUESTS_TOO_MANY: { status: 422 },
  PROFILE_FIELDS_TOO_MANY: { status: 422 },
  BLOCK_SELF: { status: 422 },
  BLOCKS_TOO_MANY: { status: 422 },
  MUTE_SELF: { status: 422 },
  MUTES_TOO_MANY: { status: 422 },
  IMAGE_DAMAGED: { status: 422 },
  IMAGE_PIXELS_TOO_MANY: { status: 422 },
  IMAGE_TOO_COSTLY: { status: 422 },
  RATE_LIMITED: {
    status: 429,
    sentence: 'There have been too many requests of this kind.',
    retryAfter: 60,
  },
  EXPORT_TOO_SOON: { status: 429, retryAfter: 3_600 },
  EXPORT_BUSY: {
    status: 429,
    sentence: 'Other exports are being downloaded at this moment.',
    retryAfter: 60,
  },
  PASSWORDS_BUSY: {
    status: 429,
    sentence: 'Too many people are logging in at this moment.',
    retryAfter: 2,
  },
  MAILS_TOO_MANY: { status: 429, retryAfter: 3600 },
  CALLER_GONE: { status: 499, sentence: 'Nobody waits for this answer any more.' },
  HEADERS_TOO_LARGE: { status: 431, sentence: 'The headers are too large.' },
  INTERNAL_ERROR: { status: 500, sentence: 'Something went wrong here; it has been noted.' },
  MEDIA_BUSY: { status: 503, retryAfter: 5 },
  MEDIA_UNAVAILABLE: { status: 503, retryAfter: 30 },
  OIDC_UNAVAILABLE: {
    status: 503,
    sentence: 'The provider of this log-in does not answer; try again later.',
    retryAfter: 30,
  },
  STORE_READ_ONLY: {
    status: 503,
    sentence: 'The disk of this server is nearly full: it can be read, but not written.',
    retryAfter: 60,
  },
  STORE_POISONED: {
    status: 503,
    sentence: 'This server cannot write at the moment.',
    retryAfter: 5,
  },
  STORE_CLOSED: { status: 503, sentence: 'This server is restarting.', retryAfter: 5 },
  STORE_UNAVAILABLE: {
    status: 503,
    sentence: 'The store of this server is being restarted; what was sent may have happened.',
    retryAfter: 1,
  },
  STORE_BUSY: {
    status: 503,
    sentence: 'This server has more to write than it can.',
    retryAfter: 1,
  },
  STORE_TIMEOUT: {
    status: 503,
    sentence: 'This took too long; it may have happened.',
    retryAfter: 5,
  },
}

const FRAMEWORK_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_BAD_URL: 'REQUEST_INVALID',
  FST_ERR_MAX_PARAM_LENGTH: 'URL_TOO_LONG',
  FST_ERR_VALIDATION: 'REQUEST_INVALID',
  FST_ERR_NOT_FOUND: 'ROUTE_NOT_FOUND',
  FST_ERR_CTP_BODY_TOO_LARGE: 'BODY_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'MEDIA_TYPE_UNSUPPORTED',
  FST_ERR_CTP_EMPTY_TYPE: 'MEDIA_TYPE_UNSUPPORTED',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'REQUEST_INVALID',
  FST_INVALID_MULTIPART_CONTENT_TYPE: 'MEDIA_TYPE_UNSUPPORTED',
  FST_REQ_FILE_TOO_LARGE: 'FILE_TOO_LARGE',
  FST_PARTS_LIMIT: 'MULTIPART_INVALID',
  FST_FILES_LIMIT: 'MULTIPART_INVALID',
  FST_FIELDS_LIMIT: 'MULTIPART_INVALID',
  FST_PROTO_VIOLATION: 'MULTIPART_INVALID',
  FST_MP_PREMATURE_CLOSE: 'MULTIPART_INVALID',
}

/** What this layer throws to say no. */
export class RequestRefusal extends Error {
  readonly code: RequestCode
  /** To be sent with the answer. */
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: RequestCode,
    sentence: string = ERRORS[code].sentence!,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(sentence)
    this.name = 'RequestRefusal'
    this.code = code
    this.headers = headers
  }
}

export interface ErrorAnswer {
  readonly code: ErrorCode
  /** For the caller. */
  readonly sentence: string
  readonly headers: Readonly<Record<string, string>>
}

/** The answer to whatever was thrown. InvariantError has none: the caller of this looks first. */
export function answerOf(error: unknown): ErrorAnswer {
  const [code, sentence] = codeOf(error)
  const { retryAfter } = ERRORS[code]
  return {
    code,
    sentence: sentence ?? ERRORS[code].sentence!,
    headers: {
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
      // Whoever refuses may know better when to come again.
      ...(error instanceof RequestRefusal ? error.headers : {}),
    },
  }
}

/** The code, and the words of whoever threw where they are meant for the caller. */
function codeOf(error: unknown): readonly [ErrorCode, string?] {
  if (error instanceof Refusal) return [error.code, error.message]
  if (error instanceof MediaRefusal) return [error.code, error.message]
  if (error instanceof RequestRefusal) return [error.code, error.message]
  if (error instanceof DatastoreError) {
    return isRunningCode(error.code) ? [error.code] : ['INTERNAL_ERROR']
  }
  if (!(error instanceof Error)) return ['INTERNAL_ERROR']
  const { code = '', statusCode = 500 } = error as { code?: string; statusCode?: number }
  const known = FRAMEWORK_CODES[code]
  if (known !== undefined) return [known]
  // A framework that says "your fault" in words we do not know.
  return [statusCode >= 400 && statusCode < 500 ? 'REQUEST_INVALID' : 'INTERNAL_ERROR']
}

function isRunningCode(code: string): code is RunningCode {
  return code in ERRORS
}

/** The body of an answer. `error` and `code` are for clients, `detail` for people. */
export function errorBody({ code, sentence }: ErrorAnswer, requestId: string): Buffer {
  const { status } = ERRORS[code]
  return Buffer.from(
    JSON.stringify({
      error: sentence,
      code,
      type: 'about:blank',
      title: STATUS_CODES[status] ?? 'Error',
      status,
      detail: sentence,
      request_id: requestId,
    }),
  )
}

/**
 * Exactly `application/json` unless the caller asks for the other by name: some clients compare
 * texts.
 */
export function errorContentType(accept: string | undefined): string {
  return accept?.includes('application/problem+json')
    ? 'application/problem+json'
    : 'application/json'
}
