/**
 * Seeded randomness for tests: mulberry32 (public domain, T. Ettinger), enough for choices and keys that protect nothing.
 */
import type { Random } from '../ports/clock.ts'

export const createRandom = (seed: number): Random => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }
  return { bytes: (count) => Uint8Array.from({ length: count }, () => next() & 0xff) }
}
