/** Random draws from a seed: the same seed plans the same rounds. */
export type Draw = {
  /** From 0 to below `below`. */
  whole(below: number): number
  chance(share: number): boolean
  one<T>(of: readonly [T, ...T[]]): T
}

/** mulberry32: small, and even enough for drawing faults. */
export const draws = (seed: number): Draw => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const whole = (below: number): number => Math.floor(next() * below)
  return { whole, chance: (share) => next() < share, one: (of) => of[whole(of.length)] ?? of[0] }
}

/** In an order of the seed's. */
export const shuffled = <T>(all: readonly T[], draw: Draw): readonly T[] => {
  const left = [...all]
  return all.flatMap(() => left.splice(draw.whole(left.length), 1))
}
