// Pictures for tests, made on the spot: a photo with everything a camera writes into it, and forms
// that upload one.

import sharp from 'sharp'
import type { Sharp } from 'sharp'

/**
 * A JPEG of noise, so that it has some size, with EXIF: lying on its side, with a place and a
 * maker.
 */
export function cameraJpeg(width = 640, height = 480): Promise<Buffer> {
  return noise(width, height)
    .jpeg({ quality: 90 })
    .withExif({
      IFD0: { Make: 'SecretCameraMaker', Copyright: 'SecretOwner' },
      IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '52/1 31/1 0/1' },
    })
    .withMetadata({ orientation: 6 })
    .toBuffer()
}

export function picture(
  format: 'jpeg' | 'png' | 'webp' | 'gif' | 'avif' | 'tiff',
  width = 320,
  height = 240,
): Promise<Buffer> {
  return noise(width, height).toFormat(format).toBuffer()
}

/** One colour: many pixels in few bytes. */
export function plainPng(width: number, height: number): Promise<Buffer> {
  const create = { width, height, channels: 3 as const, background: '#204060' }
  return sharp({ create, limitInputPixels: false }).png({ compressionLevel: 9 }).toBuffer()
}

export interface Form {
  readonly headers: Readonly<Record<string, string>>
  readonly payload: Buffer
}

/** A multipart body with one file. */
export function formOf(bytes: Uint8Array, field = 'file', fileName = 'a.jpg'): Form {
  const boundary = '----shashin-test-boundary'
  const head = [
    `--${boundary}`,
    `Content-Disposition: form-data; name="${field}"; filename="${fileName}"`,
    'Content-Type: image/jpeg',
    '',
    '',
  ]
  return {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    payload: Buffer.concat([
      Buffer.from(head.join('\r\n')),
      bytes,
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ]),
  }
}

function noise(width: number, height: number): Sharp {
  return sharp({
    create: {
      width,
      height,
      channels: 3,
      background: '#808080',
      noise: { type: 'gaussian', mean: 128, sigma: 40 },
    },
  })
}
