// Passwords: argon2id, 19 MiB, 2 passes, one lane, kept as PHC strings that carry their own
// parameters, so that these can be raised later.
//
// A hash takes some 30 ms of a core and 19 MiB. At most two are made at a time, a short queue
// waits, and whoever comes after that is told to come again: signing in cannot starve everything
// else.
//
// Checking a password for a handle that does not exist does the same work on a hash of nobody's, so
// that the time of the answer does not tell who has an account.

import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { RequestRefusal } from './errors.ts'

const MEMORY_KIB = 19_456
const PASSES = 2
const TAG_SIZE = 32
const SALT_SIZE = 16
const AT_ONCE_MAX = 2
const WAITING_MAX = 32

const PHC = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/
const NOBODYS_HASH = formatPhc(randomBytes(SALT_SIZE), randomBytes(TAG_SIZE))

export class Passwords {
  #running: number
  readonly #waiting: (() => void)[]

  constructor() {
    this.#running = 0
    this.#waiting = []
  }

  /** A PHC string. Refuses with PASSWORDS_BUSY. */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(SALT_SIZE)
    const tag = await this.#inTurn(() => derive(password, salt, MEMORY_KIB, PASSES, 1, TAG_SIZE))
    return formatPhc(salt, tag)
  }

  /**
   * Whether the password fits; with no PHC string, or an empty one, it never does, after the same
   * work. Refuses with PASSWORDS_BUSY.
   */
  async verify(password: string, phc: string | undefined): Promise<boolean> {
    const match = PHC.exec(phc || NOBODYS_HASH)
    if (match === null) throw new Error('A stored password hash is no PHC string of argon2id.')
    const [, memory, passes, lanes, salt = '', tag = ''] = match
    const expected = Buffer.from(tag, 'base64')
    const actual = await this.#inTurn(() =>
      derive(
        password,
        Buffer.from(salt, 'base64'),
        Number(memory),
        Number(passes),
        Number(lanes),
        expected.length,
      ),
    )
    return timingSafeEqual(actual, expected) && Boolean(phc)
  }

  async #inTurn(work: () => Promise<Buffer>): Promise<Buffer> {
    if (this.#running >= AT_ONCE_MAX) {
      if (this.#waiting.length >= WAITING_MAX) throw new RequestRefusal('PASSWORDS_BUSY')
      // Whoever ends hands its place over: `running` stays as it is.
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    } else {
      this.#running++
    }
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}

function derive(
  password: string,
  nonce: Buffer,
  memory: number,
  passes: number,
  parallelism: number,
  tagSize: number,
): Promise<Buffer> {
  // The same password typed on another keyboard may come in another composition.
  const message = password.toWellFormed().normalize('NFC')
  const parameters = { message, nonce, memory, passes, parallelism, tagLength: tagSize }
  return new Promise((resolve, reject) =>
    argon2('argon2id', parameters, (error, tag) => {
      if (error === null) resolve(tag)
      else reject(error)
    }),
  )
}

function formatPhc(salt: Buffer, tag: Buffer): string {
  const encode = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '')
  return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=1$${encode(salt)}$${encode(tag)}`
}
