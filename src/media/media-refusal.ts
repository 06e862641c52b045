// What the photo pipeline says no with. The API gives each code its status (src/api/errors.ts);
// docs/operations.md explains it.

export type MediaRefusalCode =
  | 'FILE_TOO_LARGE'
  | 'IMAGE_UNSUPPORTED'
  | 'IMAGE_DAMAGED'
  | 'IMAGE_PIXELS_TOO_MANY'
  | 'IMAGE_TOO_COSTLY'
  | 'MEDIA_BUSY'
  | 'MEDIA_UNAVAILABLE'

const SENTENCES: Readonly<Record<MediaRefusalCode, string>> = {
  FILE_TOO_LARGE: 'The file is too large.',
  IMAGE_UNSUPPORTED: 'The file is no JPEG, PNG, WebP, AVIF or GIF image.',
  IMAGE_DAMAGED: 'The image is cut off or damaged.',
  IMAGE_PIXELS_TOO_MANY: 'The image has too many pixels.',
  IMAGE_TOO_COSTLY: 'The image takes too much time or memory to decode.',
  MEDIA_BUSY: 'Too many photos are waiting to be processed.',
  MEDIA_UNAVAILABLE: 'Photos cannot be processed at the moment.',
}

export const MEDIA_REFUSAL_CODES = Object.keys(SENTENCES) as readonly MediaRefusalCode[]

/** The message is a whole sentence for the person who asked. */
export class MediaRefusal extends Error {
  readonly code: MediaRefusalCode

  constructor(code: MediaRefusalCode, sentence: string = SENTENCES[code]) {
    super(sentence)
    this.name = 'MediaRefusal'
    this.code = code
  }
}
