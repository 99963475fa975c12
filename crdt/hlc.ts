/**
 * Hybrid logical clock: times that follow causality and stay close to the wall clock.
 *
 * hlc = ms since 1970 × 1024 + counter (10 bits), one safe integer until the year 2248. In this form the rules of the paper
 * (l' = max(l, pt), c counts within one l) are a single maximum, and a full counter carries into the milliseconds.
 *
 * Invariants: `tick` and `observe` answer a value strictly greater than every clock they were given, whatever the wall clock
 * says (backwards, NaN, infinite); a lying wall clock moves ours ahead at most as far as it lies.
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

/**
 * The time after having seen `remote`. Throws RangeError past the year 2248: `remote` must be admitted, which keeps it
 * within `limits.hlc_ahead_ms_max` of the wall clock.
 */
export const observe = (last: Hlc, remote: Hlc, nowMs: number): Hlc => later(Math.max(last, remote), nowMs)

/** Milliseconds since 1970, the counter dropped. */
export const hlcMs = (hlc: Hlc): number => Math.floor(hlc / COUNTERS)

/** 0 … `limits.hlc_counter_max`. */
export const hlcCounter = (hlc: Hlc): number => hlc % COUNTERS

/** The clock value of a number that came from outside, or null when it is no safe non-negative integer. */
export const parseHlc = (value: unknown): Hlc | null =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? (Math.abs(value) as Hlc) : null

const later = (seen: number, nowMs: number): Hlc => {
  const next = Math.max(seen + 1, usableMs(nowMs) * COUNTERS)
  if (!Number.isSafeInteger(next)) throw new RangeError(`hlc ${seen} has no successor: a clock beyond the year 2248 was taken in`)
  return next as Hlc
}

/** A reading beyond what this clock can hold, or NaN, counts as none; a negative one never is the maximum. */
const usableMs = (nowMs: number): number => (nowMs <= MS_MAX ? Math.floor(nowMs) : 0)
