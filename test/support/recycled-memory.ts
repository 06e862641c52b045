// Memory for stores that live for milliseconds. To take eighty shared buffers from the operating
// system and to give them back costs more than half of what it costs to open a little store, so
// buffers are zeroed and used again.
//
//   using memory = new RecycledMemory()
//   memory.lend(); …open, look, close…; memory.takeBack()
//
// What is lent between `lend` and `takeBack` must not be used any more afterwards. Buffers that
// have grown are not used again, for they cannot shrink.

interface Growable {
  readonly maxByteLength: number
}

export class RecycledMemory implements Disposable {
  readonly #free: Map<string, SharedArrayBuffer[]>
  readonly #real: SharedArrayBufferConstructor
  #lent: { buffer: SharedArrayBuffer; key: string; size: number }[] | undefined

  constructor() {
    this.#free = new Map()
    this.#real = globalThis.SharedArrayBuffer
    this.#lent = undefined
    const make = (size: number, options?: Growable): SharedArrayBuffer => this.#make(size, options)
    function Recycled(size: number, options?: Growable): SharedArrayBuffer {
      return make(size, options)
    }
    Recycled.prototype = this.#real.prototype
    globalThis.SharedArrayBuffer = Recycled as unknown as SharedArrayBufferConstructor
  }

  lend(): void {
    this.#lent = []
  }

  takeBack(): void {
    for (const { buffer, key, size } of this.#lent ?? []) {
      if (buffer.byteLength !== size) continue
      const free = this.#free.get(key)
      if (free === undefined) this.#free.set(key, [buffer])
      else free.push(buffer)
    }
    this.#lent = undefined
  }

  [Symbol.dispose](): void {
    globalThis.SharedArrayBuffer = this.#real
  }

  #make(size: number, options?: Growable): SharedArrayBuffer {
    const key = `${size} ${options?.maxByteLength}`
    const used = this.#lent === undefined ? undefined : this.#free.get(key)?.pop()
    if (used !== undefined) new Uint8Array(used).fill(0)
    const buffer = used ?? new this.#real(size, options)
    this.#lent?.push({ buffer, key, size })
    return buffer
  }
}
