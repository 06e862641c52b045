// Hot: bench `engine` shows it.
//
// Packed records, read value by value where they lie. msgpackr writes them; they are read here for
// two reasons. A reader in another thread may meet a record that is just being overwritten, and a
// general decoder would believe a torn length and run on through gigabytes: this one never leaves
// the record. And most fields are texts, which take half the time when they are decoded in place
// (bench `engine`, "newest 20 of a post, whole rows").
//
//   record   layout, then the values of the layout's fields
//   layout   0 … 31   u8 0x40 + layout
//            32 …     u8 0x60 + (layout − 32) % 32, u8 (layout − 32) / 32
//   value    of MessagePack: nil, booleans, numbers, texts, byte strings and lists of these
//
// A record is valid when
//   (1) every value ends at or before the end of the record;
//   (2) it holds no value of another kind.
// Bytes that break these rules are torn, or written by a bug: they throw RangeError.

const LAYOUT = 0x40
const LAYOUT_TWO_BYTES = 0x60
const LAYOUT_LIMIT = 0x80
const NIL = 0xc0

export class RecordReader {
  #bytes: Buffer
  #position: number
  #end: number

  constructor() {
    this.#bytes = Buffer.alloc(0)
    this.#position = 0
    this.#end = 0
  }

  /** Starts with the record at [start, end); returns its layout. */
  open(bytes: Buffer, start: number, end: number): number {
    this.#bytes = bytes
    this.#end = end
    this.#position = start + 1
    const head = start < end ? bytes[start]! : 0
    if (head >= LAYOUT && head < LAYOUT_TWO_BYTES) return head - LAYOUT
    if (head < LAYOUT || head >= LAYOUT_LIMIT) throw torn('layout', head)
    return 32 + (head - LAYOUT_TWO_BYTES) + this.#unsigned(1) * 32
  }

  /** The next value, which is a text or nil; nil is the empty text. */
  text(): string {
    const head = this.#unsigned(1)
    return head === NIL ? '' : this.#text(head)
  }

  /** The next value, whatever it is. Lists hold numbers and texts. */
  value(): unknown {
    const head = this.#unsigned(1)
    if (head < 0x80) return head
    if (head >= 0xe0) return head - 0x100
    if (head >= 0x90 && head < 0xa0) return this.#list(head - 0x90)
    switch (head) {
      case NIL:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
        return this.#byteString(this.#unsigned(1))
      case 0xc5:
        return this.#byteString(this.#unsigned(2))
      case 0xc6:
        return this.#byteString(this.#unsigned(4))
      case 0xca:
        return this.#bytes.readFloatBE(this.#take(4))
      case 0xcb:
        return this.#bytes.readDoubleBE(this.#take(8))
      case 0xcc:
        return this.#unsigned(1)
      case 0xcd:
        return this.#unsigned(2)
      case 0xce:
        return this.#unsigned(4)
      case 0xd0:
        return this.#bytes.readInt8(this.#take(1))
      case 0xd1:
        return this.#bytes.readInt16BE(this.#take(2))
      case 0xd2:
        return this.#bytes.readInt32BE(this.#take(4))
      case 0xdc:
        return this.#list(this.#unsigned(2))
      case 0xdd:
        return this.#list(this.#unsigned(4))
      default:
        return this.#text(head)
    }
  }

  /** Where the next `size` bytes start; the position moves behind them. */
  #take(size: number): number {
    const start = this.#position
    this.#position = start + size
    if (this.#position > this.#end) throw torn('size', size)
    return start
  }

  #unsigned(size: number): number {
    const bytes = this.#bytes
    let offset = this.#take(size)
    if (size === 1) return bytes[offset]!
    let number = 0
    for (let count = size; count > 0; count--) number = number * 256 + bytes[offset++]!
    return number
  }

  /** The text that begins with `head`. */
  #text(head: number): string {
    let size: number
    if (head >= 0xa0 && head < NIL) size = head - 0xa0
    else if (head >= 0xd9 && head <= 0xdb) size = this.#unsigned(2 ** (head - 0xd9))
    else throw torn('value', head)
    const start = this.#take(size)
    return size === 0 ? '' : this.#bytes.toString('utf8', start, start + size)
  }

  #byteString(size: number): Uint8Array {
    const start = this.#take(size)
    return new Uint8Array(this.#bytes.subarray(start, start + size))
  }

  #list(count: number): unknown[] {
    // Each item has a byte at least.
    if (count > this.#end - this.#position) throw torn('list', count)
    const list: unknown[] = []
    for (let index = 0; index < count; index++) list.push(this.value())
    return list
  }
}

function torn(what: string, found: number): RangeError {
  return new RangeError(`a record with an impossible ${what} (${found})`)
}
