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
  | 'POST_NOT_FOUND'
  | 'COMMENT_NOT_FOUND'
  | 'MEDIA_NOT_FOUND'
  | 'MEDIA_COUNT_WRONG'
  | 'MEDIA_REPEATED'
  | 'MEDIA_ATTACHED'
  | 'NOT_YOURS'
  | 'FOLLOW_SELF'
  | 'FOLLOWING_TOO_MANY'

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
  POST_NOT_FOUND: 'There is no such post.',
  COMMENT_NOT_FOUND: 'There is no such comment in this thread.',
  MEDIA_NOT_FOUND: 'There is no such photo of yours.',
  MEDIA_COUNT_WRONG: 'A post has 1 to 10 photos.',
  MEDIA_REPEATED: 'A post has each photo once.',
  MEDIA_ATTACHED: 'This photo is already in another post.',
  NOT_YOURS: 'This belongs to somebody else.',
  FOLLOW_SELF: 'Nobody follows themselves.',
  FOLLOWING_TOO_MANY: 'You follow as many people as one can.',
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
