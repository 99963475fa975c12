/**
 * Seeded draws for fuzzing: everything that an input is made of follows from (seed, stream, index), so that any input can be
 * made again without those before it.
 *
 * The generator is sfc32 (PractRand, public domain): 96 bits of state, 2^32 steps apart by its counter.
 */
export type Draw = {
  /** A whole number in [0, below); 0 for below ≤ 1. */
  below(below: number): number
  /** True once in `oneIn` times. */
  chance(oneIn: number): boolean
  /** @param items at least one. */
  pick<T>(items: readonly T[]): T
  bytes(count: number): Uint8Array
  /** Small numbers mostly, `max` at most: sizes and counts, most of which should be cheap. */
  small(max: number): number
}

/** @param stream a name: draws of different streams have nothing in common. */
export const createDraw = (seed: number, stream: string, index: number): Draw => {
  let [a, b, c, counter] = [mix(seed ^ hashText(stream)), mix(index), mix(Math.floor(index / 2 ** 32) ^ seed), 1]
  const next = (): number => {
    const t = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + t) | 0
    return t >>> 0
  }
  for (let i = 0; i < 12; i++) next()
  const below = (limit: number): number => (limit <= 1 ? 0 : Math.floor((next() / 2 ** 32) * limit))
  return {
    below,
    chance: (oneIn) => below(oneIn) === 0,
    pick: <T>(items: readonly T[]): T => items[below(items.length)]!,
    bytes: (count) => {
      const bytes = new Uint8Array(count)
      for (let at = 0; at < count; at++) bytes[at] = next() & 0xff
      return bytes
    },
    small: (max) => below(below(max + 1) + 1),
  }
}

/** FNV-1a. */
const hashText = (text: string): number => {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash
}

/** murmur3's finaliser: neighbouring numbers come out far apart. */
const mix = (value: number): number => {
  let h = value | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
