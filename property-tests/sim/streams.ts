/**
 * Seeded streams of choices. Every subsystem of the simulated world draws from its own stream, split from the schedule's seed
 * by name, so that one more draw in one of them shifts nothing in another.
 *
 * Generator: sfc32 (C. Doty-Humphrey, PractRand; public domain), seeded by SHA-256 of (seed, name). Not for secrets.
 */
import { sha256 } from '../../crdt/hash.ts'
import type { Random } from '../../src/ports/clock.ts'

export type Stream = Random & {
  /** In [0, 1). */
  unit(): number
  /** A whole number, min … max, both included. */
  int(min: number, max: number): number
  chance(probability: number): boolean
  pick<T>(choices: readonly T[]): T
  /** `count` different ones, in random order; all of them when there are fewer. */
  some<T>(choices: readonly T[], count: number): T[]
  /** By weight, which need not add up to 1. */
  weighted<T>(choices: readonly (readonly [weight: number, value: T])[]): T
  split(name: string): Stream
}

export const stream = (seed: string): Stream => {
  const view = new DataView(sha256('mnemesh/sim/1', seed).buffer.slice(0))
  let [a, b, c, counter] = [view.getInt32(0), view.getInt32(4), view.getInt32(8), 1]
  const next = (): number => {
    const t = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + t) | 0
    return t >>> 0
  }
  for (let i = 0; i < 12; i++) next()

  const unit = (): number => next() / 2 ** 32
  const int = (min: number, max: number): number => min + Math.floor(unit() * (max - min + 1))
  const pick = <T>(choices: readonly T[]): T => {
    const chosen = choices[int(0, choices.length - 1)]
    if (chosen === undefined) throw new RangeError('nothing to pick from')
    return chosen
  }
  return {
    unit,
    int,
    pick,
    chance: (probability) => unit() < probability,
    some: (choices, count) => {
      const left = [...choices]
      return Array.from({ length: Math.min(count, left.length) }, () => left.splice(int(0, left.length - 1), 1)[0]!)
    },
    weighted: (choices) => {
      let at = unit() * choices.reduce((sum, [weight]) => sum + weight, 0)
      for (const [weight, value] of choices) if ((at -= weight) < 0) return value
      return choices.at(-1)![1]
    },
    bytes: (count) => {
      const bytes = new Uint8Array(count)
      for (let at = 0, word = 0; at < count; at++, word >>>= 8) {
        if (at % 4 === 0) word = next()
        bytes[at] = word & 0xff
      }
      return bytes
    },
    split: (name) => stream(`${seed}/${name}`),
  }
}
