// Reading packed records: the same values as msgpackr reads, and never a byte beyond the record,
// whatever it holds.

import { Packr } from 'msgpackr'
import { describe, expect, it } from 'vitest'
import { RecordReader } from '../../src/engine/record-reader.ts'
import { seededTest } from '../support/seeded.ts'
import type { Random } from '../../src/std/random.ts'

const NUMBERS = [0, 1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53, -1, -32]
const MORE_NUMBERS = [-33, -128, -129, -32_768, -32_769, -(2 ** 31), 0.5, -1.7e308, 5e-324]
const TEXT_SIZES = [0, 1, 31, 32, 255, 256, 65_535, 65_536]
const LAYOUT_COUNT = 70

function randomValue(random: Random): unknown {
  const dice = random.below(6)
  if (dice === 0) return null
  if (dice === 1) return random.once(2)
  if (dice === 2) return random.pick([...NUMBERS, ...MORE_NUMBERS])
  if (dice === 3) return random.pick(['x', 'é', '🦊']).repeat(random.pick(TEXT_SIZES))
  if (dice === 4) return new Uint8Array(random.pick(TEXT_SIZES)).fill(7)
  const count = random.pick([0, 1, 15, 16, 70_000])
  return Array.from({ length: count }, (_, index) => (index % 3 === 0 ? `t${index}` : index))
}

/** Layout n has the fields a0 … an. */
function packrOfLayouts(): { packr: Packr; layouts: string[][] } {
  const layouts = Array.from({ length: LAYOUT_COUNT }, (_, layout) =>
    Array.from({ length: layout + 1 }, (__, field) => `a${field}`),
  )
  const packr = new Packr({
    getStructures: () => layouts,
    maxSharedStructures: layouts.length,
    copyBuffers: true,
  })
  return { packr, layouts }
}

seededTest('what msgpackr packs is read as it was, in every layout', (random) => {
  const { packr, layouts } = packrOfLayouts()
  const reader = new RecordReader()
  for (const [layout, names] of layouts.entries()) {
    const values = names.map((_, index) => (index < 6 ? randomValue(random) : index))
    const packed = packr.pack(Object.fromEntries(names.map((name, index) => [name, values[index]])))
    const around = Buffer.concat([Buffer.alloc(5, 0xff), packed, Buffer.alloc(5, 0xff)])
    expect(reader.open(around, 5, 5 + packed.length)).toBe(layout)
    for (const value of values) {
      if (typeof value === 'string') expect(reader.text()).toBe(value)
      else expect(reader.value()).toStrictEqual(value)
    }
    expect(() => reader.value(), 'the record is at its end').toThrow(RangeError)
  }
})

describe('a torn record', () => {
  const packed = new Packr({ getStructures: () => [['a', 'b', 'c']], maxSharedStructures: 1 }).pack(
    {
      a: 'text',
      b: [1, 'two', 300],
      c: 'a longer text, of more than thirty-one bytes',
    },
  )
  // Behind the record there is more of the same: what reads on finds nothing to stop it.
  const memory = Buffer.concat([packed, packed, packed])

  function readAll(bytes: Buffer, end: number): unknown[] {
    const reader = new RecordReader()
    reader.open(bytes, 0, end)
    return [reader.text(), reader.value(), reader.text()]
  }

  it('cut anywhere is refused', () => {
    expect(readAll(memory, packed.length)).toHaveLength(3)
    for (let end = 0; end < packed.length; end++) {
      expect(() => readAll(memory, end), `cut at ${end}`).toThrow(RangeError)
    }
  })

  it('with any byte changed is refused, or read as something that lies within it', () => {
    for (let offset = 0; offset < packed.length; offset++) {
      for (let byte = 0; byte < 256; byte++) {
        const bytes = Buffer.from(memory)
        bytes[offset] = byte
        let values: unknown[]
        try {
          values = readAll(bytes, packed.length)
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError)
          continue
        }
        expect(JSON.stringify(values).length).toBeLessThan(packed.length * 6)
      }
    }
  })
})
