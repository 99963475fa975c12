/**
 * What clocks mean for this peer's writes: whether it may seal now, and if not, why, in words.
 *
 * Invariant: a gate that is shut says so in the same turn, by name; nothing waits for clocks but the first moments after a start.
 */
import { hlcMs, latestAt } from '../../crdt/hlc.ts'
import type { PeerId } from '../../crdt/ids.ts'
import { clockOff, sealedAhead } from './clock-words.ts'
import { createClocks, type ClockReading, type Clocks, type ClockStanding } from './clocks.ts'
import { isLeftOut, type LogIndex } from './log-index.ts'
import type { Refusal } from './types.ts'

export type ClockGate = {
  readonly clocks: Pick<Clocks, 'standing' | 'others' | 'isDoubted'>
  /** Links are about to be dialed. */
  started(): void
  /** What a flush that begins now goes by. `agreedMs`: the time that the voters agree on. `isEarly`: too few have been heard yet. */
  at(nowMs: number): { readonly agreedMs: number; readonly isEarly: boolean; readonly off: Refusal | null }
  /** Why nothing can be sealed now; null: nothing is amiss. */
  isOff(nowMs: number): Refusal | null
  /** The same, or that our own commits were sealed in the future. */
  refusal(nowMs: number): Refusal | null
  /** True when the time that the voters agree on has moved: what waits for its time may be of another now. */
  heard(reading: ClockReading, nowMs: number): boolean
}

/** A change of the time agreed on that is more than two readings differ by. */
const CORRECTION_MS = 1_000

/** @param monotonic null where nobody tells of others' clocks: ours is believed then. */
export const createClockGate = (
  self: PeerId,
  index: LogIndex,
  voters: () => ReadonlySet<PeerId>,
  monotonic: (() => number) | null,
): ClockGate => {
  const clocks = createClocks(self, voters, monotonic ?? (() => 0))
  const nameOf = (peer: PeerId): string => index.control.members.get(peer)?.name ?? peer
  const off = (standing: ClockStanding): Refusal | null => (standing.isOff ? clockOff(standing, nameOf) : null)
  const agreed = (nowMs: number): number => nowMs + clocks.standing(nowMs).correctionMs
  const isOff = (nowMs: number): Refusal | null => off(clocks.standing(nowMs))

  return {
    clocks,
    started: () => {
      if (monotonic !== null) clocks.started()
    },
    at: (nowMs) => {
      const standing = clocks.standing(nowMs)
      return { agreedMs: nowMs + standing.correctionMs, isEarly: clocks.isUndecided(nowMs), off: off(standing) }
    },
    isOff,
    refusal: (nowMs) => {
      const refused = isOff(nowMs)
      if (refused !== null) return refused
      const agreedMs = agreed(nowMs)
      let latestMs = 0
      for (const { id, peer, seq, hlc } of index.chains.values())
        if (peer === self && hlc >= latestAt(agreedMs) && !isLeftOut(index, id, seq))
          latestMs = Math.max(latestMs, hlcMs(hlc))
      return latestMs === 0 ? null : sealedAhead(latestMs - agreedMs)
    },
    heard: (reading, nowMs) => {
      const before = agreed(nowMs)
      clocks.heard(reading)
      return Math.abs(agreed(nowMs) - before) > CORRECTION_MS
    },
  }
}
