// The image worker: a child process that decodes what strangers send. The only file that touches
// sharp, and the only process that ever looks inside an image.
//
// One job at a time comes by message, names of two files: an uploaded one, and one to write. The
// answer says what became of it. Everything about the original but its pixels is left behind: EXIF
// (after turning the picture upright), GPS, colour profile (after conversion to sRGB), comments,
// and whatever hung on the end of the file.
//
// Only the decoders for photos are left; SVG, PDF, TIFF and the rest are blocked. A decoder that is
// tricked into running away is stopped from outside (image-pool.ts): by time, by memory, by
// SIGKILL. A worker ends when the channel to its parent closes, so that none survives a killed
// server; signals that a terminal or a supervisor sends to the whole group are the parent's
// business.

import { writeFileSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import sharp from 'sharp'
import { PIXELS_MAX } from './photo-limits.ts'
import type { MediaRefusalCode } from './media-refusal.ts'

export interface ImageJob {
  /** Path of the uploaded file. */
  readonly source: string
  /** Path of a file to write, a WebP. */
  readonly target: string
}

export interface ImageDone {
  /** Pixels of the written file. */
  readonly width: number
  readonly height: number
  /** Of the original, as its file name ends: "jpg", "png", "webp", "avif", "gif". */
  readonly extension: string
}

export type ImageAnswer =
  | { readonly outcome: 'ready' }
  | ({ readonly outcome: 'done' } & ImageDone)
  | { readonly outcome: 'refused'; readonly code: MediaRefusalCode }
  | { readonly outcome: 'failed'; readonly message: string }

/** Longest side of the file that is served. */
const SIDE_MAX = 1600
const QUALITY = 80
/** 2 of 6: 60 % of the time of the default, for files 4 % smaller (12 megapixels, noise). */
const EFFORT = 2

const EXTENSIONS: Readonly<Record<string, string>> = {
  jpeg: 'jpg',
  png: 'png',
  webp: 'webp',
  heif: 'avif',
  gif: 'gif',
}

async function carryOut({ source, target }: ImageJob): Promise<ImageAnswer> {
  try {
    const image = sharp(source, { limitInputPixels: PIXELS_MAX, failOn: 'warning' })
    const extension = EXTENSIONS[(await image.metadata()).format]
    if (extension === undefined) return { outcome: 'refused', code: 'IMAGE_UNSUPPORTED' }
    const { width, height } = await image
      .autoOrient()
      .resize({ width: SIDE_MAX, height: SIDE_MAX, fit: 'inside', withoutEnlargement: true })
      .webp({ quality: QUALITY, effort: EFFORT })
      .toFile(target)
    return { outcome: 'done', width, height, extension }
  } catch (error) {
    return refusalOf(error as Error & { readonly code?: string })
  }
}

/**
 * libvips tells its cases apart by words only. Trouble with our own disk is not the image's fault.
 */
function refusalOf(error: Error & { readonly code?: string }): ImageAnswer {
  const { message } = error
  if (/unsupported image format/i.test(message)) {
    return { outcome: 'refused', code: 'IMAGE_UNSUPPORTED' }
  }
  if (/exceeds pixel limit/i.test(message)) {
    return { outcome: 'refused', code: 'IMAGE_PIXELS_TOO_MANY' }
  }
  if (/no space left|unable to open for write|input file is missing/i.test(message)) {
    return { outcome: 'failed', message }
  }
  return { outcome: 'refused', code: 'IMAGE_DAMAGED' }
}

/** Where the system has it: under memory pressure this process goes, not the one with the store. */
function volunteerForTheKill(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000')
  } catch {
    // Not Linux, or not allowed: the bound of the pool holds all the same.
  }
}

function serve(): void {
  sharp.concurrency(1)
  sharp.cache(false)
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({
    operation: [
      'VipsForeignLoadJpeg',
      'VipsForeignLoadPng',
      'VipsForeignLoadWebp',
      'VipsForeignLoadHeif',
      'VipsForeignLoadNsgif',
    ],
  })
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
  volunteerForTheKill()
  process.on('SIGINT', () => undefined)
  process.on('SIGTERM', () => undefined)
  process.on('disconnect', () => process.exit(0))
  const answer = (message: ImageAnswer): void => void process.send?.(message)
  process.on('message', (job: ImageJob) => void carryOut(job).then(answer))
  answer({ outcome: 'ready' })
}

if (process.send !== undefined) serve()
