// Random transactions for the little network: mostly sensible ones, some that are refused, and some
// that are asked for again under the key of an earlier one. The network stays small, for everything
// in it is compared thousands of times.

import type { LittleOperation, LittleOracle } from './little-oracle.ts'
import type { Random } from '../../src/std/random.ts'

const PERSONS_MAX = 4
const POSTS_MAX = 12

export class LittleOperations {
  readonly #random: Random
  #keyCount: number

  constructor(random: Random) {
    this.#random = random
    this.#keyCount = 0
  }

  next({ personCount, postCount, livePostCount }: LittleOracle, now: number): LittleOperation {
    const random = this.#random
    const key = random.once(6)
      ? `key ${random.once(3) ? random.below(this.#keyCount + 1) : this.#keyCount++}`
      : undefined
    const person = random.between(1, personCount + 1)
    const post = random.between(1, postCount + 1)
    const text = 'lorem '.repeat(random.below(random.once(8) ? 300 : 30))
    const handle = `person ${random.below(6)}`
    const operation = (
      name: LittleOperation['name'],
      input: LittleOperation['input'],
    ): LittleOperation => ({
      name,
      input,
      now,
      key,
    })
    if (personCount === 0 || (personCount < PERSONS_MAX && random.once(8))) {
      return operation('join', { handle })
    }
    if (livePostCount > POSTS_MAX) return operation('remove', { post })
    switch (random.below(10)) {
      case 0:
      case 1:
      case 2:
        return operation('post', { author: person, text, parent: random.once(2) ? 0 : post })
      case 3:
      case 4:
        if (postCount === 0) return operation('post', { author: person, text })
        return operation('like', {
          person: Math.min(person, personCount),
          post: Math.min(post, postCount),
        })
      case 5:
        return operation('unlike', { person, post })
      case 6:
        return operation('rename', { person, handle })
      case 7:
        return operation('edit', { post, text })
      case 8:
        return random.once(2)
          ? operation('move', { post, author: Math.min(person, personCount) })
          : operation('remove', { post })
      default:
        return operation('regret', { author: Math.min(person, personCount) })
    }
  }
}
