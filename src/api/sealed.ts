// Sealed texts: what a browser keeps for us between two requests and can neither read nor change.
// Every http thread knows the key, so it does not matter which of them is asked next, and nothing
// has to be stored for whoever never comes back.
//
//   base64url( 12 bytes by chance · AES-256-GCM of the JSON · 16 bytes of tag )
//
// What it is for is part of what is authenticated, so that nothing sealed for one purpose opens for
// another.

import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

const NONCE_SIZE = 12
const TAG_SIZE = 16
const KEY_SIZE = 32

export class Seal {
  readonly #key: Buffer

  /** `secret` is one that all threads have, and nobody else. */
  constructor(secret: string, label: string) {
    this.#key = Buffer.from(hkdfSync('sha256', secret, '', label, KEY_SIZE))
  }

  close(purpose: string, value: object): string {
    const nonce = randomBytes(NONCE_SIZE)
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(Buffer.from(purpose))
    const hidden = Buffer.concat([cipher.update(JSON.stringify(value)), cipher.final()])
    return Buffer.concat([nonce, hidden, cipher.getAuthTag()]).toString('base64url')
  }

  /** Undefined when it was not sealed here for that purpose. */
  open(purpose: string, text: string): unknown {
    const bytes = Buffer.from(text, 'base64url')
    if (bytes.length < NONCE_SIZE + TAG_SIZE) return undefined
    const end = bytes.length - TAG_SIZE
    const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, NONCE_SIZE))
    decipher.setAAD(Buffer.from(purpose)).setAuthTag(bytes.subarray(end))
    try {
      const hidden = decipher.update(bytes.subarray(NONCE_SIZE, end))
      return JSON.parse(Buffer.concat([hidden, decipher.final()]).toString()) as unknown
    } catch {
      return undefined
    }
  }
}
