/**
 * The system's randomness, drawn in advance: a write takes three small draws, and each call of the system's generator costs more than
 * all else that is done for an id (4 % of a busy peer).
 *
 * What was handed out is no longer here: its bytes are wiped, so whoever reads this memory later learns no salt of the past.
 */
import { randomFillSync } from 'node:crypto'
import type { Random } from '../ports/clock.ts'

/** Some hundred ids and salts; more only wait longer. */
const DRAWN_BYTES = 4_096

/** @param fill makes all bytes random. */
export const drawnInAdvance = (fill: (room: Uint8Array) => unknown = randomFillSync): Random => {
  const drawn = new Uint8Array(DRAWN_BYTES)
  let at = DRAWN_BYTES
  return {
    bytes: (count) => {
      if (count > DRAWN_BYTES) {
        const own = new Uint8Array(count)
        fill(own)
        return own
      }
      if (at + count > DRAWN_BYTES) {
        fill(drawn)
        at = 0
      }
      const given = drawn.slice(at, at + count)
      drawn.fill(0, at, at + count)
      at += count
      return given
    },
  }
}
