// Drawn photos: landscapes that nobody has taken, for networks that are invented. Each follows from
// its random numbers; the bytes are those of a JPEG, as a camera would send it.
//
//   sky      a gradient between two colours, with a sun or moon and its glow
//   hills    one ridge before the other, each the sum of a few sines, darker the nearer
//   water    below the last ridge, sometimes: the sky upside down, in ripples

import sharp from 'sharp'
import type { Random } from '../std/random.ts'

type Colour = readonly [red: number, green: number, blue: number]

interface Mood {
  readonly zenith: Colour
  readonly horizon: Colour
  readonly light: Colour
  readonly near: Colour
}

const MOODS: readonly Mood[] = [
  { zenith: [40, 90, 170], horizon: [190, 220, 240], light: [255, 250, 225], near: [25, 55, 50] },
  { zenith: [45, 35, 90], horizon: [250, 150, 90], light: [255, 225, 150], near: [30, 20, 45] },
  { zenith: [12, 16, 44], horizon: [60, 70, 120], light: [235, 240, 255], near: [6, 8, 20] },
  { zenith: [120, 160, 190], horizon: [240, 225, 215], light: [255, 245, 235], near: [60, 75, 85] },
  { zenith: [200, 120, 150], horizon: [255, 215, 190], light: [255, 255, 240], near: [90, 50, 80] },
  { zenith: [30, 110, 120], horizon: [210, 235, 200], light: [255, 255, 230], near: [15, 60, 45] },
]

/** Width and height in pixels, as photos come: wide, square, tall. */
const SHAPES = [
  [1080, 810],
  [1080, 1080],
  [864, 1080],
  [1080, 720],
] as const

interface Ridge {
  readonly base: number
  readonly waves: readonly (readonly [height: number, pace: number, phase: number])[]
  readonly shade: number
}

/** The bytes of a JPEG. */
export function drawPhoto(random: Random): Promise<Buffer> {
  const [width, height] = random.pick(SHAPES)
  const pixels = paint(random, width, height)
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 85 })
    .toBuffer()
}

function paint(random: Random, width: number, height: number): Uint8Array {
  const share = (least: number, most: number): number =>
    least + (random.below(1000) / 1000) * (most - least)
  const mood = blend(random.pick(MOODS), random.pick(MOODS), share(0, 0.5))
  const ridges = Array.from({ length: random.between(2, 4) }, (_, index) =>
    ridgeOf(share, 0.45 + index * 0.13, (index + 1) / 4),
  )
  const sun = { x: share(0.15, 0.85), y: share(0.12, 0.4), radius: share(0.03, 0.07) }
  const shore = random.once(2) ? share(0.72, 0.85) : Infinity
  const pixels = new Uint8Array(width * height * 3)
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const x = column / width
      let y = row / height
      let dim = 1
      if (y > shore) {
        dim = 0.75
        y = 2 * shore - y + Math.sin(y * 400 + Math.sin(x * 30) * 2) * 0.006
      }
      const grain = (random.word() & 7) - 3.5
      const colour = colourAt(mood, ridges, sun, x, y, width / height)
      const place = (row * width + column) * 3
      for (let channel = 0; channel < 3; channel++) {
        pixels[place + channel] = Math.max(0, Math.min(255, colour[channel]! * dim + grain))
      }
    }
  }
  return pixels
}

function blend(one: Mood, other: Mood, share: number): Mood {
  return {
    zenith: mix(one.zenith, other.zenith, share),
    horizon: mix(one.horizon, other.horizon, share),
    light: mix(one.light, other.light, share),
    near: mix(one.near, other.near, share),
  }
}

function ridgeOf(
  share: (least: number, most: number) => number,
  base: number,
  shade: number,
): Ridge {
  const waves = [1, 2.3, 5.1, 11].map(
    (pace, index) => [share(0.3, 1) * (0.07 / (index + 1)), pace * 6, share(0, 6.28)] as const,
  )
  return { base, waves, shade }
}

function colourAt(
  mood: Mood,
  ridges: readonly Ridge[],
  sun: { readonly x: number; readonly y: number; readonly radius: number },
  x: number,
  y: number,
  aspect: number,
): Colour {
  for (let index = ridges.length - 1; index >= 0; index--) {
    const { base, waves, shade } = ridges[index]!
    let edge = base
    for (const [height, pace, phase] of waves) edge += height * Math.sin(x * pace + phase)
    if (y > edge) return mix(mood.horizon, mood.near, 0.35 + 0.65 * shade)
  }
  const sky = mix(mood.zenith, mood.horizon, Math.max(0, Math.min(1, y * 1.6)))
  const distance = Math.hypot((x - sun.x) * aspect, y - sun.y)
  if (distance < sun.radius) return mood.light
  return mix(sky, mood.light, 0.7 * Math.exp(-(distance - sun.radius) * 7))
}

function mix(one: Colour, other: Colour, share: number): Colour {
  return [
    one[0] + (other[0] - one[0]) * share,
    one[1] + (other[1] - one[1]) * share,
    one[2] + (other[2] - one[2]) * share,
  ]
}
