// How large a photo may be: for those who receive it, those who decode it, and those who tell.

/** Bytes of an upload. */
export const UPLOAD_SIZE_MAX = 25_000_000
/** Of a decoded picture: bounds the memory of a decoder. */
export const PIXELS_MAX = 50_000_000
