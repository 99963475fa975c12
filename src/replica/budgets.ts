/**
 * What members have used up of what they may: for people to see who takes more than its share, and by what.
 */
import { hlcMs } from '../../crdt/hlc.ts'
import type { PeerId } from '../../crdt/ids.ts'
import type { Forks } from './forks.ts'
import type { Intake } from './intake.ts'
import type { LogIndex } from './log-index.ts'

export type MemberBudget = {
  /** Chains it began faster than its budget, which wait. */
  readonly chains_waiting: number
  /** Commits of it that wait for anything. */
  readonly commits_waiting: number
  /** Commits it brought beyond what may wait of one sender: asked for again. */
  readonly commits_dropped: number
  /** How far the time of its commits is ahead of this peer's clock, ms. */
  readonly ahead_ms: number
  readonly forked_chains: number
  /** Proofs of forks it told that prove nothing, or are about nobody who is a member. */
  readonly fork_proofs_refused: number
  /** Acks of it for what is not here, given up for later ones. */
  readonly acks_displaced: number
}

/** Of those that have any; counts since the start, what waits as it is now. */
export const budgetsOf = (
  index: LogIndex,
  intake: Pick<Intake, 'heldBack'>,
  forks: Pick<Forks, 'all' | 'refused'>,
  displacedAcks: ReadonlyMap<PeerId, number>,
  nowMs: number,
): ReadonlyMap<PeerId, MemberBudget> => {
  const aheadMs = new Map<PeerId, number>()
  for (const { peer, hlc } of index.chains.values()) {
    const ahead = hlcMs(hlc) - nowMs
    if (ahead > (aheadMs.get(peer) ?? 0)) aheadMs.set(peer, ahead)
  }
  const forked = new Map<PeerId, number>()
  for (const { peer } of forks.all()) forked.set(peer, (forked.get(peer) ?? 0) + 1)
  const held = intake.heldBack()
  const peers = new Set([
    ...aheadMs.keys(),
    ...forked.keys(),
    ...held.keys(),
    ...forks.refused().keys(),
    ...displacedAcks.keys(),
  ])
  return new Map(
    [...peers].map((peer) => {
      const { chains = 0, waiting = 0, dropped = 0 } = held.get(peer) ?? {}
      const { invalid = 0, unknown = 0 } = forks.refused().get(peer) ?? {}
      return [
        peer,
        {
          chains_waiting: chains,
          commits_waiting: waiting,
          commits_dropped: dropped,
          ahead_ms: aheadMs.get(peer) ?? 0,
          forked_chains: forked.get(peer) ?? 0,
          fork_proofs_refused: invalid + unknown,
          acks_displaced: displacedAcks.get(peer) ?? 0,
        },
      ]
    }),
  )
}

/** Of a member that keeps within what it may. */
export const WITHIN_BUDGET: MemberBudget = {
  chains_waiting: 0,
  commits_waiting: 0,
  commits_dropped: 0,
  ahead_ms: 0,
  forked_chains: 0,
  fork_proofs_refused: 0,
  acks_displaced: 0,
}
