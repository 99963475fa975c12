/**
 * What others bring, sorted by what it is for: texts that came without or behind their commit, commits that heal a damaged place,
 * and commits for the intake.
 *
 * Invariants: only texts that match their ref are kept; at most `want_commits_max` commits wait to heal.
 */
import type { Body } from '../../crdt/body.ts'
import { decodeCommit } from '../../crdt/commit.ts'
import type { ChainId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { Parcel } from '../../transports/host.ts'
import { isSound } from './forms.ts'
import { placeKey, type LogIndex } from './log-index.ts'

export type Incoming = {
  /** Answers what is left for the intake. */
  sort(parcels: readonly Parcel[]): readonly Parcel[]
  bodies(bodies: readonly Body[]): void
  takeBodies(countMax: number): readonly Body[]
  takeHealing(countMax: number): readonly Parcel[]
  waitingBodies(): number
}

/** @param lastOf the last seq of a chain that is here or on its way to the disk. */
export const createIncoming = (index: LogIndex, lastOf: (chain: ChainId) => number): Incoming => {
  const loose: Body[] = []
  const healing: Parcel[] = []
  return {
    sort: (parcels) => {
      const fresh: Parcel[] = []
      for (const given of parcels) {
        const parcel = { ...given, bodies: given.bodies.filter(isSound) }
        const hole = index.holes.get(placeKey(parcel.chain, parcel.seq))
        const decoded = hole && decodeCommit(parcel.bytes, () => index.reads)
        // A commit may have come before without its texts, from somebody careless: they are taken from whoever brings them.
        if (parcel.bodies.length > 0 && parcel.seq <= lastOf(parcel.chain))
          for (const body of parcel.bodies) loose.push(body)
        if (hole === undefined) fresh.push(parcel)
        else if (
          decoded?.ok &&
          decoded.commit.hash === hole.hash &&
          decoded.commit.chain === hole.chain &&
          healing.length < limits.want_commits_max
        )
          healing.push(parcel)
      }
      return fresh
    },
    bodies: (bodies) => {
      for (const body of bodies.filter(isSound).slice(0, limits.want_bodies_max)) loose.push(body)
    },
    takeBodies: (countMax) => loose.splice(0, countMax),
    // Brought twice, it may have been healed by the flush before.
    takeHealing: (countMax) =>
      healing.splice(0, countMax).filter(({ chain, seq }) => index.holes.has(placeKey(chain, seq))),
    waitingBodies: () => loose.length,
  }
}
