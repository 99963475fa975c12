/** What is told of clocks that are off, in one line each: which, by how much, and what helps. */
import type { PeerId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { ClockStanding } from './clocks.ts'
import type { Refusal } from './types.ts'

const BOUND = `${limits.clock_bound_ms / 60_000} min`
/** Names in one line. */
const NAMED_MAX = 3

/** Why nothing is sealed while the clock is off. @param nameOf of a member. */
export const clockOff = ({ aheadMs, isOurs, against }: ClockStanding, nameOf: (peer: PeerId) => string): Refusal => {
  const others =
    against.slice(0, NAMED_MAX).map(nameOf).join(', ') +
    (against.length > NAMED_MAX ? ` and ${against.length - NAMED_MAX} more` : '')
  const apart = `${spokenMs(aheadMs)} ${aheadMs > 0 ? 'ahead of' : 'behind'}`
  const which = isOurs
    ? `this peer's clock is ${apart} the voters' (held against ${others})`
    : `this peer's clock is ${apart} ${others}'s, and too few agree to tell which is wrong`
  return {
    code: 'clock_off',
    message: `${which}: beyond ${BOUND} nothing is written here; set the ${isOurs ? 'clock' : 'clocks'} right, and it goes on by itself within seconds`,
    fields: { local_committed: false, clock_ahead_ms: aheadMs },
  }
}

/** What a change must follow lies in the future. */
export const sealedAhead = (aheadMs: number): Refusal => ({
  code: 'clock_off',
  fields: { local_committed: false, sealed_ahead_ms: aheadMs },
  message: `what this change follows was sealed ${spokenMs(aheadMs)} ahead of the time here: beyond ${BOUND} nothing is written on top of it, for as long as that; if this peer's clock is behind, set it right`,
})

export const otherClockOff = (name: string, aheadMs: number): string =>
  `the clock of ${name} is ${spokenMs(aheadMs)} ${aheadMs > 0 ? 'ahead of' : 'behind'} the voters', so it writes nothing: set it right`

/** `365 days`, `3 h`, `6 min`, `20 s`. */
export const spokenMs = (ms: number): string => {
  const s = Math.abs(ms) / 1_000
  if (s >= 172_800) return `${Math.round(s / 86_400)} days`
  if (s >= 7_200) return `${Math.round(s / 3_600)} h`
  return s >= 120 ? `${Math.round(s / 60)} min` : `${Math.round(s)} s`
}
