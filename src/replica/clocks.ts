/**
 * Clocks: ours held against those of the voters, before anything is sealed. What a clock that is a year off seals would wait at
 * everybody else's for a year, and so would whatever rests on it.
 *
 * A reading is another's wall clock against our steady one, so that a step of our own clock shows at once, and a link that is lost
 * takes nothing away; it counts for `clock_reading_ms_max`. Ours is right while the middle one of all clocks, ours among them, is
 * within `clock_bound_ms`; of an even number, both in the middle. So nobody believes either of two that differ, one liar among three
 * moves nothing, and a peer that hears no voter believes itself.
 *
 * Invariant: readings decide when something is sealed and how long a commit of the future waits, never what is valid.
 */
import type { PeerId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'

/** `peer`'s wall clock read `theirMs`, `agoMs` ago, give or take `errorMs`. */
export type ClockReading = {
  readonly peer: PeerId
  readonly theirMs: number
  readonly agoMs: number
  readonly errorMs: number
}

export type ClockStanding = {
  /** Nothing may be sealed. */
  readonly isOff: boolean
  /** What ours is ahead of the middle one, ms; below zero: behind. */
  readonly aheadMs: number
  /** It is ours that is wrong. False, while off: too few clocks agree to tell which is. */
  readonly isOurs: boolean
  /** To be added to our clock for the time that the voters agree on; 0 where they do not, or are not three. */
  readonly correctionMs: number
  /** Whose clocks were looked at. */
  readonly against: readonly PeerId[]
}

export type Clocks = {
  heard(reading: ClockReading): void
  /** Links are about to be dialed. */
  started(): void
  standing(nowMs: number): ClockStanding
  /** Just started, and the clocks heard so far decide nothing: whoever would seal waits, for `reach_start_ms` at most. */
  isUndecided(nowMs: number): boolean
  /** Other voters whose clocks are off, where enough agree to tell; ms ahead of the middle one. */
  others(nowMs: number): readonly { readonly peer: PeerId; readonly aheadMs: number }[]
  /** Whether `peer`'s clock, or ours, is to be looked at again soon. */
  isDoubted(peer: PeerId, nowMs: number): boolean
}

/** @param steady ms that have passed since some moment; never goes back. */
export const createClocks = (self: PeerId, voters: () => ReadonlySet<PeerId>, steady: () => number): Clocks => {
  /** By whom: its clock less our steady one. */
  const readings = new Map<
    PeerId,
    { readonly aheadOfSteadyMs: number; readonly errorMs: number; readonly atMs: number }
  >()
  let graceEndsMs = Number.NEGATIVE_INFINITY
  let wasOff = false

  const known = (nowMs: number): readonly Offset[] => {
    const now = steady()
    const offsets: Offset[] = [{ peer: self, ms: 0, errorMs: 0 }]
    for (const [peer, { aheadOfSteadyMs, errorMs, atMs }] of readings) {
      if (now - atMs > limits.clock_reading_ms_max) readings.delete(peer)
      else if (peer !== self && voters().has(peer)) offsets.push({ peer, ms: aheadOfSteadyMs + now - nowMs, errorMs })
    }
    return offsets.sort((a, b) => a.ms - b.ms)
  }
  const judge = (offsets: readonly Offset[]): ClockStanding => {
    const middle = middleOf(offsets)
    const bound = wasOff ? limits.clock_back_ms : limits.clock_bound_ms
    wasOff = middle.some((offset) => isBeyond(offset, 0, bound))
    const furthest = middle.reduce((most, offset) => (Math.abs(offset.ms) > Math.abs(most.ms) ? offset : most))
    const isAgreed = agrees(offsets, middle)
    return {
      isOff: wasOff,
      aheadMs: 0 - furthest.ms,
      isOurs: isAgreed,
      correctionMs: isAgreed ? mean(middle) : 0,
      against: offsets.flatMap(({ peer }) => (peer === self ? [] : [peer])),
    }
  }

  return {
    heard: ({ peer, theirMs, agoMs, errorMs }) => {
      const now = steady()
      readings.set(peer, { aheadOfSteadyMs: theirMs + agoMs - now, errorMs, atMs: now })
    },
    started: () => {
      graceEndsMs = steady() + limits.reach_start_ms
    },
    standing: (nowMs) => judge(known(nowMs)),
    isUndecided: (nowMs) => {
      if (steady() >= graceEndsMs) return false
      const offsets = known(nowMs)
      const all = new Set([...voters(), self]).size
      return offsets.length < all && (2 * offsets.length <= all || judge(offsets).isOff)
    },
    others: (nowMs) => {
      const offsets = known(nowMs)
      const middle = middleOf(offsets)
      if (!agrees(offsets, middle)) return []
      return offsets.flatMap((offset) =>
        offset.peer !== self && isBeyond(offset, mean(middle), limits.clock_bound_ms)
          ? [{ peer: offset.peer, aheadMs: offset.ms - mean(middle) }]
          : [],
      )
    },
    isDoubted: (peer, nowMs) => {
      const offsets = known(nowMs)
      const own = offsets.find((offset) => offset.peer === peer)
      return own !== undefined && (judge(offsets).isOff || isBeyond(own, mean(middleOf(offsets)), limits.clock_back_ms))
    },
  }
}

/** What a clock is ahead of ours. */
type Offset = { readonly peer: PeerId; readonly ms: number; readonly errorMs: number }

/** The one in the middle, or the two. @param offsets ascending, at least one. */
const middleOf = (offsets: readonly Offset[]): readonly Offset[] =>
  offsets.slice((offsets.length - 1) >> 1, (offsets.length >> 1) + 1)
const mean = (offsets: readonly Offset[]): number =>
  Math.round(offsets.reduce((sum, { ms }) => sum + ms, 0) / offsets.length)
const isBeyond = ({ ms, errorMs }: Offset, fromMs: number, boundMs: number): boolean =>
  Math.abs(ms - fromMs) - errorMs > boundMs
/** Whether there are clocks enough for the middle to be the time: three, and those in the middle tell the same. */
const agrees = (offsets: readonly Offset[], middle: readonly Offset[]): boolean =>
  offsets.length >= 3 &&
  Math.abs(middle.at(-1)!.ms - middle[0]!.ms) <= limits.clock_bound_ms + middle[0]!.errorMs + middle.at(-1)!.errorMs
