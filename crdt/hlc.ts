/**
 * Hybrid logical clock: times that follow causality and stay close to the wall clock.
 *
 * hlc = ms since 1970 × 1024 + counter (10 bits), one safe integer until the year 2248. In this form the rules of the paper
 * (l' = max(l, pt), c counts within one l) are a single maximum, and a full counter carries into the milliseconds.
 *
 * Invariants: `tick` answers a value strictly greater than the one it was given, whatever the wall clock says (backwards, NaN,
 * infinite). `observe` follows what others say at most `clock_bound_ms` ahead of the wall clock, and comes back when it had run
 * further ahead: nobody moves our clock beyond that, and a wall clock that was wrong and is right again leaves nothing behind.
 *
 * Source: Kulkarni, Demirbas, Madeppa, Avva, Leone, "Logical Physical Clocks and Consistent Snapshots", 2014.
 */
import { limits } from './limits.ts'

declare const brand: unique symbol
/** A safe non-negative integer; comparing two with `<` compares times. */
export type Hlc = number & { readonly [brand]: 'Hlc' }

const COUNTERS = limits.hlc_counter_max + 1
const MS_MAX = Math.floor(Number.MAX_SAFE_INTEGER / COUNTERS)

/** Before everything: what a replica without history has seen. */
export const HLC_ZERO = 0 as Hlc

/** The time of the next thing said here, after `last`. Throws RangeError past the year 2248. */
export const tick = (last: Hlc, nowMs: number): Hlc => later(last, nowMs)

/** The time after having seen `remote`, as far as both are within `clock_bound_ms` of the wall clock; never beyond one step after that. */
export const observe = (last: Hlc, remote: Hlc, nowMs: number): Hlc =>
  later(within(Math.max(last, remote) as Hlc, nowMs), nowMs)

/** The latest time that a clock at `nowMs` follows: `clock_bound_ms` ahead of it. The end of time where the reading is no usable one. */
export const latestAt = (nowMs: number): Hlc => {
  const ms = usableMs(nowMs)
  return (
    ms > 0
      ? Math.min((ms + limits.clock_bound_ms + 1) * COUNTERS - 1, Number.MAX_SAFE_INTEGER)
      : Number.MAX_SAFE_INTEGER
  ) as Hlc
}

/** `hlc`, or the latest time that a clock at `nowMs` follows when that is earlier. */
export const within = (hlc: Hlc, nowMs: number): Hlc => Math.min(hlc, latestAt(nowMs)) as Hlc

/** The last time of that millisecond: what is not later than it was said by then. Nothing was said before 1970. */
export const endOfMs = (ms: number): Hlc =>
  Math.max(0, Math.min((Math.floor(ms) + 1) * COUNTERS - 1, Number.MAX_SAFE_INTEGER)) as Hlc

/** Milliseconds since 1970, the counter dropped. */
export const hlcMs = (hlc: Hlc): number => Math.floor(hlc / COUNTERS)

/** 0 … `limits.hlc_counter_max`. */
export const hlcCounter = (hlc: Hlc): number => hlc % COUNTERS

/** The clock value of a number that came from outside, or null when it is no safe non-negative integer. */
export const parseHlc = (value: unknown): Hlc | null =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? (Math.abs(value) as Hlc) : null

const later = (seen: number, nowMs: number): Hlc => {
  const next = Math.max(seen + 1, usableMs(nowMs) * COUNTERS)
  if (!Number.isSafeInteger(next))
    throw new RangeError(`hlc ${seen} has no successor: a clock beyond the year 2248 was taken in`)
  return next as Hlc
}

/** A reading beyond what this clock can hold, or NaN, counts as none; a negative one never is the maximum. */
const usableMs = (nowMs: number): number => (nowMs <= MS_MAX ? Math.floor(nowMs) : 0)
